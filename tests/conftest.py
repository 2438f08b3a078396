"""What the tests share: one Neo4j and one real embedder in each worker, and who runs in which worker."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

pytest.register_assert_rewrite("tests.support")

from extract.embedders.connect import make_embedder  # noqa: E402
from kg.graph.store import GraphAddress  # noqa: E402
from kg.managed.local_neo4j import LocalNeo4j  # noqa: E402
from kg.ports import Embedder  # noqa: E402
from kg.settings.paths import cache_dir  # noqa: E402
from kg.settings.service import EMBEDDERS, Settings  # noqa: E402
from tests.support.neo4j import close_drivers  # noqa: E402

GIVEN_NEO4J = "KNOWTHREAD_TEST_NEO4J_URL"

GROUPS = {
    **({"neo4j_address": "neo4j"} if os.environ.get(GIVEN_NEO4J) else {}),
    "live_service": "live",
    "place": "toys",
    "shared_toy": "toys",
    "booting_toy": "toys",
}
"""Tests that need one of these fixtures run in one worker: what stands behind it is started once.

Each worker has a Neo4j of its own; one that is given is shared, and some tests empty it.
"""

FIRST = ("live", "neo4j", "tests/integration", "tests/mcp/tools", "toys", "tests/mcp", "tests/contract", "tests")
"""The groups that take longest come first, so that short ones fill what is left; a folder stands for its files."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each test in its group, by default its file's, and the groups in order."""
    groups: dict[pytest.Item, str] = {}
    for item in items:
        needed: list[str] = getattr(item, "fixturenames", [])
        file = item.nodeid.partition("::")[0]
        groups[item] = next((GROUPS[name] for name in GROUPS if name in needed), file)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    items.sort(key=lambda item: next(rank for rank, name in enumerate(FIRST) if groups[item].startswith(name)))


@pytest.fixture(scope="session")
async def neo4j_address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GraphAddress]:
    """A Neo4j for all tests of this worker: the one that is named, else a managed one in a temporary folder."""
    given = os.environ.get(GIVEN_NEO4J, "")
    if given:
        user = os.environ.get("KNOWTHREAD_TEST_NEO4J_USER", "neo4j")
        yield GraphAddress(given, user, os.environ.get("KNOWTHREAD_TEST_NEO4J_PASSWORD", "x"))
        return
    settings = Settings(data_dir=tmp_path_factory.mktemp("managed"), cache_dir=cache_dir())
    local = LocalNeo4j(settings, replan_s=3600)  # tests fill and empty the graph, and no plan is worth another
    address = await local.start()
    try:
        yield GraphAddress(address.bolt_url, address.user, address.password)
    finally:
        await local.stop()


@pytest.fixture(scope="session", autouse=True)
def kept_drivers() -> Iterator[None]:
    """Close the drivers that the tests' own queries went through."""
    yield
    close_drivers()


@pytest.fixture(scope="session")
async def real_embedder() -> AsyncIterator[Embedder]:
    embedder = make_embedder(EMBEDDERS[0], cache_dir())
    yield embedder
    await embedder.close()
