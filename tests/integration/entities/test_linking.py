# ruff: noqa: F401, F811 (fixtures of scripted_models)
# pyright: reportUnusedImport=false
"""Names that mean one thing, whoever brought them and when: on the real Neo4j, by scripted models."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kg.errors import MalformedOutput
from kg.model_values import Extraction
from kg.operations import queries as operations_queries
from kg.operations.job_control import Jobs
from kg.operations.merges import Merges
from kg.values import RequestKey
from tests.support.scripted_models import CALL, Model, model, no_jobs_of_others, reader, state, user, waits
from tests.support.user import User, states


def uses(what: str, tool: str):
    return states(f"{what} uses {tool}", "USES", what, tool, object_kind="Tool")


async def calls(user: User) -> list[str]:
    jobs = Jobs(user.parts.store, user.clock)
    shown = [await jobs.show(user.id, job["id"]) for job in (await jobs.list(user.id))["jobs"]]
    return [call["task"] for job in shown for call in job["calls"]]


async def same(user: User, *names: str) -> bool:
    return len({(await user.entity(name))["id"] for name in names}) == 1


async def test_two_texts_that_are_read_at_once_and_spell_a_name_in_two_ways_name_one_thing(user: User, model: Model):
    model.facts = {"first": [uses("shop", "PostgreSQL")], "second": [uses("till", "Postgres")]}
    model.gate.clear()
    first, second = await user.add("first text"), await user.add("second text")
    while len(model.requests) < 2:
        await asyncio.sleep(0.02)
    model.gate.set()
    for added in (first, second):
        await state(user, added.id, "done")
    assert await same(user, "Postgres", "PostgreSQL")


async def test_spellings_in_facts_of_callers_name_one_thing_and_can_be_taken_apart_for_good(user: User):
    await user.add("one", uses("shop", "PostgreSQL"))
    user.clock.tick()
    await user.add("two", uses("till", "Postgres"), uses("till", "crossenv"), uses("till", "cross-env"))
    assert await same(user, "Postgres", "PostgreSQL") and not await same(user, "crossenv", "cross-env")
    (merge,) = (await user.parts.store.read_one(operations_queries.list_merges, user_id=user.id, top_k=9))["merges"]
    assert "spelling" in merge["reason"]
    await Merges(user.parts.store, user.clock).undo(user.id, RequestKey("undo"), merge["source"])
    user.clock.tick()
    await user.add("three", uses("desk", "Postgres"), uses("desk", "PostgreSQL"))
    assert not await same(user, "Postgres", "PostgreSQL")


async def test_an_update_that_brings_another_spelling_names_the_same_thing(user: User):
    await user.add("one", uses("shop", "PostgreSQL"))
    other = await user.add("two", uses("till", "SQLite"))
    user.clock.tick()
    await user.update(other.id, uses("till", "Postgres"))
    assert await same(user, "Postgres", "PostgreSQL")


async def test_a_text_with_a_contradiction_takes_two_calls_and_its_names_are_asked_about_later(
    user: User, model: Model
):
    model.same = {frozenset(("Kuberntes", "Kubernetes"))}
    model.facts = {"one": [uses("shop", "Redis"), uses("shop", "Kubernetes")], "two": [uses("shop", "Kuberntes")]}
    await user.add("text one", wait=True)
    await user.indexer.drain()  # a known name is found by its nearness
    assert await calls(user) == ["extract"]
    user.clock.tick()
    await user.add("text two", wait=True)
    assert sorted(await calls(user)) == ["contradict", "extract", "extract"] and not model.compared
    user.clock.tick()
    model.facts = {"three": [uses("desk", "Kuberntes")]}
    await user.add("text three", wait=True)
    assert len(model.compared) == 1 and await same(user, "Kuberntes", "Kubernetes")
    model.facts = {"four": [uses("till", "Kuberntes")]}
    await user.add("text four", wait=True)
    assert len(model.compared) == 1


async def test_a_request_about_names_that_failed_is_accounted(user: User, model: Model):
    failure = MalformedOutput("resolve", "toy:reader", "another form")
    failure.calls = (replace(CALL, task="resolve", outcome="malformed"),) * 2

    async def compare(pairs: object) -> object:
        raise failure

    model.facts = {"one": [uses("shop", "Kubernetes")], "two": [uses("till", "Kuberntes")]}
    await user.add("text one", wait=True)
    await user.indexer.drain()  # a known name is found by its nearness
    user.clock.tick()
    model.compare = compare  # pyright: ignore[reportAttributeAccessIssue]
    await user.add("text two", wait=True)
    assert (await calls(user)).count("resolve") == 2


async def test_what_could_not_be_used_of_an_answer_is_told_on_the_job(user: User, model: Model):
    extract = model.extract

    async def partly(reading: object) -> Extraction:
        return replace(await extract(reading), dropped=tuple(f"fact {n}" for n in range(30)))  # pyright: ignore

    model.extract = partly  # pyright: ignore[reportAttributeAccessIssue]
    await user.add("a text", wait=True)
    jobs = Jobs(user.parts.store, user.clock)
    (job,) = (await jobs.list(user.id))["jobs"]
    told = (await jobs.show(user.id, job["id"]))["not_used"]
    assert told == [*(f"fact {n}" for n in range(20)), "and 10 more"]
