"""Writes to a partition: one at a time, each later than the one before, and each call at most once.

Invariant: a transaction that changes a partition takes the partition's lock with its first statement, and reads only
after it. A call that a client may repeat goes through ``once``, which keeps the answer. So a repeated call, by a
client or by the driver after an ambiguous commit, answers the first result and changes nothing.

The instants of a partition only grow, whatever the machine's clock does: if the clock was set back, a write happens a
microsecond after the one before, and what reads call "now" is not before the last write. Otherwise a value stored later
would be ended by an earlier one, or would begin in the future.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from kg.errors import Conflict, shorten
from kg.graph import queries
from kg.graph.queries import Lock
from kg.graph.query import Query
from kg.ports import Clock
from kg.values import RequestKey

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from kg.graph.store import GraphStore, Row, Step, Transaction

    Answer = TypeVar("Answer", bound=DataclassInstance)
else:
    Answer = TypeVar("Answer")
Context = TypeVar("Context")


@dataclass
class Write:
    """One attempt of a call or a job that changes a partition, in its transaction.

    Attributes:
        namespace: namespace of the uuids that it creates; equal in every attempt.
        now: instant of the attempt, after that of every earlier write to the partition.
        first_seq: first of the sequence numbers that are reserved for it.
        call: fingerprint of the call; empty for work of the service itself.
        answer_kept: the call's answer is kept already, so ``once`` need not do it.
    """

    tx: Transaction
    user_id: str
    namespace: UUID
    now: datetime
    first_seq: int
    call: str = ""
    answer_kept: bool = False

    def uuid(self, name: str) -> str:
        """Return the uuid of something that the write creates, from a name that is equal in every attempt."""
        return str(uuid5(self.namespace, name))

    def keeping(self, answer: DataclassInstance) -> Step:
        """Return the command that keeps the call's answer; whoever asks for it runs it."""
        self.answer_kept = True
        return queries.create_request, {
            "uuid": str(self.namespace),
            "user_id": self.user_id,
            "call": self.call,
            "result": json.dumps(asdict(answer)),
            "now": self.now,
        }


@dataclass(frozen=True)
class Locked:
    """A partition whose lock a transaction holds.

    Attributes:
        now: instant of the write, after that of every earlier one.
        first_seq: first of the sequence numbers that are reserved.
    """

    now: datetime
    first_seq: int


async def present(store: GraphStore, user_id: str, clock: Clock) -> datetime:
    """Return what a read of the partition takes for now: what the clock says, but not before the last write."""
    last = await store.read_one(queries.last_instant, user_id=user_id)
    return present_after(last["last_at"], clock)


def present_after(last_at: datetime | None, clock: Clock) -> datetime:
    """Return the same for a partition whose last write is known; None before the first one."""
    now = clock.now()
    return now if last_at is None else max(now, last_at + timedelta(microseconds=1))


async def lock(tx: Transaction, user_id: str, clock: Clock, *, slots: int = 1) -> Locked:
    """Take the partition's lock.

    Args:
        tx: a transaction that has not touched the partition yet.
        user_id: partition.
        clock: says what time it is.
        slots: how many sequence numbers to reserve; 0 if nothing changes that search ranks by.
    """
    found = await _take_lock(tx, user_id, clock, slots, None)
    return Locked(found["last_at"], found["seq"] - slots + 1)


async def once(
    tx: Transaction,
    work: Callable[[Write], Awaitable[Answer]],
    answer: type[Answer],
    *,
    user_id: str,
    key: RequestKey,
    clock: Clock,
    slots: int = 1,
) -> Answer:
    """Do ``work`` under the partition's lock, unless an earlier attempt with the same key did it; return its answer.

    Args:
        tx: a transaction that has not touched the partition yet.
        work: the change; its answer is a dataclass of ids and counts, never of texts.
        answer: that dataclass.
        user_id: partition.
        key: the call's request key.
        clock: where the call's instant comes from.
        slots: how many sequence numbers to reserve.

    Raises:
        Conflict: another call was made with this key.
    """
    found = await _take_lock(tx, user_id, clock, slots, str(_namespace(user_id, key)))
    write = _begun(tx, found, user_id=user_id, key=key, slots=slots)
    return await _unless_done(write, found, key, work, answer)


async def once_knowing(
    tx: Transaction,
    context: Query[Context],
    params: Row,
    work: Callable[[Write, Context], Awaitable[Answer]],
    answer: type[Answer],
    *,
    user_id: str,
    key: RequestKey,
    clock: Clock,
    slots: int = 1,
) -> Answer:
    """Do the same with work that begins by reading; the lock and the read are one round trip.

    Args:
        tx: a transaction that has not touched the partition yet.
        context: what is read under the lock, in one row.
        params: its parameters.
        work: the change, given what was read.
        answer: the dataclass of its answer.
        user_id: partition.
        key: the call's request key.
        clock: where the call's instant comes from.
        slots: how many sequence numbers to reserve.

    Raises:
        Conflict: another call was made with this key.
    """
    locking = _lock_params(user_id, clock, slots, str(_namespace(user_id, key)))
    found, known = await tx.run_both(queries.lock_partition, locking, context, params)
    write = _begun(tx, found, user_id=user_id, key=key, slots=slots)
    return await _unless_done(write, found, key, lambda write: work(write, known), answer)


async def _unless_done(
    write: Write, found: Lock, key: RequestKey, work: Callable[[Write], Awaitable[Answer]], answer: type[Answer]
) -> Answer:
    """Return what an earlier attempt answered, or else do the work and keep its answer."""
    if found["earlier"] is not None:
        _check_same_call(key, found["call"])
        return answer(**json.loads(found["earlier"]))
    result = await work(write)
    if not write.answer_kept:
        command, params = write.keeping(result)
        await write.tx.run(command, **params)
    return result


def _namespace(user_id: str, key: RequestKey) -> UUID:
    return uuid5(uuid5(NAMESPACE_URL, f"knowthread:{user_id}"), key.text)


def _begun(tx: Transaction, found: Lock, *, user_id: str, key: RequestKey, slots: int) -> Write:
    return Write(tx, user_id, _namespace(user_id, key), found["last_at"], found["seq"] - slots + 1, key.call)


async def _take_lock(tx: Transaction, user_id: str, clock: Clock, slots: int, request: str | None) -> Lock:
    """Lock and reserve numbers; return the last of them, and what an earlier attempt of the call left."""
    return await tx.run_one(queries.lock_partition, **_lock_params(user_id, clock, slots, request))


def _lock_params(user_id: str, clock: Clock, slots: int, request: str | None) -> Row:
    return {"user_id": user_id, "slots": slots, "now": clock.now(), "request": request}


def _check_same_call(key: RequestKey, earlier: str | None) -> None:
    """Refuse a key that was used for another call; ``earlier`` is that call, None where an old version kept it.

    Raises:
        Conflict: it was.
    """
    if earlier is not None and earlier != key.call:
        raise Conflict(
            f"request key {shorten(key.text)} was used for another call, so nothing was changed; repeat a key only "
            "with the same tool and the same arguments, and give every other call a new key",
            (key.text,),
        )
