"""Who may index the graph: one service with an index of its own, or all that share an index server.

``:Unindexed`` in the graph is one queue. If two services each filled an index of their own from it, each would lack
what the other took. So ``IndexState`` names who holds the index, with a lease by the database's clock. A service that
does not hold the index leaves the queue alone. After a crash the lease falls to the next service; one on the same data
folder need not wait, because the folder's own lock shows that the former is gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from kg.background import Background
from kg.errors import ConfigurationError, KgError, StoreUnavailable
from kg.graph.store import GraphStore, Transaction
from kg.index import queries
from kg.index.queries import IndexClaim
from kg.settings.paths import write_private

log = logging.getLogger(__name__)

LEASE_S = 60
_RENEWALS = 3
"""So often a lease is renewed in its time."""
_IDENTITY = "service-id"
_CURE = (
    "set KNOWTHREAD_QDRANT_URL to one Qdrant server for all services that share this Neo4j, or stop the other service"
)


class IndexHolder:
    """Holds the index for one service.

    Args:
        store: the graph.
        identity: of the service's data folder, equal at each start.
        place: where the service runs, for the person who starts another.
        shared: whether its index is on a server, which services share.
        lease_s: how long the index is held without a word from the service.
    """

    def __init__(self, store: GraphStore, identity: str, place: str, *, shared: bool, lease_s: int = LEASE_S) -> None:
        self._store = store
        self._identity = identity
        self._instance = uuid4().hex
        self._place = place
        self._shared = shared
        self._lease_s = lease_s
        self._claimed = False
        self._renewed: tuple[float, float] | None = None
        self._other: IndexClaim | None = None
        self._taken = False
        self._regained: Callable[[], Awaitable[None]] | None = None
        self._wake = asyncio.Event()
        self._task = Background("index lease", self._run)

    @property
    def problem(self) -> str:
        """Why nothing is indexed, in words; empty while this service holds the index."""
        return "" if self._other is None else f"nothing is indexed here: {_words(self._other)}; {_CURE}"

    async def claim(self, collection_id: str) -> None:
        """Take the index.

        Args:
            collection_id: identity of this service's collection, empty if it is not open.

        Raises:
            ConfigurationError: another service holds it, which is named with what to do.
            StoreUnavailable: the database does not answer.
        """
        if not await self._renew(starting=not self._claimed, collection_id=collection_id) and self._other is not None:
            raise ConfigurationError("KNOWTHREAD_QDRANT_URL", _words(self._other), _CURE)
        self._claimed = True

    def start(self, regained: Callable[[], Awaitable[None]]) -> None:
        """Keep the index in the background.

        Args:
            regained: called when the index is held again after another service held it, whose changes are missing.
        """
        self._regained = regained
        self._task.start()

    async def stop(self) -> None:
        """Let the index go, for the next service."""
        await self._task.stop()
        if not self._claimed:
            return
        try:
            await self._store.write(lambda tx: tx.run(queries.release_index, instance=self._instance), "release_index")
        except KgError as error:
            log.info("the index is let go by itself within %d s: %s", self._lease_s, error)

    def check(self) -> None:
        """Refuse to rely on the index after another service took it.

        Raises:
            StoreUnavailable: another service holds it, which is named with what to do.
        """
        if self._other is not None:
            raise StoreUnavailable("qdrant", self.problem, retryable=True)

    async def ensure(self) -> None:
        """Make sure that this service holds the index, and take it back if its lease ran out and nobody else has it.

        Raises:
            StoreUnavailable: another service holds it, or the database does not answer.
        """
        if not self._is_fresh():
            await self._renew()
        self.check()

    async def keep(self, tx: Transaction) -> None:
        """Keep the hold from passing to another service until a transaction ends.

        Raises:
            StoreUnavailable: another service holds the index.
        """
        kept = await tx.find_one(queries.keep_index, instance=self._instance, shared=self._shared)
        if kept is None or not kept["held"]:
            self._renewed = None
            raise StoreUnavailable("qdrant", f"another service took the index; {_CURE}", retryable=True)

    def _is_fresh(self) -> bool:
        """Tell whether the lease still runs; a clock that stood still while the machine slept must not say so."""
        if self._renewed is None:
            return False
        steady, wall = self._renewed
        return max(time.monotonic() - steady, time.time() - wall) < self._lease_s

    async def _renew(self, *, starting: bool = False, collection_id: str = "") -> bool:
        asked = time.monotonic(), time.time()
        found = await self._store.write(
            lambda tx: tx.run_one(
                queries.claim_index,
                holder=self._identity,
                instance=self._instance,
                starting=starting,
                place=self._place,
                shared=self._shared,
                collection_id=collection_id,
                lease_s=self._lease_s,
            ),
            "claim_index",
        )
        if not found["held"]:
            if self._other is None and self._claimed:
                log.error("nothing is indexed here any more: %s", _words(found))
            self._other, self._renewed = found, None
            return False
        self._other, self._renewed = None, asked
        if found["taken"] and self._claimed:
            self._taken = True
            self._wake.set()
        return True

    async def _run(self) -> None:
        while True:
            try:
                if self._taken and self._regained is not None:
                    log.warning("the index is held again; what it lacks is queued")
                    await self._regained()
                    self._taken = False
                async with asyncio.timeout(self._lease_s / _RENEWALS):
                    await self._wake.wait()
            except TimeoutError:
                await self._try_renew()
            except KgError as error:
                log.warning("the index could not be brought up to date: %s", error)
                await asyncio.sleep(self._lease_s / _RENEWALS)
            self._wake.clear()

    async def _try_renew(self) -> None:
        try:
            await self._renew()
        except KgError as error:
            log.warning("the hold on the index could not be renewed: %s", error)


def _words(other: IndexClaim) -> str:
    kind = "on a server" if other["shared"] else "of its own"
    return (
        f"another service indexes this Neo4j, with an index {kind}: {other['place']}. If it has ended without a word, "
        f"its hold ends in {other['left_s']} s"
    )


def identity_of(data_dir: Path) -> str:
    """Return the identity of a data folder, made at its first use; a copy at another place has another."""
    file = data_dir / _IDENTITY
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        text = uuid4().hex
        data_dir.mkdir(parents=True, exist_ok=True)
        write_private(file, text)
    return f"{text} {socket.gethostname()} {data_dir.resolve()}"


def place_of(data_dir: Path) -> str:
    """Return where this service runs and since when, in words."""
    now = datetime.now(UTC)
    return f"process {os.getpid()} on {socket.gethostname()}, data folder {data_dir}, since {now:%Y-%m-%d %H:%M} UTC"
