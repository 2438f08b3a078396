"""The queries of the side-index: its queue in the graph, and what its points should say."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from kg.graph.queries import Node
from kg.graph.query import Command, Query
from kg.ports import MemoryKind, PointKind


class Earlier(TypedDict):
    """A message that was said before another."""

    uuid: str
    text: str


class PointNode(TypedDict):
    """A node with what its point should say; ``earlier``: the two messages before a message, in order."""

    uuid: str
    user_id: str
    kind: PointKind
    text: str
    agent_id: str | None
    run_id: str | None
    project: str | None
    metadata: str | None
    valid_at: datetime | None
    invalid_at: datetime | None
    owner: str | None
    form: MemoryKind | None
    speaker: str | None
    noise: bool
    earlier: list[Earlier]


class QueuedNode(PointNode):
    """A node that waits for the index; ``gone``: its point is to be removed."""

    index_rev: int
    gone: bool
    created_at: datetime | None


class IndexedNode(PointNode):
    """A node that should have a point; ``waiting``: it waits for the index."""

    terms: str | None
    user_key: str | None
    content_hash: str | None
    waiting: bool


class IndexWork(TypedDict):
    """What the index has to do next; ``tombstones`` are uuids of points to remove."""

    nodes: list[QueuedNode]
    tombstones: list[str]
    bulk_waits: bool


class IndexedPage(TypedDict):
    """A page of nodes that should have points; ``last`` is where the next page begins, None at the end."""

    nodes: list[IndexedNode]
    last: str | None


class RequeuedPage(TypedDict):
    """How many nodes were queued; ``last`` is where to go on, None at the end."""

    last: str | None
    queued: int


class IndexBacklog(TypedDict):
    """How many nodes queued in bulk still wait, and how many of them could not be embedded."""

    waiting: int
    failing: int


class IndexLag(TypedDict):
    """How many nodes and points wait for the index, and why one of the failing nodes failed."""

    waiting: int
    failing: int
    error: str | None
    tombstones: int


class IndexState(TypedDict):
    """Which collection the graph was indexed into, or is being indexed into."""

    name: str
    collection_id: str
    total: int | None


class IndexClaim(TypedDict):
    """Whether a service holds the index, and where the one runs that does.

    ``taken``: whether another index may have been filled since it last held it; ``left_s``: seconds that are left.
    """

    held: bool
    taken: bool
    place: str
    shared: bool
    left_s: int


class IndexKept(TypedDict):
    """Whether a service holds the index until its transaction ends."""

    held: bool


class Attempts(TypedDict):
    """How often it was tried to embed a node."""

    attempts: int


class Retried(TypedDict):
    """How many nodes are tried again."""

    retried: int


class Removed(TypedDict):
    """How many nodes were removed."""

    removed: int


index_work = Query("index_work", IndexWork)
mark_indexed = Query("mark_indexed", Node)
mark_unindexable = Query("mark_unindexable", Attempts)
retry_unindexable = Query("retry_unindexable", Retried)
queue_nodes = Command("queue_nodes")
requeue_all = Query("requeue_all", RequeuedPage)

indexed_nodes = Query("indexed_nodes", IndexedPage)
existing_nodes = Query("existing_nodes", Node)
index_backlog = Query("index_backlog", IndexBacklog)
index_lag = Query("index_lag", IndexLag)
index_state = Query("index_state", IndexState)
set_index_state = Command("set_index_state")
claim_index = Query("claim_index", IndexClaim)
keep_index = Query("keep_index", IndexKept)
release_index = Command("release_index")

mark_tombstones = Command("mark_tombstones")
old_tombstones = Query("old_tombstones", Node)
delete_tombstones = Command("delete_tombstones")
delete_old_requests = Query("delete_old_requests", Removed)
