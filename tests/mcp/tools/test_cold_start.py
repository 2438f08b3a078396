"""The first calls of a session that finds no service: each waits for it and is carried out."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support.live import PATIENCE_S, Live, id_of, says

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def cold(session_environment: dict[str, str], ended_service: Path, tmp_path: Path) -> Iterator[Live]:
    """A place in which no service runs, and no Neo4j has been: that of the shared service, if this test comes first."""
    if not ended_service.exists():
        yield Live(tmp_path, session_environment)
        return
    service = Live(tmp_path, {**session_environment, "KNOWTHREAD_DATA_DIR": str(tmp_path / "data")})
    yield service
    service.stop()


@asynccontextmanager
async def agent_at(cold: Live, python: Path, user: str, mode: str) -> AsyncGenerator[Client]:
    """An agent behind ``knowthread mcp``, which waits as long as a busy machine needs."""
    program = f"from mcp_server.shim import stdio; raise SystemExit(stdio.main(patience_s={PATIENCE_S}))"
    parameters = StdioServerParameters(
        command=str(python),
        args=["-I", "-c", program],
        env=cold.environment | {"KNOWTHREAD_USER_ID": user},
        cwd=cold.folder("elsewhere"),
        encoding="utf-8",
    )
    async with Client(stdio_client(parameters), mode=mode) as client:
        yield client


async def at_once(client: Client, tool: str, **arguments: Any) -> Any:
    """The answer of a call that is made once; it must not fail."""
    heard: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    result = await client.call_tool(tool, arguments, read_timeout_seconds=PATIENCE_S, progress_callback=note)
    assert not result.is_error, f"{tool}: {result.content}"
    assert heard == sorted(heard)
    return result.structured_content


async def every_tool(agent: Client, user: str) -> None:
    """Call each of the eleven tools, three of them before there is a service."""
    added, found, listed = await asyncio.gather(
        at_once(agent, "add_memory", text="Redis was rejected", facts=[says("x", "cache", "REJECTED", "Redis")]),
        at_once(agent, "search_memories", query="which cache?"),
        at_once(agent, "list_entities"),
    )
    assert "results" in found and "projects" in listed
    memory_id = id_of(added)
    assert (await at_once(agent, "get_memory", memory_id=memory_id))["memory"] == "Redis was rejected"
    assert (await at_once(agent, "get_memories"))["results"]
    await at_once(agent, "update_memory", memory_id=memory_id, metadata={"a": 1})
    assert (await at_once(agent, "search_graph", query="Redis"))["results"]
    assert (await at_once(agent, "get_entity", name="Redis"))["name"] == "Redis"
    await at_once(agent, "delete_entities", name="cache")
    await at_once(agent, "delete_memory", memory_id=memory_id)
    await at_once(agent, "delete_all_memories", user_id=user)


async def test_the_eleven_tools_work_from_a_cold_start_without_a_failing_call(
    cold: Live, installed: Path, user: str
) -> None:
    """At first with an empty folder, as the wheel brings it, and then with a store that has to start again."""

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [str(installed / "knowthread"), *arguments],
            env=cold.environment, cwd=cold.folder("elsewhere"), capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return done.stdout

    assert json.loads(command("status", "--json"))["running"] is False
    async with agent_at(cold, installed / "python", user, "auto") as agent:
        await every_tool(agent, user)
        added = await at_once(agent, "add_memory", text="Wheels turn in the empty environment.", wait=True)
        (found,) = (await at_once(agent, "search_memories", query="which wheels turn?"))["results"]
        assert (found["memory"], found["id"]) == ("Wheels turn in the empty environment.", id_of(added))
        assert found["project"].startswith("elsewhere~")
    service = psutil.Process(cold.record().pid)
    assert Path(service.cmdline()[0]).is_relative_to(installed), service.cmdline()
    assert "stopped" in command("stop")

    async with agent_at(cold, Path(sys.executable), user, "legacy") as agent:
        await every_tool(agent, user)
