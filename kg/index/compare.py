"""Compare the index with the graph, point by point, without embedding anything.

Both are read in the order of uuids, a page of each at a time, so memory does not grow with the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kg.graph.store import GraphStore
from kg.index import queries
from kg.index.queries import IndexedNode, IndexedPage, PointNode
from kg.language.lucene import user_key
from kg.language.words import content_hash, split_terms
from kg.ports import IndexEntry, VectorIndex

INDEXED_LABELS = ("Memory", "Fact", "Entity")
"""Labels of the nodes that have a point each."""

PAGE = 1000
"""Nodes read at once."""

T = TypeVar("T")


@dataclass(frozen=True)
class Drift:
    """How the index differs from the graph, nodes that wait for it anyway left out.

    Attributes:
        nodes: nodes that should have a point; points: points that there are.
        waiting: nodes that wait for the index.
        missing: nodes without a point; stale: nodes whose point says something else.
        surplus: points without a node.
        texts: memories whose text or hash, and entities whose name or terms, were changed by hand.
    """

    nodes: int
    points: int
    waiting: int
    missing: int
    stale: int
    surplus: int
    texts: int

    @property
    def none(self) -> bool:
        """Whether both sides agree."""
        return not (self.missing or self.stale or self.surplus or self.texts)


@dataclass
class _Differences:
    """How index and graph differ between two uuids, or from one on."""

    nodes: int = 0
    points: int = 0
    waiting: int = 0
    edited: int = 0
    missing: list[str] = field(default_factory=list[str])
    stale: list[str] = field(default_factory=list[str])
    surplus: list[str] = field(default_factory=list[str])


async def drift(store: GraphStore, index: VectorIndex, *, page: int = PAGE) -> Drift:
    """Compare index and graph without changing anything; reads every text once.

    Args:
        store: the graph.
        index: the side-index.
        page: how many nodes of each label, and how many points, are held at once.

    Raises:
        StoreUnavailable: a store does not answer, or the index is of another embedder.
    """
    nodes = points = waiting = missing = stale = surplus = edited = 0
    async for found in _compare(store, index, page):
        nodes += found.nodes
        points += found.points
        waiting += found.waiting
        missing += len(found.missing)
        stale += len(found.stale)
        surplus += len(found.surplus)
        edited += found.edited
    return Drift(nodes, points, waiting, missing, stale, surplus, edited)


async def reconcile(store: GraphStore, index: VectorIndex, *, page: int = PAGE) -> tuple[int, int, int]:
    """Queue nodes whose points are missing or stale and remove points without nodes; return how many of each.

    Args:
        store: the graph.
        index: the side-index.
        page: how many nodes of each label, and how many points, are held at once.

    Raises:
        StoreUnavailable: a store does not answer, or the index is of another embedder.
    """
    missing = stale = surplus = 0
    async for found in _compare(store, index, page):
        wanted = [*found.missing, *found.stale]
        if wanted:
            await store.write(lambda tx, w=wanted: tx.run(queries.queue_nodes, uuids=w), "queue_nodes")
        if found.surplus:
            await index.delete_points(found.surplus)
        missing += len(found.missing)
        stale += len(found.stale)
        surplus += len(found.surplus)
    return missing, stale, surplus


async def _compare(store: GraphStore, index: VectorIndex, page: int) -> AsyncIterator[_Differences]:
    """Yield how both differ, part after part in the order of uuids.

    A part ends where the first of the pages at hand ends: up to there all of them have been read.
    """
    points = _Ahead(_batches(index, page), lambda entry: entry.uuid)
    labels = [_Ahead(_node_batches(store, label, page), lambda row: row["uuid"]) for label in INDEXED_LABELS]
    while True:
        ends = [end for end in [await points.end(), *[await nodes.end() for nodes in labels]] if end is not None]
        until = min(ends, default=None)
        entries = points.take(until)
        rows = [row for nodes in labels for row in nodes.take(until)]
        yield await _differences(store, entries, rows)
        if until is None:
            return


async def _differences(store: GraphStore, entries: Sequence[IndexEntry], rows: Sequence[IndexedNode]) -> _Differences:
    """Compare some points with the nodes of the same range of uuids."""
    held = {entry.uuid: entry.content_hash for entry in entries}
    found = _Differences(nodes=len(rows), points=len(entries))
    read = await asyncio.to_thread(read_all, rows)  # a page of long texts takes a second
    for row, (edited, fingerprint) in zip(rows, read, strict=True):
        said = held.pop(row["uuid"], None)
        found.edited += edited
        if row["waiting"]:
            found.waiting += 1
        elif said is None:
            found.missing.append(row["uuid"])
        elif said != fingerprint:
            found.stale.append(row["uuid"])
    if held:  # some may be of nodes that came to be meanwhile
        present = {row["uuid"] for row in await store.read(queries.existing_nodes, uuids=list(held))}
        found.surplus.extend(uuid for uuid in held if uuid not in present)
    return found


class _Ahead(Generic[T]):
    """One side of the comparison: what was read ahead of it, in the order of uuids.

    Args:
        batches: yields items and the uuid up to which it has read; None as the last one.
        uuid_of: returns an item's uuid.
    """

    def __init__(self, batches: AsyncIterator[tuple[list[T], str | None]], uuid_of: Callable[[T], str]) -> None:
        self._batches = batches
        self._uuid_of = uuid_of
        self._items: list[T] = []
        self._end: str | None = ""

    async def end(self) -> str | None:
        """Return the uuid up to which all was read, after reading more if nothing is left; None once all was read."""
        while not self._items and self._end is not None:
            self._items, self._end = await anext(self._batches)
        return self._end

    def take(self, until: str | None) -> list[T]:
        """Return what was read up to a uuid, for good; all of it for None."""
        many = len(self._items) if until is None else bisect_right(self._items, until, key=self._uuid_of)
        taken, self._items = self._items[:many], self._items[many:]
        return taken


async def _batches(index: VectorIndex, page: int) -> AsyncIterator[tuple[list[IndexEntry], str | None]]:
    async for batch in index.scan(page):
        yield batch, batch[-1].uuid
    yield [], None


async def _node_batches(
    store: GraphStore, label: str, page: int
) -> AsyncIterator[tuple[list[IndexedNode], str | None]]:
    async for found in _pages(store, label, page):
        yield found["nodes"], found["last"]


async def indexed_nodes(store: GraphStore, labels: Sequence[str]) -> AsyncIterator[list[IndexedNode]]:
    """Yield the nodes that should have points, in batches."""
    for label in labels:
        async for found in _pages(store, label, PAGE):
            yield found["nodes"]


async def _pages(store: GraphStore, label: str, page: int) -> AsyncIterator[IndexedPage]:
    after: str | None = ""
    while after is not None:
        found = await store.read_one(queries.indexed_nodes, label=label, after=after, top_k=page)
        yield found
        after = found["last"]


def read_all(rows: Sequence[IndexedNode]) -> list[tuple[bool, str]]:
    """Return of each node whether it was edited, and what its point should say."""
    return [(row["kind"] != "fact" and _is_edited(row), point_hash(row)) for row in rows]


def _is_edited(row: Mapping[str, object]) -> bool:
    """Tell whether a memory's hash, or its or an entity's terms or key, do not follow from its words and its user."""
    text = row["text"]
    if not isinstance(text, str):  # a person may write anything
        return False  # nothing follows from it; the index refuses it with its reason
    hashed = row["kind"] != "memory" or row["content_hash"] == content_hash(text)
    keyed = row["kind"] == "fact" or row["user_key"] == user_key(str(row["user_id"]))
    return not hashed or not keyed or row["terms"] != split_terms(text)


def point_hash(node: PointNode) -> str:
    """Return the fingerprint of what a point should say, so that drift is found without embedding."""
    said = ("kind", "text", "user_id", "agent_id", "run_id", "project", "metadata", "owner", "form", "speaker", "noise")
    earlier = [(message["uuid"], message["text"]) for message in node["earlier"]]
    parts = [*(node[key] for key in said), earlier, str(node["valid_at"]), str(node["invalid_at"])]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]
