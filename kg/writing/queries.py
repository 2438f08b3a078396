"""The queries of writing: add, update, delete, and the jobs that they leave."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.facts.queries import ClaimedFact, StatedDecision
from kg.graph.nodes import Fact, Memory
from kg.graph.queries import Node
from kg.graph.query import Command, Query


class KnownAlias(TypedDict):
    """An alias key and the entity that it stands for."""

    key: str
    uuid: str
    kind: str


class TargetFact(TypedDict):
    """A current fact that a new one wants to supersede."""

    uuid: str
    valid_at: datetime
    claim_key: str


class OwnedFact(TargetFact):
    """A fact of a memory whose id was given where a fact's is wanted."""

    statement: str


class TargetMemory(TypedDict):
    """A memory whose id was given where a fact's is wanted."""

    uuid: str
    facts: list[OwnedFact]


class NoteFact(TypedDict):
    """A fact of a note that stands already."""

    claim_key: str
    uuid: str
    statement: str
    because: str | None
    revisit_when: str | None
    valid_at: datetime
    valid_from_source: str
    invalid_at: datetime | None
    stated_invalid_at: datetime | None


class StandingNote(TypedDict):
    """A note that stands already with the same text."""

    hash: str
    uuid: str
    occurred_at: datetime
    facts: list[NoteFact]
    metadata: str


class StandingMessage(StandingNote):
    """One of the last messages of a conversation."""

    role: str | None
    speaker: str | None


class WriteContext(TypedDict):
    """What an add must know of its partition."""

    notes: list[StandingNote]
    aliases: list[KnownAlias]
    facts: list[TargetFact]
    owners: list[TargetMemory]
    messages: list[StandingMessage]


class SettleContext(TypedDict):
    """Facts that a call names, and memories that it names instead of facts."""

    facts: list[TargetFact]
    owners: list[TargetMemory]


class UpdatedFact(ClaimedFact):
    """A fact of a memory that is updated."""

    valid_at: datetime
    statement: str


class UpdateContext(TypedDict):
    """What an update must know of its memory, and of the names and targets in the new facts."""

    memory: Memory
    facts: list[UpdatedFact]
    decisions: list[StatedDecision]
    aliases: list[KnownAlias]
    targets: list[TargetFact]
    owners: list[TargetMemory]


class FormerState(TypedDict):
    """What a memory said before its last update."""

    uuid: str
    text: str
    metadata: str
    occurred_at: datetime
    replaced_at: datetime


class FormerMention(TypedDict):
    """A name that the former text bears."""

    key: str
    name: str
    role: str
    kind: str | None


class FormerFact(Fact):
    """A fact of the former state; subject and object are the alias keys by which it was stated."""

    subject: str | None
    object: str | None


class RevertContext(TypedDict):
    """What undoing an update must know of its memory."""

    memory: Memory
    version: FormerState
    mentions: list[FormerMention]
    former: list[FormerFact]
    since: list[UpdatedFact]
    decisions: list[StatedDecision]


class TakenBack(TypedDict):
    """A decision that was taken back; ``fact`` stands again, and ``by`` had replaced it."""

    decision: str
    fact: str
    by: str


class CreatedGraph(TypedDict):
    """Which decisions a write took back."""

    taken_back: list[TakenBack]


class UnboundFact(TypedDict):
    """A fact that is bound to no thing yet, and whose it is."""

    uuid: str
    user_id: str


class VersionFact(ClaimedFact):
    """A fact that says a version, and by which name it says it of its subject."""

    object_value: str | None
    subject_key: str


class ChainLink(TypedDict):
    """A message that goes, between the messages before and after it."""

    uuid: str
    previous: str
    next: str


class DeletionContext(TypedDict):
    """What goes with memories; ``versions`` is how many."""

    memories: list[str]
    versions: int
    facts: list[ClaimedFact]
    keys: list[str]
    entities: list[str]
    chain: list[ChainLink]


class Bridge(TypedDict):
    """``old`` stays ended by ``new`` although the fact between them goes; the rest is of the later decision."""

    old: str
    new: str
    uuid: str
    at: datetime
    effective_at: datetime


class LostDecisions(TypedDict):
    """What was decided by facts that go; ``bereaved`` are the facts that they had ended."""

    bereaved: list[str]
    bridges: list[Bridge]


class EntityContext(TypedDict):
    """What goes with an entity: its facts, and what was merged into it."""

    facts: list[ClaimedFact]
    merged: list[str]


class PartitionUser(TypedDict):
    """Whose partition it is."""

    user_id: str


class Uuids(TypedDict):
    """Uuids of memories."""

    uuids: list[str]


class Marked(TypedDict):
    """How many memories were made unreadable."""

    marked: int


class DeletionJob(TypedDict):
    """A deletion that was acknowledged and is not finished."""

    uuid: str
    user_id: str


write_context = Query("write_context", WriteContext)
settle_context = Query("settle_context", SettleContext)
update_context = Query("update_context", UpdateContext)
revert_context = Query("revert_context", RevertContext)
create_graph = Query("create_graph", CreatedGraph)
redescribe_memories = Command("redescribe_memories")
create_version = Command("create_version")
expire_facts = Command("expire_facts")
create_jobs = Command("create_jobs")
drop_jobs = Command("drop_jobs")

partition_users = Query("partition_users", PartitionUser)
unbound_versions = Query("unbound_versions", UnboundFact)
versions_to_bind = Query("versions_to_bind", VersionFact)
bind_versions = Command("bind_versions")

memories_naming = Query("memories_naming", Node)
scope_uuids = Query("scope_uuids", Uuids)
deleting_uuids = Query("deleting_uuids", Uuids)
deletion_context = Query("deletion_context", DeletionContext)
restore_decisions = Query("restore_decisions", Node)
decisions_lost = Query("decisions_lost", LostDecisions)
entity_context = Query("entity_context", EntityContext)
uncount_memories = Command("uncount_memories")
recount_scopes = Command("recount_scopes")
recount_degrees = Command("recount_degrees")
delete_memories = Command("delete_memories")
delete_entity = Command("delete_entity")
link_next = Command("link_next")
start_deletion = Query("start_deletion", Marked)
stating_memories = Query("stating_memories", Uuids)
stating_memories_naming = Query("stating_memories_naming", Uuids)
mark_deleting = Command("mark_deleting")
deletion_jobs = Query("deletion_jobs", DeletionJob)
finish_job = Command("finish_job")
