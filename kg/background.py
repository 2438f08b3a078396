"""A task that runs beside the calls from start to stop; its work is durable elsewhere, so it may end at any moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

_ASK_AGAIN_S = 0.5


class Background:
    """Runs one endless coroutine function as a named task."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._run = run
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._until_cancelled(), name=self._name)

    async def stop(self) -> None:
        """Cancel the task and wait until it has ended; nothing happens where none runs."""
        if self._task is not None:
            task, self._task = self._task, None
            while not task.done():  # wait_for of Python 3.11 loses a cancellation that meets its own result
                task.cancel()
                await asyncio.wait([task], timeout=_ASK_AGAIN_S)
            with contextlib.suppress(asyncio.CancelledError):
                task.result()

    async def _until_cancelled(self) -> None:
        await self._run()
