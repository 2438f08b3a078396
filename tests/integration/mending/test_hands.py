"""What a person does by hand in Neo4j Browser is named, and mended."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kg.mending.checks import run_checks
from kg.mending.mend import at_stake
from kg.operations.repair import Repaired, repair
from kg.values import RequestKey
from tests.support.damage import DAMAGE, clean_up, stock
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User

LEFT = {"memory of nobody", "memory given away"}
"""Damage that a repair names and leaves: only a person can say whose such a memory is."""


@pytest.fixture
async def stocked(user: User) -> AsyncIterator[User]:
    """A user with something of each kind; all is taken away afterwards, since a repair looks at every user."""
    await stock(user)
    rows = await user.raw("MATCH (e:Entity {user_id: $user_id}) RETURN e.name AS name, e.uuid AS uuid")
    found = {row["name"]: row["uuid"] for row in rows}
    merged = await user.raw("MATCH (e:Entity {user_id: $user_id})-[:MERGED_INTO]->() RETURN e.uuid AS uuid")
    if not merged:  # spelling alone may have found them to be one
        await user.merges.merge(user.id, RequestKey("merge"), found["Postgre"], found["PostgreSQL"], "one database")
    await user.indexer.drain()
    yield user
    await clean_up(user)


async def broken(user: User) -> set[str]:
    rules = await run_checks(user.parts.store)
    return {rule.rule for rule in rules if any(f.user_id.startswith(user.id) or not f.user_id for f in rule.faults)}


async def test_a_sound_graph_breaks_no_rule(stocked: User) -> None:
    await whole_graph_invariants(stocked.parts, stocked.id)


@pytest.mark.parametrize("kind", sorted(DAMAGE))
async def test_damage_by_hand_is_named_by_the_rules_that_it_breaks(stocked: User, kind: str) -> None:
    await stocked.raw(DAMAGE[kind].query)
    assert await broken(stocked) == set(DAMAGE[kind].rules)


@pytest.mark.parametrize("kind", sorted(set(DAMAGE) - LEFT))
async def test_damage_by_hand_is_mended_and_a_second_repair_finds_nothing(stocked: User, kind: str) -> None:
    await stocked.raw(DAMAGE[kind].query)
    first = await repair(stocked.parts.store, stocked.parts.index, stocked.clock)
    assert not [rule for rule in first.left if not at_stake([rule])] or first.at_stake
    repaired = await repair(stocked.parts.store, stocked.parts.index, stocked.clock, take_away=True)
    assert not repaired.left and not repaired.at_stake
    assert {fault.id for fault in first.at_stake} <= {fault.id for fault in repaired.taken}
    await stocked.indexer.drain()
    again = await repair(stocked.parts.store, stocked.parts.index, stocked.clock, take_away=True)
    assert again == Repaired()
    for user_id in (stocked.id, f"{stocked.id}-other"):
        await whole_graph_invariants(stocked.parts, user_id)
