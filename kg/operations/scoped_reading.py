"""Reading within a scope: a project by its short name, and what an empty answer says of the scopes that there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from kg.graph.store import GraphStore
from kg.operations.scopes import meant_project
from kg.recall import queries
from kg.values import JsonObject, Scope

_SHOWN = 20
_SEARCHED = 1000
"""Projects that a short name is looked up in, the most recently used ones first."""


class ScopedReading:
    """Reads within a scope, and explains an empty answer."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def read(
        self, scope: Scope, field: str, answer_in: Callable[[Scope], Awaitable[JsonObject]], *, names_user: bool
    ) -> JsonObject:
        """Return an answer. If it is empty, it says which scopes there are in place of one that holds no memory.

        A project that is given by its short name is looked up, and named as ``project``.

        Args:
            scope: what to read.
            field: the field of an answer that is empty where nothing was found.
            answer_in: reads within a scope.
            names_user: whether the caller named the user.
        """
        answer = await answer_in(scope)
        if answer[field] or (scope == Scope(scope.user_id) and not names_user):
            return answer
        used = await self._store.read_one(queries.scope_summary, user_id=scope.user_id, top_k=_SEARCHED)
        if not used["memories"]:
            if not names_user:
                return answer
            users = await self._store.read(queries.list_users, top_k=_SHOWN)
            return {**answer, "scopes": {"users": [row["id"] for row in users]}}
        projects = [row["id"] for row in used["projects"]]
        meant = None if scope.project is None else meant_project(scope.project, projects)
        if meant is not None and meant != scope.project:
            return {**await answer_in(replace(scope, project=meant)), "project": meant}
        others: JsonObject = {
            kind: [row["id"] for row in rows][:_SHOWN]
            for kind, value, rows in (
                ("projects", scope.project, used["projects"]),
                ("agents", scope.agent_id, used["agents"]),
                ("runs", scope.run_id, used["runs"]),
            )
            if value is not None and value not in (row["id"] for row in rows)
        }
        if any(len(used[kind]) > _SHOWN for kind in ("projects", "agents", "runs") if kind in others):
            others["more"] = "list_entities"
        return {**answer, "scopes": others} if others else answer
