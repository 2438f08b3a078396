"""Embeddings by a model of one's own Ollama.

Invariant: the digest names the weights that Ollama had when the service started; with other weights it is another
embedder, and its vectors are not mixed with those of before.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from extract.providers.ollama_client import OllamaClient
from kg.errors import ModelUnavailable, StoreUnavailable
from kg.ports import QuestionVectors, TextToEmbed, TextVectors, Vector

T = TypeVar("T")

PREFIX = "ollama:"
MAX_CHARACTERS = 65_536
BATCH_TEXTS = 32
BATCH_CHARACTERS = 65_536
TIMEOUT_S = 300.0
"""Longest wait for one batch; the first one waits for the model to be loaded."""

ENGLISH_ONLY = frozenset(("all-minilm", "nomic-embed-text", "mxbai-embed-large", "snowflake-arctic-embed"))
"""Known models that were trained on English; any other counts as multilingual."""


class OllamaEmbedder:
    """One embedding model behind Ollama; made by ``connect``, which asks it what it is."""

    two_models = False

    def __init__(self, client: OllamaClient, model: str, keep_alive: str, dimension: int, digest: str) -> None:
        self.name = PREFIX + model
        self.dimension = dimension
        self.digest = digest
        self.english_only = model.partition(":")[0].rpartition("/")[2] in ENGLISH_ONLY
        self._client = client
        self._model = model
        self._keep_alive = keep_alive
        self._closed = False

    @classmethod
    async def connect(cls, model: str, url: str, keep_alive: str = "30m") -> OllamaEmbedder:
        """Return the embedder of a model, after one word through it; loads the model.

        Raises:
            StoreUnavailable: Ollama does not answer, the model is not pulled, or it makes no embeddings.
        """
        client = OllamaClient(url)
        try:
            digest = await _within(client.digest(model))
            rows = await _within(client.embed(model, ["word"], keep_alive))
            if len(rows) != 1 or not len(rows[0]):
                raise _useless(model)
        except BaseException:
            await client.close()
            raise
        identity = hashlib.sha256(f"{digest} {MAX_CHARACTERS}".encode()).hexdigest()
        return cls(client, model, keep_alive, len(rows[0]), identity)

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        """Return (n, dimension) float32, unit length, in order; texts beyond what the model reads are cut.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        if self._closed:
            raise StoreUnavailable("embedder", f"{self.name} is closed", retryable=False)
        vectors = np.empty((len(texts), self.dimension), np.float32)
        done = 0
        for batch in _batches([_clean(text) for text in texts]):
            rows = await _within(self._client.embed(self._model, batch, self._keep_alive))
            vectors[done : done + len(batch)] = self._unit(rows, len(batch))
            done += len(batch)
        return vectors

    async def embed_texts(self, texts: Sequence[TextToEmbed]) -> list[TextVectors]:
        """Return the vectors of each text, in order: of the whole and of its sentences; it has none of word pieces.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        inputs: dict[str, int] = {}
        for one in texts:
            for part in (one.text, *one.sentences):
                inputs.setdefault(part, len(inputs))
        rows = await self.embed_documents(list(inputs))
        return [
            TextVectors(
                rows[[inputs[one.text]]], rows[[inputs[part] for part in one.sentences]] if one.sentences else None
            )
            for one in texts
        ]

    async def embed_question(self, text: str) -> QuestionVectors:
        """Return a question's vector, which serves for texts and sentences; it has none of word pieces.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        vector = await self.embed_query(text)
        return QuestionVectors(vector, vector, np.empty((0, self.dimension), np.float32))

    async def embed_query(self, text: str) -> Vector:
        """Return (dimension,) float32, unit length.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        return (await self.embed_documents([text]))[0]

    async def close(self) -> None:
        """Close the connections and refuse further texts; Ollama unloads the model by itself."""
        self._closed = True
        await self._client.close()

    def _unit(self, rows: Sequence[Sequence[float]], count: int) -> Vector:
        if len(rows) != count or any(len(row) != self.dimension for row in rows):
            message = f"{self.name} answers in another form than before; restart the service"
            raise StoreUnavailable("embedder", message, retryable=False)
        found = np.asarray(rows, np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise StoreUnavailable("embedder", f"{self.name} gives no vector for a text", retryable=False)
        return found / lengths


async def _within(answer: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await answer
    except TimeoutError:
        raise StoreUnavailable("embedder", f"Ollama gives no answer within {TIMEOUT_S:g} s", retryable=True) from None
    except ModelUnavailable as error:
        raise StoreUnavailable("embedder", str(error), retryable=error.retryable) from error


def _useless(model: str) -> StoreUnavailable:
    message = f"the model {model} makes no embeddings; set KNOWTHREAD_EMBEDDER to one that does, such as ollama:bge-m3"
    return StoreUnavailable("embedder", message, retryable=False)


def _clean(text: str) -> str:
    """Return a text that Ollama takes: no lone surrogates, and not empty, as it gives no vector for nothing."""
    return text.strip()[:MAX_CHARACTERS].encode("utf-8", "replace").decode() or "."


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts in batches of bounded size, so that a question waits behind little."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == BATCH_TEXTS or size + len(text) > BATCH_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
