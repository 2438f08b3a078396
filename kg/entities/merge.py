"""Merge entities that are one thing, so that the merge can be undone at any time.

A merge moves names and facts to the target. The source stays as an empty node that remembers its names. Every fact
knows by which name it was stated. So undoing a merge moves back exactly what was said by those names, before the merge
or since; what was deleted in the meantime stays deleted. A merge holds for the past as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kg.entities import queries
from kg.entities.lookup import same_keys
from kg.entities.orphans import drop_orphans
from kg.entities.queries import Namesake
from kg.entities.resolve import KnownEntity, NewName, resolve_by_letters
from kg.errors import Conflict, NotFound
from kg.facts.claims import claim_key, moved_key
from kg.facts.derive import refresh_derived
from kg.graph import queries as graph_queries
from kg.graph.partition import Write
from kg.graph.store import Row


@dataclass(frozen=True)
class Moved:
    """What a merge or its undoing moved; it is kept as the answer of the call and therefore holds no names.

    Attributes:
        target: the entity that the source was merged into, or taken out of.
        names: how many alias keys refer to another entity now.
        facts: how many facts were bound to another entity.
    """

    source: str
    target: str
    names: int
    facts: int


async def merge_entities(write: Write, source: str, target: str, reason: str, fact: str | None = None) -> Moved:
    """Merge one entity into another, within a write; the target may be merged itself.

    If a fact asked for it, ``kg.entities.sameness`` undoes the merge when that fact falls.

    Raises:
        NotFound: the partition has no such entities.
        Conflict: the source is merged already, or they are one entity.
    """
    tx, user_id, now = write.tx, write.user_id, write.now
    context = await tx.find_one(queries.merge_context, user_id=user_id, source=source, target=target)
    if context is None:
        raise NotFound("entity", f"{source} or {target}", "find yours with search_graph")
    root = context["target_root"]
    if context["source_root"] == root:
        raise Conflict("both are one entity already", (source, target))
    if context["source_root"] != source:
        raise Conflict(f"{source} is merged already; undo that first, or merge {context['source_root']}", (source,))
    keys = context["keys"]
    await tx.run(queries.move_aliases, user_id=user_id, keys=keys, source=source, target=root)
    await tx.run(queries.create_merge, source=source, target=root, keys=keys, reason=reason, fact=fact, now=now)
    await _rebind(write, context["facts"], source, root)
    await drop_orphans(tx, user_id, [], [root])
    return Moved(source, root, len(keys), len(context["facts"]))


async def undo_merge(write: Write, source: str) -> Moved:
    """Take a merged entity out of its target again, within a write, with all that was stated by its names.

    Raises:
        NotFound: the partition has no such entity, or it is not merged.
    """
    tx, user_id, now = write.tx, write.user_id, write.now
    context = await tx.find_one(queries.unmerge_context, user_id=user_id, source=source)
    if context is None:
        raise NotFound("merged entity", source)
    root = context["root"]
    keys = context["keys"]
    await tx.run(queries.delete_merge, source=source, keys=keys)
    await tx.run(queries.move_aliases, user_id=user_id, keys=keys, source=root, target=source)
    await _rebind(write, context["facts"], root, source)
    removed = await drop_orphans(tx, user_id, [], [root, source])
    if removed:
        await tx.run(graph_queries.create_tombstones, user_id=user_id, uuids=removed, now=now)
    return Moved(source, root, len(keys), len(context["facts"]))


async def _rebind(write: Write, facts: Sequence[Mapping[str, Any]], former: str, entity: str) -> None:
    """Bind the moving sides of facts to another entity, and refresh what is derived from them before and after."""
    if not facts:
        return
    moved = [_rekeyed(fact, entity) for fact in facts]
    await write.tx.run(queries.move_facts, facts=moved, entities=[former, entity])
    await refresh_derived(write.tx, user_id=write.user_id, changed=[*facts, *moved], now=write.now)


def _rekeyed(fact: Mapping[str, Any], entity: str) -> Row:
    subject = entity if fact["moves_subject"] else fact["subject_uuid"]
    object_uuid = entity if fact["moves_object"] else fact["object_uuid"]
    object_key = moved_key(fact["object_key"], entity) if fact["moves_object"] else fact["object_key"]
    return {
        **fact,
        "subject_uuid": subject,
        "object_uuid": object_uuid,
        "object_key": object_key,
        "claim_key": claim_key(fact["scope"], subject, fact["predicate"], object_key),
    }


def names_to_compare(user_id: str, created: Sequence[Row]) -> Row:
    """Return the parameters of ``namesakes`` for new entities, given with key and properties, as a draft holds them."""
    wanted = [
        {"uuid": row["properties"]["uuid"], "keys": keys}
        for row in created
        if (keys := same_keys(row["key"], row["properties"]["kind"]))
    ]
    return {"user_id": user_id, "names": wanted}


async def merge_namesakes(write: Write, created: Sequence[Row]) -> None:
    """Merge entities that this write created into standing ones, if their spelling shows that they are the same.

    Args:
        write: the write, after it created them.
        created: key and properties of each, as a draft holds them.
    """
    params = names_to_compare(write.user_id, created)
    if params["names"]:
        found = await write.tx.run_one(queries.namesakes, **params)
        await merge_found(write, created, found["namesakes"])


async def merge_found(write: Write, created: Sequence[Row], rows: Sequence[Namesake]) -> None:
    """Do the same with what ``namesakes`` has found."""
    by_uuid = {row["properties"]["uuid"]: row for row in created}
    merged: set[str] = set()
    for uuid in dict.fromkeys(row["new"] for row in rows):
        new = by_uuid[uuid]
        name = NewName(new["key"], new["properties"]["name"], new["properties"]["kind"])
        known = [
            KnownEntity(row["uuid"], row["name"], row["kind"], tuple(row["aliases"]))
            for row in rows
            if row["new"] == uuid and row["uuid"] not in merged
        ]
        resolution = resolve_by_letters([name], known)
        if name.key in resolution.known:
            await merge_entities(write, uuid, resolution.known[name.key], resolution.reasons[name.key])
            merged.add(uuid)
