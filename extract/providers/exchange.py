"""What all providers share: the turns of a conversation, and the bounds of an exchange."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, cast

from extract.providers.base import ModelRequest
from extract.providers.failures import OversizedAnswer

MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""More than the longest answer that we ask for, envelope included. A longer one is cut off with the connection."""

CONNECT_S = 10.0
"""Longest wait for a connection, so that a machine that is not there is not mistaken for a slow model."""

MAX_FORMER_CHARACTERS = 50_000
"""The most of an answer to be repaired that is sent back, because it is paid for again."""

REPAIR = "Your answer cannot be used: {complaint}\nAnswer once more, the whole answer, in the form asked for."


def turns(request: ModelRequest) -> list[tuple[Literal["user", "assistant"], str]]:
    """Return the conversation, oldest first; it begins and ends with the user, as every provider demands."""
    conversation: list[tuple[Literal["user", "assistant"], str]] = [("user", request.user)]
    if request.former_answer is not None:
        former = request.former_answer.strip()[:MAX_FORMER_CHARACTERS].rstrip()
        # No provider takes an empty turn.
        conversation.append(("assistant", former or "(no answer)"))
        conversation.append(("user", REPAIR.format(complaint=request.complaint or "it is not in the form asked for")))
    return conversation


def bounded(
    limit_bytes: int = MAX_ANSWER_BYTES, *, connect_s: float = CONNECT_S
) -> dict[str, list[Callable[[Any], Awaitable[None]]]]:
    """Return event hooks for an HTTP client of httpx or of its fork httpx2 that bound the size of each answer.

    The SDKs read a whole body before they look at it, so a faulty server could fill the memory. They have one time-out
    for everything, so the time to connect is bounded here too.
    """

    async def connect_soon(request: Any) -> None:
        limits = request.extensions.get("timeout")
        if limits is not None:
            patience = min(connect_s, (limits.get("read") or math.inf) / 2)
            limits.update(connect=patience, pool=patience)

    async def hook(response: Any) -> None:
        bases = type(response.stream).__mro__
        kind = next(base for base in bases if base.__name__ == "AsyncByteStream")
        response.stream = _bounded_stream(kind, response.stream, limit_bytes)

    return {"request": [connect_soon], "response": [hook]}


def quiet(*loggers: str) -> None:
    """Keep SDKs from logging requests, which hold memories, at debug level."""
    for name in loggers:
        logging.getLogger(name).setLevel(logging.WARNING)


def _bounded_stream(kind: type[Any], stream: Any, limit_bytes: int) -> object:
    async def read(_: object) -> AsyncIterator[bytes]:
        size_bytes = 0
        async for chunk in stream:
            size_bytes += len(chunk)
            if size_bytes > limit_bytes:
                raise OversizedAnswer(f"more than {limit_bytes} bytes")
            yield chunk

    async def close(_: object) -> None:
        await stream.aclose()

    return cast(object, type("BoundedStream", (kind,), {"__aiter__": read, "aclose": close})())
