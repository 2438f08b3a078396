"""The whole service with a provider's real client and a stand-in that fails in every way: nothing is lost.

What each provider's client makes of each fault is in its contract; so one provider stands for all, unless the faults of
all are asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

import httpx2
import pytest

from tests.support.fakes import Asked, FakeAnthropic, FakeGemini, FakeOllama, Fault
from tests.support.fakes.server import FakeServer, Reply
from tests.support.live import PATIENCE_S, Agent, Json, Live, id_of, model, read

pytestmark = pytest.mark.timeout(900)

KEY = "sk-ant-api03-one"
OTHER_KEY = "sk-ant-api03-other"
TIMEOUT_S = 2.0
NAMES = (
    "billing", "search", "mailer", "gateway", "scheduler", "reporter", "catalog", "courier", "archive", "planner",
    "notifier", "balancer", "warehouse", "dashboard", "importer", "payroll", "translator", "recorder", "watchdog",
    "forum", "printer", "thermostat", "kiosk", "elevator", "greenhouse", "turnstile", "jukebox", "harbour", "museum",
)  # fmt: skip


@dataclass
class Trouble:
    """Commits one fault on every request, or on those about a text, until it is over; else answers as a model does."""

    fault: Fault | None = None
    about: str = ""
    names: Iterator[str] = field(default_factory=lambda: iter(NAMES))

    def __call__(self, asked: Asked) -> object:
        if self.fault is not None and self.about in asked.user:
            return self.fault
        if "<left" in asked.user:
            pairs = len(re.findall(r"<pair n=", asked.user))
            return {"verdicts": [{"item": n, "reason": "other words", "same": False} for n in range(1, pairs + 1)]}
        return model(asked)


@dataclass
class Stand:
    """One user of a service whose model is in trouble."""

    live: Live
    agent: Agent
    fake: FakeServer
    trouble: Trouble

    async def add(self) -> tuple[str, str]:
        """Store a text with one fact in it; returns its id and the text."""
        text = f"service {next(self.trouble.names)} uses Postgres"
        return id_of(await self.agent.call("add_memory", text=text)), text

    async def troubled(self, memory_id: str) -> Json:
        """The memory, once its job was handed back."""
        while "extraction_error" not in (memory := await self.agent.call("get_memory", memory_id=memory_id)):
            await asyncio.sleep(0.1)
        return memory

    async def job(self, memory_id: str) -> tuple[str, int]:
        """State and failures of a memory's job."""
        (job,) = await self.agent.graph(
            "MATCH (j:Job {user_id: $user, kind: 'extract'})-[:EXTRACTS]->({uuid: $id}) "
            "RETURN j.state AS state, coalesce(j.failures, 0) AS failures",
            id=memory_id,
        )
        return job["state"], job["failures"]

    async def paused(self) -> bool:
        return "extract" in (await self.agent.status())["models"]["worker"]["paused"]

    async def retry(self, user: str = "") -> None:
        """What a person does who has mended the model."""
        headers = self.live.headers(user or self.agent.user)
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as web:
            answer = await web.post(self.live.url.removesuffix("/mcp") + "/admin/retry_jobs")
        assert answer.status_code == 200, answer.text

    async def whole(self, memory_id: str, text: str) -> None:
        """The text is read, its one fact is there, and exactly once."""
        await read(self.agent, memory_id)
        memory = await self.agent.call("get_memory", memory_id=memory_id)
        assert (memory["memory"], memory["extraction"]) == (text, "done")
        assert [fact["fact"] for fact in memory["facts"]] == [text]
        assert "extraction_error" not in memory
        stated = await self.agent.graph("MATCH (f:Fact {user_id: $user, statement: $text}) RETURN f.uuid", text=text)
        assert len(stated) == 1


PASSING = (
    Fault.SERVER_ERROR, Fault.DROP, Fault.BROKEN_BODY, Fault.HUGE, Fault.WRONG_SCHEMA, Fault.EMPTY, Fault.THINKING,
)  # fmt: skip
"""After one of these the same request is answered, or the answer repaired."""

OUTAGES = {
    Fault.UNAUTHORIZED: "auth",
    Fault.FORBIDDEN: "auth",
    Fault.MISSING_MODEL: "missing model",
    Fault.RATE_LIMITED: "quota",
    Fault.OVERLOADED: "overloaded",
    Fault.DROP_EARLY: "connection",
    Fault.HANG: "timeout",
}
"""What is no text's fault, and what it is called: its job costs no attempt, and the others wait too."""

ANSWERS = {
    Fault.BAD_REQUEST: "bad request",
    Fault.DECLINED: "bad request",
    Fault.TRUNCATED_JSON: "another form than asked",
    Fault.WRONG_SCHEMA: "another form than asked",
    Fault.EMPTY: "another form than asked",
}
"""What counts against the job: the model answers, though not what is asked for. Other jobs go on."""


async def survives(stand: Stand, but: Mapping[Fault, str] = MappingProxyType({})) -> None:
    """Go through every fault; ``but``: those that this provider does not know, or of which it says more."""
    for fault in PASSING:
        await passes(stand, fault)
    for fault, word in OUTAGES.items():
        if fault not in but:
            await is_an_outage(stand, fault, word)
    failed = [await counts_against_the_job(stand, fault, word) for fault, word in ANSWERS.items() if fault not in but]
    await stand.retry()
    for memory_id, text in failed:
        await stand.whole(memory_id, text)


async def passes(stand: Stand, fault: Fault) -> None:
    stand.fake.faults.append(fault)
    memory_id, text = await stand.add()
    await stand.whole(memory_id, text)
    assert await stand.job(memory_id) == ("done", 0)
    assert not stand.fake.faults


async def is_an_outage(stand: Stand, fault: Fault, word: str) -> None:
    if fault is Fault.RATE_LIMITED:
        # For longer than the router waits by itself.
        stand.fake.replies.append(Reply(429, {"error": {"code": 429, "message": "slow down"}}, {"retry-after": "60"}))
    else:
        stand.trouble.fault = fault
    memory_id, text = await stand.add()
    await stand.troubled(memory_id)
    # At once: 15 s later the job is taken up again.
    assert await stand.job(memory_id) == ("failed" if fault is Fault.HANG else "pending", 0)
    assert await stand.paused()
    await unread(stand, memory_id, text, word)
    stand.trouble.fault = None
    await stand.retry()
    await stand.whole(memory_id, text)
    assert not await stand.paused()


async def counts_against_the_job(stand: Stand, fault: Fault, word: str) -> tuple[str, str]:
    stand.trouble.fault = fault
    memory_id, text = await stand.add()
    await stand.troubled(memory_id)
    assert await stand.job(memory_id) == ("failed", 1)  # at once: 5 s later it is tried again
    await unread(stand, memory_id, text, word)
    stand.trouble.fault = None
    assert not await stand.paused()
    return memory_id, text


async def unread(stand: Stand, memory_id: str, text: str, word: str) -> None:
    """The text is kept and found as it is, without any fact, and says why it was not read."""
    memory = await stand.troubled(memory_id)
    assert (memory["memory"], memory["extraction"], memory.get("facts", [])) == (text, "pending", [])
    assert word in memory["extraction_error"]
    assert text not in memory["extraction_error"]
    while text not in await stand.agent.found(text):  # by its words at once, before others once it is indexed
        await asyncio.sleep(0.1)
    assert await stand.agent.graph("MATCH (f:Fact {user_id: $user, statement: $text}) RETURN f.uuid", text=text) == []


StandOf = Callable[..., AbstractAsyncContextManager[Stand]]


@pytest.fixture
def stand_of(own_service: Callable[..., Live], user: str) -> StandOf:
    @asynccontextmanager
    async def make(make_fake: Callable[..., FakeServer], provider: str, **more: str) -> AsyncIterator[Stand]:
        trouble = Trouble()
        async with make_fake(trouble) as fake:
            settings = {
                "KNOWTHREAD_LLM": provider,
                f"KNOWTHREAD_{provider.upper()}_URL": fake.url,
                "KNOWTHREAD_MODEL_TIMEOUT_S": str(TIMEOUT_S),
                "KNOWTHREAD_EXTRACT_CONCURRENCY": "1",
            }
            live = own_service(**settings, **more)
            async with live.shim(user) as agent:
                stand = Stand(live, agent, fake, trouble)
                await stand.whole(*await stand.add())
                yield stand

    return make


async def test_ollama(stand_of: StandOf) -> None:
    async with stand_of(FakeOllama, "ollama") as stand:
        await survives(stand, but={Fault.DECLINED: "it has no word for that"})
        await a_text_that_takes_too_long_counts_once_others_are_answered(stand)


async def a_text_that_takes_too_long_counts_once_others_are_answered(stand: Stand) -> None:
    stand.trouble.fault, stand.trouble.about = Fault.HANG, "slow"
    slow = id_of(await stand.agent.call("add_memory", text="service slow uses Postgres"))
    await stand.troubled(slow)
    assert await stand.job(slow) == ("failed", 0)
    other, text = await stand.add()
    await stand.retry("somebody else, which ends the pause alone")
    await stand.whole(other, text)
    await stand.retry()
    while (job := await stand.job(slow))[0] != "failed":
        await asyncio.sleep(0.1)
    assert job == ("failed", 1)
    assert not await stand.paused()
    stand.trouble.fault = None
    await stand.retry()
    await stand.whole(slow, "service slow uses Postgres")


@pytest.mark.faults
async def test_gemini(stand_of: StandOf) -> None:
    async with stand_of(FakeGemini, "gemini", GEMINI_API_KEY="AIza-one") as stand:
        await survives(stand)


@pytest.mark.faults
async def test_anthropic(stand_of: StandOf) -> None:
    keys = {"KNOWTHREAD_ANTHROPIC_TOKEN": KEY, "ANTHROPIC_API_KEY": OTHER_KEY}
    async with stand_of(FakeAnthropic, "anthropic", **keys) as stand:
        await survives(stand, but={
            Fault.UNAUTHORIZED: "another key is at hand",
            Fault.FORBIDDEN: "it is final",
        })  # fmt: skip
        before = len(stand.fake.requests)
        await passes(stand, Fault.UNAUTHORIZED)
        signed = [received.headers["authorization"] for received in stand.fake.requests[before : before + 2]]
        assert signed == [f"Bearer {KEY}", f"Bearer {OTHER_KEY}"]
        await a_use_that_is_forbidden_is_final_until_the_service_starts_again(stand)


async def a_use_that_is_forbidden_is_final_until_the_service_starts_again(stand: Stand) -> None:
    stand.trouble.fault = Fault.FORBIDDEN
    memory_id, text = await stand.add()
    await unread(stand, memory_id, text, "forbidden")
    asked = len(stand.fake.requests)
    stand.trouble.fault = None
    await stand.retry()
    while not await stand.paused() or (job := await stand.job(memory_id))[0] == "running":
        await asyncio.sleep(0.1)
    (route,) = (await stand.agent.status())["models"]["routes"]["extract"]
    assert (route["state"], route["reason"], len(stand.fake.requests)) == ("off", "forbidden", asked)
    assert job == ("pending", 0)
    await asyncio.to_thread(stand.live.stop)
    await stand.whole(memory_id, text)
