"""A job as one worker holds it, and how its step enters the graph again."""

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
"""Length of a lease, in seconds of the database's clock."""


@dataclass(frozen=True)
class Lease:
    """A job that a worker holds until its lease ends.

    Attributes:
        worker: who holds it: a worker, and the request by which it took the job, so that a repeat knows its own.
        attempt: how often it was leased. A commit counts only while the job has this worker and attempt: the fence.
        failures: how many attempts failed by the job's own fault, or ended because their worker died.
        bulk: it reads many texts at once, and lets interactive work go first.
    """

    uuid: str
    user_id: str
    kind: JobKind
    attempt: int
    failures: int
    bulk: bool
    worker: str

    def held(self) -> dict[str, Any]:
        """Return what names the lease where several are renewed at once."""
        return {"uuid": self.uuid, "worker": self.worker, "attempt": self.attempt}

    def fence(self) -> dict[str, Any]:
        """Return the parameters with which a query checks that the worker still holds the job."""
        return {"user_id": self.user_id, "uuid": self.uuid, "worker": self.worker, "attempt": self.attempt}


@dataclass(frozen=True)
class Entered:
    """A job that its worker still holds, under the partition's lock.

    Attributes:
        write: what to write with.
        memories: the job's memories that still have the text that was read.
        changed: uuids of memories that have another text now, which nobody has read yet.
    """

    write: Write
    memories: list[FencedMemory]
    changed: list[str]


async def enter(tx: Transaction, lease: Lease, clock: Clock, *, slots: int) -> Entered | None:
    """Lock the partition and check the fence; None if the worker does not hold the job any more.

    Then the job was cancelled, another worker has it, or an earlier try committed it.
    """
    locked = await lock(tx, lease.user_id, clock, slots=max(1, slots))
    held = await tx.find_one(queries.job_fence, **lease.fence())
    if held is None:
        return None
    namespace = uuid5(UUID(lease.uuid), str(lease.attempt))
    write = Write(tx, lease.user_id, namespace, locked.now, locked.first_seq)
    return Entered(write, held["memories"], held["changed"])


async def account(store: GraphStore, lease: Lease, calls: Sequence[ModelCall], now: datetime) -> None:
    """Account the model calls of a job, whether or not their answers are used."""
    await account_calls(store, lease.user_id, calls, now, job=lease.uuid)
