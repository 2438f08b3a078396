"""Histories that must come out right by docs/architecture.md ("Time"), through the operations on the real Neo4j."""

from __future__ import annotations

import re

import pytest

from kg.errors import Conflict, NotFound
from kg.operations.decisions import Decisions, Undone
from kg.values import RequestKey
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, lives_in, prefers, states


async def test_a_corroborated_fact_outlives_its_first_memory(user: User):
    first = await user.add("We use Postgres", states("uses Postgres", "USES", "shop", "Postgres"))
    user.clock.tick()
    await user.add("As ever: Postgres", states("still uses Postgres", "USES", "shop", "Postgres"))
    drawn = "MATCH (:Entity {user_id: $user_id})-[r:USES]->() RETURN r.facts AS facts, r.statement AS statement"
    assert await user.raw(drawn) == [{"facts": 2, "statement": "still uses Postgres"}]
    await user.delete(first.id)
    assert await user.statements("shop") == {"still uses Postgres"}
    assert await user.raw(drawn) == [{"facts": 1, "statement": "still uses Postgres"}]
    await whole_graph_invariants(user.parts, user.id)


async def test_deleting_the_later_value_gives_back_the_stated_end_of_the_earlier(user: User):
    await user.add("Paris until 2023", lives_in("Paris", "2020", invalid_at="2023"))
    later = await user.add("Berlin", lives_in("Berlin", "2022"))
    assert await user.objects("user", as_of="2022-06") == {"Berlin"}
    await user.delete(later.id)
    assert await user.objects("user", as_of="2022-06") == {"Paris"}
    assert await user.objects("user", as_of="2023-06") == set()
    paris = (await user.entity("user", as_of="2022-06"))["facts"][0]
    assert paris["invalid_at"] == "2023-01-01T00:00:00Z"
    await whole_graph_invariants(user.parts, user.id)


async def test_deleting_the_later_value_opens_the_earlier_one_that_had_no_end(user: User):
    first = await user.add("Paris", lives_in("Paris", "2020"))
    later = await user.add("Berlin", lives_in("Berlin", "2022"))
    assert (await user.get(first.id))["facts"][0]["invalid_at"] == "2022-01-01T00:00:00Z"
    await user.delete(later.id)
    assert "invalid_at" not in (await user.get(first.id))["facts"][0]
    assert await user.objects("user") == {"Paris"}
    await whole_graph_invariants(user.parts, user.id)


async def test_what_was_known_before_the_news_is_what_was_believed(user: User):
    user.clock.at("2024-01")
    await user.add("Paris", lives_in("Paris", "2020"))
    user.clock.at("2024-03")
    await user.add("Berlin, since 2022 in fact", lives_in("Berlin", "2022"))
    assert await user.objects("user", as_of="2023", known_at="2024-02") == {"Paris"}
    assert await user.objects("user", as_of="2023", known_at="2024-03") == {"Berlin"}
    assert await user.objects("user", known_at="2024-02") == {"Paris"}
    assert await user.objects("user", known_at="2023-12") == set()
    await user.indexer.drain()  # no word of the question is in the note
    found = await user.search("where do I live", known_at="2024-02")
    assert [hit["memory"] for hit in found["results"]] == ["Paris"]
    assert [fact["fact"] for fact in found["results"][0]["facts"]] == ["lives in Paris"]
    assert "superseded" not in found["results"][0]
    await whole_graph_invariants(user.parts, user.id)


async def test_a_chain_whose_middle_goes_with_its_entity_ends_at_the_next(user: User):
    first = await user.add("A", prefers("tabs", "2020"))
    middle = await user.add("B", prefers("spaces", "2021", supersedes=[first.fact]))
    await user.add("C", prefers("gofmt", "2022", supersedes=[middle.fact]))
    await user.memory.delete_entities(user.session(), name="spaces")
    assert await user.objects("user") == {"gofmt"}
    assert await user.objects("user", as_of="2021-06") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


@pytest.mark.parametrize("reworded", ["old", "new", "both"])
async def test_taking_a_decision_back_after_a_rewording_revives_what_it_had_ended(user: User, reworded: str):
    old = await user.add("tabs", prefers("tabs", "2020"))
    new = await user.add("spaces", prefers("spaces", "2022", supersedes=[old.fact]))
    user.clock.tick()
    if reworded != "new":
        old = await user.update(old.id, prefers("tabs", "2020"), text="I preferred tabs")
    if reworded != "old":
        await user.update(new.id, prefers("spaces", "2022"), text="spaces, rather")
    assert await user.objects("user") == {"spaces"}
    decisions = Decisions(user.parts.store, user.clock)
    found = await decisions.conflicts(user.id, project=None, limit=5)
    user.clock.tick()
    undone = await decisions.undo(user.id, RequestKey("u"), found["decided"][0]["id"])
    assert (undone.fact, undone.stands) == (old.fact, True)
    assert await user.objects("user") == {"tabs", "spaces"}
    await whole_graph_invariants(user.parts, user.id)


async def test_single_valued_chain_with_its_middle_deleted_ends_at_the_next(user: User):
    await user.add("A", lives_in("Paris", "2020"))
    middle = await user.add("B", lives_in("Berlin", "2021"))
    await user.add("C", lives_in("Rome", "2022"))
    await user.delete(middle.id)
    assert await user.objects("user", as_of="2021-06") == {"Paris"}
    assert await user.objects("user", as_of="2022-06") == {"Rome"}
    paris = (await user.entity("user", as_of="2021-06"))["facts"][0]
    assert paris["invalid_at"] == "2022-01-01T00:00:00Z"
    await whole_graph_invariants(user.parts, user.id)


async def test_decided_chain_with_its_middle_deleted_ends_at_the_next(user: User):
    first = await user.add("A", prefers("tabs", "2020"))
    middle = await user.add("B", prefers("spaces", "2021", supersedes=[first.fact]))
    last = await user.add("C", prefers("gofmt", "2022", supersedes=[middle.fact], reason="unlike SPACESMARK"))
    await user.delete(middle.id)
    assert await user.objects("user") == {"gofmt"}
    assert await user.objects("user", as_of="2021-06") == {"tabs"}
    tabs = (await user.get(first.id))["facts"][0]
    assert tabs["invalid_at"] == "2022-01-01T00:00:00Z"
    assert tabs["replaced_by"] == [{"id": last.fact, "fact": "prefers gofmt", "how": "superseded"}]
    left = await user.raw(
        """MATCH (n {user_id: $user_id}) OPTIONAL MATCH (n)-[r]-()
        RETURN properties(n) AS node, collect(properties(r)) AS edges"""
    )
    assert "SPACESMARK" not in str(left), "the reason of the decision that is left may quote what was deleted"
    await whole_graph_invariants(user.parts, user.id)


async def test_decided_chain_with_its_reworded_middle_deleted_ends_at_the_next(user: User):
    first = await user.add("A", prefers("tabs", "2020"))
    middle = await user.add("B", prefers("spaces", "2021", supersedes=[first.fact]))
    user.clock.at("2024-02")
    reworded = await user.update(middle.id, prefers("spaces", "2021"), text="B, in other words")
    await user.add("C", prefers("gofmt", "2022", supersedes=[reworded.fact]))
    await user.delete(middle.id)
    assert await user.objects("user") == {"gofmt"}
    assert await user.objects("user", as_of="2021-06") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_middle_that_was_taken_back_ends_nothing_when_it_is_deleted(user: User):
    first = await user.add("A", prefers("tabs", "2020"))
    middle = await user.add("B", prefers("spaces", "2021", supersedes=[first.fact]))
    await user.add("C", prefers("gofmt", "2022", supersedes=[middle.fact]))
    await user.update(middle.id, text="B, of no opinion")
    assert await user.objects("user") == {"tabs", "gofmt"}
    await user.delete(middle.id)
    assert await user.objects("user") == {"tabs", "gofmt"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_replaced_note_that_begins_anew_is_current_again(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    new = await user.add("spaces", prefers("spaces", "2021", supersedes=[old.fact]))
    await user.update(old.id, prefers("tabs", "2022", supersedes=[new.fact]), text="tabs again")
    assert await user.objects("user") == {"tabs"}
    assert await user.objects("user", as_of="2021-06") == {"spaces"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_chain_whose_middle_facts_go_together_ends_at_what_is_left(user: User):
    first = await user.add("A", prefers("tabs", "2020"))
    second = await user.add("B", prefers("spaces", "2021", supersedes=[first.fact]), agent_id="doomed")
    third = await user.add("C", prefers("two spaces", "2022", supersedes=[second.fact]), agent_id="doomed")
    await user.add("D", prefers("gofmt", "2023", supersedes=[third.fact]))
    await user.memory.delete_all_memories(user.session(), agent_id="doomed")
    assert await user.objects("user") == {"gofmt"}
    assert await user.objects("user", as_of="2022-06") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_late_arrival_takes_its_place_in_the_middle(user: User):
    await user.add("A", lives_in("Paris", "2020"))
    await user.add("C", lives_in("Rome", "2022"))
    user.clock.at("2024-03")
    await user.add("B, told late", lives_in("Berlin", "2021"))
    assert await user.objects("user") == {"Rome"}
    assert await user.objects("user", as_of="2020-06") == {"Paris"}
    assert await user.objects("user", as_of="2021-06") == {"Berlin"}
    assert await user.objects("user", as_of="2021-06", known_at="2024-02") == {"Paris"}
    await whole_graph_invariants(user.parts, user.id)


@pytest.mark.parametrize("values", [3, 5])
async def test_of_a_value_that_is_corrected_again_and_again_only_the_last_is_current(user: User, values: int):
    seconds = ["30", "45", "60", "90", "120"][:values]
    said: list[str] = []
    for number in seconds:
        user.clock.tick()
        fact = states(f"times out after {number} s", "TIMES_OUT_AFTER", "gateway", f"{number} seconds")
        answer = await user.add(f"no, {number} s", fact | {"supersedes": said[-1:], "how": "corrected"})
        assert [ended["id"] for ended in answer.get("ended", [])] == said[-1:]
        said.append(answer.fact)
    assert await user.statements("gateway") == {f"times out after {seconds[-1]} s"}
    await whole_graph_invariants(user.parts, user.id)


async def test_what_a_fact_had_superseded_stays_ended_when_that_fact_is_corrected(user: User):
    rabbit = await user.add("RabbitMQ", states("runs on RabbitMQ", "RUNS_ON", "queue", "RabbitMQ", valid_at="2020"))
    moved = states("runs on NATS", "RUNS_ON", "queue", "NATS", valid_at="2022", supersedes=[rabbit.fact])
    nats = await user.add("moved to NATS", moved)
    user.clock.tick()
    kafka = states("runs on Kafka", "RUNS_ON", "queue", "Kafka", valid_at="2022", supersedes=[nats.fact])
    answer = await user.add("never NATS, it is Kafka", kafka | {"how": "corrected"})
    assert [ended["id"] for ended in answer["ended"]] == [nats.fact]
    assert await user.objects("queue") == {"Kafka"}
    assert await user.objects("queue", as_of="2021") == {"RabbitMQ"}
    await whole_graph_invariants(user.parts, user.id)


async def test_deleting_a_correction_gives_back_what_it_had_called_wrong(user: User):
    one = await user.add("one", states("is one", "COUNTS", "box", "one"))
    two = await user.add("two", states("is two", "COUNTS", "box", "two", supersedes=[one.fact], how="corrected"))
    await user.add("three", states("is three", "COUNTS", "box", "three", supersedes=[two.fact], how="corrected"))
    assert await user.statements("box") == {"is three"}
    await user.delete(two.id)
    assert await user.statements("box") == {"is three", "is one"}
    await whole_graph_invariants(user.parts, user.id)


async def test_correcting_a_replacement_by_what_it_had_replaced_brings_that_back(user: User):
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    spaces = await user.add("spaces", prefers("spaces", "2022", supersedes=[tabs.fact]))
    assert await user.objects("user") == {"spaces"}
    user.clock.tick()
    await user.add("tabs", prefers("tabs", "2020", supersedes=[spaces.fact], how="corrected"))
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_corrected_fact_was_believed_before_and_never_true(user: User):
    user.clock.at("2024-01")
    wrong = await user.add("The cause is async timing", states("caused by timing", "CAUSED_BY", "flakes", "timing"))
    user.clock.at("2024-03")
    right = await user.add(
        "No: state leakage",
        states("caused by leakage", "CAUSED_BY", "flakes", "leakage", supersedes=[wrong.fact], how="corrected"),
    )
    assert await user.statements("flakes") == {"caused by leakage"}
    assert await user.statements("flakes", as_of="2024-02") == set()
    assert await user.statements("flakes", as_of="2024-02", known_at="2024-02") == {"caused by timing"}
    assert await user.statements("flakes", as_of="2024-02", known_at="2024-03") == set()
    found = await user.search("what caused the flakes", known_at="2024-02")
    assert [fact["fact"] for hit in found["results"] for fact in hit["facts"]] == ["caused by timing"]
    replaced = (await user.get(wrong.id))["facts"][0]["replaced_by"]
    assert [(row["id"], row["how"]) for row in replaced] == [(right.fact, "corrected")]
    await user.delete(right.id)
    assert await user.statements("flakes") == {"caused by timing"}
    await whole_graph_invariants(user.parts, user.id)


async def test_rewording_the_superseding_note_does_not_revive_what_it_replaced(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    new = await user.add("spaces now", prefers("spaces", "2022", supersedes=[old.fact], reason="the linter"))
    user.clock.at("2024-03")
    await user.update(new.id, prefers("spaces", "2022"), text="spaces, since 2022")
    assert await user.objects("user") == {"spaces"}
    assert await user.objects("user", known_at="2024-02", as_of="2023") == {"spaces"}
    replaced = (await user.get(old.id))["facts"][0]["replaced_by"]
    assert [row["reason"] for row in replaced] == ["the linter"]
    await whole_graph_invariants(user.parts, user.id)
    user.clock.at("2024-04")
    await user.update(new.id, text="I have no preference")
    assert await user.objects("user") == {"tabs"}
    assert await user.objects("user", known_at="2024-03") == {"spaces"}
    await whole_graph_invariants(user.parts, user.id)


async def test_rewording_the_replaced_note_does_not_revive_it(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    await user.add("spaces now", prefers("spaces", "2022", supersedes=[old.fact]))
    user.clock.at("2024-03")
    reworded = await user.update(old.id, prefers("tabs", "2020"), text="I preferred tabs")
    assert await user.objects("user") == {"spaces"}
    assert await user.objects("user", as_of="2021") == {"tabs"}
    assert reworded["facts"][0]["invalid_at"] == "2022-01-01T00:00:00Z"
    assert "facts_expired" not in reworded
    await whole_graph_invariants(user.parts, user.id)


async def test_rewording_both_sides_in_turn_keeps_the_decision(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    new = await user.add("spaces now", prefers("spaces", "2022", supersedes=[old.fact]))
    for i in range(3):
        user.clock.tick()
        await user.update(old.id, prefers("tabs", "2020"), text=f"tabs {i}")
        user.clock.tick()
        await user.update(new.id, prefers("spaces", "2022"), text=f"spaces {i}")
    assert await user.objects("user") == {"spaces"}
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(new.id)
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_merge_delete_undo(user: User):
    user.clock.at("2024-01")
    bob = await user.add("Bob lives in Paris", states("Bob lives in Paris", "LIVES_IN", "Bob", "Paris"))
    robert = await user.add(
        "Robert lives in Rome", states("Robert lives in Rome", "LIVES_IN", "Robert", "Rome", valid_at="2024-02")
    )
    user.clock.at("2024-03")
    ids = {name: (await user.entity(name))["id"] for name in ("Bob", "Robert")}
    moved = await user.merges.merge(user.id, RequestKey("m"), ids["Bob"], ids["Robert"], "one person")
    assert (moved.target, moved.names, moved.facts) == (ids["Robert"], 1, 1)
    assert (await user.entity("Bob"))["id"] == (await user.entity(ids["Bob"]))["id"] == ids["Robert"]
    assert await user.objects("Bob") == {"Rome"}
    assert await user.objects("Robert", as_of="2024-01-15") == {"Paris"}
    await whole_graph_invariants(user.parts, user.id)

    since = await user.add("Bob moved", states("Bob lives in Oslo", "LIVES_IN", "Bob", "Oslo"))
    assert await user.objects("Robert") == {"Oslo"}
    await user.delete(robert.id)
    assert await user.objects("Bob", as_of="2024-02-15") == {"Paris"}
    assert (await user.entity("Bob"))["id"] == ids["Robert"]
    await whole_graph_invariants(user.parts, user.id)

    undone = await user.merges.undo(user.id, RequestKey("u"), ids["Bob"])
    assert (undone.target, undone.names, undone.facts) == (ids["Robert"], 1, 2)
    assert (await user.entity("Bob"))["id"] == ids["Bob"]
    assert await user.objects("Bob") == {"Oslo"}
    assert await user.objects("Bob", as_of="2024-02-15") == {"Paris"}
    with pytest.raises(NotFound):
        await user.entity("Robert")
    await whole_graph_invariants(user.parts, user.id)
    for memory in (bob, since):
        await user.delete(memory.id)
    await whole_graph_invariants(user.parts, user.id)
    assert await user.raw("MATCH (n:Entity {user_id: $user_id}) RETURN n.name") == []


async def test_undoing_a_merge_separates_what_both_sides_of_a_fact_say(user: User):
    await user.add("notes", states("Bob knows Robert", "KNOWS", "Bob", "Robert"))
    ids = {name: (await user.entity(name))["id"] for name in ("Bob", "Robert")}
    await user.merges.merge(user.id, RequestKey("m"), ids["Bob"], ids["Robert"], "guess")
    assert (await user.entity("Bob"))["id"] == (await user.entity("Robert"))["id"] == ids["Robert"]
    await whole_graph_invariants(user.parts, user.id)
    await user.merges.undo(user.id, RequestKey("u"), ids["Bob"])
    fact = (await user.entity("Bob", direction="out"))["facts"][0]
    assert (fact["subject"], fact["object"]) == ("Bob", "Robert")
    await whole_graph_invariants(user.parts, user.id)


async def test_merges_of_merges_are_undone_in_any_order(user: User):
    for name in ("Bob", "Robert", "Bobby"):
        await user.add(f"about {name}", states(f"{name} uses vim", "USES", name, "vim"))
    ids = {name: (await user.entity(name))["id"] for name in ("Bob", "Robert", "Bobby")}
    await user.merges.merge(user.id, RequestKey("1"), ids["Bob"], ids["Robert"], "")
    await user.merges.merge(user.id, RequestKey("2"), ids["Robert"], ids["Bobby"], "")
    assert (await user.entity(ids["Bob"]))["id"] == ids["Bobby"]
    with pytest.raises(Conflict):
        await user.merges.merge(user.id, RequestKey("3"), ids["Bob"], ids["Bobby"], "")
    with pytest.raises(Conflict):
        await user.merges.merge(user.id, RequestKey("4"), ids["Bobby"], ids["Bob"], "")
    await whole_graph_invariants(user.parts, user.id)
    await user.merges.undo(user.id, RequestKey("5"), ids["Bob"])
    assert await user.statements("Bob") == {"Bob uses vim"}
    assert await user.statements("Bobby") == {"Bobby uses vim", "Robert uses vim"}
    await whole_graph_invariants(user.parts, user.id)
    await user.merges.undo(user.id, RequestKey("6"), ids["Robert"])
    for name, uuid in ids.items():
        page = await user.entity(name)
        assert (page["id"], page["name"]) == (uuid, name)
        assert [fact["fact"] for fact in page["facts"]] == [f"{name} uses vim"]
    await whole_graph_invariants(user.parts, user.id)
    with pytest.raises(NotFound):
        await user.merges.undo(user.id, RequestKey("7"), ids["Robert"])


async def test_nothing_of_a_deleted_text_survives_in_a_merged_entity(user: User):
    secret = await user.add("secret", states("Zanzibar is secret", "USES", "Zanzibar", "vim"))
    await user.add("public", states("Harmless is public", "USES", "Harmless", "vim"))
    ids = {name: (await user.entity(name))["id"] for name in ("Zanzibar", "Harmless")}
    await user.merges.merge(user.id, RequestKey("m"), ids["Zanzibar"], ids["Harmless"], "same")
    await user.delete(secret.id)
    await whole_graph_invariants(user.parts, user.id)
    left = await user.raw("MATCH (n {user_id: $user_id}) OPTIONAL MATCH (n)-[r]-() RETURN n {.*}, r {.*}")
    assert not re.findall("zanzibar", str(left).casefold())
    with pytest.raises(NotFound):
        await user.merges.undo(user.id, RequestKey("u"), ids["Zanzibar"])


async def test_a_repeated_merge_answers_the_first_result(user: User):
    for name in ("Bob", "Robert"):
        await user.add(f"about {name}", states(f"{name} uses vim", "USES", name, "vim"))
    ids = {name: (await user.entity(name))["id"] for name in ("Bob", "Robert")}
    first = await user.merges.merge(user.id, RequestKey("m"), ids["Bob"], ids["Robert"], "")
    assert await user.merges.merge(user.id, RequestKey("m"), ids["Bob"], ids["Robert"], "") == first
    undone = await user.merges.undo(user.id, RequestKey("u"), ids["Bob"])
    assert await user.merges.undo(user.id, RequestKey("u"), ids["Bob"]) == undone
    stranger = User(user.parts, user.memory, user.clock)
    with pytest.raises(NotFound):
        await stranger.merges.merge(stranger.id, RequestKey("x"), ids["Bob"], ids["Robert"], "")


async def test_paris_berlin_paris(user: User):
    await user.add("Paris", lives_in("Paris", "2020"))
    berlin = await user.add("Berlin", lives_in("Berlin", "2021"))
    await user.add("Paris again", lives_in("Paris", "2022"))
    for day, place in (("2020-06", "Paris"), ("2021-06", "Berlin"), ("2022-06", "Paris"), ("2023-06", "Paris")):
        assert await user.objects("user", as_of=day) == {place}
    assert len((await user.entity("user", as_of="2022-06"))["facts"]) == 1
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(berlin.id)
    assert await user.objects("user", as_of="2021-06") == {"Paris"}
    assert len((await user.entity("user"))["facts"]) == 2
    await whole_graph_invariants(user.parts, user.id)


async def test_a_move_planned_for_2030(user: User):
    user.clock.at("2024-01")
    await user.add("Paris", lives_in("Paris", "2020"))
    plan = await user.add("Tokyo from 2030 on", lives_in("Tokyo", "2030"))
    assert await user.objects("user") == {"Paris"}
    assert await user.objects("user", as_of="2031") == {"Tokyo"}
    hit = next(hit for hit in (await user.search("Tokyo"))["results"] if hit["id"] == plan.id)
    assert [fact["fact"] for fact in hit["planned"]] == ["lives in Tokyo"]
    assert "facts" not in hit
    drawn = await user.raw(
        "MATCH (:Entity {user_id: $user_id})-[r:LIVES_IN]->(p) RETURN p.name AS place ORDER BY r.valid_at"
    )
    assert [row["place"] for row in drawn] == ["Paris", "Tokyo"]
    await whole_graph_invariants(user.parts, user.id)
    user.clock.at("2031")
    assert await user.objects("user") == {"Tokyo"}
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(plan.id)
    assert await user.objects("user") == {"Paris"}
    await whole_graph_invariants(user.parts, user.id)


async def test_what_replaced_a_fact_is_told_as_it_was_known(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    user.clock.at("2024-03")
    new = await user.add("spaces now", prefers("spaces", "2022", supersedes=[old.fact], reason="the linter"))
    user.clock.at("2024-05")
    reworded = await user.update(new.id, prefers("spaces", "2022"), text="spaces, since 2022")
    user.clock.at("2024-07")
    decisions = Decisions(user.parts.store, user.clock)
    decided = (await decisions.conflicts(user.id, project=None, limit=5))["decided"]
    await decisions.undo(user.id, RequestKey("u"), decided[0]["id"])

    async def replaced_by(known_at: str | None) -> list[str]:
        page = await user.entity("tabs", include_superseded=True, known_at=known_at)
        told = page["facts"][0].get("replaced_by", [])
        hits = (await user.search("tabs", known_at=known_at))["results"]
        hit = next(hit for hit in hits if hit["id"] == old.id)
        (fact,) = hit.get("facts", []) + hit.get("superseded", [])
        assert fact.get("replaced_by", []) == told
        assert all((row["fact"], row["reason"]) == ("prefers spaces", "the linter") for row in told)
        return [row["id"] for row in told]

    known = {month: await replaced_by(month) for month in ("2024-02", "2024-04", "2024-06", "2024-07")}
    assert known == {"2024-02": [], "2024-04": [new.fact], "2024-06": [reworded.fact], "2024-07": []}
    assert await replaced_by(None) == []


@pytest.mark.parametrize("order", [("Rome", "Paris"), ("Paris", "Rome")])
async def test_homes_of_which_only_the_end_is_known_follow_one_another(user: User, order: tuple[str, str]):
    until = {"Rome": "2022", "Paris": "2019"}
    for place in order:
        await user.add(f"{place} until {until[place]}", lives_in(place, invalid_at=until[place]))
    for day, homes in (("2018", {"Paris"}), ("2020", {"Rome"}), ("2022", set[str]())):
        assert await user.objects("user", as_of=day) == homes
        assert await user.objects("user", as_of=day, known_at="2024-01") == homes
    page = await user.entity("user", as_of="2018")
    assert page["hidden"] == 1 and "valid_at" not in page["facts"][0]
    found = (await user.memory.search_graph(user.session(), query="user", as_of="2018"))["results"]
    relations = {entity["name"]: [fact["fact"] for fact in entity["relations"]] for entity in found}
    assert relations["user"] == ["lives in Paris"]
    await whole_graph_invariants(user.parts, user.id)


async def test_a_fact_touched_again_keeps_an_end_that_its_own_timeline_gives(user: User):
    """What replaces a fact may itself have ended by another's timeline, of which the write knows nothing else."""
    todo = await user.add("todo", states("look into it", "RELATES_TO", "task", "ideas"))
    done = await user.add(
        "done", states("done", "HAS_STATUS", "task", "done", valid_at="2024-01-02", supersedes=[todo.fact])
    )
    await user.add("reopened", states("reopened", "HAS_STATUS", "task", "reopened", valid_at="2024-01-03"))
    user.clock.at("2024-02")
    assert (await user.get(done.id))["facts"][0]["invalid_at"] == "2024-01-03T00:00:00Z"
    await user.add("dropped", states("dropped", "BLOCKED_BY", "task", "money", supersedes=[todo.fact]))
    assert (await user.get(done.id))["facts"][0]["invalid_at"] == "2024-01-03T00:00:00Z"
    await whole_graph_invariants(user.parts, user.id)


async def test_a_day_given_as_an_instant_means_the_whole_of_it(user: User):
    user.clock.at("2024-05-17")
    user.clock.tick(hours=9)
    await user.add("Adopted Ruff this morning.", states("repo uses Ruff", "USES", "repo", "Ruff"))
    for day in ("2024-05-17", "2024-05", "2024"):
        assert await user.objects("repo", as_of=day) == await user.objects("repo", known_at=day) == {"Ruff"}
        assert (await user.search("Ruff", known_at=day))["results"] != []
    user.clock.at("2026")
    assert await user.objects("repo", as_of="2024-05-17") == {"Ruff"}
    assert await user.objects("repo", as_of="2024-05-16") == set()


async def test_the_zero_time_of_go_and_net_is_no_date(user: User):
    await user.add("node 18", states("node 18", "USES_VERSION", "node", "18", valid_at="2023"))
    zero = "0001-01-01T00:00:00Z"
    answer = await user.add(
        "node 22", states("node 22", "USES_VERSION", "node", "22", valid_at=zero, invalid_at=zero), occurred_at=zero
    )
    assert await user.objects("node") == {"22"}
    assert "occurred_at" not in await user.get(answer.id)  # it is when the note was made


async def test_versions_of_two_things_do_not_end_one_another(user: User):
    def uses(version: str, since: str) -> dict[str, str]:
        return states(f"shop-api runs {version}", "USES_VERSION", "shop-api", version, valid_at=since)

    for version, since in (("Node 22.11", "2020"), ("Postgres 16", "2021"), ("Node 24", "2022")):
        await user.add(version, uses(version, since))
    assert await user.objects("shop-api") == {"Postgres 16", "Node 24"}
    assert await user.objects("shop-api", as_of="2021") == {"Node 22.11", "Postgres 16"}
    await whole_graph_invariants(user.parts, user.id)


@pytest.mark.parametrize(
    "predicate", ["HAS_STATE", "HAS_VALUE", "HAS_VERSION", "SET_TO", "HAS_STATUS", "CONFIGURED_AS"]
)
async def test_values_that_one_note_lists_are_all_current(user: User, predicate: str):
    values = {"paid", "shipped", "returned"}
    await user.add("An order is one of these", *(states(v, predicate, "order", v) for v in sorted(values)))
    assert await user.objects("order") == values
    user.clock.tick()
    await user.add("And lost", states("lost", predicate, "order", "lost"))
    ended = predicate in ("HAS_STATUS", "CONFIGURED_AS")
    assert await user.objects("order") == ({"lost"} if ended else values | {"lost"})
    await whole_graph_invariants(user.parts, user.id)


async def test_a_list_under_a_single_valued_predicate_is_named_in_a_warning(user: User):
    answer = await user.add("on", states("v1", "HAS_STATUS", "api", "alive"), states("v2", "HAS_STATUS", "api", "slow"))
    (warning,) = answer["warnings"]
    assert warning.startswith("HAS_STATUS of api: the 2 values")
    dated = await user.add(
        "moves", lives_in("Paris", "2020"), lives_in("Berlin", "2021"), states("v", "USES_VERSION", "api", "Node 1"),
        states("v", "USES_VERSION", "api", "Go 1"),
    )  # fmt: skip
    assert "warnings" not in dated
    assert await user.objects("user") == {"Berlin"}


async def test_an_end_by_date_says_by_which_fact_and_can_be_undone(user: User):
    paris = await user.add("Paris", lives_in("Paris", "2020"))
    answer = await user.add("Berlin", lives_in("Berlin", "2022"))
    followed = [{"id": answer.fact, "fact": "lives in Berlin", "how": "followed"}]
    assert [(fact["id"], fact["replaced_by"]) for fact in answer["ended"]] == [(paris.fact, followed)]
    await user.indexer.drain()
    pages = [
        next(hit["superseded"] for hit in (await user.search("Paris"))["results"] if hit["id"] == paris.id),
        (await user.entity("user", include_superseded=True))["facts"],
        (await user.get(paris.id))["facts"],
    ]
    for facts in pages:
        (shown,) = [fact for fact in facts if fact["fact"] == "lives in Paris"]
        assert [(by["id"], by["how"]) for by in shown["replaced_by"]] == [(answer.fact, "followed")]
    before = user.clock.tick()
    user.clock.tick()
    decisions = Decisions(user.parts.store, user.clock)
    assert await decisions.undo(user.id, RequestKey("undo"), paris.fact) == Undone(paris.fact, stands=True)
    assert await user.objects("user") == {"Paris", "Berlin"}
    assert await user.objects("user", known_at=before.isoformat()) == {"Berlin"}
    await whole_graph_invariants(user.parts, user.id)
    user.clock.tick()
    await user.update(paris.id, lives_in("Paris", "2020"), text="Paris, for work")
    assert await user.objects("user") == {"Paris", "Berlin"}
    await user.add("Rome", lives_in("Rome", "2023"))
    assert await user.objects("user") == {"Rome"}
    await whole_graph_invariants(user.parts, user.id)
    with pytest.raises(NotFound):
        await decisions.undo(user.id, RequestKey("undo again"), (await user.add("note", "a sentence")).fact)
