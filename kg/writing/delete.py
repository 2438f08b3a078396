"""Deleting a memory, a scope or an entity: a small deletion at once, the rest of a large one in the background.

Invariant: once a deletion is acknowledged, nothing of it can be read, even if erasing it takes minutes, and what it had
ended holds again. So the memories of a large deletion that state facts are erased before the answer, some at a time:
each transaction also restores what they had ended, and no reader misses both values. The others change nothing for
readers of facts. They are made unreadable, and a job in the graph erases them; the next start resumes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from typing import NoReturn

from kg.background import SETTLE_S, Background
from kg.errors import KgError, NotFound
from kg.graph.partition import Write, lock, once
from kg.graph.store import GraphStore, Row, Transaction
from kg.ports import Clock
from kg.values import RequestKey, Scope
from kg.writing import queries
from kg.writing.erase import Erased, delete_entity, erase_memories

log = logging.getLogger(__name__)

AT_ONCE = 2000
BATCH = 500

_Choose = Callable[[Write, int], Awaitable[Sequence[str]]]
"""Return the next memories to erase that state facts, up to a sequence number; none when there are no more."""


class _NoneYet(Exception):
    """Ends the transaction that looked for an earlier attempt of a call and found none."""


class _TooMany(Exception):
    """Ends the transaction that was to erase at once what is too much for one."""


@dataclass(frozen=True)
class Begun:
    """A large deletion that began; a repetition of its call goes on with it.

    Attributes:
        until: it takes memories up to this sequence number.
        entity: the entity that it removes, empty if it erases a scope.
    """

    until: int
    entity: str


@dataclass
class Deleted(Erased):
    """What a deleting call removed; kept under the call's key, so that a repetition gives the same answer.

    Attributes:
        background: nobody can read it any more; it is erased in the background.
        texts_kept: how many memories still contain the name of an entity that was removed.
    """

    background: bool = False
    texts_kept: int = 0

    def counts(self) -> dict[str, int]:
        """Return the counts, as an answer shows them."""
        return {name: getattr(self, name) for name in ("memories", "versions", "facts", "entities")}


class Deleting:
    """The write side of the deleting tools."""

    def __init__(self, store: GraphStore, clock: Clock, *, at_once: int = AT_ONCE, batch: int = BATCH) -> None:
        """Nothing is deleted yet.

        Args:
            store: the graph.
            clock: says what time it is.
            at_once: most memories that are erased in one transaction.
            batch: how many of a large deletion are.
        """
        self._store = store
        self._clock = clock
        self._at_once = at_once
        self._batch_size = batch
        self._task = Background("deletions", self._run)
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Start the task that finishes large deletions; it begins with those of an earlier process."""
        self._wake.set()
        self._task.start(after_s=SETTLE_S)

    async def stop(self) -> None:
        """Stop the task; an unfinished deletion goes on at the next start."""
        await self._task.stop()

    async def earlier(self, user_id: str, key: RequestKey) -> Deleted | None:
        """Return what an earlier attempt of the same call did, or None if there was none."""
        try:
            return await self._once(_none, user_id, key, "find_request")
        except _NoneYet:
            return None

    async def begun(self, user_id: str, key: RequestKey) -> Begun | None:
        """Return the large deletion that an earlier attempt of the same call began, or None."""
        try:
            return await self._begin(_none, user_id, key)
        except _NoneYet:
            return None

    async def memory(self, user_id: str, key: RequestKey, uuid: str) -> Deleted:
        """Erase one memory.

        Raises:
            NotFound: the partition has no such memory.
        """

        async def work(write: Write) -> Deleted:
            return _deleted(await erase_memories(write.tx, user_id, [uuid], write.now))

        erased = await self._once(work, user_id, key, "delete_memory")
        if not erased.memories:
            raise NotFound("memory", uuid, "list yours with get_memories")
        return erased

    async def scope(self, scope: Scope, key: RequestKey) -> Deleted:
        """Erase every memory of a scope; of very many, those that state no facts in the background."""
        params = scope.params()

        async def at_once(write: Write) -> Deleted:
            uuids = (await write.tx.run_one(queries.scope_uuids, **params, top_k=self._at_once + 1))["uuids"]
            return await self._erase_at_once(write, uuids)

        async def choose(write: Write, until: int) -> Sequence[str]:
            found = await write.tx.run_one(queries.stating_memories, **params, until=until, top_k=self._batch_size)
            return found["uuids"]

        async def rest(write: Write, until: int) -> Deleted:
            marked = await write.tx.run_one(queries.start_deletion, **params, until=until, job=_job(write))
            await write.tx.run(queries.recount_scopes, user_id=scope.user_id)
            return Deleted(memories=marked["marked"], background=True)

        try:
            return await self._once(at_once, scope.user_id, key, "delete_scope")
        except _TooMany:
            return await self._in_parts(choose, rest, scope.user_id, key, label="delete_scope")

    async def entity(self, user_id: str, key: RequestKey, uuid: str, *, with_memories: bool) -> Deleted:
        """Remove an entity with its facts and names, and with ``with_memories`` the memories that name it, too."""

        async def naming(write: Write) -> list[str]:
            rows = await write.tx.run(queries.memories_naming, user_id=user_id, entity_uuid=uuid)
            return [row["uuid"] for row in rows]

        async def at_once(write: Write) -> Deleted:
            uuids = await naming(write)
            done = Deleted(texts_kept=len(uuids)) if not with_memories else await self._erase_at_once(write, uuids)
            done.add(await delete_entity(write, uuid))
            return done

        async def choose(write: Write, until: int) -> Sequence[str]:
            params = {"user_id": user_id, "entity_uuid": uuid, "until": until, "top_k": self._batch_size}
            return (await write.tx.run_one(queries.stating_memories_naming, **params))["uuids"]

        async def rest(write: Write, _: int) -> Deleted:
            uuids = await naming(write)
            await write.tx.run(queries.mark_deleting, user_id=user_id, uuids=uuids, job=_job(write))
            await write.tx.run(queries.recount_scopes, user_id=user_id)
            done = Deleted(memories=len(uuids), background=True)
            done.add(await delete_entity(write, uuid))
            return done

        try:
            return await self._once(at_once, user_id, key, "delete_entity")
        except _TooMany:
            return await self._in_parts(choose, rest, user_id, key, label="delete_entity", entity=uuid)

    async def _erase_at_once(self, write: Write, uuids: Sequence[str]) -> Deleted:
        if len(uuids) > self._at_once:
            raise _TooMany
        return _deleted(await erase_memories(write.tx, write.user_id, uuids, write.now))

    async def _in_parts(
        self,
        choose: _Choose,
        rest: Callable[[Write, int], Awaitable[Deleted]],
        user_id: str,
        key: RequestKey,
        *,
        label: str,
        entity: str = "",
    ) -> Deleted:
        """Erase the memories that state facts, some at a time, then make the rest unreadable and leave a job for it.

        Each part is a call with a key of its own, so a repetition goes on where an attempt ended, with its counts.

        Args:
            choose: returns the memories of the next part.
            rest: makes the others unreadable and returns what that did.
            user_id: partition.
            key: the call's key.
            label: what the database's log calls it.
            entity: the entity that is removed with them.
        """

        async def begin(write: Write) -> Begun:
            return Begun(write.first_seq, entity)

        begun = await self._begin(begin, user_id, key)

        async def part(write: Write) -> Deleted:
            uuids = await choose(write, begun.until)
            return _deleted(await erase_memories(write.tx, user_id, uuids, write.now))

        erased = Deleted()
        for number in count():
            done = await self._once(part, user_id, key.part(number), "erase_batch")
            if not done.memories:
                break
            erased.add(done)

        async def end(write: Write) -> Deleted:
            left = await rest(write, begun.until)
            left.background = left.memories > 0
            left.add(erased)
            return left

        return await self._once(end, user_id, key, label)

    async def finish(self) -> None:
        """Finish every acknowledged deletion; if one fails, the others are finished all the same."""
        failed: Exception | None = None
        for job in await self._store.read(queries.deletion_jobs):
            try:
                await self._finish(job["uuid"], job["user_id"])
            except Exception as error:  # noqa: BLE001 - raised again once the others are done
                failed = failed or error
        if failed is not None:
            raise failed

    async def _finish(self, job: str, user_id: str) -> None:
        while True:
            uuids = (await self._store.read_one(queries.deleting_uuids, user_id=user_id, top_k=self._batch_size))[
                "uuids"
            ]
            if not uuids:
                break
            await self._store.write(lambda tx, b=uuids: self._batch(tx, user_id, b), "erase_batch", partition=user_id)
        now = self._clock.now()
        await self._store.write(lambda tx: tx.run(queries.finish_job, uuid=job, now=now), "finish_job")

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.finish()
            except KgError as error:
                log.warning("a deletion will be resumed: %s", error)

    async def _once(
        self, work: Callable[[Write], Awaitable[Deleted]], user_id: str, key: RequestKey, label: str
    ) -> Deleted:
        done = await self._store.write(
            lambda tx: once(tx, work, Deleted, user_id=user_id, key=key, clock=self._clock), label, partition=user_id
        )
        if done.background:
            self._wake.set()
        return done

    async def _begin(self, work: Callable[[Write], Awaitable[Begun]], user_id: str, key: RequestKey) -> Begun:
        return await self._store.write(
            lambda tx: once(tx, work, Begun, user_id=user_id, key=key.part("begin"), clock=self._clock),
            "begin_deletion",
            partition=user_id,
        )

    async def _batch(self, tx: Transaction, user_id: str, uuids: Sequence[str]) -> None:
        locked = await lock(tx, user_id, self._clock)
        await erase_memories(tx, user_id, uuids, locked.now)


async def _none(_: Write) -> NoReturn:
    raise _NoneYet


def _deleted(erased: Erased) -> Deleted:
    return Deleted(**asdict(erased))


def _job(write: Write) -> Row:
    """Return the job that erases memories which nobody can read any more."""
    return {
        "uuid": write.uuid("delete"),
        "user_id": write.user_id,
        "kind": "delete",
        "state": "pending",
        "attempt": 0,
        "created_at": write.now,
    }
