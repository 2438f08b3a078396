"""Has the index give back memory once nobody searches: what searches have read is no part of a service at rest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from kg.errors import KgError
from kg.ports import VectorIndex

REST_AFTER_S = 60.0


async def rest_index(index: VectorIndex, quiet_s: Callable[[], float], after_s: float = REST_AFTER_S) -> None:
    """Let the index rest once after each stretch of calls, for as long as the service runs.

    Args:
        index: the index.
        quiet_s: returns for how many seconds nobody has called.
        after_s: how long that must be.
    """
    rests = False
    while True:
        await asyncio.sleep(after_s / 4)
        quiet = quiet_s() >= after_s
        if quiet and not rests:
            with contextlib.suppress(KgError):
                await index.rest()
        rests = quiet
