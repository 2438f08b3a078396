"""What a start makes ready: after it no common call sends a statement that the database has not planned yet."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from kg.graph.store import GraphAddress
from kg.index.indexer import Indexer
from kg.operations.memory import MemoryService
from kg.operations.parts import Parts
from kg.operations.warmup import Patience, plan_first, warm_up
from kg.recall.search import Recall
from kg.writing.delete import Deleting
from tests.support.user import TestClock, User, lives_in, states
from tests.support.watched_store import WatchedStore, watched_store


async def quiet() -> bool:
    return True


def on(store: WatchedStore, parts: Parts) -> Parts:
    """The same parts on a store of their own."""
    recall = Recall(store, parts.index, parts.embedder, bearings=parts.recall.bearings)
    indexer = Indexer(store, parts.index, parts.embedder, parts.clock)
    deleting = Deleting(store, parts.clock)
    return replace(parts, store=store, recall=recall, indexer=indexer, deleting=deleting, index_wait_s=0.0)


async def session_of_calls(user: User) -> None:
    """A session's usual calls, each with something to find, to end and to settle."""
    moved = await user.add("The team moved to Oslo", lives_in("Oslo"))
    await user.add("The gateway is nginx", states("the gateway uses nginx", "USES", "gateway", "nginx"))
    await user.indexer.drain()
    other = await user.add("The gateway is Envoy", states("the gateway uses Envoy", "USES", "gateway", "Envoy"))
    again = await user.add("And to Bergen", lives_in("Bergen", supersedes=[moved.fact]))
    await user.indexer.drain()
    await user.search("which server is the gateway?")
    await user.memory.search_graph(user.session(), query="gateway")
    await user.memory.search_graph(user.session())
    await user.memory.get_memories(user.session())
    await user.memory.list_entities(user.session())
    await user.get(other.id)
    await user.entity("gateway")
    await user.memory.add_memory(user.session(), facts=[{"id": again.fact, "supersedes": [other.fact]}])
    await user.update(other.id, text="The gateway is Caddy")
    await user.delete(moved.id)


async def test_after_a_start_the_usual_calls_send_nothing_that_is_not_planned(
    user: User, parts: Parts, neo4j_address: GraphAddress, clock: TestClock
) -> None:
    async with watched_store(neo4j_address) as store:
        watched = on(store, parts)
        memory = MemoryService(watched)
        await warm_up(watched, memory, user.id, quiet, 1)
        ready = {*store.planned, *store.sent, *((name,) for name in store.asked)}
        store.asked.clear()
        store.sent.clear()
        try:
            await session_of_calls(User(watched, memory, clock, id=user.id))
        finally:
            await watched.indexer.stop()
        sent = {*store.sent, *((name,) for name in store.asked)}
    assert ("create_graph", "create_jobs", "project_claims", "create_request", "namesakes") in sent
    assert sent - ready == set()


async def test_rehearsals_end_where_somebody_calls_all_the_time(
    user: User, parts: Parts, neo4j_address: GraphAddress
) -> None:
    rehearsed: list[int] = []
    answers: dict[int, Callable[[], Awaitable[bool]]] = {
        30: Patience(lambda: 0.0, patience_s=0.0).until_quiet,
        3: Patience(lambda: math.inf).until_quiet,
    }
    async with watched_store(neo4j_address) as store:
        watched = on(store, parts)
        for rehearsals, until_quiet in answers.items():
            store.sent.clear()
            await warm_up(watched, MemoryService(watched), user.id, until_quiet, rehearsals)
            rehearsed.append(len([names for names in store.sent if "create_graph" in names]))
    assert rehearsed == [0, 3]


async def test_a_search_sends_little_more_than_what_is_planned_while_a_start_goes_on(
    user: User, parts: Parts, neo4j_address: GraphAddress, clock: TestClock
) -> None:
    found = await user.add("The gateway is nginx")
    await user.indexer.drain()
    async with watched_store(neo4j_address) as store:
        await plan_first(store)
        watched = on(store, parts)
        answer = await User(watched, MemoryService(watched), clock, id=user.id).search("which server is the gateway?")
        assert [hit["id"] for hit in answer["results"]] == [found.id]
        sent = {(name,) for name in store.asked} - set(store.planned)
    assert sent <= {("word_counts",), ("sample_texts",)}, "which take few milliseconds to plan"
