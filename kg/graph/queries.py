"""The queries of the store itself, and those that several wings use."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.graph.nodes import Decision, Fact, Memory
from kg.graph.query import Command, Query


class SchemaVersion(TypedDict):
    """The version that the store was brought to."""

    version: int


class MisnamedNode(TypedDict):
    """A node that may not be called after the words that its name is made of."""

    uuid: str
    name: str | None
    words: str | None


class MisnamedNodes(TypedDict):
    """Nodes that may be misnamed among those of one page; ``last`` is where to go on."""

    nodes: list[MisnamedNode]
    last: str | None


class GraphCounts(TypedDict):
    """How large the graph is; ``jobs`` are the unfinished ones."""

    memories: int
    facts: int
    entities: int
    users: int
    jobs: int


class SpentTokens(TypedDict):
    """What all users' model calls have cost on one day; ``cost`` in USD."""

    tokens: int
    cost: float
    calls: int


class Lock(TypedDict):
    """The last number reserved and the instant; the answer of an earlier attempt, and the fingerprint of its call."""

    seq: int
    last_at: datetime
    earlier: str | None
    call: str | None


class LastInstant(TypedDict):
    """Instant of the last write; None before the first one."""

    last_at: datetime | None


class Node(TypedDict):
    """A node, by its uuid."""

    uuid: str


class FoundEntity(TypedDict):
    """An entity; ``key`` is the alias key that found it, ``merged_into`` the entity that it was merged into."""

    uuid: str
    name: str
    kind: str
    key: str | None
    aliases: list[str]
    created_at: datetime
    merged_into: str | None


class HashedText(TypedDict):
    """The text of a memory with its hash."""

    content_hash: str
    text: str


class Texts(TypedDict):
    """Texts of several memories."""

    texts: list[HashedText]


class DigestNext(TypedDict):
    """The message that follows another one."""

    text: str
    created_at: datetime


class DigestVersion(TypedDict):
    """A replaced state of a memory."""

    uuid: str
    text: str
    metadata: str
    occurred_at: datetime
    created_at: datetime
    replaced_at: datetime


class DigestMention(TypedDict):
    """A name that a memory, or a version of it, bears."""

    state: str
    key: str
    name: str
    role: str
    kind: str | None


class DigestNewer(TypedDict):
    """The fact that replaces another, by what it says."""

    statement: str
    predicate: str
    valid_at: datetime
    created_at: datetime
    expired_at: datetime | None
    text: str | None


class DigestDecision(TypedDict):
    """A decision, and the newer fact."""

    decision: Decision
    by: DigestNewer


class DigestFact(TypedDict):
    """A fact of a memory or of a version of it; subject and object are the names that it was stated by."""

    state: str
    fact: Fact
    subject: str | None
    object: str | None
    decisions: list[DigestDecision]


class DigestMemory(TypedDict):
    """A memory with all that it says and said."""

    memory: Memory
    next: list[DigestNext]
    versions: list[DigestVersion]
    mentions: list[DigestMention]
    facts: list[DigestFact]


class DigestMerge(TypedDict):
    """That an entity was merged into another."""

    keys: list[str]
    reason: str
    at: datetime
    into: list[str]


class DigestClaim(TypedDict):
    """A drawn claim."""

    predicate: str
    object: list[str]
    statement: str
    facts: int
    valid_at: datetime
    invalid_at: datetime | None


class DigestEntity(TypedDict):
    """An entity with its names."""

    uuid: str
    name: str
    kind: str
    keys: list[str]
    current: list[str]
    merged: list[DigestMerge]
    claims: list[DigestClaim]


schema_version = Query("schema_version", SchemaVersion)
set_schema_version = Command("set_schema_version")
misnamed_nodes = Query("misnamed_nodes", MisnamedNodes)
name_nodes = Command("name_nodes")
graph_counts = Query("graph_counts", GraphCounts)

lock_partition = Query("lock_partition", Lock)
last_instant = Query("last_instant", LastInstant)
latest_instant = Query("latest_instant", LastInstant)
create_request = Command("create_request")

account_calls = Command("account_calls")
spent_tokens = Query("spent_tokens", SpentTokens)

find_entities = Query("find_entities", FoundEntity)
memory_texts = Query("memory_texts", Texts)
create_decisions = Command("create_decisions")
create_tombstones = Command("create_tombstones")
digest_memories = Query("digest_memories", DigestMemory)
digest_entities = Query("digest_entities", DigestEntity)
