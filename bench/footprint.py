"""What the service takes of a machine: ``make bench-footprint ARGS="--sizes 0,10000"``.

The service runs as it does for a user, with its real embedder, on a graph of each size. To grow it quickly, the stored
vectors are made up (``bench/growth_notes.py``) under the real embedder's identity; only what is asked and added here is
really embedded. Memory is told twice: what is resident, files that are mapped and shared included, and what is the
process's own (``RssAnon``), which the system cannot have back. Processor time at rest is taken while nobody calls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import QUESTIONS
from bench.growth_notes import FreeEmbedder, grown_notes
from bench.machine import anonymous_mb, cpu_s
from bench.scale import disk_kib, fill, user_of
from extract.embedders.connect import make_embedder
from kg.settings.service import load_settings
from mcp_server.link.client import ServiceClient
from mcp_server.link.stop import stop_service
from mcp_server.service.composition import Service

GOALS = {"service_mb": 320, "neo4j_mb": 420, "service_cpu_%": 0.3, "neo4j_cpu_%": 0.3, "disk_kib_a_memory": 18}
"""The most that is wanted at 10,000 memories."""
SEARCHES, ADDS = 24, 5
STILL_S, STILL_TRIES, STILL_SHARE = 15.0, 20, 0.02
"""Nothing is left to be done if both processes take less than this share of a core for so many seconds."""


async def grow(folder: Path, start: int, end: int) -> None:
    """Fill a folder under the identity of the real embedder."""
    settings = replace(load_settings(), data_dir=folder)
    real = make_embedder(settings.embedder, settings.cache_dir)
    service = Service(settings, embedder=FreeEmbedder(real.name, real.digest))
    await service.start(lambda phase: print(phase, file=sys.stderr))
    try:
        await fill(service, 1, start, end)
    finally:
        await service.stop()


def until_still(processes: Collection[psutil.Process]) -> None:
    """Wait until what a start leaves to be done is done: the warm-up, and the daily look at the rules."""
    for _ in range(STILL_TRIES):
        before = sum(map(cpu_s, processes))
        time.sleep(STILL_S)
        if sum(map(cpu_s, processes)) - before < STILL_SHARE * STILL_S:
            return


def measure(folder: Path, size: int, idle_s: float) -> dict[str, float]:
    """Use a service as a session does, then leave it alone."""
    client = ServiceClient(user_id=user_of(0))
    endpoint = client.start()
    try:
        for number in range(SEARCHES):
            client.call("search_memories", {"query": QUESTIONS[number % len(QUESTIONS)]})
        for note in grown_notes(size, size + ADDS):
            client.call("add_memory", {"text": note.text, "facts": note.facts, "project": note.project})
        processes = {
            "service": psutil.Process(endpoint.record.pid),
            "neo4j": psutil.Process(client.status()["neo4j"]["pid"]),
        }
        until_still(processes.values())
        found: dict[str, float] = {}
        before = {name: cpu_s(process) for name, process in processes.items()}
        time.sleep(idle_s)
        for name, process in processes.items():
            found[f"{name}_cpu_%"] = round(100 * (cpu_s(process) - before[name]) / idle_s, 2)
            found[f"{name}_mb"] = round(process.memory_info().rss / 2**20)
            found[f"{name}_own_mb"] = round(anonymous_mb(process.pid))
            found[f"{name}_threads"] = process.num_threads()
        disk = disk_kib(folder, max(size, 1))
        found |= {f"{part}_kib_a_memory": kib for part, kib in disk.items()} if size else {}
        found |= {"disk_kib_a_memory": round(sum(disk.values()), 1)} if size else {}
        return found
    finally:
        client.close()
        stop_service(folder)


def show(size: int, found: dict[str, float]) -> None:
    print(f"\n{size} memories")
    for name, value in found.items():
        goal = GOALS.get(name)
        print(f"  {name:24}{value:10g}" + (f"   wanted at 10,000: <= {goal:g}" if goal is not None else ""))
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000", help="how many memories, ascending")
    parser.add_argument("--idle-s", type=float, default=60.0, help="how long nobody calls")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--end", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        asyncio.run(grow(Path(options.folder), options.start, options.end))
        return
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        os.environ["KNOWTHREAD_DATA_DIR"] = folder
        at = 0
        for size in map(int, options.sizes.split(",")):
            if size > at:
                grown: list[Any] = ["--folder", folder, "--start", str(at), "--end", str(size)]
                subprocess.run([sys.executable, __file__, *grown], check=True)
            found = measure(Path(folder), size, options.idle_s)
            show(size, found)
            if options.json:
                with options.json.open("a") as file:
                    file.write(json.dumps({"memories": size, **found}) + "\n")
            at = size


if __name__ == "__main__":
    main()
