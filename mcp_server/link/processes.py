"""Processes by id and start time, so that a process with a reused id is not mistaken for an earlier one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path


def process_start(pid: int) -> str | None:
    """Return a text that identifies the start of a process; None if no such process runs (a zombie does not)."""
    if sys.platform == "linux":
        fields_ = _linux_stat(pid)
        if fields_ is None or fields_[0] in "ZX":
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{fields_[19]}"
    answer = _ps("-o", "state=,lstart=", "-p", str(pid)).split(maxsplit=1)
    return " ".join(answer[1].split()) if len(answer) > 1 and not answer[0].startswith("Z") else None


def descendants(pid: int) -> dict[int, str]:
    """Return the processes that a process started, directly or not: pid -> start."""
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
    """Wait for processes to end; return those that did not in time."""
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


def signal_processes(pids: Iterable[int], number: int) -> None:
    """Signal each process that still runs."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
