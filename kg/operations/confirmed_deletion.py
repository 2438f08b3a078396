"""Erasing memories, scopes and entities: the count that a caller looks at or confirms first, then the deed."""

from __future__ import annotations

from kg.errors import Conflict
from kg.mending import queries as mending_queries
from kg.mending.mend import adopt_memories
from kg.operations import queries
from kg.operations.parts import Parts
from kg.recall.explore import Explore
from kg.validate import check_limit
from kg.values import JsonObject, RequestKey, Scope
from kg.writing import queries as writing_queries
from kg.writing.delete import Deleted

CONFIRM_ABOVE = 10
_MOST_CONFIRMED = 2**31 - 1


class Erasure:
    """Erases what a caller names. A call that is repeated with the same key answers what its first attempt did."""

    def __init__(self, parts: Parts, explore: Explore) -> None:
        self._store = parts.store
        self._clock = parts.clock
        self._indexer = parts.indexer
        self._deleting = parts.deleting
        self._explore = explore

    async def memory(self, user_id: str, key: RequestKey, uuid: str) -> JsonObject:
        """Erase one memory."""
        erased = await self._deleting.memory(user_id, key, uuid)
        self._indexer.wake()
        return {"id": uuid, "event": "DELETE", "deleted": erased.counts()}

    async def scope(self, scope: Scope, key: RequestKey, *, dry_run: bool, confirm: object) -> JsonObject:
        """Erase every memory of a scope, or only count them.

        Raises:
            Conflict: there are too many of them to erase without the right ``confirm``.
        """
        erased = None if dry_run else await self._deleting.earlier(scope.user_id, key)
        if erased is None:
            count = await self._count(scope)
            if dry_run:
                return {"dry_run": True, "memories": count, "confirm": count}
            if await self._deleting.begun(scope.user_id, key) is None:
                _check_confirm(count, confirm)
                await adopt_memories(self._store, self._clock, scope.user_id)
            erased = await self._deleting.scope(scope, key)
            self._indexer.wake()
        return {"event": "DELETE", "deleted": erased.counts(), **_note(erased)}

    async def _count(self, scope: Scope) -> int:
        """Return how many memories a scope holds, with those that a person made by hand in Neo4j Browser."""
        params = scope.params()
        counted = await self._store.read_one(queries.count_scope, **params)
        by_hand = await self._store.read_one(mending_queries.count_by_hand, **params)
        return counted["memories"] + by_hand["unnumbered"]

    async def entity(
        self, user_id: str, key: RequestKey, name: str, *, with_memories: bool, dry_run: bool, confirm: object
    ) -> JsonObject:
        """Remove an entity from the graph, and the texts that name it where ``with_memories`` says so.

        Raises:
            NotFound: there is no such entity.
            Conflict: it would erase too many memories without the right ``confirm``.
        """
        erased = begun = None
        if not dry_run:
            erased = await self._deleting.earlier(user_id, key)
            begun = None if erased else await self._deleting.begun(user_id, key)
        if begun is not None:
            erased = await self._deleting.entity(user_id, key, begun.entity, with_memories=with_memories)
        if erased is None:
            entity = await self._explore.find(user_id, name=name, uuid=None)
            naming = await self._store.read(
                writing_queries.memories_naming, user_id=user_id, entity_uuid=entity["uuid"]
            )
            if dry_run:
                touched = {"memories" if with_memories else "texts_kept": len(naming)}
                return {"dry_run": True, "entity": entity["name"], **touched, "confirm": len(naming)}
            if with_memories:
                _check_confirm(len(naming), confirm)
            erased = await self._deleting.entity(user_id, key, entity["uuid"], with_memories=with_memories)
        self._indexer.wake()
        # The name as given: the stored one is erased, and a repeated call must answer the same.
        return {"event": "DELETE", "entity": name, "deleted": erased.counts(), **_note(erased)}


def _note(erased: Deleted) -> JsonObject:
    """Return what a caller should know of a deletion that left something."""
    if erased.background:
        return {"note": "they are gone for every reader; the rest is cleaned up in the background"}
    if erased.texts_kept:
        return {"note": f"{erased.texts_kept} texts that contain the name were kept; with_memories removes them too"}
    return {}


def _check_confirm(count: int, confirm: object) -> None:
    given = None if confirm is None else check_limit("confirm", confirm, _MOST_CONFIRMED, lower=0)
    if given != count and (count > CONFIRM_ABOVE or (given is not None and given < count)):
        raise Conflict(
            f"this would erase {count} memories for good; call again with confirm={count}, "
            "or with dry_run=true to look first"
        )
