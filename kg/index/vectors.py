"""What the index holds of a node's text: its vectors and the weights of its words.

A write may announce its texts, so that they are embedded while its transaction commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cachetools import FIFOCache

from kg.language.bm25 import term_weights
from kg.language.sentences import sentences
from kg.language.words import text_terms
from kg.ports import Embedder, PointKind, TextToEmbed, TextVectors

_ANNOUNCED_MOST = 256
CONTEXT_CHARS = 400
"""So much of the end of each message before it is read with a message."""


class NodeText(NamedTuple):
    """A node's text, and of a message what was said before it."""

    kind: PointKind
    text: str
    context: str = ""


@dataclass(frozen=True)
class Indexed:
    """What the index holds of a text; words only of a memory's."""

    vectors: TextVectors
    words: Mapping[int, float] = field(default_factory=dict[int, float])


def context_of(earlier: Sequence[str]) -> str:
    """Return what a message is read behind: the ends of the messages before it, which are given in order."""
    return "\n".join(text[-CONTEXT_CHARS:] for text in earlier)


class NodeVectors:
    """Embeds the texts of nodes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._announced: FIFOCache[NodeText, asyncio.Task[dict[NodeText, Indexed]]] = FIFOCache(_ANNOUNCED_MOST)

    def announce(self, texts: Sequence[NodeText]) -> None:
        """Begin to embed texts that will be asked for soon; forgotten again if nobody asks."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._announced]
        if not fresh:
            return
        task = asyncio.create_task(self._embed(fresh))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asks hears of a failure
        for text in fresh:
            self._announced[text] = task

    async def embed(self, texts: Sequence[NodeText]) -> dict[NodeText, Indexed]:
        """Return what the index holds of each text.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        found: dict[NodeText, Indexed] = {}
        missing: list[NodeText] = []
        for text in dict.fromkeys(texts):
            task = self._announced.pop(text, None)
            if task is not None:
                found[text] = (await task)[text]
            else:
                missing.append(text)
        return found | await self._embed(missing)

    async def share(self, texts: Sequence[NodeText]) -> dict[NodeText, Indexed]:
        """Return the same, and leave what was announced to whoever indexes it.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        tasks = {text: self._announced[text] for text in texts if text in self._announced}
        found = {text: (await asyncio.shield(task))[text] for text, task in tasks.items()}
        return found | await self._embed([text for text in dict.fromkeys(texts) if text not in found])

    async def _embed(self, texts: Sequence[NodeText]) -> dict[NodeText, Indexed]:
        if not texts:
            return {}
        vectors = await self._embedder.embed_texts([_wanted(text) for text in texts])
        return {
            text: Indexed(found, term_weights(text_terms(text.text)) if text.kind == "memory" else {})
            for text, found in zip(texts, vectors, strict=True)
        }


def _wanted(text: NodeText) -> TextToEmbed:
    if text.kind != "memory":
        return TextToEmbed(text.text)
    return TextToEmbed(text.text, sentences(text.text) or [text.text], text.context, tokens=True)
