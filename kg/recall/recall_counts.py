"""Counts which memories are recalled, off the path of the answer: gathered here, written every half minute."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kg.background import Background
from kg.errors import KgError
from kg.graph.partition import lock
from kg.graph.store import GraphStore, Transaction
from kg.ports import Clock
from kg.recall import queries

log = logging.getLogger(__name__)

_EVERY_S = 30.0


class RecallCounts:
    """Gathers recalls; losing some in a crash is acceptable, delaying an answer is not."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._task = Background("recall-counts", self._run)

    def start(self) -> None:
        """Start the task that writes what was gathered."""
        self._task.start()

    async def stop(self) -> None:
        """Write what is left and stop."""
        await self._task.stop()
        with contextlib.suppress(KgError):
            await self.flush()

    def add(self, user_id: str, uuids: Iterable[str]) -> None:
        """Note that memories were part of an answer. An empty answer leaves no trace, or each guess at a user would."""
        recalled = Counter(uuids)
        if recalled:
            self._counts[user_id] += recalled

    async def flush(self) -> None:
        """Write what was gathered."""
        while self._counts:
            user_id, counter = self._counts.popitem()
            counts = [{"uuid": uuid, "times": times} for uuid, times in counter.items()]
            await self._store.write(
                lambda tx, u=user_id, c=counts: self._write(tx, u, c), "count_recalls", partition=user_id, repeats=False
            )

    async def _write(self, tx: Transaction, user_id: str, counts: Sequence[Mapping[str, object]]) -> None:
        locked = await lock(tx, user_id, self._clock, slots=0)  # no search ranks by it
        await tx.run(queries.count_recalls, user_id=user_id, counts=list(counts), now=locked.now)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.flush()
            except KgError as error:
                log.warning("recalls were not counted: %s", error)
