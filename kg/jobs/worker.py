"""The worker: runs background jobs that need a model, each under a lease, one attempt at a time.

Invariant: only the worker that holds a job writes its result, under the attempt that it leased. If a worker dies, its
lease ends and another worker goes on.

A model that is down costs the job no attempt; it pauses all jobs of that kind. An unusable answer, or a request that
no model takes, costs an attempt. After ``MAX_FAILURES`` of them the job is dead until somebody retries it. A model that
takes too long counts as down, unless it answers other jobs in the meantime.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kg.background import Background
from kg.errors import BudgetExceeded, ExtractionError, KgError, ModelUnavailable, StoreUnavailable
from kg.graph.partition import lock
from kg.graph.store import GraphStore, Transaction
from kg.jobs import queries
from kg.jobs.extract_step import ExtractStep
from kg.jobs.judge_step import JudgeStep
from kg.jobs.lease import LEASE_S, JobKind, Lease, account
from kg.ports import Clock

log = logging.getLogger(__name__)

MAX_FAILURES = 5
RENEW_EVERY_S = 10.0
POLL_S = 5.0
JOB_LIFE = timedelta(days=30)
"""How long a job that is done or cancelled is kept."""
SWEEP_EVERY = timedelta(hours=1)
FIRST_BACK_OFF_S = 10.0
LONGEST_BACK_OFF_S = 3600.0
FIRST_PAUSE_S = 15.0
LONGEST_PAUSE_S = 600.0
OTHERS_FIRST_S = 60.0
"""How long after a pause a job that took too long lets others go first; longer than a circuit's first wait."""
OWN_FAULT = frozenset(("bad_request",))
"""Reasons for no answer that are the request's own fault."""


@dataclass
class Pause:
    """Why jobs of a kind wait for their models, and until when.

    Attributes:
        until: time of the event loop; 0 if nothing waits.
        length_s: how long this pause is; the next one doubles it.
    """

    until: float = 0.0
    length_s: float = 0.0
    reason: str = ""


class Worker:
    """Leases jobs and runs their steps, several at once.

    ``lease_s``: how long a lease lasts. ``renew_every_s``: how often the leases of running jobs are renewed.
    ``first_pause_s``: how long a kind of work waits when its model has failed for the first time. ``poll_s``: how often
    it looks for jobs of which nobody told it.
    """

    def __init__(
        self,
        store: GraphStore,
        clock: Clock,
        extract: ExtractStep,
        judge: JudgeStep | None,
        *,
        concurrency: int,
        lease_s: int = LEASE_S,
        renew_every_s: float = RENEW_EVERY_S,
        first_pause_s: float = FIRST_PAUSE_S,
        poll_s: float = POLL_S,
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = store
        self._clock = clock
        self._extract = extract
        self._judge = judge
        self._concurrency = concurrency
        self._lease_s = lease_s
        self._renew_every_s = renew_every_s
        self._first_pause_s = first_pause_s
        self._poll_s = poll_s
        self._running: dict[asyncio.Task[None], Lease] = {}
        self._pauses: dict[JobKind, Pause] = {"extract": Pause()}
        if judge is not None:
            self._pauses["judge"] = Pause()
        self._answered = dict.fromkeys(self._pauses, 0)
        self._timed_out: dict[str, int] = {}
        self._swept = datetime.fromtimestamp(0, UTC)
        self._wake = asyncio.Event()
        self._ended = asyncio.Condition()
        self._tasks = (Background("worker", self._run), Background("leases", self._renew))

    def start(self) -> None:
        """Start to work; the jobs of an earlier process come first, once their leases have ended."""
        for task in self._tasks:
            task.start()

    async def stop(self) -> None:
        """Stop, and hand back the jobs that are held, so that the next worker does not wait for the leases to end."""
        for task in self._tasks:
            await task.stop()
        held = list(self._running.values())
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for lease in held:
            with contextlib.suppress(StoreUnavailable):
                await self._release(lease, "the service was stopped", failed=False)

    def wake(self, *, resume: bool = False) -> None:
        """Look for jobs now; with ``resume`` end all pauses, because somebody has mended a model."""
        if resume:
            for pause in self._pauses.values():
                pause.until = 0.0
        self._wake.set()

    def describe(self) -> dict[str, Any]:
        """Return what the worker is doing, as status shows it."""
        now = asyncio.get_running_loop().time()
        waiting = {
            kind: {"reason": pause.reason, "retry_in_s": round(pause.until - now)}
            for kind, pause in self._pauses.items()
            if pause.until > now
        }
        return {"running": len(self._running), "concurrency": self._concurrency, "paused": waiting}

    async def wait_done(self, user_id: str, uuids: Sequence[str], timeout_s: float) -> str:
        """Wait until the memories are read, and return the state of the one that is furthest from done."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            rows = await self._store.read(queries.extraction_states, user_id=user_id, uuids=list(uuids))
            states = {row["extraction"] for row in rows}
            left = deadline - asyncio.get_running_loop().time()
            if "pending" not in states or left <= 0:
                return next((state for state in ("pending", "failed", "cancelled") if state in states), "done")
            async with self._ended:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(1.0, left)):
                        await self._ended.wait()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._fill()
                await self._delete_old_jobs()
            except KgError as error:
                log.warning("the worker waits: %s", error)
            timeout = self._poll_s if len(self._running) < self._concurrency else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()

    async def _delete_old_jobs(self) -> None:
        """Delete jobs that ended long ago, once every ``SWEEP_EVERY``."""
        now = self._clock.now()
        if now - self._swept < SWEEP_EVERY:
            return
        self._swept = now
        params: dict[str, Any] = {"before": now - JOB_LIFE, "top_k": 1000}
        await self._store.write(lambda tx: tx.run(queries.delete_old_jobs, **params), "delete_old_jobs")

    async def _fill(self) -> None:
        """Lease jobs until every slot is taken or no job is left."""
        while True:
            slots = self._concurrency - len(self._running)
            now = asyncio.get_running_loop().time()
            kinds = [kind for kind, pause in self._pauses.items() if pause.until <= now]
            if slots <= 0 or not kinds:
                return
            bulk_running = sum(lease.bulk for lease in self._running.values())
            bulk_slots = max(0, max(1, self._concurrency - 1) - bulk_running)
            instant = self._clock.now()
            worker = f"{self.worker}:{secrets.token_hex(4)}"
            params: dict[str, Any] = {
                "worker": worker, "kinds": kinds, "slots": slots, "bulk_slots": bulk_slots,
                "now": instant, "held": [lease.uuid for lease in self._running.values()], "lease_s": self._lease_s,
            }  # fmt: skip
            rows = await self._store.write(lambda tx, p=params: tx.run(queries.lease_jobs, **p), "lease_jobs")
            for row in rows:
                await self._begin_unless_paused(Lease(**row, worker=worker))
            if not rows:
                return

    async def _begin_unless_paused(self, lease: Lease) -> None:
        """Begin a job, or hand it back if its kind is paused: the pause may have begun after the lease."""
        pause = self._pauses[lease.kind]
        if pause.until > asyncio.get_running_loop().time():
            await self._release(lease, pause.reason, failed=False)
        else:
            self._begin(lease)

    def _begin(self, lease: Lease) -> None:
        task = asyncio.create_task(self._work(lease), name=f"job {lease.uuid}")
        self._running[task] = lease
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a job ended with %s", type(task.exception()).__name__)

    async def _work(self, lease: Lease) -> None:
        if lease.failures >= MAX_FAILURES:
            await self._release(lease, "its worker died too often over it", failed=False, dead=True)
            return
        answered = self._answered[lease.kind]
        try:
            await self._step(lease)
        except StoreUnavailable as error:
            log.warning("job %s waits for the database: %s", lease.uuid, error)  # its lease ends by itself
        except ExtractionError as error:
            await self._account_failed(lease, error)
            await self._give_up(lease, error, answered)
        except Exception as error:  # noqa: BLE001 (one job's surprise must not end the worker)
            place = _place_of(error)
            log.error("job %s met %s at %s", lease.uuid, type(error).__name__, place)
            await self._fail(lease, f"unexpected {type(error).__name__} at {place}; please report it")
        else:
            self._timed_out.pop(lease.uuid, None)
            self._answered[lease.kind] += 1
            self._pauses[lease.kind] = Pause()
        async with self._ended:
            self._ended.notify_all()

    async def _step(self, lease: Lease) -> None:
        if lease.kind == "extract":
            extracted = await self._extract.run(lease)
            if extracted.judging is not None:
                await self._begin_unless_paused(extracted.judging)
        elif self._judge is not None:
            await self._judge.run(lease)

    async def _account_failed(self, lease: Lease, error: ExtractionError) -> None:
        try:
            await account(self._store, lease, error.calls, self._clock.now())
        except StoreUnavailable as unavailable:
            log.warning("calls of job %s are not accounted: %s", lease.uuid, unavailable)

    async def _give_up(self, lease: Lease, error: ExtractionError, answered: int) -> None:
        """Hand back a job that got no answer: an outage pauses jobs of its kind, all else costs it an attempt.

        Args:
            lease: the job.
            error: why it got no answer.
            answered: how many jobs of its kind had an answer when it began.
        """
        try:
            if isinstance(error, BudgetExceeded):
                self._pause(lease.kind, (error.resets_at - self._clock.now()).total_seconds(), str(error))
                await self._release(lease, str(error), failed=False)
            elif isinstance(error, ModelUnavailable) and not self._is_own_fault(lease, error, answered):
                pause = self._pauses[lease.kind]
                longer = min(max(self._first_pause_s, pause.length_s * 2), LONGEST_PAUSE_S)
                self._pause(lease.kind, max(longer, min(error.retry_after_s or 0.0, LONGEST_PAUSE_S)), str(error))
                await self._release(lease, str(error), failed=False, others_first=_is_timeout(error))
            else:
                self._answered[lease.kind] += not _is_timeout(error)
                await self._fail(lease, str(error))
        except StoreUnavailable as unavailable:
            log.warning("job %s waits for the database: %s", lease.uuid, unavailable)

    def _is_own_fault(self, lease: Lease, error: ModelUnavailable, answered: int) -> bool:
        """Whether it is the job's own fault: a bad request, or others were answered since it first took too long."""
        if not _is_timeout(error):
            return error.reason in OWN_FAULT
        since = self._timed_out.get(lease.uuid, answered)
        self._timed_out[lease.uuid] = since
        return self._answered[lease.kind] > since

    def _pause(self, kind: JobKind, length_s: float, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        pause = self._pauses[kind]
        if pause.until <= now:  # several jobs that fail together lengthen the pause only once
            self._pauses[kind] = Pause(now + length_s, length_s, reason)
            log.warning("'%s' jobs wait %.0f s: %s", kind, length_s, reason)

    async def _fail(self, lease: Lease, reason: str) -> None:
        dead = lease.failures + 1 >= MAX_FAILURES
        if dead:
            self._timed_out.pop(lease.uuid, None)
        await self._release(lease, reason, failed=True, dead=dead)

    async def _release(
        self, lease: Lease, reason: str, *, failed: bool, dead: bool = False, others_first: bool = False
    ) -> None:
        """Hand a job back.

        Args:
            lease: the job.
            reason: why, without any text of a memory.
            failed: it costs the job an attempt.
            dead: it is not tried again.
            others_first: it waits longer than the pause, so that other jobs show whether the model answers again.
        """
        now = self._clock.now()
        later: datetime | None = None
        if failed and not dead:
            later = _next_attempt(now, lease.failures)
        elif others_first:
            left_s = self._pauses[lease.kind].until - asyncio.get_running_loop().time()
            later = now + timedelta(seconds=left_s + OTHERS_FIRST_S)
        params: dict[str, Any] = {
            **lease.fence(),
            # A job with a time of its own to wait for counts as failed, so that `jobs retry` runs it at once.
            "state": "dead" if dead else "failed" if later is not None else "pending",
            "failed": failed,
            "error": reason,
            "next_attempt_at": later,
            "extraction": _extraction_after_death(lease.kind) if dead else None,
            "now": now,
        }

        async def work(tx: Transaction) -> None:
            await lock(tx, lease.user_id, self._clock)
            await tx.run(queries.release_job, **params)

        await self._store.write(work, "release_job", partition=lease.user_id)

    async def _renew(self) -> None:
        """Renew the leases of running jobs; stop a job that was cancelled or that another worker has."""
        while True:
            await asyncio.sleep(self._renew_every_s)
            held = {lease.uuid: task for task, lease in self._running.items()}
            if not held:
                continue
            params: dict[str, Any] = {
                "leases": [lease.held() for lease in self._running.values()],
                "lease_s": self._lease_s,
            }
            try:
                rows = await self._store.write(lambda tx, p=params: tx.run(queries.renew_lease, **p), "renew_lease")
            except KgError as error:
                log.warning("leases could not be renewed: %s", error)
                continue
            kept = {row["uuid"] for row in rows}
            for uuid, task in held.items():
                if uuid not in kept and not task.done():
                    task.cancel()


def _next_attempt(now: datetime, failures: int) -> datetime:
    delay = min(FIRST_BACK_OFF_S * 4**failures, LONGEST_BACK_OFF_S)
    return now + timedelta(seconds=delay * (0.5 + random.random()))  # noqa: S311 (jitter, no secret)


def _is_timeout(error: ExtractionError) -> bool:
    return isinstance(error, ModelUnavailable) and error.reason == "timeout"


def _extraction_after_death(kind: JobKind) -> str:
    states: Mapping[JobKind, str] = {"extract": "failed", "judge": "done"}
    return states[kind]


def _place_of(error: BaseException) -> str:
    """Return file and line where an exception was raised; its message may quote a memory and is not shown."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
