"""The queries of facts: their timelines, their contentions, and what is derived from both."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.graph.nodes import Decision
from kg.graph.queries import Node
from kg.graph.query import Command, Query
from kg.values import Ended


class ClaimedFact(TypedDict):
    """A fact with its claim, as much as ends and drawn claims follow from; most rows of facts hold more."""

    uuid: str
    scope: str
    subject_uuid: str | None
    object_uuid: str | None
    predicate: str
    claim_key: str


class TimedFact(TypedDict):
    """A fact with what decides when it held.

    ``owner`` is the memory that states it, ``value`` its object as written, ``subject_key`` by which name it is said.
    """

    uuid: str
    scope: str
    subject_uuid: str | None
    predicate: str
    object_key: str
    valid_at: datetime
    stated_invalid_at: datetime | None
    created_at: datetime
    expired_at: datetime | None
    seq: int
    owner: str | None
    value: str | None
    subject_key: str | None


class ClosureFact(TimedFact):
    """A fact whose cached end may move."""

    object_uuid: str | None
    claim_key: str
    invalid_at: datetime | None
    followed_by: str | None


class TimedDecision(TypedDict):
    """A decision between two facts, with what decides when it counts."""

    old: str
    new: str
    kind: Ended
    at: datetime
    effective_at: datetime
    undone_at: datetime | None


class History(TypedDict):
    """Facts with everything that decides when they held."""

    facts: list[TimedFact]
    decisions: list[TimedDecision]


class TimelineClosure(TypedDict):
    """Facts whose end may change; ``whole`` are those whose timelines are complete here."""

    whole: list[str]
    facts: list[ClosureFact]
    decisions: list[TimedDecision]


class ContendingFact(TypedDict):
    """A fact that may contradict another; ``noted_at`` and ``noted_seq`` say when it was told."""

    uuid: str
    statement: str
    because: str | None
    valid_at: datetime
    seq: int
    project: str | None
    noted_seq: int
    noted_at: datetime


class FactPair(TypedDict):
    """A new fact and a standing one that it may contradict; ``candidates``: how many such ones there are in all."""

    new: ContendingFact
    old: ContendingFact
    opposite: bool
    candidates: int


class StatedDecision(TypedDict):
    """A decision between two facts, whole."""

    old: str
    new: str
    properties: Decision


history_closure = Query("history_closure", History)
timeline_closure = Query("timeline_closure", TimelineClosure)
set_ends = Command("set_ends")
project_claims = Command("project_claims")
taken_back = Query("taken_back", StatedDecision)
fallen_decisions = Query("fallen_decisions", Node)
contentions = Query("contentions", FactPair)
