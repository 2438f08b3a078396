"""How much room a disk must have before anything is written to it.

A full disk tears Neo4j's transaction log for good, and Neo4j itself writes on until nothing is left. So the service
stops writing while there is still room for what Neo4j must do afterwards: write changed pages back, merge its
full-text indexes, rotate its logs and stop cleanly. Reads go on.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.errors import DiskFull
from kg.managed.neo4j_config import memory_bytes
from kg.settings.service import Settings

STORES_BYTES = 256 << 20
"""Left for the stores beyond Neo4j's page cache: log files that wait for a checkpoint (8 MB each), merges of its
full-text indexes, which take their size again, the embedded index, our own log, and what another program writes
between two looks."""

TEMPORARY_BYTES = 32 << 20
"""Left in the system's temporary folder: Java and the commands of model providers keep small files there."""


@dataclass(frozen=True)
class Floor:
    """The least free space of one folder.

    Attributes:
        folder: it need not exist yet.
        least_bytes: nothing is written while less is free.
        setting: the variable that moves the folder to another disk.
    """

    folder: Path
    least_bytes: int
    setting: str


def free_bytes(folder: Path) -> int:
    """Return what this user may still write to the disk of a folder, or of the nearest one above it that exists."""
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def floors(settings: Settings) -> list[Floor]:
    """Return the folders that must have room; none where both stores are servers elsewhere.

    Raises:
        ConfigurationError: a memory size is not in JVM notation.
    """
    if settings.neo4j_url and settings.qdrant_url:
        return []
    # Every page in Neo4j's cache may have changed and have no place on the disk yet.
    cached = 0 if settings.neo4j_url else memory_bytes("neo4j_page_cache", settings.neo4j_page_cache)
    return [
        Floor(settings.data_dir, STORES_BYTES + cached, "KNOWTHREAD_DATA_DIR"),
        Floor(Path(tempfile.gettempdir()), TEMPORARY_BYTES, "TMPDIR"),
    ]


class Room:
    """Refuses to write where a folder is below its floor."""

    def __init__(self, floors: Sequence[Floor], free: Callable[[Path], int] = free_bytes) -> None:
        self._floors = floors
        self._free = free

    def check(self) -> None:
        """Return if there is room for a write; a disk that cannot be asked is left to the write itself.

        Raises:
            DiskFull: there is not.
        """
        for floor in self._floors:
            try:
                free = self._free(floor.folder)
            except OSError:
                continue
            if free < floor.least_bytes:
                raise DiskFull(str(floor.folder), free, floor.least_bytes, floor.setting)

    def error(self) -> str | None:
        """Return in words why nothing is written at present, None while there is room."""
        try:
            self.check()
        except DiskFull as error:
            return str(error)
        return None
