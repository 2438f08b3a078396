"""MiniLM for the peers, from the same quantised files and with the same pooling as the product's own."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

MAX_TOKENS = 256
BATCH = 32
DIMENSIONS = 384


class MiniLm:
    """Texts to unit vectors of 384 numbers: the mean of the tokens' last states."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(os.environ["KNOWTHREAD_PEER_MODEL"], options)
        self._tokenizer = Tokenizer.from_file(os.environ["KNOWTHREAD_PEER_TOKENIZER"])
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text."""
        return [vector for start in range(0, len(texts), BATCH) for vector in self._batch(texts[start : start + BATCH])]

    def _batch(self, texts: Sequence[str]) -> list[list[float]]:
        encodings = self._tokenizer.encode_batch(list(texts))
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        feed = {
            "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        (states,) = self._session.run(["last_hidden_state"], feed)
        weights = mask[:, :, None].astype(np.float32)
        means = (states * weights).sum(axis=1) / weights.sum(axis=1)
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist()
