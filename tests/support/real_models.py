"""The fixtures of tests whose outcome depends on what texts mean: the real models embed.

A ``conftest.py`` that imports both names puts them in the place of the plain embedder for its folder.
"""

from __future__ import annotations

import pytest

from kg.ports import Embedder
from kg.recall.nothing_fits import Bearings
from kg.settings.paths import cache_dir


@pytest.fixture(scope="session")
def embedder(real_embedder: Embedder) -> Embedder:
    return real_embedder


@pytest.fixture(scope="session")
def bearings(embedder: Embedder) -> Bearings:
    """What questions are held by, embedded once for all runs."""
    return Bearings(embedder, cache_dir())
