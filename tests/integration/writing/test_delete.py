"""Deleting on the real graph: as if never said, counted exactly, unreadable at once however much it is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from kg.errors import Conflict, NotFound, StoreUnavailable
from kg.operations.memory import MemoryService
from kg.writing.delete import Deleting
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, lives_in, prefers, states
from tests.support.watched_store import WatchedStore, breaks, watched_store


@pytest.fixture
def hasty(user: User) -> User:
    """A user whose deletions of more than five memories are large, and go on three at a time."""
    deleting = Deleting(user.parts.store, user.clock, at_once=5, batch=3)
    parts = replace(user.parts, deleting=deleting)
    return User(parts, MemoryService(parts), user.clock)


async def left(user: User) -> list[str]:
    """Labels of what a user has left but for its lock, answers and tombstones."""
    rows = await user.raw(
        "MATCH (n {user_id: $user_id}) WHERE NOT n:Partition AND NOT n:Request AND NOT n:Tombstone AND NOT n:Job "
        "RETURN labels(n)[0] AS label"
    )
    return sorted(row["label"] for row in rows)


async def test_a_deleted_memory_is_gone_with_versions_facts_and_names(user: User):
    first = await user.add("Zebra uses vim", states("Zebra uses vim", "USES", "Zebra", "vim"))
    await user.update(first.id, states("Zebra uses emacs", "USES", "Zebra", "emacs"), text="Zebra uses emacs")
    answer = await user.delete(first.id)
    assert answer["deleted"] == {"memories": 1, "versions": 1, "facts": 2, "entities": 3}
    assert await left(user) == []
    everything = await user.raw("MATCH (n {user_id: $user_id}) RETURN properties(n) AS p")
    assert not re.findall("zebra|vim|emacs", str(everything).casefold())
    with pytest.raises(NotFound):
        await user.get(first.id)
    assert (await user.search("zebra vim emacs"))["results"] == []
    await whole_graph_invariants(user.parts, user.id)


async def test_a_repeated_deletion_answers_the_first_counts(user: User):
    first = await user.add("x", prefers("tabs"))
    answer = await user.delete(first.id, key="k")
    assert await user.delete(first.id, key="k") == answer
    with pytest.raises(NotFound):
        await user.delete(first.id)
    again = await user.add("x", prefers("tabs"))
    assert again.id != first.id
    assert await user.delete(first.id, key="k") == answer
    assert (await user.get(again.id))["memory"] == "x"


async def test_a_display_name_of_a_deleted_text_is_forgotten(user: User):
    loud = await user.add("loud", states("REDIS is up", "HAS_STATUS", "REDIS", "up"))
    await user.add("quiet", states("redis is old", "RELATES_TO", "redis", "age"))
    assert (await user.entity("Redis"))["name"] == "REDIS"
    await user.delete(loud.id)
    assert (await user.entity("Redis"))["name"] == "redis"
    assert not re.findall("REDIS", str(await user.raw("MATCH (n {user_id: $user_id}) RETURN properties(n)")))
    await whole_graph_invariants(user.parts, user.id)


async def test_a_conversation_closes_over_its_deleted_messages(user: User):
    answer = await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "content": f"message {i}"} for i in range(6)], run_id="talk"
    )
    ids = [row["id"] for row in answer["results"]]
    for gone in (ids[2], ids[1], ids[5]):
        await user.delete(gone)
    assert (await user.get(ids[0]))["next"] == ids[3]
    assert (await user.get(ids[3]))["previous"] == ids[0]
    assert "next" not in await user.get(ids[4])
    await user.delete(ids[0])
    assert "previous" not in await user.get(ids[3])
    await whole_graph_invariants(user.parts, user.id)


async def test_removing_an_entity_keeps_the_texts_and_says_so(user: User):
    first = await user.add("Ada uses Redis", states("Ada uses Redis", "USES", "Ada", "Redis"), prefers("tabs"))
    looked = await user.memory.delete_entities(user.session(), name="redis", dry_run=True)
    assert looked["dry_run"] and looked["texts_kept"] == 1
    answer = await user.memory.delete_entities(user.session(), name="redis")
    assert answer["deleted"] == {"memories": 0, "versions": 0, "facts": 1, "entities": 1}
    assert "1 texts" in answer["note"] and "with_memories" in answer["note"]
    memory = await user.get(first.id)
    assert memory["memory"] == "Ada uses Redis"
    assert [fact["fact"] for fact in memory["facts"]] == ["prefers tabs"]
    with pytest.raises(NotFound):
        await user.entity("Redis")
    assert await user.statements("Ada") == set()
    await whole_graph_invariants(user.parts, user.id)
    await user.add("Redis again", states("shop uses Redis", "USES", "shop", "Redis"))
    assert await user.statements("Redis") == {"shop uses Redis"}
    await whole_graph_invariants(user.parts, user.id)


async def test_removing_an_entity_with_its_memories_removes_those_that_name_it(user: User):
    await user.add("Ada uses Redis", states("Ada uses Redis", "USES", "Ada", "Redis"))
    before = await user.add("I told Ada about Redis")
    kept = await user.add("Ada knows Lua", states("Ada knows Lua", "KNOWS", "Ada", "Lua"))
    reworded = await user.update(before.id, text="I told Ada about something")
    answer = await user.memory.delete_entities(user.session(), name="Redis", with_memories=True)
    assert answer["deleted"]["memories"] == 2
    for uuid in (before.id, reworded.id):
        with pytest.raises(NotFound):
            await user.get(uuid)
    assert (await user.get(kept.id))["memory"] == "Ada knows Lua"
    await whole_graph_invariants(user.parts, user.id)


def on(store: WatchedStore, user: User) -> User:
    """A hasty user whose writes go through another store."""
    parts = replace(user.parts, store=store, deleting=Deleting(store, user.clock, at_once=5, batch=3))
    return replace(user, parts=parts, memory=MemoryService(parts))


async def test_a_deletion_that_fails_keeps_no_other_from_being_finished(hasty: User):
    user = hasty
    stranger = User(user.parts, user.memory, user.clock)
    for one in (user, stranger):
        for i in range(6):
            await one.add(f"note {i}", agent_id="x")
        await one.memory.delete_all_memories(one.session(), agent_id="x")
    async with watched_store(user.parts.store.address, breaks(user.id, "erase_batch", at=1)) as store:
        with pytest.raises(StoreUnavailable):
            await on(store, user).parts.deleting.finish()
    assert await left(stranger) == []
    await user.parts.deleting.finish()
    assert await left(user) == []


async def test_a_removed_entity_gives_back_what_its_facts_had_ended(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    await user.add("spaces", prefers("spaces", "2022", supersedes=[old.fact]))
    await user.memory.delete_entities(user.session(), name="spaces")
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_repeated_removal_of_an_entity_answers_the_first_result(user: User):
    await user.add("Ada uses Redis", states("Ada uses Redis", "USES", "Ada", "Redis"))
    for arguments in ({}, {"with_memories": True}):
        first = await user.memory.delete_entities(user.session(f"k{len(arguments)}"), name="redis", **arguments)
        await user.add("Bob uses Redis", states("Bob uses Redis", "USES", "Bob", "Redis"))
        again = await user.memory.delete_entities(user.session(f"k{len(arguments)}"), name="redis", **arguments)
        assert again == first
        assert await user.statements("Redis") == {"Bob uses Redis"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_repeated_removal_of_what_is_gone_answers_the_first_result(user: User):
    await user.add("Ada uses Redis", states("Ada uses Redis", "USES", "Ada", "Redis"))
    first = await user.memory.delete_entities(user.session("k"), name="Redis", with_memories=True)
    assert await user.memory.delete_entities(user.session("k"), name="Redis", with_memories=True) == first
    with pytest.raises(NotFound):
        await user.memory.delete_entities(user.session("other"), name="Redis", with_memories=True)


async def test_an_entity_with_many_memories_is_unreadable_at_once_and_erased_in_the_background(hasty: User):
    user = hasty
    for i in range(8):
        await user.add(f"note {i}", states(f"shop {i} uses Redis", "USES", f"shop {i}", "Redis"))
        await user.add(f"note {i}: Redis is up")
    answer = await user.memory.delete_entities(user.session("k"), name="Redis", with_memories=True, confirm=16)
    assert answer["deleted"] == {"memories": 16, "versions": 0, "facts": 8, "entities": 9}
    assert "background" in answer["note"]
    assert len(await user.raw("MATCH (m:Deleting {user_id: $user_id}) RETURN m.uuid")) == 8
    assert (await user.memory.get_memories(user.session()))["results"] == []
    with pytest.raises(NotFound):
        await user.entity("Redis")
    assert await user.memory.delete_entities(user.session("k"), name="Redis", with_memories=True) == answer
    await user.parts.deleting.finish()
    assert await left(user) == []
    await whole_graph_invariants(user.parts, user.id)


async def test_a_repeated_erasure_of_a_scope_needs_no_new_confirmation(user: User):
    for i in range(12):
        await user.add(f"note {i}", agent_id="one")
    first = await user.memory.delete_all_memories(user.session("k"), agent_id="one", confirm=12)
    for i in range(13):
        await user.add(f"later {i}", agent_id="one")
    assert await user.memory.delete_all_memories(user.session("k"), agent_id="one", confirm=12) == first
    with pytest.raises(Conflict, match="confirm=13"):
        await user.memory.delete_all_memories(user.session("other"), agent_id="one", confirm=12)


async def test_a_scope_is_erased_only_when_its_size_is_confirmed(user: User):
    for i in range(12):
        await user.add(f"note {i}", lives_in(f"Place {i}", f"20{10 + i}"), agent_id="one" if i % 2 else "two")
    for i in range(6):
        await user.add(f"more {i}", agent_id="one")
    looked = await user.memory.delete_all_memories(user.session(), agent_id="one", dry_run=True)
    assert looked == {"dry_run": True, "memories": 12, "confirm": 12}
    with pytest.raises(Conflict, match="confirm=12"):
        await user.memory.delete_all_memories(user.session(), agent_id="one")
    answer = await user.memory.delete_all_memories(user.session(), agent_id="one", confirm=12)
    assert answer["deleted"] == {"memories": 12, "versions": 0, "facts": 6, "entities": 6}
    assert len((await user.memory.get_memories(user.session()))["results"]) == 6
    await whole_graph_invariants(user.parts, user.id)


async def _many(user: User) -> tuple[Any, list[str]]:
    kept = await user.add("kept: tabs", prefers("tabs", "2020"))
    doomed = await user.add("doomed 0 secret", prefers("secret thing", "2021", supersedes=[kept.fact]), agent_id="x")
    ids = [doomed.id]
    for i in range(1, 10):
        fact = states(f"doomed uses secret {i}", "USES", "doomed", f"secret {i}")
        ids.append((await user.add(f"doomed {i} secret", fact, agent_id="x")).id)
        ids.append((await user.add(f"doomed {i} secret, plainly", agent_id="x")).id)
    await user.update(ids[5], text="doomed 3 reworded secret")
    return kept, ids


async def test_a_large_deletion_is_acknowledged_at_once_and_unreadable_from_then_on(hasty: User):
    user = hasty
    kept, ids = await _many(user)
    answer = await user.memory.delete_all_memories(user.session("big"), agent_id="x", confirm=19)
    assert answer["deleted"] == {"memories": 19, "versions": 1, "facts": 10, "entities": 10}
    assert "background" in answer["note"]
    assert await user.objects("user") == {"tabs"}, "what a deleted value had ended holds again with the answer"
    assert len(await user.raw("MATCH (m:Deleting {user_id: $user_id}) RETURN m.uuid")) == 9
    again = await user.memory.delete_all_memories(user.session("big"), agent_id="x", confirm=19)
    assert again == answer

    for uuid in ids:
        for call in (user.get(uuid), user.update(uuid, text="again")):
            with pytest.raises(NotFound):
                await call
    answers = [
        await user.search("doomed secret", explain=True),
        await user.search("doomed secret", known_at=user.clock.now().isoformat()),
        await user.memory.get_memories(user.session()),
        await user.memory.list_entities(user.session()),
        await user.memory.search_graph(user.session(), query="secret"),
        await user.memory.search_graph(user.session()),
        await user.entity("user", include_superseded=True),
        await user.get(kept.id),
    ]
    leaks = [answer for answer in answers if re.search("secret|doomed", json.dumps(answer))]
    assert not leaks
    for name in ("doomed", "secret thing"):
        with pytest.raises(NotFound) as caught:
            await user.entity(name)
        assert "nearest: secret" not in str(caught.value) and "nearest: doomed" not in str(caught.value)
    said_again = await user.add("doomed 5 secret", agent_id="x")
    assert said_again.id not in ids

    await user.parts.deleting.finish()
    assert await user.raw("MATCH (m:Deleting {user_id: $user_id}) RETURN m.uuid") == []
    assert (await user.get(said_again.id))["memory"] == "doomed 5 secret"
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(said_again.id)
    await user.delete(kept.id)
    assert await left(user) == []


async def test_no_reader_of_a_large_deletion_misses_both_the_deleted_value_and_the_one_that_it_had_ended(hasty: User):
    user = hasty
    for i in range(6):
        await user.add(f"I live in Town {i}", lives_in(f"Town {i}", f"20{10 + i}"))
    for i in range(6):
        await user.add(f"I live in City {i}", lives_in(f"City {i}", f"20{16 + i}"), agent_id="x")
    homes: list[set[str]] = []

    async def look(*_: Any) -> None:
        homes.append(await user.objects("user"))

    async with watched_store(user.parts.store.address, after=look) as store:
        await on(store, user).memory.delete_all_memories(user.session(), agent_id="x", confirm=6)
    assert all(len(home) == 1 for home in homes) and homes[-1] == {"Town 5"}
    assert len(homes) > 3


async def test_a_large_deletion_that_was_cut_off_goes_on_with_its_key_and_counts_all(hasty: User):
    user = hasty
    await _many(user)
    async with watched_store(user.parts.store.address, breaks(user.id, "erase_batch", at=2)) as store:
        with pytest.raises(StoreUnavailable):
            await on(store, user).memory.delete_all_memories(user.session("k"), agent_id="x", confirm=19)
    (cut,) = await user.raw("MATCH (m:Memory {user_id: $user_id, agent_id: 'x'}) RETURN count(m) AS left")
    assert 10 < cut["left"] < 19, "a new call would have to confirm what is left"
    answer = await user.memory.delete_all_memories(user.session("k"), agent_id="x", confirm=19)
    assert answer["deleted"] == {"memories": 19, "versions": 1, "facts": 10, "entities": 10}


async def test_a_large_deletion_goes_on_where_a_crash_left_it(hasty: User):
    user = hasty
    await _many(user)
    await user.memory.delete_all_memories(user.session(), agent_id="x", confirm=19)
    async with watched_store(user.parts.store.address, breaks(user.id, "erase_batch", at=3)) as store:
        with pytest.raises(StoreUnavailable):
            await on(store, user).parts.deleting.finish()
    assert len(await user.raw("MATCH (m:Deleting {user_id: $user_id}) RETURN m.uuid")) == 3
    await Deleting(user.parts.store, user.clock).finish()
    assert await user.raw("MATCH (m:Deleting {user_id: $user_id}) RETURN m.uuid") == []
    jobs = await user.raw("MATCH (j:Job {user_id: $user_id}) RETURN j.state AS state")
    assert jobs == [{"state": "done"}]
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_another_users_memories_and_entities_cannot_be_touched(user: User):
    stranger = User(user.parts, user.memory, user.clock)
    mine = await user.add("Ada uses vim", states("Ada uses vim", "USES", "Ada", "vim"), agent_id="a")
    theirs = await stranger.add("Ada uses vim", states("Ada uses vim", "USES", "Ada", "vim"), agent_id="a")
    ada = (await user.entity("Ada"))["id"]
    for call in (
        stranger.delete(mine.id),
        stranger.get(mine.id),
        stranger.memory.get_entity(stranger.session(), uuid=ada),
        stranger.memory.delete_entities(stranger.session(), name=ada),
        stranger.delete(str(uuid4())),
    ):
        with pytest.raises(NotFound):
            await call
    await stranger.memory.delete_entities(stranger.session(), name="Ada")
    await stranger.memory.delete_all_memories(stranger.session(), agent_id="a")
    with pytest.raises(NotFound):
        await stranger.get(theirs.id)
    assert (await user.get(mine.id))["facts"][0]["id"] == mine.fact
    assert (await user.entity("Ada"))["id"] == ada
    await whole_graph_invariants(user.parts, user.id)
    await whole_graph_invariants(user.parts, stranger.id)
