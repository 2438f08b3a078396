"""The one way to Neo4j: queries by name with typed rows, managed transactions, translated errors.

Invariant: every write runs in a managed transaction. Its function may be run again from the start, so it keeps no state
between runs. The driver's exceptions are translated here and nowhere else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload
from weakref import WeakValueDictionary

from neo4j import (
    READ_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    AsyncResult,
    AsyncSession,
    NotificationMinimumSeverity,
    unit_of_work,
)
from neo4j import Query as DriverQuery
from neo4j.api import AsyncBookmarkManager
from neo4j.exceptions import (
    ClientError,
    ConstraintError,
    DriverError,
    Neo4jError,
)
from neo4j.exceptions import (
    ConfigurationError as DriverConfigurationError,
)

import cypher
from kg.errors import ConfigurationError, StoreUnavailable
from kg.graph.driver_instants import use_native_instants
from kg.graph.driver_tables import shrink_tables
from kg.graph.failures import check_version, is_race, refused_report, translate
from kg.graph.python_values import native_map
from kg.graph.query import Command, Query, R
from kg.graph.report_values import show
from kg.graph.row_shapes import LEFT_OUT, fix_for, fixed
from kg.graph.unsure_commit import DOUBT_PATIENCE_S, DOUBT_PAUSE_S, repeat_in_doubt

shrink_tables()
use_native_instants()

S = TypeVar("S")
T = TypeVar("T")
Row = dict[str, Any]
Step = tuple[Command, Row]
"""A command with its parameters."""

_ATTEMPTS = 6
_READ_TIMEOUT_S = 30.0
_WRITE_TIMEOUT_S = 120.0
RETRY_S = 20.0


@dataclass(frozen=True)
class GraphAddress:
    """Where a Neo4j answers and as whom to log in."""

    url: str
    user: str
    password: str
    database: str = "neo4j"

    def __repr__(self) -> str:
        return f"GraphAddress({self.url!r}, user={self.user!r}, database={self.database!r})"


class Transaction:
    """One managed transaction. Return its rows from it, not the transaction itself."""

    def __init__(self, transaction: AsyncManagedTransaction) -> None:
        self._transaction = transaction

    @overload
    async def run(self, query: Query[R], /, **params: Any) -> list[R]: ...

    @overload
    async def run(self, query: Command, /, **params: Any) -> None: ...

    async def run(self, query: Query[R] | Command, /, **params: Any) -> list[R] | None:
        """Run a query and return its rows, with times as aware UTC datetimes; a command returns nothing.

        Raises:
            TypeError: the parameters are not those that the query declares.
        """
        file = cypher.load()[query.name]
        file.check(frozenset(params))
        result = await self._transaction.run(file.statement, {"p": params})
        if isinstance(query, Command):
            await result.consume()
            return None
        return await _rows(query, result, file.instants)

    async def run_one(self, query: Query[R], /, **params: Any) -> R:
        """Run a query that always returns exactly one row, and return that row.

        Raises:
            LookupError: it returned none, or several.
        """
        return _one(query, await self.run(query, **params))

    async def find_one(self, query: Query[R], /, **params: Any) -> R | None:
        """Run a query that returns at most one row; return that row, or None.

        Raises:
            LookupError: it returned several.
        """
        return _at_most_one(query, await self.run(query, **params))

    async def run_both(
        self, first: Query[R], params: Row, then: Query[S], then_params: Row, *, between: Sequence[Step] = ()
    ) -> tuple[R, S]:
        """Run two queries that always return exactly one row, and commands between them; return both rows.

        All of it is one statement and one round trip, run in order. The database plans each sequence of queries when it
        first sees it, which takes long, so there should be few of them.

        Raises:
            TypeError: the parameters are not those that the queries declare.
            LookupError: they returned no row, or several.
        """
        steps = [(first, params), *between, (then, then_params)]
        files = [cypher.load()[step.name] for step, _ in steps]
        for file, (_, given) in zip(files, steps, strict=True):
            file.check(frozenset(given))
        statement = cypher.together(tuple(file.name for file in files))
        result = await self._transaction.run(statement, {"p": {step.name: given for step, given in steps}})
        row = _one(first, await _rows(first, result, frozenset[str]().union(*(file.instants for file in files))))
        return row, fixed(then.row, row)


class GraphStore:
    """A pool of connections to one database.

    Attributes:
        server_version: what the server calls itself, as in ``Neo4j/5.26.30``; empty before ``connect``.
        writes: how many writes are under way.
    """

    def __init__(
        self,
        address: GraphAddress,
        check_room: Callable[[], None] = lambda: None,
        *,
        retry_s: float = RETRY_S,
        doubt_patience_s: float = DOUBT_PATIENCE_S,
        doubt_pause_s: float = DOUBT_PAUSE_S,
        make_bookmarks: Callable[[], AsyncBookmarkManager] = AsyncGraphDatabase.bookmark_manager,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: where the database is.
            check_room: called before every write; raises ``DiskFull`` where the disk has too little space for one.
            retry_s: how long a write is tried again that left nothing, while the database does not answer.
            doubt_patience_s: how long a write is repeated whose commit is in doubt.
            doubt_pause_s: how long it waits between two tries.
            make_bookmarks: makes what remembers the writes that later sessions must see.
        """
        self.address = address
        self.check_room = check_room
        self.server_version = ""
        self.writes = 0
        self._retry_s = retry_s
        self._doubt_patience_s = doubt_patience_s
        self._doubt_pause_s = doubt_pause_s
        self._driver: AsyncDriver | None = None
        self._make_bookmarks = make_bookmarks
        self._bookmarks = make_bookmarks()
        self._gates: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def connect(self) -> None:
        """Open the pool and check that the server can be used.

        Raises:
            StoreUnavailable: it does not answer, or refuses the login.
            ConfigurationError: the address is unusable or the server is too old.
        """
        try:
            driver = AsyncGraphDatabase.driver(
                self.address.url,
                auth=(self.address.user, self.address.password),
                connection_acquisition_timeout=20.0,
                connection_timeout=5.0,
                max_transaction_retry_time=self._retry_s,
                initial_retry_delay=0.02,
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                user_agent="knowthread",
                telemetry_disabled=True,
                keep_alive=True,
            )
        except (DriverConfigurationError, ValueError) as error:
            raise ConfigurationError(
                "KNOWTHREAD_NEO4J_URL", str(error), "bolt://host:7687 or neo4j+s://host"
            ) from error
        try:
            await driver.verify_connectivity()
            server = await driver.get_server_info()
        except (Neo4jError, DriverError, OSError, ValueError) as error:  # ValueError: the host has no address
            await driver.close()
            raise translate(error, self.address, "connect") from error
        try:
            check_version(str(server.agent), self.address.url)
        except ConfigurationError:
            await driver.close()
            raise
        self.server_version = str(server.agent)
        self._bookmarks = self._make_bookmarks()
        self._driver = driver

    async def move(self, address: GraphAddress) -> None:
        """Continue with the same database at another address."""
        await self.close()
        self.address = address
        await self.connect()

    @property
    def is_open(self) -> bool:
        """Whether there is a pool. After a failed ``move`` there is none."""
        return self._driver is not None

    @property
    def driver(self) -> AsyncDriver:
        """The open driver; only the installation of the schema needs it."""
        if self._driver is None:
            raise StoreUnavailable("neo4j", "not connected yet; retry in a few seconds", retryable=True)
        return self._driver

    async def close(self) -> None:
        """Close the pool; calls in flight fail."""
        if self._driver is not None:
            driver, self._driver = self._driver, None
            await driver.close()

    async def read(self, query: Query[R], /, **params: Any) -> list[R]:
        """Run one read query and return its rows; it runs again after a transient failure.

        It runs without a transaction of its own, which saves two of three round trips.

        Raises:
            TypeError: the parameters are not those that the query declares.
            StoreUnavailable: the database does not answer, or refuses the query.
        """
        file = cypher.load()[query.name]
        file.check(frozenset(params))
        statement = DriverQuery(file.statement, metadata={"query": file.name}, timeout=_READ_TIMEOUT_S)
        for attempt in range(_ATTEMPTS):
            try:
                async with self._session(default_access_mode=READ_ACCESS, fetch_size=-1) as session:
                    return await _rows(query, await session.run(statement, {"p": params}), file.instants)
            except (Neo4jError, DriverError, OSError) as error:
                self._drop_bookmarks(error)
                retryable = isinstance(error, Neo4jError | DriverError) and error.is_retryable()
                if not retryable or attempt == _ATTEMPTS - 1:
                    raise translate(error, self.address, file.name) from error
                await _pause(attempt)
        raise AssertionError("unreachable")

    async def read_one(self, query: Query[R], /, **params: Any) -> R:
        """Run a read query that always returns exactly one row, and return that row; see ``read``.

        Raises:
            LookupError: it returned none, or several.
        """
        return _one(query, await self.read(query, **params))

    async def find_one(self, query: Query[R], /, **params: Any) -> R | None:
        """Run a read query that returns at most one row; return that row, or None; see ``read``.

        Raises:
            LookupError: it returned several.
        """
        return _at_most_one(query, await self.read(query, **params))

    async def plan(self, *queries: Query[Any] | Command) -> None:
        """Have the database plan a query, or several that ``run_both`` sends as one, without running anything.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        names = tuple(query.name for query in queries)
        statement = cypher.load()[names[0]].statement if len(names) == 1 else cypher.together(names)
        try:
            async with self._session() as session:
                await (await session.run("EXPLAIN " + statement, {"p": {}})).consume()
        except (Neo4jError, DriverError, OSError) as error:
            self._drop_bookmarks(error)
            raise translate(error, self.address, names[0]) from error

    async def report(self, query: cypher.QueryFile, params: Row, max_rows: int) -> tuple[list[str], list[Row], bool]:
        """Run a report in a transaction that cannot write.

        Returns:
            The columns in order, the first ``max_rows`` rows as JSON can hold them, and whether these are all.

        Raises:
            InvalidInput: the query writes, or the database cannot run it.
            StoreUnavailable: the database does not answer.
        """
        query.check(frozenset(params))
        statement = DriverQuery(query.statement, metadata={"query": query.name}, timeout=_READ_TIMEOUT_S)
        try:
            async with self._session(default_access_mode=READ_ACCESS) as session:
                result = await session.run(statement, {"p": params})
                columns = list(result.keys())
                records = await result.fetch(max_rows + 1)
                await result.consume()
        except ClientError as error:
            self._drop_bookmarks(error)
            raise refused_report(query.path.name, error) from error
        except (Neo4jError, DriverError, OSError) as error:
            self._drop_bookmarks(error)
            raise translate(error, self.address, query.name) from error
        rows = [
            {key: show(value) for key, value in zip(columns, record.values(), strict=True)}
            for record in records[:max_rows]
        ]
        return columns, rows, len(records) <= max_rows

    async def write(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        label: str,
        *,
        partition: str | None = None,
        repeats: bool = True,
    ) -> T:
        """Run ``work`` in one write transaction; it runs again from its start after any transient failure.

        Writes to one partition wait for each other here. If they waited for the partition's lock in the database, each
        would hold a connection and cost the database processor time. The lock still keeps other services out.

        If the connection breaks during the commit, nobody knows whether it was carried out. Then ``work`` runs again,
        for a while; it must first look whether an earlier attempt left its result, or have the same
        effect however often it runs.

        Args:
            work: what to do.
            label: what the database's log calls it.
            partition: the partition that it writes to.
            repeats: False if running it twice would be worse than not at all.

        Raises:
            DiskFull: there is too little space; ``work`` was not run.
            CommitInDoubt: the database went away during the commit, and did not come back in time.
            StoreUnavailable: the database does not answer; nothing was changed.
        """
        self.writes += 1
        try:
            if partition is None:
                return await self._execute(work, label, repeats=repeats)
            gate = self._gates.setdefault(partition, asyncio.Lock())
            async with gate:
                return await self._execute(work, label, repeats=repeats)
        finally:
            self.writes -= 1

    async def run_schema(self, name: str) -> None:
        """Run one schema file. It runs outside any managed transaction, as schema commands must."""
        self.check_room()
        query = cypher.load()[name]
        try:
            async with self._session() as session:
                await (await session.run(query.text)).consume()
        except (Neo4jError, DriverError, OSError) as error:
            self._drop_bookmarks(error)
            raise translate(error, self.address, name) from error

    def _session(self, **settings: Any) -> AsyncSession:
        """Return a session that sees what every earlier one wrote, on whichever server of a cluster it runs."""
        return self.driver.session(database=self.address.database, bookmark_manager=self._bookmarks, **settings)

    def _drop_bookmarks(self, error: Exception) -> None:
        """Forget the bookmarks if the server does not know them: it was restored from an older state."""
        if isinstance(error, Neo4jError) and "Bookmark" in str(error.code):
            self._bookmarks = self._make_bookmarks()

    async def _execute(self, work: Callable[[Transaction], Awaitable[T]], label: str, *, repeats: bool) -> T:
        self.check_room()
        if not repeats:
            return await self._attempt(work, label)
        return await repeat_in_doubt(
            lambda: self._attempt(work, label), label, self._doubt_patience_s, self._doubt_pause_s
        )

    async def _attempt(self, work: Callable[[Transaction], Awaitable[T]], label: str) -> T:
        """Run one transaction, again after failures that certainly left nothing."""

        @unit_of_work(metadata={"query": label}, timeout=_WRITE_TIMEOUT_S)
        async def run(transaction: AsyncManagedTransaction) -> T:
            return await work(Transaction(transaction))

        for attempt in range(_ATTEMPTS):
            try:
                async with self._session() as session:
                    return await session.execute_write(run)
            except (ConstraintError, ClientError) as error:
                self._drop_bookmarks(error)
                if not is_race(error) or attempt == _ATTEMPTS - 1:
                    raise translate(error, self.address, label) from error
                await _pause(attempt)
            except (Neo4jError, DriverError, OSError) as error:
                self._drop_bookmarks(error)
                raise translate(error, self.address, label) from error
        raise AssertionError("unreachable")


async def _pause(attempt: int) -> None:
    await asyncio.sleep(0.02 * 2**attempt * (0.5 + random.random()))  # noqa: S311 (jitter, no secret)


def _one(query: Query[R], rows: Sequence[R]) -> R:
    if len(rows) != 1:
        raise LookupError(f"{query.name} returned {len(rows)} rows where exactly one was expected")
    return rows[0]


def _at_most_one(query: Query[R], rows: Sequence[R]) -> R | None:
    return _one(query, rows) if rows else None


async def _rows(query: Query[R], result: AsyncResult, instants: frozenset[str]) -> list[R]:
    """Return rows in Python's own types and in the query's shape; what has no uuid of its own is left out.

    Args:
        query: what was asked.
        result: what came.
        instants: the keys that hold an instant as text.
    """
    keys, fix = result.keys(), fix_for(query.row)
    rows = [fix(native_map(zip(keys, record.values(), strict=True), instants)) async for record in result]
    return cast("list[R]", [row for row in rows if row is not LEFT_OUT])
