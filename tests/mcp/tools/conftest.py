"""The service that the tools' tests share, services of a test's own, and users whom they have not met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kg.graph.store import GraphAddress
from tests.support.live import Live
from tests.support.neo4j import wipe


@pytest.fixture(scope="session")
def live(live_service: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Live:
    """The service that all tests share."""
    return Live(tmp_path_factory.mktemp("folders"), live_service)


@pytest.fixture
def own_service(
    session_environment: dict[str, str], neo4j_address: GraphAddress, tmp_path: Path
) -> Iterator[Callable[..., Live]]:
    """Makes services that may be ended, each with other settings and data of its own, on a Neo4j that is empty."""
    made: list[Live] = []
    ours = {
        "KNOWTHREAD_NEO4J_URL": neo4j_address.url,
        "KNOWTHREAD_NEO4J_USER": neo4j_address.user,
        "KNOWTHREAD_NEO4J_PASSWORD": neo4j_address.password,
    }
    wipe(neo4j_address)

    def make(**settings: str) -> Live:
        root = tmp_path / f"service {len(made)}"
        root.mkdir()
        made.append(Live(root, {**session_environment, **ours, "KNOWTHREAD_DATA_DIR": str(root / "data"), **settings}))
        return made[-1]

    yield make
    for service in made:
        service.stop()
    wipe(neo4j_address)


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return f"tools-{uuid4().hex}"


@pytest.fixture
async def ready(live: Live) -> Live:
    """The shared service, answering; it is waited for only where it is new."""
    if not live.answers():
        async with live.shim("nobody") as agent:
            await agent.call("list_entities")
    return live
