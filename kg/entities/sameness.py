"""Merges that a fact asked for (A SAME_AS B): they stand as long as some current fact says so.

If the fact is deleted, superseded or left out of an update, the merge is undone, with all that was said by the names of
the merged entity. If another current fact says the same, the merge rests on that one from then on. If the fact becomes
current again, the two are merged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kg.entities import queries
from kg.entities.merge import merge_entities, undo_merge
from kg.facts.predicates import SAME_AS
from kg.graph import queries as graph_queries
from kg.graph.partition import Write

_REASON = "said to be the same thing"


async def merge_same(write: Write, facts: Iterable[Mapping[str, Any]]) -> set[str]:
    """Merge what current facts say to be one thing; return the entities that were merged away.

    Args:
        write: the write, after the facts stand.
        facts: any facts, as rows with their claim.
    """
    gone: set[str] = set()
    for fact in facts:
        source, target = fact["object_uuid"], fact["subject_uuid"]
        if fact["predicate"] != SAME_AS or not source or not target or source == target:
            continue
        if await both_stand(write, source, target):
            await merge_entities(write, source, target, _REASON, fact["uuid"])
            gone.add(source)
    return gone


async def both_stand(write: Write, source: str, target: str) -> bool:
    """Tell whether two entities are there, and neither is merged."""
    uuids = [source, target]
    rows = await write.tx.run(graph_queries.find_entities, user_id=write.user_id, keys=[], uuids=uuids)
    return source != target and {row["uuid"] for row in rows if row["merged_into"] is None} == set(uuids)


async def follow_sameness(
    write: Write, changed: Sequence[str], gone: Iterable[Mapping[str, Any]] = (), sources: Sequence[str] = ()
) -> None:
    """Undo merges whose fact does not hold any more, and merge again where one holds again.

    Args:
        write: the write, after everything derived from facts is refreshed.
        changed: facts whose end moved.
        gone: facts that were expired or deleted, as rows with their claim.
        sources: merged entities whose fact a hand took away.
    """
    found = (
        await write.tx.run(queries.sameness, user_id=write.user_id, uuids=list(changed), now=write.now)
        if changed
        else []
    )
    fallen = [fact["uuid"] for fact in gone if fact["predicate"] == SAME_AS]
    fallen += [fact["uuid"] for fact in found if not fact["current"]]
    if fallen or sources:
        known = {"facts": fallen, "sources": list(sources), "now": write.now}
        merges = await write.tx.run(queries.merges_by_fact, user_id=write.user_id, **known)
        for merge in merges:
            if merge["said_by"] is None:
                await undo_merge(write, merge["source"])
            else:
                await write.tx.run(queries.rest_merge, source=merge["source"], fact=merge["said_by"])
    await merge_same(write, ({**fact, "predicate": SAME_AS} for fact in found if fact["current"]))
