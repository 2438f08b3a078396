"""The first calls of a session that finds no service: each waits for it and is carried out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support.live import PATIENCE_S, Live, id_of, says

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def cold(session_environment: dict[str, str], tmp_path: Path) -> Iterator[Live]:
    """A place in which no service runs, and no Neo4j has been."""
    service = Live(tmp_path, {**session_environment, "KNOWTHREAD_DATA_DIR": str(tmp_path / "data")})
    yield service
    service.stop()


@asynccontextmanager
async def agent_at(cold: Live, user: str) -> AsyncGenerator[Client]:
    """An agent behind ``knowthread mcp``, which waits as long as a busy machine needs."""
    program = f"from mcp_server.shim import stdio; raise SystemExit(stdio.main(patience_s={PATIENCE_S}))"
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-I", "-c", program],
        env=cold.environment | {"KNOWTHREAD_USER_ID": user},
        cwd=cold.folder("elsewhere"),
        encoding="utf-8",
    )
    async with Client(stdio_client(parameters), mode="legacy") as client:
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


async def test_the_eleven_tools_work_from_a_cold_start_without_a_failing_call(cold: Live, user: str) -> None:
    for _ in range(2):  # at first with an empty folder, and then with a store that has to start again
        async with agent_at(cold, user) as agent:
            added, found, listed = await asyncio.gather(
                at_once(
                    agent, "add_memory", text="Redis was rejected", facts=[says("x", "cache", "REJECTED", "Redis")]
                ),
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
        cold.stop()
