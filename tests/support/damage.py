"""What a hand may do to a graph in Neo4j Browser: a stocked partition, and damage of each kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from kg.errors import KgError
from tests.support.user import User, lives_in, states


@dataclass(frozen=True)
class Damage:
    """One change by hand.

    Attributes:
        query: the change, with ``$user_id``; it returns nothing.
        rules: the rules of the graph that are broken by it, no more and no fewer.
    """

    query: str
    rules: frozenset[str]


def _damage(query: str, *rules: str) -> Damage:
    return Damage(query, frozenset(rules))


FIRST = frozenset((
    "memory deleted", "thing deleted", "name bound to two things", "message deleted", "partition deleted",
    "memory given away", "fact given away", "memory by hand", "fact by hand", "wrong types in a memory",
    "memory without its label", "memory copied", "end removed", "merge in a circle",
))  # fmt: skip
"""Kinds of damage of which each breaks something else."""

REDIS = "MATCH (e:Entity {user_id: $user_id, name: 'Redis'})"
SHOP = "MATCH (m:Memory {user_id: $user_id}) WHERE m.text STARTS WITH 'The shop'"
FACT = "MATCH (f:Fact {user_id: $user_id, statement: 'the shop keeps sessions in Redis'})"

DAMAGE: dict[str, Damage] = {
    "memory deleted": _damage(
        f"{SHOP} DETACH DELETE m",
        "alias_named", "fact_memory", "claim_stated", "scope_count",
    ),
    "memory and facts deleted": _damage(
        f"{SHOP} MATCH (m)-[:STATES]->(f) DETACH DELETE m, f",
        "alias_named", "claim_stated", "entity_degree", "scope_count",
    ),
    "thing deleted": _damage(f"{REDIS} DETACH DELETE e", "alias_entity", "fact_subject_object"),
    "name deleted": _damage(
        f"{REDIS} MATCH (a:Alias)-[:REFERS_TO]->(e) DETACH DELETE a", "entity_alias", "fact_names"
    ),
    "name bound to two things": _damage(
        f"{REDIS} MATCH (a:Alias {{user_id: $user_id, key: 'user'}}) CREATE (a)-[:REFERS_TO]->(e)", "alias_entity"
    ),
    "name cut off": _damage(
        f"{REDIS} MATCH (:Alias)-[r:REFERS_TO]->(e) DELETE r", "alias_entity", "entity_alias", "fact_names"
    ),
    "message deleted": _damage(
        "MATCH (m:Memory {user_id: $user_id}) WHERE m.text STARTS WITH 'Which' DETACH DELETE m",
        "conversation", "scope_count",
    ),
    "messages knotted": _damage(
        "MATCH (a:Memory {user_id: $user_id})-[:NEXT]->(b) WHERE a.text STARTS WITH 'Which' CREATE (b)-[:NEXT]->(a)",
        "conversation",
    ),
    "partition deleted": _damage("MATCH (p:Partition {user_id: $user_id}) DELETE p", "seq_partition"),
    "partition set back": _damage("MATCH (p:Partition {user_id: $user_id}) SET p.seq = 1", "seq_partition"),
    "number given twice": _damage(f"{SHOP} {FACT} SET m.seq = f.seq", "seq_unique"),
    "memory given away": _damage(
        f"{SHOP} SET m.user_id = $user_id + '-other'",
        "users", "seq_partition", "scope_count",
    ),
    "fact moved to another thing": _damage(
        f"{FACT}-[r:OBJECT]->() DELETE r WITH f MATCH (e:Entity {{user_id: $user_id, name: 'Ada'}}) "
        "CREATE (f)-[:OBJECT {name_key: 'ada'}]->(e)",
        "fact_subject_object", "claim_drawn", "entity_degree",
    ),
    "fact cut off": _damage(f"{FACT}<-[s:STATES]-() DELETE s", "fact_memory", "claim_stated"),
    "fact stated twice": _damage(
        f"{FACT} MATCH (m:Memory {{user_id: $user_id, kind: 'message'}}) WITH f, m LIMIT 1 CREATE (m)-[:STATES]->(f)",
        "fact_memory",
    ),
    "fact expired by hand": _damage(f"{FACT} SET f.expired_at = datetime()", "fact_version", "claim_stated"),
    "fact without properties": _damage(
        f"{FACT} REMOVE f.valid_at, f.seq, f.claim_key, f.scope", "fact_properties", "claim_drawn", "claim_stated"
    ),
    "version cut off": _damage("MATCH (:Memory {user_id: $user_id})-[r:PREVIOUS]->() DELETE r", "version_memory"),
    "decision without a date": _damage(
        "MATCH (:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->() REMOVE d.effective_at", "decision"
    ),
    "decision turned on itself": _damage(
        f"{FACT} CREATE (f)-[:SUPERSEDED_BY {{kind: 'superseded'}}]->(f)", "decision", "fact_end"
    ),
    "merge in a circle": _damage(
        "MATCH (a:Entity {user_id: $user_id})-[:MERGED_INTO]->(b) "
        "CREATE (b)-[:MERGED_INTO {keys: [], at: datetime()}]->(a)",
        "entity_merge", "alias_entity", "fact_merged",
    ),
    "kind without its label": _damage(f"{REDIS} SET e.kind = 'Person'", "entity_kind"),
    "wrong types in a memory": _damage(
        f"{SHOP} SET m.created_at = '2024-05-01', m.metadata = 7, m.noise = 'no'",
        "memory_properties", "scope_count",
    ),
    "wrong types in a thing": _damage(f"{REDIS} SET e.created_at = 'today', e.index_rev = 'x'", "entity_properties"),
    "drawing removed": _damage(f"{REDIS}<-[r:USES]-() DELETE r", "claim_drawn"),
    "drawing doubled": _damage(
        f"{REDIS}<-[r:USES]-(s) CREATE (s)-[t:USES]->(e) SET t = properties(r)", "claim_stated"
    ),
    "drawing invented": _damage(
        f"{REDIS} MATCH (o:Entity {{user_id: $user_id, name: 'Ada'}}) "
        "CREATE (o)-[:OWNS {claim_key: 'x', facts: 1, fact_uuids: ['x'], user_id: $user_id}]->(e)",
        "claim_stated",
    ),
    "tombstone of what stands": _damage(
        f"{SHOP} CREATE (:Tombstone {{uuid: m.uuid, user_id: $user_id, created_at: datetime(), applied: true}})",
        "tombstone",
    ),
    "memory by hand": _damage(
        "CREATE (:Memory {user_id: $user_id, text: 'Deploys go out on Tuesdays'})", "memory_properties"
    ),
    "fact by hand": _damage(
        "CREATE (:Fact {user_id: $user_id, statement: 'The office is in Ghent'})", "fact_properties", "fact_memory"
    ),
    "thing by hand": _damage(
        "CREATE (:Entity {user_id: $user_id, name: 'Kafka'})",
        "entity_properties", "entity_alias", "entity_kind", "entity_degree",
    ),
    "job without memory": _damage(
        "CREATE (:Job {uuid: randomUUID(), user_id: $user_id, kind: 'extract', state: 'dead', attempt: 1, "
        "created_at: datetime()})",
        "job_memory",
    ),
    "end invented": _damage(f"{FACT} SET f.invalid_at = datetime('2024-01-01')", "fact_end"),
    "end removed": _damage(
        "MATCH (f:Fact {user_id: $user_id, statement: 'lives in Paris'}) REMOVE f.invalid_at",
        "fact_end", "claim_drawn",
    ),
    "memory without its label": _damage(f"{SHOP} REMOVE m:Memory", "labels", "scope_count"),
    "fact without its label": _damage(f"{FACT} REMOVE f:Fact", "labels", "claim_stated"),
    "thing without its label": _damage(f"{REDIS} REMOVE e:Entity", "labels", "alias_entity"),
    "name without its label": _damage(
        f"{REDIS} MATCH (a:Alias)-[:REFERS_TO]->(e) REMOVE a:Alias", "labels", "entity_alias", "fact_names"
    ),
    "version without its label": _damage(
        "MATCH (v:MemoryVersion {user_id: $user_id}) REMOVE v:MemoryVersion", "labels"
    ),
    "mention cut off": _damage(f"{SHOP} MATCH (m)-[r:NAMES]->(:Alias {{key: 'redis'}}) DELETE r", "alias_named"),
    "object cut off": _damage(f"{FACT}-[r:OBJECT]->() DELETE r", "fact_subject_object", "entity_degree"),
    "message cut off": _damage("MATCH (:Memory {user_id: $user_id})-[r:NEXT]->() DELETE r", "conversation"),
    "memory copied": _damage(
        f"{SHOP} CREATE (c:Memory) SET c = m {{.*, uuid: randomUUID()}}", "seq_unique", "scope_count"
    ),
    "fact copied": _damage(
        f"{FACT} CREATE (c:Fact) SET c = f {{.*, uuid: randomUUID()}}",
        "seq_unique", "fact_memory", "fact_subject_object",
    ),
    "thing copied": _damage(
        f"{REDIS} CREATE (c:Entity) SET c = e {{.*, uuid: randomUUID()}}",
        "entity_alias", "entity_kind", "entity_degree",
    ),
    "fact given away": _damage(f"{FACT} SET f.user_id = $user_id + '-other'", "claim_stated", "seq_partition", "users"),
    "thing given away": _damage(f"{REDIS} SET e.user_id = $user_id + '-other'", "users"),
    "name given away": _damage(
        f"{REDIS} MATCH (a:Alias)-[:REFERS_TO]->(e) SET a.user_id = $user_id + '-other'", "users"
    ),
    "text of another type": _damage(f"{SHOP} SET m.text = [1, 2]", "memory_properties"),
    "memory of nobody": _damage(f"{SHOP} REMOVE m.user_id", "user", "scope_count"),
    "facts miscounted": _damage(f"{REDIS} SET e.degree = 'some'", "entity_degree"),
    "scope miscounted": _damage(
        "MATCH (s:ScopeCount {user_id: $user_id, kind: 'user'}) SET s.memories = 'many'", "scope_count"
    ),
}  # fmt: skip


async def stock(user: User) -> None:
    """Give a user a partition with something of each kind: facts, a decision, a version, a merge, a conversation."""
    await user.add(
        "The shop keeps its sessions in Redis since May",
        states("the shop keeps sessions in Redis", "USES", "the shop", "Redis"),
        states("the shop is Ada's", "OWNED_BY", "the shop", "Ada"),
    )
    user.clock.tick()
    await user.add("I live in Paris", lives_in("Paris"))
    user.clock.tick()
    await user.add("I moved to Berlin", lives_in("Berlin"))
    user.clock.tick()
    first = await user.add(
        "Sessions expire after a day", states("sessions expire after a day", "CONFIGURED_AS", "the shop", "1 day")
    )
    user.clock.tick()
    await user.add(
        "Sessions expire after a week",
        states("sessions expire after a week", "CONFIGURED_AS", "the shop", "7 days", supersedes=[first.fact]),
    )
    user.clock.tick()
    await user.update(first.id, text="Sessions expired after a day at first")
    user.clock.tick()
    await user.memory.add_memory(
        user.session(),
        messages=[
            {"role": "user", "content": "What did we choose for the queue?"},
            {"role": "assistant", "content": "Which queue: mail or orders?"},
            {"role": "user", "content": "The one for orders"},
        ],
        run_id="talk",
    )
    user.clock.tick()
    await user.add("Postgre holds orders", states("orders are in Postgre", "STORED_IN", "orders", "Postgre"))
    user.clock.tick()
    await user.add(
        "PostgreSQL holds invoices", states("invoices are in PostgreSQL", "STORED_IN", "invoices", "PostgreSQL")
    )


def kinds(all_kinds: Iterable[str]) -> list[Any]:
    """Kinds of damage as parameters of a test: those of ``FIRST`` run always, the others with ``make faults``."""
    return [kind if kind in FIRST else pytest.param(kind, marks=pytest.mark.faults) for kind in sorted(all_kinds)]


async def every_tool(user: User) -> dict[str, Any]:
    """What the tools answer, each called as an agent would; a refusal is an answer, another exception is none."""
    service, session = user.memory, user.session
    answers: dict[str, Any] = {
        "search": await service.search_memories(
            session(), query="where are sessions kept?", limit=50, max_tokens=50_000
        ),
        "then": await service.search_memories(session(), query="sessions", known_at="2024-06", limit=50),
        "related": await service.search_memories(session(), query="what about Redis?", enable_graph=True, explain=True),
        "list": await service.get_memories(session(), limit=50),
        "filtered": await service.get_memories(session(), filters={"created_at": {"gte": "2020"}}),
        "scopes": await service.list_entities(session()),
        "graph": await service.search_graph(session(), query="sessions in Redis"),
        "connected": await service.search_graph(session()),
        "dry": await service.delete_all_memories(session(), user_id=user.id, dry_run=True),
    }
    ids = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS uuid, m.text AS text")
    for row in ids:
        if isinstance(row["uuid"], str):
            answers[row["uuid"]] = await refused(service.get_memory(session(), memory_id=row["uuid"]))
    for name in ("Redis", "the shop", "Ada", "user", "Postgre"):
        answers[name] = await refused(service.get_entity(session(), name=name, include_superseded=True))
        answers[f"{name} then"] = await refused(service.get_entity(session(), name=name, known_at="2024-06"))
    return answers


async def refused(call: Any) -> Any:
    try:
        return await call
    except KgError as error:
        return str(error)


async def every_write(user: User) -> None:
    """Change and delete what there is, and store more about the same things."""
    service, session = user.memory, user.session
    left = states("the shop left Redis", "STOPPED_USING", "the shop", "Redis")
    added = await user.add("Redis of the shop was moved by Ada", left)
    assert added["results"][0]["event"] == "ADD" and "facts_skipped" not in added
    rows = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS uuid")
    for row in [row for row in rows if isinstance(row["uuid"], str)]:
        user.clock.tick()
        await refused(service.update_memory(session(), memory_id=row["uuid"], text=f"Changed {row['uuid']}"))
    await refused(service.delete_entities(session(), name="Redis"))
    for row in [row for row in rows if isinstance(row["uuid"], str)][:2]:
        await refused(service.delete_memory(session(), memory_id=row["uuid"]))
    count = (await service.delete_all_memories(session(), user_id=user.id, dry_run=True))["confirm"]
    await service.delete_all_memories(session(), user_id=user.id, confirm=count)
