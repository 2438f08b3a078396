"""The command line's client of the service: MCP and the admin routes over HTTP, on the standard library alone.

Importing the SDK's client would take longer than any of these calls, and the shim's HTTP client does all they need.
Every call is a self-describing request (protocol of 2026), so there is no session. A call that changes something
carries a request key, by which the service recognizes a repeat. So it is repeated by itself if a connection breaks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from kg.errors import KgError, StoreUnavailable
from mcp_server.link.envelope import envelope_headers
from mcp_server.link.http_client import Answer, Client, ConnectionLost, Silent
from mcp_server.link.lifecycle import Endpoint, ensure_running
from mcp_server.link.record import READY
from mcp_server.link.session import DROPPED, IN_DOUBT, REQUEST_KEY, USER, encode_value, session_headers

JsonObject = dict[str, Any]

START_PATIENCE_S = 1800.0
"""Long, because a first start fetches a few hundred megabytes. A person can interrupt it; what has arrived is kept."""

_PROTOCOL = "2026-07-28"
_STATUS = "knowthread://status"
_TRIES = 3
_OK = 200
_UNAUTHORIZED = 401


class CallFailed(KgError):
    """The service refused a call; the message is its own."""


@cache
def our_version() -> str:
    """Return this program's version, from the manifest that ships with it."""
    return str(json.loads((Path(__file__).parents[1] / "tools/manifest.generated.json").read_bytes())["version"])


class ServiceClient:
    """Calls the tools and the admin operations of the service, and starts it if none runs.

    Args:
        on_phase: called with each phase while the service starts.
        user_id: the user to act for, if not the session's.
    """

    def __init__(self, on_phase: Callable[[str], None] | None = None, user_id: str | None = None) -> None:
        self._on_phase = on_phase
        self._headers = session_headers(os.environ)
        if user_id is not None:
            self._headers[USER] = encode_value(user_id)
        self._client: Client | None = None

    def start(self) -> Endpoint:
        """Make sure that the service runs and is ready.

        Raises:
            KgError: it does not become ready; the message says why.
        """
        endpoint = ensure_running(START_PATIENCE_S, self._on_phase, version=our_version())
        self._connect(endpoint)
        return endpoint

    def _connect(self, endpoint: Endpoint) -> Client:
        self.close()
        self._client = client = Client(endpoint)
        return client

    def _connected(self) -> Client:
        """Return the kept client; the first call makes sure that the service runs."""
        if self._client is None:
            return self._connect(ensure_running(START_PATIENCE_S, self._on_phase, version=our_version()))
        return self._client

    def call(self, tool: str, arguments: Mapping[str, Any]) -> JsonObject:
        """Call a tool and return its structured answer; arguments that are None are left out.

        Raises:
            CallFailed: the tool refused; the message is its own.
            StoreUnavailable: connections to the service broke again and again, or it is silent.
        """
        result = self._request("tools/call", {"name": tool, "arguments": _given(arguments)}, _new_key())
        if result.get("isError"):
            raise CallFailed(_text_of(result).removeprefix(f"Error executing tool {tool}: "))
        answer: JsonObject = result["structuredContent"]
        return answer

    def operate(self, operation: str, arguments: Mapping[str, Any]) -> JsonObject:
        """Call an admin operation and return its answer; arguments that are None are left out.

        Raises:
            CallFailed: the service refused; the message is its own.
            StoreUnavailable: connections to the service broke again and again, or it is silent.
        """
        body = json.dumps(_given(arguments)).encode()
        return self._exchange(f"/admin/{operation}", {**self._headers, **_new_key()}, body, answer_of)

    def status(self) -> JsonObject:
        """Return the state of every part of the service."""
        result = self._request("resources/read", {"uri": _STATUS}, {})
        parts: JsonObject = json.loads(result["contents"][0]["text"])
        return parts

    def follow(self, path: str) -> Iterator[JsonObject]:
        """Open an event stream and yield the content of each event, until the service ends it.

        Raises:
            CallFailed: the service refused; the message is its own.
            StoreUnavailable: the connection broke, or the service is silent.
        """
        client = self._connected()
        try:
            with client.exchange("GET", path, self._headers) as answer:
                for content in answer.messages:
                    if "error" in content:
                        raise CallFailed(str(content["error"]))
                    yield content
        except (ConnectionLost, Silent) as lost:
            raise StoreUnavailable("service", f"its connection broke off ({lost})", retryable=True) from lost

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _request(self, method: str, params: JsonObject, headers: Mapping[str, str]) -> JsonObject:
        """Send an MCP request and return its result."""
        meta = {f"io.modelcontextprotocol/{name}": value for name, value in _envelope().items()}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        body = json.dumps(message).encode()
        sent = {**self._headers, **headers, **envelope_headers(_PROTOCOL, method, params)}
        return self._exchange("/mcp", sent, body, result_of)

    def _exchange(
        self, path: str, headers: Mapping[str, str], body: bytes, read: Callable[[Answer], JsonObject]
    ) -> JsonObject:
        """Send a request until it is answered; every try carries the same headers, and so the same request key."""
        reason = ""
        for _ in range(_TRIES):
            client = self._connected()
            try:
                with client.exchange("POST", path, headers, body) as answer:
                    return read(answer)
            except ConnectionLost as lost:
                reason = lost.reason
                self.close()
            except Silent as silent:
                raise StoreUnavailable(
                    "service", f"does not answer ({silent}); if this goes on: knowthread stop", retryable=True
                ) from silent
        raise StoreUnavailable("service", f"its connections break off again and again ({reason})", retryable=True)


def read_parts(health: Mapping[str, Any]) -> JsonObject:
    """Return the state of a service's parts, given what ``probe`` returned; empty unless the service is ready."""
    if health.get("phase") != READY or not health["answers"]:
        return {}
    client = ServiceClient()
    try:
        return client.status()
    finally:
        client.close()


def _envelope() -> JsonObject:
    return {
        "protocolVersion": _PROTOCOL,
        "clientCapabilities": {},
        "clientInfo": {"name": "knowthread-cli", "version": our_version()},
    }


def _given(arguments: Mapping[str, Any]) -> JsonObject:
    return {name: value for name, value in arguments.items() if value is not None}


def _new_key() -> dict[str, str]:
    return {REQUEST_KEY: encode_value(os.urandom(16).hex())}


def answer_of(answer: Answer) -> JsonObject:
    """Return what an operation answered."""
    content = next(answer.messages, None)
    _check_kept(content or {})
    if content is not None and "retryable" in content:  # with whatever status, since a late failure comes after it
        raise CallFailed(str(content["error"]))
    if answer.status == _OK and content is not None:
        return content
    raise _unanswered(answer.status)


def result_of(answer: Answer) -> JsonObject:
    """Return the result in the answer to a request."""
    for message in answer.messages:
        if "result" in message:
            _check_kept(message["result"].get("_meta", {}))
            result: JsonObject = message["result"]
            return result
        _check_kept(message)
        if "error" in message:
            raise CallFailed(str(message["error"].get("message", "the service refused the request")))
    raise _unanswered(answer.status)


def _check_kept(content: Mapping[str, Any]) -> None:
    """Raise ConnectionLost if the request is to be made again with its key: the service ends, or its database did."""
    if content.get(IN_DOUBT):
        raise ConnectionLost("the database went away while it stored the call", sent=True)
    error: Any = content.get("error")
    if isinstance(error, dict) and cast("JsonObject", error).get("code") == DROPPED:
        raise ConnectionLost("the service is ending", sent=False)


def _unanswered(status: int) -> Exception:
    """Return what an answer without content means."""
    if status == _OK:
        return ConnectionLost("the answer ended early", sent=True)
    if status == _UNAUTHORIZED:
        return CallFailed("the service refuses the token in the data folder; run: knowthread stop, then try again")
    return CallFailed(f"the service answered with HTTP status {status}; see its log or run: knowthread doctor")


def _text_of(result: JsonObject) -> str:
    parts: list[JsonObject] = result.get("content", [])
    return " ".join(str(part.get("text", "")) for part in parts) or "the service gave no reason"
