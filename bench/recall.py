"""How often a search finds the right memory: ``make bench-recall ARGS="--set ../locomo --conversations 3"``.

Stores each set through ``add_memory`` and asks its questions through ``search_memories``, on the real parts (managed
Neo4j unless KNOWTHREAD_NEO4J_URL is set, the real index, the real embedder) in a data folder of its own; so it measures
the product, not a copy of its formula. A question's recall@k is the share of its documents among the first k hits.
``--ablate`` asks all questions again with each part of the ranking switched off.

The sets of the repository are measured when none is named; KNOWTHREAD_BENCH_SETS names further folders, separated as
in PATH. LoCoMo (CC BY-NC, not shipped) has to be brought into the form that ``bench/recall_sets.py`` describes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.machine import disk_bytes
from bench.recall_sets import OWN_SETS, Document, Question, RecallSet, load_set
from kg.operations.arguments import Session
from kg.recall.ranking import Weights
from kg.settings.service import load_settings
from kg.values import Scope
from mcp_server.service.composition import Service

DEPTHS = (1, 5, 10)
BATCH = 25
EMBEDDED = 100


def session(user: str, run: str | None = None) -> Session:
    return Session(Scope(user, run_id=run), secrets.token_hex(16))


def user_of(recall_set: RecallSet, scope: str) -> str:
    return f"bench-{recall_set.name}-{scope}"


async def store(service: Service, recall_set: RecallSet) -> dict[str, set[str]]:
    """Store a set and return which documents each memory holds; equal notes are one memory."""
    held: dict[str, set[str]] = defaultdict(set)

    async def add(group: Sequence[Document]) -> None:
        first = group[0]
        if first.session is None:
            arguments: dict[str, Any] = {"text": first.text, "facts": list(first.facts) or None}
        else:
            arguments = {"messages": [message_of(document) for document in group]}
        answer = await service.memory.add_memory(
            session(user_of(recall_set, first.scope), first.session), occurred_at=first.timestamp, **arguments
        )
        for document, result in zip(group, answer["results"], strict=True):
            held[result["id"]].add(document.id)

    groups = list(recall_set.sessions())
    for start in range(0, len(groups), BATCH):
        await asyncio.gather(*(add(group) for group in groups[start : start + BATCH]))
    return held


def message_of(document: Document) -> dict[str, str]:
    named = {} if document.speaker is None else {"name": document.speaker}
    return {"role": document.role, "content": document.text, **named}


async def ask(service: Service, recall_set: RecallSet, held: dict[str, set[str]]) -> tuple[list[list[float]], Any]:
    """Ask every question and return its recall at each depth, and what a question took in ms."""
    found: list[list[float]] = []
    taken: list[float] = []
    for question in recall_set.questions:
        start = time.perf_counter()
        answer = await service.memory.search_memories(
            session(user_of(recall_set, question.scope)),
            query=question.text,
            as_of=question.asked_at,
            limit=max(DEPTHS),
            weak=True,
            max_tokens=100_000,
        )
        taken.append((time.perf_counter() - start) * 1000)
        found.append(recalls(question, [held[hit["id"]] for hit in answer["results"]]))
    return found, spread(taken)


def recalls(question: Question, hits: Sequence[set[str]]) -> list[float]:
    """Return the share of a question's documents among the first hits, for each depth."""
    return [len(question.gold & set().union(*hits[:depth])) / len(question.gold) for depth in DEPTHS]


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "p95": statistics.quantiles(values, n=20)[18]}


def summary(questions: Sequence[Question], found: Sequence[Sequence[float]]) -> dict[str, dict[str, float]]:
    """Return mean recall of all questions, of either half and of each category."""
    groups: dict[str, list[Sequence[float]]] = defaultdict(list)
    for question, values in zip(questions, found, strict=True):
        for name in ("all", f"half {question.half}", question.category):
            groups[name].append(values)
    return {
        name: {
            "questions": len(rows),
            **{f"@{depth}": statistics.fmean(row[i] for row in rows) for i, depth in enumerate(DEPTHS)},
        }
        for name, rows in sorted(groups.items())
    }


async def measure(service: Service, recall_set: RecallSet, folder: Path, *, ablate: bool) -> dict[str, Any]:
    """Store and ask one set, with its cost; then again with each part of the ranking switched off."""
    before, start = sizes(folder), time.perf_counter()
    held = await store(service, recall_set)
    acknowledged = time.perf_counter() - start
    await service.drain()
    indexed = time.perf_counter() - start
    count, after = len(recall_set.documents), sizes(folder)
    warm = recall_set.questions[0]
    await service.memory.search_memories(session(user_of(recall_set, warm.scope)), query=warm.text)
    found, taken = await ask(service, recall_set, held)
    result: dict[str, Any] = {
        "set": recall_set.name,
        "documents": count,
        "recall": summary(recall_set.questions, found),
        "questions": [[q.text, *values] for q, values in zip(recall_set.questions, found, strict=True)],
        "cost": {
            "question ms": taken,
            "question's embedding alone ms": await embedding_ms(service, recall_set),
            "acknowledged a second": count / acknowledged,
            "indexed a second": count / indexed,
            "bytes a memory": {name: (after[name] - before.get(name, 0)) / count for name in after},
        },
    }
    if ablate:
        result["without"] = await ablated(service, recall_set, held)
    return result


async def ablated(service: Service, recall_set: RecallSet, held: dict[str, set[str]]) -> dict[str, Any]:
    """Ask everything again with one part switched off at a time."""
    recall, without = service.parts.recall, {}
    kept = recall.adjusted
    for part in (field.name for field in fields(Weights) if isinstance(field.default, float)):
        recall.adjusted = lambda weights, part=part: replace(weights, **{part: 0.0})
        found, _ = await ask(service, recall_set, held)
        without[part] = summary(recall_set.questions, found)["all"]
    recall.adjusted = kept
    return without


async def embedding_ms(service: Service, recall_set: RecallSet) -> dict[str, float]:
    samples: list[float] = []
    for question in recall_set.questions[:EMBEDDED]:
        start = time.perf_counter()
        await service.embedder.embed_question(question.text + " ")
        samples.append((time.perf_counter() - start) * 1000)
    return spread(samples)


def sizes(folder: Path) -> dict[str, int]:
    """Return the bytes on disk of each part of a data folder."""
    return {part.name: disk_bytes(part) for part in folder.iterdir() if part.is_dir()}


def as_markdown(result: dict[str, Any]) -> str:
    """Return one set's figures as tables."""
    rows = [
        f"## {result['set']}: {result['documents']} documents",
        "",
        "| questions | n | @1 | @5 | @10 |",
        "|" + "---|" * 5,
    ]
    rows += [_row(name, values) for name, values in result["recall"].items()]
    if "without" in result:
        rows += ["", "| without | n | @1 | @5 | @10 |", "|" + "---|" * 5]
        rows += [_row(name, values) for name, values in result["without"].items()]
    rows += ["", "| cost | |", "|---|---|"]
    for name, value in result["cost"].items():
        shown = ", ".join(f"{k} {v:.1f}" for k, v in value.items()) if isinstance(value, dict) else f"{value:.1f}"
        rows.append(f"| {name} | {shown} |")
    return "\n".join(rows) + "\n"


def _row(name: str, values: dict[str, float]) -> str:
    return f"| {name} | {values['questions']} | " + " | ".join(f"{values[f'@{d}']:.3f}" for d in DEPTHS) + " |"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", type=Path, help="folder of a set; may be given several times")
    parser.add_argument("--conversations", type=int, metavar="N", help="only the first N scopes of each set")
    parser.add_argument("--ablate", action="store_true", help="ask again with each part switched off")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures here as well, with every question's own"
    )
    options = parser.parse_args()
    further = [Path(name) for name in os.environ.get("KNOWTHREAD_BENCH_SETS", "").split(os.pathsep) if name]
    own = sorted(path.parent for path in OWN_SETS.glob("*/queries.jsonl"))
    sets = [load_set(folder, scopes=options.conversations) for folder in options.set or [*own, *further]]
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        service = Service(replace(load_settings(), data_dir=Path(folder)))
        await service.start(lambda phase: print(phase, file=sys.stderr))
        results: list[dict[str, Any]] = []
        try:
            for recall_set in sets:
                results.append(await measure(service, recall_set, Path(folder), ablate=options.ablate))
                print(as_markdown(results[-1]), flush=True)
        finally:
            await service.stop()
            if options.json is not None:
                options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
