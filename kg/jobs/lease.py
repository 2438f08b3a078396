"""A job as one worker holds it, and what a step made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from kg.graph.partition import Write, lock
from kg.graph.spending import account_calls
from kg.graph.store import GraphStore, Transaction
from kg.jobs import queries
from kg.jobs.queries import FencedMemory, JobKind
from kg.model_values import ModelCall
from kg.ports import Clock

LEASE_S = 30
"""Length of a lease, by the database's clock."""


@dataclass(frozen=True)
class Lease:
    """A job that a worker holds until its lease ends.

    Attributes:
        worker: who holds it.
        attempt: how often it was claimed; together with ``worker`` it is the fence of every commit.
        failures: how many attempts failed by the job's own fault, or ended with their worker.
        bulk: many texts at once; gives way to interactive work.
    """

    uuid: str
    user_id: str
    kind: JobKind
    attempt: int
    failures: int
    bulk: bool
    worker: str

    def fence(self) -> dict[str, Any]:
        """Return the parameters by which a query checks that the job is still held."""
        return {"user_id": self.user_id, "uuid": self.uuid, "worker": self.worker, "attempt": self.attempt}


@dataclass(frozen=True)
class Entered:
    """A job that is still the worker's, under the partition's lock.

    Attributes:
        write: what to write with.
        memories: the job's memories whose text is still the one that was read.
        changed: uuids of those that have another text by now and are still to be read.
    """

    write: Write
    memories: list[FencedMemory]
    changed: list[str]


async def enter(tx: Transaction, lease: Lease, clock: Clock, *, slots: int) -> Entered | None:
    """Lock the partition and check the fence; None where the job is not the worker's any more.

    It was cancelled, taken over, or committed by an earlier try.
    """
    first_seq = await lock(tx, lease.user_id, slots=max(1, slots))
    held = await tx.find_one(queries.job_fence, **lease.fence())
    if held is None:
        return None
    namespace = uuid5(UUID(lease.uuid), str(lease.attempt))
    write = Write(tx, lease.user_id, namespace, clock.now(), first_seq)
    return Entered(write, held["memories"], held["changed"])


async def account(store: GraphStore, lease: Lease, calls: Sequence[ModelCall], now: datetime) -> None:
    """Write the model calls of a job down, whatever becomes of their answers."""
    await account_calls(store, lease.user_id, calls, now, job=lease.uuid)
