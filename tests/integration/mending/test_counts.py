"""Writes keep count of the memories of each scope, and repair mends a count that a hand made wrong."""

from __future__ import annotations

from typing import Any

from kg.graph import queries as graph_queries
from kg.graph.migrate import SCHEMA_VERSION, migrate
from kg.operations.repair import repair
from kg.writing.upgrade import upgrade
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, lives_in


async def scopes(user: User) -> dict[str, Any]:
    """What list_entities says, without the other users of the store."""
    listed = await user.memory.list_entities(user.session())
    mine = [row for row in listed["users"] if row["id"] == user.id]
    return {**listed, "users": mine}


async def counted(user: User, kind: str) -> dict[str, tuple[int, str]]:
    return {row["id"]: (row["memories"], row["last_used"][:10]) for row in (await scopes(user))[kind]}


async def test_scopes_are_counted_and_say_when_they_were_used_last(user: User) -> None:
    user.clock.at("2024-03-01")
    await user.add("One.", project="shop", agent_id="claude")
    user.clock.at("2024-03-02")
    await user.add("Two.", lives_in("Rome"), project="shop", run_id="r1")
    user.clock.at("2024-03-03")
    await user.memory.add_memory(
        user.session(), messages=[{"role": "user", "content": text} for text in ("Three.", "Four.")], run_id="r1"
    )
    assert await counted(user, "projects") == {"shop": (2, "2024-03-02")}
    assert await counted(user, "agents") == {"claude": (1, "2024-03-01")}
    assert await counted(user, "runs") == {"r1": (3, "2024-03-03")}
    assert await counted(user, "users") == {user.id: (4, "2024-03-03")}
    assert (await scopes(user))["memories"] == 4


async def test_deleting_the_newest_goes_back_to_the_one_before_and_the_last_forgets_the_scope(user: User) -> None:
    kept: dict[str, str] = {}
    for day, place in enumerate(("shop", "shop", "site"), 1):
        user.clock.at(f"2024-03-0{day}")
        kept[f"{place} {day}"] = (await user.add(f"Note {day}.", project=place, run_id=place)).id
    await user.delete(kept["shop 2"])
    assert await counted(user, "projects") == {"site": (1, "2024-03-03"), "shop": (1, "2024-03-01")}
    assert await counted(user, "runs") == {"site": (1, "2024-03-03"), "shop": (1, "2024-03-01")}
    await user.delete(kept["site 3"])
    assert await counted(user, "projects") == {"shop": (1, "2024-03-01")}
    assert await counted(user, "users") == {user.id: (1, "2024-03-01")}
    await user.delete(kept["shop 1"])
    assert await scopes(user) == {
        "user_id": user.id, "memories": 0, "users": [], "agents": [], "runs": [], "projects": [],
    }  # fmt: skip
    assert await user.raw("MATCH (s:ScopeCount {user_id: $user_id}) RETURN s") == []


async def test_a_repeated_call_and_a_note_that_stands_already_count_once(user: User) -> None:
    for key in ("same", "same", "other"):
        await user.add("One note.", key=key, project="shop")
    assert (await counted(user, "projects"))["shop"][0] == 1


async def test_a_count_that_a_hand_made_wrong_is_named_and_mended(user: User) -> None:
    await user.add("One.", project="shop")
    for change in (
        "MATCH (s:ScopeCount {user_id: $user_id, kind: 'project'}) SET s.memories = 7",
        "MATCH (s:ScopeCount {user_id: $user_id, kind: 'project'}) SET s.last_used = datetime('2031')",
        "MATCH (s:ScopeCount {user_id: $user_id, kind: 'project'}) DELETE s",
        "CREATE (:ScopeCount:Internal {user_id: $user_id, kind: 'run', name: 'gone', memories: 3})",
        "MATCH (m:Memory {user_id: $user_id}) SET m.project = 'site'",
    ):
        before = await scopes(user)
        await user.raw(change)
        repaired = await repair(user.parts.store, user.parts.index, user.clock)
        assert repaired.rules["scope_count"], change
        assert not repaired.left
        await user.indexer.drain()
        await whole_graph_invariants(user.parts, user.id)
        if "SET m.project" not in change:
            assert await scopes(user) == before
    assert [row["id"] for row in (await scopes(user))["projects"]] == ["site"]


async def test_a_graph_of_before_is_counted_at_the_next_start(user: User) -> None:
    store = user.parts.store
    await user.add("One.", project="shop")
    await user.add("Two.", project="site", agent_id="claude")
    before = await scopes(user)
    await user.raw("MATCH (s:ScopeCount) DELETE s")
    assert (await scopes(user))["memories"] == 0
    await store.write(lambda tx: tx.run(graph_queries.set_schema_version, version=7), "test")
    assert await migrate(store, upgrade=lambda found: upgrade(store, user.clock, found, page=1)) == 7
    assert (await store.read_one(graph_queries.schema_version))["version"] == SCHEMA_VERSION
    assert await scopes(user) == before
    await whole_graph_invariants(user.parts, user.id, index=False)
