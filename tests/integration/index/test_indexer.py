"""The queue of the side-index: what is found at once, and what must not leave the queue yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import uuid4

import pytest

from kg.errors import StoreUnavailable
from kg.graph import queries as graph_queries
from kg.graph.partition import lock
from kg.graph.store import Transaction
from kg.index import queries as index_queries
from kg.index.indexer import Indexer
from kg.operations.memory import MemoryService, Parts
from kg.ports import Embedder, VectorIndex
from tests.support.user import TestClock, User, raw, states

NOTE = "The gateway drops idle connections after 55 seconds"
WAITING = "MATCH (n:Unindexed {user_id: $user_id}) RETURN n.uuid AS uuid"


@pytest.fixture(autouse=True)
async def no_failures_of_others(parts: Parts) -> None:
    """The queue is everybody's, so what other tests made impossible to index must leave it."""
    await raw(parts, "MATCH (n:Unindexed) WHERE n.index_error IS NOT NULL REMOVE n:Unindexed")


async def waiting(user: User) -> set[str]:
    return {row["uuid"] for row in await user.raw(WAITING)}


async def until_settled(user: User) -> None:
    async with asyncio.timeout(20):
        while await waiting(user):
            await asyncio.sleep(0.05)


async def until_error(parts: Parts, words: str | None) -> None:
    """Wait until the indexer tells an error with these words, or none."""
    async with asyncio.timeout(20):
        while (error := parts.indexer.state.error) != words and not (error and words and words in error):
            await asyncio.sleep(0.05)


async def test_a_note_is_found_when_it_is_acknowledged_and_off_the_queue_soon_after(user: User):
    added = await user.add(NOTE, wait=True)
    assert added["indexed"] is True
    hit = (await user.search("why are idle links cut?"))["results"][0]
    assert hit["id"] == added.id and "similarity" in hit
    await until_settled(user)


class Flushing:
    """An index that calls a test before each flush."""

    def __init__(self, index: Any, before: Callable[[], Awaitable[None]]) -> None:
        self._index = index
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    async def flush(self) -> None:
        await self._before()
        await self._index.flush()


@asynccontextmanager
async def user_of_index(parts: Parts, clock: TestClock, before: Callable[[], Awaitable[None]]) -> AsyncGenerator[User]:
    """Somebody new whose service calls a test before each flush."""
    index = cast("VectorIndex", Flushing(parts.index, before))
    await parts.indexer.drain()
    own = replace(parts, index=index, indexer=Indexer(parts.store, index, parts.embedder, clock))
    own.indexer.start()
    try:
        yield User(own, MemoryService(own), clock)
    finally:
        await own.indexer.stop()


async def reword(user: User, edit: list[str]) -> None:
    """Give the memories that are left to edit another text, by hand."""
    while edit:
        await user.raw(
            "MATCH (m:Memory {uuid: $uuid}) SET m.text = 'Bees dance', m.index_rev = m.index_rev + 1, m:Unindexed",
            uuid=edit.pop(),
        )


async def test_a_point_that_could_not_be_flushed_keeps_its_place_in_the_queue(parts: Parts, clock: TestClock):
    disk_is_full = True
    failed = asyncio.Event()

    async def room() -> None:
        if disk_is_full:
            failed.set()
            raise StoreUnavailable("qdrant", "no space left on device", retryable=True)

    async with user_of_index(parts, clock, room) as user:
        added = await user.add(NOTE, wait=True)
        assert added["indexed"] is True
        async with asyncio.timeout(20):
            await failed.wait()
        assert added.id in await waiting(user)
        await until_error(user.parts, "no space left")
        disk_is_full = False
        user.indexer.wake()
        await until_settled(user)
        await until_error(user.parts, None)


@asynccontextmanager
async def partition_held(user: User) -> AsyncGenerator[None]:
    """A write that holds the partition's lock, and nothing else."""
    held, done = asyncio.Event(), asyncio.Event()

    async def hold(tx: Transaction) -> None:
        await lock(tx, user.id, user.clock)
        held.set()
        await done.wait()

    holding = asyncio.create_task(user.parts.store.write(hold, "held"))
    await held.wait()
    try:
        yield
    finally:
        done.set()
        await holding


async def until_blocked(user: User, label: str) -> None:
    """Wait until a write with this label waits for a lock."""
    async with asyncio.timeout(20):
        while not await user.raw(
            "SHOW TRANSACTIONS YIELD metaData, status WHERE metaData.query = $label AND status STARTS WITH 'Blocked' "
            "RETURN status",
            label=label,
        ):
            await asyncio.sleep(0.02)


async def test_nodes_leave_the_queue_after_the_write_that_holds_their_partition(user: User):
    """Otherwise the two could each wait for a node that the other holds, and the database would end one of them."""
    await user.add("Ada uses Redis", states("Ada uses Redis", "USES", "Ada", "Redis"), wait=True)
    parts = user.parts
    await parts.indexer.stop()
    await parts.indexer.drain()
    async with partition_held(user):
        await user.raw("MATCH (n:Memory|Entity|Fact {user_id: $user_id}) SET n:Unindexed")
        drained = asyncio.create_task(parts.indexer.drain())
        await until_blocked(user, "mark_indexed")
        assert len(await waiting(user)) == 4
    await drained
    assert not await waiting(user)


QUEUED = "MATCH (n:Memory|Entity|Fact {user_id: $user_id}) RETURN n.uuid AS uuid, n.index_rev AS revision"


@pytest.mark.parametrize("label", ["queue_nodes", "requeue_all", "mark_unindexable", "retry_unindexable"])
async def test_nodes_are_queued_or_put_back_after_the_write_that_holds_their_partition(user: User, label: str):
    """For the same reason. The lock is asked for before any node is, so all nodes can still be written meanwhile."""
    added = await user.add("Ada uses Redis", states("Ada uses Redis", "USES", "Ada", "Redis"), wait=True)
    parts = user.parts
    await parts.indexer.stop()
    await parts.indexer.drain()
    uuids = [row["uuid"] for row in await user.raw(QUEUED)]
    failed = {"user_id": user.id, "uuid": added.id, "error": "too long", "now": user.clock.now()}

    async def change(tx: Transaction) -> None:
        if label == "queue_nodes":
            await tx.run(index_queries.queue_nodes, uuids=uuids)
        elif label == "requeue_all":
            await tx.run(index_queries.requeue_all, label="Memory", after=added.id[:-1], top_k=1)
        elif label == "mark_unindexable":
            await tx.run(index_queries.mark_unindexable, **failed)
        else:
            await tx.run(index_queries.retry_unindexable)

    if label == "mark_unindexable":
        await user.raw("MATCH (n:Memory {user_id: $user_id}) SET n:Unindexed")
    elif label == "retry_unindexable":
        await user.raw("MATCH (n:Memory {user_id: $user_id}) SET n:Unindexed, n.index_error = 'too long'")
    async with partition_held(user):
        changing = asyncio.create_task(parts.store.write(change, label))
        await until_blocked(user, label)
        async with asyncio.timeout(20):
            await user.raw("MATCH (n:Memory|Entity|Fact {user_id: $user_id}) SET n.index_rev = 100")
    await changing
    row = (await user.raw("MATCH (n {uuid: $uuid}) RETURN n:Unindexed AS waits, n.index_error AS error, "
                          "n.index_rev AS revision", uuid=added.id))[0]  # fmt: skip
    assert row == {
        "waits": True,
        "error": "too long" if label == "mark_unindexable" else None,
        "revision": 101 if label in ("queue_nodes", "requeue_all") else 100,
    }


async def test_what_changes_between_write_and_flush_is_written_again(parts: Parts, clock: TestClock):
    edit: list[str] = []
    flushes = 0

    async def meanwhile() -> None:
        nonlocal flushes
        flushes += 1
        await reword(user, edit)

    async with user_of_index(parts, clock, meanwhile) as user:
        added = await user.add(NOTE)
        await until_settled(user)
        flushes = 0
        edit.append(added.id)
        await user.raw("MATCH (m:Memory {uuid: $uuid}) SET m:Unindexed", uuid=added.id)
        user.indexer.wake()
        async with asyncio.timeout(20):
            while not flushes:
                await asyncio.sleep(0.02)
        user.indexer.wake()
        await until_settled(user)
        assert flushes == 2
        vector = await parts.embedder.embed_query("Bees dance")
        near = await parts.index.similarities("text", vector, [added.id])
        assert near[added.id] == pytest.approx(1, abs=0.02)


async def test_a_drain_ends_when_nothing_waits_not_even_what_changed_meanwhile(parts: Parts, clock: TestClock):
    edit: list[str] = []
    async with user_of_index(parts, clock, lambda: reword(user, edit)) as user:
        added = await user.add(NOTE)
        await until_settled(user)
        await user.indexer.stop()
        edit.append(added.id)
        await user.raw("MATCH (m:Memory {uuid: $uuid}) SET m:Unindexed", uuid=added.id)
        await user.indexer.drain()
        assert not edit and not await waiting(user)


@dataclass
class SlowService:
    """Another service on the same stores, which has read what is queued and is slow to write its points."""

    indexer: Indexer
    goes_on: asyncio.Event
    work: asyncio.Task[None]

    async def write(self) -> None:
        self.goes_on.set()
        await self.work


class Held:
    """An embedder that waits until it may go on."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self.asked, self.goes_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    async def embed_texts(self, texts: Any) -> Any:
        self.asked.set()
        await self.goes_on.wait()
        return await self._embedder.embed_texts(texts)


@pytest.fixture
async def make_slow(parts: Parts) -> Callable[[], Awaitable[SlowService]]:
    async def make() -> SlowService:
        held = Held(parts.embedder)
        indexer = Indexer(parts.store, parts.index, cast("Embedder", held), parts.clock)
        service = SlowService(indexer, held.goes_on, asyncio.create_task(indexer.drain()))
        async with asyncio.timeout(20):
            await held.asked.wait()
        return service

    return make


async def test_what_a_slow_service_overwrites_with_an_old_text_is_written_again(
    user: User, parts: Parts, make_slow: Callable[[], Awaitable[SlowService]]
):
    await parts.indexer.stop()
    added = await user.add(NOTE)
    slow = await make_slow()
    await user.update(added.id, text="Bees dance")
    await parts.indexer.drain()
    assert await waiting(user) == set()
    await slow.write()
    assert await waiting(user) == set(), "it was queued again, and written by the same drain"
    vector = await parts.embedder.embed_query("Bees dance")
    assert (await parts.index.similarities("text", vector, [added.id]))[added.id] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("meanwhile", [[], ["queued again"]])
async def test_a_node_that_two_services_wrote_alike_is_not_queued_again(
    user: User, parts: Parts, make_slow: Callable[[], Awaitable[SlowService]], meanwhile: list[str]
):
    await parts.indexer.stop()
    added = await user.add(NOTE, states("The gateway drops links", "DROPS", "gateway", "links"))
    slow = await make_slow()
    for _ in meanwhile:
        await parts.store.write(lambda tx: tx.run(index_queries.queue_nodes, uuids=[added.id, added.fact]), "test")
    await parts.indexer.drain()
    await slow.write()
    assert await waiting(user) == set()


@pytest.mark.parametrize("broken", ["not json {", "[1, 2]", "[" * 5000])
async def test_metadata_that_was_broken_by_hand_stops_nothing(user: User, parts: Parts, broken: str):
    added = await user.add("The gateway is flaky", metadata={"v": 1})
    await user.raw(
        "MATCH (m:Memory {uuid: $uuid}) SET m.metadata = $broken, m.index_rev = m.index_rev + 1, m:Unindexed",
        uuid=added.id, broken=broken,
    )  # fmt: skip
    other = await user.add(NOTE, wait=True)
    assert other["indexed"] is True
    await until_settled(user)
    assert parts.indexer.state.error is None
    assert "metadata" not in await user.get(added.id)
    found = await user.search("flaky gateway", filters={"v": {"ne": 1}})
    assert added.id in [hit["id"] for hit in found["results"]]
    assert len((await user.memory.get_memories(user.session()))["results"]) == 2


class HeldInBulk(Held):
    """An embedder that waits with what was imported."""

    async def embed_texts(self, texts: Any) -> Any:
        imported = any("imported" in one.text for one in texts)
        return await (super() if imported else self._embedder).embed_texts(texts)


async def test_a_note_is_found_at_once_while_an_import_is_embedded(user: User, parts: Parts):
    await parts.indexer.stop()
    held = HeldInBulk(parts.embedder)
    importing = replace(parts, indexer=Indexer(parts.store, parts.index, cast("Embedder", held), parts.clock))
    user = User(importing, MemoryService(importing), user.clock)
    importing.indexer.start()
    try:
        messages = [{"role": "user", "content": f"An imported line, number {n}"} for n in range(80)]
        answer = await user.memory.add_memory(user.session(), messages=messages)
        imported = {result["id"] for result in answer["results"]}
        async with asyncio.timeout(20):
            await held.asked.wait()
        for n in range(3):
            added = await user.add(f"{NOTE}, {n}", wait=True)
            assert added["indexed"] is True
        assert await waiting(user) >= imported
        held.goes_on.set()
        await until_settled(user)
        vector = await parts.embedder.embed_query("An imported line")
        assert (await parts.index.similarities("text", vector, sorted(imported))).keys() == imported
    finally:
        held.goes_on.set()
        await importing.indexer.stop()


class Choking:
    """An embedder that fails on one text in a way that nobody foresaw."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    async def embed_texts(self, texts: Any) -> Any:
        if any("flaky" in one.text for one in texts):
            raise TypeError("nobody foresaw this")
        return await self._embedder.embed_texts(texts)


async def test_a_node_that_cannot_be_indexed_for_whatever_reason_holds_up_no_other(user: User, parts: Parts):
    await parts.indexer.stop()
    indexer = Indexer(parts.store, parts.index, cast("Embedder", Choking(parts.embedder)), parts.clock)
    choking = replace(parts, indexer=indexer)
    user = User(choking, MemoryService(choking), user.clock)
    indexer.start()
    try:
        added = await user.add("The gateway is flaky")
        failure = "MATCH (n:Unindexed {uuid: $uuid}) RETURN n.index_error AS error"
        async with asyncio.timeout(20):
            while not (failed := await user.raw(failure, uuid=added.id))[0]["error"]:
                await asyncio.sleep(0.05)
        assert "TypeError" in failed[0]["error"]
        for _ in range(3):
            other = await user.add(f"{NOTE} {uuid4()}", wait=True)
            assert other["indexed"] is True
        async with asyncio.timeout(20):
            while await waiting(user) != {added.id}:
                await asyncio.sleep(0.05)
        assert indexer.state.error == failed[0]["error"], "others that went well do not make this one well"
        await user.raw("MATCH (m:Memory {uuid: $uuid}) DETACH DELETE m", uuid=added.id)
        indexer.wake()
        await until_error(choking, None)
    finally:
        await indexer.stop()


async def test_a_text_that_a_hand_made_a_number_is_indexed_as_it_reads(user: User):
    added = await user.add("The gateway is flaky")
    await until_settled(user)
    await user.raw(
        "MATCH (m:Memory {uuid: $uuid}) SET m.text = 5, m.index_rev = m.index_rev + 1, m:Unindexed", uuid=added.id
    )
    assert (await user.add(NOTE, wait=True))["indexed"] is True
    async with asyncio.timeout(20):
        while await waiting(user):
            await asyncio.sleep(0.05)


async def test_many_old_tombstones_are_forgotten_in_one_go_and_are_no_work_meanwhile(user: User, parts: Parts):
    indexer = Indexer(parts.store, parts.index, parts.embedder, parts.clock, page=4)
    await parts.indexer.stop()
    tombs = (
        "MATCH (t:Tombstone {user_id: $user_id}) RETURN count(t) AS all, count(CASE WHEN t:Pending THEN 1 END) AS new"
    )
    gone = [str(uuid4()) for _ in range(11)]
    now = user.clock.now()
    await parts.store.write(
        lambda tx: tx.run(graph_queries.create_tombstones, user_id=user.id, uuids=gone, now=now), "test"
    )
    assert await user.raw(tombs) == [{"all": 11, "new": 11}]
    await indexer.drain()
    assert await user.raw(tombs) == [{"all": 11, "new": 0}]
    user.clock.tick(hours=1)
    await indexer.sweep(user.clock.now())
    assert await user.raw(tombs) == [{"all": 0, "new": 0}]
