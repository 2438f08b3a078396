"""How often a question asks the graph: each read costs a way there and back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from kg.graph.store import GraphAddress
from kg.operations.memory import MemoryService, Parts
from kg.recall.search import Recall
from tests.support.user import User, states
from tests.support.watched_store import watched_store

GATEWAY = "The gateway drops long connections because its idle timeout is shorter than the client's"


@asynccontextmanager
async def watched(
    user: User, parts: Parts, address: GraphAddress
) -> AsyncGenerator[tuple[MemoryService, Recall, list[str]]]:
    """A service on a store of its own in which one note lies, and the names of the queries that it reads."""
    await user.add(GATEWAY, states("the gateway uses nginx", "USES", "gateway", "nginx"), wait=True)
    async with watched_store(address) as store:
        recall = Recall(store, parts.index, parts.embedder, bearings=parts.recall.bearings)
        yield MemoryService(replace(parts, store=store, recall=recall)), recall, store.asked


async def test_a_search_asks_the_graph_once_before_the_index_and_once_after_it(
    user: User, parts: Parts, neo4j_address: GraphAddress
) -> None:
    async with watched(user, parts, neo4j_address) as (service, _, asked):
        await service.search_memories(user.session(), query="what drops connections?")
        asked.clear()
        answer = await service.search_memories(user.session(), query="which server is the gateway?")
        assert [hit["memory"] for hit in answer["results"]] == [GATEWAY]
        assert asked == ["question", "hydrate_memories"]


async def test_what_replaced_a_memory_comes_with_the_same_read(
    user: User, parts: Parts, neo4j_address: GraphAddress
) -> None:
    old = await user.add("Sessions lie in Redis", states("sessions use Redis", "USES", "sessions", "Redis"), wait=True)
    cookies = states("sessions use cookies", "USES", "sessions", "cookies", supersedes=[old.fact])
    newer = await user.add("Moved, nothing is kept on the server", cookies, wait=True)
    async with watched(user, parts, neo4j_address) as (service, _, asked):
        await service.search_memories(user.session(), query="what drops connections?")
        asked.clear()
        answer = await service.search_memories(user.session(), query="do sessions lie in Redis?", limit=2)
        assert [hit["id"] for hit in answer["results"]] == [newer.id, old.id]
        assert asked == ["question", "hydrate_memories"]


async def test_a_warmed_partition_is_searched_as_any_other_the_first_time(
    user: User, parts: Parts, neo4j_address: GraphAddress
) -> None:
    async with watched(user, parts, neo4j_address) as (service, recall, asked):
        await recall.rehearse(user.id)
        looked = set(asked)
        asked.clear()
        await service.search_memories(user.session(), query="what drops connections?")
        first = list(asked)
        asked.clear()
        await service.search_memories(user.session(), query="what drops connections?")
        assert first == asked
        assert set(first) <= looked
