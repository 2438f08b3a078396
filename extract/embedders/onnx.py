"""Embedders that run in this process: one small model, or two, each for what it does best.

With two, the first reads text and word pieces in one pass, and the second reads the sentences. Many texts are cut into
small pieces of work, on threads that leave the processor to others. What somebody waits for, a question or a note that
is added, runs on threads of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from extract.embedders.onnx_model import MAX_PASSAGES, MAX_TOKENS, PASSAGE_TOKENS, ModelUse, OnnxModel
from extract.embedders.unused_memory import give_back_unused, limit_heaps
from kg.errors import ConfigurationError, StoreUnavailable
from kg.managed.artifacts import ModelFiles
from kg.ports import QuestionVectors, TextToEmbed, TextVectors, Vector
from kg.settings.service import models_of

T = TypeVar("T")
U = TypeVar("U")

CHUNK = 8
"""Texts that a thread embeds before it serves somebody else."""

STEP_BACK, LEAST = 10, 19
"""How much less urgent than the rest of the service an import is (niceness), and the least that there is."""

SOON_TEXTS, SOON_CHARS = 8, 4000
"""So much text is a call's: it is read at once, not behind an import."""

GIVE_BACK_AFTER_CHARS = 1 << 16
"""After this much text unused memory goes back to the system: a few milliseconds in each second of embedding."""

_BGE_PREFIX = "Represent this sentence for searching relevant passages: "
MODELS = {
    "onnx:all-minilm-l6-v2-q": ModelUse(384, "mean"),
    "onnx:bge-small-en-v1.5-q": ModelUse(384, "cls", _BGE_PREFIX),
    "onnx:all-minilm-l6-v2": ModelUse(384, "mean"),
    "onnx:bge-small-en-v1.5": ModelUse(384, "cls", _BGE_PREFIX),
}


class OnnxEmbedder:
    """One or two sentence models in ONNX form; construction is instant, the first use loads them.

    Args:
        name: as in the setting; two models are joined by ``+``.
        files: the files of each model, in the order of the name.
        threads: of each session; one for a quantised model, which is no faster with more.
        give_back: returns unused memory to the system.
    """

    english_only = True

    def __init__(
        self,
        name: str,
        files: Sequence[ModelFiles],
        *,
        threads: int | None = None,
        give_back: Callable[[], None] = give_back_unused,
    ) -> None:
        names = models_of(name)
        if not names or len(names) != len(files) or any(one not in MODELS for one in names):
            raise ConfigurationError("KNOWTHREAD_EMBEDDER", f"{name!r} is not known", "one of " + ", ".join(MODELS))
        self.name = name
        limit_heaps()
        models: list[OnnxModel] = []
        for one, these in zip(names, files, strict=True):
            models.append(_model(one, these, threads, beside=models[0] if models else None))
        self._reader, self._sentence_reader = models[0], models[-1]
        self._models = models
        self.dimension = self._reader.use.dimension
        uses = [f"{these.digest} {model.use.pooling}" for these, model in zip(files, models, strict=True)]
        identity = " ".join([*uses, str(MAX_TOKENS), str(PASSAGE_TOKENS), str(MAX_PASSAGES)])
        self.digest = hashlib.sha256(identity.encode()).hexdigest()
        self._documents = ThreadPoolExecutor(min(2, os.cpu_count() or 1), "embed-documents", _step_back)
        self._questions = ThreadPoolExecutor(len(models), "embed-questions")
        self._give_back, self._read_chars = give_back, 0
        self._closed = False

    @property
    def two_models(self) -> bool:
        """Whether sentences have a model of their own."""
        return len(self._models) > 1

    async def warm(self) -> None:
        """Load the models now rather than at the first text.

        Raises:
            StoreUnavailable: a model cannot be loaded.
        """
        await asyncio.gather(*(self._run(self._documents, model.load) for model in self._models))

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        """Return (n, dimension) float32, unit length, in order; other callers are served between the chunks.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        rows = await self._in_chunks(self._documents, self._reader.embed, texts)
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    async def embed_texts(self, texts: Sequence[TextToEmbed]) -> list[TextVectors]:
        """Return the vectors of each text, in order; each model runs once over what it has to read.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        characters = sum(len(one.text) for one in texts)
        soon = len(texts) <= SOON_TEXTS and characters <= SOON_CHARS
        threads = self._questions if soon else self._documents
        read, parts = await asyncio.gather(
            self._in_chunks(threads, self._read, texts), self._in_chunks(threads, self._sentences, texts)
        )
        self._read_chars += characters
        if self._read_chars >= GIVE_BACK_AFTER_CHARS:
            self._read_chars = 0
            await self._run(self._documents, self._give_back)
        return [
            TextVectors(text, own if own is not None or not one.sentences else text, tokens)
            for one, (text, tokens), own in zip(texts, read, parts, strict=True)
        ]

    async def embed_question(self, text: str) -> QuestionVectors:
        """Return a question's vectors; both models read it at once, while other work goes on.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        reading = self._run(self._questions, self._reader.read_question, text)
        if not self.two_models:
            read = await reading
            return QuestionVectors(read.passages[0], read.passages[0], read.pieces, read.words, read.unknown)
        asked = self._run(self._questions, self._sentence_reader.embed_question, text)
        read, sentence = await asyncio.gather(reading, asked)
        return QuestionVectors(read.passages[0], sentence, read.pieces, read.words, read.unknown)

    async def embed_query(self, text: str) -> Vector:
        """Return (dimension,) float32, unit length; runs at the same time as document chunks, not after them.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        return await self._run(self._questions, self._reader.embed_question, text)

    async def close(self) -> None:
        """Wait for running work, refuse further work and release the models."""
        self._closed = True
        for executor in (self._documents, self._questions):
            await asyncio.to_thread(executor.shutdown, wait=True)
        for model in self._models:
            model.unload()

    def _read(self, one: TextToEmbed) -> tuple[Vector, Vector | None]:
        if not one.tokens:
            return self._reader.embed(one.text)[None, :], None
        read = self._reader.read(one.text, one.context)
        return read.passages, read.pieces

    def _sentences(self, one: TextToEmbed) -> Vector | None:
        """Return (s, d) of a text's sentences, None where its own vector stands for them or none are wanted."""
        if not one.sentences:
            return None
        alone = len(one.sentences) == 1 and one.sentences[0] == one.text.strip()
        if alone and not self.two_models and not one.context:
            return None
        return np.stack([self._sentence_reader.embed(sentence) for sentence in one.sentences])

    async def _in_chunks(self, threads: ThreadPoolExecutor, work: Callable[[U], T], items: Sequence[U]) -> list[T]:
        """Do some work on each item, on some threads that others get between two chunks."""

        def do(chunk: Sequence[U]) -> list[T]:
            return [work(item) for item in chunk]

        done: list[T] = []
        for start in range(0, len(items), CHUNK):
            done += await self._run(threads, do, items[start : start + CHUNK])
        return done

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
        if self._closed:
            raise StoreUnavailable("embedder", f"{self.name} is closed", retryable=False)
        return await asyncio.get_running_loop().run_in_executor(executor, work, *args)


def _step_back() -> None:
    """Let whatever somebody waits for have the processor first, on systems where each thread has its own priority."""
    if sys.platform == "linux":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(own + STEP_BACK, LEAST))


def _model(name: str, files: ModelFiles, threads: int | None, *, beside: OnnxModel | None) -> OnnxModel:
    if threads is None:
        threads = 1 if name.endswith("-q") else min(4, os.cpu_count() or 1)
    return OnnxModel(files.onnx, files.tokenizer, MODELS[name], threads, beside)
