"""How cost grows with the number of memories: ``make bench-scale ARGS="--sizes 1000,10000,100000 --users 50"``.

One graph grows from size to size, on the real managed Neo4j and the real embedded index, with an embedder that costs
nothing (``bench/growth_notes.py``), so that only the stores and the service are measured. At each size one process
fills and another one, started afresh, measures: its memory is that of a service which has not imported anything.

Times are medians and 95th percentiles in milliseconds. On a busy machine compare shares within one run, or the
processor time that service and Neo4j took for one call (``cpu``), and the database hits of its reads (``--hits``).
With several users each call is another one's, so nothing of a partition is at hand from the call before.
``--json FILE`` writes everything that was measured, one line a size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import QUESTIONS
from bench.growth_notes import HUB, HUB_FACTS, FreeEmbedder, GrownNote, grown_notes
from bench.machine import anonymous_mb, cpu_s, described, disk_bytes
from kg.facts.parse import parse_facts
from kg.operations.arguments import Session
from kg.settings.service import load_settings
from kg.values import AddRequest, MemoryInput, RequestKey, Scope
from kg.writing.add import Adding
from mcp_server.service.composition import Service

Operation = Callable[[int], Awaitable[Any]]
Figures = dict[str, Any]

TOGETHER = 40
"""Notes in one transaction of the filling, all of one project."""
WARM = 12
"""Untimed runs of each operation, in which the database makes its plans and Java compiles what they run."""
BULK = 200
"""Messages of the conversation by which the product's own bulk path is timed."""


def session(user: str, project: str | None = None) -> Session:
    return Session(Scope(user, project=project), secrets.token_hex(16))


def user_of(number: int) -> str:
    return f"user-{number:02}"


class Processes:
    """The service, which is this process, and its Neo4j."""

    def __init__(self, service: Service) -> None:
        assert service.neo4j is not None
        self._of = {"service": psutil.Process(), "neo4j": psutil.Process(service.neo4j.pid)}

    def cpu_s(self) -> dict[str, float]:
        return {name: cpu_s(process) for name, process in self._of.items()}

    def resident_mb(self) -> dict[str, float]:
        return {name: round(process.memory_info().rss / 2**20, 1) for name, process in self._of.items()}

    def own_mb(self) -> dict[str, float]:
        """Return what is no part of a file, and cannot be given up when memory runs short."""
        return {name: round(anonymous_mb(process.pid), 1) for name, process in self._of.items()}


async def timed(operation: Operation, processes: Processes, rounds: int, before: Operation | None = None) -> Figures:
    """Time an operation; before each run, ``before`` runs untimed (its processor time counts, though)."""
    samples: list[float] = []
    began = processes.cpu_s()
    for number in range(WARM + rounds):
        if number == WARM:
            samples.clear()
            began = processes.cpu_s()
        if before is not None:
            await before(number)
        start = time.perf_counter()
        await operation(number)
        samples.append((time.perf_counter() - start) * 1000)
    ended = processes.cpu_s()
    return {
        "median": round(statistics.median(samples), 1),
        "p95": round(statistics.quantiles(samples, n=20)[18], 1),
        "cpu": {name: round((ended[name] - began[name]) * 1000 / rounds, 1) for name in began},
    }


async def fill(service: Service, users: int, start: int, end: int) -> Figures:
    """Store notes ``start`` to ``end``, spread over users; return once all are indexed and the index is optimized."""
    began, cpu = time.perf_counter(), Processes(service)
    adding = Adding(service.parts.store, service.parts.clock)
    for number, notes in enumerate(_by_project(start, end)):
        memories = tuple(MemoryInput(note.text, facts=parse_facts(note.facts).facts) for note in notes)
        scope = Scope(user_of(number % users), project=notes[0].project)
        await adding.add(AddRequest(scope, RequestKey(secrets.token_hex(16)), memories, bulk=True))
        service.parts.indexer.wake()
    stored = time.perf_counter() - began
    await service.parts.indexer.drain()
    indexed = time.perf_counter() - began
    await service.parts.index.optimize()
    return {
        "stored_per_s": round((end - start) / stored),
        "indexed_per_s": round((end - start) / indexed),
        "optimize_s": round(time.perf_counter() - began - indexed, 1),
        "resident_mb": cpu.resident_mb(),
        "own_mb": cpu.own_mb(),
        "cpu_s": {name: round(seconds, 1) for name, seconds in cpu.cpu_s().items()},
    }


def _by_project(start: int, end: int) -> Iterator[tuple[GrownNote, ...]]:
    for first in range(start, end, 5 * TOGETHER):
        some = list(grown_notes(first, min(end, first + 5 * TOGETHER)))
        for project in dict.fromkeys(note.project for note in some):
            yield tuple(note for note in some if note.project == project)


async def measure(service: Service, size: int, users: int, rounds: int, *, hits: bool) -> Figures:
    """Time every operation, call after call on the partitions of the users in turn."""
    memory, processes = service.memory, Processes(service)
    found: Figures = {"after_start_mb": processes.resident_mb()}
    fresh = [secrets.token_hex(4) for _ in range(2 * (rounds + WARM))]
    added: list[str] = []
    of_hub = min(users, HUB_FACTS // TOGETHER)

    def whose(n: int, project: str | None = None) -> Session:
        return session(user_of(n % users), project)

    def search(n: int) -> Awaitable[Any]:
        return memory.search_memories(whose(n), query=QUESTIONS[n % len(QUESTIONS)])

    async def thought(n: int) -> None:
        text = f"A passing doubt number {n} ({fresh[n]}) on the deployment of the job queue"
        answer = await memory.add_memory(whose(n), text=text)
        added.append(answer["results"][0]["id"])

    async def with_facts(n: int) -> None:
        note = next(grown_notes(size + 4 * n, size + 4 * n + 1))
        answer = await memory.add_memory(
            whose(n, note.project), text=f"{note.text} {fresh[rounds + WARM + n]}", facts=note.facts
        )
        added.append(answer["results"][0]["id"])

    operations: list[tuple[str, Operation, Operation | None]] = [
        ("search", search, None),
        ("search after a write", search, thought),
        ("get_entity, hub", lambda n: memory.get_entity(whose(n % of_hub), name=HUB), None),
        ("list_entities", lambda n: memory.list_entities(whose(n)), None),
        ('search_graph ""', lambda n: memory.search_graph(whose(n)), None),
        ("search_graph, a name", lambda n: memory.search_graph(whose(n), query=QUESTIONS[n % 8]), None),
        ("get_memories", lambda n: memory.get_memories(whose(n)), None),
        ("add, two facts", with_facts, None),
        ("delete", lambda n: memory.delete_memory(whose(n), memory_id=added[n]), None),
    ]
    found["operations"] = {
        name: await timed(operation, processes, rounds, before) for name, operation, before in operations
    }
    if hits:
        found["hits"] = {name: await _hits(service, operation) for name, operation, _ in operations[:-2]}
    found["resident_mb"], found["own_mb"] = processes.resident_mb(), processes.own_mb()
    began = time.perf_counter()
    checked = await service.administration.repair(session(user_of(0)), check=True)
    found["repair_check_s"] = round(time.perf_counter() - began, 1)
    found["wrong"] = {name: value for name, value in checked.items() if value and name not in ("nodes", "points")}
    found["bulk_per_s"] = await _bulk(service, user_of(0))
    return found


async def _bulk(service: Service, user: str) -> int:
    """Return how many messages a second one call stores and indexes."""
    messages = [
        {"role": "user" if n % 2 else "assistant", "content": f"{note.text} {secrets.token_hex(2)}"}
        for n, note in enumerate(grown_notes(10**8, 10**8 + BULK))
    ]
    began = time.perf_counter()
    own = Session(Scope(user, run_id=secrets.token_hex(4)), secrets.token_hex(16))
    await service.memory.add_memory(own, messages=messages)
    await service.parts.indexer.drain()
    return round(BULK / (time.perf_counter() - began))


async def _hits(service: Service, operation: Operation) -> dict[str, int]:
    """Return the database hits of each read query of one call, as PROFILE counts them."""
    store = service.parts.store
    read = store.read
    seen: list[tuple[str, dict[str, Any]]] = []

    async def recording(query: Any, /, **params: Any) -> Any:
        seen.append((query.name, params))
        return await read(query, **params)

    store.read = recording  # type: ignore[method-assign]
    try:
        await operation(0)
    finally:
        store.read = read  # type: ignore[method-assign]
    import cypher

    counted: Counter[str] = Counter()
    for name, params in seen:
        text = "PROFILE " + cypher.load()[name].statement
        _, summary, _ = await store.driver.execute_query(text, {"p": params}, database_=store.address.database)  # type: ignore[arg-type]
        counted[name] += _db_hits(summary.profile)
    return dict(counted)


def _db_hits(plan: Any) -> int:
    return plan.get("dbHits", 0) + sum(_db_hits(child) for child in plan.get("children", ()))


async def run(options: argparse.Namespace) -> Figures:
    """Do one process's part: start a service on the folder, and fill or measure."""
    settings = replace(load_settings(), data_dir=Path(options.folder))
    service = Service(settings, embedder=FreeEmbedder())
    began = time.perf_counter()
    await service.start(lambda phase: print(phase, file=sys.stderr))
    started = time.perf_counter()
    try:
        if options.part == "fill":
            return await fill(service, options.users, options.start, options.end)
        await service.memory.search_memories(session(user_of(0)), query="what was rejected for the exporter?")
        first = time.perf_counter()
        await service.warmed()
        await asyncio.sleep(options.settle_s)
        figures = await measure(service, options.end, options.users, options.rounds, hits=options.hits)
        return {"boot_s": round(first - began, 1), "first_search_ms": round((first - started) * 1000), **figures}
    finally:
        await service.stop()


def part(options: argparse.Namespace, name: str, folder: str, start: int, end: int) -> Figures:
    """Run one part in a process of its own."""
    command = [sys.executable, __file__, "--part", name, "--folder", folder, "--start", str(start), "--end", str(end)]
    command += ["--users", str(options.users), "--rounds", str(options.rounds), "--settle-s", str(options.settle_s)]
    command += ["--hits"] if options.hits else []
    environment = os.environ | {"KNOWTHREAD_USER_ID": user_of(0)}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return json.loads(done.stdout)


def disk_kib(folder: Path, size: int) -> dict[str, float]:
    """Return KiB a memory of the index, and of the graph without its logs of transactions, which are bounded."""
    graph = folder / "neo4j" / "data" / "databases"
    return {
        "index": round(disk_bytes(folder / "qdrant") / 1024 / size, 1),
        "graph": round(disk_bytes(graph) / 1024 / size, 1),
    }


def show(size: int, users: int, figures: Figures) -> None:
    print(f"\n{size} memories, {users} user{'s' if users > 1 else ''}{'median':>20}{'p95':>9}   cpu ms: service  neo4j")
    for name, row in figures["operations"].items():
        cpu = row["cpu"]
        print(f"  {name:30}{row['median']:10.1f}{row['p95']:9.1f}{cpu['service']:18.1f}{cpu['neo4j']:7.1f}")
    for name in ("boot_s", "first_search_ms", "repair_check_s", "bulk_per_s", "disk_kib", "filled", "after_start_mb",
                 "resident_mb", "own_mb", "hits", "wrong"):  # fmt: skip
        if name in figures:
            print(f"  {name}: {json.dumps(figures[name])}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000", help="how many memories, ascending; up to 1000000")
    parser.add_argument("--users", type=int, default=1, help="how many users share them")
    parser.add_argument("--rounds", type=int, default=20, help="how often each operation is timed")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--hits", action="store_true", help="count the database hits of each query, too")
    parser.add_argument("--folder", help="keep the graph here, and grow on what is there; default: a temporary one")
    parser.add_argument("--settle-s", type=float, default=3.0, help="pause after a start before anything is timed")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--start", type=int, default=0, help="how many memories the folder has already")
    parser.add_argument("--end", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(asyncio.run(run(options))))
        return
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as temporary:
        folder = Path(options.folder or temporary)
        at = options.start
        for size in map(int, options.sizes.split(",")):
            filled = part(options, "fill", str(folder), at, size) if size > at else {}
            disk = disk_kib(folder, size)
            figures = part(options, "measure", str(folder), at, size) | {"disk_kib": disk, "filled": filled}
            show(size, options.users, figures)
            if options.json:
                with options.json.open("a") as file:
                    file.write(json.dumps({"memories": size, "users": options.users, **described(), **figures}) + "\n")
            at = size


if __name__ == "__main__":
    main()
