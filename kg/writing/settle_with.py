"""Saying afterwards which facts a stored one replaces: one transaction, and nothing is stored again."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg.errors import NotFound
from kg.graph.partition import Write, once
from kg.graph.store import GraphStore
from kg.ports import Clock
from kg.values import SettleRequest
from kg.writing import queries
from kg.writing.commit import commit
from kg.writing.draft import Draft
from kg.writing.targets import Targets


@dataclass(frozen=True)
class SettleOutcome:
    """What a call settled.

    Attributes:
        facts: the facts that stand.
        ended: facts whose end changed.
    """

    facts: list[str]
    ended: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


class Deciding:
    """The write side of a call that settles stored facts."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def settle(self, request: SettleRequest) -> SettleOutcome:
        """Record what stored facts replace.

        Raises:
            NotFound: the partition has no such current fact.
        """
        return await self._store.write(
            lambda tx: once(
                tx,
                lambda write: self._settle(write, request),
                SettleOutcome,
                user_id=request.user_id,
                key=request.key,
                clock=self._clock,
            ),
            "settle_facts",
            partition=request.user_id,
        )

    async def _settle(self, write: Write, request: SettleRequest) -> SettleOutcome:
        named = [one.fact for one in request.settlements]
        replaced = [uuid for one in request.settlements for uuid in one.supersedes]
        context = await write.tx.run_one(
            queries.settle_context, user_id=request.user_id, uuids=list(dict.fromkeys([*named, *replaced]))
        )
        targets = Targets.of(context["facts"], context["owners"])
        draft = Draft(write, {})
        facts: list[str] = []
        for index, one in enumerate(request.settlements):
            fact = targets.find(one.fact)
            if fact is None:
                raise NotFound("fact", one.fact, targets.why_not(one.fact))
            facts.append(fact["uuid"])
            draft.add_decisions(f"facts[{index}]", one, fact, targets)
        ended = await commit(write, draft)
        return SettleOutcome(facts, ended, draft.warnings)
