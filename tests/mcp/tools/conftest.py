"""The service that the tools' tests share, and users whom it has not met."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
from live import Agent, Live


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with its managed Neo4j; the first session that needs it starts it."""
    service = Live(tmp_path_factory.mktemp("tools"))
    yield service
    service.stop()


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return f"tools-{uuid4().hex}"


@pytest.fixture
async def ready(live: Live) -> Live:
    """The service, answering."""
    async with live.shim("nobody") as agent:
        await agent.call("list_entities")
    return live


@pytest.fixture
async def agent(ready: Live, user: str) -> AsyncIterator[Agent]:
    """A new user's session over HTTP, in no project."""
    async with ready.http(user) as session:
        yield session
