"""Compare the index with the graph, point by point, without embedding anything."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from kg.graph.store import GraphStore
from kg.index import queries
from kg.index.queries import IndexedNode, PointNode
from kg.language.lucene import user_key
from kg.language.words import content_hash, split_terms
from kg.ports import VectorIndex

INDEXED_LABELS = ("Memory", "Fact", "Entity")
"""Labels of the nodes that have a point each."""

PAGE = 1000
"""Nodes read at once."""


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
class _Comparison:
    missing: list[str]
    stale: list[str]
    surplus: list[str]
    edited: list[IndexedNode]
    nodes: int = 0
    points: int = 0
    waiting: int = 0


async def drift(store: GraphStore, index: VectorIndex) -> Drift:
    """Compare index and graph without changing anything; reads every text once.

    Raises:
        StoreUnavailable: a store does not answer, or the index is of another embedder.
    """
    found = await _compare(store, index)
    return Drift(
        found.nodes,
        found.points,
        found.waiting,
        len(found.missing),
        len(found.stale),
        len(found.surplus),
        len(found.edited),
    )


async def reconcile(store: GraphStore, index: VectorIndex) -> tuple[int, int, int]:
    """Queue nodes whose points are missing or stale and remove points without nodes; return how many of each.

    Raises:
        StoreUnavailable: a store does not answer, or the index is of another embedder.
    """
    found = await _compare(store, index)
    wanted = [*found.missing, *found.stale]
    for start in range(0, len(wanted), PAGE):
        chunk = wanted[start : start + PAGE]
        await store.write(lambda tx, c=chunk: tx.run(queries.queue_nodes, uuids=c), "queue_nodes")
    for start in range(0, len(found.surplus), PAGE):
        await index.delete_points(found.surplus[start : start + PAGE])
    return len(found.missing), len(found.stale), len(found.surplus)


async def _compare(store: GraphStore, index: VectorIndex) -> _Comparison:
    points = {entry.uuid: entry.content_hash async for batch in index.scan() for entry in batch}
    found = _Comparison([], [], [], [], points=len(points))
    async for rows in indexed_nodes(store, INDEXED_LABELS):
        read = await asyncio.to_thread(read_all, rows)  # a page of long texts takes a second
        for row, (edited, fingerprint) in zip(rows, read, strict=True):
            found.nodes += 1
            held = points.pop(row["uuid"], None)
            if edited:
                found.edited.append(row)
            if row["waiting"]:
                found.waiting += 1
            elif held is None:
                found.missing.append(row["uuid"])
            elif held != fingerprint:
                found.stale.append(row["uuid"])
    left = sorted(points)
    for start in range(0, len(left), PAGE):  # some may be of nodes that came to be meanwhile
        chunk = left[start : start + PAGE]
        present = {row["uuid"] for row in await store.read(queries.existing_nodes, uuids=chunk)}
        found.surplus.extend(uuid for uuid in chunk if uuid not in present)
    return found


async def indexed_nodes(store: GraphStore, labels: Sequence[str]) -> AsyncIterator[list[IndexedNode]]:
    """Yield the nodes that should have points, in batches."""
    for label in labels:
        after: str | None = ""
        while after is not None:
            page = await store.read_one(queries.indexed_nodes, label=label, after=after, top_k=PAGE)
            yield page["nodes"]
            after = page["last"]


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
