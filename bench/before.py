"""This tree beside an earlier commit: ``make bench-before ARGS="--commit 561c6e4"``.

Both are installed in a folder of their own and asked through their own MCP server over stdio, one after the other, the
same texts and the same questions; so whatever changed inside does not matter. ``add`` is one note or session at a time
until it is searchable; ``bulk`` is a conversation of the same texts until everything is searchable; ``bytes`` is the
index on disk for each memory. ``--list N`` names N questions that have a document among the first ten hits now and had
none, N the other way round, and N that have none in either.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.machine import disk_bytes
from bench.recall import DEPTHS, message_of, recalls, spread, summary
from bench.recall_sets import OWN_SETS, Document, Question, RecallSet, load_set
from bench.startup import ask
from kg.settings.paths import cache_dir

ROOT = Path(__file__).parent.parent
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Client:
    """A session with one installed version."""

    def __init__(self, tree: Path, data: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data),
            "KNOWTHREAD_DATA_DIR": str(data / "data"),
            "KNOWTHREAD_CACHE_DIR": str(cache_dir()),
        }
        self._command = str(tree / ".venv" / "bin" / "knowthread")
        self._shim = subprocess.Popen(
            [self._command, "mcp"],
            cwd=data,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._numbers = itertools.count(1)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the structured answer of a tool; asked again while the service starts."""
        params = {"name": tool, "arguments": arguments, "_meta": _META}
        while True:
            result = ask(self._shim, next(self._numbers), "tools/call", params)["result"]
            if not result.get("isError"):
                return result["structuredContent"]
            text = result["content"][0]["text"]
            if "not ready" not in text:
                raise RuntimeError(text)
            time.sleep(1)

    def status(self) -> dict[str, Any]:
        """Return what ``knowthread status --json`` says."""
        printed = self._run("status", "--json")
        return json.loads(printed)

    def close(self) -> None:
        """End the session and the service."""
        assert self._shim.stdin is not None
        self._shim.stdin.close()
        self._shim.wait(60)
        self._run("stop")

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            [self._command, *arguments], env=self._environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout


@dataclass(frozen=True)
class Figures:
    """What one version did on one set."""

    found: list[list[float]]
    ask_ms: dict[str, float]
    add_ms: dict[str, float]
    bulk_per_s: float
    bytes_a_memory: float


@contextmanager
def installed(commit: str | None) -> Iterator[Path]:
    """Bring a commit into a folder of its own; None is this tree."""
    if commit is None:
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="knowthread-before-") as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        subprocess.run(["make", "-s", "setup"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        yield Path(folder)


def measure(tree: Path, recall_set: RecallSet, *, bulk: int) -> Figures:
    """Store a set of notes and ask its questions; then store a conversation."""
    data = Path(tempfile.mkdtemp(prefix="knowthread-before-data-"))
    client = Client(tree, data)
    try:
        client.call("list_entities")
        held: dict[str, set[str]] = {}
        added: list[float] = []
        for group in recall_set.sessions():
            content = _content(group)
            began = time.perf_counter()
            answer = client.call("add_memory", **content)
            added.append((time.perf_counter() - began) * 1000)
            for document, result in zip(group, answer["results"], strict=True):
                held.setdefault(result["id"], set()).add(document.id)
        index = disk_bytes(data / "data" / "qdrant") / len(recall_set.documents)
        found, taken = _ask(client, recall_set.questions, held)
        texts = [f"{document.text} (again, {number})" for number, document in enumerate(recall_set.documents[:bulk])]
        began = time.perf_counter()
        client.call("add_memory", messages=[{"role": "user", "content": text} for text in texts], run_id="bulk")
        while client.status()["index"]["waiting"]:
            time.sleep(0.2)
        return Figures(found, spread(taken), spread(added), len(texts) / (time.perf_counter() - began), index)
    finally:
        client.close()
        shutil.rmtree(data, ignore_errors=True)


def _content(group: Sequence[Document]) -> dict[str, Any]:
    """Return how a note or a session's messages are handed over."""
    first = group[0]
    whose = {"user_id": first.scope} | ({"occurred_at": first.timestamp} if first.timestamp else {})
    if first.session is None:
        return {"text": first.text, **whose}
    return {"messages": [message_of(document) for document in group], "run_id": first.session, **whose}


def _ask(
    client: Client, questions: Sequence[Question], held: dict[str, set[str]]
) -> tuple[list[list[float]], list[float]]:
    client.call("search_memories", query="warm up")
    found: list[list[float]] = []
    taken: list[float] = []
    for question in questions:
        began = time.perf_counter()
        when = {"as_of": question.asked_at} if question.asked_at else {}
        answer = client.call(
            "search_memories", query=question.text, user_id=question.scope, limit=max(DEPTHS), max_tokens=20_000, **when
        )
        taken.append((time.perf_counter() - began) * 1000)
        found.append(recalls(question, [held[hit["id"]] for hit in answer["results"]]))
    return found, taken


def show(recall_set: RecallSet, before: Figures, now: Figures, listed: int) -> None:
    """Print both beside each other, and the questions that make the difference."""
    print("| | before | now | ratio |\n|---|---|---|---|")
    for name in (f"@{depth}" for depth in DEPTHS):
        old, new = (summary(recall_set.questions, each.found)["all"][name] for each in (before, now))
        print(f"| recall {name} | {old:.3f} | {new:.3f} | |")
    rows = [
        ("search, median ms", before.ask_ms["median"], now.ask_ms["median"]),
        ("search, p95 ms", before.ask_ms["p95"], now.ask_ms["p95"]),
        ("add, median ms", before.add_ms["median"], now.add_ms["median"]),
        ("bulk, messages a second", before.bulk_per_s, now.bulk_per_s),
        ("index, bytes a memory", before.bytes_a_memory, now.bytes_a_memory),
    ]
    for label, old, new in rows:
        print(f"| {label} | {old:.1f} | {new:.1f} | {new / old:.2f} |")
    if listed:
        for title, was, is_now in (
            ("found now", False, True),
            ("lost", True, False),
            ("found by neither", False, False),
        ):
            print(f"\n{title}:")
            matching = [
                question
                for question, old, new in zip(recall_set.questions, before.found, now.found, strict=True)
                if (old[-1] > 0) == was and (new[-1] > 0) == is_now
            ]
            texts = {document.id: document.text for document in recall_set.documents}
            for question in matching[:listed]:
                print(f"- {question.text}\n  {' | '.join(texts[document] for document in sorted(question.gold))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default="561c6e4", help="the earlier commit")
    parser.add_argument("--set", type=Path, default=OWN_SETS / "notes", help="a set of notes or conversations")
    parser.add_argument("--bulk", type=int, default=150, help="messages of the conversation")
    parser.add_argument("--list", type=int, default=0, metavar="N", help="name N questions of each kind")
    options = parser.parse_args()
    recall_set = load_set(options.set)
    with installed(options.commit) as tree:
        before = measure(tree, recall_set, bulk=options.bulk)
    with installed(None) as tree:
        now = measure(tree, recall_set, bulk=options.bulk)
    show(recall_set, before, now, options.list)


if __name__ == "__main__":
    main()
