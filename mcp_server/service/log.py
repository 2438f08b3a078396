"""The service's log: what happened and where, never what a person wrote.

Libraries log exceptions with their messages, and a message may quote a memory. So only an exception's kind and the
places it came through are logged.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

_NOISY = ("mcp", "neo4j", "httpx", "jgo", "uvicorn", "sse_starlette", "asyncio")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_DEPTH = 10

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class DiscreetFormatter(logging.Formatter):
    """Formats exceptions without their messages."""

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 (the base class names it)
        """Return kinds and places, the cause first."""
        return "\n".join(_describe(ei[1])) if ei[1] is not None else ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the base class names it)
        """Return the message; of asyncio's messages only the first line, because the exception stands below it."""
        if record.name == "asyncio":
            record.message = record.message.partition("\n")[0]
        return super().formatMessage(record)


def configure_logging() -> None:
    """Log to standard error, which goes to the log file; from libraries, only warnings and errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(DiscreetFormatter(_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _describe(error: BaseException, depth: int = 0) -> list[str]:
    """Return the lines of an exception, of its causes and of the exceptions grouped in it."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = _describe(before, depth + 1) if before is not None and depth < _DEPTH else []
    lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
    lines += [
        f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    members: tuple[BaseException, ...] = getattr(error, "exceptions", ()) if depth < _DEPTH else ()
    for member in members:
        lines += [f"| {line}" for line in _describe(member, depth + 1)]
    return lines
