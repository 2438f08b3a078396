"""The own name of a user and ``user`` are one entity, whichever of them is said first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kg.language.names import OwnName
from kg.operations.memory import MemoryService
from kg.operations.parts import Parts
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, prefers, states

TABS = prefers("tabs")
REVIEWS = states("Dana Scully reviews the parser", "REVIEWS", "Dana Scully", "parser")


@pytest.fixture
def dana(parts: Parts, service: MemoryService, user: User) -> User:
    assert service is not None  # the indexer is at work
    known = replace(parts, own_name=OwnName(user.id, "Dana Scully"))
    return replace(user, parts=known, memory=MemoryService(known))


@pytest.mark.parametrize("facts", [(TABS, REVIEWS), (REVIEWS, TABS)])
async def test_the_own_name_is_the_user(dana: User, facts: tuple[dict[str, str], ...]):
    for fact in facts:
        await dana.add(fact["statement"], fact)
    for name in ("user", "Dana Scully", "dana scully"):
        page = await dana.entity(name)
        assert {fact["fact"] for fact in page["facts"]} == {fact["statement"] for fact in facts}
        assert page["kind"] == "Person"
    await whole_graph_invariants(dana.parts, dana.id)


async def test_an_entity_of_that_name_becomes_the_user_and_can_be_taken_out_again(dana: User, user: User):
    await user.add("I like tabs", TABS)
    await user.add("Dana reviews", REVIEWS)  # before the name was known
    assert await user.statements("user") == {TABS["statement"]}
    await dana.add("Dana Scully met Fox", states("Dana Scully met Fox", "MET", "Dana Scully", "Fox"))
    assert len(await dana.statements("user")) == 3
    (merge,) = (await dana.merges.list(dana.id, limit=5))["merges"]
    assert "KNOWTHREAD_USER_NAME" in merge["reason"]
    await whole_graph_invariants(dana.parts, dana.id)


async def test_a_text_that_names_the_user_is_linked_to_the_user(dana: User):
    await dana.add("Dana Scully asked for a review")
    await dana.add("I like tabs", TABS)
    assert await dana.statements("Dana Scully") == {TABS["statement"]}
    await whole_graph_invariants(dana.parts, dana.id)


async def test_in_another_partition_and_for_another_thing_the_name_is_a_name(dana: User, user: User):
    other = User(dana.parts, dana.memory, dana.clock)
    await other.add("I like tabs", TABS)
    await other.add("Dana reviews", REVIEWS)
    assert await other.statements("user") == {TABS["statement"]}
    await dana.add("a ship", states("Dana Scully is a ship", "IS", "Dana Scully", "ship", subject_kind="Thing"))
    await whole_graph_invariants(dana.parts, dana.id)
