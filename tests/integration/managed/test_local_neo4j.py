"""The managed Neo4j, for real: what it serves, what it survives, and what it refuses."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
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
from neo4j import GraphDatabase
from neo4j.exceptions import AuthError

import kg.managed.artifacts
import kg.managed.neo4j_config
from kg.errors import SetupError
from kg.managed.artifacts import FetchFailed, ensure_jars
from kg.managed.local_neo4j import LocalNeo4j, Neo4jAddress
from kg.settings.paths import cache_dir
from kg.settings.service import Settings


def query(address: Neo4jAddress, text: str, **parameters: Any) -> list[dict[str, Any]]:
    with GraphDatabase.driver(address.bolt_url, auth=(address.user, address.password)) as driver:
        return [record.data() for record in driver.execute_query(text, parameters).records]


def make_settings(folder: Path, **changes: Any) -> Settings:
    return replace(Settings(data_dir=folder / "with a space é", cache_dir=cache_dir()), **changes)


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Settings, LocalNeo4j, Neo4jAddress]]:
    """One Neo4j for the tests that only look."""
    settings = make_settings(tmp_path_factory.mktemp("served"))
    neo4j = LocalNeo4j(settings)
    address = await neo4j.start()
    yield settings, neo4j, address
    await neo4j.stop()


MANAGER = """
import asyncio, sys
from pathlib import Path
from kg.managed.local_neo4j import LocalNeo4j
from kg.settings.service import Settings

async def main():
    neo4j = LocalNeo4j(Settings(data_dir=Path(sys.argv[1]), cache_dir=Path(sys.argv[2])))
    print((await neo4j.start()).pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


class Home:
    """A data folder of a test's own, and whoever manages the Neo4j in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._managers: list[LocalNeo4j] = []
        self._processes: list[subprocess.Popen[str]] = []

    def manager(self, **changes: Any) -> LocalNeo4j:
        self._managers.append(LocalNeo4j(replace(self.settings, **changes)))
        return self._managers[-1]

    def manager_process(self) -> subprocess.Popen[str]:
        """A manager in a process of its own, which prints Neo4j's pid."""
        command = [sys.executable, "-c", MANAGER, str(self.settings.data_dir), str(self.settings.cache_dir)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        self._processes.append(process)
        return process

    async def close(self) -> None:
        for process in self._processes:
            await kill(process)
        for manager in reversed(self._managers):
            await manager.stop()

    def pids(self) -> list[int]:
        """The Neo4js that run on this home."""
        home = f"--home-dir={(self.settings.data_dir / 'neo4j').resolve()}"
        return [p.pid for p in psutil.process_iter(["cmdline"]) if home in (p.info["cmdline"] or [])]


async def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    await asyncio.to_thread(process.wait)
    if process.stdout is not None:
        process.stdout.close()


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(make_settings(tmp_path))
    yield home
    await home.close()


Served = tuple[Settings, LocalNeo4j, Neo4jAddress]


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


async def test_a_restart_keeps_data_ports_and_password_and_uses_the_class_archive(home: Home) -> None:
    neo4j = home.manager()
    assert neo4j.running() is None
    first = await neo4j.start()
    query(first, "CREATE (:Kept {n: 1})")
    assert await neo4j.prepare_archive()
    await neo4j.stop()
    assert neo4j.running() is None
    assert not psutil.pid_exists(first.pid)
    await neo4j.stop()
    second = await neo4j.start()
    assert replace(second, pid=first.pid) == first
    assert query(second, "MATCH (k:Kept) RETURN k.n AS n") == [{"n": 1}]
    archive = next(part for part in psutil.Process(second.pid).cmdline() if part.startswith("-XX:SharedArchiveFile="))
    if sys.platform == "linux":  # only there can one see what a process has mapped
        mapped = {Path(m.path).name for m in psutil.Process(second.pid).memory_maps()}
        assert Path(archive.partition("=")[2]).name in mapped


async def test_a_killed_neo4j_comes_back_with_what_was_committed(home: Home) -> None:
    neo4j = home.manager()
    first = await neo4j.start()
    query(first, "CREATE (:Kept {n: 2})")
    temporary = home.settings.data_dir / "neo4j" / "tmp"
    left = set(temporary.iterdir())
    assert any(file.name.startswith("jetty-") for file in left), "Java's temporary files are elsewhere"
    os.kill(first.pid, signal.SIGKILL)
    second = await neo4j.start()
    assert second.pid != first.pid
    assert not left & set(temporary.iterdir())
    assert query(second, "MATCH (k:Kept) RETURN k.n AS n") == [{"n": 2}]


async def test_what_a_killed_manager_leaves_behind_is_used_again(home: Home) -> None:
    manager = home.manager_process()
    assert manager.stdout is not None
    pid = int(await asyncio.to_thread(manager.stdout.readline))
    with pytest.raises(SetupError, match=f"managed by process {manager.pid}"):
        await home.manager().start()
    await kill(manager)
    assert home.pids() == [pid]

    heir = home.manager()
    address = await heir.start()
    assert address.pid == pid
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]
    heir._release()  # pyright: ignore[reportPrivateUsage]  # as if it had been killed as well

    other = home.manager(neo4j_heap="384m")
    changed = await other.start()
    assert changed.pid != pid
    assert home.pids() == [changed.pid]
    await other.stop()
    assert home.pids() == []


async def test_an_orphan_whose_record_was_never_written_is_ended_not_doubled(home: Home) -> None:
    manager = home.manager_process()
    assert manager.stdout is not None
    pid = int(await asyncio.to_thread(manager.stdout.readline))
    await kill(manager)
    (home.settings.data_dir / "neo4j" / "process.json").unlink()
    neo4j = home.manager()
    address = await neo4j.start()
    assert home.pids() == [address.pid] != [pid]


async def test_a_manager_killed_during_the_boot_does_no_harm(home: Home) -> None:
    manager = home.manager_process()
    while not home.pids():
        assert manager.poll() is None
        await asyncio.sleep(0.05)
    await kill(manager)
    neo4j = home.manager()
    address = await neo4j.start()
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]
    assert home.pids() == [address.pid]


async def test_a_taken_port_is_survived(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.settings.data_dir / "neo4j"
    folder.mkdir(parents=True)
    with socket.socket() as bolt:
        bolt.bind(("127.0.0.1", 0))
        bolt.listen()
        taken = bolt.getsockname()[1]
        (folder / "ports.json").write_text(f'{{"bolt": {taken}, "http": {taken + 1}}}')
        blind = iter([True, True])  # the port is taken between our look and Neo4j's
        real: Callable[[int], bool] = kg.managed.neo4j_config._is_free  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr("kg.managed.neo4j_config._is_free", lambda port: next(blind, None) or real(port))  # pyright: ignore
        neo4j = home.manager()
        address = await neo4j.start()
        assert f":{taken}" not in address.bolt_url
        assert query(address, "RETURN 1 AS one") == [{"one": 1}]


async def test_a_store_that_a_foreign_process_has_open_is_left_alone(home: Home) -> None:
    neo4j = home.manager()
    await neo4j.start()
    await neo4j.stop()
    with (home.settings.data_dir / "neo4j" / "data" / "databases" / "store_lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        with pytest.raises(SetupError, match="another Neo4j, not started by knowthread") as caught:
            await neo4j.start()
    assert "end that Neo4j" in caught.value.cure
    assert home.pids() == []


async def test_a_wrong_java_is_named(home: Home, tmp_path: Path) -> None:
    fake = tmp_path / "java"
    fake.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    fake.chmod(0o755)
    for java, message in (
        (str(fake), r"is Java 11\.0\.2"),
        ("/nowhere/java", "is no program"),
        ("true", "not say"),
    ):
        with pytest.raises(SetupError, match=message) as caught:
            await home.manager(java=java).start()
        assert "Java 17 or 21" in caught.value.cure


async def test_a_heap_that_cannot_work_is_told_with_the_end_of_the_log(home: Home) -> None:
    with pytest.raises(SetupError, match=r"(?s)not enough memory.*\n.*heap size") as caught:
        await home.manager(neo4j_heap="1m").start()
    assert "KNOWTHREAD_NEO4J_HEAP" in caught.value.cure


async def test_no_space_left_is_told_before_starting(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "kg.managed.local_neo4j.shutil.disk_usage", lambda _path: type("Usage", (), {"free": 10_000_000})
    )
    with pytest.raises(SetupError, match=r"no space left for the graph.*\n.*10 MB are free"):
        await home.manager().start()


async def test_a_damaged_jar_is_found_and_replaced(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = cache_dir() / "artifacts"
    damaged = copy_of_jars(tmp_path / "cache", "neo4j-kernel-5.26.30.jar")

    def fetch(coordinate: str, folder: Path, _received: Callable[[int], None]) -> Path:
        assert coordinate == "org.neo4j:neo4j-kernel:5.26.30"
        return Path(shutil.copy(good / damaged.relative_to(tmp_path / "cache" / "artifacts"), folder))

    neo4j = home.manager(cache_dir=tmp_path / "cache")
    monkeypatch.setattr(kg.managed.artifacts, "fetch_with_jgo", offline)
    monkeypatch.setattr("kg.managed.artifacts.time.sleep", lambda _seconds: None)
    with pytest.raises(SetupError, match=r"cannot fetch Neo4j.*1 of 214 files"):
        await neo4j.start()
    monkeypatch.setattr(kg.managed.artifacts, "fetch_with_jgo", fetch)
    address = await neo4j.start()
    assert query(address, "RETURN 1 AS one") == [{"one": 1}]


def offline(_coordinate: str, _folder: Path, _received: Callable[[int], None]) -> Path:
    raise FetchFailed("no network in this test")


def copy_of_jars(target: Path, damaged: str) -> Path:
    """Link the cache's jars into another cache, with one damaged in a way that size and time hide."""
    broken: Path | None = None
    for jar in ensure_jars(cache_dir()):
        copy = target / jar.relative_to(cache_dir())
        copy.parent.mkdir(parents=True, exist_ok=True)
        if jar.name == damaged:
            shutil.copy2(jar, copy)
            broken = copy
        else:
            copy.hardlink_to(jar)
    shutil.copy(cache_dir() / "artifacts" / ".stamps.json", target / "artifacts")
    assert broken is not None
    before = broken.stat()
    broken.write_bytes(bytes(before.st_size))
    os.utime(broken, ns=(before.st_atime_ns, before.st_mtime_ns))
    return broken
