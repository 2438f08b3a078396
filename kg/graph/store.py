"""The door to Neo4j: named queries, managed transactions, translated errors.

Invariant: every write runs in a managed transaction whose function may be run again from its start, so the function
keeps no state between runs. Foreign exceptions are translated here and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

from neo4j import (
    READ_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    AsyncResult,
    AsyncSession,
    NotificationMinimumSeverity,
    Query,
    unit_of_work,
)
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)
from neo4j.exceptions import (
    ConfigurationError as DriverConfigurationError,
)
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

import cypher
from kg.errors import ConfigurationError, StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = dict[str, Any]

MINIMUM_VERSION = (5, 26)
_NO_SUCH_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"
_LOCKED_OUT = "Neo.ClientError.Security.AuthenticationRateLimit"
_ATTEMPTS = 6
_PLAIN = frozenset((str, int, float, bool, type(None)))
_READ_TIMEOUT_S = 30.0
_WRITE_TIMEOUT_S = 120.0


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
    """One managed transaction; hand its rows on, not itself."""

    def __init__(self, transaction: AsyncManagedTransaction) -> None:
        self._transaction = transaction

    async def run(self, name: str, /, **params: Any) -> list[Row]:
        """Run a query file and return its rows, times as aware UTC datetimes."""
        query = cypher.load()[name]
        query.check(frozenset(params))
        return await _rows(await self._transaction.run(query.statement, {"p": params}), query.instants)


class GraphStore:
    """A pool of connections to one database.

    Attributes:
        server_version: what the server calls itself, as in ``Neo4j/5.26.30``; empty before ``connect``.
    """

    def __init__(self, address: GraphAddress, check_room: Callable[[], None] = lambda: None) -> None:
        """Nothing is opened yet.

        Args:
            address: where the database is.
            check_room: called before every write; raises ``DiskFull`` where the disk has too little space for one.
        """
        self.address = address
        self.check_room = check_room
        self.server_version = ""
        self._driver: AsyncDriver | None = None
        self._bookmarks = AsyncGraphDatabase.bookmark_manager()
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
                max_transaction_retry_time=20.0,
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
            raise _translate(error, self.address, "connect") from error
        try:
            check_version(str(server.agent), self.address.url)
        except ConfigurationError:
            await driver.close()
            raise
        self.server_version = str(server.agent)
        self._bookmarks = AsyncGraphDatabase.bookmark_manager()
        self._driver = driver

    async def move(self, address: GraphAddress) -> None:
        """Go on with the same database at another address."""
        await self.close()
        self.address = address
        await self.connect()

    @property
    def is_open(self) -> bool:
        """Whether there is a pool; after a ``move`` that failed there is none."""
        return self._driver is not None

    @property
    def driver(self) -> AsyncDriver:
        """The open driver; for the schema's installation only."""
        if self._driver is None:
            raise StoreUnavailable("neo4j", "not connected yet; retry in a few seconds", retryable=True)
        return self._driver

    async def close(self) -> None:
        """Close the pool; calls in flight fail."""
        if self._driver is not None:
            driver, self._driver = self._driver, None
            await driver.close()

    async def read(self, name: str, /, **params: Any) -> list[Row]:
        """Run one read query and return its rows; it is asked again after a transient failure.

        It needs no transaction of its own, which spares two of three round trips.
        """
        query = cypher.load()[name]
        query.check(frozenset(params))
        statement = Query(query.statement, metadata={"query": name}, timeout=_READ_TIMEOUT_S)
        for attempt in range(_ATTEMPTS):
            try:
                async with self._session(default_access_mode=READ_ACCESS, fetch_size=-1) as session:
                    return await _rows(await session.run(statement, {"p": params}), query.instants)
            except (Neo4jError, DriverError, OSError) as error:
                self._drop_bookmarks(error)
                retryable = isinstance(error, Neo4jError | DriverError) and error.is_retryable()
                if not retryable or attempt == _ATTEMPTS - 1:
                    raise _translate(error, self.address, name) from error
                await _pause(attempt)
        raise AssertionError("unreachable")

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], label: str, *, partition: str | None = None
    ) -> T:
        """Run ``work`` in one write transaction; it runs again from its start after any transient failure.

        Writes to one partition wait for each other here already: what waits for its lock inside the database holds a
        connection and costs it processor time. The lock remains what other services are kept out by.

        Raises:
            DiskFull: there is too little space; ``work`` was not run.
            StoreUnavailable: the database does not answer; whether the last attempt was committed may be unknown,
                so ``work`` must look for its own traces first.
        """
        if partition is None:
            return await self._execute(work, label)
        gate = self._gates.setdefault(partition, asyncio.Lock())
        async with gate:
            return await self._execute(work, label)

    async def run_schema(self, name: str) -> None:
        """Run one schema query file, outside any managed transaction as schema commands must be."""
        self.check_room()
        query = cypher.load()[name]
        try:
            async with self._session() as session:
                await (await session.run(query.text)).consume()
        except (Neo4jError, DriverError, OSError) as error:
            self._drop_bookmarks(error)
            raise _translate(error, self.address, name) from error

    def _session(self, **settings: Any) -> AsyncSession:
        """Return a session that sees what every earlier one wrote, whichever server of a cluster it is served by."""
        return self.driver.session(database=self.address.database, bookmark_manager=self._bookmarks, **settings)

    def _drop_bookmarks(self, error: Exception) -> None:
        """Forget what was written last where the server cannot know it: it was restored from an older state."""
        if isinstance(error, Neo4jError) and "Bookmark" in str(error.code):
            self._bookmarks = AsyncGraphDatabase.bookmark_manager()

    async def _execute(self, work: Callable[[Transaction], Awaitable[T]], label: str) -> T:
        self.check_room()

        @unit_of_work(metadata={"query": label}, timeout=_WRITE_TIMEOUT_S)
        async def run(transaction: AsyncManagedTransaction) -> T:
            return await work(Transaction(transaction))

        for attempt in range(_ATTEMPTS):
            try:
                async with self._session() as session:
                    return await session.execute_write(run)
            except (ConstraintError, ClientError) as error:
                self._drop_bookmarks(error)
                if not _is_race(error) or attempt == _ATTEMPTS - 1:
                    raise _translate(error, self.address, label) from error
                await _pause(attempt)
            except (Neo4jError, DriverError, OSError) as error:
                self._drop_bookmarks(error)
                raise _translate(error, self.address, label) from error
        raise AssertionError("unreachable")


def check_version(agent: str, url: str) -> None:
    """Refuse a server that is too old, by what it calls itself: ``Neo4j/5.26.30``, ``Neo4j/5.27-aura``.

    Raises:
        ConfigurationError: it is too old, or its version is not told.
    """
    found = re.fullmatch(r"[^/]*/(\d+)\.(\d+)\b.*", agent)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM_VERSION:
        raise ConfigurationError(
            "KNOWTHREAD_NEO4J_URL",
            f"{url} is {agent}, which is too old" if found else f"{url} is {agent!r}, whose version is not known",
            "Neo4j 5.26 or newer; or unset it to use the managed one",
        )


async def _pause(attempt: int) -> None:
    await asyncio.sleep(0.02 * 2**attempt * (0.5 + random.random()))  # noqa: S311 (jitter, no secret)


async def _rows(result: AsyncResult, instants: frozenset[str]) -> list[Row]:
    """Return rows in Python's own types; ``instants`` names what holds an instant as text."""
    keys = result.keys()
    return [_native_map(zip(keys, record.values(), strict=True), instants) async for record in result]


def _is_race(error: Neo4jError) -> bool:
    """Tell whether another transaction took something away or created it between two of our statements."""
    return isinstance(error, ConstraintError) or "EntityNotFound" in str(error.code)


def _translate(error: Exception, address: GraphAddress, label: str) -> StoreUnavailable:
    """Return our error for the driver's; the log gets its code and never its message, which may quote a text."""
    if isinstance(error, AuthError):
        return StoreUnavailable(
            "neo4j",
            f"{address.url} refused the login of user '{address.user}'; check KNOWTHREAD_NEO4J_USER and _PASSWORD",
            retryable=False,
        )
    if isinstance(error, ServiceUnavailable | SessionExpired | OSError | ValueError):
        return StoreUnavailable("neo4j", f"{address.url} does not answer; `knowthread doctor` says why", retryable=True)
    code = getattr(error, "code", None) or type(error).__name__
    if code == _NO_SUCH_DATABASE:
        return StoreUnavailable(
            "neo4j",
            f"{address.url} has no database '{address.database}'; set KNOWTHREAD_NEO4J_DATABASE to one that it has",
            retryable=False,
        )
    if code == _LOCKED_OUT:
        return StoreUnavailable(
            "neo4j",
            f"{address.url} takes no login of user '{address.user}' for some seconds, because a program sent wrong "
            "passwords for it. Ours may be right, so leave it as it is and try again; if it goes on, end the program "
            "that sends them",
            retryable=True,
        )
    log.error("%s failed with %s", label, code)
    retryable = isinstance(error, Neo4jError | DriverError) and error.is_retryable()
    return StoreUnavailable("neo4j", f"{label} failed with {code}", retryable=retryable)


def _native_map(items: Iterable[tuple[str, object]], instants: frozenset[str]) -> Row:
    return {
        key: _instant(item) if key in instants and type(item) is str else _native(item, instants) for key, item in items
    }


def _native(value: object, instants: frozenset[str]) -> object:
    """Turn the driver's instants into aware UTC datetimes, in nested lists and maps too.

    A person may have added values of other kinds in Neo4j Browser; they do not stop a query.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is DateTime:
        return _in_utc(cast("DateTime", value).to_native())
    if kind is dict:
        return _native_map(cast("dict[str, object]", value).items(), instants)
    if kind is list:
        return [_native(item, instants) for item in cast("list[object]", value)]
    return _foreign(value)


def _instant(text: str) -> datetime | str:
    """Return what ``toString`` made of an instant as an aware UTC datetime; of another value its text as it is."""
    try:
        return _in_utc(datetime.fromisoformat(text.partition("[")[0]))  # without the name of its zone
    except ValueError:
        return text


def _in_utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _foreign(value: object) -> object:
    """Return a value of a kind that we never write as JSON can hold it."""
    if isinstance(value, Date | Time | Duration):
        return value.iso_format()
    if isinstance(value, Point):
        return {"srid": value.srid, "coordinates": list(value)}
    if isinstance(value, bytes | bytearray):
        return value.hex()
    raise TypeError(f"queries return scalars, times, lists and maps, not {type(value).__name__}")
