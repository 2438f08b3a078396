"""A small HTTP server that records what it is asked and answers from a script, faults included."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self


class Fault(Enum):
    """What goes wrong with one request."""

    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403, only authorized for use with Claude Code"
    MISSING_MODEL = "404, no such model (Ollama: not pulled)"
    RATE_LIMITED = "429 with retry-after"
    SERVER_ERROR = "500"
    OVERLOADED = "529, or 503 where the provider says it so"
    HANG = "never answers"
    DROP = "the connection is broken off in the middle of the body"
    DROP_EARLY = "the connection is broken off before any answer"
    REDIRECT = "307 to another path of the same server"
    BROKEN_BODY = "a whole HTTP answer with half of its JSON"
    TRUNCATED_JSON = "the model's answer is cut at its longest length"
    WRONG_SCHEMA = "the model's answer is JSON of another form"
    EMPTY = "the model's answer is empty"
    THINKING = "the model's answer has thoughts and talk around the JSON"
    DECLINED = "the model declines to answer, by the provider's own word for it"
    HUGE = "a body of several hundred MB"


RETRY_AFTER_S = 7
HUGE_BYTES = 300 * 1024 * 1024
PASSING = (Fault.SERVER_ERROR, Fault.OVERLOADED, Fault.DROP, Fault.TRUNCATED_JSON)
"""What a ``failure_rate`` is made of: faults after which the same request may succeed."""

WRONG_ANSWER = {"unexpected": ["form"]}


@dataclass(frozen=True)
class Received:
    """One HTTP request; header names are in lower case, ``body`` is its JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Asked:
    """One question to a model, the same for every protocol."""

    model: str
    system: str
    turns: tuple[tuple[str, str], ...]
    schema: Any
    received: Received = field(repr=False)

    @property
    def user(self) -> str:
        """The first user turn."""
        return self.turns[0][1]


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[Asked], object]
"""Returns what the model answers: an object (sent as JSON), a text (sent as it is), or a ``Fault``."""


class Script:
    """Decides what each question gets: first the ``faults`` in order (None: no fault), then by ``failure_rate``."""

    def __init__(
        self,
        answer: Answer | None = None,
        *,
        faults: Iterable[Fault | None] = (),
        latency_s: float = 0.0,
        failure_rate: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.faults = deque(faults)
        self.asked: list[Asked] = []
        self.answered = 0
        self._answer = answer or (lambda _: {})
        self._latency_s = latency_s
        self._failure_rate = failure_rate
        self._random = random.Random(seed)

    async def decide(self, asked: Asked) -> tuple[str, Fault | None]:
        """Return the model's text and the fault to commit, after the latency."""
        self.asked.append(asked)
        fault = self.faults.popleft() if self.faults else None
        if fault is None and self._random.random() < self._failure_rate:
            fault = self._random.choice(PASSING)
        await asyncio.sleep(self._latency_s)
        answer = self._answer(asked)
        if isinstance(answer, Fault):
            fault, answer = answer, {}
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        self.answered += fault is None
        return spoiled(text, fault), fault


def spoiled(text: str, fault: Fault | None) -> str:
    """Return the model's text as the fault makes it."""
    if fault is Fault.TRUNCATED_JSON:
        return text[: max(1, len(text) // 2)]
    if fault is Fault.WRONG_SCHEMA:
        return json.dumps(WRONG_ANSWER)
    if fault is Fault.EMPTY:
        return ""
    if fault is Fault.THINKING:
        return f'<think>Is {{"this": "it"}}?</think>\nHere it is:\n```json\n{text}\n```\nDone.'
    return text


class FakeServer(Script):
    """The HTTP part; a subclass says which paths there are and how its protocol wraps answers and errors.

    ``replies`` go out first, as they are.
    """

    def __init__(self, answer: Answer | None = None, **script: Any) -> None:
        super().__init__(answer, **script)
        self.requests: list[Received] = []
        self.replies: deque[Reply] = deque()
        self.url = ""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._closing = False

    async def respond(self, received: Received) -> Reply | Fault:
        """Return the answer to one request, or a fault below the protocol."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 24)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._closing = True
        for listener in self._server.sockets:  # asyncio leaks what it has accepted and not begun when it closes
            asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(3):  # accepted, begun, handed to ``_connected``
            await asyncio.sleep(0)
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closing:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._exchange(reader, writer):
                    pass
        except asyncio.CancelledError:
            writer.transport.abort()  # a client that reads nothing is not waited for
            raise
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; whether the connection can serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        data = await reader.readexactly(int(headers.get("content-length", "0")))
        received = Received(method, path, headers, json.loads(data) if data else None)
        self.requests.append(received)
        reply = self.replies.popleft() if self.replies else await self.respond(received)
        if isinstance(reply, Reply):
            await _send(writer, reply.status, json.dumps(reply.body).encode(), reply.headers)
            return True
        if reply is Fault.REDIRECT:
            await _send(writer, 307, b"{}", {"location": f"{self.url}/elsewhere"})
            return True
        if reply is Fault.DROP_EARLY:
            writer.transport.abort()
        elif reply is Fault.HANG:
            await asyncio.Event().wait()
        elif reply is Fault.BROKEN_BODY:
            await _send(writer, 200, b'{"model": "some", "content": [{"type": "te', {})
        elif reply is Fault.DROP:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
            await writer.drain()
            writer.transport.abort()
        else:
            await self._flood(writer)
        return False

    async def _flood(self, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {HUGE_BYTES}\r\n\r\n"
        writer.write(head.encode() + b'{"model": "')
        chunk = b"x" * (1 << 16)
        for _ in range(HUGE_BYTES // len(chunk)):
            writer.write(chunk)
            await writer.drain()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str]) -> None:
    lines = {"content-type": "application/json", "content-length": str(len(body))} | headers
    head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}\r\n"
    writer.write((head + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode() + body)
    await writer.drain()
