"""Parts that are missing or die: what still works, what is said, and how it comes back by itself."""

from __future__ import annotations

import asyncio
import lzma
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from kg.graph.store import GraphAddress
from tests.support.live import PATIENCE_S, Agent, Live, ToolFailed, calls_until_it_works, says, until

pytestmark = pytest.mark.timeout(900)

JAM = "The paper jam was caused by a worn roller"


def free_port() -> int:
    """A port for a server that comes and goes; below those that the system deals out, which others would get."""
    while True:
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(listener.getsockname()[1])


class Qdrant:
    """A server that is started and ended at will, always on the same port and storage."""

    def __init__(self, executable: Path, root: Path) -> None:
        self._executable = executable
        self._root = root
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {
            "QDRANT__SERVICE__HOST": "127.0.0.1",
            "QDRANT__SERVICE__HTTP_PORT": str(self.port),
            "QDRANT__SERVICE__GRPC_PORT": str(free_port()),
            "QDRANT__STORAGE__STORAGE_PATH": str(self._root / "storage"),
            "QDRANT__STORAGE__SNAPSHOTS_PATH": str(self._root / "snapshots"),
            "QDRANT__TELEMETRY_DISABLED": "true",
        }
        with (self._root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._executable], cwd=self._root, env=os.environ | settings, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=30).status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("the Qdrant server does not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def qdrant(tmp_path: Path) -> Iterator[Qdrant]:
    """A Qdrant server that does not run yet."""
    given = os.environ.get("KNOWTHREAD_TEST_QDRANT", "")
    if not given:
        pytest.skip("no Qdrant server: set KNOWTHREAD_TEST_QDRANT to its executable")
    executable = Path(given)
    if executable.suffix == ".xz":
        executable = tmp_path / "qdrant"
        with lzma.open(given) as packed, executable.open("wb") as out:
            shutil.copyfileobj(packed, out)
        executable.chmod(0o700)
    server = Qdrant(executable, tmp_path)
    yield server
    server.kill()


async def works_by_words_alone(agent: Agent, text: str) -> None:
    """Everything but meaning: storing, finding by words, walking the graph, changing, deleting."""
    facts = [says("The roller was worn", "paper jam", "CAUSED_BY", "worn roller")]
    added = await agent.call("add_memory", text=text, facts=facts)
    assert added["indexed"] is False
    answer = await agent.call("search_memories", query="who found the worn roller?")
    assert text in [hit["memory"] for hit in answer["results"]]
    assert "only words" in answer["degraded"][0]
    graph = await agent.call("search_graph", query="roller")
    assert [row["name"] for row in graph["results"]] == ["worn roller"]
    assert "no meaning" in graph["degraded"][0]
    page = await agent.call("get_entity", name="worn roller")
    assert page["facts"][0]["subject"] == "paper jam"
    changed = await agent.call("update_memory", memory_id=added["results"][0]["id"], metadata={"seen": True})
    assert (changed["event"], changed["indexed"]) == ("UPDATE", False)
    gone = await agent.call("add_memory", text="A note that goes again")
    await agent.call("delete_memory", memory_id=gone["results"][0]["id"])
    assert "A note that goes again" not in await agent.found("note that goes again")
    await until("the index is said to be away", lambda: index_is_away(agent))


async def index_is_away(agent: Agent) -> bool:
    return "error" in (await agent.status())["index"]


async def finds_by_meaning(agent: Agent) -> bool:
    answer = await agent.call("search_memories", query="printer trouble")
    return "degraded" not in answer and bool(answer["results"]) and "similarity" in answer["results"][0]


async def test_without_the_vector_side_words_answer_and_say_so(own_service: Callable[..., Live], user: str) -> None:
    live = own_service(KNOWTHREAD_QDRANT_URL=f"http://127.0.0.1:{free_port()}")
    async with live.shim(user) as agent:
        await agent.call("list_entities")
        await works_by_words_alone(agent, JAM)


async def test_meaning_comes_back_with_the_vector_server_each_time(
    own_service: Callable[..., Live], qdrant: Qdrant, user: str
) -> None:
    live = own_service(KNOWTHREAD_QDRANT_URL=qdrant.url)
    async with live.shim(user) as agent:
        await works_by_words_alone(agent, JAM)
        for again in range(2):
            await asyncio.to_thread(qdrant.start)
            await until("found by meaning", lambda: finds_by_meaning(agent))
            stored = await agent.add(f"Said while all is well, {again}")
            assert stored["indexed"] is True
            await until("no error", lambda: index_is_well(agent))
            qdrant.kill()
            await works_by_words_alone(agent, f"{JAM}, {again}")
        await asyncio.to_thread(qdrant.start)
        await until("found by meaning", lambda: finds_by_meaning(agent))
        await agent.indexed()
        nodes = await agent.graph("MATCH (n) WHERE n:Memory OR n:Fact OR n:Entity RETURN count(n) AS count")
        await until("a point for every node", lambda: has_points(agent, nodes[0]["count"]))


async def index_is_well(agent: Agent) -> bool:
    return "error" not in (await agent.status())["index"]


async def has_points(agent: Agent, count: int) -> bool:
    return (await agent.status())["index"].get("points") == count


async def test_a_service_without_its_neo4j_ends_with_a_clear_word(own_service: Callable[..., Live], user: str) -> None:
    url = f"bolt://127.0.0.1:{free_port()}"
    live = own_service(KNOWTHREAD_NEO4J_URL=url, KNOWTHREAD_NEO4J_PASSWORD="x")
    served = live.run("serve")
    assert served.returncode == 1
    assert url in served.stderr
    assert "Traceback" not in served.stderr + served.stdout
    async with live.shim(user) as agent:
        with pytest.raises(ToolFailed, match="could not start") as failure:
            await agent.call("search_memories", query="anything")
        assert url in str(failure.value)
        assert "Traceback" not in str(failure.value)


class Cable:
    """A connection to a server that can be cut and mended."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._whole = False
        self.port = free_port()

    async def mend(self) -> None:
        self._whole = True
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def cut(self) -> None:
        assert self._server is not None
        self._whole = False
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        if not self._whole:  # cut while this connection was made
            writer.transport.abort()
            far_writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        self._open.discard(sink)
        sink.transport.abort()


@asynccontextmanager
async def cable_to(neo4j: GraphAddress) -> AsyncIterator[Cable]:
    host, _, port = neo4j.url.removeprefix("bolt://").partition(":")
    cable = Cable((host, int(port)))
    await cable.mend()
    try:
        yield cable
    finally:
        await cable.cut()


async def test_calls_fail_clearly_while_another_s_neo4j_is_away_and_work_when_it_is_back(
    own_service: Callable[..., Live], neo4j_address: GraphAddress, user: str
) -> None:
    async with cable_to(neo4j_address) as cable:
        live = own_service(KNOWTHREAD_NEO4J_URL=f"bolt://127.0.0.1:{cable.port}")
        async with live.shim(user) as agent:
            await agent.add(JAM)
            service = live.record().pid
            await cable.cut()
            adding = asyncio.create_task(agent.try_call("add_memory", {"text": "Said into the void"}))
            answers = await asyncio.gather(
                agent.try_call("search_memories", {"query": "paper jam"}),
                agent.try_call("get_memories", {}),
                agent.try_call("get_entity", {"name": "roller"}),
            )
            for failed, _, said in answers:
                assert failed
                assert str(cable.port) in said
                assert "same call again" in said
            assert (await agent.status())["neo4j"]["error"]
            assert not adding.done(), "a write waits longer, for a database that comes back"
            await cable.mend()
            failed, _, said = await adding
            assert not failed, said
            await calls_until_it_works(agent, "Said into the void")
            assert live.record().pid == service
            texts = [row["memory"] for row in await agent.listed()]
            assert texts == ["Said into the void", JAM]
        await asyncio.to_thread(live.stop)  # while its Neo4j is there: without, each of its parts waits for it
