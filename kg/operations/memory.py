"""The eleven operations, from raw arguments to plain results; every edge (MCP, command line) calls these.

Each takes the calling session and the tool's own arguments, checks them, and returns a JSON object. Whatever is wrong
with the arguments is said before anything is changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from kg.errors import Conflict, InvalidInput
from kg.facts.instants import Instants
from kg.facts.parse import ParsedFacts, parse_facts
from kg.graph.store import GraphStore, Row
from kg.index.indexer import Indexer
from kg.index.vectors import Text
from kg.jobs.worker import Worker
from kg.operations.arguments import Session, check_flag, parse_json, parse_texts, read_scope, resolve_user, write_scope
from kg.ports import Clock, Embedder, VectorIndex
from kg.recall import render
from kg.recall.counts import RecallCounts
from kg.recall.explore import EntityPage, Explore
from kg.recall.filters import parse_filters
from kg.recall.listing import Listing
from kg.recall.query import DEFAULT_MAX_TOKENS, LEAST_MAX_TOKENS, Search
from kg.recall.search import Recall
from kg.validate import check_id, check_limit, check_metadata, check_text, check_uuid, parse_instant
from kg.values import AddRequest, JsonObject, MemoryInput
from kg.writing.add import Adding, AddOutcome
from kg.writing.delete import Deleting
from kg.writing.update import UpdateRequest, Updating

INDEX_WAIT_S = 0.25
INDEX_WAIT_LONG_S = 30.0
EXTRACTION_WAIT_S = 90.0
MAX_LIMIT = 200
CONFIRM_ABOVE = 10
TO_SETTLE = 3
BULK_FROM = 20
_ALL = 2**31 - 1
_BACKGROUND = "they are gone for every reader; the rest is cleaned up in the background"


@dataclass(frozen=True)
class Parts:
    """What the operations stand on; the composition root makes it.

    Attributes:
        worker: the worker that has models read texts; None where no model is set up.
    """

    store: GraphStore
    index: VectorIndex
    embedder: Embedder
    indexer: Indexer
    deleting: Deleting
    recall: Recall
    recall_counts: RecallCounts
    clock: Clock
    worker: Worker | None = None


class MemoryService:
    """The eleven operations."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._indexer = parts.indexer
        self._worker = parts.worker
        self._deleting = parts.deleting
        self._recall = parts.recall
        self._recall_counts = parts.recall_counts
        self._clock = parts.clock
        self._adding = Adding(parts.store, parts.clock)
        self._updating = Updating(parts.store, parts.clock)
        self._listing = Listing(parts.store, parts.clock)
        self._explore = Explore(parts.store, parts.index, parts.embedder)

    async def add_memory(
        self,
        session: Session,
        *,
        text: object = None,
        messages: object = None,
        facts: object = None,
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        project: object = None,
        metadata: object = None,
        occurred_at: object = None,
        infer: object = True,
        enable_graph: object = True,
        wait: object = False,
    ) -> JsonObject:
        """Store a text or a conversation with its facts; acknowledged means durable.

        ``enable_graph`` is mem0's; the graph is always on here.
        """
        check_flag("enable_graph", enable_graph)
        waits = check_flag("wait", wait)
        parsed = parse_facts(parse_json(facts))
        warnings = list(parsed.warnings)
        memories = parse_texts(text, parse_json(messages), parsed, warnings)
        request = AddRequest(
            scope=write_scope(session, user_id, agent_id, run_id, project),
            key=session.key,
            memories=memories,
            metadata="{}" if metadata is None else check_metadata("metadata", parse_json(metadata)),
            occurred_at=None if occurred_at is None else parse_instant("occurred_at", occurred_at),
            infer=check_flag("infer", infer),
            extracts=self._worker is not None,
            bulk=len(memories) >= BULK_FROM,
        )
        if not request.bulk:
            self._indexer.announce(_texts_of(memories))
        outcome = await self._adding.add(request)
        if outcome.pending and self._worker is not None:
            self._worker.wake()
        fresh = [uuid for uuid in outcome.memory_uuids if uuid not in outcome.duplicates]
        timeout_s = INDEX_WAIT_LONG_S if waits else INDEX_WAIT_S
        indexed, changes = await asyncio.gather(
            self._wait_indexed([*fresh, *outcome.fact_uuids], timeout_s, new=True),
            self._fact_changes(request.scope.user_id, outcome.fact_uuids, outcome.ended),
        )
        return {
            "results": _added(outcome),
            "indexed": indexed,
            **changes,
            **_unused(parsed, [*warnings, *outcome.warnings]),
            "extraction": await self._extraction(request, outcome, waits=waits),
        }

    async def _extraction(self, request: AddRequest, outcome: AddOutcome, *, waits: bool) -> str:
        """Return how far the reading of new texts is, after waiting for it where that was asked for."""
        if outcome.pending:
            if waits and self._worker is not None:
                return await self._worker.wait_done(request.scope.user_id, outcome.pending, EXTRACTION_WAIT_S)
            return "pending"
        unread = request.infer and not any(memory.facts for memory in request.memories)
        left_out = len(outcome.noise) + len(outcome.duplicates) == len(request.memories)
        return "skipped" if unread and not left_out else "none"

    async def _wait_indexed(self, uuids: Sequence[str], timeout_s: float, *, new: bool) -> bool:
        if await self._indexer.wait_indexed(uuids, timeout_s, new=new):
            return True
        waiting = await self._store.read("still_unindexed", uuids=list(uuids))
        return not waiting

    async def _fact_changes(
        self, user_id: str, stated: Sequence[str], ended: Sequence[str], expired: Sequence[str] = ()
    ) -> JsonObject:
        """Say which facts a write stated, ended and expired, and which current ones the agent may want to settle."""
        if not (stated or ended or expired):
            return {}
        found = await self._store.read(
            "fact_changes",
            user_id=user_id,
            stated=list(stated),
            others=[*ended, *expired],
            now=self._clock.now(),
            top_k=TO_SETTLE,
        )
        rows: dict[str, Row] = {row["uuid"]: row for row in found[0]["facts"]}
        return render.compact(
            {
                "facts": [render.fact(rows[uuid]) for uuid in stated if uuid in rows],
                "ended": [render.fact(rows[uuid]) for uuid in ended if uuid in rows],
                "facts_expired": [render.fact(rows[uuid]) for uuid in expired if uuid in rows],
                "to_settle": [render.fact(row) for row in found[0]["to_settle"]],
            }
        )

    async def update_memory(
        self,
        session: Session,
        *,
        memory_id: object,
        text: object = None,
        facts: object = None,
        metadata: object = None,
        user_id: object = None,
    ) -> JsonObject:
        """Replace a memory's text, facts or metadata; the former state stays as a version."""
        if text is None and facts is None and metadata is None:
            raise InvalidInput("text", None, "give text, facts or metadata to change")
        parsed = parse_facts(parse_json(facts))
        if parsed.skipped:  # new facts end the former ones, so a half-usable list would lose some
            reasons = "; ".join(skipped.why for skipped in parsed.skipped)
            raise InvalidInput("facts", f"{len(parsed.skipped)} unusable", f"nothing was changed: {reasons}")
        request = UpdateRequest(
            user_id=resolve_user(session, user_id),
            key=session.key,
            uuid=check_uuid("memory_id", memory_id),
            text=None if text is None else check_text("text", text),
            facts=None if facts is None else parsed.facts,
            metadata=None if metadata is None else check_metadata("metadata", parse_json(metadata)),
            extracts=self._worker is not None,
        )
        outcome = await self._updating.update(request)
        if outcome.pending and self._worker is not None:
            self._worker.wake()
        queued = [outcome.uuid, *outcome.fact_uuids] if outcome.changed else []
        indexed, changes = await asyncio.gather(
            self._wait_indexed(queued, INDEX_WAIT_S, new=False),
            self._fact_changes(request.user_id, outcome.fact_uuids, outcome.ended, outcome.expired),
        )
        return {
            "id": outcome.uuid,
            "event": "UPDATE" if outcome.changed else "NONE",
            "indexed": indexed,
            **render.compact({"extraction": "pending" if outcome.pending else None}),
            **changes,
            **_unused(parsed, [*parsed.warnings, *outcome.warnings]),
        }

    async def get_memory(self, session: Session, *, memory_id: object, user_id: object = None) -> JsonObject:
        """Return one memory whole: text, facts with what replaced them, versions, neighbours, extraction."""
        return await self._listing.memory(resolve_user(session, user_id), check_uuid("memory_id", memory_id))

    async def get_memories(
        self,
        session: Session,
        *,
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        project: object = None,
        filters: object = None,
        limit: object = 20,
        cursor: object = None,
    ) -> JsonObject:
        """List memories, newest first."""
        return await self._listing.memories(
            read_scope(session, user_id, agent_id, run_id, project),
            parse_filters(parse_json(filters)),
            limit=check_limit("limit", limit, MAX_LIMIT),
            cursor=cursor,
        )

    async def list_entities(self, session: Session) -> JsonObject:
        """Return users, agents, runs and projects with counts and last use."""
        return await self._listing.scopes(session.scope.user_id)

    async def delete_memory(self, session: Session, *, memory_id: object, user_id: object = None) -> JsonObject:
        """Erase one memory with everything that only it stated."""
        uuid = check_uuid("memory_id", memory_id)
        erased = await self._deleting.memory(resolve_user(session, user_id), session.key, uuid)
        self._indexer.wake()
        return {"id": uuid, "event": "DELETE", "deleted": erased.counts()}

    async def delete_all_memories(
        self,
        session: Session,
        *,
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        project: object = None,
        dry_run: object = False,
        confirm: object = None,
    ) -> JsonObject:
        """Erase every memory of an explicitly named scope."""
        if user_id is None and agent_id is None and run_id is None and project is None:
            raise InvalidInput("user_id", None, "name the scope to erase: user_id, agent_id, run_id or project")
        scope = read_scope(session, user_id, agent_id, run_id, project)
        looks = check_flag("dry_run", dry_run)
        erased = None if looks else await self._deleting.earlier(scope.user_id, session.key)
        if erased is None:
            counted = await self._store.read("count_scope", **scope.params())
            count = int(counted[0]["memories"])
            if looks:
                return {"dry_run": True, "memories": count, "confirm": count}
            _check_confirm(count, confirm)
            erased = await self._deleting.scope(scope, session.key)
            self._indexer.wake()
        note = _BACKGROUND if erased.background else None
        return {"event": "DELETE", "deleted": erased.counts(), **render.compact({"note": note})}

    async def delete_entities(
        self,
        session: Session,
        *,
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        name: object = None,
        with_memories: object = False,
        dry_run: object = False,
        confirm: object = None,
    ) -> JsonObject:
        """Erase a user, agent or run with its memories, or remove a named entity from the graph."""
        if name is None:
            return await self.delete_all_memories(
                session, user_id=user_id, agent_id=agent_id, run_id=run_id, dry_run=dry_run, confirm=confirm
            )
        if agent_id is not None or run_id is not None:
            raise InvalidInput("name", name, "give either a name or a scope (agent_id, run_id)")
        user = resolve_user(session, user_id)
        wanted = check_id("name", name)
        erases_texts, looks = check_flag("with_memories", with_memories), check_flag("dry_run", dry_run)
        erased = None if looks else await self._deleting.earlier(user, session.key)
        if erased is None:
            entity = await self._explore.find(user, name=wanted, uuid=None)
            naming = await self._store.read("memories_naming", user_id=user, entity_uuid=entity["uuid"])
            if looks:
                touched = {"memories" if erases_texts else "texts_kept": len(naming)}
                return {"dry_run": True, "entity": entity["name"], **touched, "confirm": len(naming)}
            if erases_texts:
                _check_confirm(len(naming), confirm)
            erased = await self._deleting.entity(user, session.key, entity["uuid"], with_memories=erases_texts)
            self._indexer.wake()
        kept = erased.texts_kept
        note = f"{kept} texts that contain the name were kept; with_memories removes them too" if kept else None
        return {
            "event": "DELETE",
            "entity": wanted,  # not the name that it had: a repetition answers the same, and that name is erased
            "deleted": erased.counts(),
            **render.compact({"note": _BACKGROUND if erased.background else note}),
        }

    async def search_memories(
        self,
        session: Session,
        *,
        query: object,
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        project: object = None,
        filters: object = None,
        limit: object = 10,
        threshold: object = None,
        rerank: object = False,
        enable_graph: object = False,
        as_of: object = None,
        known_at: object = None,
        max_tokens: object = DEFAULT_MAX_TOKENS,
        explain: object = False,
    ) -> JsonObject:
        """Answer a question with the memories that fit best."""
        relates = check_flag("enable_graph", enable_graph)
        budget = check_limit("max_tokens", max_tokens, 100_000, lower=LEAST_MAX_TOKENS)
        search = Search(
            query=_check_question(query),
            scope=read_scope(session, user_id, agent_id, run_id, project),
            instants=self._instants(as_of, known_at),
            filters=parse_filters(parse_json(filters)),
            limit=check_limit("limit", limit, MAX_LIMIT),
            project=session.scope.project,
            threshold=_check_threshold(threshold),
            max_tokens=budget * 3 // 4 if relates else budget,
            explain=check_flag("explain", explain),
            rerank=check_flag("rerank", rerank),
        )
        answer, linked = await self._recall.search(search)
        self._recall_counts.add(search.scope.user_id, (hit["id"] for hit in answer["results"]))
        if relates:
            uuids = [entity.uuid for entity in linked[:3]]
            relations = await self._explore.relations(search.scope, uuids, search.instants)
            answer["relations"] = render.fitting(relations, budget - render.size(answer))
        return answer

    async def search_graph(
        self,
        session: Session,
        *,
        query: object = "",
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        project: object = None,
        limit: object = 10,
        as_of: object = None,
    ) -> JsonObject:
        """Find entities by name, words or meaning, each with its current relationships."""
        scope = read_scope(session, user_id, agent_id, run_id, project)
        text = "" if query is None or query == "" else _check_question(query)
        top_k = check_limit("limit", limit, 50)
        return await self._explore.search(text, scope, top_k, self._instants(as_of, None))

    async def get_entity(
        self,
        session: Session,
        *,
        name: object = None,
        uuid: object = None,
        user_id: object = None,
        agent_id: object = None,
        run_id: object = None,
        project: object = None,
        direction: object = "both",
        as_of: object = None,
        known_at: object = None,
        include_superseded: object = False,
        limit: object = 20,
    ) -> JsonObject:
        """Return one entity with its dated facts."""
        if (name is None) == (uuid is None):
            raise InvalidInput("name", name, "give either name or uuid")
        if direction not in ("both", "in", "out"):
            raise InvalidInput("direction", direction, "give 'both', 'out' (it is the subject) or 'in'")
        page = EntityPage(
            name=None if name is None else check_id("name", name),
            uuid=None if uuid is None else check_uuid("uuid", uuid),
            scope=read_scope(session, user_id, agent_id, run_id, project),
            instants=self._instants(as_of, known_at),
            direction=cast("str", direction),
            include_superseded=check_flag("include_superseded", include_superseded),
            limit=check_limit("limit", limit, MAX_LIMIT),
        )
        return await self._explore.page(page)

    def _instants(self, as_of: object, known_at: object) -> Instants:
        return Instants(
            self._clock.now(),
            None if as_of is None else parse_instant("as_of", as_of),
            None if known_at is None else parse_instant("known_at", known_at),
        )


def _texts_of(memories: Sequence[MemoryInput]) -> list[Text]:
    texts: list[Text] = [("memory", memory.text) for memory in memories]
    texts.extend(("fact", fact.statement) for memory in memories for fact in memory.facts)
    return texts


def _check_question(query: object) -> str:
    return check_text("query", query, 1_048_576)


def _check_threshold(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1 <= value <= 1:
        raise InvalidInput("threshold", value, "give a cosine similarity from -1 to 1, such as 0.3")
    return float(value)


def _check_confirm(count: int, confirm: object) -> None:
    given = None if confirm is None else check_limit("confirm", confirm, _ALL, lower=0)
    if given != count and (count > CONFIRM_ABOVE or (given is not None and given < count)):
        raise Conflict(
            f"this would erase {count} memories for good; call again with confirm={count}, "
            "or with dry_run=true to look first"
        )


def _added(outcome: AddOutcome) -> list[JsonObject]:
    """Return one result for each text, with mem0's name for what became of it."""
    duplicates = set(outcome.duplicates)
    return [
        {"id": uuid, "event": "NONE", "duplicate": True}
        if uuid in duplicates
        else {"id": uuid, "event": "ADD", **render.compact({"noise": outcome.noise.get(uuid)})}
        for uuid in outcome.memory_uuids
    ]


def _unused(parsed: ParsedFacts, warnings: Sequence[str]) -> JsonObject:
    return render.compact(
        {
            "facts_skipped": [{"index": skipped.index, "why": skipped.why} for skipped in parsed.skipped],
            "warnings": list(warnings),
        }
    )
