"""Writes to a partition: one at a time, and each call at most once.

Invariant: a transaction that changes a partition takes the partition's lock with its first statement, and reads only
after it. A call that a client may repeat goes through ``once``, which keeps the answer. So a repeated call, by a
client or by the driver after an ambiguous commit, answers the first result and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from kg.errors import Conflict, shorten
from kg.graph import queries
from kg.graph.queries import Lock
from kg.graph.store import Transaction
from kg.ports import Clock
from kg.values import RequestKey

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Answer = TypeVar("Answer", bound=DataclassInstance)
else:
    Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Write:
    """One attempt of a call or a job that changes a partition, in its transaction.

    Attributes:
        namespace: namespace of the uuids that it creates; equal in every attempt.
        now: instant of the attempt.
        first_seq: first of the sequence numbers that are reserved for it.
    """

    tx: Transaction
    user_id: str
    namespace: UUID
    now: datetime
    first_seq: int

    def uuid(self, name: str) -> str:
        """Return the uuid of something that the write creates, from a name that is equal in every attempt."""
        return str(uuid5(self.namespace, name))


async def lock(tx: Transaction, user_id: str, *, slots: int = 1) -> int:
    """Take the partition's lock and return the first of the sequence numbers that it reserves.

    Args:
        tx: a transaction that has not touched the partition yet.
        user_id: partition.
        slots: how many sequence numbers to reserve; 0 if nothing changes that search ranks by.
    """
    return (await _take_lock(tx, user_id, slots, None))["seq"] - slots + 1


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
    namespace = uuid5(uuid5(NAMESPACE_URL, f"knowthread:{user_id}"), key.text)
    found = await _take_lock(tx, user_id, slots, str(namespace))
    if found["earlier"] is not None:
        _check_same_call(key, found["call"])
        return answer(**json.loads(found["earlier"]))
    write = Write(tx, user_id, namespace, clock.now(), found["seq"] - slots + 1)
    result = await work(write)
    await tx.run(
        queries.create_request,
        uuid=str(namespace),
        user_id=user_id,
        call=key.call,
        result=json.dumps(asdict(result)),
        now=write.now,
    )
    return result


async def _take_lock(tx: Transaction, user_id: str, slots: int, request: str | None) -> Lock:
    """Lock and reserve numbers; return the last of them, and what an earlier attempt of the call left."""
    return await tx.run_one(queries.lock_partition, user_id=user_id, slots=slots, request=request)


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
