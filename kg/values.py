"""The values that travel between the parts: scopes, inputs, and what reads return."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

JsonObject = dict[str, Any]

How = Literal["superseded", "corrected"]


@dataclass(frozen=True)
class Scope:
    """Whose memories, and which part of them; ``None`` means any (when reading) or none (when writing).

    Attributes:
        user_id: the partition; nothing ever crosses it.
    """

    user_id: str
    agent_id: str | None = None
    run_id: str | None = None
    project: str | None = None

    def params(self) -> dict[str, str | None]:
        """Return the scope as the parameters that the read queries take."""
        return {
            "user_id": self.user_id,
            "agent_id": self.agent_id,
            "run_id": self.run_id,
            "project": self.project,
        }


@dataclass(frozen=True)
class FactInput:
    """A fact as handed in, validated; names are not resolved yet.

    Attributes:
        supersedes: uuids of facts that this one replaces.
        how: whether the replaced facts were true until now, or never.
    """

    statement: str
    predicate: str
    subject: str | None = None
    object: str | None = None
    subject_kind: str | None = None
    object_kind: str | None = None
    because: str | None = None
    revisit_when: str | None = None
    valid_at: datetime | None = None
    invalid_at: datetime | None = None
    supersedes: tuple[str, ...] = ()
    how: How = "superseded"
    reason: str | None = None


@dataclass(frozen=True)
class SkippedFact:
    """A fact that could not be used, by its position, and why."""

    index: int
    why: str


@dataclass(frozen=True)
class MemoryInput:
    """One text to store, validated.

    Attributes:
        role: ``user``, ``assistant`` or ``system`` for a message, None for a note.
        speaker: name of who said it, None where it is the partition's own user or unknown.
    """

    text: str
    role: str | None = None
    speaker: str | None = None
    facts: tuple[FactInput, ...] = ()


@dataclass(frozen=True)
class AddRequest:
    """One call of add_memory, validated.

    Attributes:
        key: the request's key; a repeated key answers the first result.
        occurred_at: when what is told took place; None: now.
        infer: whether the caller wanted facts extracted by a model.
        extracts: whether one is there to do so; without, the memory waits to be caught up with.
        bulk: many texts at once, indexed after interactive ones.
    """

    scope: Scope
    key: str
    memories: tuple[MemoryInput, ...]
    metadata: str = "{}"
    occurred_at: datetime | None = None
    infer: bool = True
    extracts: bool = False
    bulk: bool = False


@dataclass(frozen=True)
class UpdateRequest:
    """One call of update_memory, validated; None leaves a part as it is.

    Attributes:
        extracts: a model is there to read a new text; until it has, the facts of the old one stay current.
    """

    user_id: str
    key: str
    uuid: str
    text: str | None = None
    facts: tuple[FactInput, ...] | None = None
    metadata: str | None = None
    extracts: bool = False
