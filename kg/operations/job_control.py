"""Jobs as people see and steer them: list, show, retry, cancel, and queue what no model has read.

A job names its memories by ``EXTRACTS`` relationships; the worker (``kg/jobs/worker.py``) carries it out. Deleting a
memory removes it from its jobs.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from kg.errors import InvalidInput, NotFound
from kg.graph.nodes import Job
from kg.graph.partition import Answer, Write, once
from kg.graph.store import GraphStore
from kg.operations import queries
from kg.operations.queries import UnreadMemory
from kg.ports import Clock
from kg.recall import render
from kg.values import JsonObject, RequestKey
from kg.writing import queries as writing_queries
from kg.writing.new_jobs import extraction_jobs

CATCH_UP_PAGE = 500

State = Literal["pending", "running", "failed", "done", "dead", "cancelled"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Queued:
    """What ``catch_up`` queued.

    Attributes:
        jobs: number of new jobs.
        memories: number of memories in them.
        revived: number of dead jobs that are tried again.
    """

    jobs: int = 0
    memories: int = 0
    revived: int = 0


@dataclass(frozen=True)
class Changed:
    """How many jobs a call changed."""

    jobs: int


class Jobs:
    """The operations on jobs."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, user_id: str, *, state: object = None, limit: int = 50) -> JsonObject:
        """Return a user's jobs, unfinished ones first, then newest first, and the number of jobs in each state.

        Raises:
            InvalidInput: there is no such state.
        """
        if state is not None and state not in STATES:
            raise InvalidInput("state", state, "give one of " + ", ".join(STATES))
        found = await self._store.read_one(queries.list_jobs, user_id=user_id, state=state, top_k=limit + 1)
        states = {row["state"]: row["jobs"] for row in found["states"]}
        more = "other jobs were left out; raise limit" if len(found["jobs"]) > limit else None
        return {
            "jobs": [_job(row) for row in found["jobs"][:limit]],
            "states": states,
            **render.compact({"more": more}),
        }

    async def show(self, user_id: str, uuid: str) -> JsonObject:
        """Return one job with its memories, its model calls, and the parts of their answers that were not used.

        Raises:
            NotFound: the user has no such job.
        """
        found = await self._store.find_one(queries.job_detail, user_id=user_id, uuid=uuid)
        if found is None:
            raise NotFound("job", uuid, "list yours with `knowthread jobs list`")
        job = found["job"]
        calls: list[JsonObject] = [json.loads(call) for call in job.get("calls", [])]
        dropped = job.get("dropped", [])
        shown: JsonObject = {**_job(job), "memories": found["memories"], "calls": calls}
        return shown | ({"not_used": dropped} if dropped else {})

    async def retry(self, user_id: str, key: RequestKey, uuid: str | None) -> int:
        """Queue a failed or dead job again, or all of them; return how many.

        Raises:
            NotFound: the user has no such job, or it neither failed nor is dead.
        """

        async def work(write: Write) -> Changed:
            return Changed((await write.tx.run_one(queries.retry_jobs, user_id=user_id, uuid=uuid))["retried"])

        retried = await self._once(work, Changed, user_id, key, "retry_jobs")
        if uuid is not None and not retried.jobs:
            raise NotFound("failed or dead job", uuid, "list yours with `knowthread jobs list`")
        return retried.jobs

    async def cancel(self, user_id: str, key: RequestKey, uuid: str) -> None:
        """Cancel an unfinished job; its memories are kept, unread.

        Raises:
            NotFound: the user has no such job, or it is finished.
        """

        async def work(write: Write) -> Changed:
            return Changed(len(await write.tx.run(queries.cancel_job, user_id=user_id, uuid=uuid, now=write.now)))

        if not (await self._once(work, Changed, user_id, key, "cancel_job")).jobs:
            raise NotFound("unfinished job", uuid, "list yours with `knowthread jobs list`")

    async def _once(
        self,
        work: Callable[[Write], Awaitable[Answer]],
        answer: type[Answer],
        user_id: str,
        key: RequestKey,
        label: str,
    ) -> Answer:
        """Do it under the partition's lock, so that no worker commits the job at the same time, and once for a key."""
        return await self._store.write(
            lambda tx: once(tx, work, answer, user_id=user_id, key=key, clock=self._clock), label, partition=user_id
        )

    async def catch_up(self, user_id: str, key: RequestKey) -> Queued:
        """Queue every memory that a model should have read and has not, and every dead job again."""
        revived = await self.retry(user_id, key.part("retry"), None)
        jobs = memories = 0
        for page in range(10**6):

            async def work(write: Write) -> Queued:
                rows = await write.tx.run(queries.unread_memories, user_id=user_id, top_k=CATCH_UP_PAGE)
                together = _conversations(rows)
                queued = extraction_jobs(write, together, bulk=True)
                if queued:
                    uuids = [uuid for group in together for uuid in group]
                    await write.tx.run(writing_queries.create_jobs, user_id=user_id, jobs=queued)
                    await write.tx.run(queries.mark_pending, user_id=user_id, uuids=uuids)
                return Queued(len(queued), len(rows))

            part = await self._once(work, Queued, user_id, key.part(page), "catch_up")
            jobs += part.jobs
            memories += part.memories
            if part.memories < CATCH_UP_PAGE:
                break
        return Queued(jobs, memories, revived)


def _conversations(rows: Sequence[UnreadMemory]) -> list[list[str]]:
    """Group memories for reading: a note alone, the messages of one call together.

    [note a, message b of call 1, message c of call 1] -> [[a], [b, c]]
    """
    groups: dict[object, list[str]] = {}
    for row in rows:
        together = (row["run_id"], row["created_at"]) if row["kind"] == "message" else row["uuid"]
        groups.setdefault(together, []).append(row["uuid"])
    return list(groups.values())


def _job(row: Job) -> JsonObject:
    shown: dict[str, Any] = {
        "id": row["uuid"],
        "kind": row["kind"],
        "state": row["state"],
        "attempts": row.get("attempt"),
        "failures": row.get("failures") or None,
        "bulk": row.get("bulk") or None,
        "error": row.get("error"),
        "model": row.get("model"),
        "tokens": row.get("tokens"),
        "cost_usd": row.get("cost") or None,
        "created_at": render.instant(row["created_at"]),
        "next_attempt_at": render.instant(row.get("next_attempt_at")),
        "finished_at": render.instant(row.get("finished_at")),
    }
    return render.compact(shown)
