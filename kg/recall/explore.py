"""The graph as an agent walks it: search_graph and get_entity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from kg.errors import InvalidInput, KgError, NotFound
from kg.facts.held_at import Instants, standings
from kg.facts.kinds import word_key
from kg.facts.predicates import ENTITY_KINDS
from kg.graph import queries as graph_queries
from kg.graph.queries import FoundEntity
from kg.language.lucene import entity_query, user_key
from kg.language.names import SELF_KEY, alias_key, former_key, is_self
from kg.ports import Embedder, IndexQuery, VectorIndex
from kg.recall import queries, render
from kg.recall.queries import EntityFact, RankedEntity
from kg.recall.request import EntityPage
from kg.values import UNKNOWN_START, JsonObject, Scope

if TYPE_CHECKING:
    from kg.graph.store import GraphStore

FACTS_PER_ENTITY = 5
REPLACED_SHOWN = 3
"""Replaced facts on the page of an entity."""
_MOST_LOOKED_AT = 50
_RELATED = 3
"""Entities of a question whose facts are shown with its answer."""
_MORE_FACTS = "other facts: get_entity"
PAGE = 1000
"""Facts of the past that are looked at together, until enough of them held or there are no more."""
NEWEST = 2000
"""Memories of a scope by whose facts the empty search finds what is most connected there."""
_CHECKED = ((1000, 100), (1_000_000, 1000))
"""Hits by words and neighbours in meaning that are checked against a scope; the second where the first give too few."""
_ANY_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_NEAR = 0.35


@dataclass(frozen=True)
class _Facts:
    """Facts of an entity, and how many others did not hold."""

    facts: list[EntityFact]
    hidden: int


class Explore:
    """The read side of search_graph and get_entity."""

    def __init__(
        self, store: GraphStore, index: VectorIndex, embedder: Embedder, page: int = PAGE, newest: int = NEWEST
    ) -> None:
        self._page = page
        self._newest = newest
        self._store = store
        self._index = index
        self._embedder = embedder

    async def find(self, user_id: str, *, name: str | None, uuid: str | None) -> FoundEntity:
        """Return the entity that a name or uuid means; a merged one leads to what it was merged into.

        Raises:
            NotFound: there is none; the message names the nearest.
        """
        if uuid is None and name is not None and _is_uuid(name):
            name, uuid = None, name
        keys = [] if name is None else [SELF_KEY if is_self(name) else alias_key(name)]
        entity = await self._find(user_id, keys, [uuid] if uuid else [])
        if entity is None and name is not None and is_self(name):  # a thing of that name, such as the class User
            entity = await self._find(user_id, [alias_key(f"{name} {kind}") for kind in ENTITY_KINDS], [])
        if entity is None and name is not None:
            entity = await self._find(user_id, [word_key(alias_key(name))], [])
        if entity is None and name is not None:
            entity = await self._find_former(user_id, name)
        if entity is not None and entity["merged_into"]:
            entity = await self._find(user_id, [], [entity["merged_into"]])
        if entity is None:
            near = [] if name is None else await self._ranked(Scope(user_id), name, 5, _ANY_TIME, [])
            names = ", ".join(row["name"] for row in await self._rows(user_id, near))
            raise NotFound("entity", name or uuid or "", f"nearest: {names}" if names else "see search_graph")
        return entity

    async def _find_former(self, user_id: str, name: str) -> FoundEntity | None:
        """Return the entity that an older graph holds under the former key of a name, if it is called so."""
        key, former = alias_key(name), former_key(name)
        found = await self._find(user_id, [former], []) if former not in ("", key) else None
        return found if found is not None and _key_or_nothing(found["name"]) == key else None

    async def _find(self, user_id: str, keys: Sequence[str], uuids: Sequence[str]) -> FoundEntity | None:
        """Return the first entity of those keys or uuids: a person may have bound one name to two entities by hand."""
        found = await self._store.read(graph_queries.find_entities, user_id=user_id, keys=list(keys), uuids=list(uuids))
        return found[0] if found else None

    async def page(self, page: EntityPage) -> JsonObject:
        """Return one entity with its facts, newest first."""
        entity = await self.find(page.scope.user_id, name=page.name, uuid=page.uuid)
        found = await self._facts(page, entity["uuid"])
        replaced = [] if page.include_superseded else await self._replaced(page, entity["uuid"], found)
        wanted = found.facts[: page.limit]
        facts = render.fitting([_fact_of_entity(fact) for fact in wanted], render.ANSWER_TOKENS)
        more = "older facts were left out; raise limit" if len(found.facts) > page.limit else None
        if len(facts) < len(wanted):
            more = f"{len(wanted) - len(facts)} older facts did not fit; ask for one direction or a project"
        return {
            **_entity(entity),
            "facts": facts,
            **render.compact(
                {
                    "superseded": [_fact_of_entity(fact) for fact in replaced],
                    "hidden": found.hidden or None,
                    "more": more,
                }
            ),
        }

    async def _replaced(self, page: EntityPage, uuid: str, found: _Facts) -> list[EntityFact]:
        """Return the newest facts that hold no longer and say what took their place; where none holds, any that did."""
        if not found.hidden:
            return []
        held = {fact["uuid"] for fact in found.facts}
        t = page.instants.t
        if page.instants.known_at is None:
            read = await self._store.read_one(
                queries.entity_facts,
                **_asked(page),
                uuids=[uuid],
                which="replaced" if held else "ended",
                history=False,
                skip=0,
                top_k=_MOST_LOOKED_AT,
            )
            ended = read["facts"]
        else:
            ever = await self._facts(replace(page, include_superseded=True, limit=_MOST_LOOKED_AT), uuid)
            ended = [
                fact
                for fact in ever.facts
                if fact["invalid_at"] is not None
                and (fact["invalid_at"] <= t or fact["invalid_at"] <= fact["valid_at"])
            ]
        shown = [fact for fact in ended if fact["uuid"] not in held and (fact["replaced_by"] or not held)]
        return shown[:REPLACED_SHOWN]

    async def search(self, query: str, scope: Scope, limit: int, instants: Instants) -> JsonObject:
        """Return entities by name, words and meaning (or the most connected), each with its facts of then."""
        degraded: list[str] = []
        within: str | None = None
        if query.strip():
            uuids = await self._ranked(scope, query, limit + 1, instants.t, degraded)
        else:
            uuids, within = await self._most_connected(scope, limit + 1, instants.t)
        entities = await self._rows(scope.user_id, uuids[:limit])
        facts = await self._facts_of_each([entity["uuid"] for entity in entities], scope, instants)
        results = [
            {
                **_entity(entity),
                "relations": [_fact_of_entity(fact) for fact in facts[entity["uuid"]][:FACTS_PER_ENTITY]],
                **render.compact(
                    {
                        "more": _MORE_FACTS if len(facts[entity["uuid"]]) > FACTS_PER_ENTITY else None,
                        "past": await self._past(scope, entity["uuid"], facts[entity["uuid"]], instants),
                    }
                ),
            }
            for entity in entities
            if facts[entity["uuid"]] or not scope.narrowed
        ]
        shown = render.fitting(results, render.ANSWER_TOKENS)
        omitted = f"{len(results) - len(shown)} more did not fit; lower limit" if len(shown) < len(results) else None
        more = "others answer to it too; raise limit" if len(uuids) > limit else None
        return {
            "results": shown,
            **render.compact({"omitted": omitted, "more": more, "note": within, "degraded": degraded}),
        }

    async def _most_connected(self, scope: Scope, top_k: int, at: datetime) -> tuple[list[str], str | None]:
        """Return the most connected entities, and what was not looked at for that, if anything."""
        if not scope.narrowed:
            rows = await self._store.read(queries.entities_connected, user_id=scope.user_id, at=at, top_k=top_k)
            return [row["uuid"] for row in rows], None
        found = await self._store.read_one(
            queries.entities_connected_within, **scope.params(), at=at, newest_top_k=self._newest, top_k=top_k
        )
        cut = found["looked_at"] == self._newest
        note = f"counted in the newest {self._newest} memories; a query finds all others" if cut else None
        return [row["uuid"] for row in found["entities"]], note

    async def _past(self, scope: Scope, uuid: str, held: Sequence[EntityFact], instants: Instants) -> str | None:
        """Say of an entity that only facts name which did not hold at that time; None of any other."""
        if held:
            return None
        counted = await self._store.read_one(
            queries.count_entity_facts,
            **scope.params(),
            entity_uuid=uuid,
            outgoing=True,
            incoming=True,
            at=instants.t,
            known_at=instants.known_at,
        )
        many = counted["hidden"]
        return (
            f"none of the {many} facts about it holds; get_entity shows them with include_superseded" if many else None
        )

    async def relations(
        self, scope: Scope, uuids: Sequence[str], instants: Instants, max_tokens: int
    ) -> tuple[list[JsonObject], str | None]:
        """Return the facts one hop round entities as mem0 writes relations: source, relationship, target.

        If there are more of them, the second part says how to see them.
        """
        found: dict[str, JsonObject] = {}
        related = await self._facts_of_each(uuids[:_RELATED], scope, instants)
        for facts in related.values():
            for fact in facts[:FACTS_PER_ENTITY]:
                if fact["subject"] and fact["object"]:
                    found[fact["uuid"]] = render.compact(
                        {
                            "source": fact["subject"],
                            "relationship": fact["predicate"],
                            "target": render.cut(fact["object"], render.FACT_CHARS),
                            "valid_at": render.instant(fact["valid_at"]),
                        }
                    )
        shown = render.fitting(list(found.values()), max_tokens)
        whole = len(uuids) <= _RELATED and all(len(facts) <= FACTS_PER_ENTITY for facts in related.values())
        return shown, None if whole and len(shown) == len(found) else _MORE_FACTS

    async def _facts_of_each(
        self, uuids: Sequence[str], scope: Scope, instants: Instants
    ) -> dict[str, list[EntityFact]]:
        """Return the newest facts of each entity that held, one more than ``FACTS_PER_ENTITY`` where there are more."""
        if instants.known_at is not None:  # each takes the whole of its history
            return {uuid: await self._first_facts(uuid, scope, instants) for uuid in uuids}
        rows = await self._store.read(
            queries.entity_facts,
            **scope.params(),
            uuids=list(uuids),
            outgoing=True,
            incoming=True,
            at=instants.t,
            known_at=None,
            which="held",
            history=False,
            skip=0,
            top_k=FACTS_PER_ENTITY + 1,
        )
        later = await self._not_begun(scope.user_id, (fact for row in rows for fact in row["facts"]), instants)
        return {
            row["uuid"]: row["facts"]
            if later.isdisjoint(fact["uuid"] for fact in row["facts"])
            else await self._first_facts(row["uuid"], scope, instants)
            for row in rows
        }

    async def _first_facts(self, uuid: str, scope: Scope, instants: Instants) -> list[EntityFact]:
        """Return the newest facts of an entity that held, however many others are in between."""
        return (await self._facts(EntityPage(None, uuid, scope, instants, limit=FACTS_PER_ENTITY), uuid)).facts

    async def _facts(self, page: EntityPage, uuid: str) -> _Facts:
        """Return at most one fact more than the limit, and how many others there are that did not hold.

        Whether a fact held in the past is computed here, so facts are read page by page until enough of them did.
        """
        instants = page.instants
        past = instants.known_at is not None
        params = _asked(page)
        most = self._page if past else page.limit + 1
        found: list[EntityFact] = []
        looked = passed = 0
        while len(found) <= page.limit:
            read = await self._store.read_one(
                queries.entity_facts,
                **params,
                uuids=[uuid],
                which="all" if page.include_superseded else "held",
                history=past,
                skip=looked,
                top_k=most,
            )
            facts = read["facts"]
            known = await self._known_then(page, facts) if past else await self._begun(page, facts)
            held = [fact for fact, held in known if held or page.include_superseded]
            found += held
            passed += len(known) - len(held)
            looked += len(facts)
            if len(facts) < most:
                break
        if page.include_superseded:
            return _Facts(found[: page.limit + 1], 0)
        counted = await self._store.read_one(queries.count_entity_facts, **params, entity_uuid=uuid)
        return _Facts(found[: page.limit + 1], counted["hidden"] + passed)

    async def _known_then(self, page: EntityPage, facts: Sequence[EntityFact]) -> list[tuple[EntityFact, bool]]:
        """Return the facts that were known then, with their end as known then, and whether each held."""
        stood = await standings(self._store, page.scope.user_id, [fact["uuid"] for fact in facts], page.instants)
        return [
            ({**fact, "invalid_at": stood[fact["uuid"]].end}, stood[fact["uuid"]].held)
            for fact in facts
            if stood[fact["uuid"]].known
        ]

    async def _begun(self, page: EntityPage, facts: Sequence[EntityFact]) -> list[tuple[EntityFact, bool]]:
        """Return facts that hold by their dates, and whether each had begun."""
        later = (
            set[str]() if page.include_superseded else await self._not_begun(page.scope.user_id, facts, page.instants)
        )
        return [(fact, fact["uuid"] not in later) for fact in facts]

    async def _not_begun(self, user_id: str, facts: Iterable[EntityFact], instants: Instants) -> set[str]:
        """Return the facts of unknown beginning in whose place another value held; the graph alone does not tell."""
        undated = [fact["uuid"] for fact in facts if fact["valid_at"] == UNKNOWN_START]
        found = await standings(self._store, user_id, undated, instants)
        return {uuid for uuid, standing in found.items() if not standing.held}

    async def _ranked(self, scope: Scope, query: str, limit: int, at: datetime, degraded: list[str]) -> list[str]:
        """Return entities that answer to a text, best first: exact name, part of a name, words, meaning."""
        checked = _CHECKED if scope.narrowed else ((limit * 2, limit * 2),)
        rows: list[RankedEntity] = []
        for most in checked:
            rows = await self._answering(scope, query, at, most, degraded, top_k=limit * 2)
            if len({row["uuid"] for row in rows}) >= limit or degraded:
                break
        return _best_entities(rows)[:limit]

    async def _answering(
        self, scope: Scope, query: str, at: datetime, most: tuple[int, int], degraded: list[str], *, top_k: int
    ) -> list[RankedEntity]:
        """Return entities of the scope that answer to a text.

        Args:
            scope: the scope.
            query: the text.
            at: instant in valid time.
            most: how many hits by words are checked against the scope, and how many neighbours in meaning.
            degraded: gets what failed.
            top_k: most rows of each way.
        """
        try:
            vector = await self._embedder.embed_query(query)
            hits = (await self._index.search([IndexQuery(vector, "entity", scope.user_id, most[1])]))[0]
        except KgError as error:
            degraded.append(f"names only, no meaning: {error}")
            hits = []
        return await self._store.read(
            queries.entities_by_text,
            **scope.params(),
            key=_key_or_nothing(query),
            words=entity_query(query, user_key(scope.user_id)) or "",
            near=[{"uuid": hit.uuid, "similarity": hit.score} for hit in hits if hit.score >= _NEAR],
            at=at,
            fetch=most[0],
            top_k=top_k,
        )

    async def _rows(self, user_id: str, uuids: Sequence[str]) -> list[FoundEntity]:
        rows = await self._store.read(graph_queries.find_entities, user_id=user_id, keys=[], uuids=list(uuids))
        by_uuid = {row["uuid"]: row for row in rows if row["merged_into"] is None}
        return [by_uuid[uuid] for uuid in uuids if uuid in by_uuid]


def _best_entities(rows: Sequence[RankedEntity]) -> list[str]:
    """Return entities, best first: an exact name, a part of a name, words, meaning."""
    best_words = max((row["score"] for row in rows if row["way"] == "words"), default=1.0)
    by_words: dict[str, float] = {}
    by_meaning: dict[str, float] = {}
    for row in rows:
        if row["way"] == "meaning":
            by_meaning[row["uuid"]] = row["score"]
        else:
            score = 1.0 + row["score"] if row["way"] == "alias" else 0.8 * row["score"] / best_words
            by_words[row["uuid"]] = max(by_words.get(row["uuid"], 0.0), score)
    scores = {uuid: by_words.get(uuid, 0.0) + by_meaning.get(uuid, 0.0) for uuid in by_words.keys() | by_meaning.keys()}
    return sorted(scores, key=lambda uuid: (-scores[uuid], uuid))


def _entity(row: FoundEntity) -> JsonObject:
    names = sorted(alias for alias in row["aliases"] if alias != row["name"].casefold())
    return render.compact({"id": row["uuid"], "name": row["name"], "kind": row["kind"], "aliases": names})


def _fact_of_entity(fact: EntityFact) -> JsonObject:
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


def _asked(page: EntityPage) -> dict[str, Any]:
    """Return the parameters that say which facts of an entity a page is about."""
    return {
        **page.scope.params(),
        "outgoing": page.direction in ("out", "both"),
        "incoming": page.direction in ("in", "both"),
        "at": page.instants.t,
        "known_at": page.instants.known_at,
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
