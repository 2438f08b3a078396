"""The eleven operations, from raw arguments to plain results; every edge (MCP, command line) calls these.

Each takes the calling session and its own arguments by name, checks them, and returns a JSON object. Wrong arguments
are refused before anything changes. A signature is the only place that says what an operation takes: the tools' schemas
and the command line's options are made from it, and a docstring is the description that an agent reads.

Importing this module costs little, so that the command line can read the signatures; the stores come with the service.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from kg.errors import InvalidInput
from kg.facts.held_at import Instants, asked_instant
from kg.facts.parse import parse_facts, parse_settlements
from kg.language.times import given_instant, parse_instant
from kg.operations.arguments import (
    Session,
    changed_filter,
    check_flag,
    check_question,
    check_threshold,
    erase_scope,
    erase_user,
    parse_texts,
    read_scope,
    resolve_user,
    write_scope,
)
from kg.operations.parts import Parts
from kg.operations.scopes import is_not_given
from kg.operations.tool_parameters import (
    AgentId,
    AsOf,
    Confirm,
    DryRun,
    FactList,
    Filters,
    Json,
    KnownAt,
    Limit,
    MemoryId,
    Parameter,
    Project,
    RunId,
    Text,
    UserId,
)
from kg.recall import render
from kg.recall.filters import parse_filters
from kg.recall.request import DEFAULT_MAX_TOKENS, LEAST_MAX_TOKENS, EntityPage, Search
from kg.validate import check_id, check_limit, check_metadata, check_text, check_uuid, parse_json
from kg.values import AddRequest, JsonObject, Scope, SettleRequest, UpdateRequest

if TYPE_CHECKING:
    from kg.recall.question import Question

MAX_LIMIT = 200
_BULK_FROM = 20
_DIRECTIONS = {
    **dict.fromkeys(("both", "any", "all"), "both"),
    **dict.fromkeys(("in", "incoming", "inbound"), "in"),
    **dict.fromkeys(("out", "outgoing", "outbound"), "out"),
}


class MemoryService:
    """The eleven operations, in the order in which an agent reads them."""

    def __init__(self, parts: Parts) -> None:
        from kg.operations.confirmed_deletion import Erasure
        from kg.operations.scoped_reading import ScopedReading
        from kg.operations.writes import Writes
        from kg.recall.changes import Changes
        from kg.recall.contradictions import Contradictions
        from kg.recall.explore import Explore
        from kg.recall.listing import Listing

        self._changes = Changes(parts.store)
        self._has_model = parts.worker is not None
        self._store = parts.store
        self._clock = parts.clock
        self._recall = parts.recall
        self._recall_counts = parts.recall_counts
        self._writes = Writes(parts)
        self._listing = Listing(parts.store, parts.clock)
        self._explore = Explore(parts.store, parts.index, parts.embedder)
        self._contradictions = Contradictions(parts.store)
        self._scoped = ScopedReading(parts.store)
        self._erasure = Erasure(parts, self._explore)

    async def add_memory(
        self,
        session: Session,
        *,
        text: Annotated[object, Parameter("string", "one self-contained note")] = None,
        messages: Annotated[
            object, Parameter("array", "or a conversation: [{role, content, name?}]", items={"type": "object"})
        ] = None,
        facts: FactList = None,
        user_id: UserId = None,
        agent_id: Text = None,
        run_id: Text = None,
        project: Annotated[
            object, Parameter("string", "default: the session's", "the project it belongs to (default: this folder's)")
        ] = None,
        metadata: Json = None,
        occurred_at: Annotated[
            object, Parameter("string", "when it happened, if not now (ISO date)", "when it happened (default: now)")
        ] = None,
        infer: Annotated[
            object, Parameter("boolean", "let a model, if set up, extract facts where none are given")
        ] = True,
        enable_graph: Annotated[
            object, Parameter("boolean", "accepted for compatibility; the graph is always on")
        ] = None,
        wait: Annotated[
            object,
            Parameter(
                "boolean",
                "answer only when found by search, and read by the model",
                "return only once search finds it, and a model has read it if one is set up",
            ),
        ] = False,
    ) -> JsonObject:
        """Store a note or conversation with its facts: decisions with reasons, rejected options, causes, fixes,
        failed attempts, conventions, preferences. Durable when it answers. The answer's to_settle lists current facts
        that the new ones may replace: end those with one more call as settle_with shows, facts [{id, supersedes}] and
        no text. maybe_same lists new names that may be known things: settle each by a fact, SAME_AS or DIFFERENT_FROM.
        """
        if enable_graph is not None:
            check_flag("enable_graph", enable_graph)
        waits = check_flag("wait", wait)
        if text is None and messages in (None, [], {}) and parse_json(facts):
            settlements = parse_settlements(facts)
            return await self._writes.settle(
                SettleRequest(resolve_user(session, user_id), session.request, settlements)
            )
        parsed = parse_facts(facts)
        warnings = list(parsed.warnings)
        memories = parse_texts(text, parse_json(messages), parsed, warnings)
        request = AddRequest(
            scope=write_scope(session, user_id, agent_id, run_id, project),
            key=session.request,
            memories=memories,
            metadata="{}" if metadata is None else check_metadata("metadata", parse_json(metadata)),
            occurred_at=given_instant("occurred_at", occurred_at),
            infer=check_flag("infer", infer),
            extracts=self._has_model,
            bulk=len(memories) >= _BULK_FROM,
        )
        return await self._writes.add(request, parsed, warnings, waits=waits)

    async def search_memories(
        self,
        session: Session,
        *,
        query: Annotated[object, Parameter("string", "a question or keywords")] = None,
        changed_since: Annotated[
            object,
            Parameter(
                "string",
                "ISO date: only what is new since, and changes: facts superseded, corrected or ended, by whom, why",
                "only what has changed since that date; without a question, everything",
            ),
        ] = None,
        user_id: UserId = None,
        agent_id: AgentId = None,
        run_id: RunId = None,
        project: Project = None,
        filters: Filters = None,
        limit: Limit = 10,
        threshold: Annotated[
            object,
            Parameter("number", "least similarity, -1 to 1", "leave out results less similar than this (-1 to 1)"),
        ] = None,
        weak: Annotated[
            object,
            Parameter("boolean", "also those that fit less than half as well as the best", "show poor matches too"),
        ] = False,
        rerank: Annotated[object, Parameter("boolean", "let a model, if set up, order the best hits (slower)")] = False,
        enable_graph: Annotated[
            object,
            Parameter(
                "boolean",
                "add relations of the entities named in the query",
                "also show how the entities named in the question are related",
            ),
        ] = False,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        max_tokens: Annotated[object, Parameter("integer", "budget of the answer")] = DEFAULT_MAX_TOKENS,
        explain: Annotated[object, Parameter("boolean", "show what made each score")] = False,
    ) -> JsonObject:
        """Find memories by meaning and words, over all projects unless narrowed. Each result is dated and carries its
        current facts (with because, revisit_when) and those since superseded. nothing_fits: the results are about
        something else; not_mentioned: names in the query that nothing stored holds.
        """
        relates = check_flag("enable_graph", enable_graph)
        budget = check_limit("max_tokens", max_tokens, 100_000, lower=LEAST_MAX_TOKENS)
        since = None if changed_since is None else parse_instant("changed_since", changed_since)
        if query is None and since is None:
            raise InvalidInput("query", None, "give a question or keywords; only with changed_since none is needed")
        filtered = parse_json(filters)
        parsed = parse_filters(filtered if since is None else changed_filter(since, filtered))
        user = parsed.user() if is_not_given(user_id) else user_id
        names_user = parsed.names("user_id") or not is_not_given(user)
        scope = read_scope(session, user, agent_id, run_id, project)
        asked = None if query is None else check_question(query)
        question = None if asked is None else await self._recall.read(scope.user_id, asked)
        search = Search(
            scope=scope,
            instants=await self._instants(scope.user_id, as_of, known_at, question),
            filters=parsed,
            limit=check_limit("limit", limit, MAX_LIMIT),
            project=session.scope.project,
            threshold=check_threshold(threshold),
            max_tokens=budget // (2 if since else 1) * (3 if relates else 4) // 4,
            explain=check_flag("explain", explain),
            rerank=check_flag("rerank", rerank),
            weak=check_flag("weak", weak),
        )

        async def answer_in(scope: Scope) -> JsonObject:
            within = replace(search, scope=scope)
            stems = () if question is None else question.stems
            changes = {} if since is None else await self._changes.since(within, since, stems, budget // 2)
            if question is None:
                page = await self._listing.memories(scope, parsed, limit=search.limit, cursor=None)
                shown = render.fitting(page["results"], search.max_tokens)
                cut = "cursor" in page or len(shown) < len(page["results"])
                return {**changes, "results": shown, **({"more": "raise limit or max_tokens"} if cut else {})}
            answer = await self._recall.search(within, question)
            self._recall_counts.add(scope.user_id, (hit["id"] for hit in answer["results"]))
            if relates:
                uuids = [entity.uuid for entity in question.linked]
                left = budget - render.size(answer)
                answer["relations"], more = await self._explore.relations(scope, uuids, search.instants, left)
                answer |= {"more_relations": more} if more else {}
            return {**changes, **answer}

        return await self._scoped.read(search.scope, "results", answer_in, names_user=names_user)

    async def get_memories(
        self,
        session: Session,
        *,
        user_id: UserId = None,
        agent_id: AgentId = None,
        run_id: RunId = None,
        project: Project = None,
        filters: Filters = None,
        limit: Limit = 20,
        cursor: Annotated[
            object, Parameter("string", "of the page before", "continue after a page: the cursor at its end")
        ] = None,
    ) -> JsonObject:
        """List memories, newest first."""
        parsed = parse_filters(parse_json(filters))
        user = parsed.user() if is_not_given(user_id) else user_id
        scope = read_scope(session, user, agent_id, run_id, project)
        most = check_limit("limit", limit, MAX_LIMIT)
        return await self._scoped.read(
            scope,
            "results",
            lambda meant: self._listing.memories(meant, parsed, limit=most, cursor=cursor),
            names_user=parsed.names("user_id") or not is_not_given(user),
        )

    async def get_memory(self, session: Session, *, memory_id: MemoryId, user_id: UserId = None) -> JsonObject:
        """One memory whole: text, facts and what replaced them, earlier versions, extraction state."""
        return await self._listing.memory(resolve_user(session, user_id), check_uuid("memory_id", memory_id))

    async def update_memory(
        self,
        session: Session,
        *,
        memory_id: MemoryId,
        text: Text = None,
        facts: FactList = None,
        metadata: Json = None,
        user_id: UserId = None,
    ) -> JsonObject:
        """Replace a memory's text, facts or metadata. The former state is kept as a version; a new text or new facts
        end the former facts, so hand over those that still hold.
        """
        if text is None and facts is None and metadata is None:
            raise InvalidInput("text", None, "give text, facts or metadata to change")
        parsed = parse_facts(facts)
        if parsed.skipped:  # new facts end the former ones, so a half-usable list would lose some
            reasons = "; ".join(skipped.why for skipped in parsed.skipped)
            raise InvalidInput("facts", f"{len(parsed.skipped)} unusable", f"nothing was changed: {reasons}")
        request = UpdateRequest(
            user_id=resolve_user(session, user_id),
            key=session.request,
            uuid=check_uuid("memory_id", memory_id),
            text=None if text is None else check_text("text", text),
            facts=None if facts is None else parsed.facts,
            metadata=None if metadata is None else check_metadata("metadata", parse_json(metadata)),
            extracts=self._has_model,
        )
        return await self._writes.update(request, parsed)

    async def delete_memory(self, session: Session, *, memory_id: MemoryId, user_id: UserId = None) -> JsonObject:
        """Erase one memory and everything that only it stated; what it had superseded is current again."""
        uuid = check_uuid("memory_id", memory_id)
        return await self._erasure.memory(erase_user(session, user_id), session.request, uuid)

    async def delete_all_memories(
        self,
        session: Session,
        *,
        user_id: Text = None,
        agent_id: AgentId = None,
        run_id: RunId = None,
        project: Project = None,
        dry_run: DryRun = False,
        confirm: Confirm = None,
    ) -> JsonObject:
        """Erase every memory of a scope that you name explicitly. Only on the person's own request."""
        scope = erase_scope(session, user_id, agent_id, run_id, project)
        looks = check_flag("dry_run", dry_run)
        return await self._erasure.scope(scope, session.request, dry_run=looks, confirm=confirm)

    async def list_entities(self, session: Session) -> JsonObject:
        """Users, agents, runs and projects that have memories, with counts and last use."""
        return await self._listing.scopes(session.scope.user_id)

    async def delete_entities(
        self,
        session: Session,
        *,
        user_id: Text = None,
        agent_id: AgentId = None,
        run_id: RunId = None,
        name: Annotated[object, Parameter("string", "of an entity: removes it with its facts, keeps the texts")] = None,
        with_memories: Annotated[object, Parameter("boolean", "erase the texts that name it too")] = False,
        dry_run: DryRun = False,
        confirm: Confirm = None,
    ) -> JsonObject:
        """Erase a user, agent or run with its memories, or remove a named entity from the graph."""
        if name is None:
            return await self.delete_all_memories(
                session, user_id=user_id, agent_id=agent_id, run_id=run_id, dry_run=dry_run, confirm=confirm
            )
        if agent_id is not None or run_id is not None:
            raise InvalidInput("name", name, "give either a name or a scope (agent_id, run_id)")
        return await self._erasure.entity(
            erase_user(session, user_id),
            session.request,
            check_id("name", name),
            with_memories=check_flag("with_memories", with_memories),
            dry_run=check_flag("dry_run", dry_run),
            confirm=confirm,
        )

    async def search_graph(
        self,
        session: Session,
        *,
        query: Annotated[
            object, Parameter("string", "part of a name, words or meaning; empty: the most connected")
        ] = "",
        user_id: UserId = None,
        agent_id: AgentId = None,
        run_id: RunId = None,
        project: Project = None,
        limit: Limit = 10,
        as_of: AsOf = None,
    ) -> JsonObject:
        """Find entities (tools, people, projects, concepts), each with its current relationships."""
        scope = read_scope(session, user_id, agent_id, run_id, project)
        text = "" if query is None or query == "" else check_question(query)
        top_k = check_limit("limit", limit, 50)
        instants = await self._instants(scope.user_id, as_of, None)
        return await self._scoped.read(
            scope,
            "results",
            lambda meant: self._explore.search(text, meant, top_k, instants),
            names_user=not is_not_given(user_id),
        )

    async def get_entity(
        self,
        session: Session,
        *,
        name: Annotated[object, Parameter("string", help="a name of the entity, or its id")] = None,
        uuid: Text = None,
        user_id: UserId = None,
        agent_id: AgentId = None,
        run_id: RunId = None,
        project: Project = None,
        direction: Annotated[object, Parameter("string", "both, out (it is the subject) or in")] = "both",
        as_of: AsOf = None,
        known_at: KnownAt = None,
        include_superseded: Annotated[
            object, Parameter("boolean", help="also show facts that are no longer true")
        ] = False,
        limit: Limit = 20,
    ) -> JsonObject:
        """Everything known about one entity, dated, newest first, with the memory behind each fact.

        maybe_same lists entities that may be the same: settle each by a fact, SAME_AS or DIFFERENT_FROM.
        """
        if (name is None) == (uuid is None):
            raise InvalidInput("name", name, "give either name or uuid")
        meant = _DIRECTIONS.get(direction.strip().casefold()) if isinstance(direction, str) else None
        if meant is None:
            raise InvalidInput("direction", direction, "give 'both', 'out' (it is the subject) or 'in'")
        scope = read_scope(session, user_id, agent_id, run_id, project)
        page = EntityPage(
            name=None if name is None else check_id("name", name),
            uuid=None if uuid is None else check_uuid("uuid", uuid),
            scope=scope,
            instants=await self._instants(scope.user_id, as_of, known_at),
            direction=meant,
            include_superseded=check_flag("include_superseded", include_superseded),
            limit=check_limit("limit", limit, MAX_LIMIT),
        )

        async def page_in(meant: Scope) -> JsonObject:
            shown = await self._explore.page(replace(page, scope=meant))
            left = render.ANSWER_TOKENS - render.size(shown)
            await self._contradictions.mark(meant, shown["facts"], page.instants, left)
            return shown

        from kg.entities.likely import find_likely

        answer = await self._scoped.read(page.scope, "facts", page_in, names_user=not is_not_given(user_id))
        likely = await find_likely(self._store, scope.user_id, answer["id"], page.instants.now)
        return answer | {"maybe_same": likely} if likely else answer

    async def _instants(
        self, user_id: str, as_of: object, known_at: object, question: Question | None = None
    ) -> Instants:
        """Return the instants of a read; a question that was read says how far its partition has come."""
        from kg.graph.partition import present, present_after

        if question is None:
            now = await present(self._store, user_id, self._clock)
        else:
            now = present_after(question.last_at, self._clock)
        return Instants(now, asked_instant("as_of", as_of, now), asked_instant("known_at", known_at, now))
