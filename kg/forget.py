"""The deleting operations: one memory, a scope, an entity; small ones at once, large ones acknowledged and resumed.

Invariant: once a deletion is acknowledged nothing of it can be read, also where the erasure itself takes minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from kg.background import Background
from kg.calls import Call, once
from kg.erase import Erased, drop_orphans, erase_memories
from kg.errors import KgError, NotFound
from kg.graph_store import GraphStore, Transaction
from kg.models import Scope
from kg.ports import Clock
from kg.settling import settle

log = logging.getLogger(__name__)

AT_ONCE = 2000
BATCH = 500


class Forget:
    """The write side of the deleting tools."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._task = Background("deletions", self._run)
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Start the task that finishes large deletions, those of an earlier process first."""
        self._wake.set()
        self._task.start()

    async def stop(self) -> None:
        """Stop the task; an unfinished deletion goes on at the next start."""
        await self._task.stop()

    async def memory(self, user_id: str, key: str, uuid: str) -> Erased:
        """Erase one memory.

        Raises:
            NotFound: the partition has no such memory.
        """
        erased = await self._erase(user_id, key, [uuid])
        if not erased.memories:
            raise NotFound("memory", uuid, "list yours with get_memories")
        return erased

    async def scope(self, scope: Scope, key: str) -> tuple[Erased, bool]:
        """Erase every memory of a scope; the flag tells whether the erasure still goes on in the background."""
        rows = await self._store.read("scope_uuids", **scope.params(), top_k=AT_ONCE + 1)
        uuids: list[str] = rows[0]["uuids"]
        if len(uuids) <= AT_ONCE:
            return await self._erase(scope.user_id, key, uuids), False
        marked = await self._once(lambda call: _mark(call, scope), scope.user_id, key, "start_deletion")
        self._wake.set()
        return marked, True

    async def memories(self, user_id: str, key: str, uuids: Sequence[str]) -> Erased:
        """Erase several memories, in as many transactions as their number needs."""
        total = Erased()
        for start in range(0, len(uuids), BATCH):
            total.add(await self._erase(user_id, f"{key}:{start}", uuids[start : start + BATCH]))
        return total

    async def entity(self, user_id: str, key: str, uuid: str) -> Erased:
        """Remove an entity with its facts and names and leave the texts that contain it."""
        return await self._once(lambda call: _forget_entity(call, uuid), user_id, key, "delete_entity")

    async def finish(self) -> None:
        """Finish every acknowledged deletion."""
        for job in await self._store.read("deletion_jobs"):
            while True:
                rows = await self._store.read("deleting_uuids", user_id=job["user_id"], top_k=BATCH)
                uuids: list[str] = rows[0]["uuids"]
                if not uuids:
                    break
                await self._store.write(
                    lambda tx, u=job["user_id"], b=uuids: self._batch(tx, u, b), "erase_batch", partition=job["user_id"]
                )
            now = self._clock.now()
            await self._store.write(lambda tx, j=job["uuid"], n=now: tx.run("finish_job", uuid=j, now=n), "finish_job")

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 60)
            self._wake.clear()
            try:
                await self.finish()
            except KgError as error:
                log.warning("a deletion will be resumed: %s", error)

    async def _erase(self, user_id: str, key: str, uuids: Sequence[str]) -> Erased:
        async def work(call: Call) -> Erased:
            return await erase_memories(call.tx, user_id, uuids, call.now)

        return await self._once(work, user_id, key, "delete_memories")

    async def _once(self, work: Callable[[Call], Awaitable[Erased]], user_id: str, key: str, label: str) -> Erased:
        return await self._store.write(
            lambda tx: once(tx, work, Erased, user_id=user_id, key=key, clock=self._clock), label, partition=user_id
        )

    async def _batch(self, tx: Transaction, user_id: str, uuids: Sequence[str]) -> None:
        await tx.run("lock_partition", user_id=user_id, slots=1)
        await erase_memories(tx, user_id, uuids, self._clock.now())


async def _mark(call: Call, scope: Scope) -> Erased:
    """Make the memories of a scope unreadable and leave the job that erases them."""
    job = {
        "uuid": call.uuid("delete"),
        "user_id": scope.user_id,
        "kind": "delete",
        "state": "pending",
        "attempt": 0,
        "created_at": call.now,
    }
    rows = await call.tx.run("start_deletion", **scope.params(), job=job)
    return Erased(memories=rows[0]["marked"])


async def _forget_entity(call: Call, uuid: str) -> Erased:
    tx, user_id = call.tx, call.user_id
    rows = await tx.run("forget_entity", user_id=user_id, entity_uuid=uuid)
    if not rows:
        raise NotFound("entity", uuid)
    facts = rows[0]["facts"]
    others = {other for fact in facts for other in (fact["subject_uuid"], fact["object_uuid"]) if other} - {uuid}
    removed = await drop_orphans(tx, user_id, [], sorted(others))
    await settle(tx, user_id=user_id, changed=facts, also=rows[0]["bereaved"], now=call.now)
    gone = [uuid, *rows[0]["entities"], *removed, *(fact["uuid"] for fact in facts)]
    await tx.run("create_tombstones", user_id=user_id, uuids=gone, now=call.now)
    return Erased(facts=len(facts), entities=1 + len(removed))
