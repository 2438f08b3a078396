"""What may be the same is offered, and settled by a fact."""

from __future__ import annotations

from kg.values import RequestKey
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, states


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
