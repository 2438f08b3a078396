"""Both tools that take filters find the same memories by them, on the real stores."""

from __future__ import annotations

from random import Random

from tests.support.plain_filter import matches, random_filter, random_metadata
from tests.support.user import User

_MEMORIES = 40
_FILTERS = 60


async def test_search_and_listing_find_the_same_by_random_filters(user: User) -> None:
    chance = Random(7)
    stored = {}
    for number in range(_MEMORIES):
        metadata = random_metadata(chance)
        stored[(await user.add(f"Note {number} about the harbour", metadata=metadata)).id] = metadata
    await user.indexer.drain()
    for _ in range(_FILTERS):
        asked = random_filter(chance)
        expected = {uuid for uuid, metadata in stored.items() if matches(metadata, asked)}
        listed = await user.memory.get_memories(user.session(), filters=asked, limit=200)
        assert {memory["id"] for memory in listed["results"]} == expected, asked
        found = await user.search("harbour note", filters=asked, limit=200, max_tokens=100_000)
        assert {memory["id"] for memory in found["results"]} == expected, asked


async def test_search_and_listing_find_the_same_by_times_and_projects(user: User) -> None:
    told = {}
    for month in range(1, 7):
        project = ("shop", "blog")[month % 2]
        note = await user.add(
            f"Note {month} about the harbour", occurred_at=f"2023-0{month}-15T12:00:00Z", project=project
        )
        told[month] = note.id
    await user.indexer.drain()
    asked: list[tuple[dict[str, object], set[int]]] = [
        ({"occurred_at": {"gte": "2023-03"}}, {3, 4, 5, 6}),
        ({"occurred_at": {"gt": "2023-03"}}, {4, 5, 6}),
        ({"occurred_at": {"lte": "2023-03-15T12:00:00Z"}, "project": "blog"}, {1, 3}),
        ({"OR": [{"occurred_at": {"lt": "2023-02"}}, {"project": "shop"}]}, {1, 2, 4, 6}),
        ({"created_at": {"lt": "2023"}}, set()),
    ]
    for filters, months in asked:
        expected = {told[month] for month in months}
        listed = await user.memory.get_memories(user.session(), filters=filters)
        assert {memory["id"] for memory in listed["results"]} == expected, filters
        found = await user.search("harbour note", filters=filters, weak=True)
        assert {memory["id"] for memory in found["results"]} == expected, filters
