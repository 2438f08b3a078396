"""What the resident service leaves in the data folder so that others find it: record, token, locks.

``service.json`` names the process by pid **and start time**, so that a number that the system gave to another process
is never taken for the service. ``service.lock`` is held by the service as long as it lives and falls with it: one
service per data folder. ``token`` is the bearer token. All are readable by their owner only. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kg.errors import ConfigurationError, Conflict, SetupError
from kg.settings.paths import write_private
from mcp_server.link.session import SESSION_VARIABLES

RECORD = "service.json"
TOKEN = "token"  # noqa: S105 (a file's name)
PORT = "port"
SERVICE_LOCK = "service.lock"
READY = "ready"
STOPPING = "stopping"
FAILED = "failed"
MIN_TOKEN = 16
"""Fewest characters of a bearer token."""

LOOPBACK = ("localhost", "::1")
WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 (what is looked for, not where we listen)
"""Hosts that mean every address of the machine."""

_LEAVING_S = 30.0


@dataclass(frozen=True)
class ServiceRecord:
    """The running service as its data folder describes it.

    Attributes:
        started: when the process started, as the system tells it; together with ``pid`` it names one process.
        fingerprint: digests of the service's settings by environment variable, keyed with the token.
        phase: what it is doing, for people: ``fetching 34% of 137 MB``, ``starting neo4j``, ``ready``, ``stopping``.
        error: why it ended, when it could not start.
        written_at: when this was written, seconds since the epoch.
    """

    pid: int
    started: str
    host: str
    port: int
    version: str
    schema_version: int
    fingerprint: Mapping[str, str] = field(default_factory=dict[str, str])
    phase: str = "starting"
    error: str = ""
    written_at: float = 0.0

    def is_alive(self) -> bool:
        """Tell whether this very process still runs."""
        return process_start(self.pid) == self.started


def read_record(folder: Path) -> ServiceRecord | None:
    """Return the record in a data folder, alive or stale; None without a readable one."""
    try:
        content: Any = json.loads((folder / RECORD).read_bytes())
        return ServiceRecord(**{f.name: content[f.name] for f in fields(ServiceRecord)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_token(folder: Path) -> str:
    """Return the bearer token, or an empty text when there is none yet."""
    try:
        return (folder / TOKEN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class PublishedRecord:
    """The service's own record: published when the port is bound, kept up to date by any thread, removed at the end."""

    def __init__(self, folder: Path, record: ServiceRecord) -> None:
        self._folder = folder
        self._record = record
        self._lock = threading.Lock()
        self._withdrawn = False
        self._write(record)

    @property
    def phase(self) -> str:
        """What the service is doing, for people; ``ready`` when calls are served."""
        return self._record.phase

    @property
    def error(self) -> str:
        """Why the service could not start; empty while it can."""
        return self._record.error

    def publish(self, *, phase: str, error: str = "") -> None:
        """Say what the service is doing now; others see it at once. Nothing more is said after ``withdraw``."""
        with self._lock:
            if not self._withdrawn and (phase, error) != (self._record.phase, self._record.error):
                self._write(replace(self._record, phase=phase, error=error))

    def withdraw(self) -> None:
        """Remove the record at a clean end; one that says why the service could not start stays."""
        with self._lock:
            self._withdrawn = True
            if not self._record.error and read_record(self._folder) == self._record:
                (self._folder / RECORD).unlink(missing_ok=True)

    def _write(self, record: ServiceRecord) -> None:
        self._record = replace(record, written_at=time.time())
        write_private(self._folder / RECORD, json.dumps(asdict(self._record), indent=1))


def publish_record(
    folder: Path,
    address: tuple[str, int],
    *,
    version: str,
    schema_version: int,
    settings: Mapping[str, object],
    token: str,
) -> PublishedRecord:
    """Publish the calling process as the service of a data folder, with phase ``starting``.

    Args:
        folder: the data folder.
        address: host and port that are bound already.
        version: of this program; an older shim leaves a newer service alone, a newer one replaces an older.
        schema_version: of the graph, as this program writes it.
        settings: the service's settings by their names without prefix, in lower case; secrets may be among them.
        token: keys the digests, so that a short setting cannot be guessed from the record.
    """
    digests = {f"KNOWTHREAD_{name.upper()}": setting_digest(value, token) for name, value in settings.items()}
    pid = os.getpid()
    return PublishedRecord(
        folder,
        ServiceRecord(pid, process_start(pid) or "", address[0], address[1], version, schema_version, digests),
    )


def setting_digest(value: object, token: str) -> str:
    """Fingerprint one setting; numbers are equal however they are written."""
    text = str(value).strip()
    with suppress(ValueError):
        text = repr(float(text))
    return hmac.new(token.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:16]


def differing_settings(record: ServiceRecord, environ: Mapping[str, str], token: str) -> list[str]:
    """Name the service settings of an environment that differ from those of the running service."""
    differing: list[str] = []
    for name in sorted(environ):
        if not name.startswith("KNOWTHREAD_") or name.startswith("KNOWTHREAD_TEST_") or name in SESSION_VARIABLES:
            continue
        if not environ[name].strip():
            continue
        value: object = environ[name]
        if name.endswith("_DIR"):
            value = Path(environ[name].strip()).expanduser().absolute()
        if record.fingerprint.get(name) != setting_digest(value, token):
            differing.append(name)
    return differing


@contextmanager
def claim_service_lock(folder: Path) -> Generator[None]:
    """Be the one service of a data folder; the claim falls when the block or the process ends, however it ends.

    One that is just ending is waited for.

    Raises:
        Conflict: another service has it.
    """
    make_private(folder)
    deadline = time.monotonic() + _LEAVING_S
    while True:
        with try_lock(folder / SERVICE_LOCK) as claimed:
            if claimed:
                yield
                return
        record = read_record(folder)
        leaving = record is None or record.phase in (STOPPING, FAILED) or not record.is_alive()
        if not leaving or time.monotonic() >= deadline:
            who = f" (pid {record.pid})" if record is not None else ""
            raise Conflict(f"a service already runs on {folder}{who}; stop it with: knowthread stop")
        time.sleep(0.05)


@contextmanager
def try_lock(file: Path) -> Generator[bool]:
    """Hold a lock file if nobody else does; yields whether it is held. Child processes do not inherit it."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def check_exposure(host: str, token: str) -> None:
    """Refuse what would let strangers in.

    Args:
        host: where the service is to listen.
        token: the bearer token that was chosen; empty: one is generated.

    Raises:
        ConfigurationError: the token can be guessed or cannot be sent, or the host is reached from other machines and
            no token was chosen.
    """
    accepted = f"choose at least {MIN_TOKEN} characters, such as `openssl rand -hex 32` gives"
    if token and len(token) < MIN_TOKEN:
        raise ConfigurationError("KNOWTHREAD_TOKEN", f"{len(token)} characters can be guessed", accepted)
    if token != token.strip() or not token.isprintable():
        raise ConfigurationError(
            "KNOWTHREAD_TOKEN", "blanks at its ends or control characters cannot be sent", accepted
        )
    if not token and not is_loopback(host):
        raise ConfigurationError(
            "KNOWTHREAD_HOST",
            f"{host!r} is reached from other machines, which needs a token of your own choice",
            f"set KNOWTHREAD_TOKEN to at least {MIN_TOKEN} characters, or unset KNOWTHREAD_HOST",
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens on a host."""
    return host.lower() in LOOPBACK or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def ensure_token(folder: Path, chosen: str = "") -> str:
    """Return the service's bearer token and keep it where the shims find it; generated once unless one is chosen."""
    token = chosen or read_token(folder)
    if not chosen and len(token) < MIN_TOKEN:
        token = secrets.token_urlsafe(32)
    write_private(folder / TOKEN, token)
    return token


def bind_socket(folder: Path, host: str, port: int = 0) -> socket.socket:
    """Return a listening socket; port 0 takes the one of last time if it is free, else any, and remembers it.

    Raises:
        SetupError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    candidates = [port] if port else [*_remembered_port(folder), 0]
    failure: OSError | None = None
    for candidate in candidates:
        # With the protocol named, asyncio turns off Nagle's delay on what it accepts: 40 ms a call otherwise.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as error:
            listener.close()
            failure = error
            continue
        if not port:
            write_private(folder / PORT, str(listener.getsockname()[1]))
        return listener
    raise SetupError(
        f"cannot listen on {host} port {port or '(any)'}: {failure}",
        "set KNOWTHREAD_PORT to a free port, or to 0 for any, and KNOWTHREAD_HOST to an address of this machine",
    ) from failure


def _remembered_port(folder: Path) -> list[int]:
    try:
        return [int((folder / PORT).read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []


def make_private(folder: Path) -> None:
    """Create a folder that only its owner may enter; an existing one is left as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def process_start(pid: int) -> str | None:
    """Return a text that names the start of a process; None when no such process runs (a zombie does not)."""
    if sys.platform == "linux":
        fields_ = _linux_stat(pid)
        if fields_ is None or fields_[0] in "ZX":
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{fields_[19]}"
    answer = _ps("-o", "state=,lstart=", "-p", str(pid)).split(maxsplit=1)
    return " ".join(answer[1].split()) if len(answer) > 1 and not answer[0].startswith("Z") else None


def descendants(pid: int) -> dict[int, str]:
    """Return the processes below one, by pid, with their starts."""
    parents = _parents()
    found: dict[int, str] = {}
    below = {pid}
    while below:
        below = {child for child, parent in parents.items() if parent in below and child not in found}
        found.update({child: start for child in below if (start := process_start(child)) is not None})
    return found


def command_of(pid: int) -> str:
    """Return the name of a process's program, for people."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
        return "?"
    return Path(_ps("-o", "comm=", "-p", str(pid)).strip()).name or "?"


def wait_until_gone(processes: Mapping[int, str], timeout_s: float) -> dict[int, str]:
    """Wait for processes to end; returns those that did not in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        left = {pid: start for pid, start in processes.items() if process_start(pid) == start}
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(0.05)


def _parents() -> dict[int, int]:
    if sys.platform == "linux":
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return {pid: int(stat[1]) for pid in pids if (stat := _linux_stat(pid)) is not None}
    pairs = re.findall(r"^\s*(\d+)\s+(\d+)\s*$", _ps("-axo", "pid=,ppid="), re.MULTILINE)
    return {int(pid): int(parent) for pid, parent in pairs}


def _linux_stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/<pid>/stat`` after the program's name: state, parent, …, start at index 19."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return text.rpartition(b")")[2].decode("ascii", "replace").split()


def _ps(*arguments: str) -> str:
    return subprocess.run(
        ["/bin/ps", *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"},
    ).stdout
