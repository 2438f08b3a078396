"""How fast models read texts: ``python bench/extract.py [--texts 60] [--latency-ms 200]``.

It runs the real service (managed Neo4j, embedded Qdrant, ONNX embedder) in a data folder of its own, with a stand-in
model that speaks Ollama's protocol and answers after a fixed time. First the texts are stored and indexed; then the
worker reads them, and nothing else runs. Figures for each concurrency, from the jobs' own records:

- texts read a second, from the first claim to the last finish, and the most that the model's latency allows;
- the service's own time a job, from claim to finish without the model's call (median and 95th percentile);
- what a job costs a slot besides the model's time, which includes its commit, the next claim and idle time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import notes
from bench.latency import session
from kg.graph.store import Row
from kg.jobs.worker import Worker
from kg.operations import queries as operations_queries
from kg.operations.parts import Parts
from kg.settings.service import load_settings
from mcp_server.service.composition import Service
from tests.support.fakes import Asked, FakeOllama

CONCURRENCIES = (1, 4, 16)
LONGEST_S = 300
LOOKS_A_SECOND = 2


def two_facts(asked: Asked) -> object:
    """Two facts about things that only this text names, so that no facts contend."""
    number = hash(asked.user) % 10**9
    blank = {"subject_kind": "Service", "object_kind": "Tool", "because": None, "revisit_when": None, "valid_at": None,
             "invalid_at": None, "turn": 1}  # fmt: skip
    return {
        "noise": [],
        "facts": [
            {"statement": f"Part {number} {does} tool {number % 97}", "subject": f"part {number}", "predicate": verb,
             "object": f"tool {number % 97}", **blank}
            for does, verb in (("uses", "USES"), ("depends on", "DEPENDS_ON"))
        ],
    }  # fmt: skip


def parts_of(service: Service) -> Parts:
    """Return the parts of a running service; only benchmarks use them directly."""
    return service._running  # pyright: ignore[reportPrivateUsage]


async def store(service: Service, user: str, texts: int) -> None:
    """Store texts and wait until they can be found."""
    for note in notes(texts):
        await service.memory.add_memory(session(user), text=note["text"])
    await service.drain()


async def read_all(service: Service, worker: Worker, user: str, texts: int) -> list[Row]:
    """Let the worker read a user's texts and return the jobs.

    Raises:
        SystemExit: a job failed, or the jobs were not done in time.
    """
    await store(service, user, texts)
    worker.start()
    states: dict[str, int] = {}
    for _ in range(LONGEST_S * LOOKS_A_SECOND):
        await asyncio.sleep(1 / LOOKS_A_SECOND)
        found = await parts_of(service).store.read_one(
            operations_queries.list_jobs, user_id=user, state=None, top_k=texts
        )
        states = {row["state"]: row["jobs"] for row in found["states"]}
        if states.keys() & {"failed", "dead", "cancelled"}:
            raise SystemExit(f"jobs failed: {states}; {found['jobs'][0].get('error')}")
        if states == {"done": texts}:
            await worker.stop()
            return found["jobs"]
    raise SystemExit(f"not done within {LONGEST_S} s: {states}")


def row(concurrency: int, latency_s: float, jobs: Sequence[Row]) -> str:
    """Return one line of figures."""
    took_s = (max(job["finished_at"] for job in jobs) - min(job["started_at"] for job in jobs)).total_seconds()
    calls = [[json.loads(call) for call in job["calls"]] for job in jobs]
    if any(len(made) != 1 for made in calls):
        raise SystemExit("a plain text took more than one call")
    own_ms = sorted(
        (job["finished_at"] - job["started_at"]).total_seconds() * 1000 - made[0]["latency_ms"]
        for job, made in zip(jobs, calls, strict=True)
    )
    lost_ms = (took_s * concurrency / len(jobs)) * 1000 - statistics.mean(made[0]["latency_ms"] for made in calls)
    median, high = statistics.median(own_ms), own_ms[int(0.95 * (len(own_ms) - 1))]
    most = concurrency / latency_s
    return f"{concurrency:>12} {len(jobs) / took_s:>9.1f} {most:>9.1f} {median:>10.0f} {high:>8.0f} {lost_ms:>14.0f}"


async def main(texts: int, latency_s: float) -> None:
    print(f"{'concurrency':>12} {'texts/s':>9} {'at most':>9} {'own ms p50':>10} {'p95':>8} {'slot ms a job':>14}")
    for concurrency in CONCURRENCIES:
        async with FakeOllama(two_facts, latency_s=latency_s) as fake:
            with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
                settings = replace(
                    load_settings({**os.environ, "KNOWTHREAD_DATA_DIR": folder}),
                    llm="ollama", ollama_url=fake.url, extract_concurrency=concurrency,
                )  # fmt: skip
                service = Service(settings)
                await service.start(lambda _: None)
                try:
                    worker = parts_of(service).worker
                    if worker is None:
                        raise SystemExit("the service has no worker: the settings name no model")
                    await worker.stop()
                    await read_all(service, worker, "warm-up", 2 * concurrency + 8)
                    jobs = await read_all(service, worker, "bench", texts)
                finally:
                    await service.stop()
        print(row(concurrency, latency_s, jobs), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.texts, arguments.latency_ms / 1000))
