"""The canonical digest of a partition: two graphs that say the same have the same one, whatever their ids are.

What is derived and can be computed again (vectors, hashes, search terms, revisions) does not count, nor do uuids and
sequence numbers. Cached ends and drawn claims do count, so that a wrong one shows. A fact is known by the memory that
states it, by what it says and by the names of its sides; an entity by its names.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256

from kg.graph import queries
from kg.graph.queries import DigestEntity, DigestFact, DigestMemory
from kg.graph.store import GraphStore

_PAGE = 500
_MEMORY = (
    "text", "kind", "role", "speaker", "agent_id", "run_id", "project", "metadata", "occurred_at", "created_at",
    "noise", "noise_reason",
)  # fmt: skip
_FACT = (
    "statement", "scope", "predicate", "object_value", "because", "revisit_when", "valid_at", "valid_from_source",
    "stated_invalid_at", "origin", "model", "prompt", "prompt_hash",
)  # fmt: skip
_DECISION = ("kind", "effective_at", "judge", "reason", "prompt", "prompt_hash")
_SUM = 1 << 256


async def digest(store: GraphStore, user_id: str, *, history: bool = True) -> str:
    """Return the digest of a partition, 64 hexadecimal digits. Nothing may write to it meanwhile.

    Args:
        store: the graph.
        user_id: partition.
        history: with what was said and decided before, and when; without, only what stands now counts. Undoing a
            change brings back what stood, and adds to the history.
    """
    total = 0
    async for content in _contents(store, user_id, history=history):
        total += int.from_bytes(sha256(_canonical(content).encode()).digest())
    return f"{total % _SUM:064x}"


async def lines(store: GraphStore, user_id: str, *, history: bool = True) -> list[str]:
    """Return what the digest is made of, sorted, one memory or entity a line: to see where two graphs differ."""
    return sorted([_canonical(content) async for content in _contents(store, user_id, history=history)])


async def _contents(store: GraphStore, user_id: str, *, history: bool) -> AsyncIterator[object]:
    seq: int | None = -1
    while seq is not None:
        memories = await store.read(queries.digest_memories, user_id=user_id, after=seq, top_k=_PAGE)
        for row in memories:
            yield _memory(row, history=history)
        seq = memories[-1]["memory"]["seq"] if memories else None
    uuid: str | None = ""
    while uuid is not None:
        entities = await store.read(queries.digest_entities, user_id=user_id, after=uuid, top_k=_PAGE)
        for row in entities:
            if history or row["current"] or row["merged"]:
                yield _entity(row, history=history)
        uuid = entities[-1]["uuid"] if entities else None


def _memory(row: DigestMemory, *, history: bool) -> object:
    memory = row["memory"]
    states = {memory["uuid"]: _pick(memory, _MEMORY)}
    if history:
        for version in row["versions"]:
            states[version["uuid"]] = {key: value for key, value in version.items() if key != "uuid"}
    return [
        [
            state,
            _sorted([m["key"], m["name"], m["role"], m["kind"]] for m in row["mentions"] if m["state"] == uuid),
            _sorted(_fact(fact, history=history) for fact in row["facts"] if fact["state"] == uuid),
        ]
        for uuid, state in states.items()
    ] + [row["next"]]


def _fact(row: DigestFact, *, history: bool) -> object:
    fact = row["fact"]
    said = [_pick(fact, _FACT), row["subject"], row["object"]]
    if history:
        decided = [[{**one["decision"], "uuid": None}, one["by"]] for one in row["decisions"]]
        return [*said, _pick(fact, ("created_at", "expired_at", "invalid_at")), _sorted(decided)]
    standing = [
        [_pick(one["decision"], _DECISION), _pick(one["by"], ("statement", "predicate", "valid_at", "text"))]
        for one in row["decisions"]
        if one["decision"].get("undone_at") is None and one["by"]["expired_at"] is None
    ]
    return [*said, fact.get("invalid_at"), _sorted(standing)]


def _entity(row: DigestEntity, *, history: bool) -> object:
    merged = [
        [sorted(merge["keys"]), sorted(set(merge["into"])), [merge["reason"], merge["at"]] if history else None]
        for merge in row["merged"]
    ]
    claims = [{**claim, "object": sorted(claim["object"])} for claim in row["claims"]]
    known = [row["name"], sorted(row["keys"])] if history else sorted(row["current"])
    return [known, row["kind"], merged, _sorted(claims)]


def _pick(row: Mapping[str, object], keys: Iterable[str]) -> Mapping[str, object]:
    return {key: row[key] for key in keys if row.get(key) is not None}


def _sorted(items: Iterable[object]) -> list[object]:
    return sorted(items, key=_canonical)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=_instant)


def _instant(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no canonical form")
    return value.astimezone(UTC).isoformat()
