"""``knowthread mcp``: from a coding agent's stdio to the resident service, on the standard library alone.

An agent waits for this at every start. So the handshake and the lists are answered here, before anything else is even
imported, from a manifest that is built from the live server and shipped with it. ``mcp_server.shim.forward`` forwards
everything else. Standard output carries the protocol and nothing else, so its descriptor is moved away first.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from mcp_server.link.envelope import NAMED
from mcp_server.shim.wire import (
    CAPABILITIES_KEY,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    VERSION_KEY,
    Manifest,
    Output,
    load_manifest,
    usable_id,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mcp_server.shim.forward import Forwarder

MAX_LINE_BYTES = 16 << 20
PATIENCE_S = 55.0
"""The longest wait of a call for a service that starts. Many clients give a call up after 60 s."""


class Shim:
    """One session: reads requests, answers what it can, forwards the rest."""

    def __init__(
        self, out: Output, manifest: Manifest, service_command: Sequence[str] | None, patience_s: float
    ) -> None:
        self._out = out
        self._manifest = manifest
        self._command = service_command
        self._patience_s = patience_s
        self._forwarder: Forwarder | None = None
        self._lock = threading.Lock()
        self._opening: dict[str, Any] = {
            "protocolVersion": manifest.handshake[-1],
            "capabilities": {},
            "clientInfo": {"name": "unknown", "version": "0"},
        }

    @property
    def forwarder(self) -> Forwarder:
        """The forwarder; making it starts the service."""
        with self._lock:
            if self._forwarder is None:
                from mcp_server.shim.forward import Forwarder

                self._forwarder = Forwarder(self._out, self._manifest, self._command, self._opening, self._patience_s)
                self._forwarder.start()
            return self._forwarder

    def run(self, descriptor: int) -> None:
        """Serve until standard input ends or nobody reads standard output any more."""
        prepared = False
        for line in read_lines(descriptor):
            if isinstance(line, Oversized):
                message = f"the message is larger than {MAX_LINE_BYTES >> 20} MiB; split it"
                self._out.error(line.request_id, INVALID_REQUEST, message)
            elif line.strip():
                self._take(line)
            if self._out.closed:
                break
            if not prepared:
                prepared = True
                threading.Thread(target=lambda: self.forwarder, name="prepare", daemon=True).start()
        if prepared:
            self.forwarder.finish()

    def _take(self, line: bytes) -> None:
        try:
            content: Any = json.loads(line)
        except (ValueError, RecursionError):
            self._out.error(None, PARSE_ERROR, "the line is not JSON")
            return
        if not _is_object(content):
            self._out.error(None, INVALID_REQUEST, "expected one JSON-RPC message; batches are not supported")
            return
        message: dict[str, Any] = _without_nulls(content, "params")
        try:
            self._handle(message)
        except Exception as problem:  # noqa: BLE001 (one message must not end the session)
            sys.stderr.write(f"knowthread: a message could not be handled ({type(problem).__name__})\n")
            if "method" in message and "id" in message:
                text = f"the request could not be handled ({type(problem).__name__})"
                self._out.error(usable_id(message["id"]), INTERNAL_ERROR, text)

    def _handle(self, message: dict[str, Any]) -> None:
        method: Any = message.get("method")
        request_id: Any = message.get("id")
        if method is None and "id" in message and ("result" in message or "error" in message):
            self.forwarder.reply(message)
        elif not isinstance(method, str) or not _is_visible(method) or not isinstance(message.get("params", {}), dict):
            self._out.error(usable_id(request_id), INVALID_REQUEST, "not a JSON-RPC request or notification")
        elif "id" not in message:
            if method != "notifications/initialized":
                self.forwarder.notify(message)
        elif usable_id(request_id) is None:
            self._out.error(None, INVALID_REQUEST, "a request's id is a string or an integer")
        else:
            self._request(message, method, request_id)

    def _request(self, message: dict[str, Any], method: str, request_id: Any) -> None:
        params: dict[str, Any] = message.get("params", {})
        meta: Any = params.get("_meta")
        modern = _is_object(meta) and VERSION_KEY in meta
        if modern and not self._fits(meta, request_id):
            return
        if method == "initialize" and not modern:
            self._initialize(params, request_id)
            return
        version: str = meta[VERSION_KEY] if modern else self._opening["protocolVersion"]
        answer = None if params.get("cursor") is not None else self._manifest.answer(method, version)
        if answer is not None:
            self._out.write({"jsonrpc": "2.0", "id": request_id, "result": answer})
        elif method in NAMED and not isinstance(params.get(NAMED[method]), str):
            self._out.error(request_id, INVALID_PARAMS, f"{method} needs params.{NAMED[method]}, a string")
        else:
            self.forwarder.call(message, version if modern else None)

    def _initialize(self, params: dict[str, Any], request_id: Any) -> None:
        params = _without_nulls(params, "capabilities", "clientInfo")
        asked = params.get("protocolVersion")
        if not isinstance(asked, str):
            self._out.error(request_id, INVALID_PARAMS, "initialize needs params.protocolVersion, a string")
            return
        if not _is_object(params.get("capabilities", {})) or not _is_object(params.get("clientInfo", {})):
            self._out.error(request_id, INVALID_PARAMS, "params.capabilities and params.clientInfo are objects")
            return
        version = asked if asked in self._manifest.handshake else self._manifest.handshake[-1]
        result = self._manifest.answer("initialize", version)
        self._out.write({"jsonrpc": "2.0", "id": request_id, "result": result})
        self._opening.update(params, protocolVersion=version)

    def _fits(self, meta: dict[str, Any], request_id: Any) -> bool:
        """Whether the server takes a self-describing (2026) request; if not, it is answered with the reason."""
        version = meta[VERSION_KEY]
        if not isinstance(version, str) or CAPABILITIES_KEY not in meta:
            message = f"params._meta needs {VERSION_KEY!r} (a string) and {CAPABILITIES_KEY!r}"
            self._out.error(request_id, INVALID_PARAMS, message)
        elif version not in self._manifest.modern:
            data = {"supported": self._manifest.modern, "requested": version}
            self._out.error(request_id, UNSUPPORTED_VERSION, "Unsupported protocol version", data)
        else:
            return True
        return False


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _without_nulls(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return an object without those of the named members that are null: some clients send null for left out."""
    return {name: value for name, value in values.items() if value is not None or name not in names}


def _is_visible(method: str) -> bool:
    """Whether a method's name can stand in a header, as it does in a self-describing request."""
    return method.isascii() and method.isprintable()


class Oversized:
    """A line that is too long; only its id is kept, if it is certain."""

    def __init__(self, request_id: int | str | None) -> None:
        self.request_id = request_id


def read_lines(descriptor: int) -> Any:
    """Yield the lines of a descriptor as bytes, or ``Oversized``; at most one line is held in memory."""
    kept: list[bytes] = []
    size = 0
    skipping: bytes | None = None
    while True:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:
            chunk = b""
        if not chunk:
            if kept and skipping is None:
                yield b"".join(kept)
            return
        *ended, rest = chunk.split(b"\n")
        for end in ended:
            if skipping is not None:
                yield Oversized(_find_id(skipping, (b"".join(kept) + end)[-256:]))
            elif size + len(end) > MAX_LINE_BYTES:
                yield Oversized(_find_id((b"".join(kept) + end)[:256], end[-256:]))
            else:
                yield b"".join([*kept, end])
            kept, size, skipping = [], 0, None
        kept.append(rest)
        size += len(rest)
        if size > MAX_LINE_BYTES:
            skipping = skipping if skipping is not None else b"".join(kept)[:256]
            kept = [b"".join(kept)[-256:]]
            size = MAX_LINE_BYTES


def _find_id(head: bytes, tail: bytes) -> int | str | None:
    """Return the id that stands in a message's first or last bytes, if it can only be the message's own."""
    import re

    scalar = rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{0,200}")\s*'
    first = rb'\s*\{\s*(?:"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,\s*)*' + scalar + rb"[,}]"
    match = re.match(first, head) or re.search(rb"(?<!\\)" + scalar + rb"\}\s*$", tail)
    found: Any = json.loads(match[1]) if match else None
    return usable_id(found)


def main(
    service_command: Sequence[str] | None = None, manifest_file: str | None = None, patience_s: float = PATIENCE_S
) -> int:
    """Run the shim on the process's standard streams; returns the exit status.

    Args:
        service_command: starts the service; by default ``knowthread serve``.
        manifest_file: by default the one in this package.
        patience_s: how long a call waits for a service that starts.
    """
    descriptor = os.dup(1)
    os.dup2(2, 1)
    manifest = load_manifest(manifest_file or __file__.rpartition("/shim/")[0] + "/tools/manifest.generated.json")
    Shim(Output(descriptor), manifest, service_command, patience_s).run(0)
    sys.stderr.flush()
    return 0
