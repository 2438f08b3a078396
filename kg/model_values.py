"""Questions to models and their answers, as values that prompts, providers and the worker share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from kg.values import FactInput

Task = Literal["extract", "contradict", "resolve", "rerank"]
TASKS: tuple[Task, ...] = ("extract", "contradict", "resolve", "rerank")

Outcome = Literal["ok", "repaired", "malformed", "unavailable"]


@dataclass(frozen=True)
class ModelCall:
    """One request to a model, as the accounts have it.

    Attributes:
        model: ``provider:model``.
        outcome: how it ended; for ``unavailable``, ``reason`` says why.
        cost_usd: None if no price is known (a local model, a subscription).
    """

    task: Task
    model: str
    outcome: Outcome
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    latency_ms: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class ModelWork:
    """The prompt and model of an answer, and all requests that it took.

    Attributes:
        model: ``provider:model`` that gave the answer.
        prompt: name of the prompt.
        prompt_hash: fingerprint of the prompt's text.
    """

    model: str
    prompt: str
    prompt_hash: str
    calls: tuple[ModelCall, ...] = ()


@dataclass(frozen=True)
class Turn:
    """A note, or one message of a conversation, for a model to read.

    Attributes:
        role: ``user``, ``assistant``, ``system``; None for a note.
        speaker: who said it; None if unknown.
    """

    text: str
    role: str | None = None
    speaker: str | None = None


@dataclass(frozen=True)
class ExtractionRequest:
    """The texts from which a model extracts facts, and what helps it to understand them.

    Attributes:
        turns: the texts; answers refer to them by position.
        earlier: the turns before them; they are context, and nothing is extracted from them.
        occurred_at: when the texts were said, UTC; "yesterday" is the day before it.
        project: the project they belong to, None for none.
        known_names: names that the graph already has, so that a thing gets the name that it has there.
    """

    turns: tuple[Turn, ...]
    occurred_at: datetime
    earlier: tuple[Turn, ...] = ()
    project: str | None = None
    known_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extraction:
    """What was extracted.

    Attributes:
        facts: usable facts, each with the position of its turn.
        noise: position of a turn that is not worth keeping -> why.
        dropped: why parts of the answer could not be used; no memory text in it.
    """

    facts: tuple[tuple[int, FactInput], ...]
    noise: dict[int, str]
    work: ModelWork
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatedStatement:
    """A fact for the judge to read.

    Attributes:
        stated_at: when its text was stored; a model may read it much later.
    """

    statement: str
    valid_at: datetime
    stated_at: datetime
    project: str | None = None
    because: str | None = None


@dataclass(frozen=True)
class Contention:
    """Two statements on one subject that may not both hold; ``later`` begins to hold after ``earlier`` or with it."""

    earlier: DatedStatement
    later: DatedStatement


Relation = Literal["none", "superseded", "corrected"]


@dataclass(frozen=True)
class Ruling:
    """The decision on a pair: both hold, the earlier one held until the later, or the one stored first never held."""

    relation: Relation
    reason: str


@dataclass(frozen=True)
class Rulings:
    """One ruling for each contention, in order."""

    rulings: tuple[Ruling, ...]
    work: ModelWork


@dataclass(frozen=True)
class NameInContext:
    """A name, and what is known about the thing that it names."""

    name: str
    kind: str
    context: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class NamePair:
    """Two names that may mean one thing."""

    left: NameInContext
    right: NameInContext


@dataclass(frozen=True)
class Sameness:
    """For each pair, in order: whether both names mean one thing, and why."""

    verdicts: tuple[tuple[bool, str], ...]
    work: ModelWork


@dataclass(frozen=True)
class Order:
    """Positions of texts, best answer first; each appears at most once, and useless texts are left out."""

    positions: tuple[int, ...]
    work: ModelWork
