"""The queries of the worker: leasing jobs, reading what they are about, closing them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict

from kg.facts.queries import ClaimedFact, StatedDecision
from kg.graph.queries import Node
from kg.graph.query import Command, Query

JobKind = Literal["extract", "judge"]


class LeasedJob(TypedDict):
    """A job that a worker has leased."""

    uuid: str
    user_id: str
    kind: JobKind
    attempt: int
    failures: int
    bulk: bool


class ReadMemory(TypedDict):
    """A memory that a model is to read."""

    uuid: str
    text: str
    content_hash: str
    role: str | None
    speaker: str | None
    agent_id: str | None
    run_id: str | None
    project: str | None
    occurred_at: datetime
    created_at: datetime
    seq: int
    noise_reason: str | None


class EarlierTurn(TypedDict):
    """What was said before the memories of a job."""

    text: str
    role: str | None
    speaker: str | None


class JobTexts(TypedDict):
    """What a job is about; ``earlier`` is the oldest first."""

    memories: list[ReadMemory]
    earlier: list[EarlierTurn]
    names: list[str]


class FencedMemory(TypedDict):
    """A memory of a held job; ``restates``: it states facts already."""

    uuid: str
    text: str
    role: str | None
    speaker: str | None
    agent_id: str | None
    run_id: str | None
    project: str | None
    occurred_at: datetime
    created_at: datetime
    restates: bool


class JobFence(TypedDict):
    """A job that is still held: memories with the text that was read, and ``changed``, those with another by now."""

    bulk: bool
    memories: list[FencedMemory]
    changed: list[str]


class RecalledTexts(TypedDict):
    """The hashes and ids in a text that mean memories which stood before it."""

    hashes: list[str]
    uuids: list[str]


class FormerFact(ClaimedFact):
    """A fact of a memory's former text."""

    statement: str
    because: str | None
    revisit_when: str | None
    created_at: datetime
    valid_at: datetime
    invalid_at: datetime | None


class FormerVersion(TypedDict):
    """A former state of a memory, with another text than the next one's."""

    uuid: str
    replaced_at: datetime


class FormerStatements(TypedDict):
    """What an extraction replaces of a memory."""

    uuid: str
    facts: list[FormerFact]
    decisions: list[StatedDecision]
    versions: list[FormerVersion]


class StandingFact(TypedDict):
    """A fact that still stands."""

    uuid: str
    valid_at: datetime


class Extraction(TypedDict):
    """How far the reading of some memories is."""

    extraction: str


class Removed(TypedDict):
    """How many jobs were removed."""

    removed: int


lease_jobs = Query("lease_jobs", LeasedJob)
renew_lease = Query("renew_lease", Node)
release_job = Query("release_job", Node)
delete_old_jobs = Query("delete_old_jobs", Removed)
extraction_states = Query("extraction_states", Extraction)

job_texts = Query("job_texts", JobTexts)
recalled_texts = Query("recalled_texts", RecalledTexts)
job_fence = Query("job_fence", JobFence)
restating_context = Query("restating_context", FormerStatements)
mark_undecided = Command("mark_undecided")
finish_extraction = Command("finish_extraction")

standing_facts = Query("standing_facts", StandingFact)
finish_judging = Command("finish_judging")
