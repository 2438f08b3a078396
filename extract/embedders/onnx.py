"""Embedding models that run in this process: ONNX Runtime on the processor, no hub and no torch.

Invariant: a text's vector depends on the text alone, not on its neighbours in a batch. Work is cut into batches of
bounded size, so that memory stays level and nobody waits long behind a bulk import; questions run on a thread of
their own and wait for no batch at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np

from kg.errors import ConfigurationError, StoreUnavailable
from kg.ports import Vector

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

T = TypeVar("T")

MAX_TOKENS = 256
MAX_CHARACTERS = MAX_TOKENS * 32
"""Longer texts are cut before tokenizing: far more than ``MAX_TOKENS`` tokens of any language's prose."""

BATCH_TEXTS = 32
BATCH_TOKENS = 1024
"""Padded tokens in one run. Larger runs are no faster on a processor, but hold memory and threads for longer."""


@dataclass(frozen=True)
class ModelUse:
    """How a model's output becomes a vector, as its authors trained it."""

    dimension: int
    pooling: Literal["mean", "cls"]
    query_prefix: str = ""


MODELS = {
    "onnx:all-minilm-l6-v2": ModelUse(384, "mean"),
    "onnx:bge-small-en-v1.5": ModelUse(384, "cls", "Represent this sentence for searching relevant passages: "),
}


class OnnxEmbedder:
    """A sentence embedder in ONNX form with its tokenizer; construction is instant, the first use loads the model."""

    english_only = True

    def __init__(
        self, name: str, onnx_path: Path, tokenizer_path: Path, digest: str, *, threads: int | None = None
    ) -> None:
        if name not in MODELS:
            raise ConfigurationError("KNOWTHREAD_EMBEDDER", f"{name!r} is not known", "one of " + ", ".join(MODELS))
        use = MODELS[name]
        self.name = name
        self.dimension = use.dimension
        self.digest = hashlib.sha256(f"{digest} {use.pooling} {MAX_TOKENS}".encode()).hexdigest()
        self._query_prefix = use.query_prefix
        self._model = _Model(onnx_path, tokenizer_path, use, threads or min(4, os.cpu_count() or 1))
        self._documents = ThreadPoolExecutor(1, "embed-documents")
        self._questions = ThreadPoolExecutor(1, "embed-questions")
        self._closed = False

    async def warm(self) -> None:
        """Load the model now rather than at the first text.

        Raises:
            StoreUnavailable: the model cannot be loaded.
        """
        await self._run(self._documents, self._model.load)

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        """Return (n, dimension) float32, unit length, in order; other callers are served between the batches.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        tokens: list[list[int]] = []
        for start in range(0, len(texts), BATCH_TEXTS):
            tokens += await self._run(self._documents, self._model.tokenize, texts[start : start + BATCH_TEXTS])
        for batch in _batches([len(ids) for ids in tokens]):
            chosen = [tokens[i] for i in batch]
            vectors[batch] = await self._run(self._documents, self._model.embed, chosen)
        return vectors

    async def embed_query(self, text: str) -> Vector:
        """Return (dimension,) float32, unit length; runs beside document batches, not behind them.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        return (await self._run(self._questions, self._model.embed_texts, [self._query_prefix + text]))[0]

    async def close(self) -> None:
        """Wait for running batches, refuse further ones and release the model."""
        self._closed = True
        for executor in (self._documents, self._questions):
            await asyncio.to_thread(executor.shutdown, wait=True)
        self._model.unload()

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
        if self._closed:
            raise StoreUnavailable("embedder", f"{self.name} is closed", retryable=False)
        return await asyncio.get_running_loop().run_in_executor(executor, work, *args)


class _Model:
    """Session and tokenizer; one session serves both threads, as ONNX Runtime allows."""

    def __init__(self, onnx_path: Path, tokenizer_path: Path, use: ModelUse, threads: int) -> None:
        self._onnx_path = onnx_path
        self._tokenizer_path = tokenizer_path
        self._use = use
        self._threads = threads
        self._loading = threading.Lock()
        self._loaded: tuple[InferenceSession, Tokenizer] | None = None

    def load(self) -> tuple[InferenceSession, Tokenizer]:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load_session(), self._load_tokenizer()
            return self._loaded

    def unload(self) -> None:
        with self._loading:
            self._loaded = None

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        tokenizer = self.load()[1]
        return [tokenizer.encode(_clean(text)).ids for text in texts]

    def embed_texts(self, texts: Sequence[str]) -> Vector:
        return self.embed(self.tokenize(texts))

    def embed(self, tokens: Sequence[Sequence[int]]) -> Vector:
        """Return (n, dimension) float32, unit length, for token ids padded to the longest of this batch."""
        session = self.load()[0]
        shape = len(tokens), max(len(ids) for ids in tokens)
        input_ids = np.zeros(shape, np.int64)
        mask = np.zeros(shape, np.int64)
        for row, ids in enumerate(tokens):
            input_ids[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        inputs = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}
        try:
            states = cast("Vector", cast(Any, session).run(["last_hidden_state"], inputs)[0])
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise StoreUnavailable("embedder", f"{self._onnx_path.name} failed: {error}", retryable=True) from error
        if self._use.pooling == "cls":
            pooled = states[:, 0]
        else:
            weights = mask[:, :, None].astype(np.float32)
            pooled = (states * weights).sum(axis=1) / weights.sum(axis=1)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def _load_session(self) -> InferenceSession:
        # Read at the import. Without it the library reports this machine to its maker from then on, whatever is called.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = cast(Any, onnxruntime).SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Patterns are kept per input shape, and ours vary; spinning threads would take a core from the database.
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return self._read(
            self._onnx_path,
            lambda: onnxruntime.InferenceSession(str(self._onnx_path), options, providers=["CPUExecutionProvider"]),
        )

    def _load_tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = self._read(self._tokenizer_path, lambda: cast(Any, Tokenizer).from_file(str(self._tokenizer_path)))
        # A tokenizer file may ask for padding to a fixed length and for its own truncation: neither is ours.
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    def _read(self, path: Path, load: Callable[[], T]) -> T:
        try:
            return load()
        except Exception as error:  # neither library's errors share another base class
            cure = f"remove {path.parent} and run `knowthread setup`"
            raise StoreUnavailable("embedder", f"cannot load {path}: {error}; {cure}", retryable=False) from error


def _clean(text: str) -> str:
    """Return the part of a text that can matter, without lone surrogates, which no tokenizer takes."""
    return text.strip()[:MAX_CHARACTERS].encode("utf-8", "replace").decode()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield indexes in batches of texts of like length, so that little of a batch is padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH_TEXTS or (len(batch) + 1) * lengths[index] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
