"""The managed Neo4j Community: a child process on the user's own machine that needs no Docker and no installed Java.

Invariant: at most one process writes a store. Its manager holds ``.lock`` in the home folder for as long as it lives;
``process.json`` names the child. A killed manager leaves its child running. The next manager finds that child. It keeps
the child if it answers and has the same settings, and ends it otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from filelock import BaseFileLock, FileLock, Timeout

from kg.errors import SetupError, StoreUnavailable
from kg.managed.artifact_lock import NEO4J, load_lock
from kg.managed.artifacts import ArtifactCache, Progress
from kg.managed.class_archive import ClassArchive
from kg.managed.free_space import free_bytes
from kg.managed.java import Java, find_java
from kg.managed.java_flags import environment, flags
from kg.managed.neo4j_config import (
    HOST,
    REPLAN_S,
    USER,
    Ports,
    choose_ports,
    ensure_password,
    render_settings,
    write_configuration,
    write_private,
)
from kg.managed.neo4j_failures import Failure, diagnose
from kg.settings.service import Settings

MAIN_CLASS = "org.neo4j.server.CommunityEntryPoint"
BOOT_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
ARCHIVE_DELAY_S = 20.0
_KILL_TIMEOUT_S = 10.0
_YOUNG_S = 60.0
_POLL_S = 0.05
_STARTS = 3
_BOLT_IS_UP = " Bolt enabled on "
"""What Neo4j logs once it can be asked. Its web server, for Browser alone, is up half a second later."""
_LEAST_FREE_BYTES = 100 * 2**20


@dataclass(frozen=True)
class Neo4jAddress:
    """Where the managed Neo4j answers, and the user and password to log in with.

    Attributes:
        guide_port: from where its Browser may fetch our guide; nobody listens there until a person asks for it.
    """

    bolt_url: str
    browser_url: str
    guide_port: int
    user: str
    password: str = field(repr=False)
    password_file: Path
    pid: int


@dataclass(frozen=True)
class _Record:
    """What is written down about the child, so that another process can find it."""

    pid: int
    created_at: float
    fingerprint: str
    ports: Ports


class LocalNeo4j:
    """One store, and the process that serves it."""

    def __init__(
        self,
        settings: Settings,
        *,
        replan_s: int = REPLAN_S,
        archive_after_s: float = ARCHIVE_DELAY_S,
        more_flags: Sequence[str] = (),
        artifacts: ArtifactCache | None = None,
        free: Callable[[Path], int] = free_bytes,
        make_lock: Callable[[Path], BaseFileLock] = lambda file: FileLock(file, thread_local=False),
    ) -> None:
        """Nothing is started yet.

        Args:
            settings: of the service.
            replan_s: how long the plan of a query is kept at least, however much the graph changes meanwhile.
            archive_after_s: how long after a start the class archive is made, where there is none.
            more_flags: flags of Java that count more than those which it runs with by default.
            artifacts: where Neo4j's jars lie; by default the cache folder of the settings.
            free: returns the free space for a folder.
            make_lock: makes the lock of the home folder.
        """
        self._settings = settings
        self._replan_s = replan_s
        self._archive_after_s = archive_after_s
        self._flags = [*flags(settings), *more_flags]
        self._artifacts = ArtifactCache(settings.cache_dir) if artifacts is None else artifacts
        self._free = free
        self._home = (settings.data_dir / "neo4j").resolve()
        self._record_file = self._home / "process.json"
        self._console = self._home / "logs" / "console.log"
        self._lock = make_lock(self._home / ".lock")
        self._child: subprocess.Popen[bytes] | None = None
        self._archive: ClassArchive | None = None
        self._archiving: asyncio.Task[bool] | None = None
        self._changing = asyncio.Lock()

    async def start(self, progress: Progress | None = None) -> Neo4jAddress:
        """Make sure that Neo4j runs, and return its address once it answers. It is fetched first if it is missing.

        Raises:
            SetupError: it cannot be fetched or started, or another process manages this store.
        """
        async with self._changing:
            held = self._lock.is_locked
            if not held:
                self._acquire()
            try:
                found = self._find_process()
                record = await self._adopt(*found) if found else None
                if record is None:
                    record = await self._boot(progress)
            except BaseException:
                if not held:
                    self._lock.release()
                raise
            if self._archive is not None and self._archiving is None:
                self._archiving = asyncio.create_task(self._archive_later(self._archive))
            return self._address(record)

    async def stop(self) -> None:
        """Stop Neo4j cleanly, also one that a killed manager left running. If none runs, nothing happens.

        Raises:
            SetupError: another living process manages this store.
        """
        async with self._changing:
            if not self._home.is_dir():
                return
            if not self._lock.is_locked:
                self._acquire()
            try:
                if self._archiving is not None:
                    self._archiving.cancel()
                    await asyncio.wait([self._archiving])
                    self._archiving = None
                found = self._find_process()
                if found is not None:
                    await self._end(found[0])
            finally:
                self._lock.release()

    def running(self) -> Neo4jAddress | None:
        """Return the address of a running Neo4j, whoever manages it. It may still be starting."""
        record = self._load_record()
        if record is None or _process_of(record, self._home) is None:
            return None
        return self._address(record)

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines that Neo4j wrote to its console."""
        return _tail(self._console, lines)

    async def prepare_archive(self) -> bool:
        """Make the class archive for faster starts now, not later in the background; True if it exists afterwards."""
        return self._archive is not None and await self._archive.make(self._home)

    # One manager

    def _acquire(self) -> None:
        """Take the lock file and write our process id into it, so that whoever is refused can name us."""
        file = Path(self._lock.lock_file)
        try:
            self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire(timeout=0)
            file.write_text(str(psutil.Process().pid), encoding="utf-8")
        except Timeout as error:
            holder = file.read_text(encoding="utf-8").strip()
            raise SetupError(
                f"the graph in {self._home} is managed by process {holder or 'unknown'}",
                "use that service, or end it with `knowthread stop`",
            ) from error
        except OSError as error:
            self._lock.release()
            raise SetupError(
                f"the data folder {self._home} cannot be used: {error.strerror}",
                "set KNOWTHREAD_DATA_DIR to a folder that can be written",
            ) from error

    # One child

    def _load_record(self) -> _Record | None:
        try:
            content = json.loads(self._record_file.read_text(encoding="utf-8"))
            return _Record(**content | {"ports": Ports(**content["ports"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _find_process(self) -> tuple[psutil.Process, _Record | None] | None:
        """Return the running Neo4j of this home, and its record unless its manager died before writing one."""
        record = self._load_record()
        if record is not None and (process := _process_of(record, self._home)) is not None:
            return process, record
        for process in psutil.process_iter():
            if _is_neo4j(process, self._home):
                return process, None
        return None

    async def _adopt(self, process: psutil.Process, record: _Record | None) -> _Record | None:
        """Use a child that already runs. If it cannot be used, end it and return None."""
        if record is not None and record.fingerprint == self._fingerprint(await find_java(self._settings)):
            deadline = process.create_time() + _YOUNG_S
            while _is_alive(process):
                if await self._answers(record.ports):
                    return record
                if time.time() > deadline:
                    break
                await asyncio.sleep(0.5)
        await self._end(process)
        return None

    async def _boot(self, progress: Progress | None) -> _Record:
        """Start a child and wait until it answers. If we can repair what makes it fail, repair it and start again."""
        java = await find_java(self._settings)
        fingerprint = self._fingerprint(java)
        new_ports = verify = False
        for start in range(1, _STARTS + 1):
            jars = await asyncio.to_thread(self._artifacts.ensure, NEO4J, progress, verify=verify)
            if progress is not None:
                progress("starting Neo4j", 0, 0)
            self._archive = ClassArchive(self._settings.cache_dir, java, jars)
            ports = await asyncio.to_thread(self._prepare, new_ports=new_ports)
            await self._reap()
            process = self._spawn([java.executable, *self._flags, *self._archive.flags()], jars)
            outcome = await self._watch_start(process, fingerprint, ports)
            if isinstance(outcome, _Record):
                return outcome
            tail = self.log_tail()
            await self._end(process)
            new_ports, verify = outcome is Failure.PORT_TAKEN, outcome is Failure.JAR_DAMAGED
            archive_dropped = outcome is Failure.UNKNOWN and self._archive.drop()
            if start == _STARTS or not (new_ports or verify or archive_dropped):
                raise outcome.error(self._home, tail)
        raise AssertionError("unreachable")

    async def _watch_start(self, process: psutil.Process, fingerprint: str, ports: Ports) -> _Record | Failure:
        """Write a new child's record at once, then wait until it answers or fails."""
        try:
            record = _Record(process.pid, process.create_time(), fingerprint, ports)
            write_private(self._record_file, json.dumps(asdict(record)))
            return await self._await_answer(process, ports) or record
        except psutil.NoSuchProcess:
            return self._diagnose()
        except BaseException:
            await self._end(process)
            raise

    def _fingerprint(self, java: Java) -> str:
        """Return a digest of everything that must be the same for a running child to be used instead of a new one."""
        jars = [jar.file.sha256 for jar in load_lock()[NEO4J].jars]
        parts = [
            java.executable,
            java.version,
            *self._flags,
            render_settings(self._settings, Ports(0, 0, 0), self._replan_s),
            *jars,
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _prepare(self, *, new_ports: bool) -> Ports:
        free = self._free(self._home)
        if free < _LEAST_FREE_BYTES:
            raise Failure.DISK_FULL.error(self._home, f"{free / 1e6:.0f} MB are free")
        try:
            ensure_password(self._home)
            ports = choose_ports(self._home, fresh=new_ports)
            write_configuration(self._home, self._settings, ports, self._replan_s)
            self._console.parent.mkdir(exist_ok=True)
            if self._console.exists():
                self._console.replace(self._console.with_suffix(".log.1"))
        except OSError as error:
            raise diagnose(f"{error}").error(self._home, f"{error}") from error
        return ports

    async def _reap(self) -> None:
        """Wait until a killed child is really gone: it looks dead while its last threads still hold the store."""
        if self._child is not None:
            try:
                await asyncio.to_thread(self._child.wait, _KILL_TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                pid = self._child.pid
                raise SetupError(f"Neo4j (process {pid}) does not end", f"end it: kill -9 {pid}") from error
            self._child = None

    def _spawn(self, java: list[str], jars: list[Path]) -> psutil.Process:
        folders = [f"--home-dir={self._home}", f"--config-dir={self._home / 'conf'}"]
        try:
            with self._console.open("wb") as console:
                self._child = subprocess.Popen(
                    [*java, MAIN_CLASS, "--console-mode", *folders],
                    cwd=self._home,
                    env=environment(jars),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that Ctrl-C in a terminal reaches us first
                )
        except OSError as error:
            raise SetupError(
                f"Java cannot be run ({java[0]}: {error.strerror})", "set KNOWTHREAD_JAVA to a Java 17 or 21"
            ) from error
        process = psutil.Process(self._child.pid)  # before it is waited for: one that has ended at once is gone then
        threading.Thread(target=self._child.wait, name="reap-neo4j", daemon=True).start()
        return process

    async def _await_answer(self, process: psutil.Process, ports: Ports) -> Failure | None:
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline:
            if not _is_alive(process):
                return self._diagnose()
            if _BOLT_IS_UP in self.log_tail() and await self._answers(ports):
                return None
            await asyncio.sleep(_POLL_S)
        failure = self._diagnose()
        return Failure.TIMEOUT if failure is Failure.UNKNOWN else failure

    def _diagnose(self) -> Failure:
        """Find out why Neo4j ended or does not answer, from its console, or else from its debug log."""
        failure = diagnose(self.log_tail(400))
        return diagnose(_tail(self._home / "logs" / "debug.log", 200)) if failure is Failure.UNKNOWN else failure

    async def _answers(self, ports: Ports) -> bool:
        """Return whether Neo4j answers and accepts our password.

        Raises:
            SetupError: it answers but refuses the password.
        """
        from kg.graph.store import GraphAddress, GraphStore

        store = GraphStore(GraphAddress(_bolt_url(ports), USER, ensure_password(self._home)))
        try:
            await store.connect()
        except StoreUnavailable as error:
            if error.retryable:
                return False
            raise SetupError(
                f"the graph refuses the password in {self._home / 'password'}",
                f"if it was changed in Neo4j Browser, write the new one for the user '{USER}' into that file",
            ) from error
        finally:
            await store.close()
        return True

    async def _end(self, process: psutil.Process) -> None:
        """End a child: ask it, wait, and kill it only if it does not end (the store recovers from that by itself)."""
        for signal, timeout_s in ((process.terminate, STOP_TIMEOUT_S), (process.kill, _KILL_TIMEOUT_S)):
            with contextlib.suppress(psutil.NoSuchProcess):
                signal()
            if await _has_ended(process, timeout_s):
                break
        else:
            raise SetupError(f"Neo4j (process {process.pid}) does not end", f"end it: kill -9 {process.pid}")
        if self._child is not None and self._child.pid == process.pid:
            await self._reap()
        self._record_file.unlink(missing_ok=True)

    async def _archive_later(self, archive: ClassArchive) -> bool:
        """Make the class archive after the first calls have been served."""
        await asyncio.sleep(self._archive_after_s)
        return await archive.make(self._home)

    def _address(self, record: _Record) -> Neo4jAddress:
        return Neo4jAddress(
            bolt_url=_bolt_url(record.ports),
            browser_url=f"http://{HOST}:{record.ports.http}/browser/",
            guide_port=record.ports.guide,
            user=USER,
            password=ensure_password(self._home),
            password_file=self._home / "password",
            pid=record.pid,
        )


def _tail(file: Path, lines: int) -> str:
    """Return the last lines of a file; an empty text if there is no file."""
    try:
        return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _bolt_url(ports: Ports) -> str:
    return f"bolt://{HOST}:{ports.bolt}"


def _process_of(record: _Record, home: Path) -> psutil.Process | None:
    """Return the process of a record. If that process has ended, another one may have its id by now: return None then.

    A process that is being killed has no command line any more but may still hold the store, so it counts as running.
    """
    try:
        process = psutil.Process(record.pid)
        if not _is_alive(process) or abs(process.create_time() - record.created_at) >= 1:
            return None
        return process if not process.cmdline() or _is_neo4j(process, home) else None
    except psutil.Error:
        return None


def _is_neo4j(process: psutil.Process, home: Path) -> bool:
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return MAIN_CLASS in command and f"--home-dir={home}" in command


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _has_ended(process: psutil.Process, timeout_s: float) -> bool:
    """Wait for the end of a process, which need not be our child; return whether it ended in time."""
    deadline = time.monotonic() + timeout_s
    while _is_alive(process):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
