"""The door to Neo4j on a real server: what a session sees of others' writes, and what a server refuses."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from neo4j import AsyncGraphDatabase, Bookmarks

from kg.errors import StoreUnavailable
from kg.graph import queries as graph_queries
from kg.graph.partition import lock
from kg.graph.store import GraphAddress, GraphStore, Transaction
from kg.ports import SystemClock


async def _write(store: GraphStore) -> None:
    async def work(tx: Transaction) -> None:
        await lock(tx, f"bookmarks-{uuid4()}", SystemClock())

    await store.write(work, "test")


async def test_each_session_is_told_what_the_others_wrote(graph: GraphStore) -> None:
    await _write(graph)
    first = await graph._bookmarks.get_bookmarks()
    assert first, "a read elsewhere in a cluster would not wait for this write"
    await _write(graph)
    assert len(second := await graph._bookmarks.get_bookmarks()) == 1 and second != first
    await graph.read(graph_queries.graph_counts)
    assert await graph._bookmarks.get_bookmarks() == second


async def test_a_server_that_was_restored_from_an_older_state_is_read_again(graph: GraphStore) -> None:
    graph._bookmarks = AsyncGraphDatabase.bookmark_manager(Bookmarks.from_raw_values(["FB:of-another-server"]))
    with pytest.raises(StoreUnavailable, match="graph_counts failed"):
        await graph.read(graph_queries.graph_counts)
    assert await graph.read(graph_queries.graph_counts)


async def test_a_database_that_is_not_there_is_named_with_its_setting(neo4j_address: GraphAddress) -> None:
    store = GraphStore(replace(neo4j_address, database="nowhere"))
    await store.connect()
    try:
        with pytest.raises(StoreUnavailable, match="no database 'nowhere'; set KNOWTHREAD_NEO4J_DATABASE") as caught:
            await store.read(graph_queries.graph_counts)
        assert not caught.value.retryable
    finally:
        await store.close()
