"""What may be the same is offered, and settled by a fact."""

from __future__ import annotations

from typing import Any

from kg.values import RequestKey
from kg.writing.revert import Reverting
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import Added, User, states


async def offered(user: User, name: str) -> list[str]:
    return [one["name"] for one in (await user.entity(name)).get("maybe_same", [])]


async def test_what_is_likely_the_same_is_offered_and_settled_by_facts(user: User):
    await user.add("Express it is.", states("shop uses Express", "USES", "shop", "Express"))
    await user.add("An express train.", states("express is late", "HAS_STATUS", "express", "late"))
    await user.add("Billing.", states("billing is green", "HAS_STATUS", "billing", "green"))
    await user.add("The service.", states("billing service is slow", "HAS_STATUS", "billing service", "slow"))
    assert await offered(user, "Express") == ["express"]
    assert await offered(user, "billing") == ["billing service"]
    assert await offered(user, "billing service") == ["billing"]
    assert await offered(user, "shop") == []
    said = await user.add("Two.", states("both are two", "DIFFERENT_FROM", "billing", "billing service"))
    assert await offered(user, "billing") == [] == await offered(user, "billing service")
    await user.delete(said.id)
    assert await offered(user, "billing") == ["billing service"]
    await user.add("One.", states("both are one", "SAME_AS", "billing", "billing service"))
    assert await offered(user, "billing") == []
    assert "billing service is slow" in await user.statements("billing")
    await whole_graph_invariants(user.parts, user.id)
    (merged,) = await user.raw("MATCH (e:Entity {user_id: $user_id})-[:MERGED_INTO]->() RETURN e.uuid AS uuid")
    await user.merges.undo(user.id, RequestKey("apart"), merged["uuid"])
    assert "billing service is slow" not in await user.statements("billing")
    await whole_graph_invariants(user.parts, user.id)


async def test_the_answer_to_a_note_offers_its_new_names_alone(user: User):
    first = await user.add("Billing.", states("billing is green", "HAS_STATUS", "billing", "green"))
    assert "maybe_same" not in first
    added = await user.add("The service.", states("billing service is slow", "HAS_STATUS", "billing service", "slow"))
    (offer,) = added["maybe_same"]
    assert (offer["new"], offer["name"]) == ("billing service", "billing")
    assert offer["id"] == (await user.entity("billing"))["id"]
    again = await user.add("Again.", states("billing service is slower", "HAS_SPEED", "billing service", "low"))
    assert "maybe_same" not in again, "the name is not new"
    said = states("they are two", "DIFFERENT_FROM", "billing services", "billing")
    told = await user.add("Two.", said)
    assert "billing" not in [offer["name"] for offer in told.get("maybe_same", [])]


async def same(user: User, note: str, **more: Any) -> Added:
    return await user.add(note, states("both are one", "SAME_AS", "billing", "billing service"), **more)


async def are_one(user: User) -> bool:
    one, other = await user.entity("billing"), await user.entity("billing service")
    await whole_graph_invariants(user.parts, user.id)
    assert (one["id"] == other["id"]) == ("billing service is slow" in await user.statements("billing"))
    return one["id"] == other["id"]


async def test_a_merge_that_a_fact_asked_for_stands_as_long_as_some_fact_says_so(user: User):
    await user.add("Billing.", states("billing is green", "HAS_STATUS", "billing", "green"))
    await user.add("The service.", states("billing service is slow", "HAS_STATUS", "billing service", "slow"))
    first = await same(user, "One.")
    second = await same(user, "One, as I said.")
    assert await are_one(user)
    await user.delete(first.id)
    assert await are_one(user), "the second still says so"
    await user.update(second.id, states("they are one", "SAME_AS", "billing", "billing service"), text="One, I repeat.")
    assert await are_one(user), "it says the same in other words"
    await user.update(second.id, text="Nothing is said of the two.", facts=[])
    assert not await are_one(user)
    await Reverting(user.parts.store, user.clock).revert(user.id, RequestKey("undo"), second.id)
    assert await are_one(user)
    await user.delete(second.id)
    assert not await are_one(user)


async def test_a_merge_falls_and_comes_back_with_the_decision_on_its_fact(user: User):
    await user.add("Billing.", states("billing is green", "HAS_STATUS", "billing", "green"))
    await user.add("The service.", states("billing service is slow", "HAS_STATUS", "billing service", "slow"))
    said = await same(user, "One.")
    user.clock.tick()
    two = states("both are two", "DIFFERENT_FROM", "billing", "billing service", supersedes=[said.fact])
    other = await user.add("Two, after all.", two)
    assert not await are_one(user)
    assert "maybe_same" not in await user.entity("billing")
    await user.delete(other.id)
    assert await are_one(user)
