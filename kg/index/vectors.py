"""The vectors of nodes: one of the whole text, and one of each sentence of a memory.

A write may announce its texts, so that they are embedded while its transaction commits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from kg.language.sentences import sentences
from kg.ports import Embedder, PointKind, Vector

Text = tuple[PointKind, str]
Vectors = tuple[Vector, Vector]
"""(d,) of the whole text, (s, d) of its sentences."""

_ANNOUNCED_MOST = 256


class NodeVectors:
    """Embeds the texts of nodes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._announced: OrderedDict[Text, asyncio.Task[dict[Text, Vectors]]] = OrderedDict()

    def announce(self, texts: Sequence[Text]) -> None:
        """Begin to embed texts that will be asked for soon; forgotten again if nobody asks."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._announced]
        if not fresh:
            return
        task = asyncio.create_task(self._embed(fresh))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asks hears of a failure
        for text in fresh:
            self._announced[text] = task
        while len(self._announced) > _ANNOUNCED_MOST:
            self._announced.popitem(last=False)

    async def embed(self, texts: Sequence[Text]) -> dict[Text, Vectors]:
        """Return the vectors of each text.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        found: dict[Text, Vectors] = {}
        missing: list[Text] = []
        for text in dict.fromkeys(texts):
            task = self._announced.pop(text, None)
            if task is not None:
                found[text] = (await task)[text]
            else:
                missing.append(text)
        return found | await self._embed(missing)

    async def _embed(self, texts: Sequence[Text]) -> dict[Text, Vectors]:
        if not texts:
            return {}
        inputs: list[str] = []
        spans: list[tuple[int, int]] = []
        for kind, text in texts:
            parts = sentences(text) if kind == "memory" else []
            start = len(inputs)
            inputs.append(text)
            if len(parts) > 1:
                inputs.extend(parts)
            spans.append((start, len(inputs)))
        vectors = await self._embedder.embed_documents(inputs)
        return {
            text: (vectors[start], vectors[start + 1 : end] if end - start > 1 else vectors[start:end])
            for text, (start, end) in zip(texts, spans, strict=True)
        }
