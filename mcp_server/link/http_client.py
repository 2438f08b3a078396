"""The shim's HTTP client: kept connections, JSON and event streams.

Every failure to get a status line becomes ``ConnectionLost``, which says whether the service may have seen the request.
"""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple, cast

from mcp_server.link.lifecycle import Endpoint, bearer

CONNECT_TIMEOUT_S = 2.0
SILENCE_TIMEOUT_S = 45.0
"""A service that is alive sends something at least every 15 s while it works on a call."""

_MAX_KEPT = 8


class ConnectionLost(Exception):
    """The exchange broke off; ``sent`` tells whether the service may have seen the request."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        self.reason = reason
        self.sent = sent
        super().__init__(reason)


class Silent(Exception):
    """The connection is open and the service sends nothing."""


class Abort:
    """Ends one exchange from another thread: its connection is shut, and no further exchange begins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self.requested = False

    def attach(self, connection: HTTPConnection | None) -> None:
        """Name the connection that the exchange runs on, or None when it is over."""
        with self._lock:
            self._connection = connection
            if connection is not None and self.requested:
                _shut(connection)

    def request(self) -> None:
        """End the exchange."""
        with self._lock:
            self.requested = True
            if self._connection is not None:
                _shut(self._connection)


class Answer(NamedTuple):
    """A response whose head has been read; ``messages`` reads its body as it comes, once."""

    status: int
    session_id: str | None
    messages: Iterator[dict[str, Any]]


class Client:
    """Connections to one service process."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()

    @contextmanager
    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None, abort: Abort | None = None
    ) -> Generator[Answer]:
        """Send one request and yield its answer; the connection is kept if the body was read to its end.

        Raises:
            ConnectionLost: the connection broke, maybe while ``messages`` was read.
            Silent: the service sent nothing for ``SILENCE_TIMEOUT_S``.
        """
        connection = self._connect()
        complete = False
        stop = abort or Abort()
        stop.attach(connection)
        try:
            with _translated(sent=True):
                connection.request(method, path, body, self._headers(headers))
                response = connection.getresponse()
                yield Answer(response.status, response.getheader("mcp-session-id"), _messages(response))
                complete = _drain(response)
        finally:
            stop.attach(None)
            if complete and not stop.requested:
                self._keep(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            "Authorization": bearer(self.endpoint.token),
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            **headers,
        }

    def _connect(self) -> HTTPConnection:
        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            if kept is None:
                break
            if kept.sock is not None and not select.select([kept.sock], [], [], 0)[0]:
                return kept
            kept.close()
        connection = HTTPConnection(self.endpoint.host, self.endpoint.port, timeout=CONNECT_TIMEOUT_S)
        with _translated(sent=False):
            connection.connect()
        connection.sock.settimeout(SILENCE_TIMEOUT_S)
        return connection

    def _keep(self, connection: HTTPConnection) -> None:
        with self._lock:
            if connection.sock is not None and len(self._idle) < _MAX_KEPT:
                self._idle.append(connection)
                return
        connection.close()


@contextmanager
def _translated(*, sent: bool) -> Generator[None]:
    try:
        yield
    except TimeoutError as error:
        if sent:
            raise Silent(f"nothing came for {SILENCE_TIMEOUT_S:.0f} s") from error
        raise ConnectionLost("the service does not take connections", sent=False) from error
    except (OSError, HTTPException, ValueError) as error:
        raise ConnectionLost(type(error).__name__, sent=sent) from error


def _shut(connection: HTTPConnection) -> None:
    with suppress(OSError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _messages(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    """The JSON-RPC messages of a body: one document, or the data of an event stream."""
    kind = (response.getheader("content-type") or "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        for data in _events(response):
            yield from _objects(data)
    elif kind == "application/json":
        yield from _objects(response.read())


def _objects(data: bytes) -> Iterator[dict[str, Any]]:
    content: Any = json.loads(data) if data.strip() else None
    if isinstance(content, dict):
        yield cast(dict[str, Any], content)


def _events(response: HTTPResponse) -> Iterator[bytes]:
    """The data of each server-sent event; comments and other fields are left out."""
    pending: list[bytes] = []
    data: list[bytes] = []
    while chunk := response.read1(1 << 16):
        *ended, rest = chunk.split(b"\n")
        for end in ended:
            line = b"".join([*pending, end]).rstrip(b"\r")
            pending = []
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []
        pending.append(rest)


def _drain(response: HTTPResponse) -> bool:
    """Read the rest of a body, so that the connection can be used again; False if it cannot."""
    response.read()
    return response.isclosed() and not response.will_close
