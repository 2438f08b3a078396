"""What new facts want to supersede, as their caller named it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kg.errors import shorten
from kg.writing.queries import OwnedFact, TargetFact, TargetMemory


@dataclass(frozen=True)
class Targets:
    """What new facts want to supersede: current facts, and memories that were named instead of their facts."""

    facts: Mapping[str, TargetFact]
    memories: Mapping[str, Sequence[OwnedFact]]

    @staticmethod
    def of(facts: Iterable[TargetFact], owners: Iterable[TargetMemory]) -> Targets:
        """Return the targets that a query found."""
        return Targets({row["uuid"]: row for row in facts}, {row["uuid"]: row["facts"] for row in owners})

    def find(self, uuid: str) -> TargetFact | None:
        """Return the fact with an id, or the only fact of the memory with that id."""
        stated = self.memories.get(uuid, ())
        return stated[0] if len(stated) == 1 else self.facts.get(uuid)

    def why_not(self, uuid: str) -> str:
        """Say why an id names no fact to supersede."""
        if uuid not in self.memories:
            return f"no current fact {uuid} is yours"
        stated = [f"{fact['uuid']} ({shorten(fact['statement'])})" for fact in self.memories[uuid]]
        return f"{uuid} is a memory; its facts: {', '.join(stated) or 'none'}; name those that the new one replaces"
