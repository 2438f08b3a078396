"""Each word piece of a question against the best word piece of a text (late interaction, as in ColBERT, 2020).

M = sum over t of w_t max over j of cos(q_t, d_j) / sum of w_t, with w_t the idf of the piece's word in the partition.
"""

from __future__ import annotations

import numpy as np

from kg.language.words import STOP_WORDS
from kg.ports import QuestionVectors, Vector
from kg.recall.coverage import DocumentFrequencies

MOST_UNKNOWN = 0.5
"""A question of which the embedder does not know more than this share has nothing to compare word by word."""


def token_query(question: QuestionVectors, frequencies: DocumentFrequencies) -> Vector | None:
    """Return the (t, d) question of the index's ``tokens``, whose score is M; None where there is nothing to compare.

    Stop words and punctuation count half.
    """
    if not question.words or question.unknown > MOST_UNKNOWN:
        return None
    halved = np.array([0.5 if word in STOP_WORDS or not word.isalnum() else 1.0 for word in question.words])
    weights = frequencies.word_idf(question.words) * halved
    total = float(weights.sum())
    if total <= 0:
        return None
    return (question.tokens * (weights / total)[:, None]).astype(np.float32)
