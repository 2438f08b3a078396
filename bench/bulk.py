"""How fast a long conversation is taken in, beside what the embedder alone does: ``make bench-bulk``.

One run embeds the texts alone, as the indexer would, then hands the same conversation to the product in calls of 50,
and waits until all is indexed. Then another session searches and adds, first alone and then during a second import;
before that it makes as many calls that are not measured, in which Java compiles what they run. Rates are messages a
second; on a busy machine compare the ratios, and the processor time (``cpu s``) of service and Neo4j.
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
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import QUESTIONS
from bench.growth_notes import grown_notes
from kg.index.vectors import context_of
from kg.language.sentences import sentences
from kg.operations.arguments import Session
from kg.ports import TextToEmbed
from kg.settings.service import load_settings
from kg.values import Scope
from mcp_server.service.composition import Service

CALL = 50
"""Messages of one call."""
BATCH, LANES = 32, 3
"""Texts that the indexer hands to the embedder at once, and how many such batches are under way."""
QUIET_CALLS = 60
PAUSE_S = 0.1
"""Between two calls of the other session."""


def conversation(count: int, seed: int) -> list[dict[str, Any]]:
    """Return messages of about 55 word pieces; with another seed other ones, which nothing has read before."""
    found = grown_notes(seed * 10**6, seed * 10**6 + count)
    return [{"role": "assistant" if n % 2 else "user", "content": note.text} for n, note in enumerate(found)]


def as_read(messages: Sequence[dict[str, Any]]) -> Iterator[TextToEmbed]:
    """Yield what the indexer embeds of each message, behind the two before it."""
    texts = [message["content"] for message in messages]
    for n, text in enumerate(texts):
        yield TextToEmbed(text, sentences(text) or [text], context_of(texts[max(0, n - 2) : n]), tokens=True)


async def embed_alone(service: Service, messages: Sequence[dict[str, Any]]) -> float:
    """Return messages a second of the embedder alone, several batches under way, so that it never waits."""
    texts = list(as_read(messages))
    batches = iter([texts[start : start + BATCH] for start in range(0, len(texts), BATCH)])

    async def lane() -> None:
        for batch in batches:
            await service.embedder.embed_texts(batch)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return len(messages) / (time.perf_counter() - began)


async def take_in(service: Service, user: str, messages: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return messages a second until all were acknowledged, and until all were indexed."""
    scope = Scope(user, run_id=secrets.token_hex(4))
    began = time.perf_counter()
    for start in range(0, len(messages), CALL):
        await service.memory.add_memory(
            Session(scope, secrets.token_hex(16)), messages=messages[start : start + CALL], infer=False
        )
    acknowledged = time.perf_counter() - began
    await service.parts.indexer.drain()
    return len(messages) / acknowledged, len(messages) / (time.perf_counter() - began)


async def one_call(service: Service, user: str, number: int) -> float:
    """Search, or every fourth time add, and return how many milliseconds it took."""
    session = Session(Scope(user), secrets.token_hex(16))
    began = time.perf_counter()
    if number % 4 == 3:
        await service.memory.add_memory(session, text=f"The deployment of run {secrets.token_hex(4)} went well.")
    else:
        await service.memory.search_memories(session, query=QUESTIONS[number % len(QUESTIONS)])
    return (time.perf_counter() - began) * 1000


async def call_until(service: Service, user: str, ended: asyncio.Event) -> list[float]:
    """Make calls until an import has ended."""
    taken: list[float] = []
    while not ended.is_set():
        taken.append(await one_call(service, user, len(taken)))
        await asyncio.sleep(PAUSE_S)
    return taken


async def call_alone(service: Service, user: str) -> list[float]:
    """Make as many calls while nothing else goes on."""
    taken: list[float] = []
    for number in range(QUIET_CALLS):
        taken.append(await one_call(service, user, number))
        await asyncio.sleep(PAUSE_S)
    return taken


def p95(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=20)[18] if len(taken) > 1 else max(taken, default=0.0)


def cpu_s(service: Service) -> tuple[float, float]:
    assert service.neo4j is not None
    own, java = psutil.Process(), psutil.Process(service.neo4j.pid)
    return sum(own.cpu_times()[:2]), sum(java.cpu_times()[:2])


async def measure(service: Service, count: int) -> None:
    await service.warmed()
    user, other = f"bench-{os.getpid()}", f"session-{os.getpid()}"
    await take_in(service, user, conversation(2 * CALL, seed=1))
    first = cpu_s(service)
    alone = await embed_alone(service, conversation(count, seed=2))
    before = cpu_s(service)
    acknowledged, indexed = await take_in(service, user, conversation(count, seed=3))
    own, java = (after - was for after, was in zip(cpu_s(service), before, strict=True))
    await call_alone(service, other)
    quiet = await call_alone(service, other)
    ended = asyncio.Event()
    calls = asyncio.create_task(call_until(service, other, ended))
    await take_in(service, user, conversation(count, seed=4))
    ended.set()
    meanwhile = await calls
    print(f"{count} messages; load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    print(f"  embedder alone            {alone:8.1f} /s")
    print(f"  acknowledged              {acknowledged:8.1f} /s")
    print(f"  indexed                   {indexed:8.1f} /s   {indexed / alone:.2f} of the embedder alone")
    print(
        f"  cpu s                     {own:8.1f} service, {java:.1f} Neo4j; {before[0] - first[0]:.1f} embedder alone"
    )
    print(
        f"  a session's calls, p95    {p95(quiet):8.1f} ms quiet, {p95(meanwhile):.1f} ms meanwhile, "
        f"{p95(meanwhile) / p95(quiet):.2f} times as long"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    count = parser.parse_args().messages
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        service = Service(replace(load_settings(), data_dir=Path(folder)))
        await service.start(lambda phase: print(phase, file=sys.stderr))
        try:
            await measure(service, count)
        finally:
            await service.stop()


if __name__ == "__main__":
    asyncio.run(main())
