"""Looking at what is stored, unranked: one memory, a page of memories, the scopes of a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kg.errors import InvalidInput, NotFound
from kg.graph.partition import present
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
_LEAST_TOKENS = 2000
"""What facts and versions may take beside however long a text, which is shown whole."""
_NO_SEQ = 2**62


class Listing:
    """The read side of get_memory, get_memories and list_entities."""

    def __init__(
        self,
        store: GraphStore,
        clock: Clock,
        *,
        facts_shown: int = FACTS_SHOWN,
        facts_listed: int = FACTS_LISTED,
        versions_shown: int = VERSIONS_SHOWN,
    ) -> None:
        self._store = store
        self._clock = clock
        self._facts_shown = facts_shown
        self._facts_listed = facts_listed
        self._versions_shown = versions_shown

    async def memory(self, user_id: str, uuid: str) -> JsonObject:
        """Return one memory whole.

        Raises:
            NotFound: the partition has no such memory.
        """
        row = await self._store.find_one(
            queries.memory_detail,
            user_id=user_id,
            uuid=uuid,
            facts_top_k=self._facts_shown,
            versions_top_k=self._versions_shown,
        )
        if row is None:
            raise NotFound("memory", uuid, "list yours with get_memories")
        memory = row["memory"]
        alone = {
            **render.memory(memory),
            "user_id": user_id,
            "extraction": memory["extraction"],
            **render.compact(
                {
                    "extraction_error": memory.get("extraction_error"),
                    "noise": memory.get("noise_reason") if memory["noise"] else None,
                    "previous": row["previous"],
                    "next": row["next"],
                }
            ),
        }
        left = max(_LEAST_TOKENS, render.ANSWER_TOKENS - render.size(alone))
        facts = _facts(row["facts"], left)
        versions = _versions(row["versions"], left - render.size(facts))
        return {
            **alone,
            **render.compact(
                {
                    "facts": facts,
                    "facts_omitted": _omitted(row["facts_count"], facts),
                    "versions": versions,
                    "versions_omitted": _omitted(row["versions_count"], versions),
                }
            ),
        }

    async def memories(self, scope: Scope, filters: Filter, *, limit: int, cursor: object) -> JsonObject:
        """Return a page of memories, newest first, with the cursor of the next one.

        A page has fewer than ``limit`` where more would be too much for one answer.
        """
        before = _NO_SEQ if cursor is None else _parse_cursor(cursor)
        noise = filters.names("noise")
        found: list[ListedMemory] = []
        scanned = 0
        now = await present(self._store, scope.user_id, self._clock)
        while len(found) <= limit and scanned < SCAN_MOST:
            page = SCAN_PAGE if filters else limit + 1
            rows = await self._store.read(
                queries.list_memories,
                **scope.params(),
                before=before,
                noise=noise,
                now=now,
                facts_top_k=self._facts_listed,
                top_k=page,
            )
            scanned += len(rows)
            found.extend(row for row in rows if _passes(filters, row["memory"]))
            if rows:
                before = rows[-1]["memory"]["seq"]
            if len(rows) < page:
                before = 0
                break
        results = render.fitting([_listed(row) for row in found[:limit]], render.ANSWER_TOKENS)
        left_out = len(found) > len(results)
        position = found[len(results) - 1]["memory"]["seq"] if left_out else before
        return {
            "results": results,
            **render.compact(
                {
                    "cursor": str(position) if left_out or before > 0 else None,
                    "partial": True if not left_out and before > 0 else None,
                }
            ),
        }

    async def scopes(self, user_id: str) -> JsonObject:
        """Return every user, and a user's agents, runs and projects, with counts and last use."""
        summary = await self._store.read_one(queries.scope_summary, user_id=user_id, top_k=SCOPES_SHOWN + 1)
        users = await self._store.read(queries.list_users, top_k=SCOPES_SHOWN + 1)
        lists = {
            "users": users,
            "agents": summary["agents"],
            "runs": summary["runs"],
            "projects": summary["projects"],
        }
        most = render.ANSWER_TOKENS // len(lists)
        shown = {
            kind: render.fitting([_counted(row) for row in rows[:SCOPES_SHOWN]], most) for kind, rows in lists.items()
        }
        longer = [kind for kind, rows in lists.items() if len(shown[kind]) < len(rows)]
        more = f"only the last used are listed of {', '.join(longer)}; name one to read it" if longer else None
        return {"user_id": user_id, "memories": summary["memories"], **shown, **render.compact({"more": more})}


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


def _facts(rows: Sequence[WholeFact], max_tokens: int) -> list[JsonObject]:
    """Render as many facts as fit, whole if all of them fit whole."""
    whole = [render.fact(fact) | _origin(fact) for fact in rows]
    if render.size(whole) <= max_tokens:
        return whole
    return render.fitting([render.fact(fact, render.FACT_CHARS) | _origin(fact) for fact in rows], max_tokens)


def _versions(rows: Sequence[Version], max_tokens: int) -> list[JsonObject]:
    """Render as many versions as fit, the newest first; one that does not fit whole is cut."""
    rendered: list[JsonObject] = []
    for row in rows:
        forms = (
            _version(row, render.WHOLE, render.WHOLE),
            _version(row, render.PASSAGE_CHARS, render.FACT_CHARS),
            _version(row, render.PASSAGE_CHARS, 0),
        )
        form = next((form for form in forms if render.size(form) <= max_tokens), None)
        if form is None:
            break
        max_tokens -= render.size(form)
        rendered.append(form)
    return rendered


def _version(row: Version, max_chars: int, fact_chars: int) -> JsonObject:
    """Render one version; without room for facts it says only how many they were."""
    facts = [
        {"id": fact["uuid"], "fact": render.cut(fact["statement"], fact_chars)} for fact in row["facts"] if fact_chars
    ]
    return render.compact(
        {
            "memory": render.cut(row["text"], max_chars),
            "truncated": len(row["text"]) > max_chars or None,
            "from": render.instant(row["created_at"]),
            "until": render.instant(row["replaced_at"]),
            "metadata": render.metadata(row["metadata"]),
            "facts": facts,
            "facts_omitted": _omitted(row["facts_count"], facts),
        }
    )


def _counted(row: UsedScope) -> JsonObject:
    return render.compact({**row, "last_used": render.instant(row["last_used"])})
