"""Contradictions between facts: those that a judge decided, undoing such a decision, and those still open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kg.entities.sameness import follow_sameness
from kg.errors import NotFound
from kg.facts import queries as facts_queries
from kg.facts.contentions import OPPOSITES, contention_params
from kg.facts.derive import refresh_derived
from kg.facts.queries import ContendingFact
from kg.facts.taken_back import restore_taken_back
from kg.graph.partition import Write, once, present
from kg.graph.store import GraphStore
from kg.operations import queries
from kg.operations.queries import DecidedConflict, FactBrief
from kg.ports import Clock
from kg.recall import render
from kg.values import JsonObject, RequestKey

_Pair = tuple[FactBrief | ContendingFact, FactBrief | ContendingFact]


@dataclass(frozen=True)
class Undone:
    """A decision that was undone.

    Attributes:
        fact: uuid of the fact that the decision had ended.
        stands: whether that fact is current again; another decision or a newer value may still end it.
        ended: facts that end again, because the undone decision had taken back what ended them.
    """

    fact: str
    stands: bool
    ended: list[str] = field(default_factory=list[str])


class Decisions:
    """The operations on decisions."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def conflicts(self, user_id: str, *, project: str | None, limit: int) -> JsonObject:
        """Return the decisions that a judge made, newest first, and the open contradictions.

        Open is a pair of current facts with opposite predicates, and a pair that a judge was to decide and did not.
        """
        now = await present(self._store, user_id, self._clock)
        found = await self._store.read_one(
            queries.conflicts, user_id=user_id, project=project, opposites=OPPOSITES, now=now, top_k=limit + 1
        )
        open_pairs: list[_Pair] = [(row["one"], row["other"]) for row in found["open"]]
        open_pairs += await self._unjudged(user_id, project, now)
        pairs = {frozenset((one["uuid"], other["uuid"])): (one, other) for one, other in reversed(open_pairs)}
        shown = [{"facts": [_brief(one), _brief(other)]} for one, other in reversed(pairs.values())]
        decided = [_decided(row) for row in found["decided"]]
        lists = {"open": shown, "decided": decided}
        longer = [name for name, rows in lists.items() if len(rows) > limit]
        return {
            **{name: rows[:limit] for name, rows in lists.items()},
            **render.compact({"more": f"more are {' and '.join(longer)}; raise limit" if longer else None}),
        }

    async def _unjudged(
        self, user_id: str, project: str | None, now: datetime
    ) -> list[tuple[ContendingFact, ContendingFact]]:
        uuids = (await self._store.read_one(queries.unjudged_memories, user_id=user_id))["uuids"]
        if not uuids:
            return []
        found = await self._store.read(facts_queries.contentions, user_id=user_id, **contention_params(uuids), now=now)
        pairs = [(row["old"], row["new"]) for row in found]
        return [pair for pair in pairs if project is None or project in (pair[0]["project"], pair[1]["project"])]

    async def undo(self, user_id: str, key: RequestKey, uuid: str) -> Undone:
        """Undo a decision: the fact that it ended is current again, unless something else ends it.

        A decision that it had taken back counts again. If another value followed a fact by its date alone, give the
        fact's own id. A question about an earlier instant of knowledge still sees the end.

        Raises:
            NotFound: the user has no such decision, or it is undone already.
        """

        async def work(write: Write) -> Undone:
            rows = await write.tx.run(queries.undo_decision, user_id=user_id, uuid=uuid, now=write.now)
            rows = rows or await write.tx.run(
                queries.undo_following, user_id=user_id, uuid=uuid, decision=write.uuid("following"), now=write.now
            )
            if not rows:
                raise NotFound("decision", uuid, "list them with `knowthread facts conflicts`")
            olds = [row["old"] for row in rows]  # a reworded fact has a copy of its decisions
            ended = await restore_taken_back(write.tx, user_id, [uuid], write.now)
            moved = await refresh_derived(write.tx, user_id=user_id, also=[*olds, *ended], now=write.now)
            await follow_sameness(write, moved)
            old = olds[0]
            end = await write.tx.run_one(queries.fact_end, user_id=user_id, uuid=old)
            return Undone(old, _is_open(end["invalid_at"], write.now), ended)

        return await self._store.write(
            lambda tx: once(tx, work, Undone, user_id=user_id, key=key, clock=self._clock),
            "undo_decision",
            partition=user_id,
        )


def _is_open(end: datetime | None, now: datetime) -> bool:
    return end is None or end > now


def _brief(fact: FactBrief | ContendingFact) -> JsonObject:
    return render.compact(
        {
            "id": fact["uuid"],
            "fact": fact["statement"],
            "valid_at": render.instant(fact["valid_at"]),
            "project": fact["project"],
        }
    )


def _decided(row: DecidedConflict) -> JsonObject:
    decision = row["decision"]
    return render.compact(
        {
            "id": decision["uuid"],
            "how": decision["kind"],
            "old": _brief(row["old"]),
            "new": _brief(row["new"]),
            "judge": decision["judge"],
            "reason": decision.get("reason"),
            "at": render.instant(decision["at"]),
            "undone_at": render.instant(decision.get("undone_at")),
        }
    )
