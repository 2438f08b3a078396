"""What has changed since an instant: facts that are new, superseded, corrected or ended, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kg.graph.store import GraphStore
from kg.language.words import stem_terms
from kg.recall import queries, render
from kg.recall.queries import Change
from kg.recall.query import Search
from kg.values import JsonObject

MOST_READ = 500


class Changes:
    """The part of search_memories that tells what has changed."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def since(self, search: Search, since: datetime, stems: Sequence[str], max_tokens: int) -> list[JsonObject]:
        """Return what has changed within a search's scope, the last first, at most its limit.

        If any change has a word of the question, which are given as stems, those without are left out.
        """
        params = {**search.scope.params(), "since": since, "now": search.instants.now}
        rows = await self._store.read(queries.changes_since, **params, top_k=MOST_READ)
        asked = frozenset(stems)
        near = [
            row for row in rows if asked & frozenset(stem_terms(f"{row['statement']} {row['new_statement'] or ''}"))
        ]
        return render.fitting([_change(row) for row in (near or rows)[: search.limit]], max_tokens)


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
