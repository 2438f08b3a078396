"""Have a model order what a search found, in one request."""

from __future__ import annotations

from collections.abc import Sequence

from extract.prompts.answers import Asks, OrderOutput
from extract.prompts.load import data, load_prompt
from extract.prompts.tags import lines, tag
from kg.model_values import Order

MAX_TOKENS = 2048


class ModelReranker:
    """A ``Reranker`` that asks a model."""

    def __init__(self, router: Asks) -> None:
        self._router = router

    async def rerank(self, question: str, texts: Sequence[str]) -> Order:
        """Return the order of one or more texts, from one request.

        Raises:
            ExtractionError: no usable answer. An answer with an unknown or a repeated number is not usable.
        """
        rendered = load_prompt("rerank").render(
            question=data(question),
            memories=lines(tag("memory", text, n=str(number)) for number, text in enumerate(texts, start=1)),
        )
        answer = await self._router.ask("rerank", rendered, OrderOutput, items=len(texts), max_output_tokens=MAX_TOKENS)
        return Order(tuple(number - 1 for number in answer.value.order), answer.work)
