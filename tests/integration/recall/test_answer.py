"""What an answer leaves out and says: weak hits, nothing that fits, replaced memories, and what has changed."""

from __future__ import annotations

from typing import Any

import pytest

from kg.errors import InvalidInput
from tests.support.user import User, states

GATEWAY = "The gateway drops long connections because its idle timeout is shorter than the client's"
TOPICS = ("the ledger", "roses and mildew", "clock skew", "a broken kettle", "sourdough", "the night train", "chess")


async def texts(user: User, query: str, **arguments: Any) -> list[str]:
    return [hit["memory"] for hit in (await user.search(query, **arguments))["results"]]


async def test_hits_far_below_the_best_are_left_out_and_counted_unless_asked_for(user: User) -> None:
    await user.add(GATEWAY, wait=True)
    for topic in TOPICS:
        await user.add(f"A note about {topic}", wait=True)
    asked = "why does the gateway drop long connections, is it the idle timeout?"
    answer = await user.search(asked, weak=False)
    assert [hit["memory"] for hit in answer["results"]] == [GATEWAY]
    assert answer["weaker"].startswith(f"{len(TOPICS)} that fit less than half as well")
    assert len(await texts(user, asked, weak=True)) == 1 + len(TOPICS)
    assert len(await texts(user, asked, weak=False, threshold=-1)) == 1 + len(TOPICS)


NOTES = (
    GATEWAY,
    "We chose NATS over Kafka for events because nobody wants to run ZooKeeper",
    "Sessions stay in Postgres; Redis was rejected as one more service to run",
    "The nightly build became slow when the cache directory filled the disk",
    "Priya reviews everything under billing/",
    "Money is stored as integer cents everywhere",
    "Feature toggles live in Unleash and are deleted after 90 days",
)


@pytest.mark.parametrize(
    ("question", "fits", "missing"),
    [
        ("which GraphQL server do we run?", False, ["GraphQL"]),
        ("how long do I boil an egg", False, []),
        ("who won the world cup in 1998", False, []),
        ("run the tests", False, []),
        ("fix the lint errors please", False, []),
        ("why does the gateway drop connections?", True, []),
        ("why did we choose NATS over Kafka", True, []),
        ("where do sessions live, in Postgres or Redis?", True, []),
        ("who has to review changes to billing", True, []),
        ("did we choose RabbitMQ or NATS for events?", True, ["RabbitMQ"]),
    ],
)
async def test_a_question_about_something_else_is_told_so_and_which_words_are_mentioned_nowhere(
    user: User, question: str, fits: bool, missing: list[str]
) -> None:
    for note in NOTES:
        await user.add(note)
    await user.indexer.drain()
    answer = await user.search(question)
    assert answer["results"]
    assert answer.get("nothing_fits", False) is not fits
    assert answer.get("not_mentioned", []) == missing


async def test_a_word_counts_as_mentioned_within_the_scope_that_is_searched_and_in_facts(user: User) -> None:
    await user.add("We run Valkey", project="one", wait=True)
    await user.add("The cache moved on Tuesday", states("cache uses Memcached", "USES", "cache", "Memcached"),
                   project="two", wait=True)  # fmt: skip
    assert "not_mentioned" not in await user.search("does the cache run Valkey?")
    assert (await user.search("does the cache run Valkey?", project="two"))["not_mentioned"] == ["Valkey"]
    assert "not_mentioned" not in await user.search("does the cache run Memcached?", project="two")


async def test_nothing_is_said_of_fitting_where_nothing_is_stored(user: User) -> None:
    answer = await user.search("which GraphQL server do we run?")
    assert answer == {"results": []} or not answer.keys() & {"nothing_fits", "not_mentioned"}


async def test_a_memory_that_was_replaced_comes_after_the_one_that_replaced_it_which_comes_along(user: User) -> None:
    old = await user.add(
        "Sessions are stored in Redis with a sliding expiry",
        states("sessions use Redis", "USES", "sessions", "Redis"), wait=True,
    )  # fmt: skip
    newer = await user.add(
        "That was moved to signed cookies, nothing is kept on the server",
        states("sessions use signed cookies", "USES", "sessions", "signed cookies", supersedes=[old.fact]), wait=True,
    )  # fmt: skip
    answer = await user.search("where are sessions stored, in Redis with a sliding expiry?", limit=2)
    assert [hit["id"] for hit in answer["results"]] == [newer.id, old.id]
    assert answer["results"][0]["score"] >= answer["results"][1]["score"]
    assert answer["results"][1]["superseded"][0]["replaced_by"][0]["fact"] == "sessions use signed cookies"
    then = await user.search("where are sessions stored, in Redis with a sliding expiry?", known_at="2023")
    assert newer.id not in [hit["id"] for hit in then["results"]]


async def test_a_memory_that_a_later_date_ended_comes_after_the_later_one(user: User) -> None:
    paris = states("user lives in Paris", "LIVES_IN", "user", "Paris", valid_at="2020")
    oslo = states("user lives in Oslo", "LIVES_IN", "user", "Oslo", valid_at="2023")
    old = await user.add("Home is a flat in Paris near the river", paris, occurred_at="2020", wait=True)
    new = await user.add("The removal van brought everything north", oslo, occurred_at="2023", wait=True)
    asked = "is home a flat in Paris near the river?"
    answer = await user.search(asked, limit=2)
    assert [hit["id"] for hit in answer["results"]] == [new.id, old.id]
    (ended,) = answer["results"][1]["superseded"]
    assert (ended["replaced_by"][0]["fact"], ended["replaced_by"][0]["how"]) == ("user lives in Oslo", "followed")
    before = await user.search(asked, as_of="2021")
    assert [hit["id"] for hit in before["results"]] == [old.id]


async def test_a_fact_that_says_what_its_memory_says_does_not_repeat_it(user: User) -> None:
    await user.add(
        "The cache uses Redis.", states("the cache uses Redis", "USES", "cache", "Redis", because="it was there"),
        states("cache runs on box 7", "RUNS_ON", "cache", "box 7"), wait=True,
    )  # fmt: skip
    facts = (await user.search("which cache?"))["results"][0]["facts"]
    assert [fact.get("fact") for fact in facts] == [None, "cache runs on box 7"]
    assert facts[0]["because"] == "it was there" and facts[0]["id"]


async def test_what_changed_since_a_day_is_told_with_who_said_so_and_why(user: User) -> None:
    user.clock.at("2024-03-01")
    old = await user.add("Sessions in Redis", states("sessions use Redis", "USES", "sessions", "Redis"), wait=True)
    wrong = await user.add("Node 18", states("shop pins Node 18", "PINS", "shop", "Node 18"), wait=True)
    user.clock.at("2024-03-10")
    moved = states("sessions use cookies", "USES", "sessions", "cookies", supersedes=[old.fact])
    new = await user.add("Sessions in cookies", {**moved, "reason": "no server state"}, wait=True)
    right = states("shop pins Node 20", "PINS", "shop", "Node 20", supersedes=[wrong.fact])
    await user.add("Node 20 it was", {**right, "how": "corrected"}, wait=True)
    await user.add("Ada joined", states("Ada works on shop", "WORKS_ON", "Ada", "shop"), agent_id="scout", wait=True)
    user.clock.at("2024-03-12")
    answer = await user.memory.search_memories(user.session(), changed_since="2024-03-05")
    told = {(change["how"], change["fact"]): change for change in answer["changes"]}
    assert set(told) == {
        ("superseded", "sessions use Redis"), ("corrected", "shop pins Node 18"), ("new", "Ada works on shop"),
    }  # fmt: skip
    moved_to = told["superseded", "sessions use Redis"]
    assert moved_to["replaced_by"]["fact"] == "sessions use cookies" and moved_to["memory"] == new.id
    assert (moved_to["by"], moved_to["reason"]) == ("caller", "no server state")
    assert told["new", "Ada works on shop"]["agent_id"] == "scout"
    assert {hit["memory"] for hit in answer["results"]} == {"Sessions in cookies", "Node 20 it was", "Ada joined"}
    asked = await user.memory.search_memories(user.session(), query="sessions", changed_since="2024-03-05")
    assert [change["fact"] for change in asked["changes"]] == ["sessions use Redis"]
    assert asked["results"][0]["memory"] == "Sessions in cookies"
    later = await user.memory.search_memories(user.session(), changed_since="2024-03-11")
    assert later == {"changes": [], "results": []}
    by_scout = await user.memory.search_memories(user.session(), changed_since="2024-03-05", agent_id="scout")
    assert [change["fact"] for change in by_scout["changes"]] == ["Ada works on shop"]
    with pytest.raises(InvalidInput, match="query"):
        await user.memory.search_memories(user.session())
