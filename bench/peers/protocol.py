"""How ``compare.py`` talks to a peer: a process each, JSON lines on standard input and output, standard library only.

A peer is an object with ``open()``, ``store(documents)``, ``settle()`` and ``ask(question, scope, asked_at, limit)``,
which returns the ids of the documents of each hit, best first. What a peer prints itself goes to standard error.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import sys
from typing import Any, Protocol

_SHORTEST, _MOST_WORDS = 4, 6


class Peer(Protocol):
    """A memory service to compare; each method may be a coroutine."""

    def open(self) -> Any:
        """Open or make the store in the folder that ``KNOWTHREAD_PEER_FOLDER`` names."""

    def store(self, documents: list[dict[str, Any]]) -> Any:
        """Store the messages of one session, or one note."""

    def settle(self) -> Any:
        """Return when everything that was stored can be found."""

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> Any:
        """Return a list of document ids for each hit."""


def folder() -> str:
    """Where the peer keeps its data."""
    return os.environ["KNOWTHREAD_PEER_FOLDER"]


def spoken(document: dict[str, Any]) -> str:
    """The text with its speaker in front, for peers that keep no speaker: "Ana: the build is red"."""
    speaker = document.get("speaker")
    return f"{speaker}: {document['text']}" if speaker else document["text"]


def words_of(question: str) -> list[str]:
    """Return the words that are worth looking for where only words are found, the longest first.

    ``When did Ana drop the nightly import?`` -> ``nightly, import, When, drop``
    """
    found = dict.fromkeys(re.findall(r"\w+", question))
    return sorted((word for word in found if len(word) >= _SHORTEST), key=len, reverse=True)[:_MOST_WORDS]


def serve(peer: Peer) -> None:
    """Answer requests until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asyncio.run(_serve(peer, out))


async def _serve(peer: Peer, out: Any) -> None:
    await _call(peer.open)
    _write(out, {"ready": True})
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        method = getattr(peer, request.pop("do"))
        _write(out, {"answer": await _call(method, **request)})
    close = getattr(peer, "close", None)
    if close is not None:
        await _call(close)


async def _call(method: Any, **arguments: Any) -> Any:
    answer = method(**arguments)
    return await answer if inspect.isawaitable(answer) else answer


def _write(out: Any, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()
