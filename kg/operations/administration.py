"""What people do with their graph besides the eleven tools: look after jobs, decisions, merges and the index.

Each operation takes the calling session and its own arguments by name, checks them, and returns a JSON object, as the
tools do. The command line's options are made from the signatures, so importing this module costs little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from kg.errors import Conflict, InvalidInput, shorten
from kg.graph import queries as graph_queries
from kg.language.names import alias_key
from kg.operations.arguments import Session, check_flag
from kg.operations.scopes import project_value
from kg.operations.tool_parameters import Limit, Parameter, Project
from kg.validate import check_id, check_limit, check_text, check_uuid
from kg.values import JsonObject

if TYPE_CHECKING:
    from kg.graph.store import GraphStore
    from kg.index.indexer import Indexer
    from kg.index.rebuild import Reindex
    from kg.mending.checks import BrokenRule, Fault
    from kg.ports import Clock, VectorIndex

MAX_LIMIT = 500
_MOST_NAMED = 20
"""Nodes that are named of each broken rule."""
_ABOUT_CHARS = 80

JobId = Annotated[object, Parameter("string", help="the job's id, from: knowthread jobs")]


class Administration:
    """The operations for people.

    Args:
        store: the graph.
        index: the side-index.
        indexer: keeps the index up to date.
        clock: says what time it is.
        reindex: rebuilds the index.
        resume: has the worker ask models again that it paused; None where no model is set up.
    """

    def __init__(
        self,
        store: GraphStore,
        index: VectorIndex,
        indexer: Indexer,
        clock: Clock,
        *,
        reindex: Reindex,
        resume: Callable[[], None] | None,
    ) -> None:
        from kg.operations.decisions import Decisions
        from kg.operations.job_control import Jobs
        from kg.operations.merges import Merges
        from kg.writing.revert import Reverting

        self._store = store
        self._index = index
        self._indexer = indexer
        self._clock = clock
        self._resume_models = resume
        self._reindex = reindex
        self._jobs = Jobs(store, clock)
        self._decisions = Decisions(store, clock)
        self._merges = Merges(store, clock)
        self._reverting = Reverting(store, clock)

    async def list_jobs(
        self,
        session: Session,
        *,
        state: Annotated[
            object,
            Parameter("string", help="only jobs that are pending, running, failed, done, dead or cancelled"),
        ] = None,
        limit: Limit = 50,
    ) -> JsonObject:
        """Return the user's jobs."""
        top_k = check_limit("limit", limit, MAX_LIMIT)
        return await self._jobs.list(session.scope.user_id, state=state, limit=top_k)

    async def get_job(self, session: Session, *, id: JobId) -> JsonObject:
        """Return one job with its model calls."""
        return await self._jobs.show(session.scope.user_id, check_uuid("id", id))

    async def retry_jobs(self, session: Session, *, id: JobId = None) -> JsonObject:
        """Queue one failed or dead job again, or all of them."""
        uuid = None if id is None else check_uuid("id", id)
        retried = await self._jobs.retry(session.scope.user_id, session.request, uuid)
        self._resume()
        return {"retried": retried}

    async def cancel_job(self, session: Session, *, id: JobId) -> JsonObject:
        """Cancel an unfinished job; its memories are kept."""
        uuid = check_uuid("id", id)
        await self._jobs.cancel(session.scope.user_id, session.request, uuid)
        return {"id": uuid, "state": "cancelled"}

    async def extract_pending(self, session: Session) -> JsonObject:
        """Queue the memories that no model has read yet, and the jobs that failed.

        Raises:
            Conflict: no model is set up.
        """
        if self._resume_models is None:
            raise Conflict(
                "no model is set up, so nothing can be extracted; run `knowthread setup` or set KNOWTHREAD_LLM"
            )
        queued = await self._jobs.catch_up(session.scope.user_id, session.request)
        self._resume()
        states = (await self._jobs.list(session.scope.user_id, limit=1))["states"]
        return {**asdict(queued), "waiting": sum(states.get(state, 0) for state in ("pending", "running", "failed"))}

    async def list_conflicts(self, session: Session, *, project: Project = None, limit: Limit = 50) -> JsonObject:
        """Return decided and open contradictions."""
        top_k = check_limit("limit", limit, MAX_LIMIT)
        name = project_value("project", project)
        return await self._decisions.conflicts(session.scope.user_id, project=name, limit=top_k)

    async def undo_decision(
        self,
        session: Session,
        *,
        id: Annotated[object, Parameter("string", help="the decision's id, from: knowthread facts conflicts")],
    ) -> JsonObject:
        """Undo a decision between facts."""
        from kg.recall.render import compact

        undone = await self._decisions.undo(session.scope.user_id, session.request, check_uuid("id", id))
        return compact({"id": id, **asdict(undone)})

    async def list_merges(self, session: Session, *, limit: Limit = 50) -> JsonObject:
        """Return the entities that were merged into others."""
        return await self._merges.list(session.scope.user_id, limit=check_limit("limit", limit, MAX_LIMIT))

    async def merge_entities(
        self,
        session: Session,
        *,
        name: Annotated[object, Parameter("string", help="name or id of the entity to merge away")],
        into: Annotated[object, Parameter("string", help="name or id of the entity that stays")],
        reason: Annotated[
            object, Parameter("string", help="why they are one thing; kept with the merge")
        ] = "a person said so",
    ) -> JsonObject:
        """Merge one entity into another, each given by name or uuid.

        Raises:
            Conflict: they are the same entity already.
        """
        user = session.scope.user_id
        source, target = await self._entity(user, "name", name), await self._entity(user, "into", into)
        why = check_text("reason", reason, 1024)
        return asdict(await self._merges.merge(user, session.request, source, target, why))

    async def undo_merge(
        self,
        session: Session,
        *,
        id: Annotated[object, Parameter("string", help="the merged entity's id, from: knowthread entities merges")],
    ) -> JsonObject:
        """Undo a merge: the merged entity is separate again."""
        return asdict(await self._merges.undo(session.scope.user_id, session.request, check_uuid("id", id)))

    async def undo_update(
        self,
        session: Session,
        *,
        id: Annotated[object, Parameter("string", help="the memory's id")],
    ) -> JsonObject:
        """Undo the last update of a memory: it says again what it said before; what it says now becomes a version."""
        uuid = check_uuid("id", id)
        undone = await self._reverting.revert(session.scope.user_id, session.request, uuid)
        self._indexer.wake()
        return asdict(undone)

    async def reindex(
        self,
        session: Session,
        *,
        start: Annotated[object, Parameter("boolean", help="false: only show progress")] = True,
    ) -> JsonObject:
        """Start rebuilding the index, or only return how far a rebuild is."""
        if check_flag("start", start):
            self._reindex.start()
        return self._reindex.progress()

    async def cancel_reindex(self, session: Session) -> JsonObject:
        """Cancel an unfinished reindex; searches keep using the old index."""
        await self._reindex.cancel()
        return self._reindex.progress()

    async def repair(
        self,
        session: Session,
        *,
        check: Annotated[object, Parameter("boolean", help="only look, change nothing")] = False,
        take_away: Annotated[
            object, Parameter("boolean", help="also take away what can only be taken away; it is named without this")
        ] = False,
    ) -> JsonObject:
        """Compare the graph with its own rules and with its index, and fix what differs.

        Raises:
            StoreUnavailable: a store does not answer, another embedder made the index, or another service holds it.
        """
        from kg.index.compare import drift
        from kg.mending.checks import run_checks
        from kg.operations.repair import repair

        user = session.scope.user_id
        takes = check_flag("take_away", take_away)
        if check_flag("check", check):
            broken = await run_checks(self._store)
            rules = [_told(rule, user) for rule in broken]
            return {**asdict(await drift(self._store, self._index)), "rules": rules}
        await self._indexer.ensure_held()
        repaired = await repair(self._store, self._index, self._clock, take_away=takes)
        self._indexer.wake()
        return {
            **asdict(repaired),
            "taken": [_named(fault, user) for fault in repaired.taken],
            "at_stake": [_named(fault, user) for fault in repaired.at_stake],
            "left": [_told(rule, user) for rule in repaired.left],
        }

    async def _entity(self, user_id: str, field: str, given: object) -> str:
        text = check_id(field, given)
        keys, uuids = [alias_key(text)], [text]  # they may be two entities, as a uuid may be a name; the name counts
        found = await self._store.read(graph_queries.find_entities, user_id=user_id, keys=keys, uuids=uuids)
        if not found:
            raise InvalidInput(field, text, "give the name or the id of an entity; search_graph finds it")
        return found[0]["uuid"]

    def _resume(self) -> None:
        if self._resume_models is not None:
            self._resume_models()


def _told(broken: BrokenRule, user_id: str) -> JsonObject:
    """Return a broken rule for a person."""
    return {
        "rule": broken.rule,
        "says": broken.says,
        "found": len(broken.faults),
        "more": broken.more,
        "nodes": [_named(fault, user_id) for fault in broken.faults[:_MOST_NAMED]],
    }


def _named(fault: Fault, user_id: str) -> JsonObject:
    """Return a node that breaks a rule, for a person; its words are shown to the user whose it is."""
    named = {"label": fault.label, "id": fault.id, "user_id": fault.user_id, "problem": fault.problem}
    about = {"about": shorten(fault.about, _ABOUT_CHARS)} if fault.about and fault.user_id == user_id else {}
    return named | about
