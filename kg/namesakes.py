"""New things that other things are already known as: merged within the write that creates them, by their letters.

Two texts read at once, or facts that callers hand over, bring names that nobody compared: ``Postgres`` beside
``PostgreSQL``. What a new name would be the same as is among a few exact alias keys, so that one indexed query under
the partition's lock finds it. No model is asked, and every merge is listed and can be undone.
"""

from __future__ import annotations

from collections.abc import Sequence

from kg.entities.lookup import same_keys
from kg.entities.merge import merge_entities
from kg.entities.resolve import KnownEntity, NewName, resolve_by_letters
from kg.graph.partition import Call
from kg.graph.store import Row


async def merge_namesakes(call: Call, created: Sequence[Row]) -> None:
    """Merge entities that this write created into those that letters show them to be.

    Args:
        call: the write, after it created them.
        created: key and properties of each, as a draft holds them.
    """
    wanted = [
        {"uuid": row["properties"]["uuid"], "keys": keys}
        for row in created
        if (keys := same_keys(row["key"], row["properties"]["kind"]))
    ]
    if not wanted:
        return
    rows = await call.tx.run("namesakes", user_id=call.user_id, names=wanted)
    if not rows:
        return
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
            await merge_entities(call, uuid, resolution.known[name.key], resolution.reasons[name.key])
            merged.add(uuid)
