"""Whole nodes and relationships, as queries return them: by ``m {.*}``, or ``properties(d)`` for a relationship.

``kg/graph/schema.py`` declares the same properties for the database. A property without a value is absent from a whole
node, where a query that names its properties returns None.
"""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired, TypedDict

from kg.values import Ended


class Memory(TypedDict):
    """A text, or a message of a conversation."""

    uuid: str
    user_id: str
    agent_id: NotRequired[str]
    run_id: NotRequired[str]
    project: NotRequired[str]
    name: str
    text: str
    terms: str
    user_key: str
    content_hash: str
    kind: str
    role: NotRequired[str]
    speaker: NotRequired[str]
    bulk: bool
    metadata: str
    occurred_at: datetime
    created_at: datetime
    updated_at: datetime
    seq: int
    index_rev: int
    extraction: str
    infer: NotRequired[bool]
    extraction_error: NotRequired[str]
    noise: bool
    noise_reason: NotRequired[str]
    recall_count: int
    last_recalled_at: NotRequired[datetime | None]


class Fact(TypedDict):
    """A dated statement of exactly one memory (or version)."""

    uuid: str
    user_id: str
    name: str
    statement: str
    scope: str
    predicate: str
    subject_uuid: NotRequired[str]
    object_uuid: NotRequired[str]
    object_value: NotRequired[str]
    object_key: str
    version: NotRequired[str]
    because: NotRequired[str]
    revisit_when: NotRequired[str]
    valid_at: datetime
    valid_from_source: str
    stated_invalid_at: NotRequired[datetime]
    invalid_at: NotRequired[datetime]
    followed_by: NotRequired[str]
    created_at: datetime
    expired_at: NotRequired[datetime]
    seq: int
    claim_key: str
    origin: str
    model: NotRequired[str]
    prompt: NotRequired[str]
    prompt_hash: NotRequired[str]
    index_rev: int


class Job(TypedDict):
    """A unit of background work."""

    uuid: str
    user_id: str
    kind: str
    state: str
    bulk: NotRequired[bool]
    attempt: int
    failures: NotRequired[int]
    claimed_by: NotRequired[str]
    lease_until: NotRequired[datetime]
    next_attempt_at: NotRequired[datetime]
    error: NotRequired[str]
    calls: NotRequired[list[str]]
    dropped: NotRequired[list[str]]
    model: NotRequired[str]
    tokens: NotRequired[int]
    cost: NotRequired[float]
    created_at: datetime
    started_at: NotRequired[datetime]
    finished_at: NotRequired[datetime]


class Decision(TypedDict):
    """The relationship ``SUPERSEDED_BY`` between two facts; a model's decision has a reason and its prompt."""

    uuid: str
    kind: Ended
    at: datetime
    effective_at: datetime
    judge: str
    reason: NotRequired[str]
    prompt: NotRequired[str]
    prompt_hash: NotRequired[str]
    undone_at: NotRequired[datetime]
    undone_by: NotRequired[str]
