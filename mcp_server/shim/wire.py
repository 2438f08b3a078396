"""JSON-RPC over standard output, and the answers that need no service."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNSUPPORTED_VERSION = -32022


class Output:
    """Standard output as whole lines of JSON, from any thread. When nobody reads it any more, writing does nothing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self.closed = False

    def write(self, message: dict[str, Any]) -> None:
        """Send one message."""
        rest = memoryview(_encode(message) + b"\n")
        with self._lock:
            try:
                while rest and not self.closed:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self.closed = True

    def error(self, request_id: object, code: int, message: str, data: object = None) -> None:
        """Answer a request with an error."""
        content = {"code": code, "message": message} | ({} if data is None else {"data": data})
        self.write({"jsonrpc": "2.0", "id": request_id, "error": content})


def _encode(message: dict[str, Any]) -> bytes:
    try:
        return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can carry
        return json.dumps(message, separators=(",", ":")).encode()


class Manifest:
    """The live server's answers to requests that need no service, by method and protocol version."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.version: str = content["version"]
        self.handshake: list[str] = content["handshake_versions"]
        self.modern: list[str] = content["modern_versions"]
        self.read_only = frozenset[str](content["read_only_tools"])
        self._answers: dict[tuple[str, str], dict[str, Any]] = {
            (answer["method"], version): answer["result"]
            for answer in content["answers"]
            for version in answer["versions"]
        }

    def answer(self, method: str, version: str) -> dict[str, Any] | None:
        """Return the result of a request, or None if the service must be asked."""
        return self._answers.get((method, version))


def usable_id(value: Any) -> int | str | None:
    """Return a request's id, or None if the value cannot be one."""
    return value if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def load_manifest(file: str) -> Manifest:
    """Read a manifest."""
    with open(file, "rb") as handle:  # noqa: PTH123 (pathlib would cost a tenth of the time to answer)
        return Manifest(json.loads(handle.read()))
