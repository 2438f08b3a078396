"""These tests ask what the graph holds, not how well search ranks it."""

from __future__ import annotations

import pytest

from kg.graph.store import GraphStore
from kg.ports import Embedder
from kg.recall.bearing import Bearings
from tests.support.plain_embedder import PlainEmbedder


@pytest.fixture(scope="session")
def real_embedder() -> Embedder:
    return PlainEmbedder()


@pytest.fixture(scope="session")
def bearings(real_embedder: Embedder) -> Bearings:
    return Bearings(real_embedder)


@pytest.fixture(autouse=True)
async def nothing_of_others(graph: GraphStore) -> None:
    """A repair looks at everyone's nodes, so what other tests left is taken away first."""
    await graph.driver.execute_query("MATCH (n) WHERE NOT n:SchemaState DETACH DELETE n")
