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

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.recall.request import DenseLeg, Leg

Part = Literal["lexical", "text", "sentence", "tokens", "fact", "neighbour", "speaker", "date", "newest", "project"]
Scores = NDArray[np.float64]

LEGS: tuple[Leg, ...] = ("lexical", "text", "sentence", "tokens", "fact")
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
        found: whether a leg found it, or only a neighbour in its conversation brought it.
        shares: what each part adds; parts that add nothing are left out.
        ranks: place among the candidates within each leg, from 1; legs that did not find it are left out.
        best_neighbour: the neighbour whose score was added.
    """

    uuid: str
    score: float
    found: bool = True
    shares: Mapping[Part, float] = field(default_factory=dict["Part", float])
    ranks: Mapping[Leg, int] = field(default_factory=dict["Leg", int])
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
    """Order candidates in one stage; see ``Ranking``."""
    ranking = Ranking(candidates, legs, asks_for_present=asks_for_present)
    return ranking.ranked(tokens, weights=weights, failed=failed, top_k=top_k)


class Ranking:
    """Orders the candidates of one search, best first; ties newer first, then by uuid.

    What candidates and legs say is read once, and weighed by each stage.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        legs: Mapping[DenseLeg, Mapping[str, float]],
        *,
        asks_for_present: bool = False,
    ) -> None:
        """Read what is known of each candidate.

        Args:
            candidates: of all legs, and the neighbours that may join them.
            legs: for each dense leg what it found, its own best 100 or more: uuid (of the fact, for ``fact``) to
                cosine.
            asks_for_present: whether the question asks how things stand now, so that newer ones are preferred.
        """
        ordered = sorted(candidates, key=attrgetter("uuid"))  # a stable sort then leaves equal ones by uuid
        self._uuids = [candidate.uuid for candidate in ordered]
        index = {uuid: i for i, uuid in enumerate(self._uuids)}
        self._near = {
            i: [index[uuid] for uuid in candidate.neighbours if uuid in index]
            for i, candidate in enumerate(ordered)
            if candidate.neighbours
        }
        self._coverage = _column([candidate.coverage for candidate in ordered])
        self._at = _column([candidate.at for candidate in ordered])
        self._text = _values_of(self._uuids, scale(legs.get("text", {})))
        self._sentence = _values_of(self._uuids, scale(legs.get("sentence", {})))
        self._fact = _best_facts([candidate.facts for candidate in ordered], scale(legs.get("fact", {})))
        self._speaker = _column([candidate.by_linked_person for candidate in ordered])
        self._date = _column([candidate.date for candidate in ordered])
        self._newest = _age_ranks(self._at) if asks_for_present else np.zeros(len(ordered))
        self._project = _column([candidate.same_project for candidate in ordered])

    def best(self, top_k: int, *, weights: Weights = FIRST_STAGE, failed: Collection[Leg] = ()) -> list[str]:
        """Return the best candidates of a stage without tokens, by uuid; see ``ranked``."""
        parts, _, _ = self._parts({}, weights.without(failed))
        return [self._uuids[i] for i in self._order(_total(parts))[:top_k]]

    def ranked(
        self,
        tokens: Mapping[str, float] | None = None,
        *,
        weights: Weights = FIRST_STAGE,
        failed: Collection[Leg] = (),
        top_k: int | None = None,
        explained: bool = True,
    ) -> list[Ranked]:
        """Return the candidates as they are ordered.

        Args:
            tokens: late interaction of the candidates for which it was computed.
            weights: of the parts.
            failed: legs that gave no answer; their weight is shared out.
            top_k: most to return, None for all.
            explained: whether shares, ranks and best neighbours are wanted, which take as long as the rest.
        """
        parts, best, values = self._parts(tokens or {}, weights.without(failed))
        total = _total(parts)
        order = self._order(total)[:top_k]
        found = np.any([~np.isnan(value) for value in values.values()], axis=0)[order].tolist()
        scores = total[order].tolist()
        if not explained:
            return [
                Ranked(self._uuids[i], score, by_leg) for i, score, by_leg in zip(order, scores, found, strict=True)
            ]
        shares: dict[Part, list[float]] = {part: share[order].tolist() for part, share in parts.items()}
        places: dict[Leg, list[int]] = {leg: _places(of_leg, order) for leg, of_leg in values.items()}
        return [
            Ranked(
                self._uuids[i],
                score,
                found[row],
                {part: share[row] for part, share in shares.items() if share[row] > 0},
                {leg: place[row] for leg, place in places.items() if place[row]},
                self._uuids[best[i]] if i in best else None,
            )
            for row, (i, score) in enumerate(zip(order, scores, strict=True))
        ]

    def _parts(
        self, tokens: Mapping[str, float], used: Weights
    ) -> tuple[dict[Part, Scores], dict[int, int], dict[Leg, Scores]]:
        """Return what each part adds, each candidate's best neighbour, and the values of the legs (NaN: not found)."""
        lexical = self._coverage**used.power
        values: dict[Leg, Scores] = {
            "lexical": np.where(lexical > 0, lexical, np.nan),
            "text": self._text,
            "sentence": self._sentence,
            "tokens": _values_of(self._uuids, spread(tokens)),
            "fact": self._fact,
        }
        parts: dict[Part, Scores] = {
            leg: used.of(leg) * np.where(np.isnan(value), 0.0, value) for leg, value in values.items()
        }
        base = _total(parts)
        best = _best_neighbours(self._uuids, self._near, base)
        raised = np.zeros(len(base))
        raised[list(best)] = base[list(best.values())]
        parts |= {
            "neighbour": used.neighbour * raised,
            "speaker": used.speaker * self._speaker,
            "date": used.date * self._date,
            "newest": used.newest * self._newest,
            "project": used.project * self._project,
        }
        return parts, best, values

    def _order(self, total: Scores) -> list[int]:
        return np.lexsort((-self._at, -total.round(9))).tolist()


def _total(parts: Mapping[Part, Scores]) -> Scores:
    return np.sum(list(parts.values()), axis=0)


def _column(values: Sequence[float]) -> Scores:
    return np.array(values, dtype=np.float64)


def _values_of(uuids: Sequence[str], known: Mapping[str, float]) -> Scores:
    """Return the value of each candidate; NaN where it has none, as the worst hit has 0 and was found all the same."""
    return _column([known.get(uuid, np.nan) for uuid in uuids])


def _best_facts(stated: Sequence[Sequence[str]], known: Mapping[str, float]) -> Scores:
    return _column(
        [max([known[uuid] for uuid in facts if uuid in known], default=np.nan) if facts else np.nan for facts in stated]
    )


def _age_ranks(at: Scores) -> Scores:
    """Return for each candidate its place by age, 0 for the oldest and 1 for the newest; equal ages share a place."""
    ages, places = np.unique(at, return_inverse=True)
    return places / max(1, len(ages) - 1)


def _best_neighbours(uuids: Sequence[str], near: Mapping[int, Sequence[int]], base: Scores) -> dict[int, int]:
    """Return each candidate's best-scored neighbour, if it has one, by scores that neighbours have not raised."""
    scores: list[float] = base.tolist()
    best = {i: max(others, key=lambda j: (scores[j], uuids[j])) for i, others in near.items() if others}
    return {i: j for i, j in best.items() if scores[j] > 0}


def _places(values: Scores, wanted: Sequence[int]) -> list[int]:
    """Return the places of some candidates among those that a leg found, from 1, 0 for others; equal ones share one."""
    ordered = np.sort(-values[~np.isnan(values)])
    places = np.searchsorted(ordered, -values[wanted]) + 1
    return np.where(np.isnan(values[wanted]), 0, places).tolist()
