"""Gives back the memory of the engine's mapped files (Linux).

The engine reads whole files when it opens a shard: those of the payload's indexes have room for far more than they
hold, and make 50 MB of a shard of any size. Later each search leaves mapped what it has read, at 100,000 memories some
300 MB.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

_DONT_NEED = 4
"""``MADV_DONTNEED`` of ``sys/mman.h``: of a file that is mapped as shared all stays in the cache, changes included."""
_PAGE_OUT = 21
"""``MADV_PAGEOUT``: what was read leaves the cache, what has changed is written back; nothing is lost."""
_MAPS = Path("/proc/self/maps")


def give_back_mapped(folder: Path) -> int:
    """Have this process's mapped files below a folder leave memory; they are read again from the disk as needed.

    Takes 20 ms for 50 MB. Where the system does not know how, nothing happens.

    Returns:
        How many bytes of the address space it was offered.
    """
    return _advise(folder, _PAGE_OUT)


def unmap_unused(folder: Path) -> int:
    """Count this process's mapped files below a folder as nobody's, as far as they are shared.

    They stay in the system's cache until it needs the room. So they are quick to have again, and are no longer a part
    of what the process takes. Returns the same as ``give_back_mapped``.
    """
    return _advise(folder, _DONT_NEED, shared=True)


def _advise(folder: Path, advice: int, *, shared: bool = False) -> int:
    try:
        ranges = list(_ranges_of(folder, _MAPS.read_text(encoding="utf-8", errors="surrogateescape"), shared=shared))
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError) as error:
        log.debug("the memory of mapped files is not given back: %s", error)
        return 0
    offered = 0
    for start, end in ranges:
        if madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), advice) == 0:
            offered += end - start
    return offered


def _ranges_of(folder: Path, maps: str, *, shared: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each mapping of a file below a folder; of the shared ones alone, if that is asked.

    ``7fa3000-7fa5000 rw-s 00000000 08:01 1234   /data/qdrant/shard-1/page_0.dat`` gives ``(0x7fa3000, 0x7fa5000)``
    """
    below = f"{folder.resolve()}/"
    for line in maps.splitlines():
        columns, slash, path = line.partition("/")
        addresses, permissions = columns.split(" ", 2)[:2]
        if (slash + path).startswith(below) and (not shared or permissions.endswith("s")):
            start, _, end = addresses.partition("-")
            yield int(start, 16), int(end, 16)
