"""A store whose writes a test watches, or breaks; it has connections of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from kg.errors import StoreUnavailable
from kg.graph.query import Command, Query
from kg.graph.store import GraphAddress, GraphStore, Row, Step, Transaction


async def _nothing(*_: Any) -> None:
    return


class WatchedTransaction(Transaction):
    """A transaction that calls a test with the name of each query before it runs, and notes its round trips."""

    def __init__(
        self, watched: Transaction, before: Callable[[str], Awaitable[None]], sent: list[tuple[str, ...]]
    ) -> None:
        self._watched = watched
        self._before = before
        self._sent = sent

    async def run(self, query: Query[Any] | Command, /, **params: Any) -> Any:
        await self._send(query)
        return await self._watched.run(query, **params)

    async def run_both(
        self, first: Query[Any], params: Row, then: Query[Any], then_params: Row, *, between: Sequence[Step] = ()
    ) -> Any:
        await self._send(first, *(command for command, _ in between), then)
        return await self._watched.run_both(first, params, then, then_params, between=between)

    async def _send(self, *queries: Query[Any] | Command) -> None:
        self._sent.append(tuple(query.name for query in queries))
        for query in queries:
            await self._before(query.name)


class WatchedStore(GraphStore):
    """A store that says which queries it read, and calls a test before and after each write, and within.

    Attributes:
        asked: the names of the queries that were read outside of a write.
        sent: the names of the queries of writes, those of one round trip together.
        planned: the names of the queries that were only planned, those of one round trip together.
    """

    def __init__(
        self,
        address: GraphAddress,
        before: Callable[[str, str | None], Awaitable[None]] = _nothing,
        after: Callable[[str, Any], Awaitable[None]] = _nothing,
        within: Callable[[str], Awaitable[None]] = _nothing,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: where the database is.
            before: called with label and partition of a write; what it raises, the write raises.
            after: called with a write's label and result; what it raises, the write raises, though it is stored.
            within: called with the name of each query of a write; what it raises, the query raises.
        """
        super().__init__(address)
        self.asked: list[str] = []
        self.sent: list[tuple[str, ...]] = []
        self.planned: list[tuple[str, ...]] = []
        self._before = before
        self._after = after
        self._within = within

    async def read(self, query: Query[Any], /, **params: Any) -> Any:
        self.asked.append(query.name)
        return await super().read(query, **params)

    async def plan(self, *queries: Query[Any] | Command) -> None:
        self.planned.append(tuple(query.name for query in queries))
        await super().plan(*queries)

    async def write(self, work: Any, label: str, *, partition: str | None = None, repeats: bool = True) -> Any:
        await self._before(label, partition)
        result = await super().write(
            lambda tx: work(WatchedTransaction(tx, self._within, self.sent)),
            label,
            partition=partition,
            repeats=repeats,
        )
        await self._after(label, result)
        return result


@asynccontextmanager
async def watched_store(
    address: GraphAddress,
    before: Callable[[str, str | None], Awaitable[None]] = _nothing,
    after: Callable[[str, Any], Awaitable[None]] = _nothing,
    within: Callable[[str], Awaitable[None]] = _nothing,
) -> AsyncGenerator[WatchedStore]:
    """A connected one."""
    store = WatchedStore(address, before, after, within)
    await store.connect()
    try:
        yield store
    finally:
        await store.close()


def breaks(user_id: str, label: str, *, at: int) -> Callable[[str, str | None], Awaitable[None]]:
    """Let the database go away before a user's write with a label, the first (1) or a later one; then it is back."""
    seen = 0

    async def before(written: str, partition: str | None) -> None:
        nonlocal seen
        if (written, partition) == (label, user_id):
            seen += 1
            if seen == at:
                raise StoreUnavailable("neo4j", "killed", retryable=True)

    return before
