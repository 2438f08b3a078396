"""Mutating calls: one at a time in a partition, and each at most once.

Invariant: the transaction of a call takes the partition's lock with its own first statement, looks for the answer of
an earlier attempt of the same call, and leaves its own answer behind. So a repeated call, by a client or by the driver
after an ambiguous commit, answers the first result and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from kg.graph.store import Transaction
from kg.ports import Clock

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Answer = TypeVar("Answer", bound=DataclassInstance)
else:
    Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Write:
    """One attempt of a mutating call or of a job, within its transaction.

    Attributes:
        namespace: name space of the uuids that it creates; equal for every attempt of it.
        now: instant of the attempt.
        first_seq: first of the sequence numbers that were reserved for it.
    """

    tx: Transaction
    user_id: str
    namespace: UUID
    now: datetime
    first_seq: int

    def uuid(self, name: str) -> str:
        """Return the uuid of something that the call creates."""
        return str(uuid5(self.namespace, name))


async def once(
    tx: Transaction,
    work: Callable[[Write], Awaitable[Answer]],
    answer: type[Answer],
    *,
    user_id: str,
    key: str,
    clock: Clock,
    slots: int = 1,
) -> Answer:
    """Do ``work`` under the partition's lock unless an attempt with the same key has done it; return its answer.

    Args:
        tx: a transaction that has not touched the partition yet.
        work: the change; its answer is a dataclass of ids and counts, never of texts.
        answer: that dataclass.
        user_id: partition.
        key: the call's request key.
        clock: where the call's instant comes from.
        slots: how many sequence numbers to reserve.
    """
    namespace = uuid5(uuid5(NAMESPACE_URL, f"knowthread:{user_id}"), key)
    begun = (await tx.run("begin_call", user_id=user_id, slots=slots, uuid=str(namespace)))[0]
    if begun["earlier"] is not None:
        return answer(**json.loads(begun["earlier"]))
    write = Write(tx, user_id, namespace, clock.now(), begun["seq"] - slots + 1)
    result = await work(write)
    await tx.run(
        "create_request", uuid=str(namespace), user_id=user_id, result=json.dumps(asdict(result)), now=write.now
    )
    return result
