"""One score for every candidate of a search: how much of the question its words cover, and how near its meaning is.

The invariant: a score depends on the candidates' own values and on what each leg found, never on the order in which
they came. Coverage is raised to a power, so that a chance word weighs little while an exact identifier wins; see
docs/architecture.md ("How recall ranks").

One note has most words of the question, another one only resembles it:

>>> notes = [Candidate("exact", coverage=0.9, at=1), Candidate("alike", coverage=0.3, at=2)]
>>> ranked = rank(notes, {"text": {"exact": 0.55, "alike": 0.70}})
>>> [(one.uuid, round(one.score, 2)) for one in ranked]
[('exact', 0.46), ('alike', 0.16)]
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.recall.request import DenseLeg, Leg

Part = Literal["lexical", "text", "sentence", "tokens", "fact", "neighbour", "speaker", "date", "newest", "project"]
Scores = NDArray[np.float64]

LEGS: tuple[Leg, ...] = ("lexical", "text", "sentence", "tokens", "fact")
DENSE_LEGS: tuple[DenseLeg, ...] = ("text", "sentence", "fact")
SCALED_HITS = 100
LEAST_SPREAD = 0.3
"""Cosines that lie closer together than this are not stretched to the whole scale: where a leg hardly tells its hits
apart, as among notes that differ in one identifier, chance must not outweigh the words. (Recall@10 on LoCoMo with its
facts: .750 without, .757 with it, better on either half.)"""


@dataclass(frozen=True)
class Weights:
    """What each part of a score counts at most.

    Attributes:
        power: what coverage is raised to.
        newest: only where the question asks how things stand now.
    """

    lexical: float = 0.7
    power: int = 4
    text: float = 0.3
    sentence: float = 0.3
    tokens: float = 0.0
    fact: float = 0.5
    neighbour: float = 0.5
    speaker: float = 0.4
    date: float = 0.4
    newest: float = 0.3
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
        return {
            "lexical": self.lexical,
            "text": self.text,
            "sentence": self.sentence,
            "tokens": self.tokens,
            "fact": self.fact,
        }[leg]


_TWO, _ONE = 1.3 / 1.55, 1.3 / 1.65
"""So that the four legs of a memory weigh as much together as the three of the first stage."""
FIRST_STAGE = Weights()
FIRST_STAGE_ONE_MODEL = Weights(power=2)
WITH_TOKENS = Weights(lexical=0.35 * _TWO, text=0.3 * _TWO, sentence=0.3 * _TWO, tokens=0.6 * _TWO)
WITH_TOKENS_ONE_MODEL = Weights(lexical=0.35 * _ONE, power=2, text=0.2 * _ONE, sentence=0.2 * _ONE, tokens=0.9 * _ONE)
UNREAD_SCRIPT = Weights(lexical=1.2, power=2, text=0.15, sentence=0.15, fact=0.3)
"""For a question in a script that the embedder does not know: words outweigh all dense parts together."""


def scale(hits: Mapping[str, float]) -> dict[str, float]:
    """Return the hits of one leg on [0, 1]: (x - min) / (max - min) over its best ``SCALED_HITS``, all 1 where equal.

    The span is ``LEAST_SPREAD`` at least.

    A leg that was asked for more, because filters thin its hits out, keeps the scale; hits beyond it are 0.
    """
    if not hits:
        return {}
    best = sorted(hits.values(), reverse=True)[:SCALED_HITS]
    low, high = best[-1], best[0]
    if high == low:
        return {uuid: float(value == high) for uuid, value in hits.items()}
    span = max(high - low, LEAST_SPREAD)
    return {uuid: max(0.0, (value - low) / span) for uuid, value in hits.items()}


def spread(values: Mapping[str, float]) -> dict[str, float]:
    """Return values on [0, 1]: (x - min) / (max - min), all 1 where equal."""
    if not values:
        return {}
    low, high = min(values.values()), max(values.values())
    if high == low:
        return dict.fromkeys(values, 1.0)
    return {uuid: (value - low) / (high - low) for uuid, value in values.items()}


class Candidate(NamedTuple):
    """A memory that may answer.

    Attributes:
        uuid: its identity, by which the legs ``text`` and ``sentence`` know it.
        coverage: how much of the question its words cover, in [0, 1].
        at: when it was said, on any one scale; the newer of two with equal scores comes first.
        facts: the facts that it states, by which the leg ``fact`` knows it.
        neighbours: the two memories before and the two after it in its conversation, by uuid; those that are no
            candidates are ignored. (One step less costs a hundredth of recall@10 on LoCoMo, on either half.)
        by_linked_person: a person whom the question names said it (never the partition's own user).
        same_project: it belongs to the project that asks.
        date: how well it fits a date that the question names, in [0, 1].
    """

    uuid: str
    coverage: float
    at: float
    facts: Sequence[str] = ()
    neighbours: Sequence[str] = ()
    by_linked_person: bool = False
    same_project: bool = False
    date: float = 0.0


@dataclass(frozen=True)
class Ranked:
    """A candidate's place in the answer.

    Attributes:
        score: sum of the shares; orders one answer and cannot be compared with another answer's.
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
    candidates: Sequence[Candidate],
    legs: Mapping[DenseLeg, Mapping[str, float]],
    tokens: Mapping[str, float] | None = None,
    *,
    weights: Weights = FIRST_STAGE,
    failed: Collection[Leg] = (),
    asks_for_present: bool = False,
    top_k: int | None = None,
) -> list[Ranked]:
    """Order candidates, best first; ties newer first, then by uuid.

    Args:
        candidates: of all legs, and the neighbours that may join them.
        legs: for each dense leg what it found, its own best 100 or more: uuid (of the fact, for ``fact``) to cosine.
        tokens: late interaction of the candidates for which it was computed.
        weights: of the parts.
        failed: legs that gave no answer; their weight is shared out.
        asks_for_present: whether the question asks how things stand now, so that newer ones are preferred.
        top_k: most to return, None for all.
    """
    used = weights.without(failed)
    values, found = _leg_values(candidates, legs, tokens or {}, used.power)
    parts: dict[Part, Scores] = {leg: used.of(leg) * values[leg] for leg in LEGS}
    base = sum(parts.values(), np.zeros(len(candidates)))
    best = _best_neighbours(candidates, base)
    parts["neighbour"] = used.neighbour * np.array([0.0 if i is None else base[i] for i in best])
    parts["speaker"] = used.speaker * np.array([c.by_linked_person for c in candidates], dtype=np.float64)
    parts["date"] = used.date * np.array([c.date for c in candidates], dtype=np.float64)
    if asks_for_present:
        parts["newest"] = used.newest * _age_ranks(candidates)
    parts["project"] = used.project * np.array([c.same_project for c in candidates], dtype=np.float64)
    total = sum(parts.values(), np.zeros(len(candidates)))
    rounded: list[float] = total.round(9).tolist()
    order = sorted(range(len(candidates)), key=lambda i: (-rounded[i], -candidates[i].at, candidates[i].uuid))[:top_k]
    of_part: dict[Part, list[float]] = {part: share[order].tolist() for part, share in parts.items()}
    places: dict[Leg, dict[int, int]] = {leg: _places(values[leg], found[leg], order) for leg in found}
    ranked: list[Ranked] = []
    for row, i in enumerate(order):
        nearest = best[i]
        ranks: dict[Leg, int] = {leg: place[i] for leg, place in places.items() if i in place}
        shares: dict[Part, float] = {part: share[row] for part, share in of_part.items() if share[row] > 0}
        neighbour = None if nearest is None else candidates[nearest].uuid
        ranked.append(Ranked(candidates[i].uuid, float(total[i]), shares, ranks, neighbour))
    return ranked


def _leg_values(
    candidates: Sequence[Candidate],
    legs: Mapping[DenseLeg, Mapping[str, float]],
    tokens: Mapping[str, float],
    power: int,
) -> tuple[dict[Leg, Scores], dict[Leg, set[int]]]:
    """Return each leg's value in [0, 1] for every candidate, 0 where the leg did not find it, and whom it found."""
    lexical = np.array([candidate.coverage for candidate in candidates], dtype=np.float64) ** power
    values: dict[Leg, Scores] = {"lexical": lexical}
    found: dict[Leg, set[int]] = {"lexical": set(np.flatnonzero(lexical).tolist())}
    scaled: dict[Leg, dict[str, float]] = {leg: scale(legs.get(leg, {})) for leg in DENSE_LEGS}
    scaled["tokens"] = spread(tokens)
    for leg, known in scaled.items():
        hits: dict[int, float] = {}
        if leg == "fact" and known:
            for i, candidate in enumerate(candidates):
                stated = [known[uuid] for uuid in candidate.facts if uuid in known]
                if stated:
                    hits[i] = max(stated)
        elif known:
            hits = {i: known[candidate.uuid] for i, candidate in enumerate(candidates) if candidate.uuid in known}
        values[leg] = np.zeros(len(candidates))
        values[leg][list(hits)] = list(hits.values())
        found[leg] = set(hits)  # the worst hit has the value 0 and was found all the same
    return values, found


def _age_ranks(candidates: Sequence[Candidate]) -> Scores:
    """Return for each candidate its place by age, 0 for the oldest and 1 for the newest; equal ages share a place."""
    ages = sorted({candidate.at for candidate in candidates})
    return np.array([bisect_left(ages, c.at) / max(1, len(ages) - 1) for c in candidates], dtype=np.float64)


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


def _places(values: Scores, members: Collection[int], wanted: Sequence[int]) -> dict[int, int]:
    """Return the places of some of the candidates that a leg found, from 1; equal values share a place."""
    ordered: list[float] = np.sort(-values[list(members)]).tolist()
    return {i: bisect_left(ordered, -float(values[i])) + 1 for i in wanted if i in members}
