"""Repeating a write whose commit is in doubt: the connection broke before the database said whether it was stored."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kg.errors import CommitInDoubt, StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

DOUBT_PATIENCE_S = 30.0
"""How long it is repeated by default: the time in which a managed Neo4j is started again."""
DOUBT_PAUSE_S = 0.5
"""How long it waits between two tries by default."""


async def repeat_in_doubt(attempt: Callable[[], Awaitable[T]], label: str, patience_s: float, pause_s: float) -> T:
    """Make an attempt, and make it again while a commit of it is in doubt.

    Once a commit is in doubt, every failure is met by another attempt: the database may be starting again.

    Args:
        attempt: the write; it looks first whether an earlier attempt left its result.
        label: what the log calls it.
        patience_s: how long it is repeated.
        pause_s: how long to wait between two attempts.

    Raises:
        CommitInDoubt: the patience ended before an attempt was answered.
        StoreUnavailable: an attempt failed, and none before it was in doubt.
    """
    doubt: CommitInDoubt | None = None
    until = 0.0
    while True:
        try:
            return await attempt()
        except StoreUnavailable as error:
            if doubt is None:
                if not isinstance(error, CommitInDoubt):
                    raise
                log.warning("%s: the connection broke during the commit; it is repeated", label)
                doubt, until = error, time.monotonic() + patience_s
            if time.monotonic() >= until:
                raise doubt from error
        await asyncio.sleep(pause_s)
