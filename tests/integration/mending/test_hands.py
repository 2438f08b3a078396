"""What a person does by hand in Neo4j Browser is named, and mended."""

from __future__ import annotations

import pytest

from kg.mending.checks import rules
from kg.mending.mend import at_stake
from kg.operations.repair import Repaired, repair
from kg.values import RequestKey
from tests.support.damage import DAMAGE, every_tool, kinds, stock
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, states

LEFT = {"memory of nobody"}
"""Damage that a repair names and leaves: only a person can say whose such a memory is."""


@pytest.fixture
async def stocked(user: User) -> User:
    """A user with something of each kind."""
    await stock(user)
    rows = await user.raw("MATCH (e:Entity {user_id: $user_id}) RETURN e.name AS name, e.uuid AS uuid")
    found = {row["name"]: row["uuid"] for row in rows}
    merged = await user.raw("MATCH (e:Entity {user_id: $user_id})-[:MERGED_INTO]->() RETURN e.uuid AS uuid")
    if not merged:  # spelling alone may have found them to be one
        await user.merges.merge(user.id, RequestKey("merge"), found["Postgre"], found["PostgreSQL"], "one database")
    await user.indexer.drain()
    return user


async def broken_by(user: User, query: str) -> set[str]:
    """The rules that a change by hand breaks; the change is taken back."""
    graph, found = user.parts.store, set[str]()
    async with graph.driver.session(database=graph.address.database) as session:
        change = await session.begin_transaction()
        await change.run(query, user_id=user.id)  # pyright: ignore
        for rule in rules():
            rows = await change.run(rule.statement, {"p": {"user_id": None, "limit": 1000}})
            owners = [str(record["node"].get("user_id", "")) async for record in rows]
            if any(owner.startswith(user.id) or not owner for owner in owners):
                found.add(rule.path.stem)
        await change.rollback()
    return found


async def test_a_sound_graph_breaks_no_rule(stocked: User) -> None:
    await whole_graph_invariants(stocked.parts, stocked.id)


async def test_damage_of_each_kind_is_named_by_the_rules_that_it_breaks(stocked: User) -> None:
    named = {kind: await broken_by(stocked, damage.query) for kind, damage in DAMAGE.items()}
    wrong = {kind: sorted(found) for kind, found in named.items() if found != DAMAGE[kind].rules}
    assert "\n".join(map(str, wrong.items())) == ""


@pytest.mark.parametrize("kind", kinds(set(DAMAGE) - LEFT))
async def test_damage_by_hand_is_mended_and_a_second_repair_finds_nothing(stocked: User, kind: str) -> None:
    await stocked.raw(DAMAGE[kind].query)
    await every_tool(stocked)
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


async def test_a_merge_whose_fact_was_deleted_by_hand_is_named_and_undone(user: User) -> None:
    await user.add("Billing.", states("billing is green", "HAS_STATUS", "billing", "green"))
    await user.add("The service.", states("billing service is slow", "HAS_STATUS", "billing service", "slow"))
    said = await user.add("One.", states("both are one", "SAME_AS", "billing", "billing service"))
    gone = "MATCH (m:Memory {uuid: $uuid})-[:STATES]->(f) DETACH DELETE m, f"
    await user.raw(gone, uuid=said.id)
    left = await repair(user.parts.store, user.parts.index, user.clock)
    assert left.rules["merge_fact"] == 1 and not left.left
    assert await user.statements("billing") == {"billing is green"}
    await user.indexer.drain()
    await whole_graph_invariants(user.parts, user.id)
