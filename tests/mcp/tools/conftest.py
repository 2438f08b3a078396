"""The service that the tools' tests share, services of a test's own, and users whom they have not met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.live import Live


@pytest.fixture(scope="session")
def live(live_service: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Live:
    """The service that all tests share."""
    return Live(tmp_path_factory.mktemp("folders"), live_service)


@pytest.fixture
def own_service(live_service: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Makes services that may be ended, each with other settings and data of its own."""
    made: list[Live] = []

    def make(**settings: str) -> Live:
        root = tmp_path / f"service {len(made)}"
        root.mkdir()
        shared = {name: value for name, value in live_service.items() if not name.startswith("KNOWTHREAD_NEO4J")}
        made.append(Live(root, {**shared, "KNOWTHREAD_DATA_DIR": str(root / "data"), **settings}))
        return made[-1]

    yield make
    for service in made:
        service.stop()


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return f"tools-{uuid4().hex}"


@pytest.fixture
async def ready(live: Live) -> Live:
    """The shared service, answering."""
    async with live.shim("nobody") as agent:
        await agent.call("list_entities")
    return live
