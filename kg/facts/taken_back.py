"""Decisions that were taken back by other decisions, and stand again when those are undone or fall.

A says that it replaces B, then B that it replaces A: the second word takes the first one back, and remembers that
(``undone_by``). If the second is undone, or its fact is not stated any more, the first counts again from then on. So
two values that exclude each other never stand together because of an undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kg.facts import queries
from kg.graph import queries as graph_queries
from kg.graph.store import Row, Transaction

_UNDOING = ("undone_at", "undone_by")


async def restore_taken_back(tx: Transaction, user_id: str, by: Sequence[str], now: datetime) -> list[str]:
    """Decide again what decisions had taken back that do not count any more; return the facts that are ended again.

    The restored decision is a copy from now on, so that a question about the time between still finds it undone. It is
    left out if it would close a circle with what was decided since.

    Args:
        tx: the transaction, which holds the partition's lock.
        user_id: partition.
        by: the decisions that were undone or fell.
        now: instant of the write.
    """
    if not by:
        return []
    rows = await tx.run(queries.taken_back, user_id=user_id, by=list(by))
    again: list[Row] = [
        {
            "old": row["old"],
            "new": row["new"],
            "properties": {key: value for key, value in row["properties"].items() if key not in _UNDOING} | {"at": now},
        }
        for row in rows
    ]
    if again:
        await tx.run(graph_queries.create_decisions, decisions=again)
    return [row["old"] for row in again]


async def restore_after_fall(tx: Transaction, user_id: str, expired: Sequence[str], now: datetime) -> list[str]:
    """Do the same for the decisions that fell with facts which nothing states any more, and has no heir."""
    if not expired:
        return []
    fallen = await tx.run(queries.fallen_decisions, uuids=list(expired))
    return await restore_taken_back(tx, user_id, [row["uuid"] for row in fallen], now)
