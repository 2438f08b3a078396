"""One real service for the tests of this folder, as it is installed, and stand-ins for it that start quickly."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kg.settings.paths import cache_dir
from mcp_server.link.stop import stop_service
from tests.support.toy import Toy
from tests.support.toy_admin_place import Place

_PASSED_ON = ("PATH", "LANG", "TMPDIR", "TZ", "USER", "LOGNAME")


@pytest.fixture(scope="session")
def session_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a session whose data folder does not exist yet."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return environment | {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "KNOWTHREAD_DATA_DIR": str(tmp_path_factory.mktemp("live") / "data"),
        "KNOWTHREAD_CACHE_DIR": str(cache_dir()),
        "KNOWTHREAD_IDLE_MINUTES": "0",
        "KNOWTHREAD_REHEARSALS": "0",
        "KNOWTHREAD_USER_ID": f"cli-{uuid4()}",
        "KNOWTHREAD_PROJECT": "github.com/example/app",
    }


@pytest.fixture(scope="session")
def ended_service(session_environment: dict[str, str]) -> Iterator[Path]:
    """The session's data folder, in which no service is left running."""
    folder = Path(session_environment["KNOWTHREAD_DATA_DIR"])
    yield folder
    stop_service(folder)


@pytest.fixture(scope="session")
def live_service(session_environment: dict[str, str], ended_service: Path) -> dict[str, str]:
    """The environment of a session with a running service, which manages its Neo4j."""
    command = [sys.executable, "-I", "-m", "mcp_server", "neo4j", "--json"]
    started = subprocess.run(
        command, env=session_environment, cwd=Path.home(), capture_output=True, text=True, check=False
    )
    assert started.returncode == 0, started.stderr
    return session_environment


@pytest.fixture
async def toy(tmp_path: Path) -> AsyncIterator[Toy]:
    """A data folder for a stand-in service of the test's own, which may boot slowly, die and be ended."""
    toy = Toy(tmp_path)
    await toy.prepare()
    yield toy
    await asyncio.to_thread(toy.close)


@pytest.fixture(scope="session")
async def running_toy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Toy]:
    """A stand-in service that runs as long as the session does."""
    toy = Toy(tmp_path_factory.mktemp("toy"))
    await toy.prepare()
    await asyncio.to_thread(toy.start)
    yield toy
    await asyncio.to_thread(toy.close)


@pytest.fixture
def shared_toy(running_toy: Toy) -> Toy:
    """The stand-in service that runs, for tests that leave it as it is; what others did through it is forgotten."""
    running_toy.forget()
    return running_toy


@pytest.fixture(scope="session")
async def booting_toy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Toy]:
    """A stand-in service that takes longer to boot than the session lasts."""
    toy = Toy(tmp_path_factory.mktemp("booting"))
    await toy.prepare()
    toy.boot(seconds=36_000)
    yield toy
    await asyncio.to_thread(toy.close)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A running stand-in service with what people do beside the tools, and with models."""
    place = Place(tmp_path_factory.mktemp("place"))
    try:
        place.boot()
        yield place
    finally:
        place.close()


@pytest.fixture
def own_place(tmp_path: Path) -> Iterator[Place]:
    """A stand-in service of that kind of a test's own; the test boots it."""
    place = Place(tmp_path)
    yield place
    place.close()
