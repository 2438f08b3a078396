"""The door to Neo4j on a real server: what a session sees of others' writes, and what a server refuses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from neo4j import AsyncGraphDatabase, Bookmarks
from neo4j.api import AsyncBookmarkManager

from kg.errors import CommitInDoubt, StoreUnavailable
from kg.graph import queries as graph_queries
from kg.graph.partition import lock
from kg.graph.store import GraphAddress, GraphStore, Transaction
from kg.ports import SystemClock
from tests.support.bolt_proxy import bolt_proxy


async def _write(store: GraphStore) -> None:
    async def work(tx: Transaction) -> None:
        await lock(tx, f"bookmarks-{uuid4()}", SystemClock())

    await store.write(work, "test")


@asynccontextmanager
async def _connected(
    address: GraphAddress, make_bookmarks: Callable[[], AsyncBookmarkManager]
) -> AsyncGenerator[GraphStore]:
    store = GraphStore(address, make_bookmarks=make_bookmarks)
    await store.connect()
    yield store
    await store.close()


async def test_each_session_is_told_what_the_others_wrote(neo4j_address: GraphAddress) -> None:
    bookmarks = AsyncGraphDatabase.bookmark_manager()
    async with _connected(neo4j_address, lambda: bookmarks) as store:
        await _write(store)
        first = await bookmarks.get_bookmarks()
        assert first, "a read elsewhere in a cluster would not wait for this write"
        await _write(store)
        assert len(second := await bookmarks.get_bookmarks()) == 1 and second != first
        await store.read(graph_queries.graph_counts)
        assert await bookmarks.get_bookmarks() == second


async def test_a_server_that_was_restored_from_an_older_state_is_read_again(neo4j_address: GraphAddress) -> None:
    foreign = AsyncGraphDatabase.bookmark_manager(Bookmarks.from_raw_values(["FB:of-another-server"]))
    made = [AsyncGraphDatabase.bookmark_manager(), foreign]  # the second is made by the connection

    def make() -> AsyncBookmarkManager:
        return made.pop(0) if made else AsyncGraphDatabase.bookmark_manager()

    async with _connected(neo4j_address, make) as store:
        with pytest.raises(StoreUnavailable, match="graph_counts failed"):
            await store.read(graph_queries.graph_counts)
        assert await store.read(graph_queries.graph_counts)


async def test_a_write_whose_server_is_away_names_it_and_leaves_nothing(neo4j_address: GraphAddress) -> None:
    place = urlsplit(neo4j_address.url)
    async with bolt_proxy(str(place.hostname), place.port or 0) as (proxy, url):
        store = GraphStore(replace(neo4j_address, url=url), retry_s=0.2)
        await store.connect()
        await _write(store)
        proxy.die()
        with pytest.raises(StoreUnavailable, match=url) as caught:
            await _write(store)
        assert caught.value.retryable and not isinstance(caught.value, CommitInDoubt)
        proxy.mend()
        await _write(store)
        await store.close()


async def test_a_database_that_is_not_there_is_named_with_its_setting(neo4j_address: GraphAddress) -> None:
    store = GraphStore(replace(neo4j_address, database="nowhere"))
    await store.connect()
    try:
        with pytest.raises(StoreUnavailable, match="no database 'nowhere'; set KNOWTHREAD_NEO4J_DATABASE") as caught:
            await store.read(graph_queries.graph_counts)
        assert not caught.value.retryable
    finally:
        await store.close()
