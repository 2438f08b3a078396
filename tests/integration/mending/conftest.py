"""These tests ask what the graph holds, not how well search ranks it."""

from __future__ import annotations

import pytest

from kg.graph.store import GraphAddress, GraphStore
from kg.ports import Embedder
from kg.recall.bearing import Bearings
from tests.support.neo4j import wipe
from tests.support.plain_embedder import PlainEmbedder


@pytest.fixture(scope="session")
def real_embedder() -> Embedder:
    return PlainEmbedder()


@pytest.fixture(scope="session")
def bearings(real_embedder: Embedder) -> Bearings:
    return Bearings(real_embedder)


@pytest.fixture(autouse=True)
def nothing_of_others(graph: GraphStore, neo4j_address: GraphAddress) -> None:
    """A repair looks at everyone's nodes, so what other tests left is taken away first."""
    wipe(neo4j_address)
