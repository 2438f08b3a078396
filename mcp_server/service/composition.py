"""The composition root: the one place that knows every concrete class, and the order in which the parts start.

If the vector index does not open, the service starts without it and tries again. If the graph does not open, the start
fails with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import math
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from extract.embedders.connect import connect_embedder
from extract.routing.ledger import Ledger
from kg.background import SETTLE_S
from kg.errors import ConfigurationError, KgError, StoreUnavailable
from kg.graph import queries as graph_queries
from kg.graph.migrate import migrate
from kg.graph.store import GraphAddress, GraphStore
from kg.index import queries as index_queries
from kg.index.holder import IndexHolder, identity_of, place_of
from kg.index.indexer import Indexer
from kg.index.rebuild import Reindex
from kg.language.names import OwnName
from kg.managed.free_space import Room, floors
from kg.mending.daily import DailyCheck
from kg.operations import queries as operations_queries
from kg.operations.administration import Administration
from kg.operations.memory import MemoryService
from kg.operations.parts import Parts
from kg.operations.warmup import Patience, plan_first, warm_up
from kg.ports import Clock, Embedder, SystemClock, VectorIndex
from kg.recall.nothing_fits import Bearings
from kg.recall.recall_counts import RecallCounts
from kg.recall.search import Recall
from kg.recall.term_counts import CountKeeper
from kg.reports.picture import Pictures
from kg.reports.run import Reports
from kg.settings.service import Settings
from kg.writing.delete import Deleting
from kg.writing.upgrade import upgrade
from mcp_server.service.clock_watch import ClockWatch
from mcp_server.service.early_neo4j import EarlyNeo4j, OnPhase, Phases, telling
from mcp_server.service.guide_server import PORT_OF_SERVERS, Guides, Offer
from mcp_server.service.keep_neo4j import graph_address, keep_neo4j
from mcp_server.service.metrics import render
from mcp_server.service.model_side import ModelSide, make_model_side
from mcp_server.service.rest_index import rest_index
from mcp_server.service.shutdown import end_all, endings_of

if TYPE_CHECKING:
    from kg.managed.local_neo4j import LocalNeo4j, Neo4jAddress

log = logging.getLogger(__name__)

COLLECTION = "knowthread"
T = TypeVar("T")

_RETRY_S = 5.0
_CLOCK_EVERY_S = 60.0
_OPTIMIZE_EVERY_S = 600.0
_CLOSE_S = 10.0


class Service:
    """Everything behind the tools. ``start`` brings the parts up, ``stop`` takes them down in the reverse order."""

    def __init__(
        self,
        settings: Settings,
        neo4j: EarlyNeo4j | None = None,
        *,
        embedder: Embedder | None = None,
        quiet_s: Callable[[], float] = lambda: math.inf,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is started yet.

        Args:
            settings: of the service.
            neo4j: a managed Neo4j that is starting already; from here on this service ends it.
            embedder: used in place of the one that the settings name; measurements of the stores give one.
            quiet_s: returns for how many seconds nobody has called.
            settle: called once when the start is over and nobody calls, in a thread of its own.
        """
        self.settings = settings
        self._early = neo4j
        self._embedder = embedder
        self._quiet_s = quiet_s
        self._settle = settle
        self._daily: DailyCheck | None = None
        self._count_keeper: CountKeeper | None = None
        self.default_user = os.environ.get("KNOWTHREAD_USER_ID", "").strip() or _login_name()
        self.neo4j: Neo4jAddress | None = None
        self._memory: MemoryService | None = None
        self._administration: Administration | None = None
        self._model_side: ModelSide | None = None
        self._reindex: Reindex | None = None
        self._holder: IndexHolder | None = None
        self._started = time.monotonic()
        self._local: LocalNeo4j | None = None if neo4j is None else neo4j.local
        self._parts: Parts | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._warming: asyncio.Task[None] | None = None
        self._index_error: str | None = "not opened yet"
        self._room = Room(())
        self._clock: Clock = SystemClock()
        self._watch = ClockWatch(self._clock)
        self.guides = Guides()

    @property
    def memory(self) -> MemoryService:
        """The eleven operations.

        Raises:
            StoreUnavailable: the service is still starting.
        """
        return _started(self._memory)

    @property
    def administration(self) -> Administration:
        """What people can do besides the tools.

        Raises:
            StoreUnavailable: the service is still starting.
        """
        return _started(self._administration)

    @property
    def reports(self) -> Reports:
        """The reports.

        Raises:
            StoreUnavailable: the service is still starting.
        """
        return Reports(self.parts.store, self.parts.clock, self.settings.data_dir)

    @property
    def pictures(self) -> Pictures:
        """The pictures.

        Raises:
            StoreUnavailable: the service is still starting.
        """
        return Pictures(self.parts)

    def guide_offer(self) -> Offer:
        """Where the guide can be served so that Neo4j Browser may fetch it."""
        if self.neo4j is None:
            return Offer(PORT_OF_SERVERS, None)
        browser = urlsplit(self.neo4j.browser_url)
        return Offer(
            self.neo4j.guide_port, [f"http://{host}:{browser.port}" for host in (browser.hostname, "localhost")]
        )

    @property
    def embedder(self) -> Embedder:
        """The embedder in use."""
        return self.parts.embedder

    async def drain(self) -> None:
        """Wait until the index has caught up with the graph, and optimize it, as the service does every ten minutes."""
        await self.parts.indexer.drain()
        await self.parts.index.optimize()

    @property
    def parts(self) -> Parts:
        """What the operations stand on.

        Raises:
            StoreUnavailable: the service is still starting.
        """
        return _started(self._parts)

    async def start(self, on_phase: OnPhase) -> None:
        """Bring every part up; ``on_phase`` is told each phase.

        Raises:
            KgError: a part that the service needs does not come up; the message says what to do.
        """
        settings = self.settings
        address, embedder, index, bearings = await self._find_stores(Phases(on_phase))
        on_phase("connecting to neo4j")
        self._room = Room(floors(settings))
        store = GraphStore(address, self._room.check)
        await store.connect()
        log.info("connected to Neo4j")
        if settings.rehearsals:
            self._tasks.append(asyncio.create_task(plan_first(store), name="first plans"))
        on_phase("checking the schema")
        clock = self._clock
        await migrate(store, upgrade=lambda found: upgrade(store, clock, found))
        log.info("the schema is up to date")
        holder = self._holder = _make_holder(settings, store)
        indexer = Indexer(store, index, embedder, clock, holder=holder)
        deleting = Deleting(store, clock)
        self._model_side = await make_model_side(settings, store, index, embedder, clock)
        worker, reranking = (
            (self._model_side.worker, self._model_side.reranking) if self._model_side is not None else (None, None)
        )
        recall = Recall(store, index, embedder, reranking, bearings, check_index=holder.check)
        counts = RecallCounts(store, clock)
        own_name = OwnName(self.default_user, settings.user_name)
        self._parts = Parts(store, index, embedder, indexer, deleting, recall, counts, clock, worker, own_name)
        self._reindex = Reindex(store, index, indexer, holder)
        await self._open_index(self._reindex)
        holder.start(self._reindex.open_index)
        self._memory = MemoryService(self._parts)
        resume = self._model_side.resume if self._model_side is not None else None
        self._administration = Administration(store, index, indexer, clock, reindex=self._reindex, resume=resume)
        self._daily = DailyCheck(store, clock, self._quiet_s)
        self._daily.start()
        self._count_keeper = CountKeeper(store)
        self._count_keeper.start()
        indexer.start()
        deleting.start()
        counts.start()
        if self._model_side is not None:
            await self._model_side.start(store)
        if self._local is not None:
            keeping = keep_neo4j(self._local, store, self.neo4j, self._moved, _RETRY_S)
            self._tasks.append(asyncio.create_task(keeping, name="neo4j"))
        self._tasks.append(asyncio.create_task(self._watch_clock(store), name="clock"))
        self._tasks.append(asyncio.create_task(self._keep_index(self._parts, self._reindex), name="index"))
        self._tasks.append(asyncio.create_task(rest_index(index, self._quiet_s), name="rest"))
        self._warming = asyncio.create_task(self._warm(self._parts, self._memory), name="warm-up")
        self._tasks.append(self._warming)

    async def warmed(self) -> None:
        """Return once a start has made ready what it makes ready while nobody calls; measurements wait for it."""
        if self._warming is not None:
            await asyncio.wait([self._warming])

    async def stop(self) -> None:
        """Take every part down. Unfinished work is in the graph and goes on at the next start.

        If a part fails to end or takes too long, the others end all the same, so that no Neo4j is left behind.
        """
        try:
            parts = endings_of(self._parts, self._model_side, self._daily, self._count_keeper, self._holder)
            await end_all([("the background tasks", self._end_tasks), *parts], _CLOSE_S)
        finally:
            if self._early is not None:
                await self._early.give_up()
            if self._local is not None:
                await self._local.stop()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def status(self) -> dict[str, Any]:
        """Return the state of every part. Never raises: a part that fails says why."""
        status: dict[str, Any] = {"default_user": self.default_user, "data_dir": str(self.settings.data_dir)}
        if self._parts is None:
            return status
        parts = self._parts
        if error := self._room.error():
            status["disk"] = {"error": error}
        status["embedder"] = parts.embedder.name
        address = parts.store.address
        status["neo4j"] = {
            "version": parts.store.server_version,
            "url": address.url,
            "user": address.user,
            "database": address.database,
            "managed": self._local is not None,
        }
        if self.neo4j is not None:
            status["neo4j"] |= {
                "browser_url": self.neo4j.browser_url,
                "password_file": str(self.neo4j.password_file),
                "pid": self.neo4j.pid,
            }
        cost_usd = 0.0
        try:
            status["graph"] = await parts.store.read_one(graph_queries.graph_counts)
            if problem := await self._clock_problem(parts.store):
                status["clock"] = {"error": problem}
            status["index"] = await parts.store.read_one(index_queries.index_lag)
            today = datetime.now(UTC).date().isoformat()
            cost_usd = (await parts.store.read_one(graph_queries.spent_tokens, day=today))["cost"]
            jobs = await parts.store.read(operations_queries.job_states)
            status["jobs"] = {row["state"]: row["jobs"] for row in jobs}
            if self._daily is not None and (found := await self._daily.found()):
                status["rules"] = found
        except KgError as error:
            status["neo4j"]["error"] = str(error)
        index: dict[str, Any] = status.setdefault("index", {})
        index["kind"] = "server" if self.settings.qdrant_url else "embedded"
        if self._reindex is not None and (rebuild := self._reindex.progress())["state"] != "idle":
            index["rebuild"] = rebuild
        status["models"] = self._model_side.describe() if self._model_side is not None else {"routes": {}}
        status["models"] |= {"cost_usd_today": cost_usd} if cost_usd else {}
        held = self._holder.problem if self._holder is not None else ""
        if error := self._index_error or held or parts.indexer.state.error or index.pop("error", None):
            index["error"] = error
        else:
            with contextlib.suppress(KgError):
                index["points"] = await parts.index.count()
        return status

    async def metrics(self) -> tuple[bytes, str]:
        """Return what Prometheus reads, and its content type."""
        ledger = self._model_side.ledger if self._model_side is not None else Ledger(0, SystemClock())
        return render({**await self.status(), "uptime_s": time.monotonic() - self._started}, ledger.snapshot())

    async def _find_stores(self, phases: Phases) -> tuple[GraphAddress, Embedder, VectorIndex, Bearings]:
        """Start the graph, and beside it load the embedder and open the index.

        Raises:
            KgError: one of them does not come up; the others are taken down.
        """
        graph = asyncio.create_task(self._find_graph(phases.of("neo4j")))
        beside = asyncio.create_task(self._open_beside(phases.of("embedder")))
        try:
            address, (embedder, index, bearings) = await asyncio.gather(graph, beside)
        except BaseException:
            graph.cancel()
            beside.cancel()
            _, opened = await asyncio.gather(graph, beside, return_exceptions=True)
            if not isinstance(opened, BaseException):
                embedder, index, _ = opened
                await index.close()
                await embedder.close()
            raise
        return address, embedder, index, bearings

    async def _find_graph(self, on_phase: OnPhase) -> GraphAddress:
        settings = self.settings
        if settings.neo4j_url:
            return GraphAddress(
                settings.neo4j_url, settings.neo4j_user, settings.neo4j_password, settings.neo4j_database
            )
        self._early = early = self._early or EarlyNeo4j.begin(settings, on_phase)
        self._local = early.local
        found = self.neo4j = await early.address
        log.info("Neo4j answers")
        return graph_address(found)

    async def _open_beside(self, on_phase: OnPhase) -> tuple[Embedder, VectorIndex, Bearings]:
        """Load the embedder, and open the index as far as it goes without the graph."""
        settings = self.settings
        embedder = self._embedder or await connect_embedder(
            settings.embedder,
            settings.cache_dir,
            telling(on_phase),
            ollama_url=settings.embedding_url,
            keep_alive=settings.ollama_keep_alive,
        )
        on_phase("")
        kept_in = settings.cache_dir if self._embedder is None else None  # one that is handed in may be a stand-in
        index, bearings = _make_index(settings, embedder), Bearings(embedder, kept_in)
        with contextlib.suppress(KgError):  # both are tried again, and then told
            await index.open()
            await bearings.prepare()
            log.info("the embedder and the index are loaded")
        return embedder, index, bearings

    async def _open_index(self, reindex: Reindex) -> None:
        """Open the side-index. Without it, or if another embedder built it, searches go by words alone.

        Raises:
            ConfigurationError: the address of the index cannot work, or another service holds the index.
        """
        try:
            await reindex.open_index()
        except (StoreUnavailable, ConfigurationError) as error:
            before, self._index_error = self._index_error, str(error)
            if isinstance(error, ConfigurationError) and error.setting != "KNOWTHREAD_EMBEDDER":
                raise
            if before != str(error):
                log.warning("going on without the vector index: %s", error)
        else:
            self._index_error = None

    async def _keep_index(self, parts: Parts, reindex: Reindex) -> None:
        """Open an index that did not open before, and optimize one that has grown."""
        try:
            while True:
                await asyncio.sleep(_RETRY_S if self._index_error else _OPTIMIZE_EVERY_S)
                try:
                    if self._index_error:
                        await self._open_index(reindex)
                        parts.indexer.wake()
                    else:
                        self._room.check()
                        await parts.index.optimize()
                except KgError as error:
                    log.warning("the vector index: %s", error)
        finally:
            await reindex.stop()

    def _moved(self, found: Neo4jAddress) -> None:
        self.neo4j = found

    async def _clock_problem(self, store: GraphStore) -> str:
        return self._watch.look((await store.read_one(graph_queries.latest_instant))["last_at"])

    async def _watch_clock(self, store: GraphStore) -> None:
        """Look at the clock from time to time, so that the log says when it was moved."""
        await asyncio.sleep(SETTLE_S)
        while True:
            with contextlib.suppress(KgError):
                await self._clock_problem(store)
            await asyncio.sleep(_CLOCK_EVERY_S)

    async def _warm(self, parts: Parts, memory: MemoryService) -> None:
        """Do the slow first-time work before anyone waits for it, but not while somebody waits for a call."""
        await asyncio.sleep(SETTLE_S)
        patience = Patience(self._quiet_s)
        try:
            if self.settings.rehearsals:
                await warm_up(parts, memory, self.default_user, patience.until_quiet, self.settings.rehearsals)
                log.info("warmed up")
        except KgError as error:
            log.warning("warming up: %s", error)
        await patience.until_quiet()
        await asyncio.to_thread(self._settle)


def _make_index(settings: Settings, embedder: Embedder) -> VectorIndex:
    if settings.qdrant_url:
        from kg.index.qdrant.server import ServerIndex

        return ServerIndex(
            settings.qdrant_url,
            settings.qdrant_api_key,
            COLLECTION,
            embedder_name=embedder.name,
            dimension=embedder.dimension,
            digest=embedder.digest,
        )
    from kg.index.qdrant.embedded import EmbeddedIndex

    return EmbeddedIndex(settings.data_dir / "qdrant", embedder.name, embedder.dimension, embedder.digest)


def _make_holder(settings: Settings, store: GraphStore) -> IndexHolder:
    folder = settings.data_dir
    return IndexHolder(store, identity_of(folder), place_of(folder), shared=bool(settings.qdrant_url))


def _started(part: T | None) -> T:
    """Return a part of the service.

    Raises:
        StoreUnavailable: the service is still starting.
    """
    if part is None:
        raise StoreUnavailable("service", "still starting; try again in a few seconds", retryable=True)
    return part


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"
