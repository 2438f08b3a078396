"""Walking the graph: search_graph and get_entity within a scope, and what they leave out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString, cast

import pytest

import cypher
from kg.facts.held_at import Instants
from kg.language.lucene import entity_query, user_key
from kg.operations.memory import MemoryService
from kg.recall import queries as recall_queries
from kg.recall.explore import NEWEST, Explore
from kg.recall.request import EntityPage
from kg.values import Scope
from tests.support.user import User, instant, prefers, states
from tests.support.watched_store import watched_store


async def names(user: User, **arguments: Any) -> list[str]:
    answer = await user.memory.search_graph(user.session(), **arguments)
    return [entity["name"] for entity in answer["results"]]


async def test_a_scope_with_little_connected_entities_is_not_empty_beside_well_connected_ones(user: User):
    for i in range(8):
        for hub in ("Redis hub", "Redis center"):
            await user.add(f"{hub} {i}", states(f"{hub} {i}", "USES", hub, f"part {i} of {hub}"), project="big")
    await user.add("small", states("cache uses Redis local", "USES", "cache", "Redis local"), project="small")
    assert set(await names(user, project="small", limit=2)) == {"cache", "Redis local"}
    assert (await names(user, query="redis", project="small", limit=1)) == ["Redis local"]
    assert set(await names(user, query="the Redis hub", project="small", limit=2)) <= {"cache", "Redis local"}
    assert set(await names(user, limit=2)) == {"Redis hub", "Redis center"}
    relations = (await user.memory.search_graph(user.session(), project="small", query="cache"))["results"][0]
    assert [fact["fact"] for fact in relations["relations"]] == ["cache uses Redis local"]


async def hits_of_the_empty_search(user: User, **scope: str) -> int:
    """Return how many things the database touches for the most connected of a scope."""
    asked = {**Scope(user.id, **scope).params(), "at": user.clock.now(), "newest_top_k": NEWEST, "top_k": 5}
    statement = cast("LiteralString", "PROFILE " + cypher.load()["entities_connected_within"].statement)
    _, summary, _ = await user.parts.store.driver.execute_query(statement, {"p": asked})
    return _hits(summary.profile)


def _hits(plan: Any) -> int:
    return plan.get("dbHits", 0) + sum(map(_hits, plan.get("children", ())))


@pytest.mark.parametrize("scope", [{"project": "small"}, {"agent_id": "small"}, {"run_id": "small"}])
async def test_what_is_read_of_a_scope_does_not_grow_with_the_other_memories(user: User, scope: dict[str, str]):
    await user.add("small", states("cache uses Redis", "USES", "cache", "Redis"), **scope)
    before = await hits_of_the_empty_search(user, **scope)
    for i in range(20):
        await user.add(f"note {i}", states(f"tool {i} uses lib", "USES", f"tool {i}", "lib"), project="big")
    assert set(await names(user, **scope)) == {"cache", "Redis"}
    assert await hits_of_the_empty_search(user, **scope) == before


async def test_the_most_connected_of_a_large_scope_are_those_of_its_newest_memories(user: User):
    for i in range(3):
        await user.add(f"old {i}", states(f"job {i} uses cron", "USES", f"job {i}", "cron"), project="web")
    for i in range(2):
        await user.add(f"new {i}", states(f"task {i} uses celery", "USES", f"task {i}", "celery"), project="web")
    parts, scope, now = user.parts, Scope(user.id, project="web"), Instants(user.clock.tick())

    async def connected(newest: int, limit: int) -> tuple[list[str], str | None]:
        explore = Explore(parts.store, parts.index, parts.embedder, newest=newest)
        answer = await explore.search("", scope, limit, now)
        return [entity["name"] for entity in answer["results"]], answer.get("note")

    assert await connected(6, 2) == (["cron", "celery"], None)
    found, note = await connected(2, 10)
    assert (found[0], set(found), note) == (
        "celery",
        {"celery", "task 0", "task 1"},
        "counted in the newest 2 memories; a query finds all others",
    )


async def test_the_number_of_queries_does_not_grow_with_the_entities(user: User):
    for i in range(12):
        await user.add(f"note {i}", states(f"tool {i} uses lib", "USES", f"tool {i}", "lib"))
    async with watched_store(user.parts.store.address) as store:
        memory = MemoryService(replace(user.parts, store=store))
        answer = await memory.search_graph(user.session(), limit=10)
    assert len(answer["results"]) == 10 and all(entity["relations"] for entity in answer["results"])
    assert len([name for name in store.asked if name.startswith(("entit", "find_", "count_"))]) == 3


async def test_an_identifier_is_found_by_its_words(user: User):
    await user.add("call", states("getUserById is slow", "HAS_STATUS", "getUserById", "slow"))
    await user.parts.indexer.drain()
    rows = await user.parts.store.read(
        recall_queries.entities_by_text, user_id=user.id, agent_id=None, run_id=None, project=None, key="",
        words=entity_query("user id", user_key(user.id)) or "", near=[],
        at=user.clock.now(), fetch=5, top_k=5,
    )  # fmt: skip
    assert [row["way"] for row in rows] == ["words"]
    assert "getUserById" in await names(user, query="user id")


async def test_what_replaced_a_fact_from_outside_of_the_scope_is_named_without_its_words(user: User):
    old = await user.add("tabs", prefers("tabs", "2020"), project="one")
    new = await user.add(
        "a secret", prefers("spaces", "2022", supersedes=[old.fact], reason="a secret too"), project="two"
    )
    whole = (await user.entity("user", include_superseded=True))["facts"][-1]
    assert whole["replaced_by"] == [
        {"id": new.fact, "fact": "prefers spaces", "how": "superseded", "reason": "a secret too"}
    ]
    narrow = (await user.entity("user", include_superseded=True, project="one"))["facts"]
    assert [fact["fact"] for fact in narrow] == ["prefers tabs"]
    assert narrow[0]["replaced_by"] == [{"id": new.fact, "how": "superseded", "at": "2024-01-01T00:00:00Z"}]
    (hit,) = (await user.search("tabs", project="one"))["results"]
    assert hit["superseded"][0]["replaced_by"] == narrow[0]["replaced_by"]


async def test_what_held_long_ago_is_found_behind_any_number_of_later_facts(user: User):
    """Nothing is "not there" because it was not looked at: pages of two, where a page is a thousand otherwise."""
    first = await user.add("tabs", prefers("tabs", "2019"))
    user.clock.tick()
    told = user.clock.now().isoformat()
    for i in range(5):
        await user.add(f"note {i}", prefers(f"thing {i}", f"20{20 + i}", supersedes=[first.fact] if i == 3 else []))
        user.clock.tick()
    explore = Explore(user.parts.store, user.parts.index, user.parts.embedder, page=2)
    now = user.clock.now()

    async def facts(limit: int, **instants: datetime) -> tuple[list[str], int | None]:
        page = EntityPage("user", None, Scope(user.id), Instants(now, **instants), limit=limit)
        found = await explore.page(page)
        return [fact["fact"] for fact in found["facts"]], found.get("hidden")

    assert await facts(20, known_at=now, as_of=instant("2019-06")) == (["prefers tabs"], 5)
    assert await facts(20, known_at=instant(told[:10])) == (["prefers tabs"], None)
    assert await facts(20, known_at=now) == ([f"prefers thing {i}" for i in (4, 3, 2, 1, 0)], 1)
    assert await facts(1, known_at=now, as_of=instant("2021-06")) == (["prefers thing 1"], 3)
    page = await user.entity("user", include_superseded=True, limit=3)
    assert len(page["facts"]) == 3 and "raise limit" in page["more"]


async def test_names_of_code_are_other_things_than_their_bare_words(user: User) -> None:
    await user.add("save returns false.", states("save returns false", "RETURNS", "save", "false on failure"))
    await user.add("save! raises.", states("save! raises", "RAISES", "save!", "an exception"))
    await user.add("one", states("It has a lint error", "HAS", "C:\\work\\app\\main.ts", "a lint error"))
    await user.add("two", states("It has a type error", "HAS", "C:/work/app/main.ts", "a type error"))
    pages = {
        name: {fact["fact"] for fact in (await user.memory.get_entity(user.session(), name=name))["facts"]}
        for name in ("save", "save!", "C:/work/app/main.ts")
    }
    assert pages == {
        "save": {"save returns false"},
        "save!": {"save! raises"},
        "C:/work/app/main.ts": {"It has a lint error", "It has a type error"},
    }


async def test_a_name_of_an_older_graph_is_found_under_its_former_key(user: User) -> None:
    await user.add("valid? is slow.", states("valid? is slow", "HAS", "valid?", "a slow check"))
    await user.raw("MATCH (a:Alias {user_id: $user_id, key: 'valid?'}) SET a.key = 'valid'")
    page = await user.memory.get_entity(user.session(), name="valid?")
    assert (page["name"], len(page["facts"])) == ("valid?", 1)


async def test_a_name_that_is_a_stop_word_is_linked_where_it_has_a_capital(user: User) -> None:
    owns = states("Will owns the payments database", "OWNS", "Will", "payments database", subject_kind="Person")
    await user.add("Will owns the payments database.", owns)
    answer = await user.search("what about Will", enable_graph=True)
    assert [relation["source"] for relation in answer["relations"]] == ["Will"]


async def test_the_page_of_what_was_given_up_says_what_took_its_place(user: User):
    old = await user.add("Redis", states("sessions use Redis", "USES", "sessions", "Redis"))
    user.clock.tick()
    await user.add("cookies", states("sessions use cookies", "USES", "sessions", "cookies", supersedes=[old.fact]))
    page = await user.memory.get_entity(user.session(), name="Redis")
    assert page["facts"] == [] and page["hidden"] == 1
    (superseded,) = page["superseded"]
    assert superseded["fact"] == "sessions use Redis"
    assert superseded["replaced_by"][0]["fact"] == "sessions use cookies"
    sessions = await user.memory.get_entity(user.session(), name="sessions")
    assert [fact["fact"] for fact in sessions["facts"]] == ["sessions use cookies"]
    assert [fact["fact"] for fact in sessions["superseded"]] == ["sessions use Redis"]
    whole = await user.memory.get_entity(user.session(), name="Redis", include_superseded=True)
    assert "superseded" not in whole
    assert whole["facts"][0]["replaced_by"][0]["fact"] == "sessions use cookies"


async def test_the_page_of_a_place_that_was_left_shows_that_it_held(user: User):
    await user.add("Paris", states("user lives in Paris", "LIVES_IN", "user", "Paris", valid_at="2020"))
    await user.add("Berlin", states("user lives in Berlin", "LIVES_IN", "user", "Berlin", valid_at="2022"))
    page = await user.memory.get_entity(user.session(), name="Paris")
    assert page["facts"] == []
    (left,) = page["superseded"]
    assert (left["fact"], left["invalid_at"]) == ("user lives in Paris", "2022-01-01T00:00:00Z")
    assert [(by["fact"], by["how"]) for by in left["replaced_by"]] == [("user lives in Berlin", "followed")]


async def test_a_version_names_the_next_one_of_its_own_tool_as_what_ended_it(user: User):
    for version, day in (("Node 18", "2022"), ("Node 22", "2024"), ("Postgres 16", "2024")):
        note = states(f"shop uses {version}", "USES_VERSION", "shop", version, valid_at=day)
        await user.add(version, note)
    page = await user.memory.get_entity(user.session(), name="shop")
    assert {fact["fact"] for fact in page["facts"]} == {"shop uses Node 22", "shop uses Postgres 16"}
    assert [by["fact"] for by in page["superseded"][0]["replaced_by"]] == ["shop uses Node 22"]
