"""Stopping the service of a data folder, and everything that it started."""

from __future__ import annotations

import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

from kg.settings.paths import data_dir
from mcp_server.link.lifecycle import PROBE_TIMEOUT_S
from mcp_server.link.processes import command_of, descendants, signal_processes, wait_until_gone
from mcp_server.link.record import SERVICE_LOCK, START_LOCK, ServiceRecord, live_record, starting_process, try_lock

NOT_RUNNING = "The service was not running."
_STOP_TIMEOUT_S = 40.0
_ORPHAN_TIMEOUT_S = 20.0
_RECORD_TIMEOUT_S = 30.0


def stop_service(folder: Path | None = None, timeout_s: float = _STOP_TIMEOUT_S) -> str:
    """End the service of a data folder and every process that it started; return what happened, for people.

    The service is asked to end (SIGTERM), and killed if it does not in time. Processes that it leaves behind are ended
    too. If it is just starting, this waits until its record says which process it is; one that writes no record in time
    is ended without.
    """
    place = folder or data_dir()
    record = _record_of_running(place)
    service = {record.pid: record.started} if record is not None else starting_process(place)
    if not service:
        return NOT_RUNNING
    (pid,) = service
    children = descendants(pid)
    signal_processes(service, SIGTERM)
    how = "stopped"
    if wait_until_gone(service, timeout_s):
        signal_processes(service, SIGKILL)
        wait_until_gone(service, PROBE_TIMEOUT_S)
        how = f"killed, because it did not end within {timeout_s:.0f} s"
    report = f"The service (pid {pid}) was {how}."
    orphans = wait_until_gone(children, PROBE_TIMEOUT_S)
    if orphans:
        names = ", ".join(f"{command_of(pid)} (pid {pid})" for pid in orphans)
        signal_processes(orphans, SIGTERM)
        left = wait_until_gone(orphans, _ORPHAN_TIMEOUT_S)
        report += f" It left {names} behind; " + (f"still running: {sorted(left)}." if left else "ended too.")
    return report


def _record_of_running(folder: Path) -> ServiceRecord | None:
    """Return the service's record, waiting for one that is just starting; None if none runs or starts."""
    deadline = time.monotonic() + _RECORD_TIMEOUT_S
    while True:
        starts = starting_process(folder) or _is_held(folder / START_LOCK) or _is_held(folder / SERVICE_LOCK)
        record = live_record(folder)
        if record is not None or not starts or time.monotonic() >= deadline:
            return record
        time.sleep(0.05)


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with try_lock(lock) as free:
        return not free
