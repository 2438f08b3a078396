"""What has changed since an instant: facts that are new, superseded, corrected or ended, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from kg.graph.store import GraphStore
from kg.language.words import stem_terms
from kg.recall import queries, render
from kg.recall.queries import Change
from kg.recall.request import Search
from kg.values import JsonObject

PAGE = 500
"""Changes that are read together, until enough of them have a word of the question."""


class Changes:
    """The part of search_memories that tells what has changed."""

    def __init__(self, store: GraphStore, page: int = PAGE) -> None:
        self._store = store
        self._page = page

    async def since(self, search: Search, since: datetime, stems: Sequence[str], max_tokens: int) -> JsonObject:
        """Return as ``changes`` what has changed within a search's scope, the last first, at most its limit.

        If any change has a word of the question, which are given as stems, those without are left out. ``more_changes``
        says that there are more.
        """
        params = {**search.scope.params(), "since": since, "now": search.instants.now}
        asked = frozenset(stems)
        last: list[Change] = []
        near: list[Change] = []
        for skip in count(0, self._page):
            rows = await self._store.read(queries.changes_since, **params, skip=skip, top_k=self._page)
            last = last or rows
            near += [row for row in rows if asked & _words(row)]
            if len(rows) < self._page or len(near) > search.limit or not asked:
                break
        found = near or last
        shown = render.fitting([_change(row) for row in found[: search.limit]], max_tokens)
        more = "earlier changes were left out; raise limit or max_tokens" if len(shown) < len(found) else None
        return {"changes": shown, **render.compact({"more_changes": more})}


def _words(row: Change) -> frozenset[str]:
    return frozenset(stem_terms(f"{row['statement']} {row['new_statement'] or ''}"))


def _change(row: Change) -> JsonObject:
    successor = render.compact({"id": row["new_uuid"], "fact": render.cut(row["new_statement"], render.FACT_CHARS)})
    return render.compact(
        {
            "at": render.instant(row["at"]),
            "how": row["how"],
            "id": row["uuid"],
            "fact": render.cut(row["statement"], render.FACT_CHARS),
            "replaced_by": successor,
            "by": row["decided_by"],
            "reason": render.cut(row["reason"], render.FACT_CHARS),
            "memory": row["memory_uuid"],
            "project": row["project"],
            "agent_id": row["agent_id"],
        }
    )
