"""What a new fact may replace is offered, and settled with one more call."""

from __future__ import annotations

from typing import Any

import pytest

from kg.errors import InvalidInput, NotFound
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import Added, User, states


def offered(answer: Added) -> dict[str, str]:
    """The statements that an answer offers, each with why."""
    return {fact["fact"]: fact["why"] for fact in answer.get("to_settle", [])}


async def stated(user: User, *facts: Any, **arguments: Any) -> Added:
    return await user.add(f"note {facts}", *facts, **arguments)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (("Dana", "OWNS", "payments"), ("Erin", "OWNS", "payments"), "same object"),
        (("Dana", "MAINTAINS", "payments"), ("payments", "OWNED_BY", "Erin"), "same object"),
        (("payments", "OWNED_BY", "Dana"), ("Erin", "OWNS", "payments"), "same object"),
        (("Jonas", "LEADS", "search"), ("Priya", "LEADS", "search"), "same object"),
        (("payments", "OWNED_BY", "Dana"), ("payments", "OWNED_BY", "Erin"), "same subject"),
        (("queue", "CHOSE", "Celery"), ("queue", "MOVED_TO", "Temporal"), "same subject"),
        (("queue", "RUNS_ON", "Celery"), ("queue", "SWITCHED_TO", "Temporal"), "same subject"),
        (("queue", "USES", "Celery"), ("queue", "STOPPED_USING", "Celery"), "opposite"),
    ],
)
async def test_the_graph_shows_what_may_be_replaced(
    user: User, old: tuple[str, str, str], new: tuple[str, str, str], why: str
):
    for subject, predicate, thing in (old, new):
        answer = await stated(user, {"subject": subject, "predicate": predicate, "object": thing})
    assert list(offered(answer).values()) == [why]


async def test_other_words_for_one_thing_and_bare_sentences_are_offered_as_similar(user: User):
    await stated(user, states("dispatch uses Redis Streams", "USES", "dispatch", "Redis Streams"))
    await stated(user, "Pull requests need two approvals")
    await stated(user, "The office has a new coffee machine")
    answer = await stated(user, states("The dispatch service uses Kafka now", "USES", "dispatch service", "Kafka"))
    assert offered(answer) == {"dispatch uses Redis Streams": "similar"}
    answer = await stated(user, "Pull requests need only one approval now")
    assert offered(answer) == {"Pull requests need two approvals": "similar"}


async def test_only_what_the_caller_may_read_is_offered(user: User):
    async def offers(**scope: str) -> set[str]:
        one = await user.add(f"new {scope}", states("The cache uses Valkey", "USES", "cache", "Valkey"), **scope)
        found = set(offered(one))
        await user.delete(one.id)
        return found

    for name, scope in (
        ("nobody", {}), ("shop", {"project": "shop"}), ("ann", {"agent_id": "ann"}), ("r1", {"run_id": "r1"}),
    ):  # fmt: skip
        await stated(user, states(f"The cache uses Redis, says {name}", "USES", "cache", f"Redis {name}"), **scope)
    says = "The cache uses Redis, says"
    assert await offers(project="shop") == {f"{says} shop"}
    assert await offers(agent_id="ann") == {f"{says} nobody", f"{says} ann", f"{says} r1"}
    assert await offers(agent_id="bob", run_id="r2") == {f"{says} nobody"}
    stranger = User(user.parts, user.memory, user.clock)
    assert offered(await stated(stranger, states("The cache uses Valkey", "USES", "cache", "Valkey"))) == {}


async def test_what_has_ended_is_planned_or_says_the_same_is_not_offered(user: User):
    await stated(user, states("cache used Redis", "USES", "cache", "Redis", valid_at="2020", invalid_at="2021"))
    await stated(user, states("cache will use Dragonfly", "USES", "cache", "Dragonfly", valid_at="2030"))
    await stated(user, states("cache uses Valkey", "USES", "cache", "Valkey"))
    assert offered(await stated(user, states("the cache is Valkey", "USES", "cache", "Valkey"))) == {}


async def test_values_that_their_dates_settle_are_not_offered(user: User):
    await stated(user, states("shop-api runs Node 22.11", "USES_VERSION", "shop-api", "Node 22.11"))
    assert (
        offered(await stated(user, states("shop-api runs Postgres 16", "USES_VERSION", "shop-api", "Postgres 16")))
        == {}
    )


async def test_one_more_call_settles_what_is_offered(user: User):
    await stated(user, states("cache uses Redis", "USES", "cache", "Redis"))
    await stated(user, states("cache uses a disk", "USES", "cache", "disk"))
    user.clock.tick()
    answer = await stated(user, states("cache uses Valkey", "USES", "cache", "Valkey"))
    (call,) = answer["settle_with"]["facts"]
    assert call["id"] == answer.fact and set(call["supersedes"]) == {fact["id"] for fact in answer["to_settle"]}
    memories = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN count(m) AS n")
    settled = await user.memory.add_memory(user.session("settle"), facts=[call])
    assert {fact["fact"] for fact in settled["ended"]} == {"cache uses Redis", "cache uses a disk"}
    assert [fact["id"] for fact in settled["facts"]] == [answer.fact]
    assert await user.statements("cache") == {"cache uses Valkey"}
    assert await user.memory.add_memory(user.session("settle"), facts=[call]) == settled
    assert await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN count(m) AS n") == memories
    await whole_graph_invariants(user.parts, user.id)


async def test_a_correction_without_a_text_is_one_and_can_name_memories(user: User):
    old = await stated(user, states("It was the load balancer", "CAUSED_BY", "outage", "load balancer"))
    new = await stated(user, states("It was DNS", "CAUSED_BY", "outage", "DNS"))
    call = {"id": new.id, "supersedes": old.id, "how": "corrected", "reason": "logs"}
    await user.memory.add_memory(user.session(), facts=call)
    page = await user.entity("outage", include_superseded=True)
    (replaced,) = [fact["replaced_by"] for fact in page["facts"] if "replaced_by" in fact]
    assert [(by["id"], by["how"], by["reason"]) for by in replaced] == [(new.fact, "corrected", "logs")]


async def test_a_call_that_settles_nothing_is_refused(user: User):
    known = await stated(user, "a sentence")
    unknown = "9f0c7a52-7e6c-4e8e-9a57-0d6f5a1f3c11"
    for facts, field in (
        ([{"id": known.fact}], "facts[0].supersedes"),
        ([{"id": "x", "supersedes": [known.fact]}], "facts[0].id"),
        ([{"id": known.fact, "supersedes": ["x"]}], "facts[0]"),
        (["a sentence"], "text"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await user.memory.add_memory(user.session(), facts=facts)
        assert refused.value.field.startswith(field)
    with pytest.raises(NotFound):
        await user.memory.add_memory(user.session(), facts=[{"id": unknown, "supersedes": [known.fact]}])
    answer = await user.memory.add_memory(user.session(), facts=[{"id": known.fact, "supersedes": [unknown]}])
    assert unknown in answer["warnings"][0]


async def test_a_stored_fact_beside_a_text_is_set_aside_in_words(user: User):
    known = await stated(user, "a sentence")
    answer = await user.add("a note", {"id": known.fact, "supersedes": [known.fact]})
    (skipped,) = answer["facts_skipped"]
    assert "without text" in skipped["why"]


async def test_an_open_contradiction_is_said_beside_the_facts_concerned(user: User):
    uses = await stated(user, states("team uses Redis", "USES", "team", "Redis"))
    gone = await stated(user, states("Redis is gone", "STOPPED_USING", "team", "Redis"))
    await user.indexer.drain()

    async def contradicted(**scope: str) -> dict[str, list[str]]:
        hits = (await user.search("Does the team use Redis?", **scope))["results"]
        facts = [fact for hit in hits for fact in hit.get("facts", [])] + (await user.entity("team", **scope))["facts"]
        return {fact["id"]: [by["id"] for by in fact["contradicted_by"]] for fact in facts if "contradicted_by" in fact}

    assert await contradicted() == {uses.fact: [gone.fact], gone.fact: [uses.fact]}
    assert await contradicted(as_of=user.clock.now().isoformat()) == {}
    await user.memory.add_memory(user.session(), facts=[{"id": gone.fact, "supersedes": [uses.fact]}])
    assert await contradicted() == {}
