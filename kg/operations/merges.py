"""Merging two entities that a person says are one thing, undoing that, and the list of merges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kg.entities.merge import Moved, merge_entities, undo_merge
from kg.graph.partition import Write, once
from kg.graph.store import GraphStore
from kg.operations import queries
from kg.operations.queries import MergedEntity
from kg.ports import Clock
from kg.recall import render
from kg.values import JsonObject, RequestKey


class Merges:
    """The operations on merges."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, user_id: str, *, limit: int) -> JsonObject:
        """Return the entities that were merged into others, newest first."""
        found = await self._store.read_one(queries.list_merges, user_id=user_id, top_k=limit + 1)
        more = "earlier merges were left out; raise limit" if len(found["merges"]) > limit else None
        return {"merges": [_shown(row) for row in found["merges"][:limit]], **render.compact({"more": more})}

    async def merge(self, user_id: str, key: RequestKey, source: str, target: str, reason: str) -> Moved:
        """Merge one entity into another. A call repeated with the same key returns the first result.

        Raises:
            NotFound: the user has no such entities.
            Conflict: the source is merged already, or both are the same entity.
        """
        return await self._once(
            user_id, key, lambda write: merge_entities(write, source, target, reason), "merge_entities"
        )

    async def undo(self, user_id: str, key: RequestKey, source: str) -> Moved:
        """Undo a merge: the entity gets back its names and the facts stated under them.

        Raises:
            NotFound: the user has no such entity, or it is not merged.
        """
        return await self._once(user_id, key, lambda write: undo_merge(write, source), "undo_merge")

    async def _once(
        self, user_id: str, key: RequestKey, work: Callable[[Write], Awaitable[Moved]], label: str
    ) -> Moved:
        return await self._store.write(
            lambda tx: once(tx, work, Moved, user_id=user_id, key=key, clock=self._clock), label, partition=user_id
        )


def _shown(row: MergedEntity) -> JsonObject:
    return render.compact(
        {
            "id": row["source"],
            "name": row["name"],
            "kind": row["kind"],
            "into": row["into"],
            "into_id": row["target"],
            "names": row["keys"],
            "reason": row["reason"],
            "at": render.instant(row["at"]),
        }
    )
