"""How much of a question the words of a text cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg.language.bm25 import K1, length_factor, term_id, term_weights
from kg.language.words import plain_words, text_terms

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class DocumentFrequencies:
    """How common words are, from a sample of the partition's memories.

    Attributes:
        documents: how many memories were sampled.
        counts: in how many of them a term occurs, as ``text_terms`` gives terms.
        words: in how many of them a word occurs, as ``plain_words`` gives words.
        average_terms: mean number of terms of a memory, repeats counted; 0 when unknown.
    """

    documents: int = 0
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    words: Mapping[str, int] = field(default_factory=dict[str, int])
    average_terms: float = 0.0

    @classmethod
    def of(cls, texts: Iterable[str]) -> DocumentFrequencies:
        """Count the words of sampled memories."""
        counts: Counter[str] = Counter()
        words: Counter[str] = Counter()
        documents = total = 0
        for text in texts:
            terms = text_terms(text)
            documents += 1
            total += len(terms)
            counts.update(set(terms))
            words.update(set(plain_words(text)))
        return cls(documents, dict(counts), dict(words), total / documents if documents else 0.0)

    def idf(self, terms: Sequence[str]) -> Scores:
        """Return ln(1 + (N - n + 0.5) / (n + 0.5)) for each term, the highest for one that no memory has."""
        return self._idf([self.counts.get(term, 0) for term in terms])

    def word_idf(self, words: Sequence[str]) -> Scores:
        """Return the same for words."""
        return self._idf([self.words.get(word, 0) for word in words])

    def _idf(self, found: Sequence[int]) -> Scores:
        counts = np.minimum(np.array(found, dtype=np.float64), self.documents)
        return np.log1p((self.documents - counts + 0.5) / (counts + 0.5))


@dataclass(frozen=True)
class Terms:
    """The distinct terms of a question, and what each weighs.

    Attributes:
        weights: idf of each term, by its place in a sparse vector: the dot product with a text's weights is its BM25.
        factor: what turns that into coverage.
    """

    weights: Mapping[int, float]
    factor: float

    @classmethod
    def of(cls, question: Sequence[str], frequencies: DocumentFrequencies) -> Terms:
        """Weigh the terms of a question, as ``stem_terms`` gives them."""
        terms = list(dict.fromkeys(question))
        idf: list[float] = frequencies.idf(terms).tolist()
        total = sum(idf)
        factor = (K1 + 1) * length_factor(frequencies.average_terms) / total if total else 0.0
        return cls({term_id(term): weight for term, weight in zip(terms, idf, strict=True)}, factor)

    def coverage(self, bm25: float) -> float:
        """Return how much of the question a text covers, in [0, 1], by its BM25 score.

        coverage = min(1, (k1 + 1) BM25 / sum of idf over the question's terms). BM25 has a factor k1 + 1 of its own,
        so that a text of average length covers all of the question by half of its words, once each, if they are
        equally rare. A term that no text has stays in the sum.
        """
        return min(1.0, self.factor * bm25)

    def coverages(self, bm25: Mapping[str, float]) -> dict[str, float]:
        """Return the same for some texts by their scores."""
        factor = self.factor
        return {uuid: min(1.0, factor * score) for uuid, score in bm25.items()}

    def coverage_of(self, text: str) -> float:
        """Return the same for a text that is at hand."""
        weights = term_weights(text_terms(text))
        return self.coverage(sum(idf * weights.get(place, 0.0) for place, idf in self.weights.items()))
