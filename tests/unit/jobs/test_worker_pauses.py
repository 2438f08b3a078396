"""When a model counts as down, and when a job as at fault: the worker on a store that hands out what it is told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kg.errors import MalformedOutput, ModelUnavailable, Unavailability
from kg.graph import queries as graph_queries
from kg.graph.query import Query
from kg.jobs import queries
from kg.jobs.worker import Worker

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class Store:
    """Jobs that may be claimed, and how they were handed back."""

    jobs: deque[str] = field(default_factory=deque[str])
    released: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    async def write(self, work: Callable[[Any], Any], _: str, **__: object) -> Any:
        return await work(self)

    async def run(self, query: Query[Any], **params: Any) -> list[dict[str, Any]]:
        if query == queries.lease_jobs and self.jobs:
            taken = self.jobs.popleft()
            return [{"uuid": taken, "user_id": "u", "kind": "extract", "attempt": 1, "failures": 0, "bulk": False}]
        if query == queries.release_job:
            self.released[params["uuid"]] = params
        return []

    async def run_one(self, query: Query[Any], **params: Any) -> dict[str, Any]:
        assert query == graph_queries.lock_partition
        return {"seq": params["slots"], "last_at": params["now"], "earlier": None, "call": None}

    async def release_of(self, job: str) -> dict[str, Any]:
        while job not in self.released:
            await asyncio.sleep(0)
        return self.released.pop(job)


class Gate(asyncio.Event):
    """Keeps a job at work until it is set."""

    def __init__(self, end: Exception | None = None) -> None:
        super().__init__()
        self.end = end


@dataclass
class Steps:
    """What becomes of a job: an error or an answer, some of them behind a gate."""

    ends: dict[str, Exception | Gate] = field(default_factory=dict[str, Any])
    done: list[str] = field(default_factory=list[str])

    async def run(self, lease: Any) -> Any:
        end = self.ends.get(lease.uuid)
        if isinstance(end, Gate):
            await end.wait()
            end = end.end
        if end is not None:
            raise end
        self.done.append(lease.uuid)
        return SimpleNamespace(judging=None)


@dataclass
class Bench:
    worker: Worker
    store: Store
    steps: Steps

    def begin(self, *jobs: str) -> None:
        self.store.jobs.extend(jobs)
        self.worker.wake(resume=True)

    async def finish(self, job: str) -> None:
        while job not in self.steps.done:
            await asyncio.sleep(0)

    @property
    def paused(self) -> bool:
        return "extract" in self.worker.describe()["paused"]


def error(reason: Unavailability) -> ModelUnavailable:
    return ModelUnavailable("ollama", "qwen3", reason, "advice")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    store, steps = Store(), Steps()
    anything: Any = (store, SimpleNamespace(now=lambda: NOW), steps, None)
    worker = Worker(*anything, concurrency=2)
    worker.start()
    yield Bench(worker, store, steps)
    await worker.stop()


@pytest.mark.parametrize("reason", ["timeout", "connection", "overloaded", "quota", "auth", "open_circuit"])
async def test_a_model_that_is_down_costs_no_attempt_however_often_and_the_others_wait(
    bench: Bench, reason: Unavailability
) -> None:
    bench.steps.ends["job"] = error(reason)
    for _ in range(6):
        bench.begin("job")
        released = await bench.store.release_of("job")
        assert (released["failed"], released["extraction"]) == (False, None)
        assert bench.paused


async def test_a_job_that_takes_too_long_lets_the_others_show_whether_the_model_answers(bench: Bench) -> None:
    bench.steps.ends["job"] = error("timeout")
    bench.begin("job")
    released = await bench.store.release_of("job")
    assert released["state"] == "failed"
    assert (released["next_attempt_at"] - NOW).total_seconds() > 60


@pytest.mark.parametrize("end", [None, error("bad_request"), MalformedOutput("extract", "ollama:qwen3", "no JSON")])
async def test_a_job_that_takes_too_long_is_at_fault_once_the_model_has_answered_others(
    bench: Bench, end: Exception | None
) -> None:
    bench.steps.ends["job"] = error("timeout")
    bench.begin("job")
    assert not (await bench.store.release_of("job"))["failed"]
    if end is None:
        bench.begin("other")
        await bench.finish("other")
    else:
        bench.steps.ends["other"] = end
        bench.begin("other")
        await bench.store.release_of("other")
    bench.begin("job")
    assert (await bench.store.release_of("job"))["failed"]
    assert not bench.paused


async def test_a_job_that_takes_too_long_while_others_are_answered_is_at_fault_at_once(bench: Bench) -> None:
    bench.steps.ends["job"] = gate = Gate(error("timeout"))
    bench.begin("job", "other")
    await bench.finish("other")
    gate.set()
    assert (await bench.store.release_of("job"))["failed"]


async def test_an_answer_to_a_job_that_was_under_way_ends_the_wait_of_the_others(bench: Bench) -> None:
    bench.steps.ends |= {"under way": (gate := Gate()), "job": error("overloaded")}
    bench.begin("under way", "job")
    await bench.store.release_of("job")
    assert bench.paused
    gate.set()
    await bench.finish("under way")
    async with asyncio.timeout(60):
        while bench.paused:
            await asyncio.sleep(0)
