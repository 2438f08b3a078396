"""Values that are derived from facts: the end that each fact caches, and the relationships that people see.

They are refreshed in the transaction that changed the facts: after every add, update, delete, merge and undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from kg.facts import queries
from kg.facts.endings import timelines_from_rows
from kg.facts.predicates import SINGLE_VALUED
from kg.facts.queries import ClosureFact
from kg.graph.store import Row, Step, Transaction


def claims_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, Row]:
    """Return the claims between two entities by claim key; each is drawn as a relationship."""
    return {
        fact["claim_key"]: {key: fact[key] for key in ("claim_key", "subject_uuid", "object_uuid", "predicate")}
        for fact in facts
        if fact["subject_uuid"] and fact["object_uuid"]
    }


def groups_of(facts: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the timelines that facts belong to: (scope, subject, predicate) if the predicate is single-valued."""
    found = {
        (fact["scope"], fact["subject_uuid"], fact["predicate"])
        for fact in facts
        if fact["subject_uuid"] and fact["predicate"] in SINGLE_VALUED
    }
    return [{"scope": scope, "subject_uuid": subject, "predicate": name} for scope, subject, name in sorted(found)]


async def refresh_derived(
    tx: Transaction,
    *,
    user_id: str,
    created: Sequence[Mapping[str, Any]] = (),
    changed: Sequence[Mapping[str, Any]] = (),
    also: Sequence[str] = (),
    now: datetime,
) -> list[str]:
    """Recompute ends and drawn relationships around changed facts; return the uuids of facts whose end changed.

    Args:
        tx: the transaction that made the change; it holds the partition's lock.
        user_id: partition.
        created: facts that were added, as rows with their claim. Only their timelines can end them, unless ``also``
            names them.
        changed: facts that were expired, moved or removed, as rows with their claim.
        also: uuids of facts that gained or lost a decision.
        now: instant of the change.
    """
    timed = [fact for fact in created if in_timeline(fact)]
    moved = await _move_ends(tx, user_id, [*timed, *changed], also) if timed or changed or also else []
    command, params = drawing(user_id, [*created, *changed, *moved], now)
    if params["claims"]:
        await tx.run(command, **params)
    return [fact["uuid"] for fact in moved]


def in_timeline(fact: Mapping[str, Any]) -> bool:
    """Tell whether a new fact may end others, or be ended, without a decision."""
    return bool(fact["subject_uuid"]) and fact["predicate"] in SINGLE_VALUED


def drawing(user_id: str, facts: Iterable[Mapping[str, Any]], now: datetime) -> Step:
    """Return the command that draws the claims of facts; their ends are known."""
    claims = list(claims_of(facts).values())
    return queries.project_claims, {"user_id": user_id, "claims": claims, "now": now}


async def _move_ends(
    tx: Transaction, user_id: str, facts: Sequence[Mapping[str, Any]], also: Sequence[str]
) -> list[ClosureFact]:
    """Recompute the ends of facts and of those around them; return the facts whose end moved."""
    closure = await tx.run_one(
        queries.timeline_closure,
        user_id=user_id,
        uuids=[*(fact["uuid"] for fact in facts), *also],
        groups=groups_of(facts),
        single_valued=sorted(SINGLE_VALUED),
    )
    found, whole = closure["facts"], frozenset(closure["whole"])
    timelines = timelines_from_rows(found, closure["decisions"], SINGLE_VALUED)
    endings = [
        (fact, timelines.ending(fact["uuid"], None))
        for fact in found
        if fact["uuid"] in whole and fact["expired_at"] is None
    ]
    ends = [
        {"uuid": fact["uuid"], "invalid_at": ending.at, "followed_by": ending.by}
        for fact, ending in endings
        if ending != (fact["invalid_at"], fact["followed_by"])
    ]
    if ends:
        await tx.run(queries.set_ends, ends=ends)
    return [fact for fact, ending in endings if ending.at != fact["invalid_at"]]
