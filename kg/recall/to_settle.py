"""Which standing facts new ones may replace, found without a model, for the caller to settle.

Candidates come from the graph (the same subject, an opposite, the same holder) and from the index (near in meaning; in
scripts that the embedder cannot read, near in words). The graph says of each whether it is current and may be read.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kg.errors import StoreUnavailable
from kg.facts.contentions import OPPOSITES
from kg.facts.predicates import FALLBACK, PREDICATES, SINGLE_VALUED
from kg.graph.store import GraphStore
from kg.language.bm25 import term_weights
from kg.language.words import is_non_latin, stem_terms
from kg.ports import Embedder, IndexQuery, Vector, VectorIndex
from kg.recall import queries
from kg.recall.queries import FactToSettle
from kg.recall.to_settle_ranking import BAR, Said, likeness, score
from kg.values import Scope

OFFERED = 3
"""Most facts that one call offers."""
_NEAR = 32
_WORDED = 8
READ = 24
"""Most new facts whose meaning is compared; a call with more is an import."""
_PER_FACT = 20
_SURE: Mapping[str, float] = {"opposite": 3.0, "same object": 2.0, "same subject": 1.0}
"""Offered however unlike the words are, the best of each kind for each new fact, and before others by so much."""

_Near = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Near:
    """What the index holds near one statement.

    Attributes:
        vector: of the statement; None where there is none.
        facts: the nearest facts with their cosines.
        memories: memories that share its words, where words stand in for meaning.
    """

    vector: Vector | None = None
    facts: dict[str, float] = field(default_factory=dict[str, float])
    memories: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class NewFact:
    """A fact that was just stated."""

    uuid: str
    said: Said


@dataclass(frozen=True)
class Offer:
    """A standing fact that a new one may replace.

    Attributes:
        new: uuid of the new fact.
        row: the standing one, with uuid, statement, predicate, subject, object and valid_at.
        why: same subject, opposite, same object or similar.
        score: log of the odds that it is replaced.
        sure: it is a reason to offer the best of its kind, however unlike the words are.
    """

    new: str
    row: FactToSettle
    why: str
    score: float
    sure: bool


class Settling:
    """Finds what new facts may replace."""

    def __init__(self, store: GraphStore, index: VectorIndex, embedder: Embedder) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder

    async def look(self, scope: Scope, vectors: Mapping[str, Vector | None]) -> dict[str, Near]:
        """Return what the index holds near some statements, each given with its vector, if it has one.

        They need not be stored yet, so a write does this while it commits. Without the index nothing is near.
        """
        found = {statement: Near(vector) for statement, vector in vectors.items()}
        asked = [
            (found[statement], query)
            for statement, vector in list(vectors.items())[:READ]
            for query in self._queries(scope, statement, vector)
        ]
        try:
            answers = await self._index.search([query for _, query in asked])
        except StoreUnavailable:
            return found
        for (near, query), hits in zip(asked, answers, strict=True):
            (near.facts if query.kind == "fact" else near.memories).update({hit.uuid: hit.score for hit in hits})
        return found

    async def offers(
        self, scope: Scope, facts: Sequence[NewFact], looked: Mapping[str, Near], now: datetime
    ) -> list[Offer]:
        """Return the standing facts to offer, the likeliest first; without the index, from the graph alone.

        Args:
            scope: of the memory that states the new facts.
            facts: the new facts, which are stored.
            looked: what is near to their statements, as ``look`` has it.
            now: instant in valid time, UTC.
        """
        if not facts:
            return []
        found = {fact.uuid: looked.get(fact.said.statement, Near()) for fact in facts}
        vectors = {fact.uuid: found[fact.uuid].vector for fact in facts[:READ]}
        near = {uuid: dict(one.facts) for uuid, one in found.items()}
        worded = {uuid: one.memories for uuid, one in found.items()}
        rows = await self._store.read(
            queries.facts_to_settle,
            **scope.params(),
            stated=[fact.uuid for fact in facts],
            near=[{"new": new, "old": old} for new, found in near.items() for old in found],
            worded=[{"new": new, "memory": memory} for new, found in worded.items() for memory in found],
            **_PREDICATES,
            now=now,
            per_fact=_PER_FACT,
        )
        await self._compare(facts, vectors, rows, near)
        return _best([_offer(fact, group, near) for fact, group in _pairs(facts, rows)])

    def _by_words(self, statement: str) -> bool:
        """Whether words stand in for meaning: the embedder cannot read it, or its cosines have no known scale."""
        unread = self._embedder.english_only and is_non_latin(statement)
        return unread or likeness(self._embedder.name, 0.0) is None

    def _queries(self, scope: Scope, statement: str, vector: Vector | None) -> list[IndexQuery]:
        projects = dict.fromkeys((None, scope.project))
        if self._by_words(statement):
            words = term_weights(stem_terms(statement))
            return [
                IndexQuery(words, "memory", scope.user_id, _WORDED, using="words", project=project)
                for project in projects
                if words
            ]
        if vector is None:
            return []
        return [IndexQuery(vector, "fact", scope.user_id, _NEAR, project=project) for project in projects]

    async def _compare(
        self,
        facts: Sequence[NewFact],
        vectors: Mapping[str, Vector | None],
        rows: Sequence[FactToSettle],
        near: _Near,
    ) -> None:
        """Complete the cosines of what only the graph or words found."""

        async def look(fact: NewFact, vector: Vector) -> None:
            known = near.setdefault(fact.uuid, {})
            own = [row for row in rows if row["new"] == fact.uuid]
            if self._by_words(fact.said.statement):
                known |= {row["uuid"]: _shared(fact.said, row) for row in own}
                return
            missing = {row["uuid"] for row in own} - known.keys()
            if missing:
                known |= await self._index.similarities("text", vector, sorted(missing))
            near[fact.uuid] = {uuid: likeness(self._embedder.name, cosine) or 0.0 for uuid, cosine in known.items()}

        try:
            await asyncio.gather(
                *(look(fact, vector) for fact in facts if (vector := vectors.get(fact.uuid)) is not None)
            )
        except StoreUnavailable:
            return


def _shared(new: Said, row: FactToSettle) -> float:
    """Return what stands for the cosine where the embedder cannot read: the share of the new words that both have."""
    return len(new.words & frozenset(stem_terms(row["statement"]))) / max(len(new.words), 1)


def _pairs(facts: Sequence[NewFact], rows: Sequence[FactToSettle]) -> list[tuple[NewFact, list[FactToSettle]]]:
    """Return each new fact with the rows of one standing fact, the newest standing fact first."""
    by_uuid = {fact.uuid: fact for fact in facts}
    grouped: dict[tuple[str, str], list[FactToSettle]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: -row["seq"]):
        grouped[row["new"], row["uuid"]].append(row)
    pairs = [(by_uuid[new], group) for (new, _), group in grouped.items()]
    return [(fact, group) for fact, group in pairs if not _in_one_timeline(fact, group)]


def _in_one_timeline(fact: NewFact, rows: Sequence[FactToSettle]) -> bool:
    """Whether both are values of one single-valued predicate: their dates say which holds, or they hold together."""
    return fact.said.predicate in SINGLE_VALUED and any(
        row["why"] == "same subject" and row["predicate"] == fact.said.predicate for row in rows
    )


def _offer(fact: NewFact, rows: Sequence[FactToSettle], near: Mapping[str, Mapping[str, float]]) -> Offer:
    """Return one standing fact with its score and the strongest reason to offer it."""
    row = rows[0]
    reasons = {
        "similar" if row["predicate"] == FALLBACK and row["why"] == "same subject" else row["why"] for row in rows
    }
    old = Said(row["statement"], row["predicate"], row["subject"], row["object"])
    likeness = score(fact.said, old, near.get(fact.uuid, {}).get(row["uuid"], 0.0), held="same object" in reasons)
    why = max(reasons, key=lambda reason: (_SURE.get(reason, 0.0), reason == "family"))
    return Offer(fact.uuid, row, "same subject" if why == "family" else why, likeness, why in _SURE)


def _best(found: Sequence[Offer]) -> list[Offer]:
    """Return the offers to make: the likeliest of each sure reason, and whatever is like enough."""
    ranked = sorted(found, key=lambda offer: -(offer.score + (_SURE[offer.why] if offer.sure else 0.0)))
    sure: set[tuple[str, str]] = set()
    chosen: dict[str, Offer] = {}
    for offer in ranked:
        first = offer.sure and (offer.new, offer.why) not in sure
        if first or offer.score >= BAR:
            sure.add((offer.new, offer.why))
            chosen.setdefault(offer.row["uuid"], offer)
    return list(chosen.values())


_PREDICATES: Mapping[str, Any] = {
    "opposites": OPPOSITES,
    "families": sorted(
        sorted(name for name, known in PREDICATES.items() if known.family == family)
        for family in {known.family for known in PREDICATES.values()} - {None}
    ),
    "one_holder": sorted(name for name, known in PREDICATES.items() if known.one_holder),
    "inverses": sorted([name, known.inverse] for name, known in PREDICATES.items() if known.inverse is not None),
}
