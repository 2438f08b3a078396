"""Runs the common operations once at start, so that nobody waits for query plans, the embedding model, word counts.

A database plans a query when it first sees it, which takes up to a third of a second for each. The reads use a user
that does not exist; the writes run in a transaction that is rolled back.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

from kg.facts.parse import parse_facts
from kg.graph.store import Transaction
from kg.operations.arguments import Session
from kg.operations.memory import MemoryService
from kg.operations.parts import Parts
from kg.values import AddRequest, MemoryInput, RequestKey, Scope, UpdateRequest
from kg.writing.add import Adding
from kg.writing.erase import erase_memories
from kg.writing.update import Updating

PATIENCE_S = 20.0
QUIET_S = 0.3
_LOOK_EVERY_S = 0.1

_FACT = {
    "statement": "a warm-up",
    "subject": "warm-up",
    "predicate": "LIVES_IN",
    "object": "nowhere",
}


class _RollBackError(Exception):
    """Rolls the rehearsal back."""


class Patience:
    """Waits for a moment without calls, for some seconds in all.

    Args:
        quiet_s: returns for how many seconds nobody has called.
    """

    def __init__(self, quiet_s: Callable[[], float], *, patience_s: float = PATIENCE_S) -> None:
        self._quiet_s = quiet_s
        self._left_s = patience_s

    async def until_quiet(self) -> None:
        """Return once nobody has called for a moment, or the patience is at its end."""
        while self._quiet_s() < QUIET_S and self._left_s > 0:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._left_s -= _LOOK_EVERY_S


async def warm_up(
    parts: Parts, memory: MemoryService, user_id: str, until_quiet: Callable[[], Awaitable[None]]
) -> None:
    """Rehearse what sessions do most, and leave nothing in the graph.

    Args:
        parts: what the operations stand on.
        memory: the operations.
        user_id: whose words are counted.
        until_quiet: waited for before each step, so that a call does not compete with it.

    Raises:
        StoreUnavailable: the graph does not answer.
    """
    await until_quiet()
    nobody = Session(Scope(f"warm-up-{secrets.token_hex(8)}"), secrets.token_hex(16))
    await memory.search_memories(nobody, query="warm up", enable_graph=True)
    await until_quiet()
    with contextlib.suppress(_RollBackError):
        await parts.store.write(lambda tx: _rehearse(parts, tx, nobody.scope), "warm_up")
    await parts.recall.warm(user_id)
    await until_quiet()
    await memory.search_graph(nobody, query="warm up")
    await memory.get_memories(nobody)


async def _rehearse(parts: Parts, tx: Transaction, scope: Scope) -> None:
    facts = parse_facts([_FACT, {**_FACT, "object": "somewhere"}]).facts
    request = AddRequest(scope, RequestKey(secrets.token_hex(16)), (MemoryInput("a warm-up", facts=facts),))
    added = await Adding(parts.store, parts.clock).add_in(tx, request)
    uuid = added.memory_uuids[0]
    change = UpdateRequest(scope.user_id, RequestKey(secrets.token_hex(16)), uuid, text="warmed up", facts=facts[:1])
    await Updating(parts.store, parts.clock).update_in(tx, change)
    await erase_memories(tx, scope.user_id, [uuid], parts.clock.now())
    raise _RollBackError
