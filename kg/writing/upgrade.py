"""Bring what earlier versions of the service stored to the form that this one writes, once, at a start.

A partition is locked for one page at a time. What was brought forward is not found again, so a start that was killed
half-way goes on where it stopped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from kg.entities import queries as entities_queries
from kg.entities.merge import merge_namesakes
from kg.facts.claims import StatedName, claim_key, entity_key
from kg.facts.derive import refresh_derived
from kg.facts.successive_values import Versioned, find_versioned
from kg.graph.partition import Write, lock
from kg.graph.query import Command
from kg.graph.store import GraphStore, Row, Transaction
from kg.ports import Clock
from kg.writing import queries
from kg.writing.draft import Draft, known_names
from kg.writing.queries import VersionFact

VERSIONS_BOUND = 6
"""The schema version from which on a fact about "Node 22.11" is bound to the thing Node."""
SCOPES_COUNTED = 8
"""The schema version from which on writes keep count of the memories of each scope."""
FACTS_COUNTED = 9
"""The schema version from which on writes keep count of the facts about each thing."""


async def upgrade(store: GraphStore, clock: Clock, found: int, *, page: int = 500) -> None:
    """Bring what a store holds forward from the schema version that was found.

    Args:
        store: the graph, with its schema of today.
        clock: where the writes' instant comes from.
        found: the version before; 0 for an empty store.
        page: how many facts are changed at once.
    """
    if 0 < found < VERSIONS_BOUND:
        await _bind_versions(store, clock, page)
    if 0 < found < SCOPES_COUNTED:
        await _count(store, clock, page, queries.recount_scopes)
    if 0 < found < FACTS_COUNTED:
        await _count(store, clock, page, queries.recount_degrees)


async def _count(store: GraphStore, clock: Clock, page: int, recount: Command) -> None:
    """Count anew in each partition, under its lock: another service may be writing there already."""

    async def count(tx: Transaction, user_id: str) -> None:
        await lock(tx, user_id, clock, slots=0)
        await tx.run(recount, user_id=user_id)

    after = ""
    while rows := await store.read(queries.partition_users, after=after, top_k=page):
        for row in rows:
            user_id = row["user_id"]
            await store.write(lambda tx, u=user_id: count(tx, u), recount.name, partition=user_id)
        after = rows[-1]["user_id"]


async def _bind_versions(store: GraphStore, clock: Clock, page: int) -> None:
    after = ""
    while rows := await store.read(queries.unbound_versions, after=after, top_k=page):
        by_user: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            by_user[row["user_id"]].append(row["uuid"])
        for user_id, uuids in by_user.items():
            await store.write(lambda tx, u=user_id, f=uuids: _bind(tx, clock, u, f), "bind_versions", partition=user_id)
        after = rows[-1]["uuid"]


async def _bind(tx: Transaction, clock: Clock, user_id: str, uuids: Sequence[str]) -> None:
    locked = await lock(tx, user_id, clock)
    namespace = uuid5(NAMESPACE_URL, f"knowthread:{user_id}:versions")
    write = Write(tx, user_id, namespace, locked.now, locked.first_seq)
    found = await tx.run(queries.versions_to_bind, user_id=user_id, uuids=list(uuids))
    facts = [
        (fact, versioned)
        for fact in found
        if (versioned := find_versioned(fact["predicate"], fact["object_value"], fact["subject_key"])) is not None
    ]
    if not facts:
        return
    keys = sorted({versioned.key for _, versioned in facts})
    known = await tx.run(entities_queries.find_names, user_id=user_id, keys=keys)
    draft = Draft(write, known_names(known))
    bound = [_bound(draft, fact, versioned) for fact, versioned in facts]
    await tx.run(queries.create_graph, **draft.rows() | {"mentions": []}, memories=[])
    await tx.run(queries.bind_versions, user_id=user_id, facts=bound)
    await refresh_derived(tx, user_id=user_id, changed=[*(fact for fact, _ in facts), *bound], now=write.now)
    await merge_namesakes(write, draft.entities)


def _bound(draft: Draft, fact: VersionFact, versioned: Versioned) -> Row:
    """Return a fact with the thing that it is bound to, which the draft creates if nothing has that name."""
    thing = draft.entity_of(fact["uuid"], StatedName(versioned.key, versioned.name, "Tool"))
    key = entity_key(thing, versioned.version)
    return {
        **fact,
        "key": versioned.key,
        "name": versioned.name,
        "version": versioned.version,
        "object_uuid": thing,
        "object_key": key,
        "claim_key": claim_key(fact["scope"], fact["subject_uuid"], fact["predicate"], key),
    }
