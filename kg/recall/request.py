"""A search and an entity's page as they are asked, validated, and what a search found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kg.facts.held_at import Instants
from kg.recall.filters import Filter
from kg.values import Scope

if TYPE_CHECKING:
    from kg.ports import IndexCard

Leg = Literal["lexical", "text", "sentence", "tokens", "fact"]
DenseLeg = Literal["text", "sentence", "fact"]

DEFAULT_MAX_TOKENS = 2000
WEAK_SHARE = 0.5
LEAST_MAX_TOKENS = 200
"""What one hit, cut down to its id and its best words, may take at most."""


@dataclass(frozen=True)
class Search:
    """One search, validated.

    Attributes:
        project: the project that asks; its memories are slightly preferred.
        threshold: least similarity of a hit, None for no bound.
        max_tokens: budget of the answer, as ``estimate_tokens`` counts.
        rerank: whether a model is to order the best hits.
        weak: whether hits below ``WEAK_SHARE`` of the best score are wanted too.
    """

    scope: Scope
    instants: Instants
    filters: Filter
    limit: int = 10
    project: str | None = None
    threshold: float | None = None
    max_tokens: int = DEFAULT_MAX_TOKENS
    explain: bool = False
    rerank: bool = False
    weak: bool = False

    @property
    def noise(self) -> bool:
        """Whether trivial memories are asked for, which are hidden otherwise."""
        return self.filters.names("noise")


@dataclass(frozen=True)
class EntityPage:
    """One call of get_entity, validated.

    Attributes:
        direction: ``out`` (it is the subject), ``in`` (it is the object) or ``both``.
    """

    name: str | None
    uuid: str | None
    scope: Scope
    instants: Instants
    direction: str = "both"
    include_superseded: bool = False
    limit: int = 20


@dataclass
class Found:
    """What the legs brought, before the graph is asked.

    Attributes:
        dense: for each dense leg its hits and their cosines.
        facts: cards of the facts that were found.
        cards: of the memories that were found, and of the messages next to them.
        coverage: how much of the question the words of memories cover.
        tokens: late interaction of the memories for which it was computed.
        similarities: cosines of whole texts beyond those of the leg.
        failed: legs that gave no answer, and why.
        held: those of the terms looked up that some memory within the scope has.
        missing: technical words of the question that nothing within the scope mentions.
        nothing_fits: the question is about something else than all that is stored.
    """

    dense: dict[DenseLeg, dict[str, float]] = field(default_factory=dict[DenseLeg, dict[str, float]])
    facts: dict[str, IndexCard] = field(default_factory=dict[str, "IndexCard"])
    cards: dict[str, IndexCard] = field(default_factory=dict[str, "IndexCard"])
    coverage: dict[str, float] = field(default_factory=dict[str, float])
    tokens: dict[str, float] = field(default_factory=dict[str, float])
    similarities: dict[str, float] = field(default_factory=dict[str, float])
    failed: dict[Leg, str] = field(default_factory=dict[Leg, str])
    notes: list[str] = field(default_factory=list[str])
    held: frozenset[str] = frozenset()
    missing: list[str] = field(default_factory=list[str])
    nothing_fits: bool = False

    def cut(self, most: int | None) -> bool:
        """Whether a leg may have had more to bring than ``most``."""
        return most is not None and any(len(hits) >= most for hits in (self.coverage, *self.dense.values()))
