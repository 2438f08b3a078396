"""One real service on a data folder of its own, and how its users reach it: through the shim, and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from kg.graph.store import GraphAddress
from mcp_server.link import session as headers
from mcp_server.link.lifecycle import probe
from mcp_server.link.record import READY, read_record, read_token
from mcp_server.link.stop import stop_service
from tests.support.fakes import Asked, FakeOllama
from tests.support.neo4j import rows

PATIENCE_S = 240.0
RETRY_PAUSE_S = 0.5
COMMAND = [sys.executable, "-I", "-m", "mcp_server"]
Json = dict[str, Any]
TURN = re.compile(r'<turn n="(\d+)"[^>]*>(.*?)</turn>', re.DOTALL)
_USES = re.compile(r"service (\w+) (?:uses|moved to) (\w+)")
AGAIN = ("not ready yet", "same call again", "went away during this call")


class ToolFailed(Exception):
    """A tool's own refusal, in its words."""


class Live:
    """A data folder with a service that the first session starts, as it does on a person's machine."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.data = Path(environment["KNOWTHREAD_DATA_DIR"])
        self.environment = {name: value for name, value in environment.items() if name not in headers.SESSION_VARIABLES}

    def folder(self, name: str, remote: str | None = None) -> Path:
        """A folder to work in; with a remote it is a git checkout."""
        place = self.root / "work" / name
        (place / ".git").mkdir(parents=True, exist_ok=True)
        (place / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        if remote:
            (place / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
        return place

    @asynccontextmanager
    async def shim(self, user: str, cwd: Path | None = None, mode: str = "legacy", **env: str) -> AsyncGenerator[Agent]:
        """An agent behind ``knowthread mcp``."""
        parameters = StdioServerParameters(
            command=COMMAND[0],
            args=[*COMMAND[1:], "mcp"],
            env=self.environment | {"KNOWTHREAD_USER_ID": user} | env,
            cwd=cwd or self.folder("elsewhere"),
            encoding="utf-8",
        )
        with _bare():
            async with Client(stdio_client(parameters), mode=mode) as client:
                yield Agent(client, user, self)

    @asynccontextmanager
    async def http(self, user: str, mode: str = "legacy", **session: str) -> AsyncGenerator[Agent]:
        """An agent that speaks streamable HTTP itself, with the token."""
        with _bare():
            async with (
                httpx2.AsyncClient(headers=self.headers(user, **session), timeout=PATIENCE_S) as web,
                Client(streamable_http_client(self.url, http_client=web), mode=mode) as client,
            ):
                yield Agent(client, user, self)

    def headers(self, user: str, **session: str) -> dict[str, str]:
        """What every request of a session carries; ``session`` by the words agent, run and project."""
        names = {"agent": headers.AGENT, "run": headers.RUN, "project": headers.PROJECT}
        given = {headers.USER: user, **{names[word]: value for word, value in session.items()}}
        encoded = {name: headers.encode_value(value) for name, value in given.items()}
        return {"authorization": f"Bearer {read_token(self.data)}", **encoded}

    @property
    def url(self) -> str:
        record = self.record()
        return f"http://{record.host}:{record.port}/mcp"

    def record(self) -> Any:
        record = read_record(self.data)
        assert record is not None, "no service runs"
        return record

    def answers(self) -> bool:
        """Whether a service runs that has started whole."""
        health = probe(self.data)
        return health is not None and health["phase"] == READY

    def kill(self) -> int:
        """Kill the service as the system would, and nothing else; returns its pid."""
        pid = int(self.record().pid)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> str:
        return stop_service(self.data, PATIENCE_S)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the command line, to its end."""
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


@contextmanager
def _bare() -> Generator[None]:
    """Let a test's own failure through as it is, not within the groups of the client's tasks."""
    try:
        yield
    except BaseExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
            inner = inner.exceptions[0]
        raise inner from None


class Agent:
    """One user's session, whichever way it goes."""

    def __init__(self, client: Client, user: str, live: Live) -> None:
        self.client = client
        self.user = user
        self.live = live

    async def try_call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[bool, Any, str]:
        """One call: whether it failed, its structured answer, its text."""
        result = await self.client.call_tool(tool, dict(arguments), read_timeout_seconds=PATIENCE_S)
        assert len(result.content) == 1
        content = result.content[0]
        assert isinstance(content, TextContent)
        return bool(result.is_error), result.structured_content, content.text

    async def call(self, tool: str, /, **arguments: Any) -> Json:
        """The structured answer of a call; one that comes too early, or breaks off, is made again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            failed, answer, text = await self.try_call(tool, arguments)
            if not failed:
                assert json.loads(text) == answer, "the text is not what is structured"
                return answer
            if not any(words in text for words in AGAIN) or time.monotonic() > deadline:
                raise ToolFailed(text)
            await asyncio.sleep(RETRY_PAUSE_S)

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        """The words with which a tool refuses."""
        try:
            answer = await self.call(tool, **arguments)
        except ToolFailed as failure:
            return str(failure)
        raise AssertionError(f"{tool} took it and answered {answer}")

    async def add(self, text: str, *facts: Any, **arguments: Any) -> Json:
        """Store a note that can be found when this returns."""
        given = {"facts": list(facts)} if facts else {}
        return await self.call("add_memory", text=text, wait=True, **given, **arguments)

    async def found(self, query: str, **arguments: Any) -> list[str]:
        """The texts that answer a question, best first, weak ones too."""
        answer = await self.call("search_memories", query=query, **{"weak": True, **arguments})
        return [hit["memory"] for hit in answer["results"]]

    async def listed(self, **arguments: Any) -> list[Json]:
        """Every memory of a listing, over all its pages."""
        results: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.call("get_memories", **arguments, **cursor)
            results.extend(page["results"])
            if "cursor" not in page:
                return results
            cursor = {"cursor": page["cursor"]}

    async def status(self) -> Json:
        """The status resource."""
        content = (await self.client.read_resource("knowthread://status", cache_mode="bypass")).contents[0]
        return json.loads(content.text)  # pyright: ignore

    async def indexed(self) -> None:
        """Wait until nothing waits for the index any more."""
        deadline = time.monotonic() + PATIENCE_S
        while (await self.status()).get("index", {}).get("waiting") != 0:
            assert time.monotonic() < deadline, "the index does not catch up"
            await asyncio.sleep(0.2)

    async def graph(self, query: str, **params: Any) -> list[Json]:
        """Rows of a query of the test's own, on the database itself, with ``$user``."""
        address = address_of(await self.status(), self.live.environment)
        return await asyncio.to_thread(rows, address, query, user=self.user, **params)

    async def inventory(self) -> Json:
        """How many nodes and relationships of each sort the user's graph has, bookkeeping left out."""
        nodes = await self.graph(
            "MATCH (n {user_id: $user}) WHERE NOT n:Request AND NOT n:Tombstone AND NOT n:Partition|WordCounts "
            "UNWIND [l IN labels(n) WHERE l <> 'Unindexed'] AS label RETURN label AS what, count(*) AS many"
        )
        links = await self.graph("MATCH ({user_id: $user})-[r]->() RETURN type(r) AS what, count(*) AS many")
        return {row["what"]: row["many"] for row in [*nodes, *links]}


def address_of(status: Json, environment: Mapping[str, str]) -> GraphAddress:
    """The Neo4j that a service says it uses."""
    neo4j = status["neo4j"]
    secret = neo4j.get("password_file")
    password = Path(secret).read_text().strip() if secret else environment["KNOWTHREAD_NEO4J_PASSWORD"]
    return GraphAddress(neo4j["url"], neo4j["user"], password, neo4j["database"])


def says(statement: str, subject: str, predicate: str, object: str, **more: Any) -> Json:
    """A fact as an agent hands it in."""
    return {"statement": statement, "subject": subject, "predicate": predicate, "object": object, **more}


def id_of(added: Json) -> str:
    """The id of the one memory that an add_memory call stored."""
    (result,) = added["results"]
    return result["id"]


def model(asked: Asked) -> Json:
    """Read "service X uses Y", rule that the later of two contending statements holds, order found texts backwards."""
    if "<memories>" in asked.user:
        return {"order": [int(number) for number in re.findall(r'<memory n="(\d+)"', asked.user)[::-1]]}
    if "<turns>" not in asked.user:
        count = len(re.findall(r"<pair n=", asked.user))
        return {"rulings": [
            {"item": n, "reasoning": "the later one says that it moved", "relation": "superseded", "reason": "moved"}
            for n in range(1, count + 1)
        ]}  # fmt: skip
    turns = asked.user.split("<turns>")[1]
    return {
        "noise": [],
        "facts": [
            fact_of(int(number), *found) for number, text in TURN.findall(turns) for found in _USES.findall(text)
        ],
    }


def fact_of(turn: int, service: str, store: str) -> Json:
    return {
        "turn": turn, "statement": f"service {service} uses {store}", "subject": f"service {service}",
        "subject_kind": "Service", "predicate": "USES", "object": store, "object_kind": "Tool", "because": None,
        "revisit_when": None, "valid_at": None, "invalid_at": None,
    }  # fmt: skip


def served_by(fake: FakeOllama) -> dict[str, str]:
    return {"KNOWTHREAD_LLM": "ollama", "KNOWTHREAD_OLLAMA_URL": fake.url, "KNOWTHREAD_EXTRACT_CONCURRENCY": "4"}


async def read(agent: Agent, memory_id: str) -> Json:
    """The memory, once a model has read it."""
    while (memory := await agent.call("get_memory", memory_id=memory_id))["extraction"] == "pending":
        await asyncio.sleep(0.1)
    return memory


async def until(what: str, check: Callable[[], object]) -> None:
    """Wait until an asynchronous check holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not await check():  # pyright: ignore
        assert time.monotonic() < deadline, f"still not: {what}"
        await asyncio.sleep(0.5)


async def calls_until_it_works(agent: Agent, text: str) -> list[str]:
    """Store a text and find it again, calling again as one is told to; returns what was said on the way."""
    refusals: list[str] = []
    calls: list[tuple[str, Json]] = [("add_memory", {"text": text}), ("search_memories", {"query": text})]
    deadline = time.monotonic() + PATIENCE_S
    for tool, arguments in calls:
        while True:
            failed, _, said = await agent.try_call(tool, arguments)
            if not failed:
                break
            refusals.append(said)
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.5)
    return refusals
