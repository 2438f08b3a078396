"""Undo is undo: what was taken back counts again, and the graph says what it said before."""

from __future__ import annotations

from itertools import permutations

import pytest

from kg.graph.digest import digest, lines
from kg.operations.decisions import Decisions, Undone
from tests.support.user import User, new_key, prefers, states


async def _now(user: User) -> list[str]:
    """What stands in the graph, one memory or entity a line."""
    return await lines(user.parts.store, user.id, history=False)


async def _undo(user: User, old: str) -> Undone:
    """Undo the decision that ends a fact now."""
    rows = await user.raw(
        "MATCH (:Fact {uuid: $old})-[d:SUPERSEDED_BY]->(n) WHERE d.undone_at IS NULL AND n.expired_at IS NULL "
        "RETURN d.uuid AS uuid",
        old=old,
    )
    (decision,) = {row["uuid"] for row in rows}
    user.clock.tick()
    return await Decisions(user.parts.store, user.clock).undo(user.id, new_key(), decision)


async def _merge(user: User, name: str, into: str) -> str:
    """Merge what goes by one name into what goes by another; return the entity that is merged away."""
    rows = await user.raw("MATCH (a:Alias {user_id: $user_id})-[:REFERS_TO]->(e) RETURN a.key AS key, e.uuid AS uuid")
    named = {row["key"]: row["uuid"] for row in rows}
    user.clock.tick()
    return (await user.merges.merge(user.id, new_key(), named[name], named[into], "one thing")).source


async def test_undoing_a_decision_restores_the_one_that_it_took_back(user: User):
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    user.clock.tick()
    spaces = await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact]))
    before = await _now(user)
    user.clock.tick()
    await user.add("tabs", prefers("tabs", "2020", supersedes=[spaces.fact]))
    assert await user.objects("user") == {"tabs"}
    undone = await _undo(user, spaces.fact)
    assert (undone.stands, undone.ended) == (True, [tabs.fact])
    assert await user.objects("user") == {"spaces"}
    assert await _now(user) == before
    assert await user.objects("user", known_at=user.clock.now().isoformat()) == {"spaces"}


async def test_words_taken_back_and_forth_are_undone_one_by_one(user: User):
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    user.clock.tick()
    spaces = await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact]))
    seen = [await _now(user)]
    for text, thing, other in (("tabs", "tabs", spaces), ("spaces", "spaces", tabs), ("tabs", "tabs", spaces)):
        user.clock.tick()
        await user.add(text, prefers(thing, "2020", supersedes=[other.fact]))
        seen.append(await _now(user))
    for ended, left, state in (
        (spaces, "spaces", seen[2]),
        (tabs, "tabs", seen[1]),
        (spaces, "spaces", seen[0]),
    ):
        await _undo(user, ended.fact)
        assert await user.objects("user") == {left}
        assert await _now(user) == state


async def test_a_restored_decision_is_between_the_facts_as_they_were_reworded_since(user: User):
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    user.clock.tick()
    spaces = await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact]))
    user.clock.tick()
    await user.add("tabs", prefers("tabs", "2020", supersedes=[spaces.fact]))
    user.clock.tick()
    reworded = await user.update(spaces.id, prefers("spaces", "2020"), text="spaces, I said")
    assert await user.objects("user") == {"tabs"}
    await _undo(user, reworded.fact)
    assert await user.objects("user") == {"spaces"}


async def _a_circle_by_its_last_word(user: User) -> dict[str, str]:
    """A is replaced by B, B by C; then C was wrong: A again. Returns the memories by what they state."""
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    user.clock.tick()
    spaces = await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact]))
    user.clock.tick()
    either = await user.add("either", prefers("either", "2020", supersedes=[spaces.fact]))
    user.clock.tick()
    await user.add("tabs", prefers("tabs", "2020", supersedes=[either.fact]))
    assert await user.objects("user") == {"tabs"}
    return {"tabs": tabs.id, "spaces": spaces.id, "either": either.id}


async def test_a_decision_that_falls_with_a_fact_no_longer_stated_restores_what_it_took_back(user: User):
    memories = await _a_circle_by_its_last_word(user)
    user.clock.tick()
    await user.update(memories["either"], text="something else", facts=[])
    assert await user.objects("user") == {"spaces"}


async def test_deleting_a_memory_restores_what_its_decision_took_back_as_if_it_had_never_been_said(user: User):
    memories = await _a_circle_by_its_last_word(user)
    await user.delete(memories["either"])
    assert await user.objects("user") == {"spaces"}
    rows = await user.raw("MATCH (:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->() RETURN d.undone_at AS at")
    assert [row["at"] for row in rows] == [None]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_merges_are_undone_in_any_order_and_leave_the_graph_as_it_was(user: User, order: tuple[int, ...]):
    for name, object_ in (("alder", "speed"), ("birch", "safety"), ("cedar", "depth"), ("dogwood", "width")):
        await user.add(f"about {name}", states(f"{name} has {object_}", "HAS", name, object_))
    before = await _now(user)
    sources = [
        await _merge(user, name, into)
        for name, into in (("alder", "birch"), ("cedar", "dogwood"), ("birch", "dogwood"))
    ]
    for index in order:
        user.clock.tick()
        await user.merges.undo(user.id, new_key(), sources[index])
    assert await _now(user) == before


async def test_an_update_that_is_taken_back_in_words_leaves_the_graph_as_it_was(user: User):
    tabs = await user.add("tabs", prefers("tabs"))
    user.clock.tick()
    spaces = await user.add("spaces", prefers("spaces", "2020", because="the team does", supersedes=[tabs.fact]))
    before, told = await _now(user), await digest(user.parts.store, user.id)
    user.clock.tick()
    await user.update(spaces.id, prefers("either"), text="either")
    assert await user.objects("user") == {"tabs", "either"}
    user.clock.tick()
    again = prefers("spaces", "2020", because="the team does", supersedes=[tabs.fact])
    await user.update(spaces.id, again, text="spaces")
    assert await _now(user) == before
    assert await digest(user.parts.store, user.id) != told, "what was said in between is part of the history"


async def test_the_digest_does_not_depend_on_ids_and_tells_every_difference(user: User):
    other = User(user.parts, user.memory, user.clock)
    for one in (user, other):
        tabs = await one.add("tabs", prefers("tabs"))
        await one.add("spaces", prefers("spaces", supersedes=[tabs.fact]))
    for history in (True, False):
        digests = [await digest(user.parts.store, one.id, history=history) for one in (user, other)]
        assert digests[0] == digests[1]
    await user.raw("MATCH (f:Fact {user_id: $user_id, statement: 'prefers tabs'}) SET f.invalid_at = NULL")
    for history in (True, False):
        digests = [await digest(user.parts.store, one.id, history=history) for one in (user, other)]
        assert digests[0] != digests[1]
