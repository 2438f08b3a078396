"""Once a day, at an idle moment, look whether the graph keeps its rules; ``status`` says what was found.

Nothing is mended by itself: what a person did by hand may be meant. The rules that compare every fact with others are
left to ``knowthread repair --check``. When it was done last stands in the graph, so services that share it take turns.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from kg.background import Background
from kg.errors import KgError
from kg.graph.store import GraphStore
from kg.mending import queries
from kg.mending.checks import run_checks
from kg.ports import Clock

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
QUIET_S = 30.0
"""How long nobody has called before the moment counts as idle."""
_LOOK_EVERY_S = 60.0


class DailyCheck:
    """Looks at the rules once a day.

    Args:
        store: the graph.
        clock: says what time it is.
        quiet_s: returns for how many seconds nobody has called.
        look_every_s: how often it is looked whether a day has passed.
    """

    def __init__(
        self, store: GraphStore, clock: Clock, quiet_s: Callable[[], float], *, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        self._store = store
        self._clock = clock
        self._quiet_s = quiet_s
        self._look_every_s = look_every_s
        self._task = Background("daily check", self._run)

    def start(self) -> None:
        """Start the task."""
        self._task.start()

    async def stop(self) -> None:
        """Stop the task."""
        await self._task.stop()

    async def found(self) -> dict[str, Any]:
        """Return what the last look found, for ``status``; empty before the first look.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        last = await self._store.find_one(queries.last_check)
        if last is None or last["checked_at"] is None:
            return {}
        broken: dict[str, int] = json.loads(last["broken"] or "{}")
        advice = {"advice": "`knowthread repair --check` names them, `knowthread repair` mends them"} if broken else {}
        return {"at": last["checked_at"].isoformat(), "broken": broken, **advice}

    async def look(self) -> bool:
        """Look at the rules if a day has passed and nobody calls; return whether it was done.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        now = self._clock.now()
        last = await self._store.find_one(queries.last_check)
        checked_at = last["checked_at"] if last else None
        if self._quiet_s() < QUIET_S or (checked_at is not None and checked_at <= now < checked_at + EVERY):
            return False
        broken = {rule.rule: len(rule.faults) for rule in await run_checks(self._store, heavy=False)}
        if broken:
            log.warning("the graph breaks rules: %s; see `knowthread repair --check`", ", ".join(sorted(broken)))
        await self._store.write(
            lambda tx: tx.run(queries.record_check, now=now, broken=json.dumps(broken, sort_keys=True)), "record_check"
        )
        return True

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            try:
                await self.look()
            except KgError as error:
                log.info("the daily look at the graph is put off: %s", error)
