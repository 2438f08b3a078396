"""One score for every candidate of a search: how much of the question its words cover, and how near its meaning is.

The invariant: a score depends on the candidates' own values and on what each leg found, never on the order in which
they came. Coverage is squared, so that a chance word weighs little while an exact identifier wins; see
docs/architecture.md ("How recall ranks").
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kg.recall.query import DenseLeg, Leg

Part = Literal["lexical", "text", "sentence", "fact", "neighbour", "speaker", "project"]
Scores = NDArray[np.float64]

LEGS: tuple[Leg, ...] = ("lexical", "text", "sentence", "fact")
DENSE_LEGS: tuple[DenseLeg, ...] = ("text", "sentence", "fact")
K1 = 1.2
B = 0.4
SCALED_HITS = 100
LEAST_SPREAD = 0.3
"""Cosines that lie closer together than this are not stretched to the whole scale: where a leg hardly tells its hits
apart, as among notes that differ in one identifier, chance must not outweigh the words. (Recall@10 on LoCoMo with its
facts: .750 without, .757 with it, better on either half.)"""


@dataclass(frozen=True)
class Weights:
    """What each part of a score counts at most."""

    lexical: float = 0.7
    text: float = 0.3
    sentence: float = 0.3
    fact: float = 0.5
    neighbour: float = 0.5
    speaker: float = 0.2
    project: float = 0.05

    def without(self, failed: Collection[Leg]) -> Weights:
        """Share the weight of failed legs out over the others, in proportion; with all of them failed, nothing is."""
        left = sum(self.of(leg) for leg in LEGS if leg not in failed)
        if not failed or left == 0:
            return replace(self, **dict.fromkeys(failed, 0.0))
        factor = sum(self.of(leg) for leg in LEGS) / left
        return replace(self, **{leg: 0.0 if leg in failed else self.of(leg) * factor for leg in LEGS})

    def of(self, leg: Leg) -> float:
        """Return the weight of one leg."""
        return {"lexical": self.lexical, "text": self.text, "sentence": self.sentence, "fact": self.fact}[leg]


UNREAD_SCRIPT = Weights(lexical=1.2, text=0.15, sentence=0.15, fact=0.3)
"""For a question in a script that the embedder does not know: words outweigh all dense parts together."""


@dataclass(frozen=True)
class DocumentFrequencies:
    """How common each term is, from a sample of the partition's memories.

    Attributes:
        documents: how many memories were sampled.
        counts: in how many of them a term occurs.
        average_terms: mean number of terms of a memory, repeats counted; 0 when unknown.
    """

    documents: int = 0
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    average_terms: float = 0.0

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> DocumentFrequencies:
        """Count the terms of sampled memories, each as ``stem_terms`` gives them."""
        counts: Counter[str] = Counter()
        documents = total = 0
        for terms in texts:
            documents += 1
            total += len(terms)
            counts.update(set(terms))
        return cls(documents, dict(counts), total / documents if documents else 0.0)

    def idf(self, terms: Sequence[str]) -> Scores:
        """Return ln(1 + (N - n + 0.5) / (n + 0.5)) for each term, the highest for one that no memory has."""
        found = np.array([min(self.counts.get(term, 0), self.documents) for term in terms], dtype=np.float64)
        return np.log1p((self.documents - found + 0.5) / (found + 0.5))


def coverage(question: Sequence[str], texts: Sequence[Sequence[str]], frequencies: DocumentFrequencies) -> Scores:
    """Return how much of the question each text covers, (len(texts),) in [0, 1].

    coverage = min(1, (k1 + 1) BM25 / sum of idf over the question's distinct terms), with
    BM25 = sum of idf tf / (tf + k1 (1 - b + b length / average)), k1 1.2, b 0.4 (Robertson and Zaragoza 2009). A text
    of average length that has every term once covers all of it; a term that no text has stays in the sum.

    Args:
        question: terms as ``stem_terms`` gives them.
        texts: the same of each candidate's text.
        frequencies: of the partition; its average length is replaced by the candidates' own when it is unknown.
    """
    terms = list(dict.fromkeys(question))
    if not terms or not texts:
        return np.zeros(len(texts))
    idf = frequencies.idf(terms)
    wanted = set(terms)
    counts = np.zeros((len(texts), len(terms)))
    for row, text in enumerate(texts):
        if not wanted.isdisjoint(text):  # most texts have none of the words
            counts[row] = [text.count(term) for term in terms]
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    average = frequencies.average_terms or float(lengths.mean()) or 1.0
    norm = K1 * (1 - B + B * lengths / average)
    bm25 = (counts / (counts + norm[:, None])) @ idf
    return np.minimum(1.0, (K1 + 1) * bm25 / idf.sum())


def scale(hits: Mapping[str, float]) -> dict[str, float]:
    """Return the hits of one leg on [0, 1]: (x - min) / (max - min) over its best ``SCALED_HITS``.

    The span is at least ``LEAST_SPREAD``. A leg that was asked for more hits, because filters drop many, keeps the
    scale of the best; the others are 0. Three examples::

        {a: 0.90, b: 0.70, c: 0.50}  ->  {a: 1.00, b: 0.50, c: 0.00}
        {a: 0.62, b: 0.60}           ->  {a: 0.07, b: 0.00}   hits this close say little
        {a: 0.40, b: 0.40}           ->  {a: 1.00, b: 1.00}
    """
    if not hits:
        return {}
    best = sorted(hits.values(), reverse=True)[:SCALED_HITS]
    low, high = best[-1], best[0]
    if high == low:
        return {uuid: float(value == high) for uuid, value in hits.items()}
    span = max(high - low, LEAST_SPREAD)
    return {uuid: max(0.0, (value - low) / span) for uuid, value in hits.items()}


@dataclass(frozen=True)
class Candidate:
    """A memory that may answer.

    Attributes:
        uuid: its identity, by which the legs ``text`` and ``sentence`` know it.
        terms: ``stem_terms`` of its text.
        at: when it was said, on any one scale; the newer of two with equal scores comes first.
        facts: the facts that it states, by which the leg ``fact`` knows it.
        neighbours: the two memories before and the two after it in its conversation, by uuid; those that are no
            candidates are ignored. (One step less costs a hundredth of recall@10 on LoCoMo, on either half.)
        by_linked_person: a person whom the question names said it (never the partition's own user).
        same_project: it belongs to the project that asks.
    """

    uuid: str
    terms: Sequence[str]
    at: float
    facts: Sequence[str] = ()
    neighbours: Sequence[str] = ()
    by_linked_person: bool = False
    same_project: bool = False


@dataclass(frozen=True)
class Ranked:
    """A candidate's place in the answer.

    Attributes:
        score: sum of the shares; orders one answer and means nothing beside another.
        shares: what each part adds; parts that add nothing are left out.
        ranks: place among the candidates within each leg, from 1; legs that did not find it are left out.
        best_neighbour: the neighbour whose score was added.
    """

    uuid: str
    score: float
    shares: Mapping[Part, float]
    ranks: Mapping[Leg, int]
    best_neighbour: str | None = None


def rank(
    question: Sequence[str],
    candidates: Sequence[Candidate],
    legs: Mapping[DenseLeg, Mapping[str, float]],
    frequencies: DocumentFrequencies,
    *,
    weights: Weights | None = None,
    failed: Collection[Leg] = (),
    top_k: int | None = None,
) -> list[Ranked]:
    """Order candidates, best first; ties newer first, then by uuid.

    Args:
        question: terms as ``stem_terms`` gives them.
        candidates: of all legs, and the neighbours that may join them.
        legs: for each dense leg what it found, its own best 100 or more: uuid (of the fact, for ``fact``) to cosine.
        frequencies: how common terms are in the partition.
        weights: ``Weights()`` unless the embedder cannot read the question.
        failed: legs that gave no answer; their weight is shared out.
        top_k: most to return, None for all.
    """
    used = (weights or Weights()).without(failed)
    values, found = _leg_values(question, candidates, legs, frequencies)
    parts: dict[Part, Scores] = {leg: used.of(leg) * values[leg] for leg in LEGS}
    base = sum(parts.values(), np.zeros(len(candidates)))
    best = _best_neighbours(candidates, base)
    parts["neighbour"] = used.neighbour * np.array([0.0 if i is None else base[i] for i in best])
    parts["speaker"] = used.speaker * np.array([c.by_linked_person for c in candidates], dtype=np.float64)
    parts["project"] = used.project * np.array([c.same_project for c in candidates], dtype=np.float64)
    total = sum(parts.values(), np.zeros(len(candidates)))
    rounded: list[float] = total.round(9).tolist()
    order = sorted(range(len(candidates)), key=lambda i: (-rounded[i], -candidates[i].at, candidates[i].uuid))
    places: dict[Leg, dict[int, int]] = {leg: _places(values[leg], members) for leg, members in found.items()}
    ranked: list[Ranked] = []
    for i in order[:top_k]:
        nearest = best[i]
        ranks: dict[Leg, int] = {leg: place[i] for leg, place in places.items() if i in place}
        shares: dict[Part, float] = {part: float(share[i]) for part, share in parts.items() if share[i] > 0}
        neighbour = None if nearest is None else candidates[nearest].uuid
        ranked.append(Ranked(candidates[i].uuid, float(total[i]), shares, ranks, neighbour))
    return ranked


def _leg_values(
    question: Sequence[str],
    candidates: Sequence[Candidate],
    legs: Mapping[DenseLeg, Mapping[str, float]],
    frequencies: DocumentFrequencies,
) -> tuple[dict[Leg, Scores], dict[Leg, list[int]]]:
    """Return each leg's value in [0, 1] for every candidate, 0 where the leg did not find it, and whom it found."""
    lexical = coverage(question, [c.terms for c in candidates], frequencies) ** 2
    values: dict[Leg, Scores] = {"lexical": lexical}
    found: dict[Leg, list[int]] = {"lexical": np.flatnonzero(lexical).tolist()}
    for leg in DENSE_LEGS:
        scaled = scale(legs.get(leg, {}))
        hits: dict[int, float] = {}
        for i, candidate in enumerate(candidates if scaled else ()):
            for uuid in candidate.facts if leg == "fact" else (candidate.uuid,):
                if uuid in scaled:
                    hits[i] = max(scaled[uuid], hits.get(i, 0.0))
        values[leg] = np.zeros(len(candidates))
        values[leg][list(hits)] = list(hits.values())
        found[leg] = list(hits)  # the worst hit has the value 0 and was found all the same
    return values, found


def _best_neighbours(candidates: Sequence[Candidate], base: Scores) -> list[int | None]:
    """Return for each candidate the index of its best-scored neighbour, by scores that neighbours have not raised."""
    index = {candidate.uuid: i for i, candidate in enumerate(candidates)}
    scores: list[float] = base.tolist()
    best: list[int | None] = []
    for candidate in candidates:
        top: tuple[float, str, int] | None = None
        for uuid in candidate.neighbours:
            i = index.get(uuid)
            if i is not None and scores[i] > 0 and (top is None or (scores[i], uuid) > top[:2]):
                top = (scores[i], uuid, i)
        best.append(None if top is None else top[2])
    return best


def _places(values: Scores, members: Sequence[int]) -> dict[int, int]:
    """Return the place of each candidate that a leg found, from 1; equal values share a place."""
    ordered = sorted(-float(values[i]) for i in members)
    return {i: bisect_left(ordered, -float(values[i])) + 1 for i in members}
