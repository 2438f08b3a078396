"""The parts of a start from nothing: when each was done, and the processor time that service and Neo4j took until then.

The service says in its log what it has done, Neo4j in its own two. All times are seconds since the shim was started.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from mcp_server.link.lifecycle import LOG
from mcp_server.link.record import live_record

Call = Callable[[str, dict[str, Any]], dict[str, Any]]

SERVICE_SAYS = {
    "starting": "service: imports until Java is started",
    "imported": "service: the other imports",
    "the embedder and the index are loaded": "service: embedder and index",
    "Neo4j answers": "service: sees that Neo4j answers",
    "connected to Neo4j": "service: connected",
    "the schema is up to date": "service: schema checked",
    "ready": "service: ready",
    "warmed up": "service: warmed up",
}
NEO4J_SAYS = {
    "Logging config in use": "neo4j: Java runs",
    "[system/00000000] DatabaseId{00000000[system]} is ready": "neo4j: system database",
    "[neo4j/": "neo4j: the graph's database, recovered",
    "Bolt enabled": "neo4j: Bolt",
    "Started.": "neo4j: HTTP, all started",
}
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("first answer", "list_entities", {}),
    ("first search", "search_memories", {"query": "where do sessions live?"}),
    ("first add", "add_memory", {"text": "", "facts": ["Sessions use Postgres", "The team prefers Redis"]}),
    ("second search", "search_memories", {"query": "which editor is preferred?"}),
    ("second add", "add_memory", {"text": "", "facts": ["Sessions use Mongo", "The team prefers Valkey"]}),
)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[.,](\d{3})(\+0000)? \S+ +(.*)")


def read_marks(text: str, says: dict[str, str], since: float) -> Iterator[tuple[str, float]]:
    """Yield what a log says was done, with its time, from the lines since an instant."""
    seen: set[str] = set()
    for line in text.splitlines():
        found = _STAMP.match(line)
        if found is None:
            continue
        zone = "+0000" if found[3] else datetime.now().astimezone().strftime("%z")
        at = datetime.strptime(f"{found[1]}.{found[2]}{zone}", "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
        for words, label in says.items():
            is_said = found[4].endswith(f": {words}") if says is SERVICE_SAYS else words in found[4]
            if is_said and label not in seen and at >= since - 0.01:
                seen.add(label)
                yield label, at - since


def take_parts(folder: Path, began: float, call: Call, number: int) -> dict[str, float]:
    """Make the first calls, and return when each part of the start was done and how long each call took, in seconds."""
    parts: dict[str, float] = {}
    for label, tool, arguments in CALLS:
        given = {**arguments, "text": f"Note {number} of the {label}."} if "text" in arguments else arguments
        start = began if label == "first answer" else time.time()
        while call(tool, given)["isError"]:
            pass
        parts[label] = time.time() - start
        if label in ("first answer", "first add"):
            parts |= {f"cpu of {name} until the {label}": seconds for name, seconds in _cpu_s(folder).items()}
    _await_warm(folder, began)
    for file, says in (
        (folder / LOG, SERVICE_SAYS),
        (folder / "neo4j/logs/debug.log", NEO4J_SAYS),
        (folder / "neo4j/logs/console.log", {"Started.": NEO4J_SAYS["Started."]}),
    ):
        with suppress(OSError):
            parts |= dict(read_marks(file.read_text(encoding="utf-8", errors="replace"), says, began))
    return parts


def _await_warm(folder: Path, began: float) -> None:
    deadline = time.time() + 30
    while time.time() < deadline:
        if any(label.endswith("warmed up") for label, _ in read_marks((folder / LOG).read_text(), SERVICE_SAYS, began)):
            return
        time.sleep(0.2)


def _cpu_s(folder: Path) -> dict[str, float]:
    record = live_record(folder)
    if record is None:
        return {}
    service = psutil.Process(record.pid)
    java = next((child for child in service.children() if "java" in child.name()), None)
    return {
        name: sum(process.cpu_times()[:2])
        for name, process in (("service", service), ("neo4j", java))
        if process is not None
    }


def quiet_cores() -> str:
    """Return the machine's load, because it says how far the times can be trusted."""
    one, five, _ = psutil.getloadavg()
    return f"load {one:.1f}, {five:.1f} on {psutil.cpu_count()} cores"


def report_parts(runs: list[dict[str, float]]) -> None:
    """Print each part's median and least value, in the order of their times."""
    labels = {label: statistics.median(run[label] for run in runs if label in run) for run in runs for label in run}
    marks = sorted((label for label in labels if ": " in label), key=lambda label: labels[label])
    print(f"{len(runs)} starts from nothing; {quiet_cores()}; seconds{'':13}{'median':>8}{'least':>8}")
    for label in [*marks, *(label for label in labels if label not in marks)]:
        values = [run[label] for run in runs if label in run]
        print(f"{label:60}{statistics.median(values):8.2f}{min(values):8.2f}")
