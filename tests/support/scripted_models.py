"""Scripted models behind the real worker, and a user whose texts they read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kg.entities.linking import Linker
from kg.facts.parse import parse_facts
from kg.jobs.extract_step import ExtractStep
from kg.jobs.judge_step import JudgeStep
from kg.jobs.worker import Worker
from kg.model_values import (
    Contention,
    Extraction,
    ExtractionRequest,
    ModelCall,
    ModelWork,
    NamePair,
    Ruling,
    Rulings,
    Sameness,
)
from kg.operations.memory import MemoryService, Parts
from tests.support.user import TestClock, User

CALL = ModelCall("extract", "toy:reader", "ok", input_tokens=100, output_tokens=20, cost_usd=0.001)


def work(task: Any = "extract") -> ModelWork:
    return ModelWork("toy:reader", task, f"hash of {task}", (replace(CALL, task=task),))


class Model:
    """Answers as it is told: facts by a word of the text, rulings by words of the statements."""

    def __init__(self) -> None:
        self.facts: dict[str, list[Any]] = {}
        self.noise: dict[str, str] = {}
        self.rule: Callable[[Contention], Ruling] = lambda _: Ruling("none", "both may hold")
        self.same: set[frozenset[str]] = set()
        self.failures: list[Exception] = []
        self.requests: list[ExtractionRequest] = []
        self.judged: list[Sequence[Contention]] = []
        self.compared: list[Sequence[NamePair]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reading = asyncio.Event()

    async def extract(self, request: ExtractionRequest) -> Extraction:
        self.requests.append(request)
        self.reading.set()
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        facts = [
            (turn, fact)
            for turn, text in enumerate(request.turns)
            for word, stated in self.facts.items()
            if word in text.text
            for fact in parse_facts(stated).facts
        ]
        noise = {
            turn: why
            for turn, text in enumerate(request.turns)
            for word, why in self.noise.items()
            if word in text.text
        }
        return Extraction(tuple(facts), noise, work())

    async def judge(self, contentions: Sequence[Contention]) -> Rulings:
        self.judged.append(contentions)
        if self.failures:
            raise self.failures.pop(0)
        return Rulings(tuple(self.rule(item) for item in contentions), work("contradict"))

    async def compare(self, pairs: Sequence[NamePair]) -> Sameness:
        self.compared.append(pairs)
        verdicts = tuple((frozenset((p.left.name, p.right.name)) in self.same, "as told") for p in pairs)
        return Sameness(verdicts, work("resolve"))


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture(autouse=True)
async def no_jobs_of_others(parts: Parts) -> None:
    """A worker takes every user's jobs, so those that another test has left behind must go."""
    await parts.store.driver.execute_query("MATCH (j:Job) DETACH DELETE j")  # pyright: ignore


def make_worker(parts: Parts, model: Model, clock: TestClock, concurrency: int = 2, **waits: float) -> Worker:
    extract = ExtractStep(
        parts.store, clock, model, Linker(parts.store, parts.index, parts.embedder, model, clock), judges=True
    )
    return Worker(parts.store, clock, extract, JudgeStep(parts.store, clock, model), concurrency=concurrency, **waits)


@pytest.fixture
def waits() -> dict[str, float]:
    """How long the reader waits for what, where a fixture that a test uses says so before the reader is made."""
    return {}


@pytest.fixture
async def reader(parts: Parts, model: Model, clock: TestClock, waits: dict[str, float]) -> AsyncIterator[Worker]:
    worker = make_worker(parts, model, clock, **waits)
    worker.start()
    yield worker
    await worker.stop()


@pytest.fixture
def user(parts: Parts, service: MemoryService, clock: TestClock, reader: Worker) -> User:
    """A user whose texts are read."""
    with_models = replace(parts, worker=reader)
    return User(with_models, MemoryService(with_models), clock)


async def state(user: User, memory_id: str, wanted: str) -> dict[str, Any]:
    """The memory, once its reading has come to a state."""
    while (memory := await user.get(memory_id))["extraction"] != wanted:
        await asyncio.sleep(0.02)
    return memory
