"""The toy service with what people do beside the tools: the real ``Administration`` on a graph of canned rows.

Started as ``python -I toy_admin.py``. What a query answers depends on the user: ``somebody`` has something of
everything, ``nobody`` has nothing, ``unlucky`` finds the database down, ``cursed`` meets a defect whose message holds
a secret. Every query goes to ``queries.log``. ``reindex.json`` says how a reindex goes; ``status.json`` is the status.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

HERE = Path(__file__).resolve()
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parents[2])]

import cypher  # noqa: E402
from kg.errors import Conflict, StoreUnavailable  # noqa: E402
from kg.graph.store import GraphStore  # noqa: E402
from kg.operations.administration import Administration  # noqa: E402
from kg.operations.memory import MemoryService  # noqa: E402
from kg.ports import SystemClock  # noqa: E402
from mcp_server.tools.tools import build_server  # noqa: E402
from tests.support import toy_service  # noqa: E402

COMMAND = (sys.executable, "-I", str(HERE))
SECRET = "the text of a memory"

DEAD = "11111111-1111-4111-8111-111111111111"
PENDING = "22222222-2222-4222-8222-222222222222"
MEMORY = "33333333-3333-4333-8333-333333333333"
DECISION = "44444444-4444-4444-8444-444444444444"
UNDONE = "55555555-5555-4555-8555-555555555555"
OLD = "66666666-6666-4666-8666-666666666666"
NEW = "77777777-7777-4777-8777-777777777777"
SOURCE = "88888888-8888-4888-8888-888888888888"
TARGET = "99999999-9999-4999-8999-999999999999"

Row = dict[str, Any]


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 5, day, hour, 30, tzinfo=UTC)


def call(outcome: str, reason: str | None) -> str:
    counts = {"input_tokens": 1812, "output_tokens": 344, "cached_tokens": 0}
    rest = {"task": "extract", "cost_usd": 0.0012, "latency_ms": 2345.6, "at": "2026-05-03T09:30:00+00:00"}
    return json.dumps({"model": "gemini:gemini-3.5-flash-lite", "outcome": outcome, "reason": reason, **counts, **rest})


JOBS: list[Row] = [
    {
        "uuid": DEAD, "kind": "extract", "state": "dead", "attempt": 7, "failures": 5, "bulk": True,
        "error": "gemini:gemini-3.5-flash-lite answered 'extract' in another form than asked: facts[3].valid_at",
        "model": "gemini:gemini-3.5-flash-lite", "tokens": 10780, "cost": 0.006, "created_at": at(2),
        "finished_at": at(3), "calls": [call("malformed", None), call("unavailable", "quota"), call("repaired", None)],
    },
    {"uuid": PENDING, "kind": "judge", "state": "pending", "attempt": 0, "created_at": at(4), "next_attempt_at": at(5)},
]  # fmt: skip


def fact(uuid: str, statement: str, day: int, project: str | None = "github.com/example/app") -> Row:
    return {"uuid": uuid, "statement": statement, "valid_at": at(day), "project": project}


def decided(uuid: str, kind: str, undone_at: datetime | None = None) -> Row:
    reason = "The later note says that the migration to Node 22 is finished in all environments."
    decision = {"uuid": uuid, "kind": kind, "judge": "ollama:qwen3:14b", "reason": reason, "at": at(6)}
    return {
        "old": fact(OLD, "The shop API runs on Node 18", 1),
        "new": fact(NEW, "The shop API runs on Node 22", 5),
        "decision": decision | ({"undone_at": undone_at} if undone_at else {}),
    }


CONFLICTS: Row = {
    "open": [
        {
            "one": fact(OLD, "Sessions use Redis", 1, None),
            "other": fact(NEW, "Redis was rejected for sessions because it is one more service to run and watch", 2),
        }
    ],
    "decided": [decided(DECISION, "superseded"), decided(UNDONE, "corrected", at(8))],
}
MERGE: Row = {
    "source": SOURCE, "name": "redis", "kind": "Tool", "target": TARGET, "into": "Valkey",
    "keys": ["redis", "redis server"], "reason": "a person said so", "at": at(7),
}  # fmt: skip
NAMES = {"redis": SOURCE, SOURCE: SOURCE, "valkey": TARGET}
STATES = [{"state": "dead", "jobs": 1}, {"state": "pending", "jobs": 1}]

OF_SOMEBODY: dict[str, Callable[[Row], list[Row]]] = {
    "list_jobs": lambda given: [
        {"jobs": [job for job in JOBS if given["state"] in (None, job["state"])], "states": STATES}
    ],
    "job_detail": lambda given: [{"job": job, "memories": [MEMORY]} for job in JOBS if job["uuid"] == given["uuid"]],
    "retry_jobs": lambda given: [{"retried": int(given["uuid"] in (None, DEAD))}],
    "cancel_job": lambda given: [{"uuid": PENDING}] if given["uuid"] == PENDING else [],
    "unread_memories": lambda _: [{"uuid": MEMORY, "kind": "note", "run_id": None, "created_at": at(1)}],
    "conflicts": lambda _: [CONFLICTS],
    "unjudged_memories": lambda _: [{"uuids": []}],
    "undo_decision": lambda given: [{"old": OLD}] if given["uuid"] == DECISION else [],
    "timeline_closure": lambda _: [{"facts": [], "decisions": [], "whole": []}],
    "fact_end": lambda _: [{"invalid_at": None}],
    "list_merges": lambda _: [{"merges": [MERGE]}],
    "find_entities": lambda given: [{"uuid": NAMES[key]} for key in (*given["keys"], *given["uuids"]) if key in NAMES],
    "merge_context": lambda given: [
        {"source_root": given["source"], "target_root": given["target"], "keys": ["redis"], "facts": []}
    ],
    "unmerge_context": lambda _: [{"root": TARGET, "keys": ["redis"], "facts": []}],
    "delete_orphans": lambda _: [{"removed": [], "kept": []}],
}
OF_NOBODY: dict[str, list[Row]] = {
    "list_jobs": [{"jobs": [], "states": []}],
    "retry_jobs": [{"retried": 0}],
    "conflicts": [{"open": [], "decided": []}],
    "unjudged_memories": [{"uuids": []}],
    "list_merges": [{"merges": []}],
}


class ToyGraph:
    """Answers queries with canned rows; a query that does not exist, or has other parameters, fails."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "queries.log"

    async def read(self, query: Any, /, **params: Any) -> list[Row]:
        return await self.run(query, **params)

    async def read_one(self, query: Any, /, **params: Any) -> Row:
        return await self.run_one(query, **params)

    async def write(self, work: Callable[[Any], Awaitable[Any]], label: str, *, partition: str | None = None) -> Any:
        return await work(self)

    async def run_one(self, query: Any, /, **params: Any) -> Row:
        (row,) = await self.run(query, **params)
        return row

    async def find_one(self, query: Any, /, **params: Any) -> Row | None:
        return await self.run_one(query, **params) if await self.run(query, **params) else None

    async def run(self, query: Any, /, **params: Any) -> list[Row]:
        name = query.name
        cypher.load()[name].check(frozenset(params))
        with self._log.open("a") as log:
            log.write(json.dumps({"query": name, **params}, default=str) + "\n")
        if name == "lock_partition":
            return [{"seq": 1, "last_at": params["now"], "earlier": None, "call": None}]
        if name == "last_instant":
            return [{"last_at": None}]
        user = params.get("user_id")
        if user == "unlucky":
            raise StoreUnavailable("neo4j", "does not answer", retryable=True)
        if user == "cursed":
            raise RuntimeError(SECRET)
        if user == "waiting":
            return [{"jobs": [], "states": STATES}] if name == "list_jobs" else OF_NOBODY.get(name, [])
        if user == "nobody":
            return OF_NOBODY.get(name, [])
        return OF_SOMEBODY[name](params) if name in OF_SOMEBODY else []


class ToyReindex:
    """A reindex of 400 nodes; whoever looks makes it go on, up to where it stalls."""

    def __init__(self, folder: Path) -> None:
        self._behaviour = folder / "reindex.json"
        self._progress: Row = {"state": "idle", "done": 0, "total": 0, "error": None}

    def start(self) -> None:
        if self._progress["state"] == "building":
            raise Conflict("a reindex is running")
        self._progress = {"state": "building", "done": 0, "total": 400, "error": None}

    async def cancel(self) -> None:
        self._progress = {"state": "idle", "done": 0, "total": 0, "error": None}

    def progress(self) -> Row:
        shown = dict(self._progress)
        behaviour = json.loads(self._behaviour.read_text()) if self._behaviour.exists() else {}
        if shown["state"] == "building" and shown["done"] < behaviour.get("stalls_at", 400):
            self._progress["done"] += 100
        if self._progress["done"] == 400:
            error = behaviour.get("error")
            self._progress |= {"state": "failed" if error else "done", "error": error}
        return shown


class ToyBackend:
    default_user = "somebody"

    def __init__(self, folder: Path) -> None:
        boot = json.loads((folder / "boot.json").read_text())
        resume = (lambda: None) if boot.get("models", True) else None
        self.administration = Administration(
            cast("GraphStore", ToyGraph(folder)), cast("Any", None), cast("Any", None), SystemClock(),
            reindex=cast("Any", ToyReindex(folder)), resume=resume,
        )  # fmt: skip
        self._status = folder / "status.json"

    @property
    def memory(self) -> MemoryService:
        raise StoreUnavailable("service", "has no memories", retryable=False)

    async def status(self) -> Row:
        return json.loads(self._status.read_text())

    async def metrics(self) -> tuple[bytes, str]:
        return b"knowthread_memories 3.0\n", "text/plain; version=0.0.4; charset=utf-8"


def build_parts(folder: Path) -> toy_service.Parts:
    backend = ToyBackend(folder)
    return build_server(backend, "0.1.0"), backend


if __name__ == "__main__":
    sys.exit(toy_service.main(build_parts))
