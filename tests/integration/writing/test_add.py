"""Storing on the real graph: once only, exactly what was handed in, and nothing dangling under concurrency."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from neo4j.exceptions import ConstraintError

from kg.errors import InvalidInput, StoreUnavailable
from kg.facts.parse import parse_facts
from kg.graph.store import GraphAddress, GraphStore
from kg.language.names import MAX_MENTIONED, mentioned_keys
from kg.operations.memory import MemoryService
from kg.values import AddRequest, MemoryInput, RequestKey, Scope
from kg.writing.add import Adding
from kg.writing.texts import PreparedText, prepare_texts
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, lives_in, prefers, states
from tests.support.watched_store import watched_store


async def counts(user: User) -> dict[str, int]:
    rows = await user.raw("MATCH (n {user_id: $user_id}) UNWIND labels(n) AS label RETURN label, count(*) AS n")
    kept = ("Memory", "Fact", "Entity", "Alias", "MemoryVersion")
    return {row["label"]: row["n"] for row in rows if row["label"] in kept}


async def test_a_repeated_call_answers_the_first_result_and_adds_nothing(user: User):
    first = await user.add("I live in Paris", lives_in("Paris"), key="same")
    before = await counts(user)
    user.clock.tick()
    again = await user.add("I live in Paris", lives_in("Paris"), key="same")
    assert [again[part] for part in ("results", "facts")] == [first[part] for part in ("results", "facts")]
    assert await counts(user) == before
    other = await user.add("I live in Paris", lives_in("Paris"), key="other")
    assert other["results"] == [{"id": first.id, "event": "NONE", "duplicate": True}]
    assert await counts(user) == before


async def test_a_commit_whose_answer_was_lost_is_found_by_the_repetition(user: User):
    lost: list[Any] = []

    async def lose(_: str, result: Any) -> None:
        lost.append(result)
        raise StoreUnavailable("neo4j", "the connection broke after the commit", retryable=True)

    async with watched_store(user.parts.store.address, after=lose) as store:
        cut_off = replace(user, memory=MemoryService(replace(user.parts, store=store)))
        with pytest.raises(StoreUnavailable):
            await cut_off.add("I live in Paris", lives_in("Paris"), key="k")
    answer = await user.add("I live in Paris", lives_in("Paris"), key="k")
    assert answer["results"] == [{"id": lost[0].memory_uuids[0], "event": "ADD"}]
    assert await counts(user) == {"Memory": 1, "Fact": 1, "Entity": 2, "Alias": 2}


async def test_the_same_key_of_another_user_is_another_call(user: User):
    stranger = User(user.parts, user.memory, user.clock)
    first, second = await user.add("mine", key="k"), await stranger.add("mine", key="k")
    assert first.id != second.id and "duplicate" not in second["results"][0]


async def test_a_note_said_again_keeps_one_memory_and_takes_new_facts(user: User):
    first = await user.add("Ada uses vim", states("Ada uses vim", "USES", "Ada", "vim"))
    user.clock.tick()
    again = await user.add(
        "Ada uses vim", states("Ada uses vim!", "USES", "Ada", "VIM"), states("Ada knows Lua", "KNOWS", "Ada", "Lua")
    )
    assert again["results"] == [{"id": first.id, "event": "NONE", "duplicate": True}]
    assert [fact["fact"] for fact in again["facts"]] == ["Ada knows Lua"]
    assert {fact["fact"] for fact in (await user.get(first.id))["facts"]} == {"Ada uses vim", "Ada knows Lua"}
    await whole_graph_invariants(user.parts, user.id)


async def test_the_same_note_elsewhere_or_at_another_time_is_another_memory(user: User):
    first = await user.add("deployed")
    others = [
        await user.add("deployed", project="shop"),
        await user.add("deployed", agent_id="a"),
        await user.add("deployed", run_id="r"),
        await user.add("deployed", occurred_at="2023-05-01"),
    ]
    assert len({first.id, *(other.id for other in others)}) == 5
    assert (await user.add("deployed", occurred_at="2023-05-01"))["results"][0]["duplicate"]


async def test_a_note_of_one_time_is_found_among_equal_ones_of_others(user: User):
    first = await user.add("deployed", occurred_at="2023-05-01")
    second = await user.add("deployed", occurred_at="2023-06-01")
    for day, stored in (("2023-05-01", first), ("2023-06-01", second)):
        again = await user.add("deployed", occurred_at=day)
        assert again["results"] == [{"id": stored.id, "event": "NONE", "duplicate": True}]
    assert (await user.add("deployed"))["results"][0]["duplicate"]
    assert (await counts(user))["Memory"] == 2


async def test_a_duplicate_may_supersede(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    new = await user.add("spaces", prefers("spaces", "2022"))
    assert await user.objects("user") == {"tabs", "spaces"}
    answer = await user.add("spaces", prefers("spaces", "2022", supersedes=[old.fact]))
    assert answer["results"][0] == {"id": new.id, "event": "NONE", "duplicate": True}
    assert [fact["id"] for fact in answer["ended"]] == [old.fact]
    assert await user.objects("user") == {"spaces"}
    await whole_graph_invariants(user.parts, user.id)


async def test_what_has_ended_is_said_anew_in_the_same_words(user: User):
    for month, version in (("2024-01", "20"), ("2024-02", "22"), ("2024-03", "20")):
        user.clock.at(month)
        added = await user.add(f"Node is pinned to {version}", states(f"is {version}", "USES_VERSION", "Node", version))
        assert "duplicate" not in added["results"][0]
    user.clock.tick()
    assert await user.objects("Node") == {"20"}
    assert await user.objects("Node", as_of="2024-02-15") == {"22"}
    again = await user.add("Node is pinned to 20", states("is 20", "USES_VERSION", "Node", "20"))
    assert again["results"][0]["duplicate"]
    await whole_graph_invariants(user.parts, user.id)


async def test_an_equal_note_about_a_dated_past_is_not_said_anew(user: User):
    await user.add("Node 22 since May", states("is 22", "USES_VERSION", "Node", "22", valid_at="2024-05"))
    old = states("is 20", "USES_VERSION", "Node", "20", valid_at="2024-01")
    await user.add("Node 20 since January", old)
    assert (await user.add("Node 20 since January", old))["results"][0]["duplicate"]
    assert (await counts(user))["Fact"] == 2


async def test_two_periods_of_one_claim_in_one_note_are_both_stated(user: User):
    acme = ("WORKS_AT", "user", "Acme")
    periods = (
        states("worked at Acme", *acme, valid_at="2015", invalid_at="2018"),
        states("worked at Globex", "WORKS_AT", "user", "Globex", valid_at="2018"),
        states("works at Acme again", *acme, valid_at="2022"),
        states("works at Acme", *acme, valid_at="2023"),
    )
    added = await user.add("At Acme from 2015 to 2018, then Globex, back at Acme since 2022", *periods)
    assert len(added["facts"]) == 4
    for year, employer in (("2016", "Acme"), ("2020", "Globex"), ("2023", "Acme")):
        assert await user.objects("user", as_of=year) == {employer}
    await user.update(added.id, *periods, text="Acme from 2015 to 2018, Globex, and Acme again since 2022")
    for year, employer in (("2016", "Acme"), ("2020", "Globex"), ("2023", "Acme")):
        assert await user.objects("user", as_of=year) == {employer}
    await whole_graph_invariants(user.parts, user.id)


async def test_what_was_said_of_one_time_may_be_said_of_another_in_the_same_note(user: User):
    text = "At Acme"
    await user.add(text, states("at Acme", "WORKS_AT", "user", "Acme", valid_at="2015", invalid_at="2018"))
    again = await user.add(text, states("at Acme", "WORKS_AT", "user", "Acme", valid_at="2022"))
    assert again["results"][0]["duplicate"] and len(again["facts"]) == 1
    assert await user.objects("user") == {"Acme"}


async def test_messages_follow_one_another_and_know_their_speakers(user: User):
    first = await user.memory.add_memory(
        user.session(),
        messages=[
            {"role": "user", "name": "Ada", "content": "Postgres or Redis?"},
            {"role": "assistant", "content": [{"type": "text", "text": "Postgres."}, {"type": "image"}]},
            {"role": "user", "content": "  "},
            {"role": "user", "name": "Ada", "content": "I agree"},
        ],
        facts=[states("Ada chose Postgres", "CHOSE", "I", "Postgres")],
        run_id="talk",
    )
    ids = [row["id"] for row in first["results"]]
    assert len(ids) == 3 and len(first["warnings"]) == 2
    second = await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "name": "Bob", "content": "Fine"}], run_id="talk"
    )
    ids.append(second["results"][0]["id"])
    details = [await user.get(uuid) for uuid in ids]
    assert [(row.get("previous"), row.get("next")) for row in details] == [
        (None, ids[1]), (ids[0], ids[2]), (ids[1], ids[3]), (ids[2], None),
    ]  # fmt: skip
    assert [(row["role"], row.get("speaker")) for row in details] == [
        ("user", "Ada"), ("assistant", None), ("user", "Ada"), ("user", "Bob"),
    ]  # fmt: skip
    assert await user.statements("Ada") == {"Ada chose Postgres"}
    spoke = "MATCH (m:Memory {user_id: $user_id})-[n:NAMES {as: 'speaker'}]->(a) RETURN a.key AS who, count(m) AS n"
    assert {row["who"]: row["n"] for row in await user.raw(spoke)} == {"ada": 2, "bob": 1}
    repeated = await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "name": "Bob", "content": "Fine"}], run_id="talk"
    )
    assert repeated["results"] == [{"id": ids[-1], "event": "NONE", "duplicate": True}]
    await whole_graph_invariants(user.parts, user.id)


async def test_messages_of_two_runs_are_two_conversations(user: User):
    ids = {}
    for run in ("one", "two", "one"):
        answer = await user.memory.add_memory(
            user.session(), messages=[{"role": "user", "content": f"hello {len(ids)}"}], run_id=run
        )
        ids.setdefault(run, []).append(answer["results"][0]["id"])
    assert (await user.get(ids["one"][0]))["next"] == ids["one"][1]
    assert "next" not in await user.get(ids["two"][0])


async def test_a_text_is_linked_to_what_it_names_by_any_spelling(user: User):
    await user.add("rule", states("strict mode is on", "CONFIGURED_AS", "strict mode", "on"))
    plain = await user.add("I turned on Strict-Mode again, see C++ and strict_modes")
    named = "MATCH (m:Memory {uuid: $uuid})-[n:NAMES]->(a) RETURN a.key AS key, n.name AS name, n.as AS role"
    assert await user.raw(named, uuid=plain.id) == [{"key": "strict mode", "name": "Strict-Mode", "role": "mention"}]
    await user.delete(plain.id)
    assert (await user.entity("STRICT MODE"))["name"] == "strict mode"
    await whole_graph_invariants(user.parts, user.id)


async def test_a_fact_tells_the_kind_of_what_a_text_only_mentioned(user: User):
    await user.add("first", states("shop depends on Ada", "DEPENDS_ON", "shop", "Ada", object_kind="Thing"))
    await user.add("Ada moved to Oslo", states("Ada lives in Oslo", "LIVES_IN", "Ada", "Oslo"))
    assert (await user.entity("Ada"))["kind"] == "Person"
    await whole_graph_invariants(user.parts, user.id)


async def test_unusable_facts_are_listed_and_never_fail_the_memory(user: User):
    answer = await user.add(
        "mixed",
        "a sentence",
        {"statement": ""},
        states("x", "USES", "a", "b", valid_at="yesterday"),
        states("unknown target", "USES", "shop", "Redis", supersedes=[str(uuid4())]),
    )
    assert [fact["fact"] for fact in answer["facts"]] == ["a sentence", "x", "unknown target"]
    assert [skipped["index"] for skipped in answer["facts_skipped"]] == [1]
    assert any("nothing was superseded" in warning for warning in answer["warnings"])
    await whole_graph_invariants(user.parts, user.id)


async def test_a_fact_cannot_supersede_one_that_begins_later(user: User):
    planned = await user.add("plan", prefers("spaces", "2030"))
    answer = await user.add("now", prefers("tabs", "2024", supersedes=[planned.fact]))
    assert any("begins after" in warning for warning in answer["warnings"])
    assert "ended" not in answer
    await whole_graph_invariants(user.parts, user.id)


async def test_a_fact_cannot_supersede_itself(user: User):
    first = await user.add("tabs", prefers("tabs"))
    again = await user.add("tabs", prefers("tabs", supersedes=[first.fact]))
    assert again["results"][0]["duplicate"]
    assert any(first.fact in warning and "already" in warning for warning in again["warnings"])
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


@pytest.mark.parametrize("how", ["superseded", "corrected"])
@pytest.mark.parametrize("before", ["superseded", "corrected"])
async def test_the_newer_of_two_decisions_that_contradict_each_other_stands(user: User, before: str, how: str):
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    spaces = await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact], how=before))
    assert await user.objects("user") == {"spaces"}
    user.clock.tick()
    answer = await user.add("tabs", prefers("tabs", "2020", supersedes=[spaces.fact], how=how))
    assert await user.objects("user") == {"tabs"}
    assert any(f"{tabs.fact} stands again" in text for text in answer["warnings"])
    await whole_graph_invariants(user.parts, user.id)
    user.clock.tick()
    await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact], how=before))
    assert await user.objects("user") == {"spaces"}
    await whole_graph_invariants(user.parts, user.id)


async def test_the_newest_of_decisions_that_go_round_in_a_circle_stands(user: User):
    tabs = await user.add("tabs", prefers("tabs", "2020"))
    spaces = await user.add("spaces", prefers("spaces", "2020", supersedes=[tabs.fact]))
    gofmt = await user.add("gofmt", prefers("gofmt", "2020", supersedes=[spaces.fact]))
    await user.add("tabs", prefers("tabs", "2020", supersedes=[gofmt.fact]))
    assert await user.objects("user") == {"tabs"}
    await whole_graph_invariants(user.parts, user.id)


async def test_a_decision_said_again_is_not_recorded_twice(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"))
    for _ in range(3):
        await user.add("spaces", prefers("spaces", "2022", supersedes=[old.fact]))
    decided = "MATCH (:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->() RETURN count(d) AS n"
    assert await user.raw(decided) == [{"n": 1}]


async def test_a_note_that_ends_nothing_is_stored_in_two_round_trips(user: User, neo4j_address: GraphAddress):
    async with watched_store(neo4j_address) as store:
        other = replace(user, memory=MemoryService(replace(user.parts, store=store)))
        redis = states("The team uses Redis", "USES", "the team", "Redis")
        await other.add("We use Redis for sessions", redis, states("Redis runs on nomad", "RUNS_ON", "Redis", "nomad"))
        assert store.sent == [
            ("lock_partition", "write_context"),
            ("create_graph", "create_jobs", "project_claims", "create_request", "namesakes"),
        ]
    await whole_graph_invariants(user.parts, user.id)


class Reading:
    """What a service whose store and reading of texts are watched does, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.on_the_loop: list[bool] = []
        self.fails: Exception | None = None

    def prepare(self, text: str) -> PreparedText:
        self.done.append(text)
        self.on_the_loop.append(threading.current_thread() is threading.main_thread())
        return PreparedText.of(text)

    async def query(self, name: str) -> None:
        self.done.append(name)
        if name == "create_graph" and self.fails:
            error, self.fails = self.fails, None
            raise error


@asynccontextmanager
async def watched(user: User, address: GraphAddress) -> AsyncGenerator[tuple[User, Reading]]:
    """The same user of a service that is watched."""
    reading = Reading()
    await user.indexer.stop()
    async with watched_store(address, within=reading.query) as store:
        parts = replace(user.parts, store=store, prepare=lambda texts: prepare_texts(texts, reading.prepare))
        yield replace(user, parts=parts, memory=MemoryService(parts)), reading


@pytest.mark.parametrize("write", ["add", "update"])
@pytest.mark.parametrize(("text", "on_the_loop"), [("short note", True), ("long " + "note on Redis " * 1000, False)])
async def test_a_text_is_read_once_before_the_lock_and_a_long_one_off_the_loop(
    user: User, neo4j_address: GraphAddress, write: str, text: str, on_the_loop: bool
):
    first = await user.add("to be updated")
    async with watched(user, neo4j_address) as (other, reading):
        reading.fails = ConstraintError("another service was first")
        await (other.add(text) if write == "add" else other.update(first.id, text=text))
    assert reading.fails is None and reading.done.count("lock_partition") == 2
    assert reading.done.count(text) == 1
    assert reading.done.index(text) < reading.done.index("lock_partition")
    assert reading.on_the_loop == [on_the_loop]


async def test_an_update_of_facts_alone_reads_the_text_before_the_lock(user: User, neo4j_address: GraphAddress):
    first = await user.add("Ada and Redis", states("Redis is slow", "HAS_STATUS", "Redis", "slow"))
    async with watched(user, neo4j_address) as (other, reading):
        await other.update(first.id, states("Redis is fast", "HAS_STATUS", "Redis", "fast"))
    assert reading.done.count("Ada and Redis") == 1
    assert reading.done.index("Ada and Redis") < reading.done.index("lock_partition")


def test_of_a_long_text_single_words_and_what_is_written_like_a_name_come_first():
    common = " ".join(f"plain{a}{b} words" for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrst")
    found = mentioned_keys(f"{common} Grace Hopper wrote it in strict_mode of src/app.py")
    assert len(found) == MAX_MENTIONED
    assert {"grace", "hopper", "strict", "src/app.py", "grace hopper"} <= found.keys()
    note = " ".join(f"word{i}" for i in range(300))
    assert len(mentioned_keys(note)) == 300 + 299 + 298 + 297 + 296


async def test_bad_input_changes_nothing(user: User):
    for arguments in ({"text": " "}, {"text": "x", "metadata": [1]}, {"text": "x" * 70_000}, {"text": "a\0b"}):
        with pytest.raises(InvalidInput):
            await user.memory.add_memory(user.session(), **arguments)
    assert await user.raw("MATCH (n {user_id: $user_id}) RETURN n") == []


async def test_current_facts_that_touch_the_new_ones_are_offered_for_settling(user: User):
    for place in ("A", "B", "C", "D"):
        await user.add(f"likes {place}", prefers(place))
    answer = await user.add("likes E", prefers("E"))
    assert len(answer["to_settle"]) == 3
    offered = {fact["object"] for fact in answer["to_settle"]}
    settled = await user.add("E only", prefers("E", supersedes=[fact["id"] for fact in answer["to_settle"]]))
    assert len(settled["ended"]) == 3
    assert await user.objects("user") == {"A", "B", "C", "D", "E"} - offered
    await whole_graph_invariants(user.parts, user.id)


async def test_two_projects_with_two_versions_do_not_retire_each_other(user: User):
    await user.add("node in a", states("Node 18", "USES_VERSION", "Node", "18"), project="a")
    await user.add("node in b", states("Node 22", "USES_VERSION", "Node", "22"), project="b")
    assert await user.objects("Node") == {"18", "22"}
    user.clock.tick()
    await user.add("upgrade in a", states("Node 20", "USES_VERSION", "Node", "20"), project="a")
    assert await user.objects("Node") == {"20", "22"}
    assert await user.objects("Node", project="b") == {"22"}
    await whole_graph_invariants(user.parts, user.id)


async def test_parallel_adds_and_deletes_with_shared_names_leave_no_orphan(user: User):
    shared = ("Redis", "Postgres", "Kafka")

    async def add(number: int) -> str:
        thing = shared[number % 3]
        facts = (states(f"shop uses {thing} {number}", "USES", "shop", thing), lives_in(f"Place {number % 4}"))
        return (await user.add(f"note {number} on {thing}", *facts, key=f"add-{number}")).id

    first = await asyncio.gather(*(add(number) for number in range(20)))
    assert len(set(first)) == 20

    async def churn(number: int) -> None:
        await user.delete(first[number])
        if number % 2:
            await add(20 + number)

    await asyncio.gather(*(churn(number) for number in range(20)))
    await whole_graph_invariants(user.parts, user.id)
    assert (await counts(user))["Memory"] == 10
    seqs = await user.raw("MATCH (n {user_id: $user_id}) WHERE n:Memory OR n:Fact RETURN n.seq AS seq")
    assert len({row["seq"] for row in seqs}) == len(seqs) == 30
    left = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS uuid")
    await asyncio.gather(*(user.delete(row["uuid"]) for row in left))
    assert await counts(user) == {}
    await whole_graph_invariants(user.parts, user.id)


async def test_the_same_call_sent_many_times_at_once_is_done_once(user: User):
    answers = await asyncio.gather(*(user.add("once", lives_in("Paris"), key="k") for _ in range(8)))
    assert len({answer.id for answer in answers}) == 1
    assert await counts(user) == {"Memory": 1, "Fact": 1, "Entity": 2, "Alias": 2}


async def test_the_same_call_through_several_services_at_once_is_done_once(user: User, neo4j_address: GraphAddress):
    stores = [GraphStore(neo4j_address) for _ in range(6)]
    await asyncio.gather(*(store.connect() for store in stores))
    try:
        for number in range(5):
            facts = parse_facts([lives_in(f"Paris {number}")]).facts
            request = AddRequest(
                Scope(user.id), RequestKey(f"shared-{number}"), (MemoryInput(f"once {number}", facts=facts),)
            )
            outcomes = await asyncio.gather(*(Adding(store, user.clock).add(request) for store in stores))
            assert len({outcome.memory_uuids[0] for outcome in outcomes}) == 1
            assert len({outcome.fact_uuids[0] for outcome in outcomes}) == 1
        assert (await counts(user))["Memory"] == 5
        await whole_graph_invariants(user.parts, user.id)
    finally:
        for store in stores:
            await store.close()


async def test_what_one_note_says_twice_in_other_words_is_kept(user: User):
    staging = states("api uses Redis for sessions in staging", "USES", "api", "Redis")
    production = states("api uses Redis for queues in production", "USING", "api", "Redis")
    added = await user.add("How api uses Redis.", staging, production, staging)
    assert [fact["fact"] for fact in added["facts"]] == [staging["statement"], production["statement"]]
    third = states("api uses Redis for locks", "USES", "api", "Redis")
    again = await user.add("How api uses Redis.", third, production)
    assert (again["results"][0]["duplicate"], [fact["fact"] for fact in again["facts"]]) == (True, [third["statement"]])
    kept = {fact["fact"] for fact in (await user.get(added.id))["facts"]}
    assert kept == {fact["statement"] for fact in (staging, production, third)}
    await user.update(added.id, staging, production, text="How api uses Redis now.")
    kept = {fact["fact"] for fact in (await user.get(added.id))["facts"]}
    assert kept == {fact["statement"] for fact in (staging, production)}
    await whole_graph_invariants(user.parts, user.id)


async def test_every_reason_and_condition_of_one_claim_is_kept(user: User):
    said = states("cache rejected Redis", "REJECTED", "cache", "Redis")
    grounds = [("cost", "prices fall"), ("no operator", "prices fall"), ("no operator", "we hire one"), (None, None)]
    facts: list[Any] = [said | {"because": why, "revisit_when": when} for why, when in grounds]
    added = await user.add("Redis turned down.", *facts)
    shown = (await user.get(added.id))["facts"]
    assert {(fact.get("because"), fact.get("revisit_when")) for fact in shown} == set(grounds)


async def test_a_rewording_ends_every_statement_of_a_claim_that_was_replaced(user: User):
    one, two = (states(words, "USES", "api", "Redis") for words in ("api uses Redis", "Redis serves the api"))
    old = await user.add("Redis", one, two)
    ids = [fact["id"] for fact in old["facts"]]
    await user.add("Valkey", states("api uses Valkey", "USES", "api", "Valkey", supersedes=ids))
    user.clock.tick()
    await user.update(old.id, states("api ran Redis", "USES", "api", "Redis"), two, text="It was Redis")
    assert await user.statements("api") == {"api uses Valkey"}
    await whole_graph_invariants(user.parts, user.id)


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("first line\r\nsecond line", "first line\nsecond line\n"),
        ("Caf\u00e9 build", "Cafe\u0301 build"),
        ("Pin pnpm 9.", "  Pin pnpm 9. "),
    ],
)
async def test_line_ends_blanks_and_composition_make_no_new_note(user: User, text: str, again: str):
    first = await user.add(text)
    assert (await user.add(again))["results"] == [{"id": first.id, "event": "NONE", "duplicate": True}]
    assert (await user.get(first.id))["memory"] == text
    said = [{"role": "user", "content": text}]
    conversation = await user.memory.add_memory(user.session(), messages=said, run_id="s1")
    resent = await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "content": again}, {"role": "user", "content": "more"}], run_id="s1"
    )
    assert [result["event"] for result in resent["results"]] == ["NONE", "ADD"]
    assert resent["results"][0]["id"] == conversation["results"][0]["id"]


async def test_the_metadata_of_an_equal_note_is_merged(user: User):
    first = await user.add(
        "CI needs 8 GB.", states("CI needs 8 GB", "REQUIRES", "CI", "8 GB"), metadata={"a": 1, "b": 2}
    )
    for metadata in ({"ticket": "AB-2", "b": None}, None, {"a": 1}):
        user.clock.tick()
        again = await user.add("CI needs 8 GB.", metadata=metadata)
        assert again["results"] == [{"id": first.id, "event": "NONE", "duplicate": True}]
        assert (await user.get(first.id))["metadata"] == {"a": 1, "ticket": "AB-2"}
    await user.indexer.drain()
    assert (await user.search("how much memory", filters={"ticket": "AB-2"}))["results"] != []
    await whole_graph_invariants(user.parts, user.id)


@pytest.mark.parametrize(
    ("one", "other"),
    [("USES", "STOPPED_USING"), ("USES", "REJECTED"), ("CHOSE", "REJECTED"), ("PREFERS", "AVOIDS"),
     ("CAUSED_BY", "NOT_CAUSED_BY"), ("MENTORS", "NOT_MENTORS")],
)  # fmt: skip
async def test_an_opposite_is_offered_to_be_settled(user: User, one: str, other: str):
    for subject, first, second in (("team", one, other), ("shop", other, one)):
        standing = await user.add(f"{subject} {first}", states(first, first, subject, "Redis"))
        await user.add("Kafka", states("of another thing", first, subject, "Kafka"))
        answer = await user.add(f"{subject} {second}", states(second, second, subject, "Redis"))
        best = answer["to_settle"][0]
        assert (best["id"], best["why"]) == (standing.fact, "opposite")


async def test_an_offer_of_the_same_subject_and_predicate_says_so(user: User):
    await user.add("tabs", prefers("tabs"))
    answer = await user.add("spaces", prefers("spaces"))
    assert [fact["why"] for fact in answer["to_settle"]] == ["same subject"]


async def test_a_memorys_id_in_supersedes_means_its_one_fact(user: User):
    old = await user.add("Cache is Redis.", states("cache uses Redis", "USES", "cache", "Redis"))
    new = states("cache uses Valkey", "USES", "cache", "Valkey", supersedes=[old.id])
    answer = await user.add("Cache is Valkey.", new)
    assert "warnings" not in answer and [fact["id"] for fact in answer["ended"]] == [old.fact]
    assert await user.statements("cache") == {"cache uses Valkey"}


async def test_a_memorys_id_in_supersedes_is_answered_with_its_facts(user: User):
    old = await user.add(
        "Both.", states("uses Redis", "USES", "cache", "Redis"), states("costs 5", "COSTS", "cache", "5")
    )
    for answer in (
        await user.add("Valkey.", states("uses Valkey", "USES", "cache", "Valkey", supersedes=[old.id])),
        await user.update(old.id, states("uses Dragonfly", "USES", "cache", "Dragonfly", supersedes=[old.id])),
    ):
        (warning,) = answer["warnings"]
        assert f"{old.id} is a memory" in warning
        assert all(f"{fact['id']} ('{fact['fact']}')" in warning for fact in old["facts"])


def talk(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[i % 2], "content": text, **more} for i, text in enumerate(texts)]


async def said(user: User, run: str) -> list[str]:
    rows = await user.raw(
        "MATCH (m:Memory {user_id: $user_id, run_id: $run}) RETURN m.text AS text ORDER BY m.seq", run=run
    )
    return [row["text"] for row in rows]


async def send(user: User, messages: list[dict[str, Any]], run: str | None = "s1") -> list[bool]:
    """Hand messages over, and say which of them stood already."""
    answer = await user.memory.add_memory(user.session(), messages=messages, run_id=run)
    user.clock.tick()
    return [result.get("duplicate", False) for result in answer["results"]]


async def test_a_conversation_handed_over_again_is_appended_to(user: User):
    assert await send(user, talk("Why?", "Locks.")) == [False, False]
    assert await send(user, talk("Why?", "Locks.", "Vacuum fixed it.")) == [True, True, False]
    assert await send(user, talk("Why?", "Locks.", "Vacuum fixed it.")) == [True, True, True]
    assert await said(user, "s1") == ["Why?", "Locks.", "Vacuum fixed it."]
    links = await user.raw("MATCH (a:Memory {user_id: $user_id})-[:NEXT]->(b) RETURN a.text AS a, b.text AS b")
    assert {(row["a"], row["b"]) for row in links} == {("Why?", "Locks."), ("Locks.", "Vacuum fixed it.")}
    await whole_graph_invariants(user.parts, user.id)


async def test_the_last_messages_sent_again_with_new_ones_are_not_repeated(user: User):
    await send(user, talk("one", "two", "three", "four"))
    assert await send(user, talk("three", "four", "five")) == [True, True, False]
    assert await said(user, "s1") == ["one", "two", "three", "four", "five"]


async def test_other_speakers_other_runs_and_other_times_are_other_messages(user: User):
    await send(user, talk("yes", name="Ann"))
    assert await send(user, talk("yes", name="Ben")) == [False]
    assert await send(user, talk("yes", name="Ben"), "s2") == [False]
    assert await send(user, talk("yes", name="Ben"), None) == [False]
    assert await send(user, talk("yes", name="Ben", timestamp="2023-05-01")) == [False]
    assert await send(user, talk("yes", name="Ben", timestamp="2023-05-01")) == [True]


async def test_every_message_has_its_own_time(user: User):
    times: list[dict[str, Any]] = [
        {"timestamp": "2023-05-01T10:00:00Z"}, {"occurred_at": "2023-05-02"}, {"timestamp": 1_682_935_200},
        {"timestamp": 1_682_935_200_000}, {"timestamp": "0001-01-01T00:00:00Z"}, {},
    ]  # fmt: skip
    messages = [{"role": "user", "content": f"m{i}", **time} for i, time in enumerate(times)]
    await user.memory.add_memory(user.session(), messages=messages, occurred_at="2022")
    rows = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN toString(m.occurred_at) AS at ORDER BY m.seq")
    assert [row["at"][:13] for row in rows] == [
        "2023-05-01T10", "2023-05-02T00", "2023-05-01T10", "2023-05-01T10", "2022-01-01T00", "2022-01-01T00",
    ]  # fmt: skip


async def test_an_unusable_time_of_a_message_is_named_and_the_message_kept(user: User):
    messages = [{"role": "user", "content": "kept", "timestamp": "yesterday"}]
    answer = await user.memory.add_memory(user.session(), messages=messages)
    (warning,) = answer["warnings"]
    assert warning.startswith("messages[0].timestamp") and answer["results"][0]["event"] == "ADD"


async def test_a_name_that_begins_with_a_digit_is_one_thing_as_subject_and_as_object(user: User):
    await user.add("1Password belongs to Dana.", states("1Password is Dana's", "OWNED_BY", "1Password", "Dana"))
    await user.add("The team uses 1Password.", states("The team uses 1Password", "USES", "team", "1Password"))
    page = await user.memory.get_entity(user.session(), name="1Password")
    assert {fact["fact"] for fact in page["facts"]} == {"1Password is Dana's", "The team uses 1Password"}


async def test_the_class_user_is_not_the_person(user: User):
    await user.add("I like tabs.", prefers("tabs"))
    soft = states(
        "The User model has a soft-delete column", "HAS", "User", "soft-delete column", subject_kind="Concept"
    )
    await user.add("The User model has soft delete.", soft)
    person = await user.memory.get_entity(user.session(), name="user")
    assert [fact["predicate"] for fact in person["facts"]] == ["PREFERS"]
    assert person["kind"] == "Person"
    thing = (await user.memory.search_graph(user.session(), query="User concept"))["results"][0]
    assert (thing["name"], thing["kind"]) == ("User", "Concept")
