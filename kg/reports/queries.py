"""The queries of pictures. Reports are query files of their own, with columns that only their readers know."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.graph.query import Query
from kg.values import How


class DrawnReplacement(TypedDict):
    """What replaced a drawn fact, and who decided so; outside of the scope asked for, its words are None."""

    id: str
    kind: How
    at: datetime
    statement: str | None
    reason: str | None
    judge: str


class DrawnFact(TypedDict):
    """A fact to draw, with the memory that states it."""

    uuid: str
    statement: str
    predicate: str
    subject_uuid: str | None
    object_uuid: str | None
    object_value: str | None
    because: str | None
    revisit_when: str | None
    claim_key: str
    origin: str
    created_at: datetime
    expired_at: datetime | None
    memory_uuid: str
    replaced_by: list[DrawnReplacement]


class DrawnMemory(TypedDict):
    """The memory behind a drawn fact."""

    uuid: str
    text: str
    cut: bool
    project: str | None
    agent_id: str | None
    speaker: str | None
    occurred_at: datetime


drawn_facts = Query("drawn_facts", DrawnFact)
drawn_memories = Query("drawn_memories", DrawnMemory)
