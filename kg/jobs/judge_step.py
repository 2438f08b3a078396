"""The judge step of a job: pairs of facts that may not both hold are ruled on in one call, and the rulings written.

The pair is put in the order of the world's time, not of arrival: a late note about the past can be superseded by what
is known already, and never retires it. A correction goes by the order in which the two were noted, whenever a model
came to read them: it may well be about a time before the one that it corrects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kg.facts.settle import settle
from kg.graph.partition import Call
from kg.graph.store import GraphStore, Row
from kg.jobs.extract_step import contention_params
from kg.jobs.lease import Claim, account, enter
from kg.language.words import stem_terms
from kg.model_values import Contention, DatedStatement, ModelWork, Ruling, Rulings
from kg.ports import Clock, ContradictionJudge

JUDGED_PER_FACT = 8
"""Most standing facts that one new fact is held against: opposite ones, then those that share most words with it."""
MOST_PAIRS = 60
"""Most pairs that are judged for one job."""

Pair = tuple[Row, Row]
"""The fact that holds earlier, and the later one."""


class JudgeStep:
    """Rules on the contentions of one job's memories."""

    def __init__(self, store: GraphStore, clock: Clock, judge: ContradictionJudge) -> None:
        self._store = store
        self._clock = clock
        self._judge = judge

    async def run(self, claim: Claim) -> int:
        """Judge and commit; returns how many decisions were written.

        Raises:
            ExtractionError: no usable ruling; nothing was written.
            StoreUnavailable: the database does not answer; the job is tried again.
        """
        rows = await self._store.read("job_reading", user_id=claim.user_id, uuid=claim.uuid, earlier=0)
        uuids = [memory["uuid"] for memory in rows[0]["memories"]] if rows else []
        found = await self._store.read(
            "contentions", user_id=claim.user_id, **contention_params(uuids), now=self._clock.now()
        )
        pairs = in_time_order(likeliest(found))[:MOST_PAIRS]
        if not pairs:
            return await self._commit(claim, [], None, [])
        rulings = await self._judge.judge([Contention(_dated(old), _dated(new)) for old, new in pairs])
        await account(self._store, claim, rulings.work.calls, self._clock.now())
        left = len(in_time_order(found)) - len(pairs)
        told = [f"{left} pairs of facts that are less alike were not judged"] if left else []
        return await self._commit(claim, pairs, rulings, told)

    async def _commit(self, claim: Claim, pairs: Sequence[Pair], rulings: Rulings | None, told: Sequence[str]) -> int:
        async def work(tx: Any) -> int:
            entered = await enter(tx, claim, self._clock, slots=1)
            if entered is None:
                return 0
            call = entered.call
            decisions: list[Row] = []
            if rulings is not None:
                uuids = sorted({fact["uuid"] for pair in pairs for fact in pair})
                rows = await tx.run("standing_facts", user_id=claim.user_id, uuids=uuids)
                standing = {row["uuid"] for row in rows}
                decisions = [
                    _decision(call, old, new, ruling, rulings.work)
                    for (old, new), ruling in zip(pairs, rulings.rulings, strict=True)
                    if ruling.relation != "none" and {old["uuid"], new["uuid"]} <= standing
                ]
            if decisions:
                await tx.run("create_decisions", decisions=decisions)
                ended = [row["old"] for row in decisions]
                await settle(tx, user_id=claim.user_id, also=ended, now=call.now)
            params: dict[str, Any] = {"uuid": claim.uuid, "dropped": list(told), "now": call.now}
            await tx.run("finish_judging", user_id=claim.user_id, **params)
            return len(decisions)

        return await self._store.write(work, "judging", partition=claim.user_id)


def likeliest(contentions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return for each new fact the standing ones that it most likely contradicts, those with opposite predicates first.

    The others by the words that they share with it, words that all of them share apart; then the newest.
    """
    by_new: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in contentions:
        by_new[row["new"]["uuid"]].append(row)
    chosen: list[Mapping[str, Any]] = []
    for rows in by_new.values():
        words = {row["old"]["uuid"]: set(stem_terms(row["old"]["statement"])) for row in rows}
        common = set[str].intersection(*words.values()) if len(words) > 1 else set[str]()
        wanted = set(stem_terms(rows[0]["new"]["statement"])) - common
        chosen += sorted(
            rows,
            key=lambda row: (
                not row["opposite"],
                -len(wanted & words[row["old"]["uuid"]]),
                -row["old"]["seq"],
            ),
        )[:JUDGED_PER_FACT]
    return chosen


def in_time_order(contentions: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Return each pair once, the fact first that began to hold first; of one instant, the one that was noted first."""
    pairs: dict[tuple[str, str], Pair] = {}
    for row in contentions:
        old, new = sorted((row["old"], row["new"]), key=lambda fact: (fact["valid_at"], *_noted(fact)))
        pairs.setdefault((old["uuid"], new["uuid"]), (old, new))
    return list(pairs.values())


def _noted(fact: Row) -> tuple[datetime, int]:
    return fact["noted_at"], fact["noted_seq"]


def _dated(fact: Row) -> DatedStatement:
    return DatedStatement(
        fact["statement"], fact["valid_at"], fact["noted_at"], fact.get("project"), fact.get("because")
    )


def _decision(call: Call, old: Row, new: Row, ruling: Ruling, work: ModelWork) -> Row:
    if ruling.relation == "corrected":  # what was wrong was said first, whatever time it is about
        old, new = sorted((old, new), key=_noted)
    return {
        "old": old["uuid"],
        "new": new["uuid"],
        "properties": {
            "uuid": call.uuid(f"decision:{old['uuid']}:{new['uuid']}"),
            "kind": ruling.relation,
            "at": call.now,
            "effective_at": new["valid_at"],
            "judge": work.model,
            "reason": ruling.reason,
            "prompt": work.prompt,
            "prompt_hash": work.prompt_hash,
        },
    }
