"""Gives memory back that the C library keeps for later: after long texts it holds 70 to 100 MB that nobody uses."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable


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
