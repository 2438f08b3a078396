"""A model's order for the best hits of a search, where the caller asked for it. A model that fails changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kg.errors import ExtractionError, StoreUnavailable
from kg.graph.spending import account_calls
from kg.graph.store import GraphStore
from kg.model_values import ModelCall
from kg.ports import Clock, Reranker
from kg.recall.ranking import Ranked

log = logging.getLogger(__name__)

RERANKED = 20
"""So many of the best hits a model is shown."""
TIMEOUT_S = 20.0
"""Somebody waits for the answer: longer than this nobody asks a model for an order."""


class Reranking:
    """Reorders hits by one model call, and accounts for it."""

    def __init__(self, store: GraphStore, reranker: Reranker, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._store = store
        self._reranker = reranker
        self._clock = clock

    async def reorder(
        self, user_id: str, question: str, ranked: Sequence[Ranked], texts: Mapping[str, str]
    ) -> tuple[list[Ranked], str | None]:
        """Return the hits in the model's order, and why they are in the former one where that is so.

        The hits that it leaves out keep their order behind the others; all scores are dealt out again from the top,
        so that a score still orders the answer.

        Args:
            user_id: who is charged.
            question: what was asked.
            ranked: hits, best first.
            texts: what to show of each by uuid; a hit without a text keeps its place behind those with one.
        """
        shown = [hit for hit in ranked if hit.uuid in texts]
        if not shown:
            return list(ranked), None
        try:
            async with asyncio.timeout(self._timeout_s):
                order = await self._reranker.rerank(question, [texts[hit.uuid] for hit in shown])
        except TimeoutError:
            return list(ranked), f"not reranked: no answer within {self._timeout_s:g} s"
        except ExtractionError as error:
            await self._account(user_id, error.calls)
            return list(ranked), f"not reranked: {error}"
        await self._account(user_id, order.work.calls)
        first = [shown[position] for position in order.positions]
        chosen = {hit.uuid for hit in first}
        reordered = [*first, *(hit for hit in ranked if hit.uuid not in chosen)]
        scores = sorted((hit.score for hit in ranked), reverse=True)
        return [replace(hit, score=score) for hit, score in zip(reordered, scores, strict=True)], None

    async def _account(self, user_id: str, calls: Sequence[ModelCall]) -> None:
        try:
            await account_calls(self._store, user_id, calls, self._clock.now())
        except StoreUnavailable as error:
            log.warning("the calls of a search are not accounted: %s", error)
