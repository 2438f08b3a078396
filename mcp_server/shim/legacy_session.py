"""The shim's session with the service, for clients that begin with a handshake (protocols of 2025 and before).

The service gets the client's own handshake at the first request that needs it. When the service restarts, it knows the
session no more; the session is opened again, and the client notices nothing.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_server.link.http_client import Client, ConnectionLost, Silent

if TYPE_CHECKING:
    from mcp_server.shim.wire import Output

_OK = 200


class SessionGone(Exception):
    """The service no longer knows the session."""


class LegacySession:
    """One client's session with the service, opened on demand, once for each service process.

    Args:
        out: where messages go that belong to no request.
        headers: what every request of this session carries.
        opening: the client's ``initialize`` parameters, with the agreed version.
    """

    def __init__(self, out: Output, headers: Mapping[str, str], opening: dict[str, Any]) -> None:
        self._opening = opening
        self._out = out
        self._headers = headers
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._id = ""
        self._client: Client | None = None

    def next_id(self) -> int:
        """Return an id that no request of the session had, so that the service sees a repeat as a new request."""
        return next(self._ids)

    def headers(self, session_id: str) -> dict[str, str]:
        """The headers that every request within the session carries."""
        return {"Mcp-Session-Id": session_id, "Mcp-Protocol-Version": str(self._opening["protocolVersion"])}

    def open(self, client: Client) -> str:
        """Return the session's id at a service; open the session there first if necessary.

        Raises:
            ConnectionLost: nothing of the caller's own request was sent.
        """
        with self._lock:
            if self._id and self._client is client:
                return self._id
            try:
                session_id = self._shake_hands(client)
            except ConnectionLost as lost:
                raise ConnectionLost(lost.reason, sent=False) from lost
            self._id, self._client = session_id, client
        threading.Thread(target=lambda: self._listen(client, session_id), name="listen", daemon=True).start()
        return session_id

    def lost(self, session_id: str) -> None:
        """Note that the service does not know the session."""
        with self._lock:
            if self._id == session_id:
                self._id = ""

    def post(self, client: Client, message: dict[str, Any]) -> None:
        """Send a notification or an answer within the open session; without a session, do nothing."""
        with self._lock:
            session_id = self._id if self._client is client else ""
        if session_id:
            with suppress(ConnectionLost, Silent):
                self._send(client, session_id, message)

    def end(self, client: Client) -> None:
        """Tell the service that the session is over."""
        with self._lock:
            session_id = self._id if self._client is client else ""
            self._id = ""
        if session_id:
            headers = {**self._headers, **self.headers(session_id)}
            with suppress(ConnectionLost, Silent), client.exchange("DELETE", "/mcp", headers):
                pass

    def _shake_hands(self, client: Client) -> str:
        message = {"jsonrpc": "2.0", "id": self.next_id(), "method": "initialize", "params": self._opening}
        body = json.dumps(message, separators=(",", ":")).encode()
        with client.exchange("POST", "/mcp", self._headers, body) as answer:
            session_id = answer.session_id
            if answer.status != _OK or session_id is None:
                raise ConnectionLost(f"the service refused the session (HTTP {answer.status})", sent=False)
            for _ in answer.messages:
                continue
        self._send(client, session_id, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        return session_id

    def _send(self, client: Client, session_id: str, message: dict[str, Any]) -> None:
        body = json.dumps(message, separators=(",", ":")).encode()
        with client.exchange("POST", "/mcp", {**self._headers, **self.headers(session_id)}, body):
            pass

    def _listen(self, client: Client, session_id: str) -> None:
        """Pass on messages of the service that belong to no request, as long as the session lasts."""
        headers = {**self._headers, **self.headers(session_id)}
        with suppress(ConnectionLost, Silent), client.exchange("GET", "/mcp", headers) as answer:
            if answer.status == _OK:
                for message in answer.messages:
                    self._out.write(message)
