"""How fast texts are read: ``python bench/extract.py [--texts 60] [--latency-ms 200]``.

The real service (managed Neo4j, embedded Qdrant, ONNX embedder) in a data folder of its own, with a stand-in for a
model that speaks Ollama's protocol and answers after a fixed time. For each concurrency: texts read a second, against
what that many requests of that length could do at most, and the service's own time for a job: the time that a slot is
taken for a text, less the model's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import notes
from bench.latency import session
from kg.settings import load_settings
from mcp_server.service import Service
from tests.fakes import Asked, FakeOllama

CONCURRENCIES = (1, 4, 16)


def two_facts(asked: Asked) -> object:
    """Two facts about things of the text's own, so that nothing contends."""
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


async def read_all(service: Service, user: str, texts: int) -> float:
    """Store texts and return the seconds from the first to the last one read."""
    began = time.perf_counter()
    for note in notes(texts):
        await service.memory.add_memory(session(user), text=note["text"])
    while set((await service.status())["jobs"]) != {"done"}:
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def main(texts: int, latency_s: float) -> None:
    print(f"{'concurrency':>12} {'texts/s':>9} {'at most':>9} {'own ms a job':>14}")
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
                    await read_all(service, "warm-up", 10)
                    took = await read_all(service, "bench", texts)
                finally:
                    await service.stop()
        own_ms = (took * concurrency / texts - latency_s) * 1000
        print(f"{concurrency:>12} {texts / took:>9.1f} {concurrency / latency_s:>9.1f} {own_ms:>14.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.texts, arguments.latency_ms / 1000))
