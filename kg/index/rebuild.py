"""Rebuilds the index from the graph while the old one stays in use: for another embedder, or a damaged collection.

The queue does the work. A second, empty collection is made, and every node is queued. The indexer writes to both
collections until the queue is empty; then the second takes the place of the first. Changes made meanwhile go through
the same queue. Queue and collections are on disk, so a rebuild that was cut off goes on where it was.

Invariant: the graph notes the identity of a collection only while that collection lacks nothing but what is queued.
The note is taken back before a rebuild begins. So a collection that missed writes, because another embedder was used or
its rebuild was cancelled, is compared with the graph before it is used again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal

from kg.background import Background
from kg.errors import ConfigurationError, Conflict, DiskFull, KgError, OutdatedIndex, StoreUnavailable
from kg.graph.store import GraphStore
from kg.index import queries
from kg.index.compare import reconcile
from kg.index.holder import IndexHolder
from kg.index.indexer import Indexer
from kg.index.queries import IndexState
from kg.ports import VectorIndex

log = logging.getLogger(__name__)

State = Literal["idle", "building", "done", "failed"]

_LOOK_EVERY_S = 0.5
_RETRY_S = 5.0


class Reindex:
    """Opens the index as the graph knows it, and rebuilds it in the background; one rebuild at a time."""

    def __init__(
        self, store: GraphStore, index: VectorIndex, indexer: Indexer, holder: IndexHolder | None = None
    ) -> None:
        self._holder = holder
        self._store = store
        self._index = index
        self._indexer = indexer
        self._deciding = asyncio.Lock()
        self._task = Background("reindex", self._run)
        self._state: State = "idle"
        self._done = 0
        self._total = 0
        self._error: str | None = None

    async def open_index(self) -> None:
        """Open the index, queue what it lacks if the graph does not know it, and resume an interrupted rebuild.

        One that has the form of another version is rebuilt in the background.

        Raises:
            ConfigurationError: the index is of another embedder, and ``start`` rebuilds it; or another service holds
                the index of this graph.
            StoreUnavailable: a store does not answer.
        """
        async with self._deciding:
            try:
                try:
                    await self._index.open()
                finally:  # whether or not it opens, a second service is to know whose the queue is
                    await self._claim()
            except OutdatedIndex as error:
                log.warning("%s and is rebuilt; searches go by words until then", error)
                if self._state != "building":
                    self._launch()
                return
            if self._state == "building":
                return
            if self._index.building_id is None:
                await self._catch_up()
            else:
                self._launch()

    async def _claim(self) -> None:
        if self._holder is not None:
            await self._holder.claim(self._index.collection_id)

    def start(self) -> None:
        """Begin a rebuild in the background, or go on with one that was interrupted.

        Raises:
            Conflict: one is running.
        """
        if self._state == "building":
            raise Conflict(
                f"a reindex is running, {self._done:,} of {self._total:,} nodes are done; wait for it or cancel it"
            )
        self._launch()

    def progress(self) -> dict[str, Any]:
        """Return state (idle, building, done, failed), done and total in nodes, and error, None while all is well."""
        error = self._error
        if error is None and self._state == "building":
            error = self._indexer.state.error
        return {"state": self._state, "done": self._done, "total": self._total, "error": error}

    async def stop(self) -> None:
        """End the background task; an unfinished rebuild goes on at the next start of the service."""
        await self._task.stop()
        if self._state == "building":
            self._state = "idle"

    async def cancel(self) -> None:
        """Give an unfinished rebuild up; the old collection stays and is brought up to date.

        Raises:
            StoreUnavailable: a store does not answer.
        """
        await self.stop()
        await self._index.drop_rebuild()
        self._state, self._done, self._total, self._error = "idle", 0, 0, None
        try:
            await self.open_index()
        except ConfigurationError as error:
            self._error = str(error)

    async def _catch_up(self) -> None:
        """Queue what an index lacks that the graph does not know."""
        if await self._noted("index") == self._index.collection_id:
            return
        if await self._index.count():
            await reconcile(self._store, self._index)
        else:
            await self._indexer.requeue_all()
        await self._note("index", self._index.collection_id)
        self._indexer.wake()

    def _launch(self) -> None:
        self._state, self._error = "building", None
        self._task.start()

    async def _run(self) -> None:
        while True:
            try:
                await self._build()
            except StoreUnavailable as error:
                self._error = str(error)
                log.warning("reindexing is delayed: %s", error)
                if not error.retryable and not isinstance(error, DiskFull):  # room comes back, and the rebuild goes on
                    self._state = "failed"
                    return
                await asyncio.sleep(_RETRY_S)
            except KgError as error:
                self._state, self._error = "failed", str(error)
                log.error("reindexing failed: %s", error)
                return
            except Exception as error:
                self._state, self._error = "failed", type(error).__name__
                log.exception("reindexing met an unexpected error")
                return
            else:
                self._state, self._error = "done", None
                return

    async def _build(self) -> None:
        await self._indexer.ensure_held()
        async with self._deciding:
            await self._note("index", "")
            building_id = await self._index.begin_rebuild()
        self._error = None
        if await self._noted("building") != building_id:
            total = await self._indexer.requeue_all()
            await self._note("building", building_id, total)
        self._total = (await self._states())["building"]["total"] or 0 or 0
        log.info("reindexing %d nodes", self._total)
        self._indexer.wake()
        await self._until_filled()
        await self._indexer.ensure_held()
        await self._index.finish_rebuild()
        await reconcile(self._store, self._index)  # another service may have written to the old collection alone
        await self._note("index", self._index.collection_id)
        self._indexer.wake()
        self._done = self._total
        log.info("reindexed %d nodes", self._total)

    async def _until_filled(self) -> None:
        """Wait until the indexer has written every node but those that cannot be embedded although the model works."""
        tried_again = False
        while True:
            await self._indexer.ensure_held()  # if another service empties the queue, this index is not filled by it
            backlog = await self._store.read_one(queries.index_backlog)
            self._done = max(0, self._total - backlog["waiting"])
            if backlog["waiting"] == backlog["failing"]:
                if not backlog["failing"]:
                    return
                if not await self._indexer.can_embed():
                    tried_again = False
                elif tried_again:
                    log.warning("%d nodes cannot be embedded and stay queued", backlog["failing"])
                    return
                else:
                    await self._store.write(lambda tx: tx.run(queries.retry_unindexable), "retry_unindexable")
                    tried_again = True
                    self._indexer.wake()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _states(self) -> dict[str, IndexState]:
        return {row["name"]: row for row in await self._store.read(queries.index_state)}

    async def _noted(self, name: str) -> str | None:
        state = (await self._states()).get(name)
        return state["collection_id"] if state else None

    async def _note(self, name: str, collection_id: str, total: int = 0) -> None:
        await self._store.write(
            lambda tx: tx.run(queries.set_index_state, name=name, collection_id=collection_id, total=total),
            "set_index_state",
        )
