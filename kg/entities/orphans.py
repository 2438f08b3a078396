"""Remove names and entities that nothing uses any more."""

from __future__ import annotations

from collections.abc import Sequence

from kg.entities import queries
from kg.facts.predicates import THING
from kg.graph.store import Transaction
from kg.language.words import split_terms


async def drop_orphans(tx: Transaction, user_id: str, keys: Sequence[str], entities: Sequence[str]) -> list[str]:
    """Remove names and entities that nothing mentions any more, and return the removed entities.

    An entity that stays gets the best of its remaining names.
    """
    if not keys and not entities:
        return []
    orphans = await tx.run_one(
        queries.delete_orphans, user_id=user_id, keys=sorted(set(keys)), entities=sorted(set(entities))
    )
    if orphans["kept"]:
        names = await tx.run(queries.remaining_names, uuids=orphans["kept"])
        renamed = [
            {
                "uuid": row["uuid"],
                "name": row["names"][0],
                "terms": split_terms(row["names"][0]),
                "kind": next((kind for kind in row["kinds"] if kind != THING), THING),
            }
            for row in names
        ]
        await tx.run(queries.rename_entities, entities=renamed)
    return orphans["removed"]
