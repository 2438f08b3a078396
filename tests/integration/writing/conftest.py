"""What a write offers depends on what texts mean, so the real models embed."""

from __future__ import annotations

import pytest

from kg.ports import Embedder
from kg.recall.bearing import Bearings


@pytest.fixture(scope="session")
def embedder(real_embedder: Embedder) -> Embedder:
    return real_embedder


@pytest.fixture(scope="session")
def bearings(embedder: Embedder) -> Bearings:
    """What questions are held by, embedded once for all tests."""
    return Bearings(embedder)
