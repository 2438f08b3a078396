"""Deleting a memory, a scope or an entity: a small deletion at once, a large one in the background.

Invariant: once a deletion is acknowledged, nothing of it can be read, even if erasing it takes minutes. A large
deletion is a job in the graph; the next start of the service resumes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from kg.background import Background
from kg.entities.orphans import drop_orphans
from kg.errors import KgError, NotFound
from kg.facts.derive import refresh_derived
from kg.facts.queries import ClaimedFact
from kg.graph import queries as graph_queries
from kg.graph.partition import Write, lock, once
from kg.graph.store import GraphStore, Row, Transaction
from kg.ports import Clock
from kg.values import RequestKey, Scope
from kg.writing import queries
from kg.writing.queries import ChainLink

log = logging.getLogger(__name__)

AT_ONCE = 2000
BATCH = 500


class _NoneYet(Exception):
    """Ends the transaction that looked for an earlier attempt of a call and found none."""


@dataclass
class Erased:
    """How many nodes a deletion removed."""

    memories: int = 0
    versions: int = 0
    facts: int = 0
    entities: int = 0

    def add(self, other: Erased) -> None:
        """Add the counts of another batch."""
        self.memories += other.memories
        self.versions += other.versions
        self.facts += other.facts
        self.entities += other.entities


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

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._task = Background("deletions", self._run)
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Start the task that finishes large deletions; it begins with those of an earlier process."""
        self._wake.set()
        self._task.start()

    async def stop(self) -> None:
        """Stop the task; an unfinished deletion goes on at the next start."""
        await self._task.stop()

    async def earlier(self, user_id: str, key: RequestKey) -> Deleted | None:
        """Return what an earlier attempt of the same call did, or None if there was none."""

        async def none(_: Write) -> Deleted:
            raise _NoneYet

        try:
            return await self._once(none, user_id, key, "find_request")
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
        """Erase every memory of a scope; more than ``AT_ONCE`` of them in the background."""

        async def work(write: Write) -> Deleted:
            uuids = (await write.tx.run_one(queries.scope_uuids, **scope.params(), top_k=AT_ONCE + 1))["uuids"]
            if len(uuids) <= AT_ONCE:
                return _deleted(await erase_memories(write.tx, write.user_id, uuids, write.now))
            marked = await write.tx.run_one(queries.start_deletion, **scope.params(), job=_job(write))
            return Deleted(memories=marked["marked"], background=True)

        return await self._once(work, scope.user_id, key, "delete_scope")

    async def entity(self, user_id: str, key: RequestKey, uuid: str, *, with_memories: bool) -> Deleted:
        """Remove an entity with its facts and names, and with ``with_memories`` the memories that name it, too."""

        async def work(write: Write) -> Deleted:
            rows = await write.tx.run(queries.memories_naming, user_id=user_id, entity_uuid=uuid)
            uuids = [row["uuid"] for row in rows]
            if not with_memories:
                done = _deleted(await _delete_entity(write, uuid))
                done.texts_kept = len(uuids)
                return done
            if len(uuids) <= AT_ONCE:
                done = _deleted(await erase_memories(write.tx, user_id, uuids, write.now))
            else:
                await write.tx.run(queries.mark_deleting, user_id=user_id, uuids=uuids, job=_job(write))
                done = Deleted(memories=len(uuids), background=True)
            done.add(await _delete_entity(write, uuid))
            return done

        return await self._once(work, user_id, key, "delete_entity")

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
            uuids = (await self._store.read_one(queries.deleting_uuids, user_id=user_id, top_k=BATCH))["uuids"]
            if not uuids:
                break
            await self._store.write(lambda tx, b=uuids: self._batch(tx, user_id, b), "erase_batch", partition=user_id)
        now = self._clock.now()
        await self._store.write(lambda tx: tx.run(queries.finish_job, uuid=job, now=now), "finish_job")

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 60)
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

    async def _batch(self, tx: Transaction, user_id: str, uuids: Sequence[str]) -> None:
        locked = await lock(tx, user_id, self._clock)
        await erase_memories(tx, user_id, uuids, locked.now)


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


async def _delete_entity(write: Write, uuid: str) -> Erased:
    """Remove an entity with its facts and names; if it is gone already, nothing happens."""
    tx, user_id = write.tx, write.user_id
    context = await tx.find_one(queries.entity_context, user_id=user_id, entity_uuid=uuid)
    if context is None:
        return Erased()
    facts = context["facts"]
    lost = await decisions_lost(tx, user_id, facts)
    await tx.run(queries.delete_entity, user_id=user_id, entity_uuid=uuid)
    await lost.bridge(tx)
    others = {other for fact in facts for other in (fact["subject_uuid"], fact["object_uuid"]) if other} - {uuid}
    removed = await drop_orphans(tx, user_id, [], sorted(others))
    await refresh_derived(tx, user_id=user_id, changed=facts, also=lost.bereaved, now=write.now)
    gone = [uuid, *context["merged"], *removed, *(fact["uuid"] for fact in facts)]
    await tx.run(graph_queries.create_tombstones, user_id=user_id, uuids=gone, now=write.now)
    return Erased(facts=len(facts), entities=1 + len(removed))


async def erase_memories(tx: Transaction, user_id: str, uuids: Sequence[str], now: datetime) -> Erased:
    """Erase memories of a partition whose lock the transaction holds; unknown ids are ignored."""
    context = await tx.run_one(queries.deletion_context, user_id=user_id, uuids=list(uuids))
    memories, facts = context["memories"], context["facts"]
    if not memories:
        return Erased()
    lost = await decisions_lost(tx, user_id, facts)
    await tx.run(queries.delete_memories, uuids=memories)
    links = _closing_links(context["chain"])
    if links:
        await tx.run(queries.link_next, links=links)
    await lost.bridge(tx)
    removed = await drop_orphans(tx, user_id, context["keys"], context["entities"])
    await refresh_derived(tx, user_id=user_id, changed=facts, also=lost.bereaved, now=now)
    tombstones = [*memories, *(fact["uuid"] for fact in facts), *removed]
    await tx.run(graph_queries.create_tombstones, user_id=user_id, uuids=tombstones, now=now)
    return Erased(len(memories), context["versions"], len(facts), len(removed))


@dataclass(frozen=True)
class DecisionsLost:
    """The decisions that disappear with facts that are about to be deleted.

    Attributes:
        bereaved: facts that a deleted fact had ended.
        bridges: decisions to write instead. If B ended A and C ended B, C ends A once B is deleted. A bridge keeps
            the instants of the later decision. It keeps neither its reason nor its judge: they were about the
            deleted fact and may quote it.
    """

    bereaved: list[str]
    bridges: list[Row]

    async def bridge(self, tx: Transaction) -> None:
        """Write the bridges, after the facts were deleted."""
        if self.bridges:
            await tx.run(graph_queries.create_decisions, decisions=self.bridges)


async def decisions_lost(tx: Transaction, user_id: str, facts: Sequence[ClaimedFact]) -> DecisionsLost:
    """Read the decisions of facts that are about to be deleted."""
    if not facts:
        return DecisionsLost([], [])
    lost = await tx.run_one(queries.decisions_lost, user_id=user_id, uuids=[fact["uuid"] for fact in facts])
    bridges: list[Row] = [
        {
            "old": row["old"],
            "new": row["new"],
            "properties": {
                "uuid": row["uuid"],
                "kind": "superseded",
                "at": row["at"],
                "effective_at": row["effective_at"],
                "judge": "inherited",
            },
        }
        for row in lost["bridges"]
    ]
    return DecisionsLost(lost["bereaved"], bridges)


def _closing_links(chain: Sequence[ChainLink]) -> list[Row]:
    """Return the links that close the gaps which deleted messages leave in a conversation, however long a gap is."""
    gone = {row["uuid"]: row for row in chain}
    links: list[Row] = []
    for row in chain:
        if row["previous"] in gone:
            continue
        following = row["next"]
        while following in gone:
            following = gone[following]["next"]
        links.append({"previous": row["previous"], "next": following})
    return links
