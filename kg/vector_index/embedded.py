"""The embedded index: Qdrant's engine in this process, on a folder that one process owns.

Storage idea: ``collection.json`` names the one shard folder that counts, and the embedder that filled it. A shard is
replaced, because it was optimized as a copy or is beyond reading, by writing that file anew, atomically; shard folders
that it does not name are leftovers. Nothing is acknowledged before the engine has flushed it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID, uuid4

from kg.errors import StoreUnavailable
from kg.ports import IndexEntry, IndexHit, IndexPoint, IndexQuery, Vector, VectorName
from kg.vector_index._points import STORE, Owner, check_vector, checked_points, point_ids
from kg.vector_index._shard import DamagedShard, Shard, copy_shard, optimize_copy

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 64
"""Points in one call of the engine, which stops every other thread of the process meanwhile."""

WORTH_OPTIMIZING = 5000
"""Fewest changed points; below that a full scan of them takes 2 ms or less."""


class EmbeddedIndex:
    """``kg.ports.VectorIndex`` in a folder.

    Attributes:
        collection_id: identity of the present collection; another one than before means that everything has to be
            indexed again.
        rebuilt: whether ``open`` had to begin with an empty collection.
    """

    def __init__(self, path: Path, embedder_name: str, dimension: int, digest: str) -> None:
        self.collection_id = ""
        self.rebuilt = False
        self._path = path
        self._owner = Owner(embedder_name, dimension, digest)
        self._lock_fd = -1
        self._engine: ThreadPoolExecutor | None = None
        self._shard: Shard | None = None
        self._shard_name = ""
        self._writing = asyncio.Lock()
        self._optimizing = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._changed_since_copy: set[UUID] | None = None
        self._changes = 0
        self._closing = False

    async def open(self) -> None:
        """Open or create the collection; a shard that cannot be read is set aside and begun anew (``rebuilt``).

        Raises:
            ConfigurationError: the collection was built with another embedder.
            StoreUnavailable: another process has the folder, or the folder cannot be used.
        """
        if self._engine is not None:
            return
        self._engine = ThreadPoolExecutor(1, "index")
        try:
            await self._run(self._open)
        except BaseException:
            self._engine.shutdown(wait=False)
            self._engine = None
            raise

    async def upsert_points(self, points: Sequence[IndexPoint]) -> None:
        """Insert or replace points; they are durable and searchable when this returns.

        Raises:
            InvalidInput: a point that no collection of this embedder can hold; none is written then.
        """
        checked = checked_points(points, self._owner.dimension)
        await self._write([point_id for point_id, _ in checked], Shard.upsert, checked)

    async def delete_points(self, uuids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored; durable when this returns."""
        ids = list(point_ids(uuids))
        await self._write(ids, Shard.delete, ids)

    async def search(self, queries: Sequence[IndexQuery]) -> list[list[IndexHit]]:
        """Answer all queries in one batch: per query at most ``top_k`` hits, nearest first."""
        for query in queries:
            check_vector("vector", query.vector, (self._owner.dimension,))
        return await self._on_shard(Shard.search, queries) if queries else []

    async def similarities(self, using: VectorName, vector: Vector, uuids: Sequence[str]) -> dict[str, float]:
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

        Takes minutes for tens of thousands of points: a process of its own works on a copy, which then takes the
        place of the shard. Searches go on all the time, writes pause while files are copied and at the change-over.

        Raises:
            StoreUnavailable: it failed; the index is as before.
        """
        if self._optimizing.locked():
            return False
        async with self._optimizing:
            if not await self._run(self._is_worth_optimizing):
                return False
            name = _shard_name()
            try:
                async with self._writing:
                    self._changed_since_copy = set()
                    await asyncio.to_thread(copy_shard, self._path / self._shard_name, self._path / name)
                changed = await optimize_copy(self._path / name, self._started)
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
                await self._run(self._close)
            finally:
                self._engine.shutdown(wait=False)
                self._engine = None
                self._closing = False

    @property
    def _opened(self) -> Shard:
        if self._shard is None:
            raise StoreUnavailable(STORE, f"the index in {self._path} is not open", retryable=False)
        return self._shard

    async def _run(self, call: Callable[..., T], *args: object) -> T:
        if self._engine is None:
            raise StoreUnavailable(STORE, f"the index in {self._path} is not open", retryable=False)
        return await asyncio.get_running_loop().run_in_executor(self._engine, call, *args)

    async def _on_shard(self, method: Callable[Concatenate[Shard, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of whichever shard counts at that moment, on the engine's thread."""
        return await self._run(lambda: method(self._opened, *args, **kwargs))

    async def _write(self, ids: Sequence[UUID], write: Callable[[Shard, Sequence[T]], None], what: Sequence[T]) -> None:
        if not ids:
            return
        async with self._writing:
            if self._changed_since_copy is not None:
                self._changed_since_copy.update(ids)
            for start in range(0, len(ids), CHUNK):
                await self._on_shard(write, what[start : start + CHUNK])
            await self._on_shard(Shard.flush)
            self._changes += len(ids)

    def _started(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        if self._closing:
            child.kill()

    def _is_worth_optimizing(self) -> bool:
        if self._changes < max(WORTH_OPTIMIZING, self._opened.count() // 5):
            return False
        needed = 2 * _allocated_bytes(self._path / self._shard_name)
        free = shutil.disk_usage(self._path).free
        if free < needed:
            log.warning("the index is not optimized: %d MB of disk are free, %d needed", free >> 20, needed >> 20)
        return free >= needed

    async def _change_over(self, name: str) -> None:
        """Bring the copy up to date and let it take the shard's place."""
        async with self._writing:
            changed = list(self._changed_since_copy or ())
            fresh = await self._run(self._load, name)
            try:
                for start in range(0, len(changed), CHUNK):
                    await self._on_shard(Shard.copy_points, changed[start : start + CHUNK], fresh)
                await self._run(fresh.flush)
                await self._run(self._adopt, fresh, name)
            finally:
                await self._run(self._close_unless_adopted, fresh)

    def _adopt(self, fresh: Shard, name: str) -> None:
        former, former_name = self._opened, self._shard_name
        self._save_record(name)
        self._shard, self._shard_name = fresh, name
        former.close()
        shutil.rmtree(self._path / former_name, ignore_errors=True)

    def _close_unless_adopted(self, fresh: Shard) -> None:
        if self._shard is not fresh:
            fresh.close()

    def _remove_unless_adopted(self, name: str) -> None:
        if self._shard_name != name:
            shutil.rmtree(self._path / name, ignore_errors=True)

    def _open(self) -> None:
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_fd = _lock(self._path)
            try:
                self._open_shard()
            except BaseException:
                self._release()
                raise
        except OSError as error:
            raise StoreUnavailable(STORE, f"cannot use {self._path}: {error}", retryable=False) from error

    def _open_shard(self) -> None:
        record = _read_record(self._path / "collection.json")
        self.rebuilt = True
        if record is None:
            self._begin_anew()
            return
        self._owner.check(record, f"the index in {self._path}")
        self.collection_id, name = str(record["collection_id"]), str(record["shard"])
        try:
            self._shard, self._shard_name = self._load(name), name
        except DamagedShard as error:
            log.warning("the index cannot be read and is built anew from the graph: %s", error)
            self._begin_anew()
            return
        self.rebuilt = False
        self._changes = self._shard.count_unindexed()
        for folder in self._shards():
            if folder.name != name:
                shutil.rmtree(folder, ignore_errors=True)

    def _begin_anew(self) -> None:
        """Set aside what is there and make an empty collection."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        for folder in self._shards():
            folder.rename(folder.with_name(f"{folder.name}.broken-{now}"))
        name = _shard_name()
        shard = Shard.create(self._path / name, self._owner.dimension)
        self.collection_id = str(uuid4())
        self._save_record(name)
        self._shard, self._shard_name, self._changes = shard, name, 0

    def _load(self, name: str) -> Shard:
        return Shard.load(self._path / name)

    def _close(self) -> None:
        shard, self._shard = self._opened, None
        try:
            shard.flush()
            shard.close()
        finally:
            self._release()

    def _release(self) -> None:
        os.close(self._lock_fd)
        self._lock_fd = -1

    def _shards(self) -> list[Path]:
        return [folder for folder in self._path.glob("shard-*") if ".broken-" not in folder.name]

    def _save_record(self, name: str) -> None:
        record = {"format": 1, "collection_id": self.collection_id, "shard": name, **self._owner.as_record()}
        _write_durably(self._path / "collection.json", json.dumps(record, indent=2))


def _lock(folder: Path) -> int:
    """Return a descriptor that holds the folder's lock until it is closed or the process ends, however it ends."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise StoreUnavailable(
            STORE,
            f"process {holder} has the index in {folder} open; stop it (`knowthread stop`), "
            "or set KNOWTHREAD_DATA_DIR to another folder",
            retryable=True,
        ) from error
    os.ftruncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    return fd


def _read_record(file: Path) -> dict[str, object] | None:
    """Return the collection's record, or None where there is none or it cannot be read."""
    try:
        record = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(record, dict):
        return None
    found = cast("dict[str, object]", record)
    return found if {"collection_id", "shard", "embedder"} <= found.keys() else None


def _write_durably(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _allocated_bytes(folder: Path) -> int:
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))


def _shard_name() -> str:
    return f"shard-{uuid4().hex[:8]}"
