"""Whether a window can be opened where a command runs."""

from __future__ import annotations

import os
import sys


def has_display() -> bool:
    """Return whether a window can be opened here."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
