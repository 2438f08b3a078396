"""Finding, starting and stopping the one resident service of a user. Standard library only: the shim uses it.

Whoever needs the service calls ``ensure_running``. It finds the record in the data folder, and checks that this very
process still runs and answers. Otherwise it starts the service, under a lock, so that ten sessions that begin at once
start one service. A waiting caller is told the phase, and never waits longer than it asked to.

``mcp_server.service.serve`` is the other side: it claims the data folder, binds its port and publishes the record
before anything slow begins, and withdraws the record only when its stores are closed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any, NamedTuple, cast

from kg.errors import KgError, StoreUnavailable
from kg.settings.paths import data_dir
from mcp_server.link.processes import process_start, signal_processes
from mcp_server.link.record import (
    READY,
    START_LOCK,
    ServiceRecord,
    live_record,
    make_private,
    read_record,
    read_token,
    starting_process,
    try_lock,
)
from mcp_server.link.session import SESSION_VARIABLES
from mcp_server.link.starting_answer import retry_after_s

ALREADY_RUNNING = 75
"""Exit status of a service that found another one on its data folder."""

STOPPED = 128 + SIGTERM
"""Exit status of a service that was stopped before it was ready."""


SERVICE_COMMAND = (sys.executable, "-I", "-m", "mcp_server", "serve")
LOG = "logs/service.log"

_PASSED_ON = (
    "HOME",
    "PATH",
    "LANG",
    "LANGUAGE",
    "TMPDIR",
    "TZ",
    "USER",
    "LOGNAME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
)
"""Of the providers' own variables only their keys: the others send requests, and with them memories, elsewhere."""

_SET = {"ORT_DISABLE_TELEMETRY": "1"}
"""What every service is started with: nothing may leave the machine, and ONNX Runtime reads this as it is loaded."""

_PASSED_ON_PREFIXES = ("KNOWTHREAD_", "MEM0_", "XDG_", "LC_")
_LOG_LIMIT_BYTES = 5 << 20
PROBE_TIMEOUT_S = 2.0
_MAX_STARTS = 2


class Endpoint(NamedTuple):
    """Where a ready service answers, and as which process."""

    host: str
    port: int
    token: str
    record: ServiceRecord

    @property
    def url(self) -> str:
        """Address of the MCP endpoint."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/mcp"


class ServiceStarting(StoreUnavailable):
    """The service is starting; ``phase`` says what it is doing, ``retry_after_s`` when to try again."""

    def __init__(self, phase: str) -> None:
        self.phase = phase
        self.retry_after_s = retry_after_s(phase)
        super().__init__("service", f"not ready yet: {phase}", retryable=True)


class StartFailed(KgError):
    """The service ended while it was starting; the message holds its reason or the last line of its log."""


def ensure_running(
    timeout_s: float,
    on_phase: Callable[[str], None] | None = None,
    *,
    goes_on: Callable[[str], bool] | None = None,
    folder: Path | None = None,
    command: Sequence[str] = SERVICE_COMMAND,
    version: str = "",
) -> Endpoint:
    """Return the ready service of a data folder; start it if none runs.

    Args:
        timeout_s: longest wait; 0 looks once and starts the service without waiting for it.
        on_phase: called with each new phase while waiting.
        goes_on: asked about ten times a second, with the phase, whether to wait any longer.
        folder: data folder; by default the user's.
        command: how to start the service.
        version: the caller's version; an older service is replaced, a newer one is used as it is.

    Raises:
        ServiceStarting: the service is not ready in time, and goes on starting.
        StartFailed: the service cannot start.
    """
    place = folder or data_dir()
    make_private(place)
    deadline = time.monotonic() + timeout_s
    start = _Start(place, command)
    phase = ""
    while True:
        record = read_record(place)
        if record is None or not record.is_alive():
            start.attempt(deadline)
            now = "starting the service"
        elif _is_older(record.version, version):
            start.retire(record)
            now = f"replacing version {record.version} of the service by {version}"
        elif record.error and record.written_at >= start.since:
            raise _could_not_start(record)
        elif record.error:
            now = f"starting again after a failure ({record.error})"
        else:
            endpoint, now = _look(place, record, deadline)
            if endpoint is not None:
                return endpoint
        if now != phase and on_phase is not None:
            on_phase(now)
        phase = now
        if time.monotonic() >= deadline or (goes_on is not None and not goes_on(phase)):
            raise ServiceStarting(phase)
        time.sleep(min(0.1, max(0.0, deadline - time.monotonic())))


def probe(folder: Path | None = None, timeout_s: float = PROBE_TIMEOUT_S) -> dict[str, Any] | None:
    """Return what the running service says of itself, or None if none runs.

    If it runs but does not answer, the result is its last published phase, with ``answers`` False.
    """
    place = folder or data_dir()
    record = read_record(place)
    if record is None or not record.is_alive():
        return None
    known = {
        "pid": record.pid,
        "port": record.port,
        "version": record.version,
        "schema_version": record.schema_version,
        "phase": record.phase,
    }
    health = _health(record, read_token(place), timeout_s)
    return known | {"answers": health is not None} | (health or {})


def filtered_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the service may see: no Python settings, nothing of a single session."""
    return {
        name: value
        for name, value in environ.items()
        if (name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)) and name not in SESSION_VARIABLES
    }


def _last_line(log: Path, begin: int) -> str:
    """Return the last line after ``begin`` of a log that is not blank; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(begin, file.seek(0, os.SEEK_END) - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


class _Start:
    """The attempts of one waiting caller to start the service: a few at most, each under the lock of all callers."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._folder = folder
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._log_begin = 0
        self._count = 0
        self.since = time.time()
        self._retired = 0

    def attempt(self, deadline: float) -> None:
        """Start the service, unless another caller is doing so, and wait for its record until the deadline.

        Raises:
            StartFailed: a service that was started before has ended again.
        """
        with try_lock(self._folder / START_LOCK) as mine:
            if not mine or live_record(self._folder) is not None:
                return
            if self._child is not None:
                status = self._child.poll()
                if status is None:
                    return
                if self._count >= _MAX_STARTS or status not in (0, ALREADY_RUNNING, -SIGKILL):
                    raise self._failure(status)
            elif starting_process(self._folder):
                return
            self._child, self._log_begin = spawn(self._folder, self._command)
            self._count += 1
            (self._folder / START_LOCK).write_text(f"{self._child.pid} {process_start(self._child.pid)}", "utf-8")
            while live_record(self._folder) is None and self._child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)

    def retire(self, record: ServiceRecord) -> None:
        """Ask an older service to end, once. The caller waits for it as it waits for one that starts."""
        if self._retired != record.pid:
            self._retired = record.pid
            signal_processes([record.pid], SIGTERM)

    def _failure(self, status: int) -> StartFailed:
        """Why the service did not start: the error that it recorded since we began, else the last line of its log."""
        record = read_record(self._folder)
        if record is not None and record.error and record.written_at >= self.since:
            return _could_not_start(record)
        log = self._folder / LOG
        line = "" if status in (STOPPED, -SIGTERM) else _last_line(log, self._log_begin)
        if not line:
            return StartFailed("the knowthread service was stopped while it started")
        return StartFailed(
            f"the knowthread service ended while starting; its log ends with: {line}\n"
            f"See {log}, or run: knowthread doctor"
        )


def _could_not_start(record: ServiceRecord) -> StartFailed:
    return StartFailed(f"the knowthread service could not start: {record.error}")


def spawn(folder: Path, command: Sequence[str] = SERVICE_COMMAND) -> tuple[subprocess.Popen[bytes], int]:
    """Start the service detached: in a session of its own, in the data folder, with a filtered environment and a log.

    Returns the process, and the size of the log before it started: its own lines come after that.
    """
    log = folder / LOG
    make_private(log.parent)
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
    environment = filtered_environment(os.environ) | _SET | {"KNOWTHREAD_DATA_DIR": str(folder)}
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    begin = os.fstat(output).st_size
    try:
        child = subprocess.Popen(
            list(command),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    threading.Thread(target=child.wait, name="reap-service", daemon=True).start()
    return child, begin


def _look(folder: Path, record: ServiceRecord, deadline: float) -> tuple[Endpoint | None, str]:
    """Return the endpoint of a running service if it is ready, and its phase."""
    token = read_token(folder)
    patience = min(PROBE_TIMEOUT_S, max(0.2, deadline - time.monotonic()))
    health = _health(record, token, patience)
    if health is None:
        return None, record.phase if record.phase != READY else "waiting for the service to answer"
    phase = str(health.get("phase", ""))
    if phase != READY:
        return None, phase
    return Endpoint(_reachable(record.host), record.port, token, replace(record, phase=phase)), phase


def _health(record: ServiceRecord, token: str, timeout_s: float) -> dict[str, Any] | None:
    connection = HTTPConnection(_reachable(record.host), record.port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz", headers={"Authorization": bearer(token)})
        answer = connection.getresponse()
        content: Any = json.loads(answer.read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return cast(dict[str, Any], content) if answer.status in (200, 503) and isinstance(content, dict) else None


def bearer(token: str) -> str:
    """Return the value of the Authorization header; ``http.client`` sends its bytes, the token's UTF-8, as they are."""
    return "Bearer " + token.encode().decode("latin-1")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (where it listens, not where we do)


def _is_older(theirs: str, ours: str) -> bool:
    return _numbers(theirs) < _numbers(ours)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(number) for number in release[0].split(".")) if release else ()
