"""Processes that are killed and commits that are cut, below a real agent: each acknowledged change is there once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from kg.graph.store import GraphAddress
from tests.support.bolt_proxy import BoltProxy, bolt_proxy
from tests.support.live import Agent, Json, Live, ToolFailed, id_of, says

CHANGES = 24
KILLS = 3

Make = Callable[..., Live]


class Diary:
    """What an agent was told of its changes: the texts that stand, by id, and how many facts each states."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.texts: dict[str, str] = {}
        self.changes = 0

    async def change(self, dice: random.Random) -> None:
        """Add, update or delete, and note what was acknowledged."""
        self.changes += 1
        text = f"note {self.changes} of service s{self.changes % 7}"
        facts = [says(f"service s{self.changes % 7} uses store {self.changes}", f"s{self.changes % 7}", "USES",
                      f"store {self.changes}")]  # fmt: skip
        what = dice.choice(("add", "add", "messages", "update", "delete"))
        if what == "messages":
            added = await self.agent.call("add_memory", messages=[{"role": "user", "content": text}], facts=facts)
            self.texts[id_of(added)] = text
        elif what == "add" or not self.texts:
            self.texts[id_of(await self.agent.call("add_memory", text=text, facts=facts))] = text
        else:
            memory = dice.choice(sorted(self.texts))
            if what == "update":
                await self.agent.call("update_memory", memory_id=memory, text=text, facts=facts)
                self.texts[memory] = text
            else:
                deleted = await self.agent.call("delete_memory", memory_id=memory)
                assert deleted["deleted"]["memories"] == 1
                del self.texts[memory]

    async def check(self) -> None:
        """What stands is exactly what was acknowledged."""
        listed = {row["id"]: row["memory"] for row in await self.agent.listed(limit=100)}
        assert listed == self.texts
        stored = await self.agent.graph("MATCH (m:Memory {user_id: $user}) RETURN m.uuid AS id")
        assert Counter(row["id"] for row in stored) == Counter(self.texts.keys())
        facts = await self.agent.graph(
            "MATCH (m:Memory {user_id: $user})-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL RETURN m.uuid AS id"
        )
        assert Counter(row["id"] for row in facts) == Counter(self.texts.keys())
        await self.agent.indexed()


async def through(diary: Diary, harm: Callable[[], Awaitable[None]], seed: int) -> None:
    """Make changes, one after another, while something is harmed now and then, in the middle of whatever runs."""
    dice = random.Random(seed)

    async def harms() -> None:
        for kill in range(1, KILLS + 1):
            while diary.changes < CHANGES * kill // (KILLS + 1):
                await asyncio.sleep(0.01)
            await asyncio.sleep(dice.random() * 0.1)
            await harm()

    async def changes() -> None:
        while diary.changes < CHANGES:
            await diary.change(dice)

    await asyncio.gather(changes(), harms())


async def survives(live: Live, user: str, kill: Callable[[Agent], Awaitable[None]], seed: int) -> None:
    """Make changes through a shim while something is killed now and then; all that was acknowledged is there once."""
    async with live.shim(user) as agent:
        await agent.call("list_entities")
        diary = Diary(agent)

        async def harm() -> None:
            await agent.call("list_entities")
            await kill(agent)

        await through(diary, harm, seed)
        await diary.check()


@pytest.mark.faults
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(3))
async def test_every_acknowledged_change_is_there_once_though_the_service_is_killed(
    own_service: Make, user: str, seed: int
) -> None:
    live = own_service()

    async def kill(_: Agent) -> None:
        live.kill()

    await survives(live, user, kill, seed)


@pytest.mark.faults
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(3))
async def test_every_acknowledged_change_is_there_once_though_neo4j_is_killed(
    own_service: Make, user: str, seed: int
) -> None:
    live = own_service(KNOWTHREAD_NEO4J_URL="")  # a managed one

    async def kill(agent: Agent) -> None:
        os.kill((await agent.status())["neo4j"]["pid"], signal.SIGKILL)

    await survives(live, user, kill, seed)


@asynccontextmanager
async def behind_proxy(own_service: Make, address: GraphAddress) -> AsyncGenerator[tuple[BoltProxy, Live]]:
    """A service whose Neo4j is behind a proxy."""
    place = urlsplit(address.url)
    async with bolt_proxy(place.hostname or "", place.port or 7687) as (proxy, url):
        yield proxy, own_service(KNOWTHREAD_NEO4J_URL=url)


@pytest.mark.faults
@pytest.mark.timeout(1200)
async def test_every_acknowledged_change_is_there_once_though_every_second_commit_is_cut(
    own_service: Make, neo4j_address: GraphAddress, user: str
) -> None:
    async with behind_proxy(own_service, neo4j_address) as (proxy, live), live.shim(user) as agent:
        await agent.call("list_entities")
        diary, dice = Diary(agent), random.Random(1)
        proxy.alternates = True
        for _ in range(CHANGES):
            await diary.change(dice)
        proxy.alternates = False
        assert proxy.committed >= CHANGES // 2
        await diary.check()


@pytest.mark.faults
@pytest.mark.timeout(600)
async def test_a_change_that_stays_in_doubt_is_said_to_be_and_its_repeat_is_carried_out_once(
    own_service: Make, neo4j_address: GraphAddress, user: str
) -> None:
    async with behind_proxy(own_service, neo4j_address) as (proxy, live), live.shim(user) as agent:
        kept = id_of(await agent.call("add_memory", text="one"))
        for tool, given in (
            ("add_memory", Json(messages=[{"role": "user", "content": "two"}])),
            ("delete_memory", Json(memory_id=kept)),
        ):
            await agent.indexed()  # so that the next commit is that of the call
            proxy.cut_and_die()
            failed, _, text = await agent.try_call(tool, given)
            assert failed and "may or may not be stored. Make exactly the same call again" in text
            proxy.mend()
            answer = await agent.call(tool, **given)
            assert answer.get("event", "DELETE") == "DELETE"
        assert [row["memory"] for row in await agent.listed()] == ["two"]
        with pytest.raises(ToolFailed, match="no memory"):
            await agent.call("delete_memory", memory_id=kept)
