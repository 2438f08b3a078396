"""What the tests share: one Neo4j and one real embedder in each worker, and who runs in which worker."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.support")

from extract.embedders.connect import make_embedder  # noqa: E402
from kg.graph.store import GraphAddress  # noqa: E402
from kg.managed.local_neo4j import LocalNeo4j  # noqa: E402
from kg.ports import Embedder  # noqa: E402
from kg.settings.paths import cache_dir  # noqa: E402
from kg.settings.service import EMBEDDERS, Settings  # noqa: E402
from tests.support.neo4j import close_drivers  # noqa: E402
from tests.support.wheel import installed, wheel  # noqa: E402

__all__ = ["installed", "wheel"]

GIVEN_NEO4J = "KNOWTHREAD_TEST_NEO4J_URL"

LIVE = (
    "tests/integration/test_wheel.py",
    "tests/mcp/browser/test_neo4j_browser.py",
    "tests/mcp/cli/test_browse_command.py",
    "tests/mcp/cli/test_commands.py",
    "tests/mcp/cli/test_picture_commands.py",
    "tests/mcp/cli/test_repair_command.py",
    "tests/mcp/cli/test_report_command.py",
    "tests/mcp/tools/test_bad_input.py",
    "tests/mcp/tools/test_budget.py",
    "tests/mcp/tools/test_cold_start.py",
    "tests/mcp/tools/test_neo4j_dies.py",
    "tests/mcp/tools/test_tools.py",
)
"""Files that need the service that all share, or the wheel: they run in one worker, in which each is made once."""

COLD = "tests/mcp/tools/test_cold_start.py"
"""The first start of the shared service."""

LAST = (
    "tests/integration/graph/test_cypher_files.py",
    "tests/integration/mending/test_counts.py",
    "tests/mcp/tools/test_neo4j_dies.py",
)
"""What leaves a Neo4j without the plans that it has made: it is killed, or loses an index and gets it again."""

CROWDED = "tests/integration/graph/test_three_services.py"
"""Many sessions at once: before a query is planned, each of them would have it planned for itself."""

OWN_NEO4J = (
    "tests/integration/embedders",
    "tests/integration/managed",
    "tests/integration/test_background.py",
    "tests/integration/test_compose.py",
)
"""Files that stand among those of the graph, and need none or bring their own."""

SECOND_GRAPH = (
    "tests/integration/graph",
    "tests/integration/index",
    "tests/integration/jobs",
    "tests/integration/recall",
    "tests/integration/reports",
    "tests/integration/test_warmup.py",
    "tests/integration/writing",
)
"""About half of what the tests of the graph take, so that two workers share them."""

FIRST = ("graph", "second graph", "live", "tests/mcp", "tests/integration", "tests/contract", "tests")
"""The groups that take longest come first, so that short ones fill what is left; a folder stands for its files."""


MEMORY_DISK = Path("/dev/shm")
ROOM_BYTES = 4 << 30


def pytest_configure() -> None:
    """Keep the tests' stores in memory where there is room, because most tests make one, and a disk is slow at that.

    The variable is pytest's own. If it is set already, or ``--basetemp`` is given, that counts.
    """
    if os.access(MEMORY_DISK, os.W_OK) and shutil.disk_usage(MEMORY_DISK).free >= ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give workers whole groups of tests. (xdist's own groups are lost on the node ids of pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return GroupScheduling(config, log)


def group_of(nodeid: str) -> str:
    """Return the group of a test, by default its file.

    What asks a graph is in few groups, because each Neo4j plans every query anew, at a tenth of a second each. Some of
    these tests empty the graph, so a Neo4j that is given to all workers is left to one group.
    """
    file = nodeid.partition("::")[0]
    if file in LIVE:
        return "live"
    if file.startswith(OWN_NEO4J) or not file.startswith(("tests/integration", "tests/mcp/tools")):
        return file
    return "second graph" if file.startswith(SECOND_GRAPH) and not os.environ.get(GIVEN_NEO4J) else "graph"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the groups in order."""
    for item in items:
        needed: list[str] = getattr(item, "fixturenames", [])
        assert "live_service" not in needed or group_of(item.nodeid) == "live", (
            f"name the file of {item.nodeid} in LIVE"
        )
    items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what the collection made: thousands of tests that stay to the end."""
    gc.collect()
    gc.freeze()


def _rank(item: pytest.Item) -> tuple[int, int]:
    """Return the place of a test: that of its group; in it the first start, and last what costs Neo4j its plans."""
    group, test = group_of(item.nodeid), item.nodeid
    place = 2 * test.startswith(LAST) + test.startswith(CROWDED) - test.startswith(COLD)
    return next(rank for rank, name in enumerate(FIRST) if group.startswith(name)), place


@pytest.fixture(scope="session")
async def neo4j_address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GraphAddress]:
    """A Neo4j for all tests of this worker: the one that is named, else a managed one in a temporary folder."""
    given = os.environ.get(GIVEN_NEO4J, "")
    if given:
        user = os.environ.get("KNOWTHREAD_TEST_NEO4J_USER", "neo4j")
        yield GraphAddress(given, user, os.environ.get("KNOWTHREAD_TEST_NEO4J_PASSWORD", "x"))
        return
    settings = Settings(data_dir=tmp_path_factory.mktemp("managed"), cache_dir=cache_dir())
    # Tests fill and empty the graph, and no plan is worth another. A small heap is collected all the time.
    local = LocalNeo4j(settings, replan_s=3600, more_flags=("-Xms512m", "-Xmn256m", "-XX:MaxHeapFreeRatio=70"))
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
