"""What a memory states: the same words about the same time only once.

Other words, another reason, another condition or another period are facts of their own, though the claim is the same.

A new fact with the claim of an old one is the old one's heir: it inherits what was decided of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kg.facts.claims import literal_key
from kg.facts.queries import StatedDecision
from kg.graph.store import Row

Fact = Mapping[str, Any]
"""A fact as it was drafted, or as a query returned it."""
"""A fact as it was drafted, or as a query returned it."""


class StatedFacts:
    """Facts by claim; each row has its words, its dates and ``claim_key``."""

    def __init__(self, rows: Iterable[Fact] = ()) -> None:
        self._by_claim: dict[str, list[Fact]] = defaultdict(list)
        for row in rows:
            self.add(row)

    def add(self, row: Fact) -> None:
        """Note a fact."""
        self._by_claim[row["claim_key"]].append(row)

    def equal(self, row: Fact) -> Fact | None:
        """Return the fact that says all that this one says, of the same time, or None.

        Two facts are of the same time if they begin together, whatever ended one of them since, or if they overlap.
        """
        same = (fact for fact in self._by_claim.get(row["claim_key"], ()) if _words(fact) == _words(row))
        return next((fact for fact in same if fact["valid_at"] == row["valid_at"] or _overlap(fact, row)), None)

    def heirs(self, row: Fact) -> list[Fact]:
        """Return the facts that make the same claim as another: of several, those that begin nearest.

        Of these again those with the same words, if there are any.
        """
        same = self._by_claim.get(row["claim_key"], ())
        least = min((abs(fact["valid_at"] - row["valid_at"]) for fact in same), default=None)
        nearest = [fact for fact in same if abs(fact["valid_at"] - row["valid_at"]) == least]
        return [fact for fact in nearest if fact["statement"] == row["statement"]] or nearest


def _words(fact: Fact) -> tuple[str | None, ...]:
    """Return what a fact says beside its claim and its time; case, spacing and a full stop at the end do not matter."""
    said = (fact["statement"], fact["because"], fact["revisit_when"])
    return tuple(None if text is None else literal_key(text) for text in said)


def _overlap(one: Fact, other: Fact) -> bool:
    return all(
        first["invalid_at"] is None or second["valid_at"] < first["invalid_at"]
        for first, second in ((one, other), (other, one))
    )


def inherited_decisions(
    old_facts: Iterable[Fact], decisions: Iterable[StatedDecision], stated: StatedFacts
) -> list[Row]:
    """Return the decisions that new facts take over from the old facts whose claims they repeat.

    Decisions that were undone are taken over, too: a rewording does not decide again what somebody took back.

    Args:
        old_facts: facts that expire.
        decisions: what was decided of them, as rows with old, new and properties.
        stated: the new facts.
    """
    heirs = {fact["uuid"]: stated.heirs(fact) for fact in old_facts}
    inherited: list[Row] = []
    for row in decisions:
        ended: Sequence[Fact | None] = heirs.get(row["old"], (None,))
        by: Sequence[Fact | None] = heirs.get(row["new"], (None,))[:1]
        inherited.extend(one for old in ended for new in by for one in _hand_on(row, old, new))
    return inherited


def _hand_on(decision: StatedDecision, old: Fact | None, new: Fact | None) -> list[Row]:
    """Return the decision between the heirs of its facts; none if the heir of the ended fact begins after the end.

    Args:
        decision: what was decided of the old facts.
        old: heir of the fact that was ended, or None if that fact still stands.
        new: heir of the fact that ended it, or None if that fact still stands.
    """
    properties = decision["properties"]
    if new is not None:
        properties = {**properties, "effective_at": new["valid_at"]}
    if old is not None and properties["kind"] == "superseded" and old["valid_at"] > properties["effective_at"]:
        return []
    return [
        {
            "old": old["uuid"] if old is not None else decision["old"],
            "new": new["uuid"] if new is not None else decision["new"],
            "properties": properties,
        }
    ]
