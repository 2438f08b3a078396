"""A managed Neo4j that is killed: the service starts another one, and calls go on."""

from __future__ import annotations

import os
import signal

import pytest

from mcp_server.link.processes import process_start
from tests.support.live import AGAIN, Agent, Live, calls_until_it_works, until

pytestmark = pytest.mark.timeout(900)

JAM = "The paper jam was caused by a worn roller"


@pytest.mark.parametrize("deaths", [1, pytest.param(2, marks=pytest.mark.faults)])
async def test_a_managed_neo4j_that_dies_is_started_again(live: Live, user: str, deaths: int) -> None:
    temporary = live.data / "neo4j" / "tmp"
    async with live.shim(user) as agent:
        await agent.add(JAM)
        service = live.record().pid
        for again in range(deaths):
            await until("which Neo4j runs", lambda: neo4j_lives(agent))
            left = set(temporary.iterdir())
            assert any(file.name.startswith("jetty-") for file in left), "Java's temporary files are elsewhere"
            former = (await agent.status())["neo4j"]["pid"]
            os.kill(former, signal.SIGKILL)
            refusals = await calls_until_it_works(agent, f"Said after death {again}")
            assert all(any(words in text for words in AGAIN) for text in refusals)
            await until("another Neo4j runs", lambda: neo4j_lives(agent))
            assert (await agent.status())["neo4j"]["pid"] != former
            assert not left & set(temporary.iterdir())
        assert live.record().pid == service
        texts = [row["memory"] for row in await agent.listed()]
        assert texts == [*(f"Said after death {again}" for again in reversed(range(deaths))), JAM]
        await agent.indexed()
        assert set(await agent.found("paper jam, death")) == set(texts)


async def neo4j_lives(agent: Agent) -> bool:
    """Whether the process that the service tells of is there: a new one answers before the service knows its number."""
    return process_start((await agent.status())["neo4j"]["pid"]) is not None
