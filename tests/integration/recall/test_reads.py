"""How often a question asks the graph: each read costs a way there and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kg.graph.query import Query, R
from kg.graph.store import GraphAddress, GraphStore
from kg.operations.memory import MemoryService, Parts
from kg.recall.search import Recall
from tests.support.user import User, states

GATEWAY = "The gateway drops long connections because its idle timeout is shorter than the client's"


class ObservedStore(GraphStore):
    """A store that remembers what it was asked to read."""

    def __init__(self, address: GraphAddress) -> None:
        super().__init__(address)
        self.asked: list[str] = []

    async def read(self, query: Query[R], /, **params: Any) -> list[R]:
        self.asked.append(query.name)
        return await super().read(query, **params)


async def test_a_search_asks_the_graph_once_before_the_index_and_once_after_it(
    user: User, parts: Parts, neo4j_address: GraphAddress
) -> None:
    await user.add(GATEWAY, states("the gateway uses nginx", "USES", "gateway", "nginx"), wait=True)
    store = ObservedStore(neo4j_address)
    await store.connect()
    recall = Recall(store, parts.index, parts.embedder, bearings=parts.recall.bearings)
    service = MemoryService(replace(parts, store=store, recall=recall))
    try:
        await service.search_memories(user.session(), query="what drops connections?")
        store.asked.clear()
        answer = await service.search_memories(user.session(), query="which server is the gateway?")
    finally:
        await store.close()
    assert [hit["memory"] for hit in answer["results"]] == [GATEWAY]
    assert store.asked == ["question", "hydrate_memories"]


async def test_a_warmed_partition_is_searched_as_any_other_the_first_time(
    user: User, parts: Parts, neo4j_address: GraphAddress
) -> None:
    await user.add(GATEWAY, states("the gateway uses nginx", "USES", "gateway", "nginx"), wait=True)
    store = ObservedStore(neo4j_address)
    await store.connect()
    recall = Recall(store, parts.index, parts.embedder, bearings=parts.recall.bearings)
    service = MemoryService(replace(parts, store=store, recall=recall))
    try:
        await recall.warm(user.id)
        looked = set(store.asked)
        store.asked.clear()
        await service.search_memories(user.session(), query="what drops connections?")
        first = list(store.asked)
        store.asked.clear()
        await service.search_memories(user.session(), query="what drops connections?")
        assert first == store.asked
        assert set(first) <= looked
    finally:
        await store.close()
