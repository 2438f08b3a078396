"""What a picture of the graph shows: entities, the facts between them with their times, and the memories behind them.

Scope and time are those of the tools. A picture holds facts that have ended too, because its reader moves through time;
each says from when to when it held, as was known at ``known_at``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from kg.facts.held_at import Instants, Standing, asked_instant, standings
from kg.graph import queries as graph_queries
from kg.graph.partition import present
from kg.operations.arguments import Session, read_scope
from kg.operations.parts import Parts
from kg.operations.tool_parameters import AsOf, KnownAt, Parameter, Project
from kg.recall import render
from kg.recall.explore import Explore
from kg.reports import queries
from kg.reports.queries import DrawnFact, DrawnMemory, DrawnReplacement
from kg.validate import check_id, check_limit
from kg.values import JsonObject, Scope

MOST_NODES = 2000
MOST_HOPS = 5
_MOST_FACTS = 20_000
_STATEMENT_CHARS = 1000
_TEXT_CHARS = 4000


@dataclass(frozen=True)
class _View:
    """Whose graph is drawn, at which instants, and how many entities at most."""

    scope: Scope
    instants: Instants
    limit: int


@dataclass
class _Drawn:
    """Facts to draw and the entities at their ends.

    Attributes:
        left_out: how many entities had no room.
        cut: there were more facts than are read, so older ones are missing.
    """

    facts: dict[str, DrawnFact]
    entities: set[str]
    left_out: int = 0
    cut: bool = False


class Pictures:
    """The pictures of a running service.

    Args:
        parts: what it stands on.
        most_facts: how many facts are read for a picture; the last stored come first.
    """

    def __init__(self, parts: Parts, *, most_facts: int = _MOST_FACTS) -> None:
        self._most_facts = most_facts
        self._store = parts.store
        self._clock = parts.clock
        self._explore = Explore(parts.store, parts.index, parts.embedder)

    async def draw_graph(
        self,
        session: Session,
        *,
        entity: Annotated[object, Parameter("string", help="draw what is around this entity; without it, all")] = None,
        hops: Annotated[object, Parameter("integer", help="how far from the entity, 1 to 5")] = 2,
        project: Project = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        limit: Annotated[object, Parameter("integer", help="draw at most this many entities")] = MOST_NODES,
    ) -> JsonObject:
        """Return the graph round one entity, or of a whole scope with its most connected entities.

        Raises:
            NotFound: there is no such entity.
        """
        view = await self._view(session, project, as_of, known_at, check_limit("limit", limit, MOST_NODES))
        far = check_limit("hops", hops, MOST_HOPS)
        if entity is None:
            return {"picture": "graph", **await self._described(view, await self._whole(view), None)}
        centre = await self._centre(view, entity)
        drawn = await self._around(view, centre, far)
        return {"picture": "graph", "hops": far, **await self._described(view, drawn, centre)}

    async def draw_timeline(
        self,
        session: Session,
        *,
        entity: Annotated[object, Parameter("string", help="the entity, by name or id")],
        project: Project = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
    ) -> JsonObject:
        """Return every fact about one entity, in both directions, with what replaced it.

        Raises:
            NotFound: there is no such entity.
        """
        view = await self._view(session, project, as_of, known_at, MOST_NODES)
        centre = await self._centre(view, entity)
        return {"picture": "timeline", **await self._described(view, await self._star(view, centre), centre)}

    async def _view(self, session: Session, project: object, as_of: object, known_at: object, limit: int) -> _View:
        scope = read_scope(session, None, None, None, project)
        now = await present(self._store, scope.user_id, self._clock)
        instants = Instants(now, asked_instant("as_of", as_of, now), asked_instant("known_at", known_at, now))
        return _View(scope, instants, limit)

    async def _centre(self, view: _View, entity: object) -> str:
        found = await self._explore.find(view.scope.user_id, name=check_id("entity", entity), uuid=None)
        return found["uuid"]

    async def _facts(self, view: _View, uuids: Iterable[str] | None) -> list[DrawnFact]:
        return await self._store.read(
            queries.drawn_facts,
            **view.scope.params(),
            uuids=None if uuids is None else sorted(uuids),
            known_at=view.instants.known_at,
            history=view.instants.known_at is not None,
            top_k=self._most_facts,
        )

    async def _whole(self, view: _View) -> _Drawn:
        """Return all facts between the most connected entities."""
        rows = await self._facts(view, None)
        degrees = Counter(uuid for row in rows for uuid in _ends(row))
        kept = {uuid for uuid, _ in degrees.most_common(view.limit)}
        return _Drawn(_within(rows, kept), kept, len(degrees) - len(kept), len(rows) == self._most_facts)

    async def _star(self, view: _View, centre: str) -> _Drawn:
        rows = await self._facts(view, [centre])
        entities = {uuid for row in rows for uuid in _ends(row)} | {centre}
        return _Drawn({row["uuid"]: row for row in rows}, entities, cut=len(rows) == self._most_facts)

    async def _around(self, view: _View, centre: str, hops: int) -> _Drawn:
        """Return the entities within some hops, nearest first, and all facts among them."""
        drawn = _Drawn({}, {centre})
        frontier = {centre}
        for _ in range(hops):
            rows = await self._facts(view, frontier)
            drawn.cut |= len(rows) == self._most_facts
            beyond = Counter(uuid for row in rows for uuid in _ends(row) if uuid not in drawn.entities)
            frontier = {uuid for uuid, _ in beyond.most_common(view.limit - len(drawn.entities))}
            drawn.left_out += len(beyond) - len(frontier)
            drawn.entities |= frontier
            drawn.facts |= _within(rows, drawn.entities)
            if not frontier:
                return drawn
        rows = await self._facts(view, frontier)
        drawn.cut |= len(rows) == self._most_facts
        drawn.facts |= _within(rows, drawn.entities)
        return drawn

    async def _described(self, view: _View, drawn: _Drawn, centre: str | None) -> JsonObject:
        """Return a picture as the page and the exports take it."""
        user_id, instants = view.scope.user_id, view.instants
        found = await self._store.read(
            graph_queries.find_entities, user_id=user_id, keys=[], uuids=sorted(drawn.entities)
        )
        nodes = {row["uuid"]: row for row in found if row["merged_into"] is None}
        stood = await standings(self._store, user_id, list(drawn.facts), instants)
        facts = [
            _fact(row, stood[uuid])
            for uuid, row in drawn.facts.items()
            if uuid in stood
            and row["subject_uuid"]
            and nodes.keys() >= set(_ends(row))
            and _was_stored(row, instants.known_at)
        ]
        facts.sort(key=lambda fact: (fact.get("begins") or "", fact["stored"], fact["id"]))
        memories = await self._store.read(
            queries.drawn_memories,
            user_id=user_id,
            uuids=sorted({fact["memory"] for fact in facts}),
            max_chars=_TEXT_CHARS,
        )
        return {
            **render.compact(
                {
                    "user": user_id,
                    "project": view.scope.project,
                    "entity": centre,
                    "now": render.instant(instants.now),
                    "at": render.instant(instants.t),
                    "known_at": render.instant(instants.known_at),
                    "left_out": drawn.left_out or None,
                    "facts_omitted": f"only the {self._most_facts} facts stored last were looked at"
                    if drawn.cut
                    else None,
                    "unplaced": sum(row["subject_uuid"] is None for row in drawn.facts.values()) or None,
                }
            ),
            "entities": [
                {"id": uuid, "name": row["name"], "kind": row["kind"], "aliases": sorted(row["aliases"])}
                for uuid, row in nodes.items()
            ],
            "facts": facts,
            "memories": {row["uuid"]: _memory(row) for row in memories},
        }


def _ends(row: DrawnFact) -> list[str]:
    return [uuid for uuid in (row["subject_uuid"], row["object_uuid"]) if uuid]


def _within(rows: Sequence[DrawnFact], entities: set[str]) -> dict[str, DrawnFact]:
    return {row["uuid"]: row for row in rows if entities.issuperset(_ends(row))}


def _was_stored(row: DrawnFact, known_at: datetime | None) -> bool:
    """Return whether a fact was in the graph at an instant, and no update had replaced it yet."""
    expired_at = row["expired_at"]
    return known_at is None or (row["created_at"] <= known_at and (expired_at is None or expired_at > known_at))


def _fact(row: DrawnFact, standing: Standing) -> JsonObject:
    """Return a drawn fact; ``corrected`` where it never held."""
    return render.compact(
        {
            "id": row["uuid"],
            "subject": row["subject_uuid"],
            "object": row["object_uuid"],
            "value": None if row["object_uuid"] else render.cut(row["object_value"], _STATEMENT_CHARS),
            "predicate": row["predicate"],
            "statement": render.cut(row["statement"], _STATEMENT_CHARS),
            "because": render.cut(row["because"], _STATEMENT_CHARS),
            "revisit_when": render.cut(row["revisit_when"], _STATEMENT_CHARS),
            "begins": render.instant(standing.begin),
            "ends": render.instant(standing.end),
            "corrected": None if standing.known else True,
            "stored": render.instant(row["created_at"]),
            "claim": row["claim_key"],
            "origin": row["origin"],
            "memory": row["memory_uuid"],
            "replaced_by": [_replacement(item) for item in row["replaced_by"]],
        }
    )


def _replacement(row: DrawnReplacement) -> JsonObject:
    return render.compact(
        {**render.replacement(row, _STATEMENT_CHARS), "at": render.instant(row["at"]), "by": row["judge"]}
    )


def _memory(row: DrawnMemory) -> JsonObject:
    return render.compact(
        {
            "text": row["text"] + ("…" if row["cut"] else ""),
            "project": row["project"],
            "agent": row["agent_id"],
            "speaker": row["speaker"],
            "at": render.instant(row["occurred_at"]),
        }
    )
