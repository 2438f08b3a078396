"""Whether a search knows that nothing stored fits: ``make bench-answer``, ``make bench-answer ARGS=--choose``.

Stores the sets of ``bench/data/recall`` through ``add_memory``, each for a user of its own, both together, and a few
notes alone. Then it asks the questions of ``bench/data/answer`` through ``search_memories`` on the real parts: those
that are answered there, near ones that are not, foreign ones, and everyday commands. It counts which are flagged with
``nothing_fits``, and of which a word is called ``not_mentioned``. The weights and the bar of
``kg/recall/nothing_fits.py`` are chosen on one half of the questions (``--choose`` prints them), so the other half is
what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.recall import session
from bench.recall_sets import OWN_SETS, Document, load_set
from kg.language.sentences import sentences
from kg.recall.everyday_commands import Commands, everyday_commands
from kg.recall.nothing_fits import Bearing
from kg.settings.service import load_settings
from mcp_server.service.composition import Service

QUESTIONS = Path(__file__).parent / "data" / "answer" / "questions.jsonl"
NEGATIVE = ("foreign", "command")
STORES = {"notes": ("notes",), "conversations": ("conversations",), "both": ("notes", "conversations")}
FEW = "few notes"
FEW_NOTES = 30
AT_ONCE = 8
TOLD_EVERY = 100
CHOSEN_ON = 0
SILENCED = 0.97
"""Share of each kind of negative questions that the bar silences on the half on which it is chosen."""


@dataclass(frozen=True)
class Asked:
    """One question of the set.

    Attributes:
        set: where its answer is stored; None for foreign ones and commands.
        gold: the note that answers it, where it is one note.
    """

    question: str
    kind: str
    half: int
    set: str | None = None
    gold: Sequence[str] = ()


@dataclass(frozen=True)
class Seen:
    """What a search said of one question in one store."""

    asked: Asked
    store: str
    flagged: bool
    not_mentioned: Sequence[str]
    bearing: Bearing | None


def tell(progress: str) -> None:
    """Say on standard error how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {progress}", file=sys.stderr, flush=True)


def load_questions() -> list[Asked]:
    """Return the questions of the set."""
    return [Asked(**json.loads(line)) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]


def documents_of(name: str) -> list[Document]:
    return load_set(OWN_SETS / name).documents


async def fill(service: Service, user: str, documents: Sequence[Document], *, stating: bool) -> None:
    """Store documents, a few at a time, messages of a conversation together; return when search finds them.

    Args:
        service: the real parts.
        user: whose memories they become.
        documents: of one or several sets.
        stating: hand over the sentences of each note as its facts.
    """
    conversations: dict[str, list[Document]] = defaultdict(list)
    calls: list[Coroutine[Any, Any, Any]] = []
    for document in documents:
        if document.session is None:
            stated = sentences(document.text) if stating else None
            calls.append(
                service.memory.add_memory(
                    session(user), text=document.text, facts=stated, occurred_at=document.timestamp
                )
            )
        else:
            conversations[document.session].append(document)
    for run, messages in conversations.items():
        said = [{"role": message.role, "content": message.text} for message in messages]
        calls.append(service.memory.add_memory(session(user, run), messages=said, occurred_at=messages[0].timestamp))
    for start in range(0, len(calls), AT_ONCE):
        await asyncio.gather(*calls[start : start + AT_ONCE])
    await service.drain()
    tell(f"{user}: {len(documents)} stored and indexed")


async def ask(service: Service, store: str, questions: Sequence[Asked]) -> list[Seen]:
    """Ask questions in one store."""
    seen: list[Seen] = []
    measured: list[Bearing] = []
    service.parts.recall.bearings.observed = measured.append
    for number, asked in enumerate(questions, 1):
        if number % TOLD_EVERY == 0:
            tell(f"{store}: {number} of {len(questions)} asked")
        measured.clear()
        answer = await service.memory.search_memories(session(store), query=asked.question)
        flagged = answer.get("nothing_fits", False)
        bearing = measured[0] if measured else None
        seen.append(Seen(asked, store, flagged, answer.get("not_mentioned", []), bearing))
    return seen


async def measure(service: Service, questions: Sequence[Asked], *, stating: bool) -> list[Seen]:
    """Fill every store, and ask in it what fits it."""
    for store, names in STORES.items():
        await fill(service, store, [document for name in names for document in documents_of(name)], stating=stating)
    notes = documents_of("notes")[:FEW_NOTES]
    await fill(service, FEW, notes, stating=stating)
    seen: list[Seen] = []
    for store, names in STORES.items():
        seen += await ask(service, store, [q for q in questions if q.set is None or q.set in names])
    held = {note.id for note in notes}
    few = [q for q in questions if q.set is None or (q.kind == "answerable" and q.gold and held.issuperset(q.gold))]
    return seen + await ask(service, FEW, few)


def report(seen: Sequence[Seen]) -> str:
    """Return the figures of either half as a table."""
    rows = [
        f"| questions | half | n | flagged | of which in {', '.join([*STORES, FEW])} | not_mentioned |",
        "|" + "---|" * 6,
    ]
    for kind in ("answerable", "near", *NEGATIVE):
        for half in (CHOSEN_ON, 1 - CHOSEN_ON):
            group = [one for one in seen if one.asked.kind == kind and one.asked.half == half]
            each = [[one.flagged for one in group if one.store == store] for store in (*STORES, FEW)]
            shares = " / ".join(f"{np.mean(flags):.3f}" if flags else "-" for flags in each)
            named = np.mean([bool(one.not_mentioned) for one in group])
            chosen = " (chosen on it)" if half == CHOSEN_ON else ""
            flagged = np.mean([one.flagged for one in group])
            rows.append(f"| {kind} | {half}{chosen} | {len(group)} | {flagged:.3f} | {shares} | {named:.3f} |")
    return "\n".join(rows)


async def without_themselves(service: Service, seen: Sequence[Seen]) -> list[Seen]:
    """Measure the commands that are shipped against the others: against itself each would be known at once."""
    commands = everyday_commands()
    alike = [vectors @ vectors.T - 2 * np.eye(len(commands)) for vectors in await Commands(service.embedder).vectors()]
    nearest = {command: [float(one[i].max()) for one in alike] for i, command in enumerate(commands)}
    return [
        replace(one, bearing=replace(one.bearing, command_text=text, command_sentence=sentence))
        if one.bearing is not None and one.asked.question in nearest
        else one
        for one in seen
        for text, sentence in [nearest.get(one.asked.question, (0.0, 0.0))]
    ]


def choose(seen: Sequence[Seen]) -> dict[str, Any]:
    """Return the weights of a logistic regression on the chosen half, every kind counting alike, and the bar."""
    kinds = ("answerable", *NEGATIVE)
    used = [one for one in seen if one.asked.kind in kinds and one.asked.half == CHOSEN_ON and one.bearing is not None]
    names = [field.name for field in fields(Bearing)]
    values = np.array([[asdict(one.bearing)[name] for name in names] for one in used if one.bearing is not None])
    kind = np.array([one.asked.kind for one in used])
    counts = np.array([1.0 / (kind == its).sum() for its in kind])
    middle, scale = values.mean(0), values.std(0) + 1e-9
    slopes = logistic((values - middle) / scale, kind == "answerable", counts * len(used) / counts.sum())
    weights = slopes / scale
    sums = values @ weights
    least = max(float(np.quantile(sums[kind == its], SILENCED)) for its in NEGATIVE)
    return {**dict(zip(names, weights.round(2).tolist(), strict=True)), "least": round(least, 2)}


def logistic(values: Any, positive: Any, counts: Any, ridge: float = 0.01) -> Any:
    """Return the slopes by Newton's method."""
    columns = np.c_[values, np.ones(len(values))]
    found = np.zeros(columns.shape[1])
    held = np.r_[np.full(values.shape[1], ridge), 1e-9]
    for _ in range(100):
        likely = 1 / (1 + np.exp(-columns @ found))
        slope = columns.T @ (counts * (likely - positive)) / len(values) + held * found
        bend = (columns * (counts * likely * (1 - likely))[:, None]).T @ columns / len(values) + np.diag(held)
        found -= np.linalg.solve(bend, slope)
    return found[:-1]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="print weights and bar chosen on one half")
    parser.add_argument("--facts", action="store_true", help="store notes with their sentences as facts")
    parser.add_argument("--wrong", action="store_true", help="list what was flagged or passed wrongly")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        service = Service(replace(load_settings(), data_dir=Path(folder)))
        try:
            await service.start(tell)
            seen = await measure(service, load_questions(), stating=options.facts)
            others = await without_themselves(service, seen)
        finally:
            await service.stop()
    print(report(seen))
    if options.wrong:
        for one in seen:
            if one.asked.kind != "near" and (one.flagged == (one.asked.kind == "answerable") or one.not_mentioned):
                print(one.store, one.asked.kind, one.asked.question, one.flagged, list(one.not_mentioned))
    if options.choose:
        print(json.dumps(choose(others), indent=1))


if __name__ == "__main__":
    asyncio.run(main())
