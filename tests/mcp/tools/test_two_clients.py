"""Two agents in two projects write at once, and the service is killed in the middle: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable

from live import Agent, Live, says

ADDS = int(os.environ.get("KNOWTHREAD_TEST_ADDS", "30"))


async def _write(agent: Agent, project: str, acknowledged: dict[str, str], half_way: asyncio.Event) -> None:
    for number in range(ADDS):
        text = f"Note {number} of {project}: the deploy step {number} needs Redis"
        fact = says(f"Step {number} of {project} needs Redis", f"{project} step {number}", "REQUIRES", "Redis")
        answer = await agent.call("add_memory", text=text, facts=[fact])
        acknowledged[answer["results"][0]["id"]] = text
        if number == ADDS // 2:
            half_way.set()


async def test_a_killed_service_loses_and_doubles_nothing(own_service: Callable[..., Live], user: str) -> None:
    service = own_service()
    half_way = asyncio.Event()
    stored: dict[str, dict[str, str]] = {"alpha": {}, "beta": {}}
    async with (
        service.shim(user, service.folder("alpha")) as first,
        service.shim(user, service.folder("beta")) as second,
    ):
        await first.call("list_entities")
        pid = int(service.record().pid)

        async def kill() -> None:
            await half_way.wait()
            assert service.kill() == pid

        await asyncio.gather(
            _write(first, "alpha", stored["alpha"], half_way),
            _write(second, "beta", stored["beta"], half_way),
            kill(),
        )
        assert int(service.record().pid) != pid, "the killed service was not replaced"
        for project, acknowledged in stored.items():
            listed = await first.listed(project=project, limit=200)
            assert {memory["id"]: memory["memory"] for memory in listed} == acknowledged
            assert len(listed) == ADDS
        texts = Counter(memory["memory"] for memory in await first.listed(limit=200))
        assert set(texts.values()) == {1}
        last = f"Note {ADDS - 1} of beta: the deploy step {ADDS - 1} needs Redis"
        assert last in await first.found(f"deploy step {ADDS - 1} of beta")
        await _check_nothing_is_orphaned(first)


async def _check_nothing_is_orphaned(agent: Agent) -> None:
    orphans = await agent.graph(
        "MATCH (n {user_id: $user}) WHERE (n:Fact AND COUNT { (n)<-[:STATES]-() } <> 1) "
        "OR (n:Alias AND NOT EXISTS { (n)<-[:NAMES]-() }) OR (n:Entity AND NOT EXISTS { (n)<-[:REFERS_TO]-() }) "
        "RETURN labels(n) AS what"
    )
    assert orphans == []
    counts = await agent.graph(
        "MATCH (n {user_id: $user}) WHERE n:Memory OR n:Fact OR n:Entity RETURN count(n) AS many"
    )
    for _ in range(120):
        index = (await agent.status())["index"]
        if index["waiting"] == 0 and index.get("points") == counts[0]["many"]:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"the index has {index}, the graph {counts[0]['many']} nodes")
