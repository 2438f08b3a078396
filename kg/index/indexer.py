"""Keeps the side-index in step with the graph. The queue is the label ``:Unindexed`` in the graph itself.

The queue is emptied in lanes at a time: one for what calls have left that somebody may wait for, and three for what
came in bulk, so that the models have work while batches are looked up and written. A node is in one lane at a time.

Invariant: a node leaves the queue only while its revision is the one whose point was written and flushed, and a point
whose node is gone is removed, whatever died in between: the queue and the tombstones are durable, every step may be
repeated. A point can be found as soon as it is written, which is what a write waits for; a flush takes longer than all
else, so several writes share one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cachetools import FIFOCache

from kg.background import SETTLE_S, Background
from kg.errors import KgError, StoreUnavailable
from kg.graph.queries import Node
from kg.graph.query import Command
from kg.graph.store import GraphStore, Transaction
from kg.index import queries
from kg.index.compare import INDEXED_LABELS, point_hash
from kg.index.holder import IndexHolder
from kg.index.node_points import point_of, text_of
from kg.index.queries import IndexWork, QueuedNode
from kg.index.vectors import NodeText, NodeVectors
from kg.ports import Clock, Embedder, IndexPoint, Vector, VectorIndex

log = logging.getLogger(__name__)

BATCH = 32
"""Most nodes that are embedded and written at once. With 64 an import is slower, because its last batches take longer
while nothing else is left to do."""
BULK_LANES = 3
"""So many batches of what came in bulk are under way at once."""
LOOK_EVERY_S = 1.0
"""How often the whole queue is looked over for what did not come in bulk, while there is work in bulk: that takes ten
microseconds for each node that waits. What a call waits for is looked up at once."""
FLUSH_AFTER_S = 0.1
"""How long written points wait for the flush that makes them durable: those of several writes share one."""
FLUSH_LATEST_S = 2.0
"""So long they wait if a write is under way, which the flush would slow down."""
FLUSH_AT = 128
"""So many written points are flushed at once, however busy it is."""
TOMBSTONE_LIFE = timedelta(minutes=10)
REQUEST_LIFE = timedelta(hours=24)
_SWEEP_EVERY = timedelta(minutes=1)
PAGE = 1000
"""How many points are removed at once, and how many tombstones forgotten."""
_IDLE_S = 30.0
_REMEMBERED = 4096
_PROBE = "Does the model answer?"
_REQUEUED_AT_ONCE = 1000
"""Nodes queued in one transaction, while other writes of their partitions wait."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class IndexerState:
    """What ``status`` shows of the indexer.

    Attributes:
        error: why the last round failed, or why a node still waits for another try; None while all is well.
    """

    indexed: int = 0
    removed: int = 0
    error: str | None = None


class _Round(NamedTuple):
    """What one look at the queue has found: whether its lane may have more to do, and whether there is work in bulk."""

    goes_on: bool
    bulk_waits: bool


class Indexer:
    """One background task that empties the queue; woken by writes, and by itself every half minute."""

    def __init__(
        self,
        store: GraphStore,
        index: VectorIndex,
        embedder: Embedder,
        clock: Clock,
        *,
        page: int = PAGE,
        flush_at: int = FLUSH_AT,
        holder: IndexHolder | None = None,
    ) -> None:
        """``holder`` says whether this service may touch the queue; without one nobody else is reckoned with."""
        self._holder = holder
        self._page = page
        self._flush_at = flush_at
        self.state = IndexerState()
        self._store = store
        self._index = index
        self._vectors = NodeVectors(embedder)
        self._clock = clock
        self._wake = asyncio.Event()
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._task = Background("indexer", self._run)
        self._recent: FIFOCache[str, bool] = FIFOCache(_REMEMBERED)
        self._wanted: dict[str, None] = {}
        self._taken: set[str] = set()
        self._written: dict[str, QueuedNode] = {}
        self._flushing: dict[str, QueuedNode] = {}
        self._working = asyncio.Lock()
        self._taking = asyncio.Lock()
        self._one_flush = asyncio.Lock()
        self._swept = _EPOCH

    def start(self) -> None:
        """Start the background task."""
        self._task.start()

    async def stop(self) -> None:
        """Stop the background task; what is still queued stays queued in the graph."""
        await self._task.stop()

    def wake(self) -> None:
        """Tell that the queue has grown."""
        self._wake.set()

    def announce(self, texts: Sequence[NodeText]) -> None:
        """Tell which texts a write is about to queue, so that they are embedded while it commits."""
        self._vectors.announce(texts)

    async def embedded(self, texts: Sequence[NodeText]) -> list[Vector]:
        """Return (d,) of the beginning of each text, in order, and leave what was announced in its place.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        found = await self._vectors.share(texts)
        return [found[text].vectors.text[0] for text in texts]

    async def wait_indexed(self, uuids: Sequence[str], timeout_s: float, *, new: bool) -> bool:
        """Wake the indexer, wait until the points of these nodes are written; return True if they were in time.

        Args:
            uuids: nodes that a write has queued.
            timeout_s: longest wait.
            new: whether that write created them; such nodes may have been indexed before this call.
        """
        uuids = [uuid for uuid in uuids if not (new and uuid in self._recent)]
        self._wanted |= dict.fromkeys(uuids)
        self._wake.set()
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[None]] = []
        for uuid in uuids:
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.setdefault(uuid, set()).add(future)
            futures.append(future)
        try:
            await asyncio.wait_for(asyncio.gather(*futures), timeout_s)
        except TimeoutError:
            return False
        finally:
            for uuid, future in zip(uuids, futures, strict=True):
                waiting = self._waiters.get(uuid, set())
                waiting.discard(future)
                if not waiting:
                    self._waiters.pop(uuid, None)
        return True

    async def drain(self) -> None:
        """Work until a look finds nothing to do and all is durable; for start-up, tests and repairs."""
        async with self._working:
            while True:
                await self._empty_queue()
                if not self._written and not self._flushing:
                    return
                await self._flush()  # what has changed since it was written is queued again

    async def requeue_all(self) -> int:
        """Queue every node again, after the index was lost or for one that is rebuilt; return how many wait."""
        queued = 0
        for label in INDEXED_LABELS:
            after: str | None = ""
            while after is not None:
                params = {"label": label, "after": after, "top_k": _REQUEUED_AT_ONCE}
                page = await self._store.write(lambda tx, p=params: tx.run_one(queries.requeue_all, **p), "requeue_all")
                after = page["last"]
                queued += page["queued"]
        self._wake.set()
        return queued

    async def ensure_held(self) -> None:
        """Make sure that this service may work on the index.

        Raises:
            StoreUnavailable: another service holds it, or the database does not answer.
        """
        if self._holder is not None:
            await self._holder.ensure()

    async def _keep(self, tx: Transaction) -> None:
        """Let nobody else take the index until a transaction ends that tells the graph what was indexed."""
        if self._holder is not None:
            await self._holder.keep(tx)

    async def can_embed(self) -> bool:
        """Tell whether the embedder works at present."""
        with contextlib.suppress(StoreUnavailable):
            await self._vectors.embed([NodeText("entity", _PROBE)])
            return True
        return False

    async def _run(self) -> None:
        await self._pause(SETTLE_S)
        delay = 0.1
        while True:
            self._wake.clear()
            try:
                async with self._working:
                    await self._empty_queue()
                if self._written:
                    await self._until_quiet()
                if not self._wake.is_set():
                    await self._flush()
                    if self.state.error is not None:
                        self.state.error = (await self._store.read_one(queries.index_lag))["error"]
                delay = 0.1
                await self.sweep(self._clock.now())
                await self._pause(_IDLE_S)
                continue
            except KgError as error:
                self._report(str(error))
            except Exception as error:
                self._report(type(error).__name__)
                log.exception("the indexer met an unexpected error")
            delay = min(delay * 2, _IDLE_S)
            await self._pause(delay)

    async def _pause(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()

    async def _until_quiet(self) -> None:
        """Wait a moment, and while a write is under way, but not for long; return at once when the queue has grown."""
        for _ in range(round(FLUSH_LATEST_S / FLUSH_AFTER_S)):
            await self._pause(FLUSH_AFTER_S)
            if self._wake.is_set() or not self._store.writes:
                return

    def _report(self, error: str) -> None:
        if self.state.error != error:
            log.warning("indexing is delayed: %s", error)
        self.state.error = error

    async def _empty_queue(self) -> None:
        """Work until a look finds nothing to do: in one lane, and in further ones while there is work in bulk.

        Raises:
            KgError: a lane failed; the others have ended.
        """
        lanes: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        try:
            while True:
                more = self._wake.is_set()
                self._wake.clear()
                while lanes and self._wanted:
                    await self._round(bulk=False, wanted=self._next_wanted())
                if not lanes or loop.time() >= look_at:
                    self._wanted.clear()
                    while (work := await self._round(bulk=False)).goes_on:
                        pass
                    look_at, more = loop.time() + LOOK_EVERY_S, work.bulk_waits
                while more and len(lanes) < BULK_LANES:
                    lanes.add(asyncio.create_task(self._work_in_bulk()))
                if not lanes:
                    return
                for lane in await self._until_woken(lanes, look_at - loop.time()):
                    lanes.remove(lane)
                    lane.result()
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    def _next_wanted(self) -> list[str]:
        """Return some nodes that calls wait for; each is asked for once."""
        some = list(self._wanted)[:BATCH]
        for uuid in some:
            del self._wanted[uuid]
        return some

    async def _until_woken(self, lanes: set[asyncio.Task[None]], timeout_s: float) -> set[asyncio.Task[None]]:
        """Wait until the queue grows, a lane ends or the time is over; return the lanes that ended."""
        woken = asyncio.create_task(self._wake.wait())
        done, _ = await asyncio.wait({*lanes, woken}, timeout=max(timeout_s, 0.0), return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        return lanes & done

    async def _work_in_bulk(self) -> None:
        while (await self._round(bulk=True)).goes_on:
            pass

    async def _round(self, *, bulk: bool, wanted: Sequence[str] = ()) -> _Round:
        """Do one batch of the work of a lane, or of what is wanted."""
        work = await self._take(bulk=bulk, wanted=wanted)
        nodes, gone = work["nodes"], work["tombstones"]
        try:
            if nodes or gone:
                await self.ensure_held()
                self._store.check_room()  # before the index grows: the graph could not be told of it
            if nodes:
                await self._index_nodes(nodes)
            if gone:
                await self._remove_points(gone)
        finally:
            self._taken -= {node["uuid"] for node in nodes}
        # Each look at the queue passes over what is written and not flushed, so there is not too much of it.
        if len(self._written) >= (2 * self._flush_at if bulk else self._flush_at) and not self._one_flush.locked():
            await self._flush()
        return _Round(len(nodes) == BATCH or len(gone) == self._page, work["bulk_waits"])

    async def _take(self, *, bulk: bool, wanted: Sequence[str]) -> IndexWork:
        """Return a batch for a lane, of which the nodes are no other lane's until they are written."""
        async with self._taking:
            written = self._flushing | self._written
            work = await self._store.read_one(
                queries.index_work,
                now=self._clock.now(),
                bulk=bulk,
                wanted=list(wanted),
                taken=list(self._taken),
                written={uuid: node["index_rev"] for uuid, node in written.items()},
                nodes_top_k=BATCH,
                tombstones_top_k=0 if bulk else self._page,
            )
            self._taken |= {node["uuid"] for node in work["nodes"]}
            return work

    async def _index_nodes(self, nodes: Sequence[QueuedNode]) -> None:
        gone = [node for node in nodes if node["gone"]]
        kept = [node for node in nodes if not node["gone"]]
        written = await self._write_points(kept) if kept else set[str]()
        if gone:
            await self._index.delete_points([node["uuid"] for node in gone])
            written.update(node["uuid"] for node in gone)
        self._written |= {node["uuid"]: node for node in nodes if node["uuid"] in written}
        self._release(written)

    async def _flush(self) -> None:
        """Flush what was written, and take its nodes off the queue unless they have changed since.

        If a node changed meanwhile, another service may have indexed the newer text, and this one overwrote it.
        Such a node is queued again, but only if its point would differ: otherwise two services would queue each
        other's nodes for ever.
        """
        async with self._one_flush:
            self._flushing, self._written = self._written, {}
            try:
                await self._flush_points(self._flushing)
            finally:
                self._flushing = {}

    async def _flush_points(self, written: Mapping[str, QueuedNode]) -> None:
        if not written:
            return
        await self.ensure_held()  # otherwise what was written stays queued
        await self._index.flush()
        by_user: defaultdict[str, list[QueuedNode]] = defaultdict(list)
        for node in written.values():
            by_user[node["user_id"]].append(node)
        done: set[str] = set()
        for user_id, nodes in by_user.items():
            rows = await self._store.write(
                lambda tx, u=user_id, n=nodes: self._mark(tx, u, n), "mark_indexed", partition=user_id
            )
            done |= {row["uuid"] for row in rows}
        missed = sorted(written.keys() - done - self._taken - self._written.keys())  # those are written again anyhow
        if missed:
            present = {row["uuid"] for row in await self._store.read(queries.existing_nodes, uuids=missed)}
            await self._index.delete_points([uuid for uuid in missed if uuid not in present])
            changed = [uuid for uuid in sorted(present) if await self._says_something_else(written[uuid])]
            if changed:
                await self._store.write(lambda tx: tx.run(queries.queue_nodes, uuids=changed), "queue_nodes")
                self._wake.set()
        self.state.indexed += len(done)

    async def _mark(self, tx: Transaction, user_id: str, nodes: Sequence[QueuedNode]) -> list[Node]:
        await self._keep(tx)
        marks = [{"uuid": node["uuid"], "rev": node["index_rev"]} for node in nodes]
        return await tx.run(queries.mark_indexed, user_id=user_id, nodes=marks)

    async def _says_something_else(self, written: QueuedNode) -> bool:
        """Tell whether the point of a node should say something else by now than what was written."""
        label, before = written["kind"].capitalize(), written["uuid"][:-1]
        page = await self._store.read_one(queries.indexed_nodes, label=label, after=before, top_k=1)
        return any(
            node["uuid"] == written["uuid"] and point_hash(node) != point_hash(written) for node in page["nodes"]
        )

    def _release(self, uuids: set[str]) -> None:
        """Let go whoever waits for these nodes: they can be found, whatever becomes of the queue."""
        for uuid in uuids:
            self._recent[uuid] = True
            for future in self._waiters.pop(uuid, set()):
                if not future.done():
                    future.set_result(None)

    async def _write_points(self, nodes: Sequence[QueuedNode]) -> set[str]:
        """Write the points of nodes and return which were written; a node that a person broke holds up no other."""
        try:
            points = await self._embed(nodes)
            if points:
                await self._index.upsert_points(points, durable=False)
        except KgError:
            raise
        except Exception as error:
            if len(nodes) == 1:
                log.exception("node %s cannot be indexed", nodes[0]["uuid"])
                await self._back_off(nodes, f"unexpected {type(error).__name__}")
                return set()
        else:
            return {point.uuid for point in points}
        written: set[str] = set()
        for node in nodes:
            written |= await self._write_points([node])
        return written

    async def _embed(self, nodes: Sequence[QueuedNode]) -> list[IndexPoint]:
        try:
            return await self._embed_batch(nodes)
        except StoreUnavailable as error:
            if error.retryable or len(nodes) == 1:
                await self._back_off(nodes, str(error))
                return []
        points: list[IndexPoint] = []
        for node in nodes:  # one bad text must not hold up the others
            points.extend(await self._embed([node]))
        return points

    async def _back_off(self, nodes: Sequence[QueuedNode], error: str) -> None:
        now = self._clock.now()
        for node in nodes:
            user_id = node["user_id"]
            params = {"user_id": user_id, "uuid": node["uuid"], "error": error, "now": now}
            await self._store.write(
                lambda tx, p=params: tx.run(queries.mark_unindexable, **p), "mark_unindexable", partition=user_id
            )
        self._report(error)

    async def _embed_batch(self, nodes: Sequence[QueuedNode]) -> list[IndexPoint]:
        indexed = await self._vectors.embed([text_of(node) for node in nodes])
        return [point_of(node, indexed[text_of(node)]) for node in nodes]

    async def _remove_points(self, uuids: list[str]) -> None:
        present = {row["uuid"] for row in await self._store.read(queries.existing_nodes, uuids=uuids)}
        await self._index.delete_points([uuid for uuid in uuids if uuid not in present])
        await self._store.write(lambda tx: self._forget(tx, queries.mark_tombstones, uuids), "mark_tombstones")
        self.state.removed += len(uuids)

    async def sweep(self, now: datetime) -> None:
        """Forget old tombstones, after removing their points once more, and old answers, unless it was done just now.

        New work comes first; the rest is swept after it.
        """
        if now - self._swept <= _SWEEP_EVERY:
            return
        while await self._sweep_some(now):
            if self._wake.is_set():
                return
        self._swept = now

    async def _sweep_some(self, now: datetime) -> bool:
        """Sweep one batch; True if there may be more."""
        rows = await self._store.read(queries.old_tombstones, before=now - TOMBSTONE_LIFE, top_k=self._page)
        uuids = [row["uuid"] for row in rows]
        if uuids:
            await self.ensure_held()
            present = {row["uuid"] for row in await self._store.read(queries.existing_nodes, uuids=uuids)}
            await self._index.delete_points([uuid for uuid in uuids if uuid not in present])
            await self._store.write(lambda tx: self._forget(tx, queries.delete_tombstones, uuids), "delete_tombstones")
        before = now - REQUEST_LIFE
        requests = await self._store.write(
            lambda tx: tx.run_one(queries.delete_old_requests, before=before, top_k=self._page), "delete_old_requests"
        )
        return self._page in (len(uuids), requests["removed"])

    async def _forget(self, tx: Transaction, command: Command, uuids: Sequence[str]) -> None:
        await self._keep(tx)
        await tx.run(command, uuids=list(uuids))
