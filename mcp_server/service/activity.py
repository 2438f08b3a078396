"""Who uses the service, and when it has no reason to live on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcp_server.link.record import read_record

_PRESENCE_BEAT_S = 20.0
_DRAIN_S = 10.0
_WATCH_S = 5.0


class Activity:
    """Who uses the service: open sessions and calls being answered; the idle stop is decided by it.

    ``drain_s``: the longest that calls being answered are waited for when the service ends.
    """

    def __init__(self, *, drain_s: float = _DRAIN_S) -> None:
        self.sessions = 0
        self.stopping = asyncio.Event()
        self._drain_s = drain_s
        self._busy = 0
        self._last = time.monotonic()
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def busy(self) -> Generator[None]:
        """Count a request while it is served."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._last = time.monotonic()

    @contextmanager
    def call(self) -> Generator[None]:
        """Count a request that is worth waiting for at the end of the service."""
        self._calls += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._quiet.set()

    async def drain(self) -> None:
        """Wait until no call is being answered, a few seconds at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), self._drain_s)

    @property
    def idle_s(self) -> float:
        """Seconds since the last session or request ended; 0 while there is one."""
        return 0.0 if self._busy else time.monotonic() - self._last


async def idle_watch(activity: Activity, idle_minutes: float, folder: Path) -> str:
    """Return when the service has no reason to live on, with that reason: idle, uninstalled, or without its data.

    Args:
        activity: who is there.
        idle_minutes: stop this long after the last session; 0: never.
        folder: the data folder; the record in it must stay this process's.
    """
    while True:
        await asyncio.sleep(min(_WATCH_S, idle_minutes * 20) if idle_minutes else _WATCH_S)
        if idle_minutes and activity.idle_s > idle_minutes * 60:
            return f"no session for {idle_minutes:g} minutes"
        if not await asyncio.to_thread(Path(__file__).exists):
            return "its installation is gone"
        record = await asyncio.to_thread(read_record, folder)
        if record is None or record.pid != os.getpid():
            return f"the data folder {folder} is gone or another service's"


async def beat(activity: Activity) -> AsyncGenerator[bytes]:
    """One open session: a comment now and then until the session or the service ends."""
    activity.sessions += 1
    try:
        while not activity.stopping.is_set():
            yield b": here\n\n"
            try:
                await asyncio.wait_for(activity.stopping.wait(), _PRESENCE_BEAT_S)
            except TimeoutError:
                continue
    finally:
        activity.sessions -= 1
