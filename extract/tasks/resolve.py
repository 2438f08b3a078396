"""Have a model say whether two names mean one thing: one request for all pairs that spelling cannot decide."""

from __future__ import annotations

from collections.abc import Sequence

from extract.prompts.answers import Asks, VerdictsOutput, one_line
from extract.prompts.load import load_prompt
from extract.prompts.tags import lines, tag
from kg.model_values import NameInContext, NamePair, Sameness

TOKENS_PER_PAIR = 100
LEAST_TOKENS = 8192


class ModelNameJudge:
    """A ``NameJudge`` that asks a model."""

    def __init__(self, router: Asks) -> None:
        self._router = router

    async def compare(self, pairs: Sequence[NamePair]) -> Sameness:
        """Return a verdict for each pair, in order, from one request.

        Raises:
            ExtractionError: no usable answer. An answer that omits or adds a pair is not usable.
        """
        rendered = load_prompt("resolve").render(
            pairs=lines(
                f'<pair n="{number}">\n{_tagged("left", pair.left)}\n{_tagged("right", pair.right)}\n</pair>'
                for number, pair in enumerate(pairs, start=1)
            )
        )
        answer = await self._router.ask(
            "resolve",
            rendered,
            VerdictsOutput,
            items=len(pairs),
            max_output_tokens=max(LEAST_TOKENS, TOKENS_PER_PAIR * len(pairs)),
        )
        verdicts = sorted(answer.value.verdicts, key=lambda verdict: verdict.item)
        return Sameness(tuple((verdict.same, one_line(verdict.reason)) for verdict in verdicts), answer.work)


def _tagged(side: str, name: NameInContext) -> str:
    context = "".join(f"\n- {' '.join(statement.split())}" for statement in name.context)
    return tag(side, f"{name.name}{context}", kind=name.kind)
