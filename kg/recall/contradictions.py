"""Facts that contradict each other and both hold: an answer that shows one says so, until somebody settles it."""

from __future__ import annotations

from collections.abc import Sequence

from kg.facts.contentions import OPPOSITES
from kg.facts.held_at import Instants
from kg.graph.store import GraphStore
from kg.recall import queries, render
from kg.values import JsonObject, Scope

SHOWN = 3
"""Most contradictions that are shown of one fact."""


class Contradictions:
    """Finds open contradictions of the facts that an answer shows."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def mark(self, scope: Scope, facts: Sequence[JsonObject], instants: Instants, max_tokens: int) -> None:
        """Add ``contradicted_by`` to the facts that another current one within the scope contradicts.

        Args:
            scope: what is read.
            facts: facts as they are shown; of a question about the past nothing is said.
            instants: what is asked about.
            max_tokens: most that may be added in all.
        """
        asked = [fact for fact in facts if not fact.get("replaced_by")]
        if not asked or instants.past:
            return
        rows = await self._store.read(
            queries.contradicted_facts,
            **scope.params(),
            uuids=list(dict.fromkeys(fact["id"] for fact in asked)),
            opposites=OPPOSITES,
            now=instants.now,
            top_k=SHOWN,
        )
        found = {row["uuid"]: row for row in rows}
        for fact in asked:
            row = found.get(fact["id"])
            if row is None:
                continue
            by = [render.fact(other, render.FACT_CHARS) for other in row["by"]]
            max_tokens -= render.size(by)
            if max_tokens >= 0:
                fact["contradicted_by"] = by
            left_out = row["found"] - (len(by) if max_tokens >= 0 else 0)
            if left_out:
                fact["contradicted_by_omitted"] = left_out
