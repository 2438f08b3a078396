"""The managed Neo4j, for real: what it serves, what it survives, and what it refuses."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from filelock import FileLock
from neo4j import GraphDatabase
from neo4j.exceptions import AuthError

from kg.errors import SetupError
from kg.managed.artifact_lock import NEO4J
from kg.managed.artifacts import ArtifactCache, Fetch
from kg.managed.free_space import free_bytes
from kg.managed.local_neo4j import LocalNeo4j, Neo4jAddress
from kg.managed.maven import FetchFailed
from kg.settings.paths import cache_dir
from kg.settings.service import Settings


def query(address: Neo4jAddress, text: str, **parameters: Any) -> list[dict[str, Any]]:
    with GraphDatabase.driver(address.bolt_url, auth=(address.user, address.password)) as driver:
        return [record.data() for record in driver.execute_query(text, parameters).records]


def make_settings(folder: Path, **changes: Any) -> Settings:
    return replace(Settings(data_dir=folder / "with a space é", cache_dir=cache_dir()), **changes)


OTHER_HEAP = "384m"

MANAGER = """
import asyncio, sys
from pathlib import Path
from kg.managed.local_neo4j import LocalNeo4j
from kg.settings.service import Settings

async def main():
    data, cache, heap = sys.argv[1:]
    neo4j = LocalNeo4j(Settings(data_dir=Path(data), cache_dir=Path(cache), neo4j_heap=heap))
    print((await neo4j.start()).pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


class Home:
    """A data folder, and whoever manages the Neo4j in it. One store serves all tests: each start takes seconds."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = FileLock(self.folder / ".lock", thread_local=False)
        self._managers: list[LocalNeo4j] = []  # kept: each stands for a living process, with its child
        self._processes: list[subprocess.Popen[str]] = []
        self.neo4j = self.manager()

    @property
    def folder(self) -> Path:
        return self.settings.data_dir / "neo4j"

    def manager(
        self,
        artifacts: ArtifactCache | None = None,
        free: Callable[[Path], int] = free_bytes,
        **changes: Any,
    ) -> LocalNeo4j:
        """A manager that from now on is the one of this home."""
        settings = replace(self.settings, **changes)
        self.neo4j = LocalNeo4j(
            settings,
            archive_after_s=3600,  # ten seconds of a core for each cache, and its test says when it wants one
            artifacts=artifacts,
            free=free,
            make_lock=self._make_lock,
        )
        self._managers.append(self.neo4j)
        return self.neo4j

    def manager_process(self, heap: str = Settings.neo4j_heap) -> subprocess.Popen[str]:
        """A manager in a process of its own, which prints Neo4j's pid."""
        settings = self.settings
        command = [sys.executable, "-c", MANAGER, str(settings.data_dir), str(settings.cache_dir), heap]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        self._processes.append(process)
        return process

    def abandon(self) -> None:
        """Leave Neo4j without a manager, as if that had been killed."""
        self._lock.release()

    def _make_lock(self, file: Path) -> FileLock:
        self._lock = FileLock(file, thread_local=False)
        return self._lock

    async def close(self) -> None:
        for process in self._processes:
            await kill(process)
        await self.neo4j.stop()

    def pids(self) -> list[int]:
        """The Neo4js that run on this home."""
        home = f"--home-dir={self.folder.resolve()}"
        return [p.pid for p in psutil.process_iter(["cmdline"]) if home in (p.info["cmdline"] or [])]


async def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    await asyncio.to_thread(process.wait)
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    home = Home(make_settings(tmp_path_factory.mktemp("managed")))
    yield home
    await home.close()


Served = tuple[Settings, LocalNeo4j, Neo4jAddress]


@pytest.fixture
async def served(home: Home) -> Served:
    """A Neo4j that runs; it is started only where the test before has ended it."""
    return home.settings, home.neo4j, await home.neo4j.start()


@pytest.fixture
async def stopped(home: Home) -> Home:
    """A home on which no Neo4j runs; its store is there where a test before has made it."""
    await home.neo4j.stop()
    return home


async def test_a_damaged_jar_is_replaced_and_a_port_that_is_taken_at_the_last_moment_is_given_up(
    stopped: Home, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, cache = stopped, tmp_path_factory.mktemp("cache")  # Neo4j stays, and reads its jars for as long as it runs
    assert home.manager().running() is None
    good = cache_dir() / "artifacts"
    damaged = copy_of_jars(cache, "neo4j-kernel-5.26.30.jar")

    def fetch(coordinate: str, folder: Path, _received: Callable[[int], None]) -> Path:
        assert coordinate == "org.neo4j:neo4j-kernel:5.26.30"
        return Path(shutil.copy(good / damaged.relative_to(cache / "artifacts"), folder))

    def manager(fetch: Fetch) -> LocalNeo4j:
        return home.manager(ArtifactCache(cache, fetch=fetch, pause_s=0), cache_dir=cache)

    with pytest.raises(SetupError, match=r"cannot fetch Neo4j.*1 of 214 files"):
        await manager(offline).start()
    neo4j = manager(fetch)
    with socket.socket() as bolt:
        bolt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that who looks finds the port free ...
        bolt.bind(("127.0.0.1", 0))
        taken = bolt.getsockname()[1]
        home.folder.mkdir(parents=True, exist_ok=True)
        (home.folder / "ports.json").write_text(f'{{"bolt": {taken}, "http": {taken + 1}}}')
        starting = asyncio.create_task(neo4j.start())
        while not home.pids() and not starting.done():
            await asyncio.sleep(0.01)
        bolt.listen()  # ... and Neo4j, which looks later, does not
        address = await starting
        assert f":{taken}" not in address.bolt_url
        assert query(address, "RETURN 1 AS one") == [{"one": 1}]
    home.abandon()
    home.manager()  # with the cache of all


async def test_it_answers_queries_with_the_settings_in_force(served: Served) -> None:
    _, _, address = served
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]
    rows = query(address, "SHOW SETTINGS YIELD name, value RETURN name, value")
    values = {row["name"]: row["value"] for row in rows}
    assert values["dbms.security.auth_enabled"] == "true"
    assert values["dbms.usage_report.enabled"] == values["client.allow_telemetry"] == "false"
    assert values["db.tx_log.preallocate"] == values["server.https.enabled"] == "false"
    assert values["server.memory.pagecache.size"] == "128.00MiB"
    assert values["db.logs.query.enabled"] == "OFF"
    assert values["dbms.cypher.min_replan_interval"] == "1m"
    heap = query(address, "CALL dbms.queryJmx('java.lang:type=Memory') YIELD attributes RETURN attributes AS a")
    assert heap[0]["a"]["HeapMemoryUsage"]["value"]["properties"]["max"] <= 512 * 2**20


async def test_it_listens_on_loopback_only(served: Served) -> None:
    _, _, address = served
    listening = [c for c in psutil.Process(address.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert len(listening) == 2
    assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} == {"127.0.0.1"}


async def test_the_browser_is_served_and_may_reach_nothing_else(served: Served) -> None:
    _, _, address = served
    async with httpx.AsyncClient(timeout=60) as client:
        page = await client.get(address.browser_url)
    assert page.status_code == 200
    assert "<title>Neo4j Browser</title>" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert address.bolt_url.replace("bolt:", "ws:") in policy
    assert "https:" not in policy


async def test_the_password_is_needed_and_shown_nowhere(served: Served) -> None:
    _, neo4j, address = served
    with GraphDatabase.driver(address.bolt_url, auth=("neo4j", "neo4j")) as driver, pytest.raises(AuthError):
        driver.verify_connectivity()
    process = psutil.Process(address.pid)
    for shown in (" ".join(process.cmdline()), str(process.environ()), neo4j.log_tail(1000), repr(address)):
        assert address.password not in shown
    assert stat.S_IMODE(address.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(address.password_file.parent.stat().st_mode) == 0o700
    assert address.password_file.read_text().strip() == address.password


WRONG_PASSWORDS = """
import sys
from filelock import FileLock
from neo4j import GraphDatabase
from neo4j.exceptions import Neo4jError

for attempt in range(8):
    with GraphDatabase.driver(sys.argv[1], auth=("neo4j", f"wrong {attempt}")) as driver:
        try:
            driver.verify_connectivity()
        except Neo4jError as error:
            print(error.code)
"""


async def test_wrong_passwords_from_another_program_do_not_lock_us_out(served: Served) -> None:
    _, neo4j, address = served
    command = [sys.executable, "-c", WRONG_PASSWORDS, address.bolt_url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Neo.ClientError.Security.Unauthorized"] * 8
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]
    assert await neo4j.start() == address


async def test_an_empty_store_takes_less_than_50_mb(served: Served) -> None:
    settings, _, _ = served
    size = 0
    for file in settings.data_dir.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # Neo4j is at work in there
            size += file.stat().st_blocks * 512 if file.is_file() else 0
    assert 10**6 < size < 50 * 10**6


async def test_a_terminals_ctrl_c_does_not_reach_it(served: Served) -> None:
    _, _, address = served
    assert os.getsid(address.pid) == address.pid != os.getsid(0)


async def test_a_second_manager_of_the_store_is_refused(served: Served) -> None:
    settings, _, address = served
    for attempt in (LocalNeo4j(settings).start, LocalNeo4j(settings).stop):
        with pytest.raises(SetupError, match=f"managed by process {os.getpid()}"):
            await attempt()
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]


async def test_who_only_looks_finds_it(served: Served) -> None:
    settings, neo4j, address = served
    assert LocalNeo4j(settings).running() == address
    assert await neo4j.start() == address


async def test_an_orphan_whose_record_was_never_written_is_ended_not_doubled(home: Home, served: Served) -> None:
    _, _, left = served
    home.abandon()
    (home.folder / "process.json").unlink()
    address = await home.manager().start()
    assert home.pids() == [address.pid] != [left.pid]


async def test_a_restart_keeps_data_ports_and_password_and_uses_the_class_archive(home: Home, served: Served) -> None:
    _, neo4j, first = served
    query(first, "CREATE (:Kept {n: 1})")
    async with asyncio.timeout(240):
        while not await neo4j.prepare_archive():  # on a new machine a service of another test may be making it
            await asyncio.sleep(0.5)
    await neo4j.stop()
    assert neo4j.running() is None
    assert home.pids() == []
    assert not psutil.pid_exists(first.pid)
    await neo4j.stop()
    second = await neo4j.start()
    assert replace(second, pid=first.pid) == first
    assert query(second, "MATCH (k:Kept) RETURN k.n AS n") == [{"n": 1}]
    archive = next(part for part in psutil.Process(second.pid).cmdline() if part.startswith("-XX:SharedArchiveFile="))
    if sys.platform == "linux":  # only there can one see what a process has mapped
        mapped = {Path(m.path).name for m in psutil.Process(second.pid).memory_maps()}
        assert Path(archive.partition("=")[2]).name in mapped


async def test_what_a_killed_manager_leaves_behind_is_used_again(home: Home, served: Served) -> None:
    _, _, left = served
    home.abandon()
    manager = home.manager_process()
    assert manager.stdout is not None
    assert int(await asyncio.to_thread(manager.stdout.readline)) == left.pid
    with pytest.raises(SetupError, match=f"managed by process {manager.pid}"):
        await home.manager().start()
    await kill(manager)
    assert home.pids() == [left.pid]

    address = await home.manager().start()
    assert address.pid == left.pid
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]


async def test_other_settings_take_another_one_and_a_manager_killed_during_its_boot_does_no_harm(
    home: Home, served: Served
) -> None:
    _, _, left = served
    home.abandon()
    manager = home.manager_process(OTHER_HEAP)
    while not set(home.pids()) - {left.pid}:
        assert manager.poll() is None
        await asyncio.sleep(0.05)
    await kill(manager)
    address = await home.manager(neo4j_heap=OTHER_HEAP).start()
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]
    assert home.pids() == [address.pid] != [left.pid]


async def test_a_store_that_a_foreign_process_has_open_is_left_alone(stopped: Home) -> None:
    home = stopped
    (home.folder / "data" / "databases").mkdir(parents=True, exist_ok=True)
    with (home.folder / "data" / "databases" / "store_lock").open("a+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        with pytest.raises(SetupError, match="another Neo4j, not started by knowthread") as caught:
            await home.neo4j.start()
    assert "stop that Neo4j" in caught.value.cure
    assert home.pids() == []


async def test_a_wrong_java_is_named(stopped: Home, tmp_path: Path) -> None:
    fake = tmp_path / "java"
    fake.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    fake.chmod(0o755)
    for java, message in (
        (str(fake), r"is Java 11\.0\.2"),
        ("/nowhere/java", "is no program"),
        ("true", "not say"),
    ):
        with pytest.raises(SetupError, match=message) as caught:
            await stopped.manager(java=java).start()
        assert "Java 17 or 21" in caught.value.cure


async def test_a_heap_that_cannot_work_is_told_with_the_end_of_the_log(stopped: Home) -> None:
    with pytest.raises(SetupError, match=r"(?s)not enough memory.*\n.*heap size") as caught:
        await stopped.manager(neo4j_heap="1m").start()
    assert "KNOWTHREAD_NEO4J_HEAP" in caught.value.cure


async def test_no_space_left_is_told_before_starting(stopped: Home) -> None:
    with pytest.raises(SetupError, match=r"no space left for the graph.*\n.*10 MB are free"):
        await stopped.manager(free=lambda _folder: 10_000_000).start()


def offline(_coordinate: str, _folder: Path, _received: Callable[[int], None]) -> Path:
    raise FetchFailed("no network in this test")


def copy_of_jars(target: Path, damaged: str) -> Path:
    """Link the cache's jars into another cache, with one damaged in a way that size and time hide."""
    broken: Path | None = None
    for jar in ArtifactCache(cache_dir()).ensure(NEO4J):
        copy = target / jar.relative_to(cache_dir())
        copy.parent.mkdir(parents=True, exist_ok=True)
        if jar.name == damaged:
            shutil.copy2(jar, copy)
            broken = copy
        else:
            copy.symlink_to(jar)
    shutil.copy(cache_dir() / "artifacts" / ".stamps.json", target / "artifacts")
    assert broken is not None
    before = broken.stat()
    broken.write_bytes(bytes(before.st_size))
    os.utime(broken, ns=(before.st_atime_ns, before.st_mtime_ns))
    return broken
