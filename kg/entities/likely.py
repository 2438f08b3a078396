"""Entities that are likely, but not surely, the same as another: they are offered, never joined.

An agent settles an offer with a fact: ``SAME_AS`` merges the two, which can be undone, and ``DIFFERENT_FROM`` takes the
offer away for as long as that fact holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from kg.entities import queries
from kg.entities.compare_spelling import compare
from kg.entities.lookup import find_candidates
from kg.entities.resolve import KnownEntity, NewName, names_of
from kg.entities.verdict import Verdict, ask
from kg.facts.kinds import word_key
from kg.graph import queries as graph_queries
from kg.graph.store import GraphStore
from kg.values import JsonObject

OFFERED = 3
"""Most entities that are offered for one, or for the new ones of a call."""
LOOKED_UP = 12
"""Most new entities of a call for which others are looked up."""


async def find_likely(store: GraphStore, user_id: str, uuid: str, now: datetime) -> list[JsonObject]:
    """Return the entities that may be the same as one, likeliest first, each with why; none if there is no such one."""
    found = await store.read(graph_queries.find_entities, user_id=user_id, keys=[], uuids=[uuid])
    if not found or found[0]["merged_into"] is not None:
        return []
    own = found[0]
    entity = KnownEntity(uuid, own["name"], own["kind"], tuple(own["aliases"]))
    spelled = [NewName(key, own["name"], own["kind"]) for key in own["aliases"]]
    others = {one.uuid: one for one in await find_candidates(store, user_id, spelled, {}) if one.uuid != uuid}
    apart = {row["uuid"] for row in await store.read(queries.told_apart, user_id=user_id, uuid=uuid, now=now)}
    likely = [
        (verdict.strength, other.name, _shown(other, verdict))
        for other in others.values()
        if other.uuid not in apart and (verdict := _verdict(entity, other)).outcome == "ask"
    ]
    return _likeliest(likely)


async def find_likely_new(store: GraphStore, user_id: str, uuids: Sequence[str], now: datetime) -> list[JsonObject]:
    """Return which of the entities that a write created may be the same as another, likeliest first, each with why.

    Args:
        store: the graph.
        user_id: partition.
        uuids: the new entities; of very many the first ``LOOKED_UP`` are looked up.
        now: the present.
    """
    found = await store.read(graph_queries.find_entities, user_id=user_id, keys=[], uuids=list(uuids[:LOOKED_UP]))
    new = {row["uuid"]: row for row in found if row["merged_into"] is None}
    if not new:
        return []
    entities = [KnownEntity(row["uuid"], row["name"], row["kind"], tuple(row["aliases"])) for row in new.values()]
    spelled = [NewName(key, entity.name, entity.kind) for entity in entities for key in entity.keys]
    others = await find_candidates(store, user_id, spelled, {})
    verdicts = await asyncio.to_thread(_asking, entities, others)
    likely: list[tuple[float, str, JsonObject]] = []
    for entity, pairs in verdicts.items():
        apart = {row["uuid"] for row in await store.read(queries.told_apart, user_id=user_id, uuid=entity, now=now)}
        likely += [
            (verdict.strength, other.name, {"new": new[entity]["name"], **_shown(other, verdict)})
            for other, verdict in pairs
            if other.uuid not in apart
        ]
    return _likeliest(likely)


def _asking(
    entities: Sequence[KnownEntity], others: Sequence[KnownEntity]
) -> dict[str, list[tuple[KnownEntity, Verdict]]]:
    """Return by entity the others that may be the same, each pair once."""
    found: dict[str, list[tuple[KnownEntity, Verdict]]] = {}
    seen: set[frozenset[str]] = set()
    for entity in entities:
        for other in others:
            pair = frozenset((entity.uuid, other.uuid))
            if len(pair) == 1 or pair in seen:
                continue
            seen.add(pair)
            verdict = _verdict(entity, other)
            if verdict.outcome == "ask":
                found.setdefault(entity.uuid, []).append((other, verdict))
    return found


def _likeliest(found: Sequence[tuple[float, str, JsonObject]]) -> list[JsonObject]:
    """Return what is offered, given with its strength and its name."""
    return [shown for _, _, shown in sorted(found, key=lambda one: (-one[0], one[1]))[:OFFERED]]


def _shown(other: KnownEntity, verdict: Verdict) -> JsonObject:
    return {"id": other.uuid, "name": other.name, "kind": other.kind, "why": verdict.reason}


def _verdict(entity: KnownEntity, other: KnownEntity) -> Verdict:
    """Return the likeliest verdict on any two of their names."""
    for left, right in ((entity, other), (other, entity)):
        if any(word_key(key) in right.keys for key in left.keys):
            return ask(0.7, "the word, and a product of that name")
    verdicts = [compare(a, b) for a in names_of(entity) for b in names_of(other)]
    return max(verdicts, key=lambda verdict: verdict.strength)
