"""Keeps the C library from holding memory for later: after long texts it holds 70 to 100 MB that nobody uses."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from collections.abc import Callable

_ARENA_MAX = -8
"""The C library's number for this setting (``M_ARENA_MAX`` of malloc.h)."""
_ARENAS = 2


def limit_heaps() -> None:
    """Let all threads share two heaps, where the C library can (glibc); each one keeps what it once needed.

    Only heaps that are made later are limited. A process that sets MALLOC_ARENA_MAX itself keeps its own.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def give_back_unused() -> None:
    """Return freed memory to the system, where the C library can (glibc); takes some milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
