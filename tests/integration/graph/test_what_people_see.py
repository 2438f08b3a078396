"""What people see of the graph: nodes with names, bookkeeping that is marked as such, no trace of a start."""

from __future__ import annotations

import math
from typing import Any

from kg.facts.claims import claim_key
from kg.graph import queries as graph_queries
from kg.graph.migrate import SCHEMA_VERSION, migrate
from kg.operations.repair import repair
from kg.operations.warmup import Patience, warm_up
from kg.values import RequestKey
from kg.writing.upgrade import upgrade
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import User, prefers, raw, states

SECRET = "the wiring diagram of " + "a very long hall " * 20


async def names(user: User, label: str) -> list[str]:
    rows = await user.raw(
        f"MATCH (n:{label} {{user_id: $user_id}}) RETURN n.name AS name ORDER BY coalesce(n.seq, 0), name"
    )
    return [row["name"] for row in rows]


async def test_what_people_see_has_a_name_and_bookkeeping_is_internal(user: User):
    added = await user.add(
        "  Chose\n\nKafka " + "for events " * 20, states("shop chose Kafka", "CHOSE", "Shop", "Kafka")
    )
    assert await names(user, "Memory") == [f"Chose Kafka {'for events ' * 5}for events…"]
    assert await names(user, "Fact") == ["shop chose Kafka"]
    assert sorted(await names(user, "Alias")) == ["Kafka", "Shop"]
    seen = await user.raw(
        "MATCH (n {user_id: $user_id}) WHERE NOT n:Internal RETURN count(n.name) AS named, count(*) AS all"
    )
    assert seen[0]["named"] == seen[0]["all"] == 6
    hidden = await user.raw(
        "MATCH (n:Internal {user_id: $user_id}) UNWIND labels(n) AS l RETURN collect(DISTINCT l) AS all"
    )
    assert {"Partition", "Request"} <= set(hidden[0]["all"])
    await user.delete(added.id)
    await whole_graph_invariants(user.parts, user.id)
    marked = await user.raw(
        "MATCH (t:Tombstone {user_id: $user_id}) RETURN count(t) AS all, sum(toInteger(t:Internal)) AS marked"
    )
    assert marked[0]["all"] == marked[0]["marked"] > 0


async def test_a_name_follows_its_text_and_goes_with_it(user: User):
    added = await user.add(SECRET, states("the HALL is dark", "HAS_STATE", "the HALL", "dark"))
    kept = await user.add("Sweep the hall.", states("the hall is swept", "HAS_STATE", "the hall", "swept"))
    await user.update(added.id, text="Something else.")
    assert await names(user, "Memory") == ["Something else.", "Sweep the hall."]
    assert (await names(user, "MemoryVersion"))[0].startswith("the wiring diagram of a very long hall")
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(added.id)
    left = await user.raw("MATCH (n {user_id: $user_id}) RETURN collect(n.name) AS names")
    assert not [name for name in left[0]["names"] if "wiring" in name or "HALL" in name]
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(kept.id)
    assert await user.raw("MATCH (n {user_id: $user_id}) WHERE NOT n:Internal RETURN n") == []


async def test_neither_a_start_nor_a_search_that_finds_nothing_leaves_a_trace(user: User):
    await warm_up(user.parts, user.memory, user.id, Patience(lambda: math.inf).until_quiet, 2)
    await user.search("anything")
    await user.parts.recall_counts.flush()
    assert await user.raw("MATCH (n {user_id: $user_id}) RETURN n") == []
    left = await raw(user.parts, "MATCH (n) WHERE n.user_id STARTS WITH 'warm-up' RETURN labels(n) AS labels")
    assert left == []


async def test_a_graph_without_names_is_brought_forward_and_goes_on_where_it_was_killed(user: User):
    run = user.parts.store.driver.execute_query
    first = await user.add("One thing.", states("a is b", "RELATES_TO", "A", "B"))
    await user.update(first.id, text="Another thing.")
    await user.add("Done already.")
    await run("MATCH (n) WHERE n:Alias OR n:Fact OR n:MemoryVersion OR n.text = 'Another thing.' REMOVE n.name")
    await run("MATCH (n:Internal) WHERE NOT n:ScopeCount REMOVE n:Internal")
    await run("CREATE (:Partition {user_id: 'warm-up-0123456789abcdef', seq: 3})")
    await user.parts.store.write(lambda tx: tx.run(graph_queries.set_schema_version, version=3), "test")
    await run("CREATE (:Fact {uuid: 'zz-odd', user_id: $user, statement: 7})", {"user": "somebody"})
    try:
        assert await migrate(user.parts.store, page=2) == 3
        assert (await user.parts.store.read_one(graph_queries.schema_version))["version"] == SCHEMA_VERSION
        await whole_graph_invariants(user.parts, user.id)
        assert await names(user, "Memory") == ["Another thing.", "Done already."]
        assert await raw(user.parts, "MATCH (p:Partition) WHERE p.user_id STARTS WITH 'warm-up' RETURN p") == []
        assert await raw(user.parts, "MATCH (n:Partition|Job|Request|SchemaState) WHERE NOT n:Internal RETURN n") == []
        odd = await raw(user.parts, "MATCH (f:Fact {uuid: 'zz-odd'}) RETURN f.name AS name")
        assert odd == [{"name": "7"}]
    finally:
        await run("MATCH (f:Fact {uuid: 'zz-odd'}) DELETE f")


async def test_repair_calls_nodes_after_what_a_person_made_of_them(user: User) -> None:
    long = "The gateway drops long connections. " * 20
    note = await user.add("Redis", states("shop uses Redis", "USES", "shop", "Redis"), wait=True)
    await user.add(long)
    await user.add("two  lines\nof a note", states("a" * 300, "RELATES_TO", "A", "B"))
    parts, run = user.parts, user.parts.store.driver.execute_query
    await repair(parts.store, parts.index, parts.clock)  # what other tests left
    assert (await repair(parts.store, parts.index, parts.clock)).names == 0
    await run("MATCH (m:Memory {uuid: $id}) SET m.text = 'Redis was rejected'", {"id": note.id})
    await run("MATCH (f:Fact {uuid: $id}) SET f.statement = 'shop uses Valkey'", {"id": note.fact})
    await run(
        "MATCH (m:Memory {user_id: $user}) WHERE m.text STARTS WITH 'The gate' SET m.name = 'odd'", {"user": user.id}
    )
    assert (await repair(parts.store, parts.index, parts.clock)).names == 2  # the memory's text brings its name along
    assert "shop uses Valkey" in await names(user, "Fact")
    assert "Redis was rejected" in await names(user, "Memory") and "odd" not in await names(user, "Memory")
    await whole_graph_invariants(parts, user.id)


async def test_a_drawn_claim_says_why_until_when_and_where(user: User):
    user.project = "shop"
    chose = states("shop chose Kafka", "CHOSE", "shop", "Kafka", because="replay", revisit_when="2026")
    first = await user.add("Kafka, for replay.", chose, prefers("Tabs", because="less typing"))
    await user.add("Kafka, as Dana runs it.", {**chose, "because": "Dana runs it", "revisit_when": None})
    assert await drawn(user, "CHOSE") == [
        {"because": "replay; Dana runs it", "revisit_when": "2026", "project": "shop"}
    ]
    assert await drawn(user, "PREFERS") == [{"because": "less typing", "revisit_when": None, "project": None}]
    await user.raw("MATCH (:Entity {user_id: $user_id})-[r:CHOSE]->() REMOVE r.because, r.project")
    assert (await repair(user.parts.store, user.parts.index, user.clock)).claims >= 1
    await user.raw("MATCH (:Entity {user_id: $user_id})-[r:CHOSE]->() REMOVE r.because, r.revisit_when, r.project")
    await user.parts.store.run_schema("v5_claim_reasons")
    await whole_graph_invariants(user.parts, user.id)
    await user.delete(first.id)
    assert await drawn(user, "CHOSE") == [{"because": "Dana runs it", "revisit_when": None, "project": "shop"}]
    await whole_graph_invariants(user.parts, user.id)


async def drawn(user: User, predicate: str) -> list[dict[str, str | None]]:
    return await user.raw(
        f"MATCH (:Entity {{user_id: $user_id}})-[r:{predicate}]->(:Entity) "
        "RETURN r.because AS because, r.revisit_when AS revisit_when, r.project AS project"
    )


async def test_the_tool_of_a_version_is_a_thing_and_the_version_stands_on_the_relationship(user: User):
    user.clock.at("2025-09-01")
    await user.add("Node 20 and Postgres.", uses("Node 20.1", "2025-01-01"), uses("Postgres 16", "2025-01-01"))
    await user.add("Node it is.", uses("Node v22.11", "2025-06-01", because="fetch"))
    await user.add("The tool itself.", states("node is at 22", "USES_VERSION", "Node", "22.11"))
    assert await versions(user) == {("Node", "22.11"), ("Postgres", "16")}
    assert await user.objects("shop-api") == {"Node v22.11", "Postgres 16"}
    assert (await user.raw("MATCH (e:Tool {user_id: $user_id}) RETURN count(e) AS n"))[0]["n"] == 2
    await user.add("Runtime 24.", uses("JavaScript runtime 24", "2025-08-01"))
    assert await versions(user) == {("Node", "22.11"), ("Postgres", "16"), ("JavaScript runtime", "24")}
    ids = {
        row["name"]: row["uuid"]
        for row in await user.raw("MATCH (e:Entity {user_id: $user_id}) RETURN e.name AS name, e.uuid AS uuid")
    }
    await user.merges.merge(user.id, RequestKey("merge"), ids["JavaScript runtime"], ids["Node"], "one thing")
    await whole_graph_invariants(user.parts, user.id)
    assert {version for _, version in await versions(user)} == {"24", "16"}
    await user.merges.undo(user.id, RequestKey("undo"), ids["JavaScript runtime"])
    assert await versions(user) == {("Node", "22.11"), ("Postgres", "16"), ("JavaScript runtime", "24")}
    await whole_graph_invariants(user.parts, user.id)


async def versions(user: User) -> set[tuple[str, str]]:
    rows = await user.raw(
        "MATCH (:Entity {user_id: $user_id})-[r:USES_VERSION]->(e:Entity) RETURN e.name AS name, r.version AS version"
    )
    return {(row["name"], row["version"]) for row in rows}


async def test_versions_of_an_older_graph_are_bound_to_their_things(user: User):
    store = user.parts.store
    user.clock.at("2025-09-01")
    old = await user.add("Node 20.", uses("Node 20", "2025-01-01"), uses("Postgres 16", "2025-01-01"))
    await user.update(old.id, uses("Node 21", "2025-02-01"))
    await user.add("Node 22.", uses("Node v22.11", "2025-06-01"), states("Node is at 22", "USES_VERSION", "Node", "22"))
    whole = await graph_of(user)
    await user.raw(
        """MATCH (f:Fact {user_id: $user_id})-[o:OBJECT]->(e) WHERE f.version IS NOT NULL
        SET f.object_key = 'value:' + toLower(f.object_value), f.object_uuid = null, f.version = null DELETE o"""
    )
    for row in await user.raw("MATCH (f:Fact {user_id: $user_id}) RETURN f {.*} AS f"):
        fact = row["f"]
        key = claim_key(fact["scope"], fact["subject_uuid"], fact["predicate"], fact["object_key"])
        await user.raw("MATCH (f:Fact {uuid: $uuid}) SET f.claim_key = $key", uuid=fact["uuid"], key=key)
    await user.raw("MATCH (a:Alias {user_id: $user_id, key: 'postgres'})-[:REFERS_TO]->(e) DETACH DELETE a, e")
    await user.raw("MATCH (:Entity {user_id: $user_id})-[r:USES_VERSION]->() DELETE r")
    await upgrade(store, user.clock, 5, page=2)
    await whole_graph_invariants(user.parts, user.id, index=False)  # a thing was taken away by hand
    assert await graph_of(user) == whole
    await upgrade(store, user.clock, 5)
    assert await graph_of(user) == whole


def uses(version: str, since: str, **more: Any) -> Any:
    return states(f"shop-api uses {version}", "USES_VERSION", "shop-api", version, valid_at=since, **more)


async def graph_of(user: User) -> list[dict[str, Any]]:
    """The facts with their objects and ends, and what is drawn of them."""
    facts = await user.raw(
        """MATCH (f:Fact {user_id: $user_id}) OPTIONAL MATCH (f)-[o:OBJECT]->(e)
        RETURN f.uuid AS fact, f.version AS version, e.name AS thing, o.name_key AS key, e.kind AS kind,
          toString(f.invalid_at) AS ended ORDER BY fact"""
    )
    drawn = await user.raw(
        """MATCH (s:Entity {user_id: $user_id})-[r:USES_VERSION]->(e)
        RETURN s.name AS subject, e.name AS thing, r.version AS version, r.fact_uuids AS facts ORDER BY thing"""
    )
    return facts + drawn
