"""The product beside its peers, in one run: ``make bench-peers ARGS="--set ../locomo --conversations 3"``.

Each peer runs in a process and an environment of its own (made once, in the cache folder), gets the same texts session
by session, and is asked the same questions one at a time. A peer that embeds uses the same model from the same file.
How each is set up stands in the docstring of its file. No language model is asked by any of them. A peer that needs a
later Python than this gets the one that ``KNOWTHREAD_PEER_PYTHON`` names, or the lowest on PATH that will do; a peer
whose needs are not met is left out, and the table says so.

Columns:

- ``@1 @5 @10``: mean share of a question's messages among the first hits.
- ``any@5 all@5``: share of questions of which one, or every, session is among the first five sessions of ten hits.
- ``ev@10``: share of questions of which every message is among the first ten hits.
- ``ask``: median and 95th percentile of a question in ms, one at a time, after a warm one.
- ``stored``, ``findable``: messages a second until acknowledged, and until a question can find them.
- ``MB``: resident memory of all its processes after the questions (shared pages counted once); ``KiB``: disk a message.
- ``start``: seconds from nothing running to the first answer, with everything stored; the best of --starts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from bench.machine import described, disk_bytes
from bench.peers.environment import PEERS, Environment, Missing
from bench.recall import recalls, spread
from bench.recall_sets import Question, RecallSet, load_set
from kg.managed.local_neo4j import LocalNeo4j
from kg.settings.paths import cache_dir
from kg.settings.service import load_settings

OWN_SET = Path(__file__).parent.parent / "data" / "recall" / "conversations"
HITS = 10
SESSIONS = 5


class Running:
    """A peer's process while it is asked."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._read()

    def do(self, what: str, **arguments: Any) -> Any:
        """Have one method called and return what it answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._read()["answer"]

    def memory_mb(self) -> float:
        """Return what its processes and those that work in its folder hold."""
        processes = {process.pid: process for process in psutil.process_iter() if self._is_ours(process)}
        return sum(_held_bytes(process) for process in processes.values()) / 2**20

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            own = process.pid == self._process.pid or self._process.pid in [parent.pid for parent in process.parents()]
            return own or any(str(self._folder) in part for part in process.cmdline())
        except psutil.Error:
            return False

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}")
        return json.loads(line)


@contextmanager
def running(environment: Environment, folder: Path) -> Iterator[Running]:
    """Run a peer on a folder, its Neo4j first, and stop both."""
    neo4j = LocalNeo4j(replace(load_settings(), data_dir=folder)) if environment.peer.on_neo4j else None
    variables = environment.variables(folder)
    runner = asyncio.Runner()
    try:
        if neo4j is not None:
            address = runner.run(neo4j.start())
            variables |= {
                "KNOWTHREAD_PEER_NEO4J_URL": address.bolt_url,
                "KNOWTHREAD_PEER_NEO4J_PASSWORD": address.password,
            }
        command = [environment.python, str(environment.peer.script)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
        ) as process:
            yield Running(process, folder)
            assert process.stdin is not None
            process.stdin.close()
            process.wait(120)
    finally:
        if neo4j is not None:
            runner.run(neo4j.stop())
        runner.close()


def measure(environment: Environment, recall_set: RecallSet, *, starts: int) -> dict[str, Any]:
    """Store the set, start again, and ask its questions."""
    folder = Path(tempfile.mkdtemp(prefix=f"peer-{environment.peer.name}-"))
    try:
        with running(environment, folder) as peer:
            empty = disk_bytes(folder)
            began = time.perf_counter()
            for group in recall_set.sessions():
                peer.do("store", documents=[asdict(document) | {"facts": []} for document in group])
            stored = time.perf_counter() - began
            peer.do("settle")
            findable = time.perf_counter() - began
        count = len(recall_set.documents)
        started: list[float] = []
        for last in [False] * (starts - 1) + [True]:
            began = time.perf_counter()
            with running(environment, folder) as peer:
                _ask(peer, recall_set.questions[0])
                started.append(time.perf_counter() - began)
                if last:
                    hits, taken = _ask_all(peer, recall_set)
                    memory = peer.memory_mb()
        notes = folder / "notes.txt"
        return {
            "peer": environment.peer.name,
            "version": environment.version(),
            "set": recall_set.name,
            "messages": count,
            "questions": len(recall_set.questions),
            "recall": quality(recall_set, hits),
            "ask ms": spread(taken),
            "stored a second": count / stored,
            "findable a second": count / findable,
            "MB": memory,
            "KiB a message": (disk_bytes(folder) - empty) / count / 1024,
            "start s": min(started),
            "notes": notes.read_text(encoding="utf-8") if notes.exists() else "",
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ask(peer: Running, question: Question) -> list[list[str]]:
    return peer.do("ask", question=question.text, scope=question.scope, asked_at=question.asked_at, limit=HITS)


def _ask_all(peer: Running, recall_set: RecallSet) -> tuple[list[list[set[str]]], list[float]]:
    hits: list[list[set[str]]] = []
    taken: list[float] = []
    for question in recall_set.questions:
        began = time.perf_counter()
        found = _ask(peer, question)
        taken.append((time.perf_counter() - began) * 1000)
        hits.append([set(documents) for documents in found])
    return hits, taken


def quality(recall_set: RecallSet, hits: Sequence[Sequence[set[str]]]) -> dict[str, float]:
    """Return every measure of recall, means over all questions."""
    session_of = {document.id: document.session or document.id for document in recall_set.documents}
    rows: list[list[float]] = []
    for question, found in zip(recall_set.questions, hits, strict=True):
        wanted = {session_of[document] for document in question.gold}
        first = list(dict.fromkeys(session_of[document] for hit in found for document in sorted(hit)))[:SESSIONS]
        turns = recalls(question, found)
        rows.append([*turns, bool(wanted & set(first)), wanted <= set(first), math.isclose(turns[-1], 1.0)])
    names = ("@1", "@5", "@10", "any@5", "all@5", "ev@10")
    return {name: statistics.fmean(row[i] for row in rows) for i, name in enumerate(names)}


def as_markdown(results: Sequence[dict[str, Any]], left_out: Mapping[str, str]) -> str:
    """Return the table, a row a peer, what its notes say, and who is left out and why."""
    absent = [f"{name} is left out: {why}." for name, why in left_out.items()]
    if not results:
        return "\n".join(absent)
    columns: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("", lambda r: f"{r['peer']} {r['version']}".strip()),
        *((name, lambda r, name=name: f"{r['recall'][name]:.3f}") for name in results[0]["recall"]),
        ("ask ms", lambda r: f"{r['ask ms']['median']:.1f}, {r['ask ms']['p95']:.1f}"),
        ("stored /s", lambda r: f"{r['stored a second']:.0f}"),
        ("findable /s", lambda r: f"{r['findable a second']:.0f}"),
        ("MB", lambda r: f"{r['MB']:.0f}"),
        ("KiB", lambda r: f"{r['KiB a message']:.1f}"),
        ("start s", lambda r: f"{r['start s']:.1f}"),
    ]
    first = results[0]
    lines = [
        f"{first['set']}: {first['messages']} messages, {first['questions']} questions.",
        "",
        "| " + " | ".join(name for name, _ in columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(shown(result) for _, shown in columns) + " |" for result in results),
        "",
        *(f"{result['peer']}: {result['notes']}." for result in results if result["notes"]),
        *absent,
    ]
    return "\n".join(lines)


def _held_bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
        return getattr(memory, "pss", memory.rss)
    except psutil.Error:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, default=OWN_SET)
    parser.add_argument("--conversations", type=int, metavar="N", help="only the first N scopes of the set")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="which, separated by commas")
    parser.add_argument("--starts", type=int, default=3, metavar="N", help="how often each is started")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    wanted = options.peers.split(",")
    recall_set = load_set(options.set, scopes=options.conversations)
    results: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for peer in PEERS:
        if peer.name not in wanted:
            continue
        try:
            environment = Environment(peer, cache_dir() / "peers")
        except Missing as missing:
            left_out[peer.name] = str(missing)
            print(f"{peer.name} is left out: {missing}", file=sys.stderr)
            continue
        environment.prepare()
        results.append(measure(environment, recall_set, starts=options.starts))
        print(as_markdown(results[-1:], {}), file=sys.stderr, flush=True)
        if options.json is not None:
            options.json.write_text(
                json.dumps({"machine": described(), "results": results, "left out": left_out}, indent=1),
                encoding="utf-8",
            )
    print(as_markdown(results, left_out))


if __name__ == "__main__":
    main()
