"""The commands that look after the graph, on a real service with a model behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fakes import FakeOllama
from tests.support.live import PATIENCE_S, Json, Live, id_of, model, read, served_by

pytestmark = pytest.mark.timeout(900)


async def command(live: Live, *arguments: str) -> Any:
    """The JSON that a command prints."""
    done = await asyncio.to_thread(live.run, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_what_models_did_can_be_seen_and_taken_back(own_service: Callable[..., Live], user: str) -> None:
    async with FakeOllama(model) as fake:
        live = own_service(**served_by(fake), KNOWTHREAD_USER_ID=user)
        live.environment["KNOWTHREAD_USER_ID"] = user
        async with live.shim(user) as agent:
            await agent.call("add_memory", text="service billing uses MySQL", wait=True)
            await agent.call("add_memory", text="service billing moved to Postgres", wait=True)
            await agent.call("add_memory", text="service search uses PostgreSQL", wait=True)

            jobs = await command(live, "jobs")
            assert jobs["states"] == {"done": 4}
            shown = await command(live, "jobs", "show", jobs["jobs"][0]["id"])
            assert shown["calls"][0]["model"] == "ollama:qwen3:14b"

            (decided,) = (await command(live, "facts", "conflicts"))["decided"]
            assert (decided["old"]["fact"], decided["reason"]) == ("service billing uses MySQL", "moved")
            assert (await command(live, "facts", "undo", decided["id"]))["stands"]
            assert await objects(agent, "service billing") == {
                "service billing uses MySQL", "service billing uses Postgres",
            }  # fmt: skip

            (merge,) = (await command(live, "entities", "merges"))["merges"]
            assert merge["names"] == ["postgresql"]
            await command(live, "entities", "undo", merge["id"])
            assert await objects(agent, "postgresql") != await objects(agent, "postgres")
            await command(live, "entities", "merge", "PostgreSQL", "--into", "Postgres")
            assert await objects(agent, "postgresql") == await objects(agent, "postgres")


async def objects(agent: Any, name: str) -> set[str]:
    page: Json = await agent.call("get_entity", name=name)
    return {fact["fact"] for fact in page["facts"]}


async def test_a_model_that_comes_later_catches_up(own_service: Callable[..., Live], user: str) -> None:
    live = own_service()
    live.environment["KNOWTHREAD_USER_ID"] = user
    async with live.shim(user) as agent:
        added = await agent.call("add_memory", text="service billing uses MySQL")
        assert added["extraction"] == "skipped"
        refused = await asyncio.to_thread(live.run, "extract", "--pending")
        assert refused.returncode == 1
        assert "no model is set up" in refused.stderr
    live.stop()
    async with FakeOllama(model) as fake:
        live.environment |= served_by(fake)
        async with live.shim(user) as agent:
            await agent.call("list_entities")
            assert (await command(live, "extract", "--pending"))["memories"] == 1
            memory = await read(agent, id_of(added))
            assert [fact["fact"] for fact in memory["facts"]] == ["service billing uses MySQL"]
        live.stop()


async def test_the_index_is_compared_mended_and_built_anew(own_service: Callable[..., Live], user: str) -> None:
    live = own_service()
    live.environment["KNOWTHREAD_USER_ID"] = user
    async with live.shim(user) as agent:
        added = await agent.add("The staging database moved to another host")
        await agent.graph(
            "MATCH (m:Memory {uuid: $id}) SET m.text = 'The staging database was deleted' RETURN 1", id=id_of(added)
        )
        assert (await command(live, "repair", "--check"))["texts"] == 1
        assert (await command(live, "repair"))["texts"] == 1
        assert (await command(live, "repair"))["texts"] == 0
        assert (await command(live, "reindex"))["state"] == "done"
        assert await agent.found("which database is gone?") == ["The staging database was deleted"]
        assert "knowthread_memories 1.0" in await metrics(live)


async def metrics(live: Live) -> str:
    import httpx2

    async with httpx2.AsyncClient(headers=live.headers("anyone"), timeout=PATIENCE_S) as web:
        answer = await web.get(live.url.removesuffix("/mcp") + "/metrics")
        assert answer.status_code == 200
        return answer.text
