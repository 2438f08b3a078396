"""The queries of Browser's guide, on the real Neo4j, as a click runs them."""

from __future__ import annotations

from typing import Any

import pytest

import cypher
from kg.operations.administration import Administration
from tests.support.user import TestClock, User, states

QUESTIONS = sorted(query.name for query in cypher.load().values() if query.folder == "browse" and query.mode == "read")


@pytest.fixture
async def known(user: User, clock: TestClock) -> User:
    clock.at("2025-01-01")
    old = await user.add("Redis rejected.", states("shop rejected Redis", "REJECTED", "shop", "Redis", because="cost"))
    clock.at("2025-02-01")
    await user.add("Chose it.", states("shop chose Redis", "CHOSE", "shop", "Redis", supersedes=[old.fact]))
    await user.add("Stall.", states("stall by DNS", "CAUSED_BY", "stall", "DNS"), states("x", "HAD", "shop", "stall"))
    await user.add("Uses Kafka.", states("shop uses Kafka", "USES", "shop", "Kafka"))
    await user.add("No Kafka.", states("shop stopped using Kafka", "STOPPED_USING", "shop", "Kafka"))
    await user.add("No NATS.", states("shop rejected NATS", "REJECTED", "shop", "NATS"))
    return user


async def rows(user: User, name: str, **values: Any) -> list[dict[str, Any]]:
    return await user.raw(cypher.filled(cypher.load()[name], {"user_id": user.id, **values}))


@pytest.mark.parametrize("name", QUESTIONS)
async def test_each_question_has_an_answer_of_this_user_alone(known: User, user: User, name: str):
    assert await rows(known, name)
    stranger = User(known.parts, known.memory, known.clock)
    assert not await rows(stranger, name)


async def test_a_contradiction_is_settled_by_cypher_and_repair(known: User, clock: TestClock):
    (open_one, *_) = await rows(known, "browse/10_conflicts")
    older, newer = open_one["one"]["uuid"], open_one["other"]["uuid"]
    assert await known.objects("shop") >= {"Kafka", "NATS", "Redis"}
    await rows(known, "browse/settle", older=older, newer=newer, reason="seen in the code")
    repaired = await administration(known).repair(known.session())
    assert repaired
    assert not await rows(known, "browse/10_conflicts")
    held = await known.statements("Kafka")
    assert held == {"shop stopped using Kafka"}
    (decision,) = await known.raw(
        "MATCH (f:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->() WHERE d.judge = 'person' RETURN d.uuid AS id"
    )
    await administration(known).undo_decision(known.session(), id=decision["id"])
    assert await known.statements("Kafka") == {"shop stopped using Kafka", "shop uses Kafka"}


def administration(user: User) -> Administration:
    parts = user.parts
    return Administration(parts.store, parts.index, parts.indexer, parts.clock, reindex=None, resume=None)  # pyright: ignore
