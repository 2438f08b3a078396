"""The queries of the store itself, and those that several wings use."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.graph.query import Command, Query


class SchemaVersion(TypedDict):
    """The version that the store was brought to."""

    version: int


class UnnamedNode(TypedDict):
    """A node without a name, and the words that its name is made of."""

    uuid: str
    words: str | None


class UnnamedNodes(TypedDict):
    """Nodes without a name among those of one page; ``last`` is where to go on."""

    nodes: list[UnnamedNode]
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


schema_version = Query("schema_version", SchemaVersion)
set_schema_version = Command("set_schema_version")
unnamed_nodes = Query("unnamed_nodes", UnnamedNodes)
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
