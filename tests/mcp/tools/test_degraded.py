"""When a part is missing: said clearly, nothing lost, and everything back when the part is."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable

from live import Live


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_without_the_vector_side_words_answer_and_say_so(own_service: Callable[..., Live], user: str) -> None:
    service = own_service(KNOWTHREAD_QDRANT_URL=f"http://127.0.0.1:{_closed_port()}")
    async with service.shim(user) as agent:
        added = await agent.call("add_memory", text="The billing job deadlocks when two exports overlap")
        assert added["indexed"] is False
        answer = await agent.call("search_memories", query="billing deadlocks")
        assert answer["results"][0]["memory"].startswith("The billing job deadlocks")
        assert "similarity" not in answer["results"][0]
        assert any("only words" in reason for reason in answer["degraded"])
        assert "error" in (await agent.status())["index"]


async def test_a_database_that_dies_is_started_again_and_has_everything(
    own_service: Callable[..., Live], user: str
) -> None:
    service = own_service()
    async with service.shim(user) as agent:
        await agent.call("add_memory", text="The cache key must contain the tenant")
        os.kill((await agent.status())["neo4j"]["pid"], signal.SIGKILL)
        failed, _, text = await agent.try_call("get_memories", {})
        assert not failed or "neo4j" in text
        for _ in range(120):
            failed, answer, text = await agent.try_call("get_memories", {})
            if not failed:
                break
            assert "does not answer" in text or "not connected" in text or "failed with" in text
            await asyncio.sleep(1)
        assert [memory["memory"] for memory in answer["results"]] == ["The cache key must contain the tenant"]


async def test_a_neo4j_that_does_not_answer_fails_the_start_with_a_reason(
    own_service: Callable[..., Live], user: str
) -> None:
    service = own_service(KNOWTHREAD_NEO4J_URL=f"bolt://127.0.0.1:{_closed_port()}", KNOWTHREAD_NEO4J_PASSWORD="x")
    async with service.shim(user) as agent:
        failed, _, text = True, None, "not ready yet"
        for _ in range(60):
            failed, _, text = await agent.try_call("get_memories", {})
            if "not ready yet" not in text:
                break
            await asyncio.sleep(1)
        assert failed
        assert "does not answer" in text
