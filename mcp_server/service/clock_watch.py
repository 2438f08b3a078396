"""Notices a machine's clock that is wrong: behind what was stored already, or moved while the service runs.

Writes stay in order all the same (``kg/graph/partition.py``), but what they are dated by is not the real time.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from kg.ports import Clock

log = logging.getLogger(__name__)

TOLERANCE = timedelta(minutes=1)
_CURE = "set the machine's clock; until then what is stored is dated wrongly, but in its right order"


def steady_s() -> float:
    """Return seconds of a clock that nobody sets and that goes on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class ClockWatch:
    """Compares the clock with what was stored, and with a clock that cannot be set.

    Args:
        clock: the clock that writes are dated by.
        steady: seconds of a clock that only grows.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float] = steady_s) -> None:
        self._clock = clock
        self._steady = steady
        self._base = clock.now() - timedelta(seconds=steady())
        self._jumped = ""
        self._told = ""

    def look(self, last_at: datetime | None) -> str:
        """Return what is wrong with the clock, empty if nothing is; the log is told once.

        Args:
            last_at: instant of the latest write; None if there was none.
        """
        now = self._clock.now()
        base = now - timedelta(seconds=self._steady())
        moved = base - self._base
        if abs(moved) > TOLERANCE:
            self._base = base
            way = "ahead" if moved > timedelta() else "back"
            self._jumped = f"the clock jumped {way} by {_length(abs(moved))}, noticed at {now:%Y-%m-%d %H:%M} UTC"
        behind = last_at - now if last_at is not None else timedelta()
        problem = self._jumped
        if behind > TOLERANCE:
            problem = f"the clock is {_length(behind)} behind what was stored last; {_CURE}"
        if problem != self._told:
            self._told = problem
            if problem:
                log.warning("%s", problem)
        return problem


def _length(span: timedelta) -> str:
    """Return a length of time in two words: ``2 min``, ``3 h``, ``40 days``."""
    seconds = span.total_seconds()
    for unit, unit_s in (("days", 86400), ("h", 3600)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 60:.0f} min"
