"""What calls take at several sizes, beside the embedding they wait for: ``python bench/latency.py [--sizes 1000]``.

The real parts (managed Neo4j, embedded Qdrant, the ONNX embedder) on a graph that ``bench/footprint.py`` grew, in a
folder of its own. A search is timed whole, and the embedding of its question alone; the difference is what stores and
scoring cost. Then the same service runs as it does for a user, and a small call is timed in it, over HTTP and through
``knowthread mcp``. All begins once the service has made ready what it makes ready while nobody calls. Figures are
medians and 95th percentiles in milliseconds, of calls after ``WARM`` unmeasured ones: the first calls after a start
take longer, because Java has not compiled its code yet (``bench/startup.py``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import QUESTIONS
from bench.growth_notes import HUB, grown_notes
from bench.scale import Processes, disk_kib, session, user_of
from bench.startup import INITIALIZE, SHIM, ask
from kg.index.vectors import NodeText
from kg.settings.service import load_settings
from mcp_server.link.client import ServiceClient
from mcp_server.link.stop import stop_service
from mcp_server.service.composition import Service

Operation = Callable[[int], Awaitable[object]]

WARM, ROUNDS = 60, 60


async def timed(operation: Operation, before: Operation | None = None) -> str:
    """Return an operation's median and 95th percentile; before each run, ``before`` runs untimed."""
    samples: list[float] = []
    for number in range(WARM + ROUNDS):
        if before is not None:
            await before(number)
        start = time.perf_counter()
        await operation(number)
        samples.append((time.perf_counter() - start) * 1000)
    measured = samples[WARM:]
    return f"{statistics.median(measured):8.1f} {statistics.quantiles(measured, n=20)[18]:8.1f}"


async def at_once(search: Operation, clients: int, each: int) -> str:
    """Return searches a second of several clients that each ask one question after the other."""

    async def client(first: int) -> None:
        for number in range(each):
            await search(first + number)

    began = time.perf_counter()
    await asyncio.gather(*(client(n) for n in range(clients)))
    return f"{clients * each / (time.perf_counter() - began):8.0f} a second"


async def measure(service: Service, user: str, size: int) -> None:
    memory, embedder, vectors = service.memory, service.embedder, service.parts.indexer
    fresh = [
        (note, f"{note.text} {secrets.token_hex(3)}")
        for note in grown_notes(4 * size, 4 * size + 4 * (WARM + ROUNDS), 4)
    ]
    plain = [f"A passing thought number {n}-{secrets.token_hex(3)} on the deployment" for n in range(WARM + ROUNDS)]
    print(f"\n{size} memories {'median':>27} {'p95':>8}   ms")

    def search(n: int) -> Awaitable[object]:
        return memory.search_memories(session(user), query=QUESTIONS[n % len(QUESTIONS)])

    def passing_thought(n: int) -> Awaitable[object]:
        text = f"A passing doubt number {n}-{secrets.token_hex(3)} on the deployment"
        return memory.add_memory(session(user), text=text)

    def with_facts(n: int) -> Awaitable[object]:
        note, text = fresh[n]
        return memory.add_memory(session(user, note.project), text=text, facts=note.facts)

    async def embedding(n: int) -> None:
        note, _ = fresh[n]
        text = f"{note.text} {secrets.token_hex(3)}"
        await vectors.embedded([NodeText("memory", text), *(NodeText("fact", f["statement"]) for f in note.facts)])

    rows: list[tuple[str, Operation]] = [
        ("search, whole", search),
        ("question embedding alone", lambda n: embedder.embed_question(QUESTIONS[n % len(QUESTIONS)])),
        ("add, no facts, indexed", lambda n: memory.add_memory(session(user), text=plain[n])),
        ("add, two facts, indexed", with_facts),
        ("embedding of such a note alone", embedding),
        ("get_entity, 1,000 facts", lambda _: memory.get_entity(session(user), name=HUB)),
        ("list_entities", lambda _: memory.list_entities(session(user))),
        ('search_graph ""', lambda _: memory.search_graph(session(user))),
        ("get_memories", lambda _: memory.get_memories(session(user))),
    ]
    for name, operation in rows:
        print(f"  {name:32s} {await timed(operation)}")
    print(f"  {'search, each after a write':32s} {await timed(search, passing_thought)}")
    print(f"  {'search, eight clients':32s} {await at_once(search, 8, 20)}")
    print("  resident MB:", ", ".join(f"{name} {mb:.0f}" for name, mb in Processes(service).resident_mb().items()))


async def through_the_shim(user: str) -> None:
    """Time one small call over HTTP, and through a session's shim."""
    client = ServiceClient(user_id=user)
    client.start()

    async def over_http(_: int) -> None:
        client.call("list_entities", {})

    environment = os.environ | {"KNOWTHREAD_USER_ID": user}
    with subprocess.Popen(SHIM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as shim:
        ask(shim, 0, "initialize", INITIALIZE)

        async def by_shim(n: int) -> None:
            ask(shim, n + 1, "tools/call", {"name": "list_entities", "arguments": {}})

        print(f"  {'list_entities, over HTTP':32s} {await timed(over_http)}")
        print(f"  {'list_entities, through the shim':32s} {await timed(by_shim)}")
        shim.kill()
    client.close()


async def at_size(folder: Path, size: int) -> None:
    service = Service(replace(load_settings(), data_dir=folder))
    await service.start(lambda phase: print(phase, file=sys.stderr))
    try:
        await service.warmed()
        await measure(service, user_of(0), size)
    finally:
        await service.stop()
    await through_the_shim(user_of(0))
    stop_service(folder)
    print(f"  disk, KiB a memory: {disk_kib(folder, size)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000")
    grower = Path(__file__).with_name("footprint.py")
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        os.environ |= {"KNOWTHREAD_DATA_DIR": folder, "KNOWTHREAD_USER_ID": user_of(0)}
        before = 0
        for size in map(int, parser.parse_args().sizes.split(",")):
            grown = ["--folder", folder, "--start", str(before), "--end", str(size)]
            subprocess.run([sys.executable, str(grower), *grown], check=True)
            asyncio.run(at_size(Path(folder), size))
            before = size


if __name__ == "__main__":
    main()
