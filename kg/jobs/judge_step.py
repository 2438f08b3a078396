"""The judge step of a job: a model rules on pairs of facts that may contradict each other, and decisions are written.

A pair is ordered by when its facts began to hold, not by when they arrived. So a late note about the past can be
superseded by what is known already, and never ends it. A correction is ordered by when its facts were told: what is
corrected was told first, whatever time it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kg.entities.sameness import follow_sameness
from kg.facts import queries as facts_queries
from kg.facts.contentions import Pair, contention_params, in_time_order, likeliest, noted, unread
from kg.facts.derive import refresh_derived
from kg.facts.queries import ContendingFact
from kg.graph import queries as graph_queries
from kg.graph.partition import Write, present
from kg.graph.store import GraphStore, Row, Transaction
from kg.jobs import queries
from kg.jobs.lease import Lease, account, enter
from kg.model_values import Contention, DatedStatement, ModelWork, Ruling, Rulings
from kg.ports import Clock, ContradictionJudge

MOST_PAIRS = 60
"""Most pairs that a model judges for one job."""


class JudgeStep:
    """Rules on the contentions of one job's memories."""

    def __init__(self, store: GraphStore, clock: Clock, judge: ContradictionJudge) -> None:
        self._store = store
        self._clock = clock
        self._judge = judge

    async def run(self, lease: Lease) -> int:
        """Judge, commit, and return how many decisions were written.

        Raises:
            ExtractionError: the model gave no usable ruling; nothing was written.
            StoreUnavailable: the database does not answer; the job is tried again later.
        """
        job = await self._store.find_one(queries.job_texts, user_id=lease.user_id, uuid=lease.uuid, earlier=0)
        uuids = [memory["uuid"] for memory in job["memories"]] if job else []
        found = await self._store.read(
            facts_queries.contentions,
            user_id=lease.user_id,
            **contention_params(uuids),
            now=await present(self._store, lease.user_id, self._clock),
        )
        pairs = in_time_order(likeliest(found))[:MOST_PAIRS]
        if not pairs:
            return await self._commit(lease, [], None, [])
        rulings = await self._judge.judge([Contention(_dated(old), _dated(new)) for old, new in pairs])
        await account(self._store, lease, rulings.work.calls, self._clock.now())
        left = len(in_time_order(found)) - len(pairs) + unread(found)
        told = [f"{left} pairs of facts that are less alike were not judged"] if left else []
        return await self._commit(lease, pairs, rulings, told)

    async def _commit(self, lease: Lease, pairs: Sequence[Pair], rulings: Rulings | None, told: Sequence[str]) -> int:
        async def work(tx: Transaction) -> int:
            entered = await enter(tx, lease, self._clock, slots=1)
            if entered is None:
                return 0
            write = entered.write
            decisions: list[Row] = []
            if rulings is not None:
                uuids = sorted({fact["uuid"] for pair in pairs for fact in pair})
                rows = await tx.run(queries.standing_facts, user_id=lease.user_id, uuids=uuids)
                standing = {row["uuid"] for row in rows}
                decisions = [
                    _decision(write, old, new, ruling, rulings.work)
                    for (old, new), ruling in zip(pairs, rulings.rulings, strict=True)
                    if ruling.relation != "none" and {old["uuid"], new["uuid"]} <= standing
                ]
            if decisions:
                await tx.run(graph_queries.create_decisions, decisions=decisions)
                ended = [row["old"] for row in decisions]
                moved = await refresh_derived(tx, user_id=lease.user_id, also=ended, now=write.now)
                await follow_sameness(write, moved)
            params: dict[str, Any] = {"uuid": lease.uuid, "dropped": list(told), "now": write.now}
            await tx.run(queries.finish_judging, user_id=lease.user_id, **params)
            return len(decisions)

        return await self._store.write(work, "judging", partition=lease.user_id)


def _dated(fact: ContendingFact) -> DatedStatement:
    return DatedStatement(fact["statement"], fact["valid_at"], fact["noted_at"], fact["project"], fact["because"])


def _decision(write: Write, old: ContendingFact, new: ContendingFact, ruling: Ruling, work: ModelWork) -> Row:
    if ruling.relation == "corrected":  # what is wrong was told first, whatever time it is about
        old, new = sorted((old, new), key=noted)
    return {
        "old": old["uuid"],
        "new": new["uuid"],
        "properties": {
            "uuid": write.uuid(f"decision:{old['uuid']}:{new['uuid']}"),
            "kind": ruling.relation,
            "at": write.now,
            "effective_at": new["valid_at"],
            "judge": work.model,
            "reason": ruling.reason,
            "prompt": work.prompt,
            "prompt_hash": work.prompt_hash,
        },
    }
