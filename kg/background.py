"""A task that runs in the background. Its work is durable elsewhere, so it may end at any moment."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

RESTART_AFTER_S = 5.0
SETTLE_S = 1.0
"""So long after a start, work begins that can wait: planning its queries would hold up the first call."""
_ASK_AGAIN_S = 0.5


class Background:
    """Runs an endless coroutine function as a named task, and starts it again after any unexpected error."""

    def __init__(
        self, name: str, run: Callable[[], Awaitable[None]], *, restart_after_s: float = RESTART_AFTER_S
    ) -> None:
        self._name = name
        self._restart_after_s = restart_after_s
        self._run = run
        self._task: asyncio.Task[None] | None = None

    def start(self, *, after_s: float = 0.0) -> None:
        """Start the task, whose work begins after some seconds."""
        self._task = asyncio.create_task(self._until_cancelled(after_s), name=self._name)

    async def stop(self) -> None:
        """Cancel the task and wait until it has ended; raises nothing, even if none runs."""
        if self._task is not None:
            task, self._task = self._task, None
            # A library's wait_for loses, in Python 3.11, a cancellation that comes with its result.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_ASK_AGAIN_S)
            if not task.cancelled():
                task.exception()  # read it, otherwise asyncio warns about an exception that nobody read

    async def _until_cancelled(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        while True:
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001 (its text may be a memory's, so kind and place are logged alone)
                place = traceback.extract_tb(error.__traceback__)[-1]
                log.error(
                    "%s met an unexpected %s at %s:%s and starts again in %g s",
                    self._name, type(error).__name__, place.filename, place.lineno, self._restart_after_s,
                )  # fmt: skip
                await asyncio.sleep(self._restart_after_s)
            else:
                return
