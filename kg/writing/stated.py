"""What a memory states. It states a claim once for the same time, and may state it again for another period.

A new fact with the claim of an old one is the old one's heir: it inherits what was decided of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from kg.graph.store import Row
from kg.writing.queries import StatedDecision

Fact = Mapping[str, Any]
"""A fact as it was drafted, or as a query returned it."""
"""A fact as it was drafted, or as a query returned it."""


class StatedFacts:
    """Facts by claim; each row has ``claim_key``, ``valid_at`` and ``invalid_at``."""

    def __init__(self, rows: Iterable[Fact] = ()) -> None:
        self._by_claim: dict[str, list[Fact]] = defaultdict(list)
        for row in rows:
            self.add(row)

    def add(self, row: Fact) -> None:
        """Note a fact."""
        self._by_claim[row["claim_key"]].append(row)

    def equal(self, row: Fact) -> Fact | None:
        """Return the fact that says the same of the same time, or None.

        Two facts are of the same time if they begin together, whatever ended one of them since, or if they overlap.
        """
        same = self._by_claim.get(row["claim_key"], ())
        return next((fact for fact in same if fact["valid_at"] == row["valid_at"] or _overlap(fact, row)), None)

    def heir(self, row: Fact) -> Fact | None:
        """Return the fact that makes the same claim as another; of several, the one whose beginning is nearest."""
        same = self._by_claim.get(row["claim_key"], ())
        return min(same, key=lambda fact: abs(fact["valid_at"] - row["valid_at"]), default=None)


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
    heirs: dict[str, Fact | None] = {fact["uuid"]: stated.heir(fact) for fact in old_facts}
    inherited: list[Row] = []
    for row in decisions:
        involved = [uuid for uuid in (row["old"], row["new"]) if uuid in heirs]
        if all(heirs[uuid] is not None for uuid in involved):
            inherited.extend(_hand_on(row, heirs.get(row["old"]), heirs.get(row["new"])))
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
