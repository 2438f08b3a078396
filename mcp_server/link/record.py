"""The files in the data folder by which others find the service: record, token, locks.

``service.json`` names the process by pid **and start time**, so that another process with a reused pid is not mistaken
for the service. The service holds ``service.lock`` until it ends, so there is one service per data folder. ``token``
is the bearer token. Only their owner can read these files. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kg.errors import Conflict
from kg.settings.paths import write_private
from mcp_server.link.processes import process_start
from mcp_server.link.session import SESSION_VARIABLES

RECORD = "service.json"
TOKEN = "token"  # noqa: S105 (a file's name)
START_LOCK = "start.lock"
SERVICE_LOCK = "service.lock"
READY = "ready"
STOPPING = "stopping"
FAILED = "failed"


_LEAVING_S = 30.0


@dataclass(frozen=True)
class ServiceRecord:
    """The service, as its data folder describes it.

    Attributes:
        started: when the process started, in the system's words; with ``pid`` it identifies one process.
        fingerprint: environment variable -> digest of the service's setting, keyed with the token.
        phase: what it is doing, for people: ``fetching 34% of 137 MB``, ``starting neo4j``, ``ready``, ``stopping``.
        error: why it could not start; empty otherwise.
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
        """Whether this very process still runs."""
        return process_start(self.pid) == self.started


def read_record(folder: Path) -> ServiceRecord | None:
    """Return the record in a data folder, of a running service or a former one; None if there is no readable record."""
    try:
        content: Any = json.loads((folder / RECORD).read_bytes())
        return ServiceRecord(**{f.name: content[f.name] for f in fields(ServiceRecord)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def live_record(folder: Path) -> ServiceRecord | None:
    """Return the record of the running service, ready or not; None if none runs."""
    record = read_record(folder)
    return record if record is not None and record.is_alive() else None


def starting_process(folder: Path) -> dict[int, str]:
    """Return the service process that was started last, with its start, while it runs; empty where it has ended.

    It may have no record yet: on a busy machine that takes longer than most callers wait. The callers after them must
    not start another one each.
    """
    try:
        pid, _, started = (folder / START_LOCK).read_text("utf-8").partition(" ")
        return {int(pid): started} if process_start(int(pid)) == started else {}
    except (OSError, ValueError):
        return {}


def read_token(folder: Path) -> str:
    """Return the bearer token, or an empty text if there is none yet."""
    try:
        return (folder / TOKEN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class PublishedRecord:
    """The service's own record: written when the port is bound, updated from any thread, removed at the end."""

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
        """Write what the service is doing now; others see it at once. After ``withdraw`` nothing is written."""
        with self._lock:
            if not self._withdrawn and (phase, error) != (self._record.phase, self._record.error):
                self._write(replace(self._record, phase=phase, error=error))

    def withdraw(self) -> None:
        """Remove the record at a clean end. A record that says why the service could not start stays."""
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
    """Write the record of the calling process as the service of a data folder, with phase ``starting``.

    Args:
        folder: the data folder.
        address: host and port that are bound already.
        version: of this program; a newer shim replaces an older service, an older shim leaves a newer one alone.
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
    """Return the digest of one setting; a number has the same digest however it is written."""
    text = str(value).strip()
    with suppress(ValueError):
        text = repr(float(text))
    return hmac.new(token.encode(), text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:16]


def differing_settings(record: ServiceRecord, environ: Mapping[str, str], token: str) -> list[str]:
    """Return the variables of an environment that differ from the running service's settings."""
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
    """Be the one service of a data folder until the block or the process ends, however it ends.

    A service that is just ending is waited for.

    Raises:
        Conflict: another service has the folder.
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
    """Take a lock file if nobody else has it; yields whether we have it. Child processes do not inherit it."""
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


def make_private(folder: Path) -> None:
    """Create a folder that only its owner may enter; an existing one is left as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
