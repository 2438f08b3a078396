"""The order in which the parts of a service end, whatever one of them does at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kg.index.holder import IndexHolder
    from kg.mending.daily import DailyCheck
    from kg.operations.parts import Parts
    from kg.recall.term_counts import CountKeeper
    from mcp_server.service.model_side import ModelSide

log = logging.getLogger(__name__)

Ending = tuple[str, Callable[[], Awaitable[None]]]
"""What a part is called in the log, and what ends it."""


def endings_of(
    parts: Parts | None,
    model_side: ModelSide | None,
    daily: DailyCheck | None,
    count_keeper: CountKeeper | None,
    holder: IndexHolder | None,
) -> Iterator[Ending]:
    """Return how each part ends that has started: those that use others first."""
    if model_side is not None:
        yield "the models", model_side.stop
    if daily is not None:
        yield "the daily look at the graph", daily.stop
    if count_keeper is not None:
        yield "counting words", count_keeper.stop
    if parts is not None:
        yield "the indexer", parts.indexer.stop
        yield "deleting", parts.deleting.stop
        yield "counting", parts.recall_counts.stop
        yield "the index", parts.index.close
        yield "the embedder", parts.embedder.close
    if holder is not None:
        yield "the hold on the index", holder.stop
    if parts is not None:
        yield "the connections to Neo4j", parts.store.close


async def end_all(endings: Iterable[Ending], patience_s: float) -> None:
    """End one part after the other. If one fails, or takes longer than ``patience_s``, that is logged."""
    for name, end in endings:
        ending = asyncio.ensure_future(end())
        done, _ = await asyncio.wait([ending], timeout=patience_s)
        if not done:
            ending.cancel()
            log.error("%s did not end within %.0f s", name, patience_s)
        elif ending.cancelled() or ending.exception() is not None:
            log.error("%s did not end as it should", name, exc_info=None if ending.cancelled() else ending.exception())
