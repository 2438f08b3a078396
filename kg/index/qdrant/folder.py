"""The folder of an embedded index: which of its shards counts, and which is being built to take its place.

``collection.json`` names the one shard folder that counts, and the embedder that filled it. A shard is replaced,
because it was optimized as a copy, rebuilt or is beyond reading, by replacing that file atomically.
``building.json``, of the same form, names a shard that is being filled to take its place. Shard folders that neither
names are leftovers. One that could not be read is set aside for a look, as ``.broken-<instant>``, until the next
``open`` finds its successor sound or another shard takes over: it may hold vectors of texts that were deleted since.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from filelock import BaseFileLock, FileLock, Timeout

from kg.errors import ConfigurationError, OutdatedIndex, StoreUnavailable
from kg.index.qdrant.point_form import STORE, Owner
from kg.index.qdrant.shard import DamagedShard, Shard
from kg.narrow import is_object

log = logging.getLogger(__name__)

RECORD = "collection.json"
BUILDING = "building.json"


class ShardFolder:
    """A folder that one process owns from ``open`` to ``close``. Calls block; one thread at a time.

    Attributes:
        shard: the one that counts, None where another embedder filled it.
        building: the one that is being built, None without one.
        rebuilt: whether ``open`` had to begin with an empty shard.
        unusable: why there is no shard that counts, empty where there is.
    """

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path = path
        self.shard: Shard | None = None
        self.shard_name = ""
        self.collection_id = ""
        self.building: Shard | None = None
        self.building_id: str | None = None
        self.rebuilt = False
        self.unusable = ""
        self._building_name = ""
        self._owner = owner
        self._lock = FileLock(self.path / "lock", mode=0o600, thread_local=False)

    def open(self, *, rebuilds: bool) -> None:
        """Take the folder and open its shards; one that cannot be read is set aside and started again.

        Args:
            rebuilds: accept a folder that another embedder filled, because a second shard will be built.

        Raises:
            ConfigurationError: another embedder filled it, and no shard is being built with this one.
            OutdatedIndex: it has the form of another version, and no shard is being built with this one.
            StoreUnavailable: another process has the folder, or the folder cannot be used.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _take(self._lock)
            try:
                self._open_shards(rebuilds)
            except BaseException:
                with suppress(StoreUnavailable):
                    self.close()
                raise
        except OSError as error:
            raise StoreUnavailable(STORE, f"cannot use {self.path}: {error}", retryable=False) from error

    def begin_building(self) -> str:
        """Begin an empty second shard, or go on with the one begun before; return its identity."""
        if self.building_id is None:
            name, collection_id = new_shard_name(), str(uuid4())
            shard = Shard.create(self.path / name, self._owner.dimension)
            _write_record(self.path / BUILDING, self._record(collection_id, name))
            self.building, self._building_name, self.building_id = shard, name, collection_id
        return self.building_id

    def swap(self) -> None:
        """Let the shard that was being built count from now on, and remove the other.

        The written record decides; what comes after it may be cut off and is then done by ``open``.
        """
        fresh, former, former_name = self.building, self.shard, self.shard_name
        if fresh is None or self.building_id is None:
            raise StoreUnavailable(STORE, f"no index is being built in {self.path}", retryable=False)
        _write_record(self.path / RECORD, self._record(self.building_id, self._building_name))
        self.collection_id, self.shard, self.shard_name = self.building_id, fresh, self._building_name
        self._forget_building()
        self.unusable = ""
        if former is not None:
            with suppress(StoreUnavailable):  # it may be what the new one was built for
                former.close()
        shutil.rmtree(self.path / former_name, ignore_errors=True)
        self._remove_broken()

    def drop_building(self) -> None:
        """Remove the shard that is being built, if there is one."""
        building, name = self.building, self._building_name
        self._forget_building()
        if building is not None:
            building.close()
            shutil.rmtree(self.path / name, ignore_errors=True)

    def adopt(self, fresh: Shard, name: str) -> None:
        """Let an equal shard take the place of the one that counts, which is removed."""
        former, former_name = self.shard, self.shard_name
        _write_record(self.path / RECORD, self._record(self.collection_id, name))
        self.shard, self.shard_name = fresh, name
        if former is not None:
            former.close()
        shutil.rmtree(self.path / former_name, ignore_errors=True)
        self._remove_broken()

    def close(self) -> None:
        """Flush and close the shards and let go of the folder."""
        shards = [shard for shard in (self.shard, self.building) if shard is not None]
        self.shard = self.building = self.building_id = None
        self._building_name = ""
        try:
            for shard in shards:
                shard.flush()
                shard.close()
        finally:
            self._lock.release()

    def _open_shards(self, rebuilds: bool) -> None:
        record = _read_record(self.path / RECORD)
        self.collection_id, self.shard_name, self.rebuilt, self.unusable = "", "", False, ""
        self._open_building(None if record is None else str(record["collection_id"]))
        if record is None:
            self._begin_anew()
        else:
            self.shard_name = str(record["shard"])
            try:
                self._owner.check(record, f"the index in {self.path}")
            except (ConfigurationError, OutdatedIndex) as error:
                self.unusable = str(error)
                if self.building is None and not rebuilds:
                    raise
            else:
                self._open_present(str(record["collection_id"]))
        for folder in self._shards():
            if folder.name not in (self.shard_name, self._building_name):
                shutil.rmtree(folder, ignore_errors=True)

    def _open_present(self, collection_id: str) -> None:
        try:
            self.shard = Shard.load(self.path / self.shard_name)
        except DamagedShard as error:
            log.warning("the index cannot be read and is rebuilt from the graph: %s", error)
            self._begin_anew()
        else:
            self.collection_id = collection_id
            self._remove_broken()

    def _remove_broken(self) -> None:
        for folder in self.path.glob("shard-*.broken-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _open_building(self, present_id: str | None) -> None:
        """Go on with a shard that is being built, unless another embedder fills it, it is broken, or counts already."""
        record = _read_record(self.path / BUILDING)
        if record is not None and self._owner.filled(record) and record["collection_id"] != present_id:
            try:
                self.building = Shard.load(self.path / str(record["shard"]))
            except DamagedShard as error:
                log.warning("the index that was being built cannot be read and is begun again: %s", error)
            else:
                self.building_id, self._building_name = str(record["collection_id"]), str(record["shard"])
                return
        self._forget_building()

    def _begin_anew(self) -> None:
        """Set aside what is there and make an empty shard."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        for folder in self._shards():
            if folder.name != self._building_name:
                folder.rename(folder.with_name(f"{folder.name}.broken-{now}"))
        name, collection_id = new_shard_name(), str(uuid4())
        shard = Shard.create(self.path / name, self._owner.dimension)
        _write_record(self.path / RECORD, self._record(collection_id, name))
        self.shard, self.shard_name, self.collection_id, self.rebuilt = shard, name, collection_id, True

    def _forget_building(self) -> None:
        (self.path / BUILDING).unlink(missing_ok=True)
        _sync(self.path)
        self.building, self._building_name, self.building_id = None, "", None

    def _shards(self) -> list[Path]:
        return [folder for folder in self.path.glob("shard-*") if ".broken-" not in folder.name]

    def _record(self, collection_id: str, name: str) -> dict[str, object]:
        return {"format": 1, "collection_id": collection_id, "shard": name, **self._owner.as_record()}


def allocated_bytes(folder: Path) -> int:
    """Return the disk space that a folder's files take; holes take none."""
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))


def new_shard_name() -> str:
    """Return the name of a shard's folder that no other has."""
    return f"shard-{uuid4().hex[:8]}"


def _take(lock: BaseFileLock) -> None:
    """Take the folder's lock and write our number into it, for whoever is refused; it falls with the process."""
    file = Path(lock.lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        holder = file.read_bytes().decode(errors="replace").strip() or "unknown"
        raise StoreUnavailable(
            STORE,
            f"process {holder} has the index in {file.parent} open; stop it (`knowthread stop`), "
            "or set KNOWTHREAD_DATA_DIR to another folder",
            retryable=True,
        ) from error
    file.write_bytes(str(os.getpid()).encode())


def _read_record(file: Path) -> dict[str, object] | None:
    """Return the collection's record, or None where there is none or it cannot be read."""
    try:
        record = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return record if is_object(record) and {"collection_id", "shard", "embedder"} <= record.keys() else None


def _write_record(file: Path, record: Mapping[str, object]) -> None:
    """Replace a record in one step; it is on the disk when this returns."""
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as stream:
        json.dump(record, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
