"""Decisions follow the claim: what was decided of a fact holds for the fact that makes the same claim anew.

They are copied, not moved: for an instant of knowledge before the change, the old fact still carries its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kg.writing.stated import StatedFacts

Row = dict[str, Any]
Fact = Mapping[str, Any]


def inherited_decisions(
    old_facts: Iterable[Fact], decisions: Iterable[Mapping[str, Any]], stated: StatedFacts
) -> list[Row]:
    """Return the decisions that newly stated facts take over from the facts that they replace.

    Those that were undone as well: what somebody took back is not to be decided again because of a rewording.

    Args:
        old_facts: facts that expire.
        decisions: what was decided of them, as rows with old, new and properties.
        stated: the new facts.
    """
    heirs: dict[str, Row | None] = {fact["uuid"]: stated.heir(fact) for fact in old_facts}
    inherited: list[Row] = []
    for row in decisions:
        involved = [uuid for uuid in (row["old"], row["new"]) if uuid in heirs]
        if all(heirs[uuid] is not None for uuid in involved):
            inherited.extend(_hand_on(row, heirs.get(row["old"]), heirs.get(row["new"])))
    return inherited


def _hand_on(decision: Mapping[str, Any], old: Row | None, new: Row | None) -> list[Row]:
    """Return the decision between the heirs of its facts; none for a replaced fact that begins anew after its end.

    Args:
        decision: what was decided of the facts as they were stated before.
        old: heir of the replaced fact, None where that one stands.
        new: heir of the fact that replaces it, likewise.
    """
    properties: Row = decision["properties"]
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
