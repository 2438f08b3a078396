"""The merges of a partition, as people list them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kg.entities.merge import Moved, merge_entities, undo_merge
from kg.graph.partition import Write, once
from kg.graph.store import GraphStore
from kg.ports import Clock


class Merge:
    """The write side of merging entities."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def merge(self, user_id: str, key: str, source: str, target: str, reason: str) -> Moved:
        """Merge one entity into another; a repeated key answers the first result.

        Raises:
            NotFound: the partition has no such entities.
            Conflict: the source is merged already, or they are one entity.
        """
        return await self._once(
            user_id, key, lambda write: merge_entities(write, source, target, reason), "merge_entities"
        )

    async def undo(self, user_id: str, key: str, source: str) -> Moved:
        """Take a merged entity out again, with all that was stated by its names.

        Raises:
            NotFound: the partition has no such entity, or it is not merged.
        """
        return await self._once(user_id, key, lambda write: undo_merge(write, source), "undo_merge")

    async def _once(self, user_id: str, key: str, work: Callable[[Write], Awaitable[Moved]], label: str) -> Moved:
        return await self._store.write(
            lambda tx: once(tx, work, Moved, user_id=user_id, key=key, clock=self._clock), label, partition=user_id
        )
