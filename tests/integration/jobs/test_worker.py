# ruff: noqa: F401, F811 (fixtures of scripted_models)
# pyright: reportUnusedImport=false
"""Texts that a model reads: scripted models behind the real worker, on the real Neo4j."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from kg.errors import BudgetExceeded, MalformedOutput, ModelUnavailable
from kg.facts.contentions import JUDGED_PER_FACT
from kg.jobs.worker import FIRST_BACK_OFF_S, LONGEST_PAUSE_S, MAX_FAILURES, Worker
from kg.language.words import content_hash
from kg.model_values import Contention, Ruling, Rulings
from kg.operations import queries as operations_queries
from kg.operations.decisions import Decisions
from kg.operations.job_control import Jobs
from kg.operations.memory import MemoryService, Parts
from kg.values import RequestKey
from tests.support.graph_checks import whole_graph_invariants
from tests.support.scripted_models import Model, make_worker, model, no_jobs_of_others, reader, state, user, waits
from tests.support.user import TestClock, User, new_key, states


async def check_graph(user: User) -> None:
    await whole_graph_invariants(user.parts, user.id)


@pytest.fixture
def long_pauses(waits: dict[str, float]) -> None:
    """A pause lasts until a test ends it, however long the test takes."""
    waits["first_pause_s"] = LONGEST_PAUSE_S


@pytest.fixture
def unrenewed(waits: dict[str, float]) -> None:
    """A lease that a test has ended stays ended: its worker, which lives, would renew it every ten seconds."""
    waits["renew_every_s"] = 3600.0


async def test_a_text_is_read_and_its_facts_say_by_what(user: User, model: Model):
    model.facts["Postgres"] = [states("Billing uses Postgres", "USES", "billing", "Postgres", because="one database")]
    added = await user.add("We run billing on Postgres, one database is enough", wait=True)
    assert added["extraction"] == "done"
    (fact,) = (await user.get(added.id))["facts"]
    assert (fact["fact"], fact["origin"], fact["model"], fact["because"]) == (
        "Billing uses Postgres", "model", "toy:reader", "one database",
    )  # fmt: skip
    stored = await user.raw("MATCH (f:Fact {user_id: $user_id}) RETURN f.prompt AS p, f.prompt_hash AS h")
    assert stored == [{"p": "extract", "h": "hash of extract"}]
    assert len(model.requests) == 1
    assert not model.judged
    await check_graph(user)


async def test_tokens_and_cost_are_on_the_job_and_on_the_day(user: User, model: Model):
    await user.add("We run billing on Postgres", wait=True)
    (job,) = (await Jobs(user.parts.store, user.clock).list(user.id))["jobs"]
    assert (job["state"], job["tokens"], job["cost_usd"], job["model"]) == ("done", 120, 0.001, "toy:reader")
    day = user.clock.now().date().isoformat()
    spent = await user.raw(
        "MATCH (s:Spending {user_id: $user_id, day: $day}) RETURN s.tokens AS t, s.calls AS c", day=day
    )
    assert spent == [{"t": 120, "c": 1}]


async def test_caller_facts_and_infer_false_ask_no_model(user: User, model: Model):
    with_facts = await user.add("Billing uses Postgres", states("Billing uses Postgres", "USES", "billing", "Postgres"))
    without = await user.add("Nothing to read here, said the caller", infer=False)
    assert (with_facts["extraction"], without["extraction"]) == ("none", "none")
    assert not await user.raw("MATCH (j:Job {user_id: $user_id}) RETURN j.uuid")
    assert not model.requests


async def test_noise_is_stored_and_hidden_and_a_filter_shows_it(user: User, model: Model):
    model.noise["weather"] = "small talk"
    judged = await user.add("Nice weather in the office today", wait=True)
    ruled = await user.add("ok, thanks!")
    assert ruled["results"][0]["noise"]
    assert len(model.requests) == 1, "a trivial line costs no call"
    listed = await user.memory.get_memories(user.session())
    assert listed["results"] == []
    assert (await user.search("weather in the office"))["results"] == []
    shown = await user.memory.get_memories(user.session(), filters={"noise": True})
    assert {row["id"] for row in shown["results"]} == {judged.id, ruled.id}
    assert (await user.get(judged.id))["noise"] == "small talk"


async def test_old_facts_stay_current_until_the_new_text_is_read(user: User, model: Model):
    model.facts |= {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    added = await user.add("The web app is built with npm", wait=True)
    model.facts = {"pnpm": [states("The web app uses pnpm", "USES", "web app", "pnpm")]}
    model.gate.clear()
    user.clock.tick()
    changed = await user.update(added.id, text="The web app is built with pnpm")
    assert changed["extraction"] == "pending"
    assert await user.objects("web app") == {"npm"}
    model.gate.set()
    memory = await state(user, added.id, "done")
    assert [fact["fact"] for fact in memory["facts"]] == ["The web app uses pnpm"]
    assert [fact["fact"] for fact in memory["versions"][0]["facts"]] == ["The web app uses npm"]
    assert await user.objects("web app") == {"pnpm"}
    await check_graph(user)


async def test_an_answer_about_a_text_that_changed_meanwhile_is_not_written(user: User, model: Model):
    model.facts = {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    model.gate.clear()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    await user.update(added.id, states("The web app uses bun", "USES", "web app", "bun"), text="Built with bun")
    model.gate.set()
    await user.add("Something else to read", wait=True)
    assert [fact["fact"] for fact in (await user.get(added.id))["facts"]] == ["The web app uses bun"]
    await check_graph(user)


async def test_a_memory_deleted_while_it_is_read_leaves_nothing(user: User, model: Model):
    model.facts = {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    model.gate.clear()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    await user.delete(added.id)
    model.gate.set()
    await user.add("Something else to read", wait=True)
    left = await user.raw("MATCH (n) WHERE n.user_id = $user_id AND (n:Fact OR n:Entity) RETURN n.uuid")
    assert left == []
    await check_graph(user)


async def test_a_contradiction_is_judged_once_and_can_be_taken_back(user: User, model: Model):
    model.facts = {
        "Redis for": [states("Sessions use Redis", "USES", "sessions", "Redis")],
        "moved": [states("Sessions use Postgres", "USES", "sessions", "Postgres")],
    }
    model.rule = lambda item: Ruling("superseded", f"{item.later.statement} instead")
    await user.add("We take Redis for the sessions", wait=True)
    user.clock.tick()
    before = user.clock.now()
    user.clock.tick()
    await user.add("The sessions have moved to Postgres", wait=True)
    assert await user.objects("sessions") == {"Postgres"}
    assert len(model.judged) == 1
    assert await user.objects("sessions", as_of=before.isoformat()) == {"Redis"}
    decisions = Decisions(user.parts.store, user.clock)
    (decided,) = (await decisions.conflicts(user.id, project=None, limit=10))["decided"]
    assert (decided["how"], decided["judge"], decided["reason"]) == (
        "superseded", "toy:reader", "Sessions use Postgres instead",
    )  # fmt: skip
    user.clock.tick()
    undone = await decisions.undo(user.id, RequestKey("undo"), decided["id"])
    assert undone.stands
    assert await user.objects("sessions") == {"Redis", "Postgres"}
    assert (await decisions.undo(user.id, RequestKey("undo"), decided["id"])) == undone, (
        "a repeated call answers the first result"
    )
    await check_graph(user)


async def test_a_decision_that_was_taken_back_is_not_made_again_because_of_a_rewording(user: User, model: Model):
    model.facts = {
        "tea": [states("Ada prefers tea", "PREFERS", "Ada", "tea")],
        "coffee": [states("Ada prefers coffee", "PREFERS", "Ada", "coffee")],
    }
    model.rule = lambda item: Ruling("superseded", "moved")
    await user.add("Ada likes tea", wait=True)
    user.clock.tick()
    added = await user.add("Ada likes coffee", wait=True)
    decisions = Decisions(user.parts.store, user.clock)
    (decided,) = (await decisions.conflicts(user.id, project=None, limit=5))["decided"]
    await decisions.undo(user.id, RequestKey("undo"), decided["id"])
    user.clock.tick()
    assert await user.objects("Ada") == {"tea", "coffee"}
    await user.update(added.id, text="Ada likes coffee too")
    await state(user, added.id, "done")
    user.clock.tick()
    assert await user.objects("Ada") == {"tea", "coffee"}
    await check_graph(user)


async def test_two_periods_of_one_claim_in_one_text_are_both_read(user: User, model: Model):
    model.facts = {
        "Acme": [
            states("worked at Acme", "WORKS_AT", "user", "Acme", valid_at="2015", invalid_at="2018"),
            states("worked at Globex", "WORKS_AT", "user", "Globex", valid_at="2018"),
            states("works at Acme again", "WORKS_AT", "user", "Acme", valid_at="2022"),
        ]
    }
    await user.add("At Acme from 2015 to 2018, then Globex, back at Acme since 2022", wait=True)
    assert (await user.objects("user"), await user.objects("user", as_of="2020")) == ({"Acme"}, {"Globex"})


async def test_new_metadata_keeps_facts_that_were_handed_over_while_the_text_is_read(user: User, model: Model):
    model.facts = {"billing": [states("Billing has a cache", "HAS", "billing", "cache")]}
    model.gate.clear()
    added = await user.add("We run billing on Postgres")
    await model.reading.wait()
    user.clock.tick()
    await user.add("We run billing on Postgres", states("Billing uses Postgres", "USES", "billing", "Postgres"))
    user.clock.tick()
    await user.update(added.id, metadata={"ticket": "1"})
    user.clock.tick()
    model.gate.set()
    facts = (await state(user, added.id, "done"))["facts"]
    assert {fact["fact"] for fact in facts} == {"Billing uses Postgres", "Billing has a cache"}


async def test_a_late_note_about_the_past_retires_nothing_newer(user: User, model: Model):
    model.facts = {
        "now": [states("Sessions use Postgres", "USES", "sessions", "Postgres")],
        "back then": [states("Sessions use Redis", "USES", "sessions", "Redis")],
    }
    model.rule = lambda item: Ruling("superseded", "the later one replaced it")
    await user.add("Sessions are in Postgres now", wait=True, occurred_at="2023-06-01")
    user.clock.tick()
    await user.add("Sessions were in Redis back then", wait=True, occurred_at="2022-01-01")
    assert await user.objects("sessions") == {"Postgres"}
    assert await user.objects("sessions", as_of="2022-06-01") == {"Redis"}
    await check_graph(user)


@pytest.mark.usefixtures("long_pauses")
async def test_contradictions_wait_for_a_judge_that_is_down_while_facts_stand(user: User, model: Model, reader: Worker):
    model.facts = {
        "Redis for": [states("Sessions use Redis", "USES", "sessions", "Redis")],
        "moved": [states("Sessions use Postgres", "USES", "sessions", "Postgres")],
    }
    model.rule = lambda item: Ruling("superseded", "moved")
    await user.add("We take Redis for the sessions", wait=True)
    user.clock.tick()
    real = model.judge
    down = asyncio.Event()

    async def judge(contentions: Sequence[Contention]) -> Rulings:
        down.set()
        model.judge = real
        raise ModelUnavailable("toy", "reader", "overloaded", "try later")

    model.judge = judge
    added = await user.add("The sessions have moved to Postgres")
    await down.wait()
    assert await user.objects("sessions") == {"Redis", "Postgres"}
    while "judge" not in reader.describe()["paused"]:
        await asyncio.sleep(0.02)
    assert (await user.get(added.id))["extraction"] == "pending"
    reader.wake(resume=True)
    await state(user, added.id, "done")
    assert await user.objects("sessions") == {"Postgres"}


async def test_one_thing_by_two_names_becomes_one_and_can_be_parted(user: User, model: Model):
    model.facts = {
        "first": [states("Billing runs on PostgreSQL", "USES", "billing", "PostgreSQL", object_kind="Tool")],
        "second": [states("Search runs on Postgres", "USES", "search", "Postgres", object_kind="Tool")],
    }
    await user.add("The first service", wait=True)
    await user.add("The second service", wait=True)
    page = await user.entity("postgresql", limit=20)
    assert {fact["fact"] for fact in page["facts"]} == {"Billing runs on PostgreSQL", "Search runs on Postgres"}
    rows = await user.parts.store.read(operations_queries.list_merges, user_id=user.id, top_k=10)
    (merge,) = rows[0]["merges"]
    await user.merges.undo(user.id, RequestKey("part"), merge["source"])
    assert await user.statements("postgresql") == {"Billing runs on PostgreSQL"}
    assert await user.statements("postgres") == {"Search runs on Postgres"}
    await check_graph(user)


async def test_a_model_that_is_down_costs_no_attempt_and_everything_is_read_later(
    user: User, model: Model, reader: Worker
):
    model.facts = {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    model.failures = [ModelUnavailable("toy", "reader", "connection", "is it running?")] * 8
    added = await user.add("The web app is built with npm")
    while model.failures:
        await asyncio.sleep(0.02)
        reader.wake(resume=True)
    await state(user, added.id, "done")
    (job,) = (await Jobs(user.parts.store, user.clock).list(user.id))["jobs"]
    assert "failures" not in job
    assert await user.objects("web app") == {"npm"}


async def test_nonsense_is_tried_again_and_at_last_dead_with_its_reason(user: User, model: Model, reader: Worker):
    model.facts = {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    model.failures = [MalformedOutput("extract", "toy:reader", "facts: a list was expected")] * MAX_FAILURES
    added = await user.add("The web app is built with npm")
    jobs = Jobs(user.parts.store, user.clock)
    while "extraction_error" not in (memory := await user.get(added.id)) or memory["extraction"] != "failed":
        if (await jobs.list(user.id, state="failed"))["jobs"]:
            user.clock.tick(hours=2)
            reader.wake()
        await asyncio.sleep(0.02)
    assert "facts: a list was expected" in memory["extraction_error"]
    (job,) = (await jobs.list(user.id, state="dead"))["jobs"]
    assert job["failures"] == MAX_FAILURES
    assert await jobs.retry(user.id, new_key(), job["id"]) == 1
    reader.wake()
    await state(user, added.id, "done")
    assert await user.objects("web app") == {"npm"}


async def test_a_spent_day_makes_jobs_wait_and_storing_go_on(user: User, model: Model, reader: Worker):
    tomorrow = user.clock.now().replace(hour=0).replace(day=user.clock.now().day + 1)
    model.failures = [BudgetExceeded(100, 120, tomorrow)]
    added = await user.add("The web app is built with npm")
    while "extract" not in reader.describe()["paused"]:
        await asyncio.sleep(0.02)
    assert (await user.add("And another note"))["extraction"] == "pending"
    while "extraction_error" not in (memory := await user.get(added.id)):
        await asyncio.sleep(0.02)
    assert "120 of 100 model tokens" in memory["extraction_error"]
    assert len(model.requests) == 1


async def test_what_was_stored_without_a_model_is_caught_up_with(
    parts: Parts, service: MemoryService, clock: TestClock, model: Model
):
    user = User(parts, service, clock)
    notes = [await user.add(f"Service {number} is built with npm") for number in range(3)]
    talk = await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "content": f"Turn {number} about npm"} for number in range(3)]
    )
    trivial = await user.add("thanks!")
    assert {added["extraction"] for added in notes} == {"skipped"}
    model.facts = {"npm": [states("Everything uses npm", "USES", "everything", "npm")]}
    worker = make_worker(parts, model, clock)
    jobs = Jobs(parts.store, clock)
    queued = await jobs.catch_up(user.id, new_key())
    assert (queued.jobs, queued.memories) == (4, 6)
    assert (await jobs.catch_up(user.id, new_key())).jobs == 0
    worker.start()
    for memory_id in [*(added.id for added in notes), *(row["id"] for row in talk["results"])]:
        await state(user, memory_id, "done")
    await worker.stop()
    assert sorted(len(request.turns) for request in model.requests) == [1, 1, 1, 3]
    assert (await user.get(trivial.id))["extraction"] == "none"
    await check_graph(user)


async def test_an_assent_is_caught_up_with_beside_what_it_answers(
    parts: Parts, service: MemoryService, clock: TestClock, model: Model
):
    user = User(parts, service, clock)
    said = ("Shall we replace npm by pnpm?", "yes, do it", "thanks!")
    roles = ("assistant", "user", "user")
    talk = [{"role": role, "content": text} for role, text in zip(roles, said, strict=True)]
    added = await user.memory.add_memory(user.session(), messages=talk)
    model.facts = {"yes, do it": [states("The web app uses pnpm", "USES", "web app", "pnpm")]}
    worker = make_worker(parts, model, clock)
    await Jobs(parts.store, clock).catch_up(user.id, new_key())
    worker.start()
    await state(user, added["results"][1]["id"], "done")
    await worker.stop()
    assert [turn.text for turn in model.requests[-1].turns] == ["Shall we replace npm by pnpm?", "yes, do it"]
    proposal, assent, thanks = [await user.get(result["id"]) for result in added["results"]]
    assert [fact["fact"] for fact in assent["facts"]] == ["The web app uses pnpm"]
    assert ("noise" in proposal, "noise" in assent, thanks["extraction"]) == (False, False, "none")


async def test_i_is_the_user_in_what_the_user_said_and_the_assistant_in_what_it_said(user: User, model: Model):
    model.facts = {"Vim": [states("I prefer Vim", "PREFERS", "I", "Vim")]}
    for role in ("assistant", "user"):
        said = [{"role": role, "content": f"Well, I prefer Vim ({role})"}]
        await user.memory.add_memory(user.session(), messages=said, wait=True)
        page = await user.entity(role)
        assert (page["name"], await user.objects(role)) == (role, {"Vim"})
        if role == "assistant":
            assert not await user.raw("MATCH (a:Alias {user_id: $user_id, key: 'user'}) RETURN a.key AS key")
    await check_graph(user)


async def test_recalled_memories_are_not_read_again(user: User, model: Model):
    text = "The staging database was moved to the new host in March, after the disk had failed twice."
    await user.add(text, infer=False)
    answer = f"Here is what I remember:\n\n{text}\n\nSo I shall look at the new host first, it may have npm."
    await user.memory.add_memory(user.session(), messages=[{"role": "assistant", "content": answer}], wait=True)
    (turn,) = model.requests[-1].turns
    assert "moved to the new host in March" not in turn.text
    assert "So I shall look at the new host first" in turn.text


async def test_what_a_person_says_again_is_said(user: User, model: Model):
    known = "We deploy to the blue cluster every night at two."
    await user.add(known, infer=False)
    await user.add(f"For the record:\n\n{known}\n\nIt will stay so.", wait=True)
    assert known in model.requests[-1].turns[0].text
    elsewhere = replace(user, project="elsewhere")
    answer = [{"role": "assistant", "content": f"Noted:\n\n{known}\n\nI shall keep to it."}]
    await elsewhere.memory.add_memory(elsewhere.session(), messages=answer, wait=True)
    assert known in model.requests[-1].turns[0].text, "another project's memory is nothing that was recalled here"


async def test_what_is_no_longer_so_may_be_said_to_be_so_again(user: User, model: Model):
    text = "The shop stores its orders in Postgres, on two hosts."
    first = await user.add(text, states("shop uses Postgres", "USES", "shop", "Postgres"))
    user.clock.tick()
    await user.add("Now MySQL", states("shop uses MySQL", "USES", "shop", "MySQL", supersedes=[first.fact]))
    user.clock.tick()
    answer = [{"role": "assistant", "content": f"Done, we are back:\n\n{text}\n\nMySQL is gone."}]
    await user.memory.add_memory(user.session(), messages=answer, wait=True)
    assert text in model.requests[-1].turns[0].text


@pytest.mark.usefixtures("unrenewed")
async def test_a_job_of_a_dead_worker_is_taken_over_and_its_answer_comes_too_late(
    parts: Parts, service: MemoryService, clock: TestClock, model: Model, waits: dict[str, float]
):
    slow = make_worker(parts, model, clock, **waits)
    user = User(replace(parts, worker=slow), MemoryService(replace(parts, worker=slow)), clock)
    model.facts = {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    model.gate.clear()
    slow.start()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    await user.raw(  # its lease is over: nobody has renewed it
        "MATCH (j:Job {user_id: $user_id}) SET j.lease_until = datetime() - duration({seconds: 1})"
    )
    other_model = Model()
    other_model.facts = model.facts
    other = make_worker(parts, other_model, clock, **waits)
    other.start()
    await state(user, added.id, "done")
    model.gate.set()
    await user.add("Something else to read", wait=True)
    assert [fact["fact"] for fact in (await user.get(added.id))["facts"]] == ["The web app uses npm"]
    await slow.stop()
    await other.stop()
    await check_graph(user)


@pytest.mark.usefixtures("unrenewed")
async def test_a_job_over_which_worker_after_worker_dies_is_dead(
    user: User, model: Model, reader: Worker, waits: dict[str, float]
):
    model.gate.clear()
    added = await user.add("A text that ends every process that reads it")
    await model.reading.wait()
    await user.raw(
        "MATCH (j:Job {user_id: $user_id}) "
        f"SET j.failures = {MAX_FAILURES - 1}, j.lease_until = datetime() - duration({{seconds: 1}})"
    )
    other_model = Model()
    other = make_worker(user.parts, other_model, user.clock, **waits)
    other.start()
    failed = await state(user, added.id, "failed")
    assert failed["extraction_error"] == "its worker died too often over it"
    assert other_model.requests == []
    await other.stop()
    model.gate.set()


async def test_a_worker_that_stops_hands_back_what_it_holds(user: User, model: Model, reader: Worker):
    model.gate.clear()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    await reader.stop()
    other_model = Model()
    other = make_worker(user.parts, other_model, user.clock)
    other.start()  # its clock stands still: it would wait for the lease to end by the database's
    await state(user, added.id, "done")
    (job,) = (await Jobs(user.parts.store, user.clock).list(user.id))["jobs"]
    assert (job["attempts"], "failures" in job) == (2, False)
    await other.stop()


async def test_an_unusable_answer_is_waited_after_longer_each_time(user: User, model: Model, reader: Worker):
    model.failures = [MalformedOutput("extract", "toy:reader", "facts: a list was expected")] * 3
    await user.add("The web app is built with npm")
    jobs = Jobs(user.parts.store, user.clock)
    waits: list[float] = []
    while len(waits) < 3:
        if listed := (await jobs.list(user.id, state="failed"))["jobs"]:
            waits.append((datetime.fromisoformat(listed[0]["next_attempt_at"]) - user.clock.now()).total_seconds())
            user.clock.tick(seconds=waits[-1] + 1)
            reader.wake()
            while (await jobs.list(user.id, state="failed"))["jobs"][:1] == listed:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.02)
    for failures, wait in enumerate(waits):
        assert 0.49 <= wait / (FIRST_BACK_OFF_S * 4**failures) <= 1.51


async def test_a_cancelled_job_is_given_up(user: User, model: Model):
    model.facts = {"npm": [states("The web app uses npm", "USES", "web app", "npm")]}
    model.gate.clear()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    jobs = Jobs(user.parts.store, user.clock)
    (job,) = (await jobs.list(user.id))["jobs"]
    await jobs.cancel(user.id, new_key(), job["id"])
    model.gate.set()
    await user.add("Something else to read", wait=True)
    memory = await user.get(added.id)
    assert (memory["extraction"], memory["extraction_error"], memory.get("facts")) == (
        "cancelled", "the job was cancelled", None,
    )  # fmt: skip


async def test_bulk_work_leaves_a_slot_for_interactive_work(user: User, model: Model):
    model.gate.clear()
    bulk = [{"role": "user", "content": f"Turn {number} about the disk"} for number in range(60)]
    await user.memory.add_memory(user.session(), messages=bulk)
    await model.reading.wait()
    await user.add("An interactive note")
    while not any(turn.text == "An interactive note" for request in model.requests for turn in request.turns):
        await asyncio.sleep(0.02)
    assert sum(len(request.turns) > 1 for request in model.requests) == 1
    model.gate.set()


async def test_a_message_that_changed_while_its_batch_was_read_is_left_alone(user: User, model: Model):
    model.noise = {"small": "small talk"}
    model.gate.clear()
    said = [{"role": "user", "content": "some small thing on npm"}, {"role": "user", "content": "the disk is full"}]
    added = await user.memory.add_memory(user.session(), messages=said)
    await model.reading.wait()
    changed, other = (result["id"] for result in added["results"])
    await user.update(changed, states("The web app uses npm", "USES", "web app", "npm"))
    model.gate.set()
    await state(user, other, "done")
    memory = await user.get(changed)
    assert memory["extraction"] == "none" and "noise" not in memory
    assert [fact["fact"] for fact in memory["facts"]] == ["The web app uses npm"]


async def test_a_text_that_was_edited_by_hand_while_it_waited_is_read_as_it_is(user: User, model: Model):
    model.facts = {"pnpm": [states("The web app uses pnpm", "USES", "web app", "pnpm")]}
    model.gate.clear()
    added = await user.add("The web app is built with yarn")
    await model.reading.wait()
    edited = "The web app is built with pnpm"
    await user.raw(
        "MATCH (m:Memory {uuid: $uuid}) SET m.text = $text, m.content_hash = $hash",
        uuid=added.id, text=edited, hash=content_hash(edited),
    )  # fmt: skip
    model.gate.set()
    memory = await state(user, added.id, "done")
    assert [fact["fact"] for fact in memory["facts"]] == ["The web app uses pnpm"]


async def test_a_text_that_no_model_was_to_read_stays_so_when_it_is_changed(user: User, model: Model):
    added = await user.add("The pasword lies in the safe", infer=False)
    changed = await user.update(added.id, text="The password lies in the safe")
    assert "extraction" not in changed
    assert (await user.get(added.id))["extraction"] == "none"
    assert model.requests == []


async def test_an_assent_is_read_with_what_it_answers_and_stays_hidden_unless_it_states_something(
    user: User, model: Model
):
    model.facts = {"yes, do it": [states("The web app uses pnpm", "USES", "web app", "pnpm")]}
    said = [
        {"role": "assistant", "content": "Shall we replace npm by pnpm in the web app?"},
        {"role": "user", "content": "yes, do it"},
        {"role": "user", "content": "ok, thanks"},
    ]
    added = await user.memory.add_memory(user.session(), messages=said, wait=True)
    assert [turn.text for turn in model.requests[-1].turns] == [message["content"] for message in said]
    proposal, assent, thanks = [await user.get(result["id"]) for result in added["results"]]
    assert [fact["fact"] for fact in assent["facts"]] == ["The web app uses pnpm"]
    assert ("noise" in proposal, "noise" in assent, "noise" in thanks) == (False, False, True)
    await user.memory.add_memory(user.session(), messages=[{"role": "user", "content": "yes"}], wait=True)
    assert len(model.requests) == 1


async def test_facts_that_are_handed_over_while_a_text_is_read_are_not_stated_twice(user: User, model: Model):
    fact = states("Billing uses Postgres", "USES", "billing", "Postgres")
    model.facts = {"Postgres": [fact]}
    model.gate.clear()
    added = await user.add("We run billing on Postgres")
    await model.reading.wait()
    assert (await user.add("We run billing on Postgres", fact))["results"][0]["duplicate"]
    model.gate.set()
    assert len((await state(user, added.id, "done"))["facts"]) == 1
    await check_graph(user)


async def test_a_correction_about_an_earlier_time_corrects_what_was_noted_before_it(user: User, model: Model):
    model.facts = {
        "cause": [states("The pool caused the deadlocks", "CAUSED_BY", "deadlocks", "pool")],
        "after all": [states("It was not the pool", "NOT_CAUSED_BY", "deadlocks", "pool", valid_at="2023-12-30")],
    }
    model.rule = lambda item: Ruling("corrected", "it was not")
    await user.add("The pool was the cause of the deadlocks", wait=True)
    user.clock.tick(hours=24)
    await user.add("The deadlocks on Saturday were not the pool after all", wait=True)
    assert await user.statements("deadlocks") == {"It was not the pool"}
    (decision,) = await user.raw(
        "MATCH (o:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->() RETURN o.predicate AS old, d.prompt_hash AS hash"
    )
    assert decision == {"old": "CAUSED_BY", "hash": "hash of contradict"}


async def test_a_negation_contends_with_what_it_negates(user: User, model: Model):
    model.facts = {
        "needs": [states("The API requires a VPN", "REQUIRES", "API", "VPN")],
        "longer": [states("The API does not require a VPN", "NOT_REQUIRES", "API", "VPN")],
    }
    await user.add("The API needs a VPN", wait=True)
    user.clock.tick()
    await user.add("It is no longer so", wait=True)
    assert len(model.judged) == 1
    conflicts = await Decisions(user.parts.store, user.clock).conflicts(user.id, project=None, limit=10)
    assert [{fact["fact"] for fact in pair["facts"]} for pair in conflicts["open"]] == [
        {"The API requires a VPN", "The API does not require a VPN"}
    ]


async def test_of_many_standing_facts_those_in_the_same_words_are_judged(user: User, model: Model):
    for tool in ("npm", "Postgres", "Redis", "Kafka", "Sentry", "Vite", "Docker", "Nginx", "Vault", "Helm", "Jest"):
        await user.add(f"web: {tool}", states(f"web uses {tool}", "USES", "web", tool))
        user.clock.tick()
    model.rule = lambda item: Ruling("superseded" if "npm" in item.earlier.statement.split() else "none", "moved")
    model.facts = {"pnpm": [states("web uses pnpm instead of npm", "USES", "web", "pnpm")]}
    await user.add("web switched to pnpm", wait=True)
    assert "npm" not in await user.objects("web")
    assert len(model.judged[-1]) == JUDGED_PER_FACT
    jobs = Jobs(user.parts.store, user.clock)
    judging = next(job for job in (await jobs.list(user.id))["jobs"] if job["kind"] == "judge")
    assert (await jobs.show(user.id, judging["id"]))["not_used"] == [
        "3 pairs of facts that are less alike were not judged"
    ]


async def test_a_late_note_about_the_past_ends_where_the_next_thing_began(user: User, model: Model):
    await user.add("Postgres", states("shop uses Postgres", "USES", "shop", "Postgres", valid_at="2021"))
    (fact,) = (await user.entity("shop"))["facts"]
    await user.add(
        "MySQL", states("shop uses MySQL", "USES", "shop", "MySQL", valid_at="2023", supersedes=[fact["id"]])
    )
    model.rule = lambda item: Ruling("superseded", "one store at a time")
    model.facts = {"Redis": [states("shop uses Redis", "USES", "shop", "Redis", valid_at="2020")]}
    await user.add("In 2020 the shop used Redis", wait=True)
    assert await user.objects("shop", as_of="2020-06") == {"Redis"}
    assert await user.objects("shop", as_of="2022") == {"Postgres"}
    assert await user.objects("shop") == {"MySQL"}


async def test_a_long_job_stays_its_workers_whatever_the_clocks_of_other_services_say(
    parts: Parts, user: User, model: Model, reader: Worker
):
    model.gate.clear()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    fast = TestClock()
    fast.at("2031")
    other_model = Model()
    other = make_worker(parts, other_model, fast)
    other.start()
    await asyncio.sleep(0.5)
    assert other_model.requests == []
    model.gate.set()
    await state(user, added.id, "done")
    await other.stop()


async def test_what_was_cancelled_is_not_caught_up_with(user: User, model: Model):
    model.gate.clear()
    added = await user.add("The web app is built with npm")
    await model.reading.wait()
    jobs = Jobs(user.parts.store, user.clock)
    (job,) = (await jobs.list(user.id))["jobs"]
    await jobs.cancel(user.id, new_key(), job["id"])
    model.gate.set()
    assert (await jobs.catch_up(user.id, new_key())).memories == 0
    assert (await user.get(added.id))["extraction"] == "cancelled"
    assert await jobs.retry(user.id, new_key(), job["id"]) == 1


async def test_earlier_turns_and_known_names_reach_the_reader(user: User, model: Model):
    await user.add("Uses npm", states("The web app uses npm", "USES", "web app", "npm"))
    for said in ("The web app starts slowly", "It is npm, I think"):
        message = [{"role": "user", "content": said, "name": "Ann"}]
        await user.memory.add_memory(user.session(), messages=message, run_id="r", wait=True)
    request = model.requests[-1]
    assert [(turn.text, turn.speaker) for turn in request.earlier] == [("The web app starts slowly", "Ann")]
    assert "npm" in request.known_names


async def test_a_contradiction_that_no_judge_ruled_on_is_listed(user: User, model: Model, reader: Worker):
    await user.add("npm", states("The web app uses npm", "USES", "web app", "npm"))
    user.clock.tick()
    model.facts = {"pnpm": [states("The web app uses pnpm", "USES", "web app", "pnpm")]}
    added = await user.add("The web app is built with pnpm", wait=True)
    await user.raw("MATCH (j:Job {user_id: $user_id, kind: 'judge'}) SET j.state = 'dead'")
    assert len((await user.get(added.id))["facts"]) == 1
    conflicts = await Decisions(user.parts.store, user.clock).conflicts(user.id, project=None, limit=10)
    assert [{fact["fact"] for fact in pair["facts"]} for pair in conflicts["open"]] == [
        {"The web app uses npm", "The web app uses pnpm"}
    ]


@pytest.mark.usefixtures("long_pauses")
async def test_a_judge_that_is_away_is_not_asked_again_while_it_is_waited_for(user: User, model: Model, reader: Worker):
    def away(_: Contention) -> Ruling:
        raise ModelUnavailable("ollama", "toy", "connection", "start it")

    model.rule = away
    await user.add("npm", states("The web app uses npm", "USES", "web app", "npm"))
    for number, tool in enumerate(("pnpm", "yarn", "bun")):
        user.clock.tick()
        model.facts = {tool: [states(f"The web app uses {tool}", "USES", "web app", tool)]}
        added = await user.add(f"The web app is built with {tool}")
        async with asyncio.timeout(20):
            while not (await user.get(added.id)).get("facts") or (number == 0 and not reader.describe()["paused"]):
                await asyncio.sleep(0.02)
    waits = "MATCH (j:Job {user_id: $user_id, kind: 'judge', state: 'pending'}) RETURN j.error AS error"
    async with asyncio.timeout(20):
        while len(waiting := await user.raw(waits)) < 3:  # a job is handed back after its facts are there
            await asyncio.sleep(0.02)
    assert len(waiting) == 3 and all("start it" in row["error"] for row in waiting)
    assert len(model.judged) == 1


async def test_jobs_that_ended_long_ago_are_forgotten_and_dead_ones_are_not(user: User, model: Model, reader: Worker):
    for text in ("The disk is full", "The disk is mended"):
        await user.add(text, wait=True)
    rows = await user.raw("MATCH (j:Job {user_id: $user_id}) RETURN j.uuid AS uuid ORDER BY j.created_at")
    await user.raw("MATCH (j:Job {uuid: $uuid}) SET j.state = 'dead'", uuid=rows[0]["uuid"])
    user.clock.tick(days=31)
    reader.wake()
    async with asyncio.timeout(20):
        while len(left := await user.raw("MATCH (j:Job {user_id: $user_id}) RETURN j.uuid AS uuid")) > 1:
            await asyncio.sleep(0.05)
    assert left == [rows[0]]


async def test_two_workers_on_one_database_read_every_text_once(
    parts: Parts, service: MemoryService, clock: TestClock, model: Model
):
    workers = [make_worker(parts, model, clock, concurrency=8) for _ in range(2)]
    without_waits = replace(parts, worker=workers[0], index_wait_s=0)
    user = User(without_waits, MemoryService(without_waits), clock)
    model.facts = {"npm": [states("A package uses npm", "USES", "a package", "npm")]}
    added = [await user.add(f"Package number {number} is built with npm") for number in range(100)]
    for each in workers:
        each.start()
    for memory in added:
        await state(user, memory.id, "done")
        assert len((await user.get(memory.id))["facts"]) == 1  # a read of its own: the database's are no snapshots
    for each in workers:
        await each.stop()
    assert len(model.requests) == 100
    spent = await user.raw("MATCH (s:Spending {user_id: $user_id}) RETURN s.tokens AS tokens, s.calls AS calls")
    assert spent == [{"tokens": 12_000, "calls": 100}]
    await check_graph(user)
