"""A read that stops at a bound says that there is more."""

from __future__ import annotations

from typing import Any

from kg.facts import queries as facts_queries
from kg.facts.contentions import CANDIDATES_PER_FACT, contention_params, unread
from kg.facts.held_at import Instants
from kg.language.words import stem_terms
from kg.operations.decisions import Decisions
from kg.recall.changes import Changes
from kg.recall.filters import parse_filters
from kg.recall.listing import SCOPES_SHOWN
from kg.recall.request import Search
from kg.values import RequestKey, Scope
from tests.support.user import User, instant, lives_in, states


def uses(number: int) -> object:
    return states(f"the shop uses part {number}", "USES", "shop", f"part {number}")


async def test_an_entity_shows_what_was_replaced_however_many_facts_are_newer(user: User) -> None:
    first = await user.add(
        "The cellar.", states("the shop stands in a cellar", "STANDS_IN", "shop", "a cellar", valid_at="2001")
    )
    moved = states("the shop stands in a hall", "STANDS_IN", "shop", "a hall", valid_at="2002", supersedes=[first.fact])
    await user.add("The hall.", moved)
    await user.add("Parts.", *(uses(number) for number in range(60)))
    page = await user.entity("shop", limit=5)
    assert [fact["fact"] for fact in page["superseded"]] == ["the shop stands in a cellar"]
    assert page["hidden"] == 1
    assert page["more"]


async def test_the_graph_s_search_says_that_there_are_other_entities_and_other_facts(user: User) -> None:
    await user.add("Parts.", *(uses(number) for number in range(7)))
    for query in ("part", ""):
        found = await user.memory.search_graph(user.session(), query=query, limit=3)
        assert len(found["results"]) == 3
        assert found["more"] == "others answer to it too; raise limit"
        assert "more" not in await user.memory.search_graph(user.session(), query=query, limit=50)
    shop = (await user.memory.search_graph(user.session(), query="shop", limit=1))["results"][0]
    assert (len(shop["relations"]), shop["more"]) == (5, "other facts: get_entity")
    related = await user.search("What does the shop use?", enable_graph=True)
    assert (len(related["relations"]), related["more_relations"]) == (5, "other facts: get_entity")


async def test_lists_of_scopes_and_for_people_say_that_they_go_on(user: User) -> None:
    for number in range(3):
        old = await user.add(f"Old {number}.", states(f"thing {number} is red", "HAS_COLOUR", f"thing {number}", "red"))
        blue = states(f"thing {number} is blue", "HAS_COLOUR", f"thing {number}", "blue", supersedes=[old.fact])
        await user.add(f"New {number}.", blue)
        one = (await user.entity(f"thing {number}"))["id"]
        other = (
            await user.add(f"Gadget {number}", states("is a gadget", "IS_A", f"gadget {number}", f"toy {number}"))
        ).id
        assert other
        await user.merges.merge(
            user.id, RequestKey(f"m{number}"), (await user.entity(f"gadget {number}"))["id"], one, "so"
        )
    decisions = Decisions(user.parts.store, user.clock)
    assert (await decisions.conflicts(user.id, project=None, limit=2))["more"] == "more are decided; raise limit"
    assert "more" not in await decisions.conflicts(user.id, project=None, limit=3)
    assert (await user.merges.list(user.id, limit=2))["more"]
    assert "more" not in await user.merges.list(user.id, limit=3)
    await user.raw(
        "UNWIND range(0, $many) AS n CREATE (:ScopeCount:Internal {user_id: $user_id, kind: 'run', "
        "name: 'run ' + n, memories: 1, last_used: datetime('2024-01-01')})",
        many=SCOPES_SHOWN,
    )
    listed = await user.memory.list_entities(user.session())
    assert len(listed["runs"]) == SCOPES_SHOWN
    assert "runs" in listed["more"] and "agents" not in listed["more"]
    await user.raw("MATCH (m:Memory {user_id: $user_id}) WHERE m.run_id STARTS WITH 'run ' DELETE m")


async def test_what_has_changed_is_looked_through_to_the_end_for_the_question_s_words(user: User) -> None:
    await user.add("Home.", lives_in("Oslo"))
    for number in range(4):
        user.clock.tick()
        await user.add(f"Part {number}.", uses(number))
    changes = Changes(user.parts.store, page=2)
    asked = Search(Scope(user.id), Instants(user.clock.tick()), parse_filters(None))
    found = await changes.since(asked, instant("2023"), stem_terms("Oslo"), 10_000)
    assert [change["fact"] for change in found["changes"]] == ["lives in Oslo"]
    assert "more_changes" not in found
    answer = await user.memory.search_memories(user.session(), changed_since="2023", limit=2)
    assert len(answer["changes"]) == 2 == len(answer["results"])
    assert answer["more_changes"] and answer["more"]


async def test_candidates_for_a_judge_that_were_not_even_read_are_counted(user: User) -> None:
    for number in range(4):
        added = await user.add(f"Part {number}.", uses(number))
    params = contention_params([added.id]) | {"per_fact": 2}
    rows = await user.parts.store.read(facts_queries.contentions, user_id=user.id, **params, now=user.clock.now())
    assert [row["candidates"] for row in rows] == [3, 3]
    many: list[Any] = [{**row, "candidates": CANDIDATES_PER_FACT + 5} for row in rows]
    assert (unread(rows), unread(many)) == (0, 5)


async def test_contradictions_and_offers_beyond_three_are_counted(user: User) -> None:
    for number in range(4):
        await user.add(f"Tool {number}.", states(f"Ada used tool {number} at noon", "USES", "Ada", "the lathe"))
    await user.add("None.", states("Ada does not use the lathe", "NOT_USES", "Ada", "the lathe"))
    (hit,) = [fact for fact in (await user.entity("Ada"))["facts"] if fact["fact"] == "Ada does not use the lathe"]
    assert (len(hit["contradicted_by"]), hit["contradicted_by_omitted"]) == (3, 1)
