"""Who uses the service, and when it can stop."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcp_server.link.record import read_record

_PRESENCE_BEAT_S = 20.0
_DRAIN_S = 10.0
_WATCH_S = 5.0


class Activity:
    """Counts open sessions and calls under way, by which the idle stop is decided.

    Args:
        drain_s: longest wait for calls under way when the service ends.
    """

    def __init__(self, *, drain_s: float = _DRAIN_S) -> None:
        self.sessions = 0
        self.stopping = asyncio.Event()
        self._drain_s = drain_s
        self._busy = 0
        self._last = time.monotonic()
        self._calls = 0
        self._last_call = time.monotonic()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def obey_signals(self) -> None:
        """From here to the end of the process, SIGTERM and SIGINT only ask for the end, and interrupt nothing."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)

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
        """Count a request for which the end of the service waits."""
        self._calls += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._calls -= 1
            self._last_call = time.monotonic()
            if not self._calls:
                self._quiet.set()

    async def drain(self) -> None:
        """Wait until no call is under way, a few seconds at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), self._drain_s)

    @property
    def quiet_s(self) -> float:
        """Seconds since the last call ended, whether or not a session is open; 0 while a call is under way."""
        return 0.0 if self._calls else time.monotonic() - self._last_call

    @property
    def idle_s(self) -> float:
        """Seconds since the last session or request ended; 0 while there is one."""
        return 0.0 if self._busy else time.monotonic() - self._last


async def idle_watch(activity: Activity, idle_minutes: float, folder: Path) -> str:
    """Return when the service can stop, with the reason: idle, uninstalled, or without its data.

    Args:
        activity: who uses the service.
        idle_minutes: stop this long after the last session; 0: never.
        folder: the data folder; its record must name this process.
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
    """Yield a comment now and then until the session or the service ends."""
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
