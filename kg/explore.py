"""The graph as an agent walks it: search_graph and get_entity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kg import render
from kg.errors import InvalidInput, KgError, NotFound
from kg.fulltext import entity_query, user_key
from kg.graph_store import GraphStore, Row
from kg.history import Instants, standings
from kg.models import Scope
from kg.names import alias_key
from kg.ports import Embedder, IndexQuery, VectorIndex
from kg.render import JsonObject

FACTS_PER_ENTITY = 5
_MOST_READ = 1000
_NEAR = 0.35


@dataclass(frozen=True)
class EntityPage:
    """One call of get_entity, validated.

    Attributes:
        direction: ``out`` (it is the subject), ``in`` (it is the object) or ``both``.
    """

    name: str | None
    uuid: str | None
    scope: Scope
    instants: Instants
    direction: str = "both"
    include_superseded: bool = False
    limit: int = 20


class Explore:
    """The read side of search_graph and get_entity."""

    def __init__(self, store: GraphStore, index: VectorIndex, embedder: Embedder) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder

    async def find(self, user_id: str, *, name: str | None, uuid: str | None) -> Row:
        """Return the entity that a name or uuid means; a merged one leads to what it was merged into.

        Raises:
            NotFound: there is none; the message names the nearest.
        """
        if uuid is None and name is not None and _is_uuid(name):
            name, uuid = None, name
        keys = [] if name is None else [alias_key(name)]
        rows = await self._store.read("find_entities", user_id=user_id, keys=keys, uuids=[uuid] if uuid else [])
        if rows and rows[0]["merged_into"]:
            rows = await self._store.read("find_entities", user_id=user_id, keys=[], uuids=[rows[0]["merged_into"]])
        if not rows:
            near = [] if name is None else await self._ranked(user_id, name, 5, [])
            names = ", ".join(row["name"] for row in await self._rows(user_id, near))
            raise NotFound("entity", name or uuid or "", f"nearest: {names}" if names else "see search_graph")
        return rows[0]

    async def page(self, page: EntityPage) -> JsonObject:
        """Return one entity with its facts, newest first."""
        entity = await self.find(page.scope.user_id, name=page.name, uuid=page.uuid)
        shown, hidden = await self._facts(page, entity["uuid"])
        return {
            **_entity(entity),
            "facts": [_fact_of_entity(fact) for fact in shown[: page.limit]],
            **render.compact(
                {
                    "hidden": hidden or None,
                    "more": "older facts were left out; raise limit" if len(shown) > page.limit else None,
                }
            ),
        }

    async def search(self, query: str, scope: Scope, limit: int, instants: Instants) -> JsonObject:
        """Return entities by name, words and meaning (or the most connected), each with its facts of then."""
        degraded: list[str] = []
        if query.strip():
            uuids = await self._ranked(scope.user_id, query, limit, degraded)
        else:
            rows = await self._store.read("entities_connected", user_id=scope.user_id, top_k=limit)
            uuids = [row["uuid"] for row in rows]
        results: list[JsonObject] = []
        for entity in await self._rows(scope.user_id, uuids):
            page = EntityPage(None, entity["uuid"], scope, instants, limit=FACTS_PER_ENTITY)
            facts, _ = await self._facts(page, entity["uuid"])
            if facts or scope == Scope(scope.user_id):
                relations = [_fact_of_entity(fact) for fact in facts[:FACTS_PER_ENTITY]]
                results.append({**_entity(entity), "relations": relations})
        return {"results": results, **render.compact({"degraded": degraded})}

    async def relations(self, scope: Scope, uuids: Sequence[str], instants: Instants) -> list[JsonObject]:
        """Return the facts one hop round entities as mem0 writes relations: source, relationship, target."""
        found: dict[str, JsonObject] = {}
        for uuid in uuids:
            page = EntityPage(None, uuid, scope, instants, limit=FACTS_PER_ENTITY)
            for fact in (await self._facts(page, uuid))[0][:FACTS_PER_ENTITY]:
                if fact["subject"] and fact["object"]:
                    found[fact["uuid"]] = render.compact(
                        {
                            "source": fact["subject"],
                            "relationship": fact["predicate"],
                            "target": render.cut(fact["object"], render.FACT_CHARS),
                            "valid_at": render.instant(fact["valid_at"]),
                        }
                    )
        return list(found.values())

    async def _facts(self, page: EntityPage, uuid: str) -> tuple[list[Row], int]:
        """Return at most one fact more than the limit, and how many others there are that did not hold."""
        instants = page.instants
        past = instants.known_at is not None
        params = {
            **page.scope.params(),
            "entity_uuid": uuid,
            "outgoing": page.direction in ("out", "both"),
            "incoming": page.direction in ("in", "both"),
            "at": instants.t,
            "history": past,
        }
        if not past and not page.include_superseded:
            rows = await self._store.read("entity_facts", **params, all=False, top_k=page.limit + 1)
            counted = await self._store.read("count_entity_facts", **params)
            return [row["fact"] for row in rows], int(counted[0]["hidden"])
        rows = await self._store.read("entity_facts", **params, all=True, top_k=_MOST_READ)
        facts: list[Row] = [row["fact"] for row in rows]
        if past:
            found = await standings(self._store, page.scope.user_id, [fact["uuid"] for fact in facts], instants)
            facts = [{**fact, "invalid_at": found[fact["uuid"]].end} for fact in facts if found[fact["uuid"]].known]
            if not page.include_superseded:
                held = [fact for fact in facts if found[fact["uuid"]].held]
                return held[: page.limit + 1], len(facts) - len(held)
        return facts[: page.limit + 1], 0

    async def _ranked(self, user_id: str, query: str, limit: int, degraded: list[str]) -> list[str]:
        """Return entities that answer to a text, best first: exact name, part of a name, words, meaning."""
        rows = await self._store.read(
            "entities_by_text",
            user_id=user_id,
            key=_key_or_nothing(query),
            words=entity_query(query, user_key(user_id)) or "",
            top_k=limit * 2,
        )
        scores: dict[str, float] = {}
        best_words = max((row["score"] for row in rows if row["way"] == "words"), default=1.0)
        for row in rows:
            score = 1.0 + row["score"] if row["way"] == "alias" else 0.8 * row["score"] / best_words
            scores[row["uuid"]] = max(scores.get(row["uuid"], 0.0), score)
        try:
            vector = await self._embedder.embed_query(query)
            hits = (await self._index.search([IndexQuery("text", vector, "entity", user_id, limit * 2)]))[0]
        except KgError as error:
            degraded.append(f"names only, no meaning: {error}")
            hits = []
        for hit in hits:
            if hit.similarity >= _NEAR:
                scores[hit.uuid] = scores.get(hit.uuid, 0.0) + hit.similarity
        return sorted(scores, key=lambda uuid: (-scores[uuid], uuid))[:limit]

    async def _rows(self, user_id: str, uuids: Sequence[str]) -> list[Row]:
        rows = await self._store.read("find_entities", user_id=user_id, keys=[], uuids=list(uuids))
        by_uuid = {row["uuid"]: row for row in rows if row["merged_into"] is None}
        return [by_uuid[uuid] for uuid in uuids if uuid in by_uuid]


def _entity(row: Row) -> JsonObject:
    names = sorted(alias for alias in row["aliases"] if alias != row["name"].casefold())
    return render.compact({"id": row["uuid"], "name": row["name"], "kind": row["kind"], "aliases": names})


def _fact_of_entity(fact: Row) -> JsonObject:
    return {
        **render.fact(fact, render.FACT_CHARS),
        "direction": fact["direction"],
        "memory": render.compact(
            {
                "id": fact["memory_uuid"],
                "project": fact["memory_project"],
                "at": render.instant(fact["memory_occurred_at"]),
            }
        ),
    }


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _key_or_nothing(query: str) -> str:
    try:
        return alias_key(query)
    except InvalidInput:
        return ""
