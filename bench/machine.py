"""What processes and folders take of a machine, and which machine it is; shared by what measures."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import psutil


def disk_bytes(folder: Path) -> int:
    """Return what the files under a folder take on disk, holes left out."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def cpu_s(process: psutil.Process) -> float:
    """Return the processor time that a process has taken, for itself and in the system."""
    return sum(process.cpu_times()[:2])


def anonymous_mb(pid: int) -> float:
    """Return what of a process's resident memory is no part of a file; 0 where the system does not tell (no Linux)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("RssAnon"))


def described() -> dict[str, Any]:
    """Return what figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": psutil.cpu_count(),
        "memory GB": round(psutil.virtual_memory().total / 2**30),
        "load": round(os.getloadavg()[0], 1),
    }
