"""The composition root when a part fails: Neo4j is found again, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from kg.errors import SetupError, StoreUnavailable
from kg.managed.local_neo4j import Neo4jAddress
from kg.settings.service import Settings
from mcp_server.service.composition import Service
from mcp_server.service.early_neo4j import EarlyNeo4j, Phases
from mcp_server.service.keep_neo4j import keep_neo4j
from mcp_server.service.shutdown import end_all, endings_of


def _address(port: int, pid: int) -> Neo4jAddress:
    return Neo4jAddress(f"bolt://127.0.0.1:{port}", "http://127.0.0.1:1/", 2, "neo4j", "secret", Path("password"), pid)


class FakeLocal:
    """A managed Neo4j that is started at the next port each time."""

    def __init__(self) -> None:
        self.found: Neo4jAddress | None = _address(1, 1)
        self.failures: list[Exception] = []
        self.stopped = False
        self._starts = 1

    def running(self) -> Neo4jAddress | None:
        return self.found

    async def start(self) -> Neo4jAddress:
        if self.failures:
            raise self.failures.pop(0)
        self._starts += 1
        self.found = _address(self._starts, self._starts)
        return self.found

    async def stop(self) -> None:
        self.stopped = True


class FakeStore:
    """Connections that fail to be made a few times."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = failures
        self.is_open = True
        self.url = _address(1, 1).bolt_url

    async def move(self, address: Any) -> None:
        self.is_open = False
        self.url = address.url
        if self.failures:
            raise self.failures.pop(0)
        self.is_open = True


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_neo4j_that_died_is_connected_to_again_however_often_it_takes() -> None:
    local = FakeLocal()
    store = FakeStore([StoreUnavailable("neo4j", "does not answer", retryable=True), RuntimeError("of the driver")])
    before, local.found = local.found, None
    local.failures = [SetupError("no memory", "buy some"), OSError("too many files")]
    moved: list[Neo4jAddress] = []
    keeping = asyncio.create_task(keep_neo4j(cast("Any", local), cast("Any", store), before, moved.append, 0.005))
    try:
        await _until(lambda: store.is_open and moved == [_address(2, 2)])
        assert store.url == "bolt://127.0.0.1:2" and not keeping.done()
        store.is_open = False
        await _until(lambda: store.is_open)
        local.found = None
        await _until(lambda: moved[-1] == _address(3, 3))
        assert store.url == "bolt://127.0.0.1:3", "it dies a second time"
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping


async def test_a_part_that_fails_to_end_or_hangs_keeps_no_other_from_ending() -> None:
    ended: list[str] = []

    def ending(name: str, failure: BaseException | None = None) -> Any:
        async def end() -> None:
            ended.append(name)
            if failure is not None:
                raise failure

        return SimpleNamespace(stop=end, close=end)

    async def hang() -> None:
        ended.append("counts")
        await asyncio.sleep(60)

    parts = SimpleNamespace(
        indexer=ending("indexer", StoreUnavailable("neo4j", "gone", retryable=True)),
        deleting=ending("forget", asyncio.CancelledError()),
        recall_counts=SimpleNamespace(stop=hang),
        index=ending("index", OSError("disk")),
        embedder=ending("embedder", ValueError("x")),
        store=ending("store", TypeError("y")),
    )
    models = ending("models", RuntimeError("a"))
    await end_all(
        endings_of(cast("Any", parts), models, ending("daily"), ending("words"), ending("hold")), patience_s=0.2
    )
    assert ended == ["models", "daily", "words", "indexer", "forget", "counts", "index", "embedder", "hold", "store"]


async def test_a_service_that_is_stopped_at_once_does_not_wait_for_its_neo4j(tmp_path: Path) -> None:
    starting = asyncio.create_task(asyncio.Event().wait())
    local = FakeLocal()
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path)
    service = Service(settings, EarlyNeo4j(cast("Any", local), cast("Any", starting)))
    async with asyncio.timeout(60):
        await service.stop()
    assert starting.cancelled() and local.stopped


def test_parts_that_start_at_once_are_told_as_one_phase_a_fetch_before_all_else() -> None:
    told: list[str] = []
    phases = Phases(told.append)
    neo4j, embedder = phases.of("neo4j"), phases.of("embedder")
    neo4j("starting neo4j")
    embedder("fetching 40% of 41 MB")
    neo4j("starting Neo4j")
    embedder("")
    neo4j("")
    assert told == ["starting neo4j", "fetching 40% of 41 MB", "fetching 40% of 41 MB", "starting Neo4j"]
