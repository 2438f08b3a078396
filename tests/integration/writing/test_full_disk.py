"""A disk without room: whatever would write is refused in words, reads go on, and room brings everything back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kg.errors import DiskFull
from kg.graph.migrate import migrate
from kg.graph.store import GraphAddress, GraphStore
from kg.index.rebuild import Reindex
from kg.managed.free_space import Floor, Room
from kg.operations.administration import Administration
from kg.operations.memory import Parts
from tests.support.user import User, lives_in

PLENTY, SHORT = 10**9, 10**8
FLOOR = Floor(Path("/data"), 4 * 10**8, "KNOWTHREAD_DATA_DIR")


class Disk:
    """A disk whose free space a test sets."""

    def __init__(self) -> None:
        self.free = PLENTY


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def graph(neo4j_address: GraphAddress, disk: Disk) -> AsyncIterator[GraphStore]:
    store = GraphStore(neo4j_address, Room([FLOOR], lambda _: disk.free).check)
    await store.connect()
    await migrate(store)
    await store.driver.execute_query("CALL db.awaitIndexes(120)")
    yield store
    await store.close()


@pytest.fixture
def administration(parts: Parts) -> Administration:
    reindex = Reindex(parts.store, parts.index, parts.indexer)
    return Administration(parts.store, parts.index, parts.indexer, parts.clock, reindex=reindex, resume=lambda: None)


async def test_what_writes_is_refused_and_changes_nothing(
    user: User, disk: Disk, administration: Administration
) -> None:
    first = await user.add("I live in Paris", lives_in("Paris"))
    second = await user.add("I live in Berlin", lives_in("Berlin", supersedes=[first.fact]))
    await user.indexer.drain()
    before = await everything(user)
    decision = (await administration.list_conflicts(user.session()))["decided"][0]["id"]
    merging: dict[str, Any] = {"name": "Paris", "into": "Berlin"}
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: user.add("I live in Rome", lives_in("Rome")),
        lambda: user.update(second.id, text="I live in Bonn"),
        lambda: user.delete(first.id),
        lambda: user.memory.delete_all_memories(user.session(), user_id=user.id, confirm=2),
        lambda: user.memory.delete_entities(user.session(), name="Paris"),
        lambda: administration.undo_decision(user.session(), id=decision),
        lambda: administration.merge_entities(user.session(), **merging),
        lambda: administration.retry_jobs(user.session()),
        lambda: administration.extract_pending(user.session()),
    ]
    disk.free = SHORT
    for write in writes:
        with pytest.raises(DiskFull, match="100 MB are free for /data, and below 400 MB nothing is stored"):
            await write()
    assert await everything(user) == before
    assert [hit["id"] for hit in (await user.search("where do I live?"))["results"]]
    assert await user.objects("user") == {"Berlin"}
    disk.free = PLENTY
    third = await user.add("I live in Rome", lives_in("Rome", supersedes=[second.fact]), wait=True)
    assert third["indexed"] and await user.objects("user") == {"Rome"}


async def test_the_index_stands_still_until_there_is_room(user: User, parts: Parts, disk: Disk) -> None:
    await parts.indexer.stop()
    points = await parts.index.count()
    await user.add("Sessions stay in Postgres")
    disk.free = SHORT
    with pytest.raises(DiskFull):
        await parts.indexer.drain()
    assert await parts.index.count() == points
    disk.free = PLENTY
    await parts.indexer.drain()
    assert await parts.index.count() == points + 1


async def everything(user: User) -> list[dict[str, Any]]:
    """All nodes of the user, but for counts of how often a memory was recalled."""
    query = """
    MATCH (n {user_id: $user_id}) WHERE NOT n:Tombstone
    RETURN labels(n) AS labels, n{.*, recall_count: null, last_recalled_at: null} AS properties
    ORDER BY labels, toString(n.uuid), toString(n.key)
    """
    return await user.raw(query)
