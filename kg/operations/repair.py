"""Mend what breaks the graph's rules, then compare everything that is derived from the graph with the graph.

Derived are the points of the index, the hashes and terms of texts, the ends of facts, and the relationships that facts
draw between entities (claims). All this goes wrong when people edit in Neo4j Browser, files break, or a collection is
restored from elsewhere. What memories and facts state is taken as it is. No model is needed, and a second repair finds
nothing to fix.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from kg.facts.derive import refresh_derived
from kg.graph.node_names import memory_name, name_nodes
from kg.graph.partition import lock
from kg.graph.store import GraphStore, Row, Transaction
from kg.index import queries as index_queries
from kg.index.compare import PAGE, indexed_nodes, read_all, reconcile
from kg.index.queries import IndexedNode
from kg.language.lucene import user_key
from kg.language.words import content_hash, split_terms
from kg.mending.checks import BrokenRule, Fault, run_checks
from kg.mending.mend import REFRESHED, at_stake, mend_user
from kg.operations import queries
from kg.operations.queries import CheckedFact, OwnedNode
from kg.ports import Clock, VectorIndex

T = TypeVar("T")
Owned = TypeVar("Owned", IndexedNode, OwnedNode)

FACTS_AT_ONCE = 200
"""Facts recomputed in one transaction, while other writes of the partition wait."""


_PASSES = 3


@dataclass(frozen=True)
class Repaired:
    """What was wrong and is fixed; all zero or empty where nothing was wrong.

    Attributes:
        rules: nodes that broke a rule and do not any more, by the rule's name.
        taken: nodes that were taken away, as nothing was left but themselves.
        at_stake: nodes that can only be taken away, and were not, as nobody said that they may be.
        left: rules that are still broken.
        texts: memories and entities whose hash or terms did not fit their text or name; queued for the index.
        names: memories, versions and facts that were called otherwise than they read.
        missing: nodes without a point; queued for the index.
        stale: nodes whose point was out of date; queued for the index.
        surplus: points without a node; removed.
        tombstones: tombstones of nodes that are still in the graph; removed.
        ends: facts whose cached end was wrong.
        claims: claims between two entities that were wrong or not drawn.
        undrawn: claims that no fact states; removed.
    """

    rules: Mapping[str, int] = field(default_factory=dict[str, int])
    taken: tuple[Fault, ...] = ()
    at_stake: tuple[Fault, ...] = ()
    left: tuple[BrokenRule, ...] = ()
    texts: int = 0
    names: int = 0
    missing: int = 0
    stale: int = 0
    surplus: int = 0
    tombstones: int = 0
    ends: int = 0
    claims: int = 0
    undrawn: int = 0


async def repair(store: GraphStore, index: VectorIndex, clock: Clock, *, take_away: bool = False) -> Repaired:
    """Mend what breaks the rules, fix what is derived, then queue or remove points. Wake the indexer afterwards.

    A partition is locked for one batch at a time, so writes continue.

    Args:
        store: the graph.
        index: the side-index.
        clock: says what time it is.
        take_away: whether nodes may go of which nothing else is left: a fact without its memory, a name of nothing.

    Raises:
        StoreUnavailable: a store does not answer; what was fixed before that stays fixed.
    """
    broken = await run_checks(store)
    taken = await _mend_users(store, clock, broken, take_away=take_away)
    edited: list[IndexedNode] = []
    async for rows in indexed_nodes(store, ("Memory", "Entity")):
        read = await asyncio.to_thread(read_all, rows)
        edited += [row for row, (changed, _) in zip(rows, read, strict=True) if changed]
    texts = await _fix_texts(store, clock, edited)
    names = await name_nodes(store, PAGE)
    ends, claims = await _redraw(store, clock)
    undrawn = await _undraw(store, clock)
    tombstones = await _delete_needless_tombstones(store)
    missing, stale, surplus = await reconcile(store, index)
    left = await run_checks(store) if broken else []
    return Repaired(
        _fewer(broken, left), tuple(taken), tuple(at_stake(left)), tuple(left),
        texts, names, missing, stale, surplus, tombstones, ends, claims, undrawn,
    )  # fmt: skip


async def _mend_users(store: GraphStore, clock: Clock, broken: Sequence[BrokenRule], *, take_away: bool) -> list[Fault]:
    """Mend every user's part and return what was taken away; what leaves one user may leave something behind there."""
    taken: list[Fault] = []
    for _ in range(_PASSES):
        users = {fault.user_id for rule in broken if rule.rule not in REFRESHED for fault in rule.faults} - {""}
        for user_id in sorted(users):
            taken += await mend_user(store, clock, user_id, take_away=take_away)
        found = await run_checks(store) if users else broken
        if found == broken:
            break
        broken = found
    return taken


def _fewer(before: Sequence[BrokenRule], after: Sequence[BrokenRule]) -> dict[str, int]:
    """Return how many nodes fewer break each rule; rules about what is derived are counted elsewhere."""
    still = {rule.rule: len(rule.faults) for rule in after}
    fewer = {rule.rule: len(rule.faults) - still.get(rule.rule, 0) for rule in before if rule.rule not in REFRESHED}
    return {rule: count for rule, count in fewer.items() if count > 0}


async def _fix_texts(store: GraphStore, clock: Clock, edited: Sequence[IndexedNode]) -> int:
    fixed = 0
    for user_id, rows in _by_user(edited).items():
        for start in range(0, len(rows), PAGE):
            memories, entities = await asyncio.to_thread(_derived, rows[start : start + PAGE])
            fixed += await _locked(
                store, user_id, clock, lambda tx, _, u=user_id, m=memories, e=entities: _mend(tx, u, m, e)
            )
    return fixed


def _derived(rows: Sequence[IndexedNode]) -> tuple[list[Row], list[Row]]:
    """Return memories and entities with their hashes and terms, computed before the lock is taken."""
    memories: list[Row] = [
        {
            "uuid": row["uuid"],
            "text": row["text"],
            "name": memory_name(row["text"]),
            "content_hash": content_hash(row["text"]),
            "terms": split_terms(row["text"]),
        }
        for row in rows
        if row["kind"] == "memory"
    ]
    entities: list[Row] = [
        {"uuid": row["uuid"], "name": row["text"], "terms": split_terms(row["text"])}
        for row in rows
        if row["kind"] == "entity"
    ]
    return memories, entities


async def _mend(tx: Transaction, user_id: str, memories: Sequence[Row], entities: Sequence[Row]) -> int:
    known = {"user_id": user_id, "user_key": user_key(user_id)}
    mended = await tx.run(queries.mend_memories, **known, memories=list(memories))
    return len(mended) + len(await tx.run(queries.mend_entities, **known, entities=list(entities)))


async def _redraw(store: GraphStore, clock: Clock) -> tuple[int, int]:
    """Recompute the ends of all current facts and draw their claims again; return how many of each were wrong."""
    ends = claims = 0
    after: str | None = ""
    while after is not None:
        page = await store.read_one(queries.facts_to_check, after=after, top_k=FACTS_AT_ONCE)
        for user_id, facts in _by_user(page["facts"]).items():
            uuids = [fact["uuid"] for fact in facts]
            moved, redrawn = await _locked(
                store, user_id, clock, lambda tx, now, u=user_id, f=uuids: _recompute(tx, u, f, now)
            )
            ends += moved
            claims += redrawn
        after = page["last"]
    return ends, claims


async def _recompute(tx: Transaction, user_id: str, uuids: Sequence[str], now: datetime) -> tuple[int, int]:
    async def read() -> tuple[list[CheckedFact], Counter[str]]:
        found = await tx.run_one(queries.claims_to_check, user_id=user_id, uuids=list(uuids), now=now)
        return found["facts"], Counter(repr(sorted(drawn.items())) for drawn in found["drawn"])

    facts, before = await read()
    moved = await refresh_derived(tx, user_id=user_id, changed=facts, now=now)
    _, after = await read()
    return len(moved), max((after - before).total(), (before - after).total())


async def _undraw(store: GraphStore, clock: Clock) -> int:
    removed = 0
    after: str | None = ""
    while after is not None:
        page = await store.read_one(queries.stray_claims, after=after, top_k=PAGE)
        for user_id, entities in _by_user(page["entities"]).items():
            uuids = [entity["uuid"] for entity in entities]
            done = await _locked(
                store,
                user_id,
                clock,
                lambda tx, _, u=user_id, e=uuids: tx.run_one(queries.undraw_claims, user_id=u, uuids=e),
            )
            removed += done["removed"]
        after = page["last"]
    return removed


async def _delete_needless_tombstones(store: GraphStore) -> int:
    removed = 0
    while True:
        rows = await store.read(queries.needless_tombstones, top_k=PAGE)
        uuids = [row["uuid"] for row in rows]
        if not uuids:
            return removed
        await store.write(lambda tx, u=uuids: tx.run(index_queries.delete_tombstones, uuids=u), "delete_tombstones")
        removed += len(uuids)


async def _locked(
    store: GraphStore, user_id: str, clock: Clock, work: Callable[[Transaction, datetime], Awaitable[T]]
) -> T:
    """Do it under the partition's lock; ``work`` is told the instant of the write."""

    async def run(tx: Transaction) -> T:
        return await work(tx, (await lock(tx, user_id, clock)).now)

    return await store.write(run, "repair", partition=user_id)


def _by_user(rows: Sequence[Owned]) -> dict[str, list[Owned]]:
    grouped: dict[str, list[Owned]] = defaultdict(list)
    for row in rows:
        grouped[row["user_id"]].append(row)
    return grouped
