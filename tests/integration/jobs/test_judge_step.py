# ruff: noqa: F401, F811 (fixtures of scripted_models)
# pyright: reportUnusedImport=false
"""What models judge: contradictions, in the order in which texts were noted, and names, whose merges quote no text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from kg.model_values import NamePair, Ruling, Sameness
from kg.operations import queries as operations_queries
from kg.operations.job_control import Jobs
from kg.operations.memory import MemoryService, Parts
from tests.support.scripted_models import Model, make_worker, model, no_jobs_of_others, reader, state, user, waits, work
from tests.support.user import TestClock, User, new_key, states

CatchUp = Callable[[str], Awaitable[Any]]
POOL = states("The pool caused the deadlocks", "CAUSED_BY", "deadlocks", "pool")
NOT_POOL = states("It was never the pool", "NOT_CAUSED_BY", "deadlocks", "pool")


@pytest.fixture
def unread(parts: Parts, service: MemoryService, clock: TestClock, model: Model) -> User:
    """A user whose texts no model reads; where one does, it takes every contradiction for a correction."""
    model.facts = {"was the cause": [POOL], "never the pool": [NOT_POOL]}
    model.rule = lambda _: Ruling("corrected", "it was not")
    return User(parts, service, clock)


@pytest.fixture
async def catch_up(model: Model, unread: User) -> AsyncIterator[CatchUp]:
    """Let a model read what waits, until it has read a memory."""
    worker = make_worker(unread.parts, model, unread.clock)

    async def read(memory_id: str) -> None:
        await Jobs(unread.parts.store, unread.clock).catch_up(unread.id, new_key())
        worker.start()
        worker.wake()
        await state(unread, memory_id, "done")

    yield read
    await worker.stop()


async def test_a_text_that_is_read_late_corrects_nothing_that_was_noted_after_it(
    unread: User, model: Model, catch_up: CatchUp
):
    noted = [unread.clock.at("2024-01-10")]
    late = await unread.add("The pool was the cause of the deadlocks")
    noted.append(unread.clock.at("2024-02-10"))
    await unread.add("It was never the pool", NOT_POOL)
    unread.clock.at("2024-03-10")
    await catch_up(late.id)
    assert await unread.statements("deadlocks") == {"It was never the pool"}
    ((pair,),) = model.judged
    assert [pair.earlier.stated_at, pair.later.stated_at] == noted


async def test_a_text_that_was_replaced_is_noted_when_it_was_replaced_whatever_metadata_followed(
    unread: User, model: Model, catch_up: CatchUp
):
    unread.clock.at("2024-01-10")
    late = await unread.add("We look for what locks the rows", occurred_at="2024-01-09")
    unread.clock.at("2024-02-10")
    await unread.add("The pool", POOL)
    replaced = unread.clock.at("2024-03-10")
    await unread.update(late.id, text="It was never the pool")
    unread.clock.at("2024-04-10")
    await unread.update(late.id, metadata={"seen": True})
    unread.clock.at("2024-05-10")
    await catch_up(late.id)
    assert await unread.statements("deadlocks") == {"It was never the pool"}
    ((pair,),) = model.judged
    assert pair.earlier.stated_at == replaced


async def test_of_two_texts_about_one_instant_the_one_that_was_noted_first_is_the_earlier_one(
    unread: User, model: Model, catch_up: CatchUp
):
    model.rule = lambda _: Ruling("superseded", "the other one replaced it")
    late = await unread.add("The pool was the cause of the deadlocks", occurred_at="2023-12-30")
    unread.clock.tick()
    await unread.add("It was never the pool", NOT_POOL, occurred_at="2023-12-30")
    unread.clock.tick()
    await catch_up(late.id)
    ((pair,),) = model.judged
    assert (pair.earlier.statement, pair.later.statement) == (POOL["statement"], NOT_POOL["statement"])


async def test_a_merge_says_which_model_decided_and_quotes_no_memory_that_may_be_deleted(user: User, model: Model):
    def uses(what: str, tool: str) -> Any:
        return states(f"{what} uses {tool}", "USES", what, tool, object_kind="Tool")

    async def quote(pairs: Sequence[NamePair]) -> Sameness:
        return Sameness(tuple((True, f"as {' and '.join(pair.right.context)}") for pair in pairs), work("resolve"))

    model.compare = quote
    model.facts = {"one": [uses("Project Nightjar", "Kubernetes")], "two": [uses("shop", "Kuberntes")]}
    secret = await user.add("text one", wait=True)
    await user.add("The desk", uses("desk", "Kubernetes"))
    await user.indexer.drain()  # a known name is found by its nearness
    await user.add("text two", wait=True)
    await user.delete(secret.id)
    (merge,) = (await user.parts.store.read_one(operations_queries.list_merges, user_id=user.id, top_k=9))["merges"]
    assert merge["reason"] == "toy:reader compared what is said of both"
