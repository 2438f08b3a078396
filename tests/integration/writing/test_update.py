"""Updating on the real graph: the former state stays readable, and only what changed changes."""

from __future__ import annotations

from uuid import uuid4

import pytest

from kg.errors import InvalidInput, NotFound
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, lives_in, prefers, states


async def test_the_former_state_stays_as_a_version(user: User):
    user.clock.at("2024-01")
    first = await user.add("We use Redis", states("uses Redis", "USES", "shop", "Redis"), metadata={"v": 1})
    user.clock.at("2024-02")
    answer = await user.update(first.id, states("uses Kafka", "USES", "shop", "Kafka"), text="We use Kafka")
    assert (answer["event"], [fact["fact"] for fact in answer["facts_expired"]]) == ("UPDATE", ["uses Redis"])
    memory = await user.get(first.id)
    assert (memory["memory"], memory["metadata"]) == ("We use Kafka", {"v": 1})
    assert (memory["created_at"], memory["updated_at"]) == ("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")
    version = memory["versions"][0]
    assert (version["memory"], version["from"], version["until"]) == (
        "We use Redis", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z",
    )  # fmt: skip
    assert [fact["fact"] for fact in version["facts"]] == ["uses Redis"]
    assert await user.statements("shop") == {"uses Kafka"}
    assert await user.statements("shop", known_at="2024-01-15") == {"uses Redis"}
    then = (await user.search("which queue do we use", known_at="2024-01-15"))["results"]
    assert [hit["memory"] for hit in then] == ["We use Redis"]
    await whole_graph_invariants(user.parts, user.id)


async def test_new_metadata_alone_keeps_text_facts_and_mentions(user: User):
    first = await user.add("Redis is slow", states("Redis is slow", "HAS_STATUS", "Redis", "slow"), metadata={"v": 1})
    answer = await user.update(first.id, metadata={"v": 2})
    assert answer["event"] == "UPDATE" and "facts_expired" not in answer
    memory = await user.get(first.id)
    assert memory["metadata"] == {"v": 2} and memory["versions"][0]["metadata"] == {"v": 1}
    assert [fact["id"] for fact in memory["facts"]] == [first.fact]
    named = "MATCH (:Memory {user_id: $user_id})-[:NAMES]->(a) RETURN a.key AS key"
    assert await user.raw(named) == [{"key": "redis"}]
    await whole_graph_invariants(user.parts, user.id)


async def test_new_facts_alone_keep_what_the_text_names(user: User):
    await user.add("other", states("Ada uses vim", "USES", "Ada", "vim"))
    first = await user.add("Ada and Redis", states("Redis is slow", "HAS_STATUS", "Redis", "slow"))
    await user.update(first.id, states("Redis is fast", "HAS_STATUS", "Redis", "fast"))
    named = "MATCH (:Memory {uuid: $uuid})-[:NAMES]->(a) RETURN a.key AS key ORDER BY key"
    assert await user.raw(named, uuid=first.id) == [{"key": "ada"}, {"key": "redis"}]
    assert await user.objects("Redis") == {"fast"}
    await whole_graph_invariants(user.parts, user.id)


async def test_an_update_that_changes_nothing_leaves_no_version(user: User):
    first = await user.add("same", metadata={"v": 1})
    for arguments in ({"text": "same"}, {"metadata": {"v": 1}}, {"text": "same", "metadata": {"v": 1}}):
        assert (await user.update(first.id, **arguments))["event"] == "NONE"
    assert "versions" not in await user.get(first.id)


async def test_a_repeated_update_is_done_once(user: User):
    first = await user.add("one", prefers("tabs"))
    answer = await user.update(first.id, prefers("spaces"), text="two", key="k")
    again = await user.update(first.id, prefers("spaces"), text="two", key="k")
    assert {**again, "indexed": None} == {**answer, "indexed": None}
    assert len((await user.get(first.id))["versions"]) == 1
    await whole_graph_invariants(user.parts, user.id)


async def test_an_updated_value_moves_its_neighbours_in_time(user: User):
    await user.add("Paris", lives_in("Paris", "2020"))
    berlin = await user.add("Berlin", lives_in("Berlin", "2021"))
    await user.update(berlin.id, lives_in("Berlin", "2022"), text="Berlin, a year later than I said")
    assert await user.objects("user", as_of="2021-06") == {"Paris"}
    assert (await user.entity("user", as_of="2021-06"))["facts"][0]["invalid_at"] == "2022-01-01T00:00:00Z"
    await whole_graph_invariants(user.parts, user.id)


async def test_a_new_date_of_the_replacing_fact_moves_the_end_of_the_replaced_one(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    new = await user.add("spaces", prefers("spaces", "2021", supersedes=[old.fact]))
    await user.update(new.id, prefers("spaces", "2023"), text="spaces, but since 2023")
    assert await user.objects("user", as_of="2022") == {"tabs"}
    assert await user.objects("user", as_of="2023-06") == {"spaces"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_claim_said_twice_in_one_update_is_one_fact(user: User):
    first = await user.add("one")
    answer = await user.update(first.id, prefers("tabs"), prefers("Tabs"), text="tabs, tabs")
    assert len(answer["facts"]) == 1
    assert await user.raw("MATCH (:Entity {user_id: $user_id})-[r:PREFERS]->() RETURN r.facts AS n") == [{"n": 1}]


async def test_an_update_that_corrects_its_correction_stands(user: User):
    wrong = await user.add("timing", prefers("tabs", "2020"))
    other = await user.add("leak", prefers("spaces", "2020", supersedes=[wrong.fact], how="corrected"))
    user.clock.tick()
    answer = await user.update(
        wrong.id, prefers("tabs", "2020", supersedes=[other.fact], how="corrected"), text="timing after all"
    )
    assert await user.objects("user") == {"tabs"}
    assert any("stands again" in text for text in answer["warnings"])
    await whole_graph_invariants(user.parts, user.id)


async def test_i_in_an_updated_message_is_still_its_speaker(user: User):
    answer = await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "name": "Ada", "content": "I like tea"}], run_id="r"
    )
    uuid = answer["results"][0]["id"]
    await user.update(uuid, states("Ada prefers coffee", "PREFERS", "I", "coffee"), text="I like coffee")
    assert await user.objects("Ada") == {"coffee"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_display_name_stays_while_a_version_says_it(user: User):
    first = await user.add("uses ReDiS", states("uses ReDiS", "USES", "shop", "ReDiS"))
    await user.update(first.id, text="uses nothing")
    assert (await user.entity("redis"))["name"] == "ReDiS"
    assert await user.statements("redis") == set()
    await whole_graph_invariants(user.parts, user.id)


async def test_nothing_but_ones_own_memory_can_be_updated(user: User):
    mine = await user.add("mine", prefers("tabs"))
    stranger = User(user.parts, user.memory, user.clock)
    with pytest.raises(NotFound):
        await stranger.update(mine.id, text="taken")
    with pytest.raises(NotFound):
        await user.update(str(uuid4()), text="x")
    with pytest.raises(InvalidInput):
        await user.update(mine.id)
    with pytest.raises(InvalidInput):
        await user.update("no uuid", text="x")
    theirs = await stranger.add("theirs", prefers("spaces", supersedes=[mine.fact]))
    assert any("nothing was superseded" in warning for warning in theirs["warnings"])
    assert (await user.get(mine.id))["memory"] == "mine"
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)
    await whole_graph_invariants(user.parts, stranger.id)


async def test_metadata_is_merged_and_null_removes_a_key(user: User):
    added = await user.add("Pinned terraform.", metadata={"team": "infra", "ticket": "T-1", "old": {"a": 1}})
    await user.update(added.id, metadata={"ticket": "T-2", "old": None, "never": None})
    assert (await user.get(added.id))["metadata"] == {"team": "infra", "ticket": "T-2"}
    assert (await user.update(added.id, metadata={"gone": None}))["event"] == "NONE"
