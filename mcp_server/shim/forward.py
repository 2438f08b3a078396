"""Forward each request to the service and its answer back, even if the service restarts in between.

A tool call that changes something carries a request key, the same for all its tries, by which the service recognizes a
repeat. If a call is given up while it may have been carried out, its key is kept: the next call of the same tool with
the same arguments gets that key, so it is carried out once. A call waits for a service that starts or restarts and is
then carried out; if that takes too long (``mcp_server.shim.patience``), its answer says what is happening.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kg.errors import InvalidInput, KgError
from kg.settings.paths import data_dir
from mcp_server.link.envelope import envelope_headers
from mcp_server.link.http_client import Abort, Answer, Client, ConnectionLost, Silent
from mcp_server.link.lifecycle import SERVICE_COMMAND, ServiceStarting, ensure_running
from mcp_server.link.record import differing_settings
from mcp_server.link.session import DROPPED, IN_DOUBT, LISTEN, REQUEST_KEY, encode_value, session_headers
from mcp_server.link.starting_answer import not_ready_text
from mcp_server.shim.legacy_session import LegacySession, SessionGone
from mcp_server.shim.patience import Waiting
from mcp_server.shim.wire import usable_id

if TYPE_CHECKING:
    from mcp_server.shim.wire import Manifest, Output

BOOT_PATIENCE_S = 3600.0

_MAX_TRIES = 4
_MAX_IN_FLIGHT = 128
_MAX_UNCERTAIN = 256
_INTERNAL_ERROR = -32603
_INVALID_REQUEST = -32600


class Call:
    """One request that is being forwarded.

    Attributes:
        version: protocol version of a self-describing (2026) request; None within a handshake's session.
        key: request key, if the call changes something.
        wire_id: its id within a session, set by its first try.
        in_doubt: an earlier try, or the call that it repeats, broke off after the service may have seen it.
    """

    def __init__(self, message: dict[str, Any], version: str | None) -> None:
        self.id: int | str = message["id"]
        self.method: str = message["method"]
        self.params: dict[str, Any] | None = message.get("params")
        self.version = version
        self.key: str | None = None
        self.wire_id: int | None = None
        self.abort = Abort()
        self.answered = False
        self.in_doubt = False

    def body(self) -> bytes:
        """The request as it goes to the service."""
        wire_id = self.id if self.wire_id is None else self.wire_id
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": wire_id, "method": self.method}
        if self.params is not None:
            message["params"] = self.params
        return json.dumps(message, separators=(",", ":")).encode()

    def digest(self) -> bytes:
        """Fingerprint of the tool and its arguments, by which a repeat is recognized."""
        params = self.params or {}
        content = json.dumps([params.get("name"), params.get("arguments")], sort_keys=True)
        return hashlib.sha256(content.encode()).digest()


class Forwarder:
    """Forwards the requests of one session to the service, each in a thread of its own."""

    def __init__(
        self,
        out: Output,
        manifest: Manifest,
        command: Sequence[str] | None,
        opening: dict[str, Any],
        patience_s: float,
    ) -> None:
        self._patience_s = patience_s
        self._out = out
        self._manifest = manifest
        self._command = command or SERVICE_COMMAND
        self._folder = data_dir()
        self._headers = session_headers(os.environ)
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._under_way: set[Call] = set()
        self._unanswered: dict[int | str, Call] = {}
        self._uncertain: dict[bytes, str] = {}
        self._client: Client | None = None
        self._session = LegacySession(out, self._headers, opening)

    def start(self) -> None:
        """Start the service in the background, so that the first call finds it ready."""
        _thread(self._warm_up, "warm-up")

    def call(self, message: dict[str, Any], version: str | None) -> None:
        """Forward a request; its answer is written when it comes."""
        call = Call(message, version)
        with self._lock:
            clash = call.id in self._unanswered
            crowded = len(self._under_way) >= _MAX_IN_FLIGHT
            if not clash and not crowded:
                self._under_way.add(call)
                self._unanswered[call.id] = call
        if clash or crowded:
            reason = "a request with this id is being answered" if clash else "too many requests at once; wait for some"
            self._out.error(call.id, _INVALID_REQUEST, reason)
            return
        try:
            _thread(lambda: self._run(call), f"call-{call.id}")
        except RuntimeError:  # the system has no more threads
            self._end(call)
            self._out.error(call.id, _INTERNAL_ERROR, "too many requests at once; wait for some")

    def notify(self, message: dict[str, Any]) -> None:
        """Forward a notification of the client; a cancellation ends its call here at once."""
        method = message["method"]
        if method == "notifications/cancelled":
            request_id = usable_id(message.get("params", {}).get("requestId"))
            with self._lock:
                call = self._unanswered.get(request_id) if request_id is not None else None
            if call is not None:
                _thread(lambda: self._cancel(call, message), "cancel")
        else:
            self.reply(message)

    def reply(self, message: dict[str, Any]) -> None:
        """Forward the client's answer to a request of the service, or a notification, within the open session."""
        client = self._client
        if client is not None:
            _thread(lambda: self._session.post(client, message), "reply")

    def finish(self) -> None:
        """Wait for the calls under way, then close the session."""
        with self._lock:
            listening = [call for call in self._under_way if call.method == LISTEN]
        for call in listening:
            call.abort.request()
        with self._lock:
            while self._under_way and not self._out.closed:
                self._ended.wait(0.5)
        if self._client is not None:
            self._session.end(self._client)

    def _warm_up(self) -> None:
        try:
            client = self._ready_client(BOOT_PATIENCE_S)
        except (KgError, OSError) as error:
            _tell(str(error))
            return
        endpoint = client.endpoint
        differing = differing_settings(endpoint.record, os.environ, endpoint.token)
        if differing:
            _tell(
                f"the service that runs (pid {endpoint.record.pid}) was started with other settings; "
                f"not in effect here: {', '.join(differing)}. To use them: knowthread stop"
            )

    def _run(self, call: Call) -> None:
        try:
            if call.method == "tools/call" and call.version is None:
                _check_characters(call.params or {})
            if call.method == "tools/call" and (call.params or {}).get("name") not in self._manifest.read_only:
                self._give_key(call)
            self._deliver(call)
        except Exception as problem:  # noqa: BLE001 (the thread's edge: every request gets an answer)
            self._give_up(call, problem)
        finally:
            self._end(call)

    def _mark_answered(self, call: Call) -> None:
        """Free a call's id before its answer is written: its client may use it again at once."""
        call.answered = True
        with self._lock:
            self._free_id(call)

    def _end(self, call: Call) -> None:
        with self._lock:
            self._free_id(call)
            self._under_way.discard(call)
            self._ended.notify_all()

    def _free_id(self, call: Call) -> None:
        """Forget a call's id, unless another call has it by now; the lock is held."""
        if self._unanswered.get(call.id) is call:
            del self._unanswered[call.id]

    def _give_key(self, call: Call) -> None:
        """Give a call its request key: a new one, or the key of the call that it repeats."""
        digest = call.digest()
        with self._lock:
            kept = self._uncertain.pop(digest, None)
        call.key, call.in_doubt = kept or os.urandom(16).hex(), kept is not None

    def _deliver(self, call: Call) -> None:
        """Try until the call is answered, through broken connections, ended sessions and restarts of the service."""
        waiting = Waiting(self._out, call, self._patience_s)
        broken = False
        for _ in range(_MAX_TRIES):
            client = self._ready_client(waiting.left_s, waiting.goes_on)
            try:
                self._try(call, client)
            except SessionGone:
                pass
            except ConnectionLost as lost:
                call.in_doubt |= lost.sent
                if lost.sent and not broken:
                    broken = True
                    waiting.extend()
                self._forget(client)
            if call.answered or call.abort.requested:
                return
        raise ServiceStarting("its connections break again and again")

    def _try(self, call: Call, client: Client) -> None:
        headers = dict(self._headers)
        if call.key is not None:
            headers[REQUEST_KEY] = encode_value(call.key)
        session = ""
        if call.version is not None:
            headers |= envelope_headers(call.version, call.method, call.params or {})
        else:
            session = self._session.open(client)
            call.wire_id = self._session.next_id()
            headers |= self._session.headers(session)
        if call.abort.requested:
            return
        try:
            with client.exchange("POST", "/mcp", headers, call.body(), call.abort) as answer:
                if session and answer.status == 404:  # noqa: PLR2004 (HTTP)
                    self._session.lost(session)
                    raise SessionGone
                self._pass_on(call, answer)
        except (ConnectionLost, Silent):
            if not call.answered and not call.abort.requested:
                raise

    def _pass_on(self, call: Call, answer: Answer) -> None:
        """Write what the service sends for a call: notifications, requests, and at last the answer."""
        for message in answer.messages:
            is_answer = "method" not in message
            if call.abort.requested:
                return
            if is_answer and message.get("error", {}).get("code") == DROPPED:
                raise ConnectionLost("the service dropped the call", sent=True)
            if is_answer:
                if message.get("result", {}).get("_meta", {}).get(IN_DOUBT):
                    self._keep_key(call)
                self._mark_answered(call)
                message["id"] = call.id
            self._out.write(message)
        if call.answered:
            return
        if answer.status < 400:  # noqa: PLR2004 (HTTP)
            raise ConnectionLost("the answer ended early", sent=True)
        self._mark_answered(call)
        self._out.error(call.id, _INTERNAL_ERROR, _refusal(answer.status))

    def _cancel(self, call: Call, message: dict[str, Any]) -> None:
        """Stop waiting for a call. Within a session the service is told; otherwise it sees the connection close."""
        call.abort.request()
        client = self._client
        if call.wire_id is not None and client is not None:
            params = message.get("params", {}) | {"requestId": call.wire_id}
            self._session.post(client, message | {"params": params})

    def _give_up(self, call: Call, problem: Exception) -> None:
        """Answer what is happening: a tool call with a result for the agent, anything else with an error."""
        if call.answered or call.abort.requested:
            return
        text = str(problem)
        if isinstance(problem, ServiceStarting):
            text = not_ready_text(problem.phase)
        elif isinstance(problem, Silent):
            call.in_doubt = True
            text = f"the knowthread service does not answer ({problem}); if this goes on: knowthread stop"
        if call.in_doubt and call.key is not None:
            text = (
                f"knowthread went away during this call ({problem}). It may or may not have been carried out. "
                "Make exactly the same call again in about 5 s: it is then carried out once, not twice."
            )
            self._keep_key(call)
        self._mark_answered(call)
        if call.method != "tools/call":
            self._out.error(call.id, _INTERNAL_ERROR, text)
            return
        result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
        if call.version is not None:
            result["resultType"] = "complete"
        self._out.write({"jsonrpc": "2.0", "id": call.id, "result": result})

    def _keep_key(self, call: Call) -> None:
        """Keep the key of a call that may have been carried out, for its repeat."""
        if call.key is None:
            return
        with self._lock:
            self._uncertain[call.digest()] = call.key
            while len(self._uncertain) > _MAX_UNCERTAIN:
                self._uncertain.pop(next(iter(self._uncertain)))

    def _ready_client(self, timeout_s: float, goes_on: Callable[[str], bool] | None = None) -> Client:
        """Return connections to the ready service, which is started if none runs."""
        client = self._client
        if client is not None:
            return client
        endpoint = ensure_running(
            timeout_s,
            goes_on=goes_on,
            folder=Path(self._folder),
            command=self._command,
            version=self._manifest.version,
        )
        with self._lock:
            if self._client is None:
                self._client = Client(endpoint)
                fresh = self._client
                _thread(lambda: self._stay_present(fresh), "presence")
            return self._client

    def _forget(self, client: Client) -> None:
        with self._lock:
            if self._client is client:
                self._client = None
        client.close()

    def _stay_present(self, client: Client) -> None:
        """Hold one request open: the service counts sessions by it, and its end says that the service has ended."""
        with suppress(ConnectionLost, Silent), client.exchange("GET", "/presence", self._headers) as answer:
            for _ in answer.messages:
                continue
        self._forget(client)


def _check_characters(params: dict[str, Any]) -> None:
    """Refuse half of a surrogate pair and name its field; within a session the service's parser would not take it.

    Raises:
        InvalidInput: a text holds half of a surrogate pair.
    """
    try:
        json.dumps(params, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        from kg.validate import NOT_UNICODE, SURROGATE

        places: list[tuple[str, object]] = [("params", params), *params.items(), ("", params.get("arguments"))]
        while places:
            field, value = places.pop()
            found = value if isinstance(value, str) else ""
            if isinstance(value, dict):
                members = cast("dict[str, object]", value)
                found = "".join(members)
                places += [(f"{field}.{name}".removeprefix("."), member) for name, member in members.items()]
            elif isinstance(value, list):
                items = cast("list[object]", value)
                places += [(f"{field}[{number}]", item) for number, item in enumerate(items)]
            if SURROGATE.search(found):
                shown = f"text of {len(found)} characters" if isinstance(value, str) else "a name in it"
                raise InvalidInput(field or "arguments", shown, NOT_UNICODE) from None


def _refusal(status: int) -> str:
    if status == 401:  # noqa: PLR2004 (HTTP)
        return "the knowthread service refused the token; run: knowthread stop, and try again"
    if status == 413:  # noqa: PLR2004 (HTTP)
        return "the request is too large for the service; split it"
    return f"the knowthread service answered with HTTP status {status}; see its log or run: knowthread doctor"


def _tell(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"knowthread: {text}\n")
        sys.stderr.flush()


def _thread(work: Any, name: str) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()
