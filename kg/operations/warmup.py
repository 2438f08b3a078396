"""Has everything ready at start that sessions do: query plans, the embedding model, word counts, compiled code.

A database plans a query when it first sees it, which takes up to a second and a half where nothing is compiled yet;
its Java compiles what has run a hundred times or more. So queries are planned in the order in which sessions need
them, and then a search and a write are rehearsed, at moments when nobody calls. Nothing is left in the graph: the
first search is that of a user who does not exist, and the writes run in transactions that are rolled back.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from kg.entities import queries as entity_queries
from kg.errors import KgError
from kg.facts import queries as fact_queries
from kg.facts.parse import parse_facts
from kg.graph import queries as graph_queries
from kg.graph.query import Command, Query
from kg.graph.store import GraphStore, Transaction
from kg.index import queries as index_queries
from kg.operations import queries
from kg.operations.arguments import Session
from kg.operations.memory import MemoryService
from kg.operations.parts import Parts
from kg.recall import queries as recall_queries
from kg.values import AddRequest, MemoryInput, RequestKey, Scope
from kg.writing import queries as writing_queries
from kg.writing.add import Adding

PATIENCE_S = 5.0
QUIET_S = 0.3
_LOOK_EVERY_S = 0.1

Statements = Sequence[Sequence[Query[Any] | Command]]
"""Queries that sessions send; those of one round trip together."""

FIRST: Statements = ((recall_queries.question,), (recall_queries.hydrate_memories,))
"""What a session begins with: a search."""

STATEMENTS: Statements = (
    # a search
    (recall_queries.memory_cards,),
    # a write, and what its answer says
    (graph_queries.lock_partition, writing_queries.write_context),
    (
        writing_queries.create_graph,
        writing_queries.create_jobs,
        fact_queries.project_claims,
        graph_queries.create_request,
        entity_queries.namesakes,
    ),
    (queries.fact_changes,),
    (queries.still_unindexed,),
    (graph_queries.find_entities,),
    (recall_queries.facts_to_settle,),
    (entity_queries.resolution_candidates,),
    (index_queries.index_work,),
    (index_queries.keep_index,),
    (index_queries.mark_indexed,),
    # a write that may end facts
    (writing_queries.create_graph,),
    (fact_queries.timeline_closure,),
    (fact_queries.project_claims,),
    (fact_queries.set_ends,),
    (entity_queries.sameness,),
    (entity_queries.namesakes,),
    (graph_queries.create_request,),
    # a look at what there is
    (recall_queries.scope_summary,),
    (recall_queries.list_users,),
    (recall_queries.memory_detail,),
    (recall_queries.count_entity_facts,),
    (recall_queries.contradicted_facts,),
    (entity_queries.told_apart,),
    # settling, changing and deleting
    (graph_queries.lock_partition,),
    (writing_queries.settle_context,),
    (writing_queries.update_context,),
    (writing_queries.create_version,),
    (writing_queries.drop_jobs,),
    (writing_queries.expire_facts,),
    (fact_queries.fallen_decisions,),
    (fact_queries.taken_back,),
    (writing_queries.deletion_context,),
    (writing_queries.decisions_lost,),
    (writing_queries.restore_decisions,),
    (writing_queries.uncount_memories,),
    (writing_queries.delete_memories,),
    (entity_queries.delete_orphans,),
    (entity_queries.remaining_names,),
    (entity_queries.rename_entities,),
    (graph_queries.create_tombstones,),
)
"""What they send most after it, in the order in which they need it."""

_FACTS = (
    {"statement": "a warm-up", "subject": "warm-up", "predicate": "USES", "object": "nothing"},
    {"statement": "another warm-up", "subject": "warm-up", "predicate": "USES", "object": "something"},
)


class _RollBackError(Exception):
    """Rolls a rehearsal back."""


class Patience:
    """Waits for a moment without calls, for some seconds each time, so that work is spread where nobody pauses.

    Args:
        quiet_s: returns for how many seconds nobody has called.
        patience_s: the longest wait.
    """

    def __init__(self, quiet_s: Callable[[], float], *, patience_s: float = PATIENCE_S) -> None:
        self._quiet_s = quiet_s
        self._patience_s = patience_s

    async def until_quiet(self) -> bool:
        """Return True once nobody has called for a moment, or False after the longest wait."""
        waited_s = 0.0
        while self._quiet_s() < QUIET_S:
            if waited_s >= self._patience_s:
                return False
            await asyncio.sleep(_LOOK_EVERY_S)
            waited_s += _LOOK_EVERY_S
        return True


async def plan_first(store: GraphStore) -> None:
    """Have the first search planned while a start goes on; what fails is planned by the search itself."""
    with contextlib.suppress(KgError):
        for together in FIRST:
            await store.plan(*together)


async def warm_up(
    parts: Parts, memory: MemoryService, user_id: str, until_quiet: Callable[[], Awaitable[bool]], rehearsals: int
) -> None:
    """Have ready what sessions do most, and leave nothing in the graph.

    Args:
        parts: what the operations stand on.
        memory: the operations.
        user_id: who searches in the rehearsals.
        until_quiet: waited for before each step, so that a call does not compete with it; False ends the rehearsals,
            as somebody calls all the time.
        rehearsals: how many searches and writes.

    Raises:
        StoreUnavailable: the graph does not answer.
    """
    await until_quiet()
    nobody = Session(Scope(f"warm-up-{secrets.token_hex(8)}"), secrets.token_hex(16))
    await memory.search_memories(nobody, query="warm up", enable_graph=True)
    for together in (*FIRST, *STATEMENTS):
        await until_quiet()
        await parts.store.plan(*together)
    await parts.recall.rehearse(user_id)
    await until_quiet()
    await memory.search_graph(nobody)
    await memory.search_graph(nobody, query="warm up")
    await memory.get_memories(nobody)
    for _ in range(rehearsals):
        if not await until_quiet():
            return
        await parts.recall.rehearse(user_id)
        with contextlib.suppress(_RollBackError):
            await parts.store.write(lambda tx: _rehearse_add(parts, tx, nobody.scope), "warm_up")


async def _rehearse_add(parts: Parts, tx: Transaction, scope: Scope) -> None:
    facts = parse_facts(_FACTS).facts
    request = AddRequest(scope, RequestKey(secrets.token_hex(16)), (MemoryInput("a warm-up", facts=facts),))
    await Adding(parts.store, parts.clock).add_in(tx, request)
    raise _RollBackError
