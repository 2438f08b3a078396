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
