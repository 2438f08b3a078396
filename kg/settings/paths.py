"""Our folders on the user's machine, and how private files are written. Standard library only: the shim uses it.

The folders follow the platform: XDG on Linux, ``~/Library`` on macOS.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

APP = "knowthread"


def data_dir() -> Path:
    """Return the folder of the user's data (graph, index, tokens, logs); ``KNOWTHREAD_DATA_DIR`` overrides it."""
    return _folder("KNOWTHREAD_DATA_DIR", "XDG_DATA_HOME", ".local/share", "Library/Application Support")


def cache_dir() -> Path:
    """Return the folder of files that can be fetched again (jars, models); ``KNOWTHREAD_CACHE_DIR`` overrides it."""
    return _folder("KNOWTHREAD_CACHE_DIR", "XDG_CACHE_HOME", ".cache", "Library/Caches")


def _folder(setting: str, xdg: str, linux: str, macos: str) -> Path:
    chosen = os.environ.get(setting, "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / macos / APP
    base = os.environ.get(xdg, "").strip()
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / linux
    return root / APP


def write_private(file: Path, text: str, *, durable: bool = False) -> None:
    """Replace a file in one step by one that only its owner can read; no reader sees half of it.

    With ``durable`` the text is on the disk when this returns, so a power cut does not lose it.
    """
    fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        if durable:
            out.flush()
            os.fsync(out.fileno())
    fresh.replace(file)
