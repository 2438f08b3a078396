"""An embedder that costs nothing: a vector for each text, by chance and always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from kg.ports import QuestionVectors, TextToEmbed, TextVectors, Vector


class PlainEmbedder:
    """Vectors of 16 numbers that say nothing of a text but which one it is."""

    name = "plain"
    dimension = 16
    digest = "plain"
    english_only = False
    two_models = False

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        return np.stack([self._vector(text) for text in texts])

    async def embed_texts(self, texts: Sequence[TextToEmbed]) -> list[TextVectors]:
        rows = [(self._vector(one.text), one) for one in texts]
        return [TextVectors(row[None, :], row[None, :] if one.sentences else None) for row, one in rows]

    async def embed_question(self, text: str) -> QuestionVectors:
        vector = self._vector(text)
        return QuestionVectors(vector, vector, np.empty((0, self.dimension), np.float32))

    async def embed_query(self, text: str) -> Vector:
        return self._vector(text)

    async def close(self) -> None:
        return

    def _vector(self, text: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
        vector = np.random.default_rng(seed).normal(size=self.dimension).astype(np.float32)
        return vector / np.linalg.norm(vector)
