"""Adding and updating a memory: the write itself, and the answer that says what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kg.entities.likely import find_likely_new
from kg.errors import StoreUnavailable
from kg.facts.parse import ParsedFacts
from kg.graph.partition import present, present_after
from kg.index.vectors import NodeText
from kg.operations import queries
from kg.operations.parts import Parts
from kg.operations.queries import ChangedFact
from kg.ports import Vector
from kg.recall import render
from kg.recall.to_settle import OFFERED, READ, Near, NewFact, Offer, Settling
from kg.recall.to_settle_ranking import Said
from kg.values import AddRequest, JsonObject, Scope, SettleRequest, UpdateRequest
from kg.writing.add import Adding, AddOutcome
from kg.writing.settle_with import Deciding
from kg.writing.texts import prepare_texts
from kg.writing.update import Updating

INDEX_WAIT_LONG_S = 30.0
EXTRACTION_WAIT_S = 90.0
_EMBEDDING_WAIT_S = 3.0
"""A slow embedder must not hold up the answer to a write that is done."""
_FEW_CHARS = 60
_MOST_TOKENS = render.ANSWER_TOKENS // 3
"""Of the facts that a call states, of those that it ends, and of those that it expires."""


class Writes:
    """Adds and updates memories."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._indexer = parts.indexer
        self._worker = parts.worker
        self._clock = parts.clock
        self._index_wait_s = parts.index_wait_s
        prepare = parts.prepare or prepare_texts
        self._adding = Adding(parts.store, parts.clock, parts.own_name, prepare)
        self._updating = Updating(parts.store, parts.clock, parts.own_name, prepare)
        self._deciding = Deciding(parts.store, parts.clock)
        self._settling = Settling(parts.store, parts.index, parts.embedder)

    async def add(
        self, request: AddRequest, parsed: ParsedFacts, warnings: Sequence[str], *, waits: bool
    ) -> JsonObject:
        """Store texts with their facts.

        Args:
            request: what to store.
            parsed: the facts as they were handed in, with those that cannot be used.
            warnings: what the caller should know of the arguments.
            waits: answer only once search finds the memory and a model has read it, or that takes too long.
        """
        self._indexer.announce(_texts_of(request))
        statements = [fact.statement for memory in request.memories for fact in memory.facts]
        looking = asyncio.create_task(self._look(request.scope, statements))
        try:
            outcome = await self._adding.add(request)
        except BaseException:
            looking.cancel()
            raise
        if outcome.pending and self._worker is not None:
            self._worker.wake()
        fresh = [uuid for uuid in outcome.memory_uuids if uuid not in outcome.duplicates]
        timeout_s = INDEX_WAIT_LONG_S if waits else self._index_wait_s
        queued = [*fresh, *outcome.fact_uuids]
        indexed, seen = await asyncio.gather(
            self._leave_to_index(queued)
            if request.bulk and not waits
            else self._wait_indexed(queued, timeout_s, new=True),
            self._seen_after(
                request.scope,
                outcome.fact_uuids,
                outcome.ended,
                entities=outcome.entities,
                at=outcome.at,
                looking=looking,
            ),
        )
        return {
            "results": _added(outcome),
            "indexed": indexed,
            **seen,
            **_unused(parsed, [*warnings, *outcome.warnings]),
            "extraction": await self._extraction(request, outcome, waits=waits),
        }

    async def update(self, request: UpdateRequest, parsed: ParsedFacts) -> JsonObject:
        """Change one memory.

        Args:
            request: what to change.
            parsed: the facts as they were handed in.
        """
        self._indexer.announce([NodeText("fact", fact.statement) for fact in request.facts or ()])
        outcome = await self._updating.update(request)
        if outcome.pending and self._worker is not None:
            self._worker.wake()
        queued = [outcome.uuid, *outcome.fact_uuids] if outcome.changed else []
        scope = Scope(request.user_id, outcome.agent_id, outcome.run_id, outcome.project)
        indexed, changes = await asyncio.gather(
            self._wait_indexed(queued, self._index_wait_s, new=False),
            self._seen_after(scope, outcome.fact_uuids, outcome.ended, outcome.expired),
        )
        return {
            "id": outcome.uuid,
            "event": "UPDATE" if outcome.changed else "NONE",
            "indexed": indexed,
            **render.compact({"extraction": "pending" if outcome.pending else None}),
            **changes,
            **_unused(parsed, [*parsed.warnings, *outcome.warnings]),
        }

    async def settle(self, request: SettleRequest) -> JsonObject:
        """Record what stored facts replace; nothing is stored again."""
        outcome = await self._deciding.settle(request)
        found = await self._store.read(
            queries.fact_changes, user_id=request.user_id, uuids=[*outcome.facts, *outcome.ended]
        )
        rows = {row["uuid"]: row for row in found}
        return {
            "results": [],
            **render.compact(
                {
                    "facts": _shown([rows[uuid] for uuid in outcome.facts if uuid in rows]),
                    "ended": _shown([rows[uuid] for uuid in outcome.ended if uuid in rows]),
                    "warnings": outcome.warnings,
                }
            ),
        }

    async def _extraction(self, request: AddRequest, outcome: AddOutcome, *, waits: bool) -> str:
        """Return how far models are with reading the new texts; wait for them first where ``waits`` says so."""
        if outcome.pending:
            if waits and self._worker is not None:
                return await self._worker.wait_done(request.scope.user_id, outcome.pending, EXTRACTION_WAIT_S)
            return "pending"
        unread = request.infer and not any(memory.facts for memory in request.memories)
        left_out = len(outcome.noise) + len(outcome.duplicates) == len(request.memories)
        return "skipped" if unread and not left_out else "none"

    async def _leave_to_index(self, uuids: Sequence[str]) -> bool:
        """Do not wait: what comes in bulk is never indexed within the time that a call may take."""
        self._indexer.wake()
        return not uuids

    async def _wait_indexed(self, uuids: Sequence[str], timeout_s: float, *, new: bool) -> bool:
        if await self._indexer.wait_indexed(uuids, timeout_s, new=new):
            return True
        waiting = await self._store.read(queries.still_unindexed, uuids=list(uuids))
        return not waiting

    async def _seen_after(
        self,
        scope: Scope,
        stated: Sequence[str],
        ended: Sequence[str],
        expired: Sequence[str] = (),
        *,
        entities: Sequence[str] = (),
        at: str = "",
        looking: asyncio.Task[dict[str, Near]] | None = None,
    ) -> JsonObject:
        """Return what an answer says of the facts and the new entities of a write, all as of one instant.

        Args:
            scope: of the memory.
            stated: facts that it states now.
            ended: facts that ended.
            expired: facts that it does not state any more.
            entities: entities that were created.
            at: when the write was, ISO, if that is known.
            looking: finds what is near to the stated facts, if that was begun.
        """
        if not (stated or ended or expired or entities):
            return {}
        now = asyncio.create_task(self._present(scope.user_id, at))
        changes, likely = await asyncio.gather(
            self._fact_changes(scope, (stated, ended, expired), now, looking),
            self._likely(scope.user_id, entities, now),
        )
        return {**changes, **render.compact({"maybe_same": likely})}

    async def _present(self, user_id: str, at: str) -> datetime:
        """Return the present after a write, which need not be asked for if it is known when that was."""
        if at:
            return present_after(datetime.fromisoformat(at), self._clock)
        return await present(self._store, user_id, self._clock)

    async def _fact_changes(
        self,
        scope: Scope,
        changed: tuple[Sequence[str], Sequence[str], Sequence[str]],
        present_at: asyncio.Task[datetime],
        looking: asyncio.Task[dict[str, Near]] | None,
    ) -> JsonObject:
        """Return the facts that a write stated, ended and expired, and current ones that it may have replaced."""
        stated, ended, expired = changed
        uuids = [*stated, *ended, *expired]
        if not uuids:
            return {}
        found, now = await asyncio.gather(
            self._store.read(queries.fact_changes, user_id=scope.user_id, uuids=uuids), present_at
        )
        rows = {row["uuid"]: row for row in found}
        offers = await self._offers(scope, [rows[uuid] for uuid in stated if uuid in rows], now, looking)
        return render.compact(
            {
                "facts": _shown([rows[uuid] for uuid in stated if uuid in rows]),
                "ended": _shown([rows[uuid] for uuid in ended if uuid in rows]),
                "facts_expired": _shown([rows[uuid] for uuid in expired if uuid in rows]),
                **_to_settle(offers),
            }
        )

    async def _likely(
        self, user_id: str, entities: Sequence[str], present_at: asyncio.Task[datetime]
    ) -> list[JsonObject]:
        """Return which new entities may be the same as others."""
        if not entities:
            return []
        return await find_likely_new(self._store, user_id, entities, await present_at)

    async def _offers(
        self,
        scope: Scope,
        rows: Sequence[ChangedFact],
        now: datetime,
        looking: asyncio.Task[dict[str, Near]] | None,
    ) -> list[Offer]:
        current = [row for row in rows if row["invalid_at"] is None or row["invalid_at"] > now]
        looked = await (looking or self._look(scope, [row["statement"] for row in current]))
        facts = [
            NewFact(row["uuid"], Said(row["statement"], row["predicate"], row["subject"], row["object"]))
            for row in current
        ]
        return await self._settling.offers(scope, facts, looked, now)

    async def _look(self, scope: Scope, statements: Sequence[str]) -> dict[str, Near]:
        """Return what the index holds near some statements; without it or the embedder, what it holds by words."""
        asked = list(dict.fromkeys(statements))[:READ]
        if not asked:
            return {}
        vectors: Sequence[Vector | None]
        try:
            texts = [NodeText("fact", statement) for statement in asked]
            vectors = await asyncio.wait_for(self._indexer.embedded(texts), _EMBEDDING_WAIT_S)
        except (StoreUnavailable, TimeoutError):  # then the graph alone says what may be replaced
            vectors = [None] * len(asked)
        return await self._settling.look(scope, dict(zip(asked, vectors, strict=True)))


def _texts_of(request: AddRequest) -> list[NodeText]:
    """Return what will be embedded, except messages: what those are read behind is known when they are stored."""
    notes = [NodeText("memory", memory.text) for memory in request.memories if memory.role is None]
    facts = [NodeText("fact", fact.statement) for memory in request.memories for fact in memory.facts]
    return facts if request.bulk else notes + facts


def _to_settle(offers: Sequence[Offer]) -> JsonObject:
    """Return what the caller may settle, and the arguments of the call that does."""
    if not offers:
        return {}
    offers, left_out = offers[:OFFERED], len(offers) - OFFERED
    calls: dict[str, list[str]] = {}
    for offer in offers:
        calls.setdefault(offer.new, []).append(offer.row["uuid"])
    return {
        "to_settle": [{**render.fact(offer.row, render.FACT_CHARS), "why": offer.why} for offer in offers],
        **({"to_settle_omitted": left_out} if left_out > 0 else {}),
        "settle_with": {
            "tool": "add_memory",
            "facts": [{"id": new, "supersedes": olds} for new, olds in calls.items()],
            "note": "keep the ids of those that no longer hold; how: corrected if they never did; no text",
        },
    }


def _shown(rows: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    """Render facts whole, or all of them shorter where that would be too much for one answer."""
    facts = [render.fact(row) for row in rows]
    for chars in (render.FACT_CHARS, _FEW_CHARS):
        if render.size(facts) <= _MOST_TOKENS:
            break
        facts = [render.fact(row, chars) for row in rows]
    return facts


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
    """Return what of a write's arguments was not used, and why."""
    return render.compact(
        {
            "facts_skipped": [{"index": skipped.index, "why": skipped.why} for skipped in parsed.skipped],
            "warnings": list(warnings),
        }
    )
