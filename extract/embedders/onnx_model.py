"""One embedding model that runs in this process: its tokenizer, its ONNX session, and the states of one pass.

Invariant: a text's vectors depend on the text alone, not on what is embedded with it. So texts go through the model
one at a time: a quantised model scales by the whole batch, and on a processor a batch is no faster.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

import numpy as np

from extract.embedders.word_table import find_word_table
from kg.errors import StoreUnavailable
from kg.ports import Vector

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

T = TypeVar("T")

MAX_TOKENS = 256
"""A text of up to so many tokens is read at once, a longer one in passages."""
PASSAGE_TOKENS = 64
"""Most tokens of a passage. The vector of 256 is about so many things that one answer among them hardly shows: among
twelve texts of fourteen notes each, the one that answers comes first for .35 of the questions, not for .19."""
MAX_PASSAGES = 192
"""Most passages of a text that have a vector and word pieces: some 45,000 characters of English prose; its sentences
cover the rest."""
_CHARACTERS_A_TOKEN = 32
"""Far more than a token has in any language's prose; what is beyond need not be tokenized."""
MAX_CHARACTERS = MAX_TOKENS * _CHARACTERS_A_TOKEN
MAX_TEXT_CHARACTERS = MAX_PASSAGES * PASSAGE_TOKENS * _CHARACTERS_A_TOKEN
_MARKS = 2
"""Tokens of a pass that mark its start and its end."""
_INNER = MAX_TOKENS - _MARKS
MAX_PIECES = MAX_PASSAGES * (PASSAGE_TOKENS - _MARKS)
"""Most word pieces of a text that have vectors."""
_UNKNOWN = "[UNK]"


@dataclass(frozen=True)
class ModelUse:
    """How a model's output becomes a vector, as its authors trained it."""

    dimension: int
    pooling: Literal["mean", "cls"]
    query_prefix: str = ""


class Read(NamedTuple):
    """What one text gave.

    Attributes:
        passages: (p, d) unit vectors of the parts of the text that are read at once, in order.
        pieces: (t, d) unit vectors of its own word pieces, in order.
        words: for each piece the word it is part of, lower case.
        unknown: share of the pieces that the tokenizer does not know.
    """

    passages: Vector
    pieces: Vector
    words: list[str]
    unknown: float


class OnnxModel:
    """A tokenizer and a session, loaded at first use; one session serves all threads, as ONNX Runtime allows."""

    def __init__(
        self, onnx_path: Path, tokenizer_path: Path, use: ModelUse, threads: int, beside: OnnxModel | None = None
    ) -> None:
        """``beside``: a model whose tokenizer serves both, if it is the same; each takes 8 MB."""
        self.use = use
        self._beside = beside
        self._onnx_path = onnx_path
        self._tokenizer_path = tokenizer_path
        self._threads = threads
        self._loading = threading.Lock()
        self._loaded: tuple[InferenceSession, Tokenizer] | None = None
        self._word_table: object = None

    def load(self) -> tuple[InferenceSession, Tokenizer]:
        """Return session and tokenizer, loading them the first time.

        Raises:
            StoreUnavailable: a file cannot be read.
        """
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load_session(), self._load_tokenizer()
            return self._loaded

    def unload(self) -> None:
        """Release both."""
        with self._loading:
            self._loaded = self._word_table = None

    def embed(self, text: str) -> Vector:
        """Return the (d,) unit vector of a text's first ``MAX_TOKENS`` tokens."""
        states, own = self._pass([], self._encode(text, MAX_CHARACTERS).ids[:_INNER])
        return self._pooled(states, own, in_context=False)

    def embed_question(self, text: str) -> Vector:
        """Return the (d,) unit vector of a question, with the model's prefix before it."""
        return self.embed(self.use.query_prefix + text)

    def read(self, text: str, context: str = "") -> Read:
        """Return the vectors of a text's passages and of its word pieces, read behind what was said before it.

        With a context, the first vector is the mean of the text's own pieces. A model that was trained on its first
        state alone reads the text without it. A text longer than the model reads is cut into passages of about equal
        length, of which the first ``MAX_PASSAGES`` count.
        """
        before = self._encode(context, MAX_CHARACTERS).ids if context and self.use.pooling == "mean" else []
        return self._read(before, self._encode(text, MAX_TEXT_CHARACTERS), in_context=bool(before))

    def read_question(self, text: str) -> Read:
        """Return the same of a question, whose prefix counts for its vector and not among its pieces."""
        prefix = self._encode(self.use.query_prefix, MAX_CHARACTERS).ids if self.use.query_prefix else []
        return self._read(prefix, self._encode(text, MAX_CHARACTERS), in_context=False)

    def _read(self, before: list[int], encoding: Encoding, *, in_context: bool) -> Read:
        ids: list[int] = encoding.ids[:MAX_PIECES]
        cuts = _cuts(len(ids))
        before = before[len(before) - min(_INNER - cuts[0][1], len(before)) :]
        passages: list[Vector] = []
        pieces: list[Vector] = []
        for start, end in cuts:
            states, own = self._pass(before, ids[start:end])
            passages.append(self._pooled(states, own, in_context=in_context and bool(before)))
            pieces.append(states[own])
            before = []
        unknown = sum(piece == _UNKNOWN for piece in encoding.tokens)
        share = unknown / len(encoding.tokens) if ids else 0.0
        return Read(np.stack(passages), _unit(np.concatenate(pieces)), _words(encoding)[: len(ids)], share)

    def _pass(self, before: Sequence[int], own: Sequence[int]) -> tuple[Vector, slice]:
        """Return the (n, d) states of one pass, and where the text's own pieces are among them."""
        session, tokenizer = self.load()
        start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
        row = np.array([[start, *before, *own, end]], np.int64)
        inputs = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        try:
            states = cast("Vector", cast(Any, session).run(["last_hidden_state"], inputs)[0])[0]
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise StoreUnavailable("embedder", f"{self._onnx_path.name} failed: {error}", retryable=True) from error
        return states, slice(1 + len(before), 1 + len(before) + len(own))

    def _pooled(self, states: Vector, own: slice, *, in_context: bool) -> Vector:
        if self.use.pooling == "cls":
            pooled = states[0]
        else:
            pooled = states[own].mean(axis=0) if in_context else states.mean(axis=0)
        return _unit(pooled[None, :])[0]

    def _encode(self, text: str, most_characters: int) -> Encoding:
        return self.load()[1].encode(_clean(text, most_characters), add_special_tokens=False)

    def _load_session(self) -> InferenceSession:
        # Read at the import. Without it the library reports this machine to its maker from then on, whatever is called.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = cast(Any, onnxruntime).SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # An arena keeps what the longest text needed for ever; patterns are kept per input shape, and ours vary;
        # spinning threads would take a core from the database.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")

        def load() -> InferenceSession:
            table = find_word_table(self._onnx_path)
            if table is not None:
                self._word_table = cast(Any, onnxruntime).OrtValue.ortvalue_from_numpy(table.values)
                options.add_initializer(table.name, self._word_table)
            return onnxruntime.InferenceSession(str(self._onnx_path), options, providers=["CPUExecutionProvider"])

        return self._load_file(self._onnx_path, load)

    def _load_tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        path = self._tokenizer_path
        tokenizer = self._load_file(path, lambda: cast(Any, Tokenizer).from_file(str(path)))
        # A tokenizer file may ask for padding to a fixed length and for its own truncation: neither is ours.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        other = None if self._beside is None else self._beside.load()[1]
        return other if other is not None and other.to_str() == tokenizer.to_str() else tokenizer

    def _load_file(self, path: Path, load: Callable[[], T]) -> T:
        try:
            return load()
        except Exception as error:  # neither library's errors share another base class
            cure = f"remove {path.parent} and run `knowthread setup`"
            raise StoreUnavailable("embedder", f"cannot load {path}: {error}; {cure}", retryable=False) from error


def _cuts(length: int) -> list[tuple[int, int]]:
    """Return where the passages of a text of so many word pieces start and end: as few as can be, of equal length."""
    count = 1 if length <= _INNER else -(-length // (PASSAGE_TOKENS - _MARKS))
    return [(length * i // count, length * (i + 1) // count) for i in range(count)]


def _unit(rows: Vector) -> Vector:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _words(encoding: Encoding) -> list[str]:
    """Return for each piece the word that it is part of, lower case and without accents, as the tokenizer has it."""
    whole: dict[int | None, str] = {}
    for word, piece in zip(encoding.word_ids, encoding.tokens, strict=True):
        whole[word] = whole.get(word, "") + piece.removeprefix("##")
    return [whole[word] for word in encoding.word_ids]


def _clean(text: str, most_characters: int) -> str:
    """Return the part of a text that can matter, without lone surrogates, which no tokenizer takes."""
    return text.strip()[:most_characters].encode("utf-8", "replace").decode()
