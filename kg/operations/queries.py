"""The queries of the operations: jobs, decisions and merges as people see them, repair, counts before a deletion."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.facts.queries import ClaimedFact
from kg.graph.nodes import Decision, Job
from kg.graph.queries import Node
from kg.graph.query import Command, Query
from kg.values import Ended


class JobCount(TypedDict):
    """How many jobs are in a state."""

    state: str
    jobs: int


class JobList(TypedDict):
    """Jobs of a user, and how many there are in each state."""

    jobs: list[Job]
    states: list[JobCount]


class JobDetail(TypedDict):
    """A job and the uuids of its memories, in order."""

    job: Job
    memories: list[str]


class Retried(TypedDict):
    """How many jobs are tried again."""

    retried: int


class UnreadMemory(TypedDict):
    """A memory that no model has read although one should."""

    uuid: str
    kind: str
    run_id: str | None
    created_at: datetime


class FactBrief(TypedDict):
    """A fact in a few words, with the project of its memory."""

    uuid: str
    statement: str
    valid_at: datetime
    project: str | None


class OpenConflict(TypedDict):
    """Two facts that contradict each other and both hold."""

    one: FactBrief
    other: FactBrief


class DecidedConflict(TypedDict):
    """A decision with the fact that it ended and the one that replaces it."""

    old: FactBrief
    new: FactBrief
    decision: Decision


class Conflicts(TypedDict):
    """Conflicts nobody has decided, and decisions, newest first."""

    open: list[OpenConflict]
    decided: list[DecidedConflict]


class Unjudged(TypedDict):
    """Memories whose facts were to be judged and never were."""

    uuids: list[str]


class UndoneDecision(TypedDict):
    """The facts between which it had been decided."""

    old: str
    new: str


class FactEnd(TypedDict):
    """When a fact ended."""

    invalid_at: datetime | None


class MergedEntity(TypedDict):
    """An entity that was merged into another; ``keys`` are the alias keys that it had."""

    source: str
    name: str
    kind: str
    target: str
    into: str
    keys: list[str]
    reason: str
    at: datetime


class MergeList(TypedDict):
    """Merged entities, newest first."""

    merges: list[MergedEntity]


class OwnedNode(TypedDict):
    """A node with its partition."""

    uuid: str
    user_id: str


class FactPage(TypedDict):
    """A page of current facts; ``last`` is where the next page begins, None at the end."""

    facts: list[OwnedNode]
    last: str | None


class EntityPage(TypedDict):
    """A page of entities with stray claims; ``last`` is where the next page begins, None at the end."""

    entities: list[OwnedNode]
    last: str | None


class CheckedFact(ClaimedFact):
    """A fact as a recomputation needs it."""

    object_key: str
    valid_at: datetime
    invalid_at: datetime | None


class DrawnClaim(TypedDict):
    """A claim as it is drawn between two entities; ``facts`` is how many state it."""

    claim_key: str
    type: str
    statement: str
    facts: int
    fact_uuids: list[str]
    because: str | None
    revisit_when: str | None
    project: str | None
    version: str | None
    valid_at: datetime
    invalid_at: datetime | None
    user_id: str


class ClaimsToCheck(TypedDict):
    """Facts, and what is drawn of their claims now."""

    facts: list[CheckedFact]
    drawn: list[DrawnClaim]


class Removed(TypedDict):
    """How many were removed."""

    removed: int


class Successor(TypedDict):
    """What replaced a fact."""

    id: str
    statement: str
    kind: Ended
    at: datetime


class ChangedFact(TypedDict):
    """A fact that a write stated, ended or expired."""

    uuid: str
    statement: str
    predicate: str
    subject: str | None
    object: str | None
    valid_at: datetime
    invalid_at: datetime | None
    replaced_by: list[Successor]


class MemoryCount(TypedDict):
    """How many memories a scope holds."""

    memories: int


list_jobs = Query("list_jobs", JobList)
job_detail = Query("job_detail", JobDetail)
job_states = Query("job_states", JobCount)
retry_jobs = Query("retry_jobs", Retried)
cancel_job = Query("cancel_job", Node)
unread_memories = Query("unread_memories", UnreadMemory)
mark_pending = Command("mark_pending")

conflicts = Query("conflicts", Conflicts)
unjudged_memories = Query("unjudged_memories", Unjudged)
undo_decision = Query("undo_decision", UndoneDecision)
undo_following = Query("undo_following", UndoneDecision)
fact_end = Query("fact_end", FactEnd)
list_merges = Query("list_merges", MergeList)

mend_memories = Query("mend_memories", Node)
mend_entities = Query("mend_entities", Node)
facts_to_check = Query("facts_to_check", FactPage)
claims_to_check = Query("claims_to_check", ClaimsToCheck)
stray_claims = Query("stray_claims", EntityPage)
undraw_claims = Query("undraw_claims", Removed)
needless_tombstones = Query("needless_tombstones", Node)

fact_changes = Query("fact_changes", ChangedFact)
still_unindexed = Query("still_unindexed", Node)
count_scope = Query("count_scope", MemoryCount)
