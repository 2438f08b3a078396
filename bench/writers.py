"""How many writes a second one partition carries: ``python bench/writers.py [--services 3] [--clients 8]``.

Several services write to one Neo4j: that of ``KNOWTHREAD_NEO4J_URL``, or one that is started for the run. Clients go
through them in turn, and write first to one user's partition, then each to its own: notes alone, notes with two facts.
Nothing is embedded or indexed, so what is measured is the lock and the database.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.growth_notes import grown_notes
from kg.facts.parse import parse_facts
from kg.graph.migrate import migrate
from kg.graph.store import GraphAddress, GraphStore
from kg.managed.local_neo4j import LocalNeo4j
from kg.ports import SystemClock
from kg.settings.service import load_settings
from kg.values import AddRequest, MemoryInput, RequestKey, Scope
from kg.writing.add import Adding


@asynccontextmanager
async def a_neo4j() -> AsyncIterator[GraphAddress]:
    """Yield the address of the Neo4j that the settings name, or of one that is started for this run."""
    settings = load_settings()
    if settings.neo4j_url:
        yield GraphAddress(settings.neo4j_url, settings.neo4j_user, settings.neo4j_password, settings.neo4j_database)
        return
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        neo4j = LocalNeo4j(replace(settings, data_dir=Path(folder)))
        try:
            found = await neo4j.start()
            yield GraphAddress(found.bolt_url, found.user, found.password)
        finally:
            await neo4j.stop()


async def rate(
    stores: Sequence[GraphStore], clients: int, seconds: float, user_of: Callable[[int], str], *, facts: bool
) -> float:
    """Return how many writes a second all clients make together."""
    ended = time.perf_counter() + seconds
    written = 0

    async def client(number: int) -> None:
        nonlocal written
        notes = grown_notes(10**6 * (number + 1), 10**9)
        while time.perf_counter() < ended:
            adding = Adding(stores[(number + written) % len(stores)], SystemClock())
            note = next(note for note in notes if len(note.facts) == 2)
            stated = parse_facts(note.facts).facts if facts else ()
            memory = MemoryInput(f"{note.text} {secrets.token_hex(4)}", facts=stated)
            await adding.add(AddRequest(Scope(user_of(number)), RequestKey(secrets.token_hex(16)), (memory,)))
            written += 1

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return written / (time.perf_counter() - began)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    async with a_neo4j() as address:
        stores = [GraphStore(address) for _ in range(options.services)]
        for store in stores:
            await store.connect()
        await migrate(stores[0])
        run = secrets.token_hex(4)
        await rate(stores, options.clients, 3, lambda number: f"warm-{run}-{number}", facts=True)
        print(f"writes a second; load {psutil.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for what, facts in (("a note alone", False), ("a note with two facts", True)):
            one = await rate(stores, options.clients, options.seconds, lambda _: f"one-{run}", facts=facts)
            own = await rate(stores, options.clients, options.seconds, lambda n: f"own-{run}-{n}", facts=facts)
            print(f"  {what:24} one partition {one:7.1f}   one each {own:7.1f}")
        for store in stores:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main())
