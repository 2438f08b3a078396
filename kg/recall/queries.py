"""The queries of reading: search, the graph as an agent walks it, and lists."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict

from kg.graph.nodes import Fact, Memory
from kg.graph.queries import Texts
from kg.graph.query import Command, Query
from kg.ports import MemoryKind
from kg.values import Ended


class FoundMemories(TypedDict):
    """Memories whose words match, best first."""

    uuids: list[str]


class CardRow(TypedDict):
    """What ranking by words alone reads of a memory; ``previous``: the two messages before it."""

    uuid: str
    text: str
    noise: bool
    agent_id: str | None
    run_id: str | None
    project: str | None
    speaker: str | None
    occurred_at: datetime
    created_at: datetime
    form: MemoryKind
    previous: list[str]


class CardRows(TypedDict):
    """Cards of memories."""

    cards: list[CardRow]


class WaitingMemory(TypedDict):
    """A memory that waits for the index, and its revision."""

    uuid: str
    index_rev: int


class NamedEntity(TypedDict):
    """An entity that a question names; ``key`` is the alias key that found it."""

    uuid: str
    name: str
    kind: str
    key: str
    aliases: list[str]


class QuestionContext(TypedDict):
    """What the graph says of a question: what it names, and how far its partition and the index have come."""

    seq: int
    last_at: datetime | None
    named: list[NamedEntity]
    waiting: list[WaitingMemory]


class FactToSettle(TypedDict):
    """A standing fact that a new one may replace, and one reason to think so."""

    new: str
    why: str
    uuid: str
    statement: str
    predicate: str
    subject: str | None
    object: str | None
    valid_at: datetime
    seq: int


class FactInWords(TypedDict):
    """A fact in words."""

    uuid: str
    statement: str
    valid_at: datetime


class ContradictedFact(TypedDict):
    """A fact and current ones that contradict it; ``found`` counts all of them."""

    uuid: str
    found: int
    by: list[FactInWords]


class Replacement(TypedDict):
    """What replaced a fact; outside of the scope asked for, its words are None."""

    id: str
    kind: Ended
    at: datetime
    statement: str | None
    reason: str | None


class ListedFact(TypedDict):
    """A fact of a memory."""

    uuid: str
    statement: str
    because: str | None
    revisit_when: str | None
    valid_at: datetime
    invalid_at: datetime | None


class HitReplacement(Replacement):
    """What replaced a fact of a found memory, and the memory that states it, None outside of the scope asked for."""

    memory: str | None


class HitFact(ListedFact):
    """A fact of a found memory, with what replaced it and what contradicts it; ``contradictions`` counts those."""

    replaced_by: list[HitReplacement]
    contradicted_by: list[FactInWords]
    contradictions: int


class HitMemory(TypedDict):
    """A memory that a search found."""

    uuid: str
    text: str
    metadata: str
    kind: str
    role: str | None
    speaker: str | None
    agent_id: str | None
    run_id: str | None
    project: str | None
    noise: bool
    user_id: str
    extraction: str
    recall_count: int
    content_hash: str
    occurred_at: datetime
    created_at: datetime
    updated_at: datetime
    last_recalled_at: datetime | None


class HitVersion(TypedDict):
    """A replaced state of a found memory."""

    text: str
    metadata: str
    occurred_at: datetime
    created_at: datetime
    replaced_at: datetime


class Hit(TypedDict):
    """A found memory as an answer shows it."""

    memory: HitMemory
    facts: list[HitFact]
    versions: list[HitVersion]


class Hits(TypedDict):
    """Found memories."""

    memories: list[Hit]


class RankedEntity(TypedDict):
    """An entity that answers to a text; scores compare within one way only."""

    uuid: str
    way: Literal["alias", "words", "meaning"]
    score: float


class ConnectedEntity(TypedDict):
    """An entity and how often a fact is about it."""

    uuid: str
    degree: int


class ConnectedWithin(TypedDict):
    """The most connected entities of a scope, and how many of its newest memories were looked at for that."""

    entities: list[ConnectedEntity]
    looked_at: int


class EntityFact(TypedDict):
    """A fact about an entity, with the memory that states it; ``out``: the entity is its subject."""

    uuid: str
    statement: str
    predicate: str
    because: str | None
    revisit_when: str | None
    direction: Literal["out", "in"]
    subject: str | None
    object: str | None
    valid_at: datetime
    invalid_at: datetime | None
    memory_uuid: str
    memory_project: str | None
    memory_occurred_at: datetime
    replaced_by: list[Replacement]


class Change(TypedDict):
    """A fact that is new or holds no longer, what took its place, who said so and why."""

    at: datetime
    how: Literal["new", "superseded", "corrected", "ended"]
    uuid: str
    statement: str
    new_uuid: str | None
    new_statement: str | None
    decided_by: str
    reason: str | None
    memory_uuid: str
    project: str | None
    agent_id: str | None


class EntityFacts(TypedDict):
    """An entity's facts, the last begun first."""

    uuid: str
    facts: list[EntityFact]


class HiddenFacts(TypedDict):
    """How many facts about an entity do not hold."""

    hidden: int


class ListedMemory(TypedDict):
    """A memory in a list, with the facts last stated; ``facts_count`` counts all of them."""

    memory: Memory
    facts: list[ListedFact]
    facts_count: int


class JudgedReplacement(TypedDict):
    """What replaced a fact, and who decided so."""

    id: str
    statement: str
    kind: Ended
    at: datetime
    reason: str | None
    judge: str | None


class WholeFact(Fact):
    """A fact whole, with the names of its sides and what replaced it."""

    subject: str | None
    object: str | None
    replaced_by: list[JudgedReplacement]


class VersionFact(TypedDict):
    """A fact of a version."""

    uuid: str
    statement: str
    valid_at: datetime
    expired_at: datetime | None


class Version(TypedDict):
    """A replaced state of a memory, with the facts that it stated; ``facts_count`` counts all of them."""

    uuid: str
    text: str
    metadata: str
    occurred_at: datetime
    created_at: datetime
    replaced_at: datetime
    facts: list[VersionFact]
    facts_count: int


class MemoryDetail(TypedDict):
    """A memory whole; ``previous`` and ``next`` are the messages around it."""

    memory: Memory
    facts: list[WholeFact]
    facts_count: int
    versions: list[Version]
    versions_count: int
    previous: str | None
    next: str | None


class UsedScope(TypedDict):
    """An agent, run, project or user: how many memories it has, and when it was last used."""

    id: str
    memories: int
    last_used: datetime


class ScopeSummary(TypedDict):
    """The agents, runs and projects of a partition, the most recently used ones first."""

    agents: list[UsedScope]
    runs: list[UsedScope]
    projects: list[UsedScope]
    memories: int
    last_used: datetime | None


class KeptCounts(TypedDict):
    """How common words were in a partition, and how far it had come, when they were counted last."""

    seq: int | None
    counts: str | None


class PartitionToCount(TypedDict):
    """A partition whose words have to be counted again, and how far it has come."""

    user_id: str
    seq: int


fulltext_memories = Query("fulltext_memories", FoundMemories)
memory_cards = Query("memory_cards", CardRows)
question = Query("question", QuestionContext)
hydrate_memories = Query("hydrate_memories", Hits)
sample_texts = Query("sample_texts", Texts)
word_counts = Query("word_counts", KeptCounts)
partitions_to_count = Query("partitions_to_count", PartitionToCount)
keep_word_counts = Command("keep_word_counts")
count_recalls = Command("count_recalls")

entities_by_text = Query("entities_by_text", RankedEntity)
entities_connected = Query("entities_connected", ConnectedEntity)
entities_connected_within = Query("entities_connected_within", ConnectedWithin)
entity_facts = Query("entity_facts", EntityFacts)
count_entity_facts = Query("count_entity_facts", HiddenFacts)

changes_since = Query("changes_since", Change)
list_memories = Query("list_memories", ListedMemory)
memory_detail = Query("memory_detail", MemoryDetail)
scope_summary = Query("scope_summary", ScopeSummary)
list_users = Query("list_users", UsedScope)
facts_to_settle = Query("facts_to_settle", FactToSettle)
contradicted_facts = Query("contradicted_facts", ContradictedFact)
