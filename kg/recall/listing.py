"""Looking at what is stored, unranked: one memory, a page of memories, the scopes of a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kg.errors import InvalidInput, NotFound
from kg.graph.store import GraphStore
from kg.ports import Clock
from kg.recall import queries, render
from kg.recall.filters import Filter
from kg.recall.queries import ListedMemory, UsedScope, Version, WholeFact
from kg.values import JsonObject, Scope

SCAN_PAGE = 500
SCAN_MOST = 5000
"""A filtered listing looks at this many memories, then answers with what it has and a cursor."""
SCOPES_SHOWN = 100
FACTS_SHOWN = 200
"""Facts that are shown of one memory; there may be more where the same note was handed in again and again."""
FACTS_LISTED = 10
"""Facts that a listing shows of each memory."""
VERSIONS_SHOWN = 20
VERSION_CHARS = 100_000
"""Characters of all versions together that are shown whole, the newest first; the others are cut."""
_NO_SEQ = 2**62


class Listing:
    """The read side of get_memory, get_memories and list_entities."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def memory(self, user_id: str, uuid: str) -> JsonObject:
        """Return one memory whole.

        Raises:
            NotFound: the partition has no such memory.
        """
        row = await self._store.find_one(
            queries.memory_detail, user_id=user_id, uuid=uuid, facts_top_k=FACTS_SHOWN, versions_top_k=VERSIONS_SHOWN
        )
        if row is None:
            raise NotFound("memory", uuid, "list yours with get_memories")
        memory = row["memory"]
        return {
            **render.memory(memory),
            "user_id": user_id,
            "extraction": memory["extraction"],
            **render.compact(
                {
                    "extraction_error": memory.get("extraction_error"),
                    "noise": memory.get("noise_reason") if memory["noise"] else None,
                    "facts": [render.fact(fact) | _origin(fact) for fact in row["facts"]],
                    "facts_omitted": _omitted(row["facts_count"], row["facts"]),
                    "versions": _versions(row["versions"]),
                    "versions_omitted": _omitted(row["versions_count"], row["versions"]),
                    "previous": row["previous"],
                    "next": row["next"],
                }
            ),
        }

    async def memories(self, scope: Scope, filters: Filter, *, limit: int, cursor: object) -> JsonObject:
        """Return a page of memories, newest first, with the cursor of the next one."""
        before = _NO_SEQ if cursor is None else _parse_cursor(cursor)
        noise = filters.names("noise")
        found: list[ListedMemory] = []
        scanned = 0
        while len(found) <= limit and scanned < SCAN_MOST:
            page = SCAN_PAGE if filters else limit + 1
            rows = await self._store.read(
                queries.list_memories,
                **scope.params(),
                before=before,
                noise=noise,
                now=self._clock.now(),
                facts_top_k=FACTS_LISTED,
                top_k=page,
            )
            scanned += len(rows)
            found.extend(row for row in rows if _passes(filters, row["memory"]))
            if rows:
                before = rows[-1]["memory"]["seq"]
            if len(rows) < page:
                before = 0
                break
        shown = found[:limit]
        position = shown[-1]["memory"]["seq"] if len(found) > limit else before
        more = len(found) > limit or before > 0
        return {
            "results": [_listed(row) for row in shown],
            **render.compact(
                {
                    "cursor": str(position) if more else None,
                    "partial": True if len(found) <= limit and before > 0 else None,
                }
            ),
        }

    async def scopes(self, user_id: str) -> JsonObject:
        """Return every user, and a user's agents, runs and projects, with counts and last use."""
        summary = await self._store.read_one(queries.scope_summary, user_id=user_id, top_k=SCOPES_SHOWN)
        users = await self._store.read(queries.list_users, top_k=SCOPES_SHOWN)
        lists = {
            "users": users,
            "agents": summary["agents"],
            "runs": summary["runs"],
            "projects": summary["projects"],
        }
        return {
            "user_id": user_id,
            "memories": summary["memories"],
            **{kind: [_counted(row) for row in rows] for kind, rows in lists.items()},
        }


def _parse_cursor(cursor: object) -> int:
    text = str(cursor)
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_NO_SEQ)) or int(text) > _NO_SEQ:
        raise InvalidInput("cursor", cursor, "give the cursor of the page before as it was returned")
    return int(text)


def _passes(filters: Filter, memory: Mapping[str, Any]) -> bool:
    return not filters or filters.matches({**memory, "id": memory["uuid"]}, render.metadata(memory["metadata"]))


def _listed(row: ListedMemory) -> JsonObject:
    rendered = render.memory_in_list(row["memory"])
    facts = [render.fact(fact, render.FACT_CHARS) for fact in row["facts"]]
    return {
        **rendered,
        **render.compact({"facts": facts, "facts_omitted": _omitted(row["facts_count"], row["facts"])}),
    }


def _omitted(count: int, shown: Sequence[object]) -> int | None:
    """Return how many were left out, None where none were."""
    return count - len(shown) or None


def _origin(fact: WholeFact) -> JsonObject:
    return render.compact(
        {
            "origin": fact["origin"],
            "model": fact.get("model"),
            "valid_from": fact["valid_from_source"],
            "stated_at": render.instant(fact["created_at"]),
        }
    )


def _versions(rows: Sequence[Version]) -> list[JsonObject]:
    """Render versions, the newest first; whole as long as that is no book."""
    left = VERSION_CHARS
    rendered: list[JsonObject] = []
    for row in rows:
        left -= len(row["text"])
        rendered.append(_version(row, render.WHOLE if left >= 0 else render.PASSAGE_CHARS))
    return rendered


def _version(row: Version, max_chars: int) -> JsonObject:
    return render.compact(
        {
            "memory": render.cut(row["text"], max_chars),
            "truncated": len(row["text"]) > max_chars or None,
            "from": render.instant(row["created_at"]),
            "until": render.instant(row["replaced_at"]),
            "metadata": render.metadata(row["metadata"]),
            "facts": [{"id": fact["uuid"], "fact": fact["statement"]} for fact in row["facts"]],
            "facts_omitted": _omitted(row["facts_count"], row["facts"]),
        }
    )


def _counted(row: UsedScope) -> JsonObject:
    return render.compact({**row, "last_used": render.instant(row["last_used"])})
