"""Index and graph are compared page by page: what is held at once does not grow with the store."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID
from weakref import WeakSet

import pytest

from kg.graph.store import GraphAddress, GraphStore
from kg.index import queries
from kg.index.compare import INDEXED_LABELS, Drift, drift, point_hash, reconcile
from kg.index.queries import IndexedNode
from kg.language.lucene import user_key
from kg.language.words import content_hash, split_terms
from kg.ports import IndexEntry, PointKind, VectorIndex

PAGE = 10


class Held(dict[str, Any]):
    """A row that can be counted while somebody holds it."""

    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType]


def node(uuid: str, kind: PointKind, text: str = "Ada uses Redis", *, waiting: bool = False) -> IndexedNode:
    row = {
        "uuid": uuid, "user_id": "u", "kind": kind, "text": text, "terms": split_terms(text), "user_key": user_key("u"),
        "content_hash": content_hash(text), "waiting": waiting, "agent_id": None, "run_id": None, "project": None,
        "metadata": None, "valid_at": None, "invalid_at": None, "owner": None, "form": None, "speaker": None,
        "noise": False, "earlier": [],
    }  # fmt: skip
    return cast("IndexedNode", row)


@dataclass
class Both:
    """A graph and an index; each counts what was read of it and is still held.

    Attributes:
        gone: uuids of nodes that have no point by rights, such as facts that ended.
        most: most rows and entries that were held when a page was read.
    """

    nodes: dict[str, IndexedNode]
    entries: dict[str, IndexEntry]
    gone: frozenset[str] = frozenset()
    most: int = 0

    def __post_init__(self) -> None:
        self.alive: WeakSet[Any] = WeakSet()
        self.queued: list[str] = []
        self.deleted: list[str] = []
        self.store = _Store(self)
        self.index = cast("VectorIndex", _Index(self))

    def hand_out(self, found: Sequence[Any]) -> None:
        self.most = max(self.most, len(self.alive) + len(found))
        for one in found:
            self.alive.add(one)

    @classmethod
    def alike(cls, count: int) -> Both:
        chance = random.Random(7)
        uuids = [str(UUID(int=chance.getrandbits(128))) for _ in range(count)]
        kinds: list[PointKind] = ["memory", "fact", "entity"]
        nodes = {uuid: node(uuid, kinds[n % 3], f"text {n}") for n, uuid in enumerate(uuids)}
        return cls(nodes, {uuid: IndexEntry(uuid, row["kind"], point_hash(row)) for uuid, row in nodes.items()})


class _Store(GraphStore):
    def __init__(self, both: Both) -> None:
        super().__init__(GraphAddress("bolt://127.0.0.1:1", "neo4j", "x"))
        self._both = both

    async def read(self, query: Any, /, **params: Any) -> Any:
        if query is queries.existing_nodes:
            return [{"uuid": uuid} for uuid in params["uuids"] if uuid in self._both.nodes]
        label = params["label"].lower()
        uuids = sorted(
            uuid for uuid, row in self._both.nodes.items() if row["kind"] == label and uuid > params["after"]
        )
        page = uuids[: params["top_k"]]
        rows = [Held(self._both.nodes[uuid]) for uuid in page if uuid not in self._both.gone]
        self._both.hand_out(rows)
        return [{"nodes": rows, "last": page[-1] if page else None}]

    async def write(self, work: Any, label: str, **_: Any) -> Any:
        assert label == "queue_nodes"
        return await work(self)

    async def run(self, query: Any, /, **params: Any) -> None:
        assert query is queries.queue_nodes
        self._both.queued += params["uuids"]


class _Index:
    def __init__(self, both: Both) -> None:
        self._both = both

    async def scan(self, batch_size: int) -> AsyncIterator[list[IndexEntry]]:
        uuids = sorted(self._both.entries)
        for start in range(0, len(uuids), batch_size):
            batch = [IndexEntry(**vars(self._both.entries[uuid])) for uuid in uuids[start : start + batch_size]]
            self._both.hand_out(batch)
            yield batch
            del batch

    async def delete_points(self, uuids: Sequence[str]) -> None:
        self._both.deleted += uuids


@pytest.mark.parametrize("count", [200, 2000])
async def test_what_is_held_does_not_grow_with_the_store(count: int) -> None:
    both = Both.alike(count)
    assert await drift(both.store, both.index, page=PAGE) == Drift(count, count, 0, 0, 0, 0, 0)
    sides = 1 + len(INDEXED_LABELS)
    assert both.most <= 2 * sides * PAGE, "a page of each side, and the part that is compared"


async def test_a_store_without_any_points_is_queued_page_by_page() -> None:
    both = Both.alike(500)
    both.entries.clear()
    assert await reconcile(both.store, both.index, page=PAGE) == (500, 0, 0)
    assert sorted(both.queued) == sorted(both.nodes)
    assert both.most <= 2 * (1 + len(INDEXED_LABELS)) * PAGE


async def test_an_index_without_any_nodes_is_emptied() -> None:
    both = Both.alike(95)
    both.nodes.clear()
    assert await reconcile(both.store, both.index, page=PAGE) == (0, 0, 95)
    assert both.deleted == sorted(both.entries)


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
async def test_what_differs_is_told_wherever_a_page_ends(page: int) -> None:
    both = Both.alike(120)
    order = sorted(both.nodes)
    missing, stale, surplus, waiting = order[0::10], order[1::10], order[2::10], order[3::10]
    for uuid in missing:
        del both.entries[uuid]
    for uuid in stale:
        both.entries[uuid] = IndexEntry(uuid, "memory", "of an older text")
    for uuid in surplus:
        del both.nodes[uuid]
    for uuid in waiting:
        del both.entries[uuid]
        both.nodes[uuid] = node(uuid, "memory", waiting=True)
    found = await drift(both.store, both.index, page=page)
    assert found == Drift(108, 96, waiting=12, missing=12, stale=12, surplus=12, texts=0)
    assert await reconcile(both.store, both.index, page=page) == (12, 12, 12)
    assert sorted(both.queued) == sorted([*missing, *stale])
    assert both.deleted == surplus


async def test_pages_of_nodes_that_have_no_points_hold_nothing_up() -> None:
    both = Both.alike(100)
    both.gone = frozenset(uuid for uuid, row in both.nodes.items() if row["kind"] == "fact")
    for uuid in both.gone:
        del both.entries[uuid]
    assert (await drift(both.store, both.index, page=3)).none


@pytest.mark.parametrize("uuid", ["", "zzz", "ABCDEF00-0000-4000-8000-000000000000", "\U0001f600"])
async def test_a_node_with_a_uuid_of_a_hand_s_own_is_missing_and_disturbs_no_other(uuid: str) -> None:
    both = Both.alike(40)
    both.nodes[uuid] = node(uuid, "memory")
    found = await drift(both.store, both.index, page=PAGE)
    assert (found.missing, found.stale, found.surplus) == (1 if uuid else 0, 0, 0)
