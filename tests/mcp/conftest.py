"""One real service for the tests of this folder: Neo4j, embedded Qdrant and embedder as they are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kg.settings.paths import cache_dir
from mcp_server.link.stop import stop_service

_PASSED_ON = ("PATH", "LANG", "TMPDIR", "TZ", "USER", "LOGNAME")


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a session with a running service; the Neo4j that is named is used, else a managed one."""
    data = tmp_path_factory.mktemp("live") / "data"
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "KNOWTHREAD_DATA_DIR": str(data),
        "KNOWTHREAD_CACHE_DIR": str(cache_dir()),
        "KNOWTHREAD_IDLE_MINUTES": "0",
        "KNOWTHREAD_USER_ID": f"cli-{uuid4()}",
        "KNOWTHREAD_PROJECT": "github.com/example/app",
    }
    given = os.environ.get("KNOWTHREAD_TEST_NEO4J_URL", "")
    if given:
        environment["KNOWTHREAD_NEO4J_URL"] = given
        environment["KNOWTHREAD_NEO4J_USER"] = os.environ.get("KNOWTHREAD_TEST_NEO4J_USER", "neo4j")
        environment["KNOWTHREAD_NEO4J_PASSWORD"] = os.environ.get("KNOWTHREAD_TEST_NEO4J_PASSWORD", "x")
    command = [sys.executable, "-I", "-m", "mcp_server", "neo4j", "--json"]
    try:
        started = subprocess.run(command, env=environment, cwd=Path.home(), capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stderr
        yield environment
    finally:
        stop_service(data)
