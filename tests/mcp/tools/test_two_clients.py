"""Two agents in two projects store at once while the service is killed: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from extract.embedders.connect import make_embedder
from kg.index.qdrant.embedded import EmbeddedIndex
from kg.settings.paths import cache_dir
from kg.settings.service import EMBEDDERS
from mcp_server.link.project import detect_project
from tests.support.live import Agent, Json, Live, id_of, says

ADDS = 24
MANY_ADDS = 400
AT_ONCE = 4
KILLS = 2

ORPHANS = {
    "a fact that no memory states": "MATCH (f:Fact {user_id: $user}) WHERE NOT ()-[:STATES]->(f) RETURN f.uuid",
    "an alias that nothing names": "MATCH (a:Alias {user_id: $user}) WHERE NOT ()-[:NAMES]->(a) RETURN a.key",
    "an alias of nothing": "MATCH (a:Alias {user_id: $user}) WHERE NOT (a)-[:REFERS_TO]->() RETURN a.key",
    "an entity without a name": "MATCH (e:Entity {user_id: $user}) WHERE NOT ()-[:REFERS_TO]->(e) RETURN e.name",
    "a fact without its subject": "MATCH (f:Fact {user_id: $user}) WHERE NOT (f)-[:SUBJECT]->() RETURN f.uuid",
    "a projection of no fact": """
        MATCH (:Entity {user_id: $user})-[r]->(:Entity) UNWIND r.fact_uuids AS uuid
        WITH uuid WHERE NOT EXISTS { (:Fact {uuid: uuid}) } RETURN uuid""",
}


class Progress:
    """What has been acknowledged so far, by text."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.grown = asyncio.Condition()

    async def reach(self, count: int) -> None:
        async with self.grown:
            await self.grown.wait_for(lambda: len(self.ids) >= count)

    async def acknowledge(self, text: str, memory_id: str) -> None:
        async with self.grown:
            self.ids[text] = memory_id
            self.grown.notify_all()


def note(project: str, number: int) -> str:
    return f"In {project} the job qx{project}{number} was moved to queue number {number}"


async def store(agent: Agent, project: str, progress: Progress, adds: int) -> None:
    """Hand over every note of a project, some at a time: half as notes, half as messages, which are never merged."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def add(number: int) -> None:
        text = note(project, number)
        facts = [
            says(f"job {number} uses the queue", f"job {project}{number}", "USES", "the shared queue"),
            says(f"the queue is on broker {number}", "the shared queue", "USES_VERSION", f"{number}.0"),
        ]
        given: Json = {"text": text} if number % 2 else {"messages": [{"role": "user", "content": text}]}
        async with gate:
            added = await agent.call("add_memory", **given, facts=facts)
        await progress.acknowledge(text, id_of(added))

    await asyncio.gather(*(add(number) for number in range(adds)))


async def kill_on_the_way(live: Live, progress: Progress, adds: int) -> None:
    for kill in range(1, KILLS + 1):
        await progress.reach(2 * adds * kill // (KILLS + 1))
        live.kill()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("adds", [ADDS, pytest.param(MANY_ADDS, marks=pytest.mark.soak)])
async def test_every_acknowledged_memory_is_there_once_through_kills_of_the_service(
    own_service: Callable[..., Live], user: str, adds: int
) -> None:
    live = own_service()
    projects = {"alpha": live.folder("alpha"), "beta": live.folder("beta")}
    progress = Progress()
    async with live.shim(user, projects["alpha"]) as first, live.shim(user, projects["beta"]) as second:
        await first.call("list_entities")
        await asyncio.gather(
            store(first, "alpha", progress, adds),
            store(second, "beta", progress, adds),
            kill_on_the_way(live, progress, adds),
        )
        assert len(progress.ids) == 2 * adds
        await first.add("The last note")
        await first.indexed()  # those before it too, which need not be indexed first
        for agent, project in ((first, "alpha"), (second, "beta")):
            await everything_is_there(agent, projects[project], project, progress.ids, adds)
        for what, query in ORPHANS.items():
            assert not await first.graph(query), what
        points = await indexed_nodes(first)
    assert "was stopped" in await asyncio.to_thread(live.stop)
    assert await stored_points(live.data) == points


async def everything_is_there(agent: Agent, folder: Path, project: str, ids: dict[str, str], adds: int) -> None:
    """The project's memories are exactly those that were handed over, and each is found by its own words."""
    own = detect_project(folder)
    expected = {note(project, number): ids[note(project, number)] for number in range(adds)}
    listed = [row for row in await agent.listed(project=own, limit=50) if row["memory"] in expected]
    assert Counter(row["memory"] for row in listed) == Counter(expected.keys()), "missing or doubled"
    assert {row["memory"]: row["id"] for row in listed} == expected
    for number in range(adds):
        text = note(project, number)
        answer = await agent.call("search_memories", query=f"qx{project}{number}", project=own)
        best = answer["results"][0]
        assert (best["memory"], best["id"], best["project"]) == (text, expected[text], own)
        assert "degraded" not in answer


async def indexed_nodes(agent: Agent) -> set[str]:
    """Every node of anybody that has a point of its own, once the queue is empty."""
    await agent.indexed()
    rows = await agent.graph(
        "MATCH (n) WHERE (n:Memory OR n:Fact OR n:Entity) AND NOT (n:Fact AND n.expired_at IS NOT NULL) RETURN n.uuid"
    )
    return {row["n.uuid"] for row in rows}


async def stored_points(data: Path) -> set[str]:
    """The points of the embedded index of a service that has ended."""
    embedder = make_embedder(EMBEDDERS[0], cache_dir())
    index = EmbeddedIndex(data / "qdrant", embedder.name, embedder.dimension, embedder.digest)
    await index.open()
    try:
        entries = [entry.uuid async for batch in index.scan() for entry in batch]
    finally:
        await index.close()
        await embedder.close()
    assert len(entries) == len(set(entries))
    return set(entries)


async def test_a_second_service_with_an_index_of_its_own_is_refused_until_the_first_is_gone(
    own_service: Callable[..., Live], user: str
) -> None:
    first, second = own_service(), own_service()
    async with first.shim(user) as agent:
        await agent.add("The first service indexed this")
        holder = first.record().pid
        async with second.shim(user) as other:
            failed, _, said = await other.try_call("add_memory", {"text": "From the second service"})
            assert failed
            for words in (f"process {holder} on ", str(first.data), "since 20", "KNOWTHREAD_QDRANT_URL", "or stop"):
                assert words in said
            first.kill()
            await agent.add("The first service is back at once")
            first.stop()
            await other.add("From the second service")
            assert set(await other.found("what did the first service index?")) == {
                "The first service indexed this", "The first service is back at once", "From the second service",
            }  # fmt: skip
