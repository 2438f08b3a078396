"""Words of a text as a sparse vector, whose dot product with a question's idf is its BM25 score.

Invariant: a text's weights depend on the text alone. BM25 wants the average length of all texts, which changes with
each of them; so the weights are made for a fixed length, and ``length_factor`` corrects a whole partition at once.
Formula: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009; k1 1.2, b 0.4.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

K1 = 1.2
B = 0.4
USUAL_TERMS = 20
"""Terms of the text that the weights take for one of average length."""


@lru_cache(maxsize=1 << 16)
def term_id(term: str) -> int:
    """Return the place of a term in a sparse vector, 0 to 2**32 - 1."""
    return int.from_bytes(hashlib.blake2b(term.encode("utf-8", "replace"), digest_size=4).digest(), "little")


def term_weights(terms: Sequence[str]) -> dict[int, float]:
    """Return the weight of each distinct term, by its place: (k1 + 1) tf / (tf + k1 (1 - b + b length / usual)).

    Args:
        terms: of the text, as ``text_terms`` gives them.
    """
    norm = _norm(len(terms))
    return {term_id(term): (K1 + 1) * count / (count + norm) for term, count in Counter(terms).items()}


def length_factor(average_terms: float) -> float:
    """Return by what to multiply scores so that a text of a partition's average length gets what BM25 gives it."""
    return (1 + _norm(average_terms)) / (1 + K1) if average_terms else 1.0


def _norm(length: float) -> float:
    return K1 * (1 - B + B * length / USUAL_TERMS)
