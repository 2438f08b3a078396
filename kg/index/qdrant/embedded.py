"""The embedded index: Qdrant's engine in this process, on a folder that one process owns.

Storage: ``kg.index.qdrant.folder`` says which files count. Nothing counts as durable before the engine has
flushed it; a flush takes many times as long as a write.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from kg.errors import StoreUnavailable
from kg.index.qdrant.folder import ShardFolder, allocated_bytes, new_shard_name
from kg.index.qdrant.mapped import unmap_unused
from kg.index.qdrant.point_form import STORE, Owner, check_vector, checked_points, checked_query, point_ids
from kg.index.qdrant.shard import Shard, copy_shard, optimize_copy
from kg.ports import DenseName, IndexCard, IndexEntry, IndexHit, IndexPoint, IndexQuery, Vector

log = logging.getLogger(__name__)

OptimizeCopy = Callable[[Path, Callable[[asyncio.subprocess.Process], None]], Awaitable[bool]]
P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 16
"""Points in one call of the engine, which stops every other thread of the process meanwhile."""

WORTH_OPTIMIZING = 5000
"""Fewest changed points; below that a full scan of them takes 2 ms or less."""


class EmbeddedIndex:
    """``kg.ports.VectorIndex`` in a folder."""

    def __init__(
        self,
        path: Path,
        embedder_name: str,
        dimension: int,
        digest: str,
        *,
        worth_optimizing: int = WORTH_OPTIMIZING,
        optimize_copy: OptimizeCopy = optimize_copy,
    ) -> None:
        self._path = path
        self._worth_optimizing = worth_optimizing
        self._optimize_copy = optimize_copy
        self._owner = Owner(embedder_name, dimension, digest)
        self._folder = ShardFolder(path, self._owner)
        self._engine: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._optimizing = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._changed_since_copy: set[UUID] | None = None
        self._changes = 0
        self._closing = False

    @property
    def collection_id(self) -> str:
        """Identity of the collection that is read; another one than before means that it may lack anything."""
        return self._folder.collection_id

    @property
    def building_id(self) -> str | None:
        """Identity of the collection that is being built to replace it, None without one."""
        return self._folder.building_id

    @property
    def rebuilt(self) -> bool:
        """Whether ``open`` had to begin with an empty collection."""
        return self._folder.rebuilt

    async def open(self) -> None:
        """Open or create the collection; a shard that cannot be read is set aside and started again (``rebuilt``).

        Raises:
            ConfigurationError: the collection was built with another embedder, and none is being built with this one.
            StoreUnavailable: another process has the folder, or the folder cannot be used.
        """
        await self._ensure_open(rebuilds=False)

    async def begin_rebuild(self) -> str:
        """Begin an empty second collection, or go on with one begun before; return its identity."""
        await self._ensure_open(rebuilds=True)
        async with self._writing:
            return await self._run(self._folder.begin_building)

    async def finish_rebuild(self) -> None:
        """Let the collection that was being built take the place of the present one, which is removed."""
        async with self._optimizing, self._writing:
            await self._run(self._folder.swap)
            self._changes = await self._on_shard(Shard.count_unindexed)

    async def drop_rebuild(self) -> None:
        """Remove the collection that is being built, if any; an index whose present one is unreadable is closed."""
        async with self._writing:
            await self._run(self._folder.drop_building)
        if self._folder.shard is None:
            await self.close()

    async def upsert_points(self, points: Sequence[IndexPoint], *, durable: bool = True) -> None:
        """Insert or replace points; searchable when this returns, and durable, or else after the next ``flush``.

        Raises:
            InvalidInput: a point that no collection of this embedder can hold; none is written then.
        """
        checked = checked_points(points, self._owner.dimension)
        await self._write([point_id for point_id, _ in checked], Shard.upsert, checked, durable=durable)

    async def flush(self) -> None:
        """Make everything durable that was written before."""
        async with self._writing:
            await self._flush()

    async def delete_points(self, uuids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored; durable when this returns."""
        ids = list(point_ids(uuids))
        await self._write(ids, Shard.delete, ids)

    async def search(self, queries: Sequence[IndexQuery]) -> list[list[IndexHit]]:
        """Answer all queries in one batch: per query at most ``top_k`` hits, best first."""
        checked = [checked_query(query, self._owner.dimension) for query in queries]
        return await self._on_shard(Shard.search, checked) if checked else []

    async def cards(self, user_id: str, uuids: Sequence[str], following: Sequence[str]) -> list[IndexCard]:
        """Return the cards of some of a user's points, and of the messages of which some are among the ``previous``."""
        kept = self._opened.kept_cards(user_id, uuids, following)
        return await self._on_shard(Shard.cards, user_id, uuids, following) if kept is None else kept

    async def similarities(self, using: DenseName, vector: Vector, uuids: Sequence[str]) -> dict[str, float]:
        """Return the cosine of each of these points to a vector; points that do not exist are left out."""
        check_vector("vector", vector, (self._owner.dimension,))
        ids = point_ids(uuids)
        if not ids:
            return {}
        found = await self._on_shard(Shard.similarities, using, vector, list(ids))
        return {ids[point_id]: similarity for point_id, similarity in found.items()}

    async def scan(self, batch_size: int = 1000) -> AsyncIterator[list[IndexEntry]]:
        """Yield every point once, in batches, by id."""
        offset = None
        while True:
            entries, offset = await self._on_shard(Shard.page, offset, batch_size)
            if entries:
                yield entries
            if offset is None:
                return

    async def count(self) -> int:
        """Return the exact number of points."""
        return await self._on_shard(Shard.count)

    async def optimize(self) -> bool:
        """Build the search graph of what was added, when that is enough to matter; True if anything changed.

        Waits for one that is under way, and looks then whether enough was added since.
        Takes minutes for tens of thousands of points: a process of its own works on a copy, which then takes the
        place of the shard. Searches go on all the time, writes pause while files are copied and at the change-over.

        Raises:
            StoreUnavailable: it failed; the index is as before.
        """
        async with self._optimizing:
            if not await self._run(self._is_worth_optimizing):
                return False
            name = new_shard_name()
            try:
                async with self._writing:
                    await self._flush()
                    self._changed_since_copy = set()
                    await asyncio.to_thread(copy_shard, self._path / self._folder.shard_name, self._path / name)
                changed = await self._optimize_copy(self._path / name, self._started)
                if changed:
                    await self._change_over(name)
                self._changes = len(self._changed_since_copy)
                return changed
            except OSError as error:
                raise StoreUnavailable(STORE, f"cannot copy the index: {error}", retryable=True) from error
            except StoreUnavailable:
                if self._closing:
                    return False
                raise
            finally:
                self._child = None
                self._changed_since_copy = None
                await self._run(self._remove_unless_adopted, name)

    async def rest(self) -> None:
        """Let the system have the memory of what searches have read (Linux)."""
        await self._run(unmap_unused, self._path)

    async def close(self) -> None:
        """End an optimization, flush and release the folder."""
        if self._engine is None:
            return
        self._closing = True
        if self._child is not None:
            with suppress(ProcessLookupError):
                self._child.kill()
        async with self._optimizing, self._writing:
            try:
                await self._run(self._folder.close)
            finally:
                self._engine.shutdown(wait=False)
                self._engine = None
                self._closing = False

    @property
    def _opened(self) -> Shard:
        if self._folder.shard is None:
            raise self._closed()
        return self._folder.shard

    def _closed(self) -> StoreUnavailable:
        because = f": {self._folder.unusable}" if self._folder.unusable else ""
        return StoreUnavailable(STORE, f"the index in {self._path} is not open{because}", retryable=False)

    async def _ensure_open(self, *, rebuilds: bool) -> None:
        async with self._opening:
            if self._engine is not None:
                return
            self._engine = ThreadPoolExecutor(1, "index")
            try:
                await self._run(self._open, rebuilds)
            except BaseException:
                self._engine.shutdown(wait=False)
                self._engine = None
                raise

    def _open(self, rebuilds: bool) -> None:
        self._folder.open(rebuilds=rebuilds)
        try:
            self._changes = self._folder.shard.count_unindexed() if self._folder.shard is not None else 0
        except BaseException:
            self._folder.close()
            raise

    async def _run(self, call: Callable[..., T], *args: object) -> T:
        if self._engine is None:
            raise self._closed()
        return await asyncio.get_running_loop().run_in_executor(self._engine, call, *args)

    async def _on_shard(self, method: Callable[Concatenate[Shard, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of whichever shard counts at that moment, on the engine's thread."""
        return await self._run(lambda: method(self._opened, *args, **kwargs))

    async def _write(
        self,
        ids: Sequence[UUID],
        write: Callable[[Shard, Sequence[T]], None],
        what: Sequence[T],
        *,
        durable: bool = True,
    ) -> None:
        if not ids:
            return
        async with self._writing:
            if self._changed_since_copy is not None:
                self._changed_since_copy.update(ids)
            if self._folder.building is None:
                await self._write_to(self._opened, write, what, durable=durable)
            else:
                await self._write_to(self._folder.building, write, what, durable=durable)
                if self._folder.shard is not None:
                    with _tolerant():
                        await self._write_to(self._folder.shard, write, what, durable=durable)
            self._changes += len(ids)

    async def _write_to(
        self, shard: Shard, write: Callable[[Shard, Sequence[T]], None], what: Sequence[T], *, durable: bool
    ) -> None:
        for start in range(0, len(what), CHUNK):
            await self._run(write, shard, what[start : start + CHUNK])
        if durable:
            await self._run(shard.flush)

    async def _flush(self) -> None:
        if self._folder.building is None:
            await self._run(self._opened.flush)
        else:
            await self._run(self._folder.building.flush)
            if self._folder.shard is not None:
                with _tolerant():
                    await self._run(self._folder.shard.flush)

    def _started(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        if self._closing:
            child.kill()

    def _is_worth_optimizing(self) -> bool:
        shard = self._folder.shard
        if shard is None or self._changes < max(self._worth_optimizing, shard.count() // 5):
            return False
        needed = 2 * allocated_bytes(self._path / self._folder.shard_name)
        free = shutil.disk_usage(self._path).free
        if free < needed:
            log.warning("the index is not optimized: %d MB of disk are free, %d needed", free >> 20, needed >> 20)
        return free >= needed

    async def _change_over(self, name: str) -> None:
        """Bring the copy up to date and let it take the shard's place."""
        async with self._writing:
            changed = list(self._changed_since_copy or ())
            fresh = await self._run(Shard.load, self._path / name)
            try:
                for start in range(0, len(changed), CHUNK):
                    await self._on_shard(Shard.copy_points, changed[start : start + CHUNK], fresh)
                await self._run(fresh.flush)
                await self._run(self._folder.adopt, fresh, name)
            finally:
                await self._run(self._close_unless_adopted, fresh)

    def _close_unless_adopted(self, fresh: Shard) -> None:
        if self._folder.shard is not fresh:
            fresh.close()

    def _remove_unless_adopted(self, name: str) -> None:
        if self._folder.shard_name != name:
            shutil.rmtree(self._path / name, ignore_errors=True)


@contextmanager
def _tolerant() -> Generator[None]:
    """Go on without a change to the shard that is to be replaced, perhaps because it is damaged."""
    try:
        yield
    except StoreUnavailable as error:
        log.warning("the index that is being replaced does not take a change: %s", error)
