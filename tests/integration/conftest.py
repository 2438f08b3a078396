"""The real parts, composed as the service composes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kg.graph.migrate import migrate
from kg.graph.store import GraphAddress, GraphStore
from kg.index.indexer import Indexer
from kg.index.qdrant.embedded import EmbeddedIndex
from kg.operations.memory import MemoryService, Parts
from kg.ports import Embedder
from kg.recall.nothing_fits import Bearings
from kg.recall.recall_counts import RecallCounts
from kg.recall.search import Recall
from kg.writing.delete import Deleting
from tests.support.neo4j import wipe
from tests.support.plain_embedder import PlainEmbedder
from tests.support.user import TestClock, User

MANY_NODES = 1000


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """One that costs nothing: most of these tests ask what the graph holds, not how well search ranks it."""
    return PlainEmbedder()


@pytest.fixture(scope="session")
async def graph(neo4j_address: GraphAddress) -> AsyncIterator[GraphStore]:
    """A connected store with its schema, whose indexes are at work: Neo4j fills new ones in the background."""
    store = GraphStore(neo4j_address)
    await store.connect()
    await migrate(store)
    await store.driver.execute_query("CALL db.awaitIndexes(120)")
    yield store
    await store.close()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session")
def bearings(embedder: Embedder) -> Bearings:
    """What questions are held by, embedded once for all tests."""
    return Bearings(embedder)


@pytest.fixture
def small_graph(graph: GraphStore, neo4j_address: GraphAddress) -> GraphStore:
    """The store, emptied if other tests have left much in it: theirs is strangers' and may stay until then.

    Plans are kept that were made for an almost empty graph. They read all of it, so a look at a few nodes of a large
    one takes seconds.
    """
    wipe(neo4j_address, over=MANY_NODES)
    return graph


@pytest.fixture
async def parts(
    small_graph: GraphStore, embedder: Embedder, bearings: Bearings, clock: TestClock, tmp_path: Path
) -> AsyncIterator[Parts]:
    """Everything behind the operations, with an empty index and no background task running."""
    graph = small_graph
    index = EmbeddedIndex(tmp_path / "qdrant", embedder.name, embedder.dimension, embedder.digest)
    await index.open()
    indexer = Indexer(graph, index, embedder, clock)
    recall, counts = Recall(graph, index, embedder, bearings=bearings), RecallCounts(graph, clock)
    yield Parts(graph, index, embedder, indexer, Deleting(graph, clock), recall, counts, clock)
    await indexer.stop()
    await index.close()


@pytest.fixture
async def service(parts: Parts) -> MemoryService:
    """The eleven operations, with the indexer at work."""
    await parts.indexer.drain()
    parts.indexer.start()
    return MemoryService(parts)


@pytest.fixture
def user(parts: Parts, service: MemoryService, clock: TestClock) -> User:
    """A user that nobody has met before."""
    return User(parts, service, clock)
