"""Until a repair, no tool chokes on what a hand broke, and no bad node spoils an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from kg.errors import KgError
from tests.support.damage import DAMAGE, clean_up, stock
from tests.support.user import User, states

VALUES = ("null", "7", "'x'", "[1, 2]", "true", "date('2024-05-01')", "point({x: 1, y: 2})")
PROPERTIES: dict[str, tuple[str, ...]] = {
    "Memory": (
        "text", "terms", "content_hash", "kind", "metadata", "occurred_at", "created_at", "updated_at", "seq",
        "index_rev", "extraction", "noise", "recall_count", "run_id", "project", "speaker", "role", "name",
    ),
    "MemoryVersion": ("text", "metadata", "occurred_at", "created_at", "replaced_at"),
    "Fact": (
        "statement", "scope", "predicate", "subject_uuid", "object_uuid", "object_key", "object_value", "because",
        "valid_at", "valid_from_source", "stated_invalid_at", "invalid_at", "created_at", "expired_at", "seq",
        "claim_key", "origin", "index_rev", "name",
    ),
    "Entity": ("name", "terms", "kind", "created_at", "index_rev", "user_key"),
    "Alias": ("name",),
    "Partition": ("seq",),
}  # fmt: skip


@pytest.fixture
async def stocked(user: User) -> AsyncIterator[User]:
    await stock(user)
    await user.indexer.drain()
    yield user
    await clean_up(user)


async def every_tool(user: User) -> dict[str, Any]:
    """What the tools answer, each called as an agent would; a refusal is an answer, another exception is none."""
    service, session = user.memory, user.session
    answers: dict[str, Any] = {
        "search": await service.search_memories(
            session(), query="where are sessions kept?", limit=50, max_tokens=50_000
        ),
        "then": await service.search_memories(session(), query="sessions", known_at="2024-06", limit=50),
        "related": await service.search_memories(session(), query="what about Redis?", enable_graph=True, explain=True),
        "list": await service.get_memories(session(), limit=50),
        "filtered": await service.get_memories(session(), filters={"created_at": {"gte": "2020"}}),
        "scopes": await service.list_entities(session()),
        "graph": await service.search_graph(session(), query="sessions in Redis"),
        "connected": await service.search_graph(session()),
        "dry": await service.delete_all_memories(session(), user_id=user.id, dry_run=True),
    }
    ids = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS uuid, m.text AS text")
    for row in ids:
        if isinstance(row["uuid"], str):
            answers[row["uuid"]] = await refused(service.get_memory(session(), memory_id=row["uuid"]))
    for name in ("Redis", "the shop", "Ada", "user", "Postgre"):
        answers[name] = await refused(service.get_entity(session(), name=name, include_superseded=True))
        answers[f"{name} then"] = await refused(service.get_entity(session(), name=name, known_at="2024-06"))
    return answers


async def refused(call: Any) -> Any:
    try:
        return await call
    except KgError as error:
        return str(error)


async def every_write(user: User) -> None:
    """Change and delete what there is, and store more about the same things."""
    service, session = user.memory, user.session
    left = states("the shop left Redis", "STOPPED_USING", "the shop", "Redis")
    added = await user.add("Redis of the shop was moved by Ada", left)
    assert added["results"][0]["event"] == "ADD" and "facts_skipped" not in added
    rows = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS uuid")
    for row in [row for row in rows if isinstance(row["uuid"], str)]:
        user.clock.tick()
        await refused(service.update_memory(session(), memory_id=row["uuid"], text=f"Changed {row['uuid']}"))
    await refused(service.delete_entities(session(), name="Redis"))
    for row in [row for row in rows if isinstance(row["uuid"], str)][:2]:
        await refused(service.delete_memory(session(), memory_id=row["uuid"]))
    count = (await service.delete_all_memories(session(), user_id=user.id, dry_run=True))["confirm"]
    await service.delete_all_memories(session(), user_id=user.id, confirm=count)


@pytest.mark.parametrize("kind", sorted(DAMAGE))
async def test_no_tool_chokes_on_what_a_hand_broke(stocked: User, kind: str) -> None:
    await stocked.raw(DAMAGE[kind].query)
    answers = await every_tool(stocked)
    assert len(answers["list"]["results"]) >= 8, "a bad node hides others"
    assert any("Berlin" in hit["memory"] for hit in answers["list"]["results"])
    await every_write(stocked)


def all_alike(label: str, key: str) -> list[str]:
    """Queries that give a property the same value on every node, one for each value."""
    return [f"MATCH (n:{label} {{user_id: $user_id}}) SET n.{key} = {value}" for value in VALUES]


def all_unlike(label: str, key: str) -> list[str]:
    """Queries that give a property another value on each node in turn, each time beginning with another one."""
    choice = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(VALUES))
    return [
        f"MATCH (n:{label} {{user_id: $user_id}}) WITH n ORDER BY elementId(n) WITH collect(n) AS nodes "
        f"UNWIND range(0, size(nodes) - 1) AS i WITH nodes[i] AS n, (i + {first}) % {len(VALUES)} AS which "
        f"SET n.{key} = CASE which {choice} END"
        for first in (0, 3)
    ]


@pytest.mark.parametrize("damage", [all_unlike, pytest.param(all_alike, marks=pytest.mark.soak)])
@pytest.mark.parametrize("label", sorted(PROPERTIES))
async def test_no_property_that_is_missing_or_of_another_type_spoils_an_answer(
    stocked: User, label: str, damage: Callable[[str, str], list[str]]
) -> None:
    if label == "Partition":
        damage = all_alike  # there is only one
    saved = "MATCH (n {user_id: $user_id}) WHERE $label IN labels(n) RETURN elementId(n) AS id, n[$key] AS was"
    for key in PROPERTIES[label]:
        before = await stocked.raw(saved, label=label, key=key)
        for query in damage(label, key):
            await stocked.raw(query)
            answers = await every_tool(stocked)
            assert isinstance(answers["list"], dict), query
        await stocked.raw(
            f"UNWIND $rows AS row MATCH (n:{label}) WHERE elementId(n) = row.id SET n.{key} = row.was", rows=before
        )


@pytest.mark.parametrize("label", sorted(PROPERTIES))
async def test_no_property_that_is_missing_or_of_another_type_keeps_anything_from_being_written(
    stocked: User, label: str
) -> None:
    for key in PROPERTIES[label]:
        await stocked.raw(f"MATCH (n:{label} {{user_id: $user_id}}) REMOVE n.{key}")
    await every_write(stocked)
    left = await stocked.raw("MATCH (m:Memory {user_id: $user_id}) RETURN count(m) AS many")
    assert left[0]["many"] == 0 or label == "Memory"
