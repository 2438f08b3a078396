"""What one memory states, each claim once for the same time: a note may well tell of two periods of one thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]


class StatedFacts:
    """The facts of one memory by claim; each row has ``claim_key``, ``valid_at`` and ``invalid_at``."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._by_claim: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Note a fact."""
        self._by_claim[row["claim_key"]].append(row)

    def equal(self, row: Mapping[str, Any]) -> Row | None:
        """Return the fact that says the same of the same time, None where none does.

        Of the same time are facts that begin together, whatever became of one since, and those that overlap.
        """
        same = self._by_claim.get(row["claim_key"], ())
        return next((fact for fact in same if fact["valid_at"] == row["valid_at"] or _overlap(fact, row)), None)

    def heir(self, row: Mapping[str, Any]) -> Row | None:
        """Return the fact that makes another's claim anew: of several the one that begins nearest to it."""
        same = self._by_claim.get(row["claim_key"], ())
        return min(same, key=lambda fact: abs(fact["valid_at"] - row["valid_at"]), default=None)


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(
        first["invalid_at"] is None or second["valid_at"] < first["invalid_at"]
        for first, second in ((one, other), (other, one))
    )
