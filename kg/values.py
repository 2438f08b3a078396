"""Values that the parts hand to one another: scopes and checked inputs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

JsonObject = dict[str, Any]

How = Literal["superseded", "corrected"]
"""What a caller or judge decides of an older fact."""
Ended = Literal["superseded", "corrected", "followed"]
"""What ends a fact: a decision, or the next value of a single-valued predicate, by its date."""

UNKNOWN_START = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for an instant that nobody knows; no answer shows it."""


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

    @property
    def narrowed(self) -> bool:
        """Whether it means less than the whole partition."""
        return self != Scope(self.user_id)

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
    """A fact as the caller gave it, checked; its names are not resolved yet.

    Attributes:
        supersedes: uuids of facts that this one replaces.
        how: ``superseded`` if the replaced facts were true until now, ``corrected`` if they never were.
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
class Settlement:
    """A stored fact that replaces others, as its caller says afterwards; see ``FactInput``.

    Attributes:
        fact: uuid of the fact that stands.
    """

    fact: str
    supersedes: tuple[str, ...]
    how: How = "superseded"
    reason: str | None = None


@dataclass(frozen=True)
class SettleRequest:
    """A call that stores nothing new and says what stored facts replace, checked."""

    user_id: str
    key: RequestKey
    settlements: tuple[Settlement, ...]


@dataclass(frozen=True)
class SkippedFact:
    """The position of a fact that could not be used, and why."""

    index: int
    why: str


@dataclass(frozen=True)
class MemoryInput:
    """One text to store, checked.

    Attributes:
        role: ``user``, ``assistant`` or ``system`` for a message, None for a note.
        speaker: who said it; None if unknown or if it is the user of the partition.
        occurred_at: when it was said; None: as the request says.
    """

    text: str
    role: str | None = None
    speaker: str | None = None
    occurred_at: datetime | None = None
    facts: tuple[FactInput, ...] = ()


@dataclass(frozen=True)
class RequestKey:
    """By what a repeat of a call is known.

    Attributes:
        text: the same in every attempt of one call; chosen by the client.
        call: fingerprint of the tool and its arguments; empty where nobody but the service itself chose the key.
    """

    text: str
    call: str = ""

    def part(self, name: object) -> RequestKey:
        """Return the key of one of several writes that the call makes."""
        return RequestKey(f"{self.text}:{name}", self.call)


@dataclass(frozen=True)
class AddRequest:
    """One call of add_memory, checked.

    Attributes:
        key: the request's key; a repeated key gets the first result again.
        occurred_at: when it happened; None: now.
        infer: whether the caller wants a model to extract facts.
        extracts: whether there is a model for that; if not, the memory waits for ``knowthread extract``.
        bulk: many texts at once; they are indexed after those of interactive calls.
    """

    scope: Scope
    key: RequestKey
    memories: tuple[MemoryInput, ...]
    metadata: str = "{}"
    occurred_at: datetime | None = None
    infer: bool = True
    extracts: bool = False
    bulk: bool = False


@dataclass(frozen=True)
class UpdateRequest:
    """One call of update_memory, checked; None leaves a part as it is.

    Attributes:
        extracts: a model reads new texts here; until it has, the facts of the old text stay current.
    """

    user_id: str
    key: RequestKey
    uuid: str
    text: str | None = None
    facts: tuple[FactInput, ...] | None = None
    metadata: str | None = None
    extracts: bool = False
