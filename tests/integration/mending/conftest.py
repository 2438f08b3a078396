"""A repair looks at everyone's nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kg.graph.store import GraphAddress, GraphStore
from tests.support.neo4j import wipe


@pytest.fixture(autouse=True)
def nothing_of_others(graph: GraphStore, neo4j_address: GraphAddress) -> Iterator[None]:
    """What other tests left is taken away first, and what a hand broke afterwards."""
    wipe(neo4j_address)
    yield
    wipe(neo4j_address)
