"""Looking at what is stored: bounded answers that say what they leave out, and nothing that waits to be erased."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kg.operations.arguments import Session
from kg.operations.decisions import Decisions
from kg.operations.memory import MemoryService
from kg.ports import Embedder
from kg.recall import render
from kg.recall.filters import parse_filters
from kg.recall.listing import Listing
from kg.recall.nothing_fits import Bearings
from kg.values import Scope
from kg.writing.delete import Deleting
from tests.support.graph_checks import whole_graph_invariants
from tests.support.plain_embedder import PlainEmbedder
from tests.support.user import User, lives_in, states

LONG = "log line of the build server " * 1000
"""About 7,250 tokens."""


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """Nothing here depends on the meaning of the long texts."""
    return PlainEmbedder()


@pytest.fixture(scope="module")
def bearings(embedder: Embedder) -> Bearings:
    return Bearings(embedder)


def deleting_at_once(user: User, at_once: int) -> User:
    """The user of a service that erases so many memories in one transaction."""
    parts = replace(user.parts, deleting=Deleting(user.parts.store, user.clock, at_once=at_once))
    return User(parts, MemoryService(parts), user.clock, id=user.id)


async def test_versions_beyond_the_newest_are_counted_and_long_ones_cut(user: User):
    first = await user.add("state 0 " + LONG)
    for i in range(1, 6):
        user.clock.tick()
        await user.update(first.id, text=f"state {i} " + LONG)
    memory = await Listing(user.parts.store, user.clock, versions_shown=3).memory(user.id, first.id)
    assert memory["memory"] == "state 5 " + LONG
    assert [version["memory"][:7] for version in memory["versions"]] == ["state 4", "state 3", "state 2"]
    assert [version.get("truncated") for version in memory["versions"]] == [None, True, True]
    assert memory["versions_omitted"] == 2


async def test_the_longest_memory_with_many_long_facts_and_versions_is_shown_whole_and_fits(user: User):
    def facts(i: int) -> list[dict[str, Any]]:
        return [states(f"{i} {n}: " + "shop uses this " * 60, "USES", "shop", f"thing {n}") for n in range(100)]

    text = (LONG * 3)[:65_000].strip()
    first = await user.add("before " + text, *facts(0))
    assert render.size(first["facts"]) < 25_000
    for i in range(1, 4):
        user.clock.tick()
        changed = await user.update(first.id, text=text[:-i].strip(), facts=facts(i))
        assert len(changed["facts"]) == 100
        assert render.size(dict(changed)) < 25_000
    memory = await user.get(first.id)
    assert memory["memory"] == text[:-3].strip()
    assert render.size(memory) < 25_000
    assert memory["facts"] and len(memory["facts"]) + memory["facts_omitted"] == 100
    assert len(memory.get("versions", [])) + memory.get("versions_omitted", 0) == 3


async def test_a_page_of_large_memories_ends_early_and_its_cursor_leads_to_the_rest(user: User):
    for i in range(24):
        wordy = [states(f"{i} {n}: " + "shop uses this " * 60, "USES", f"shop {i}", f"thing {n}") for n in range(10)]
        await user.add(f"note {i} " + LONG, *wordy)
    seen: list[str] = []
    cursor = None
    while True:
        page = await user.memory.get_memories(user.session(), limit=50, cursor=cursor)
        assert page["results"] and render.size(page) < 25_000
        assert "partial" not in page
        seen += [hit["memory"].split()[1] for hit in page["results"]]
        cursor = page.get("cursor")
        if cursor is None:
            break
        assert len(page["results"]) < 24
    assert seen == [str(i) for i in reversed(range(24))]


async def test_the_page_of_an_entity_with_many_long_facts_fits_and_says_what_is_left_out(user: User):
    for i in range(2):
        wordy = [states(f"{i} {n}: " + "shop uses this " * 60, "USES", "shop", f"thing {i} {n}") for n in range(100)]
        await user.add(f"note {i}", *wordy)
    page = await user.memory.get_entity(user.session(), name="shop", limit=200)
    assert render.size(page) < 25_000
    assert page["more"].startswith(f"{200 - len(page['facts'])} older facts did not fit")
    found = await user.memory.search_graph(user.session(), query="thing", limit=50)
    assert render.size(found) < 25_000


async def test_facts_beyond_those_shown_are_counted(user: User):
    listing = Listing(user.parts.store, user.clock, facts_shown=4, facts_listed=2)
    first = await user.add("many", *(states(f"shop uses {i}", "USES", "shop", f"thing {i}") for i in range(5)))
    memory = await listing.memory(user.id, first.id)
    assert len(memory["facts"]) == 4 and memory["facts_omitted"] == 1 and "versions_omitted" not in memory
    listed = (await listing.memories(Scope(user.id), parse_filters(None), limit=1, cursor=None))["results"][0]
    assert [fact["fact"] for fact in listed["facts"]] == ["shop uses 4", "shop uses 3"]
    assert listed["facts_omitted"] == 3
    await user.update(first.id, text="none of it")
    version = (await listing.memory(user.id, first.id))["versions"][0]
    assert len(version["facts"]) == 4 and version["facts_omitted"] == 1


@pytest.mark.parametrize("predicate", ["CHOSE", "USES"])
async def test_a_plan_that_was_corrected_is_not_listed_and_contradicts_nothing(user: User, predicate: str):
    plan = await user.add("vim in 2030", states("vim from 2030 on", predicate, "shop", "vim", valid_at="2030"))
    await user.add("No vim", states("vim was rejected", "REJECTED", "shop", "vim"))
    decisions = Decisions(user.parts.store, user.clock)
    assert len((await decisions.conflicts(user.id, project=None, limit=5))["open"]) == 1
    right = states("Emacs from 2030 on", predicate, "shop", "Emacs", valid_at="2030", supersedes=[plan.fact])
    await user.add("No: Emacs in 2030", {**right, "how": "corrected"})
    listed = (await user.memory.get_memories(user.session()))["results"]
    assert [[fact["fact"] for fact in memory.get("facts", [])] for memory in listed] == [
        ["Emacs from 2030 on"], ["vim was rejected"], [],
    ]  # fmt: skip
    assert (await decisions.conflicts(user.id, project=None, limit=5))["open"] == []


async def test_a_neighbour_that_waits_to_be_erased_is_passed_over(user: User):
    user = deleting_at_once(user, 1)
    ids = []
    for agent in ("kept", "doomed", "doomed", "kept"):
        answer = await user.memory.add_memory(
            user.session(), messages=[{"role": "user", "content": f"{agent} {len(ids)}"}], run_id="r", agent_id=agent
        )
        ids.append(answer["results"][0]["id"])
    await user.memory.delete_all_memories(user.session(), agent_id="doomed")
    assert (await user.get(ids[0]))["next"] == ids[3] and (await user.get(ids[3]))["previous"] == ids[0]
    await user.parts.deleting.finish()
    assert (await user.get(ids[0]))["next"] == ids[3] and (await user.get(ids[3]))["previous"] == ids[0]
    await whole_graph_invariants(user.parts, user.id)


async def test_versions_of_what_waits_to_be_erased_end_nothing(user: User):
    user = deleting_at_once(user, 0)
    user.clock.at("2024-01")
    await user.add("Paris", lives_in("Paris", "2020"))
    doomed = await user.add("Berlin", lives_in("Berlin", "2022"), agent_id="doomed")
    user.clock.at("2024-03")
    await user.update(doomed.id, text="I said nothing")
    then = {"as_of": "2023", "known_at": "2024-02"}
    assert await user.objects("user", **then) == {"Berlin"}
    await user.memory.delete_all_memories(user.session(), agent_id="doomed")
    assert await user.objects("user", **then) == {"Paris"}
    await user.parts.deleting.finish()
    assert await user.objects("user", **then) == {"Paris"}
    await whole_graph_invariants(user.parts, user.id)


async def test_an_empty_answer_within_a_scope_names_the_scopes_there_are(user: User) -> None:
    user.clock.at("2099")  # only the users who wrote last are named, and other tests' users are among them
    await user.add("Pinned pnpm.", project="github.com/acme/shop", agent_id="claude")
    listed = await user.memory.get_memories(user.session(), project="blog", agent_id="claude")
    assert listed == {"results": [], "scopes": {"projects": ["github.com/acme/shop"]}}
    found = await user.memory.search_graph(user.session(), query="pnpm", agent_id="codex")
    assert found["scopes"] == {"agents": ["claude"]}
    nobody = await user.memory.get_memories(user.session(), user_id=f"{user.id}-nobody")
    assert user.id in nobody["scopes"]["users"]
    filtered = await user.memory.get_memories(user.session(), agent_id="claude", filters={"topic": "none"})
    assert filtered == {"results": []}


async def test_a_project_is_found_by_any_spelling_and_by_its_short_name(user: User) -> None:
    await user.add("Pinned pnpm.", project="https://github.com/acme/shop.git")
    for project in (" github.com/Acme/Shop", "git@github.com:acme/shop.git", "shop"):
        listed = await user.memory.get_memories(user.session(), project=project)
        assert [hit["memory"] for hit in listed["results"]] == ["Pinned pnpm."], project
    assert listed["project"] == "github.com/acme/shop"


async def test_a_user_within_filters_alone_names_whose_memories_are_listed(user: User) -> None:
    await user.add("Alice keeps bees.")
    other = Session(Scope(f"{user.id}-other"), "k")
    for filters in ({"user_id": user.id}, {"AND": [{"user_id": user.id}]}):
        listed = await user.memory.get_memories(other, filters=filters)
        assert [hit["memory"] for hit in listed["results"]] == ["Alice keeps bees."]
