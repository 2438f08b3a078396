"""Latency, memory and disk of the service at several sizes: ``python bench/latency.py [--sizes 1000,10000]``.

Runs the real parts (managed Neo4j unless KNOWTHREAD_NEO4J_URL is set, embedded Qdrant, the ONNX embedder) in a data
folder of its own. A search is timed whole, and the embedding of its question alone; the difference is what stores and
scoring cost. The index is optimized first, as the service does every ten minutes. Figures are medians and 95th
percentiles in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import QUESTIONS, notes
from kg.operations.arguments import Session
from kg.settings.service import load_settings
from kg.values import Scope
from mcp_server.service.composition import Service

Operation = Callable[[int], Awaitable[object]]

ROUNDS = 60
BATCH = 25


async def timed(operation: Operation, before: Operation | None = None) -> str:
    """Return an operation's median and 95th percentile; before each run, ``before`` runs untimed."""
    samples: list[float] = []
    for number in range(ROUNDS):
        if before is not None:
            await before(number)
        start = time.perf_counter()
        await operation(number)
        samples.append((time.perf_counter() - start) * 1000)
    return f"{statistics.median(samples):8.1f} {statistics.quantiles(samples, n=20)[18]:8.1f}"


def session(user: str, project: str | None = None) -> Session:
    return Session(Scope(user, project=project), secrets.token_hex(16))


async def fill(service: Service, user: str, start: int, end: int) -> float:
    """Store notes ``start`` to ``end``; return how many were stored a second."""
    began = time.perf_counter()
    batch: list[Awaitable[object]] = []
    for number, note in enumerate(notes(end)):
        if number >= start:
            batch.append(service.memory.add_memory(session(user), **note))
        if len(batch) == BATCH:
            await asyncio.gather(*batch)
            batch.clear()
    await asyncio.gather(*batch)
    return (end - start) / (time.perf_counter() - began)


def resident_mb() -> dict[str, float]:
    own = psutil.Process()
    found = {"service": own.memory_info().rss / 2**20}
    for child in own.children(recursive=True):
        if "java" in child.name():
            found["neo4j"] = child.memory_info().rss / 2**20
    return found


def disk_mb(folder: Path) -> float:
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file()) / 2**20


async def measure(service: Service, user: str, size: int) -> None:
    memory = service.memory
    embedder = service.embedder
    fresh = list(notes(size + 4 * ROUNDS))[size:]
    plain = [f"A passing thought number {n}-{secrets.token_hex(3)} on the deployment" for n in range(ROUNDS)]
    words = list(QUESTIONS)
    await memory.search_memories(session(user), query="warm up")
    print(f"\n{size} memories {'median':>27} {'p95':>8}   ms")

    def search(n: int) -> Awaitable[object]:
        return memory.search_memories(session(user), query=words[n % len(words)])

    def passing_thought(n: int) -> Awaitable[object]:
        text = f"A passing doubt number {n}-{secrets.token_hex(3)} on the deployment"
        return memory.add_memory(session(user), text=text)

    rows: list[tuple[str, Operation]] = [
        ("search, whole", search),
        ("question embedding alone", lambda n: embedder.embed_question(words[n % len(words)])),
        ("add, no facts, indexed", lambda n: memory.add_memory(session(user), text=plain[n])),
        ("add, with facts, indexed", lambda n: memory.add_memory(session(user), **fresh[n])),
        ("get_entity", lambda n: memory.get_entity(session(user), name=("Redis", "Kafka", "job queue")[n % 3])),
        ("get_memories", lambda _: memory.get_memories(session(user))),
    ]
    for name, operation in rows:
        print(f"  {name:32s} {await timed(operation)}")
    print(f"  {'search, each after a write':32s} {await timed(search, passing_thought)}")
    print("  resident MB:", ", ".join(f"{name} {mb:.0f}" for name, mb in resident_mb().items()))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        settings = replace(load_settings(), data_dir=Path(folder))
        service = Service(settings)
        await service.start(lambda phase: print(phase, file=sys.stderr))
        user = f"bench-{os.getpid()}"
        try:
            before, empty = 0, disk_mb(Path(folder))
            for size in sizes:
                rate = await fill(service, user, before, size)
                await service.drain()
                await measure(service, user, size)
                used = disk_mb(Path(folder)) - empty
                print(f"  filled at {rate:.0f} memories/s; disk {1024 * used / size:.1f} KiB a memory")
                before = size
        finally:
            await service.stop()


if __name__ == "__main__":
    asyncio.run(main())
