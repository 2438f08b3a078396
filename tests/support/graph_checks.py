"""What must hold of one user's graph after anything whatsoever."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from neo4j import READ_ACCESS

from kg.facts.claims import claim_key, entity_key
from kg.facts.endings import timelines_from_rows
from kg.facts.predicates import SINGLE_VALUED
from kg.graph.node_names import fact_name, memory_name
from kg.graph.partition import present
from kg.index import queries as index_queries
from kg.index.compare import point_hash
from kg.mending.checks import rules
from kg.operations.memory import Parts

Row = dict[str, Any]

_STRUCTURE = ["STATES", "SUBJECT", "OBJECT", "NAMES", "REFERS_TO", "NEXT", "SUPERSEDED_BY", "PREVIOUS", "EXTRACTS",
              "MERGED_INTO"]  # fmt: skip


_DANGLING = {
    "a memory that waits to be erased": "MATCH (n:Deleting {user_id: $user_id}) RETURN n.uuid AS bad",
    "an alias that nothing names": """
        MATCH (a:Alias {user_id: $user_id}) WHERE NOT EXISTS { ()-[:NAMES]->(a) } RETURN a.key AS bad""",
    "an alias whose name nobody wrote": """
        MATCH (a:Alias {user_id: $user_id}) WHERE NOT EXISTS { ()-[:NAMES {name: a.name}]->(a) }
        RETURN a.key AS bad""",
    "bookkeeping that is not marked, or something else that is": """
        MATCH (n {user_id: $user_id})
        WHERE n:Internal = (n:Memory OR n:MemoryVersion OR n:Fact OR n:Entity OR n:Alias)
        RETURN labels(n) AS bad""",
    "an alias that refers to not exactly one entity": """
        MATCH (a:Alias {user_id: $user_id}) WHERE COUNT { (a)-[:REFERS_TO]->(:Entity) } <> 1
        RETURN a.key AS bad""",
    "an entity without name and fact": """
        MATCH (e:Entity {user_id: $user_id}) WHERE NOT EXISTS { (:Alias)-[:REFERS_TO]->(e) }
        AND NOT EXISTS { (e)-[:MERGED_INTO]->() } RETURN e.name AS bad""",
    "a merged entity that kept a name or a fact": """
        MATCH (e:Entity {user_id: $user_id})-[:MERGED_INTO]->() WHERE EXISTS { (:Alias)-[:REFERS_TO]->(e) }
        OR EXISTS { (:Fact)-[:SUBJECT|OBJECT]->(e) } RETURN e.name AS bad""",
    "a merge that remembers a name that is gone": """
        MATCH (e:Entity {user_id: $user_id})-[m:MERGED_INTO]->() UNWIND m.keys AS key
        WITH key WHERE NOT EXISTS { (:Alias {user_id: $user_id, key: key}) } RETURN key AS bad""",
    "an entity called as nothing calls it": """
        MATCH (e:Entity {user_id: $user_id}) WHERE NOT EXISTS { ()-[:NAMES {name: e.name}]->(:Alias) }
        RETURN e.name AS bad""",
    "an entity whose kind is not its label": """
        MATCH (e:Entity {user_id: $user_id}) WHERE NOT e.kind IN labels(e)
        OR size([l IN labels(e) WHERE NOT l IN ['Entity', 'Unindexed']]) <> 1 RETURN labels(e) AS bad""",
    "a version without memory": """
        MATCH (v:MemoryVersion {user_id: $user_id}) WHERE COUNT { (:Memory)-[:PREVIOUS]->(v) } <> 1
        RETURN v.uuid AS bad""",
    "a conversation that branches": """
        MATCH (m:Memory {user_id: $user_id}) WHERE COUNT { (m)-[:NEXT]->() } > 1 OR COUNT { ()-[:NEXT]->(m) } > 1
        RETURN m.uuid AS bad""",
    "a name said twice": """
        MATCH (m {user_id: $user_id})-[n:NAMES]->(a) WITH m, a, n.as AS role, count(n) AS times WHERE times > 1
        RETURN a.key AS bad""",
    "a neighbour of another user, or of none": """
        MATCH (n {user_id: $user_id})--(other) WHERE other.user_id IS NULL OR other.user_id <> $user_id
        RETURN labels(other) AS bad""",
}
"""What must not be, and a query that finds it."""

_EVERY_RULE = " UNION ALL ".join(
    f"CALL () {{\n{rule.statement}\n}} RETURN '{rule.path.stem}' AS rule, node, problem" for rule in rules()
)
_EVERYTHING_DANGLING = " UNION ALL ".join(
    f"{query.replace('RETURN', 'RETURN ' + repr(what) + ' AS what,')}" for what, query in _DANGLING.items()
)
"""All of them at once: many questions less for Neo4j and its driver, and every other test asks them."""


async def whole_graph_invariants(parts: Parts, user_id: str, *, index: bool = True) -> None:
    """Fail with the first invariant that a user's graph breaks; ``index`` drains the queue and compares both sides."""
    await _rules_are_kept(parts, user_id)
    await _nothing_dangles(parts, user_id)
    await _names_follow(parts, user_id)
    facts = await _facts(parts, user_id)
    _facts_are_bound(facts)
    await _ends_follow(parts, user_id, facts)
    await _projection_is_exact(parts, user_id, facts)
    if index:
        await _index_equals_graph(parts, user_id)


async def _rules_are_kept(parts: Parts, user_id: str) -> None:
    broken = await _read(parts, _EVERY_RULE, user_id=user_id)
    assert not broken, "; ".join(f"{row['rule']}: {row['problem']} {row['node']}" for row in broken[:9])


async def _nothing_dangles(parts: Parts, user_id: str) -> None:
    found = await _read(parts, _EVERYTHING_DANGLING, user_id=user_id)
    assert not found, f"{found[0]['what']}: {[row['bad'] for row in found if row['what'] == found[0]['what']][:3]}"


async def _read(parts: Parts, query: str, user_id: str) -> list[Row]:
    """Rows of a query of the test's own, without a transaction of its own, which saves two of three round trips."""
    async with parts.store.driver.session(default_access_mode=READ_ACCESS) as session:
        result = await session.run(query, user_id=user_id, p={"user_id": user_id, "limit": 9})  # pyright: ignore
        return await result.data()


async def _facts(parts: Parts, user_id: str) -> list[Row]:
    return await parts_rows(
        parts,
        """MATCH (f:Fact {user_id: $user_id})
        RETURN f {.*, owners: [(o)-[:STATES]->(f) | labels(o)[0]],
          owner: head([(f)<-[:STATES]-()<-[:PREVIOUS*0..1]-(m:Memory) | m.uuid]),
          value: coalesce(f.object_value, head([(f)-[:OBJECT]->(e) | e.name])),
          subject_key: head([(f)-[r:SUBJECT]->() | r.name_key]),
          subjects: [(f)-[r:SUBJECT]->(e) | {uuid: e.uuid, key: r.name_key}],
          objects: [(f)-[r:OBJECT]->(e) | {uuid: e.uuid, key: r.name_key}],
          refers: [(f)-[r:SUBJECT|OBJECT]->(e)<-[:REFERS_TO]-(a:Alias) WHERE a.key = r.name_key | e.uuid]} AS row""",
        user_id,
    )


async def parts_rows(parts: Parts, query: str, user_id: str) -> list[Row]:
    """The maps that a query of the test's own returns as ``row``, times as Python's."""
    rows: list[Row] = [row["row"] for row in await _read(parts, query, user_id=user_id)]
    return [{key: _python(value) for key, value in row.items()} for row in rows]


def _python(value: Any) -> Any:
    return value.to_native() if hasattr(value, "to_native") else value


def _facts_are_bound(facts: list[Row]) -> None:
    for fact in facts:
        assert len(fact["owners"]) == 1, f"a fact stated by {fact['owners']}"
        assert (fact.get("expired_at") is not None) == (fact["owners"] == ["MemoryVersion"]), "expired, or a version's"
        subject, object_ = fact.get("subject_uuid"), fact.get("object_uuid")
        assert [side["uuid"] for side in fact["subjects"]] == ([subject] if subject else [])
        assert [side["uuid"] for side in fact["objects"]] == ([object_] if object_ else [])
        assert len(fact["refers"]) == len(fact["subjects"]) + len(fact["objects"]), "a side by a name of something else"
        key = fact["object_key"]
        assert not object_ or key == entity_key(object_, fact.get("version"))
        assert fact.get("version") is None or (object_ and fact["version"] in fact["object_value"])
        assert fact["claim_key"] == claim_key(fact["scope"], subject, fact["predicate"], key)


async def _names_follow(parts: Parts, user_id: str) -> None:
    rows = await _read(
        parts,
        """MATCH (n {user_id: $user_id}) WHERE n:Memory OR n:MemoryVersion OR n:Fact
        RETURN n.name AS name, n.text AS text, n.statement AS statement""",
        user_id=user_id,
    )
    for row in rows:
        expected = fact_name(row["statement"]) if row["statement"] is not None else memory_name(row["text"])
        assert row["name"] == expected


async def _ends_follow(parts: Parts, user_id: str, facts: list[Row]) -> None:
    decisions = await parts_rows(
        parts,
        """MATCH (old:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->(new)
        RETURN {old: old.uuid, new: new.uuid, kind: d.kind, at: d.at, effective_at: d.effective_at,
          undone_at: d.undone_at} AS row""",
        user_id,
    )
    optional = ("expired_at", "stated_invalid_at", "subject_uuid", "object_uuid")
    full = [{**dict.fromkeys(optional), **fact} for fact in facts]
    timelines = timelines_from_rows(full, decisions, SINGLE_VALUED)
    for fact in full:
        if fact["expired_at"] is None:
            end = timelines.end(fact["uuid"], None)
            assert fact.get("invalid_at") == end, f"{fact['statement']} ends at {end}, cached {fact.get('invalid_at')}"


async def _projection_is_exact(parts: Parts, user_id: str, facts: list[Row]) -> None:
    drawn = await parts_rows(
        parts,
        """MATCH (s:Entity {user_id: $user_id})-[r]->(o:Entity) WHERE NOT type(r) IN ["""
        + ", ".join(repr(name) for name in _STRUCTURE)
        + "] RETURN r {.*, subject: s.uuid, object: o.uuid, type: type(r)} AS row",
        user_id,
    )
    now = await present(parts.store, user_id, parts.clock)
    claims: dict[str, list[Row]] = defaultdict(list)
    for fact in facts:
        if fact.get("expired_at") is None and fact.get("subject_uuid") and fact.get("object_uuid"):
            claims[fact["claim_key"]].append(fact)
    for relationship in drawn:
        stating = [fact for fact in claims[relationship["claim_key"]] if fact["uuid"] in relationship["fact_uuids"]]
        assert relationship["facts"] == len(stating) == len(relationship["fact_uuids"]), "counts facts that are gone"
        fact = max(stating, key=lambda fact: fact["seq"])
        assert relationship["statement"] == fact["statement"]
        told = sorted(stating, key=lambda fact: fact["seq"])
        for reason in ("because", "revisit_when"):
            said = dict.fromkeys(fact[reason] for fact in told if fact.get(reason))
            assert relationship.get(reason) == ("; ".join(said) or None)
        assert relationship.get("project") == (fact["scope"].removeprefix("user").removeprefix("project:") or None)
        assert relationship.get("version") == fact.get("version")
        ends = (fact["subject_uuid"], fact["predicate"], fact["object_uuid"])
        assert (relationship["subject"], relationship["type"], relationship["object"]) == ends
        assert relationship["valid_at"] == min(fact["valid_at"] for fact in stating)
        until = [fact.get("invalid_at") for fact in stating]
        assert relationship.get("invalid_at") == (None if None in until else max(until))
        assert all(end is None or end > fact["valid_at"] for end, fact in zip(until, stating, strict=True))
    by_claim = {relationship["claim_key"]: relationship for relationship in drawn}
    assert len(by_claim) == len(drawn), "a claim is drawn twice"
    for key, stating in claims.items():
        for fact in stating:
            end = fact.get("invalid_at")
            if end is None or (end > now and end > fact["valid_at"]):
                assert fact["uuid"] in by_claim[key]["fact_uuids"], f"{fact['statement']} is not drawn"


async def _index_equals_graph(parts: Parts, user_id: str) -> None:
    await parts.indexer.drain()
    entries = {entry.uuid: entry async for batch in parts.index.scan() for entry in batch}
    waiting = await _read(parts, "MATCH (n:Unindexed {user_id: $user_id}) RETURN n.uuid AS uuid", user_id=user_id)
    assert not waiting, f"{len(waiting)} nodes wait for the index"
    nodes = await parts_rows(
        parts,
        """MATCH (n {user_id: $user_id}) WHERE (n:Memory OR n:Fact OR n:Entity) AND n.expired_at IS NULL
        OPTIONAL MATCH (m:Memory)-[:STATES]->(n)
        OPTIONAL MATCH (one:Memory)-[:NEXT]->(n)
        OPTIONAL MATCH (two:Memory)-[:NEXT]->(one)
        WITH n, m, coalesce(m, n) AS owner,
          [e IN [two, one] WHERE e IS NOT NULL | {uuid: e.uuid, text: e.text}] AS earlier
        RETURN {uuid: n.uuid, user_id: n.user_id, text: coalesce(n.text, n.statement, n.name),
          valid_at: coalesce(n.valid_at, n.occurred_at),
          kind: CASE WHEN n:Memory THEN 'memory' WHEN n:Fact THEN 'fact' ELSE 'entity' END,
          invalid_at: n.invalid_at, agent_id: owner.agent_id, run_id: owner.run_id, project: owner.project,
          metadata: owner.metadata, owner: m.uuid, form: CASE WHEN n:Memory THEN n.kind END, speaker: n.speaker,
          noise: coalesce(owner.noise, false), earlier: earlier} AS row""",
        user_id,
    )
    for node in nodes:
        assert node["uuid"] in entries, f"no point for a {node['kind']}"
        assert entries[node["uuid"]].content_hash == point_hash(node), f"the point of a {node['kind']} is stale"
    uuids = sorted(entries)
    present = {row["uuid"] for row in await parts.store.read(index_queries.existing_nodes, uuids=uuids)}
    orphans = [entries[uuid].kind for uuid in uuids if uuid not in present]
    assert not orphans, f"points whose nodes are gone: {orphans[:5]}"
