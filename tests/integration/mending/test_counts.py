"""Writes keep count of memories by scope and of facts by entity, and repair mends a count that a hand made wrong."""

from __future__ import annotations

from typing import Any

from kg.graph import queries as graph_queries
from kg.graph.migrate import SCHEMA_VERSION, migrate
from kg.operations.repair import repair
from kg.writing.upgrade import upgrade
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, lives_in, new_key, states


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


async def degrees(user: User) -> dict[str, Any]:
    rows = await user.raw(
        "MATCH (e:Entity {user_id: $user_id}) WHERE NOT (e)-[:MERGED_INTO]->() "
        "RETURN e.name AS name, e.degree AS degree"
    )
    return {row["name"]: row["degree"] for row in rows}


async def test_each_fact_that_comes_goes_or_moves_is_counted_where_it_is_about(user: User) -> None:
    first = await user.add("Redis.", states("the shop uses Redis", "USES", "shop", "Redis"), lives_in("Rome"))
    await user.add("Ada.", states("Ada owns the shop", "OWNS", "Ada", "shop"), states("Ada", "LIKES", "Ada", "Ada"))
    assert await degrees(user) == {"shop": 2, "Redis": 1, "Ada": 3, "user": 1, "Rome": 1}
    await user.update(first.id, lives_in("Oslo"), text="Oslo.")
    assert await degrees(user) == {"shop": 2, "Redis": 1, "Ada": 3, "user": 2, "Rome": 1, "Oslo": 1}
    shop, ada = [(await user.entity(name))["id"] for name in ("shop", "Ada")]
    await user.merges.merge(user.id, new_key(), shop, ada, "one thing")
    assert await degrees(user) == {"shop": 5, "Redis": 1, "user": 2, "Rome": 1, "Oslo": 1}
    merged = await user.raw("MATCH (e:Entity {uuid: $uuid}) RETURN e.degree AS degree", uuid=shop)
    assert merged == [{"degree": 0}]
    await user.merges.undo(user.id, new_key(), shop)
    assert (await degrees(user))["shop"] == 2
    await user.memory.delete_entities(user.session(), name="Ada")
    assert await degrees(user) == {"shop": 1, "Redis": 1, "user": 2, "Rome": 1, "Oslo": 1}
    await user.delete(first.id)
    assert await degrees(user) == {"shop": 0}


async def test_a_degree_that_a_hand_made_wrong_is_named_and_mended(user: User) -> None:
    await user.add("Redis.", states("the shop uses Redis", "USES", "shop", "Redis"))
    before = await degrees(user)
    for change in (
        "MATCH (e:Entity {user_id: $user_id, name: 'Redis'}) SET e.degree = 7",
        "MATCH (e:Entity {user_id: $user_id, name: 'Redis'}) SET e.degree = [1]",
        "MATCH (e:Entity {user_id: $user_id}) REMOVE e.degree",
    ):
        await user.raw(change)
        repaired = await repair(user.parts.store, user.parts.index, user.clock)
        assert repaired.rules["entity_degree"], change
        assert not repaired.left
        assert await degrees(user) == before
    await user.indexer.drain()
    await whole_graph_invariants(user.parts, user.id)


async def test_entities_of_a_graph_of_before_are_counted_at_the_next_start(user: User) -> None:
    store = user.parts.store
    await user.add("Redis.", states("the shop uses Redis", "USES", "shop", "Redis"))
    before = await degrees(user)
    await user.raw("MATCH (e:Entity {user_id: $user_id}) REMOVE e.degree")
    await store.write(lambda tx: tx.run(graph_queries.set_schema_version, version=8), "test")
    assert await migrate(store, upgrade=lambda found: upgrade(store, user.clock, found, page=1)) == 8
    assert await degrees(user) == before
    connected = await user.memory.search_graph(user.session())
    assert {row["name"] for row in connected["results"]} == before.keys()
