"""Have a model judge contradictions: one request for all pairs that may not both hold, or several if they are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from extract.prompts.answers import Asks, RulingsOutput, one_line
from extract.prompts.load import load_prompt
from extract.prompts.tags import lines, tag
from kg.errors import ExtractionError
from kg.facts.endings import UNKNOWN_START
from kg.model_values import Contention, DatedStatement, ModelCall, Ruling, Rulings

MOST_PAIRS = 20
"""Most pairs in one request, because a small model leaves more items out of a longer list."""


class ModelJudge:
    """A ``ContradictionJudge`` that asks a model."""

    def __init__(self, router: Asks) -> None:
        self._router = router

    async def judge(self, contentions: Sequence[Contention]) -> Rulings:
        """Return a ruling for each contention, in order; each request holds at most ``MOST_PAIRS``.

        Raises:
            ExtractionError: no usable answer. An answer that omits or adds a contention is not usable. The error also
                carries the calls of the requests before it.
        """
        rulings: list[Ruling] = []
        calls: tuple[ModelCall, ...] = ()
        while True:
            try:
                some = await self._ask(contentions[len(rulings) : len(rulings) + MOST_PAIRS])
            except ExtractionError as error:
                error.calls = (*calls, *error.calls)
                raise
            rulings.extend(some.rulings)
            calls = (*calls, *some.work.calls)
            if len(rulings) == len(contentions):
                return Rulings(tuple(rulings), replace(some.work, calls=calls))

    async def _ask(self, contentions: Sequence[Contention]) -> Rulings:
        rendered = load_prompt("contradict").render(
            pairs=lines(_pair(number, contention) for number, contention in enumerate(contentions, start=1))
        )
        answer = await self._router.ask("contradict", rendered, RulingsOutput, items=len(contentions))
        rulings = sorted(answer.value.rulings, key=lambda ruling: ruling.item)
        return Rulings(tuple(Ruling(ruling.relation, one_line(ruling.reason)) for ruling in rulings), answer.work)


def _pair(number: int, contention: Contention) -> str:
    earlier, later = _statement("earlier", contention.earlier), _statement("later", contention.later)
    return f'<pair n="{number}">\n{earlier}\n{later}\n</pair>'


def _statement(name: str, dated: DatedStatement) -> str:
    """Return a statement with when it began to hold, when it was written down, its project and its reason."""
    return tag(
        name,
        dated.statement if dated.because is None else f"{dated.statement} (because: {dated.because})",
        **{"from": _moment(dated.valid_at)},
        noted=_moment(dated.stated_at),
        project=dated.project,
    )


def _moment(instant: datetime) -> str:
    return "unknown" if instant == UNKNOWN_START else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"
