"""Pairs of facts that may contradict each other, found without a model: same timeline, or opposite predicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kg.facts import predicates, queries
from kg.facts.predicates import SINGLE_VALUED
from kg.facts.queries import ContendingFact, FactPair
from kg.graph.partition import Write
from kg.language.words import stem_terms

JUDGED_PER_FACT = 8
"""Most standing facts that one new fact is compared with: opposite ones, then those that share most words with it."""
Pair = tuple[ContendingFact, ContendingFact]
"""The fact that began to hold first, and the other."""

CANDIDATES_PER_FACT = 40
"""Most facts of one subject and predicate that are read; ``likeliest`` chooses those that are judged."""
_OPPOSITES = {
    pair
    for name, known in predicates.PREDICATES.items()
    for opposite in known.opposites
    for pair in ((name, opposite), (opposite, name))
}
OPPOSITES = [list(pair) for pair in sorted(_OPPOSITES)]
"""Pairs of predicates that contradict each other between the same things, in both orders."""
OPPOSITES_OF = {name: [other for one, other in OPPOSITES if one == name] for name, _ in OPPOSITES}
"""The same, by predicate."""


async def find_contentions(write: Write, uuids: Sequence[str]) -> list[FactPair]:
    """Return pairs of a fact of these memories and a standing fact that may contradict each other."""
    return await write.tx.run(queries.contentions, user_id=write.user_id, **contention_params(uuids), now=write.now)


def contention_params(uuids: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of the query ``contentions``, except user and instant."""
    return {
        "uuids": list(uuids),
        "single_valued": sorted(SINGLE_VALUED),
        "opposites": OPPOSITES,
        "per_fact": CANDIDATES_PER_FACT,
    }


def likeliest(contentions: Sequence[FactPair]) -> list[FactPair]:
    """Return for each new fact the standing facts that it most likely contradicts.

    Those with an opposite predicate come first, then those that share most words with it, then the newest. A word
    that all of them have does not count.
    """
    by_new: dict[str, list[FactPair]] = defaultdict(list)
    for row in contentions:
        by_new[row["new"]["uuid"]].append(row)
    chosen: list[FactPair] = []
    for rows in by_new.values():
        words = {row["old"]["uuid"]: set(stem_terms(row["old"]["statement"])) for row in rows}
        common = set[str].intersection(*words.values()) if len(words) > 1 else set[str]()
        wanted = set(stem_terms(rows[0]["new"]["statement"])) - common
        chosen += sorted(
            rows,
            key=lambda row: (
                not row["opposite"],
                -len(wanted & words[row["old"]["uuid"]]),
                -row["old"]["seq"],
            ),
        )[:JUDGED_PER_FACT]
    return chosen


def unread(contentions: Sequence[FactPair]) -> int:
    """Return how many standing facts were not even read, as a new fact has more than ``CANDIDATES_PER_FACT``."""
    candidates = {row["new"]["uuid"]: row["candidates"] for row in contentions}
    return sum(max(0, many - CANDIDATES_PER_FACT) for many in candidates.values())


def in_time_order(contentions: Sequence[FactPair]) -> list[Pair]:
    """Return each pair once, first the fact that began to hold first; of one instant, the one that was told first."""
    pairs: dict[tuple[str, str], Pair] = {}
    for row in contentions:
        old, new = sorted((row["old"], row["new"]), key=lambda fact: (fact["valid_at"], *noted(fact)))
        pairs.setdefault((old["uuid"], new["uuid"]), (old, new))
    return list(pairs.values())


def noted(fact: ContendingFact) -> tuple[datetime, int]:
    """Return a key that sorts facts by when they were told; it decides between facts of the same date."""
    return fact["noted_at"], fact["noted_seq"]
