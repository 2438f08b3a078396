"""Until a repair, no tool chokes on what a hand broke, and no bad node spoils an answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.support.damage import DAMAGE, every_tool, every_write, kinds, stock
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
    "ScopeCount": ("memories", "last_used"),
}  # fmt: skip


@pytest.fixture
async def stocked(user: User) -> User:
    await stock(user)
    await user.indexer.drain()
    return user


@pytest.mark.parametrize("kind", kinds(DAMAGE))
async def test_no_tool_chokes_on_what_a_hand_broke(stocked: User, kind: str) -> None:
    await stocked.raw(DAMAGE[kind].query)
    answers = await every_tool(stocked)
    assert len(answers["list"]["results"]) >= 8, "a bad node hides others"
    assert any("Berlin" in hit["memory"] for hit in answers["list"]["results"])
    await every_write(stocked)


def all_alike(label: str) -> list[str]:
    """Queries that give the property ``$key`` the same value on every node, one for each value."""
    return [f"MATCH (n:{label} {{user_id: $user_id}}) SET n[$key] = {value}" for value in VALUES]


def all_unlike(label: str) -> list[str]:
    """A query that gives the property ``$key`` another value on each node in turn, beginning with the ``$first``."""
    choice = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(VALUES))
    return [
        f"MATCH (n:{label} {{user_id: $user_id}}) WITH n ORDER BY elementId(n) WITH collect(n) AS nodes "
        f"UNWIND range(0, size(nodes) - 1) AS i WITH nodes[i] AS n, (i + $first) % {len(VALUES)} AS which "
        f"SET n[$key] = CASE which {choice} END"
    ]


@pytest.mark.parametrize("damage", [all_unlike, pytest.param(all_alike, marks=pytest.mark.soak)])
@pytest.mark.parametrize("label", sorted(PROPERTIES))
async def test_no_property_that_is_missing_or_of_another_type_spoils_an_answer(
    stocked: User, label: str, damage: Callable[[str], list[str]]
) -> None:
    if label == "Partition":
        damage = all_alike  # there is only one
    saved = "MATCH (n {user_id: $user_id}) WHERE $label IN labels(n) RETURN elementId(n) AS id, n[$key] AS was"
    for first, key in enumerate(PROPERTIES[label]):
        before = await stocked.raw(saved, label=label, key=key)
        for query in damage(label):
            await stocked.raw(query, key=key, first=first)
            answers = await every_tool(stocked)
            assert isinstance(answers["list"], dict), f"{key}: {query}"
        await stocked.raw(
            f"UNWIND $rows AS row MATCH (n:{label}) WHERE elementId(n) = row.id SET n[$key] = row.was",
            rows=before, key=key,
        )  # fmt: skip


@pytest.mark.parametrize("label", sorted(PROPERTIES))
async def test_no_property_that_is_missing_or_of_another_type_keeps_anything_from_being_written(
    stocked: User, label: str
) -> None:
    for key in PROPERTIES[label]:
        await stocked.raw(f"MATCH (n:{label} {{user_id: $user_id}}) REMOVE n.{key}")
    await every_write(stocked)
    left = await stocked.raw("MATCH (m:Memory {user_id: $user_id}) RETURN count(m) AS many")
    assert not left[0]["many"]


async def test_a_count_that_a_hand_made_something_else_of_keeps_nothing_from_being_written(user: User) -> None:
    await user.add("Said before", project="shop")
    for key, value in itertools.product(("memories", "last_used"), VALUES):
        await user.raw(f"MATCH (s:ScopeCount {{user_id: $user_id}}) SET s.{key} = {value}")
        await user.delete((await user.add(f"Said while {key} is {value}", project="shop")).id)
    assert (await user.memory.delete_all_memories(user.session(), user_id=user.id))["deleted"]["memories"] == 1


async def test_memories_that_a_person_made_by_hand_are_counted_and_deleted_with_the_others(user: User) -> None:
    await user.add("Said by the agent")
    await user.raw("UNWIND range(1, 3) AS n CREATE (:Memory {user_id: $user_id, text: 'Said by hand ' + n})")
    await user.raw("CREATE (:Memory {user_id: $user_id, text: 'Of a run', run_id: 'r', seq: 'first'})")
    session = user.session
    assert (await user.memory.delete_all_memories(session(), run_id="r", dry_run=True))["memories"] == 1
    assert (await user.memory.delete_all_memories(session(), user_id=user.id, dry_run=True))["confirm"] == 5
    answer = await user.memory.delete_all_memories(session(), user_id=user.id)
    assert answer["deleted"]["memories"] == 5
    assert not await user.raw("MATCH (n:Memory|Fact|Entity|Alias {user_id: $user_id}) RETURN 1 AS one")


@pytest.mark.parametrize("change", ["DELETE p", "SET p.seq = 1", "SET p.seq = 'x', p.last_at = 7", "REMOVE p.seq"])
async def test_a_partition_that_a_hand_broke_counts_on(user: User, change: str) -> None:
    user.clock.at("2030")
    for number in range(3):
        await user.add(f"Note {number}", states("Ada likes tea", "PREFERS", "Ada", f"tea {number}"))
    user.clock.at("2029")  # and the clock was set back
    await user.raw(f"MATCH (p:Partition {{user_id: $user_id}}) {change}")
    later = (await user.add("Later")).id
    rows = await user.raw("MATCH (n:Memory|Fact {user_id: $user_id}) RETURN n.uuid AS uuid, n.seq AS seq ORDER BY seq")
    assert [row["seq"] for row in rows] == sorted({row["seq"] for row in rows})
    assert rows[-1]["uuid"] == later
    (newest,) = await user.raw("MATCH (m:Memory {uuid: $uuid}) RETURN m.created_at.year AS year", uuid=later)
    assert newest["year"] == 2030
