"""Gives back the memory of files that the engine has read ahead (Linux).

The engine reads whole files when it opens a shard: those of the payload's indexes have room for far more than they
hold, and make 50 MB of a shard of any size.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

_PAGE_OUT = 21
"""``MADV_PAGEOUT`` of ``sys/mman.h``: it writes back what has changed and never loses anything."""
_MAPS = Path("/proc/self/maps")


def give_back_mapped(folder: Path) -> int:
    """Let the system have the memory of this process's mapped files below a folder; they are read again as needed.

    Takes 20 ms for 50 MB. Where the system does not know how, nothing happens.

    Returns:
        How many bytes of the address space it was offered.
    """
    try:
        ranges = list(_ranges_of(folder, _MAPS.read_text(encoding="utf-8", errors="surrogateescape")))
        madvise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError) as error:
        log.debug("the memory of mapped files is not given back: %s", error)
        return 0
    offered = 0
    for start, end in ranges:
        if madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _PAGE_OUT) == 0:
            offered += end - start
    return offered


def _ranges_of(folder: Path, maps: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each mapping of a file below a folder.

    ``7fa3000-7fa5000 rw-s 00000000 08:01 1234   /data/qdrant/shard-1/page_0.dat`` gives ``(0x7fa3000, 0x7fa5000)``
    """
    below = f"{folder.resolve()}/"
    for line in maps.splitlines():
        columns, slash, path = line.partition("/")
        if (slash + path).startswith(below):
            start, _, end = columns.partition(" ")[0].partition("-")
            yield int(start, 16), int(end, 16)
