"""What model calls cost, kept on the job that made them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kg.errors import CommitInDoubt
from kg.graph import queries
from kg.graph.store import GraphStore
from kg.model_values import ModelCall

log = logging.getLogger(__name__)


async def account_calls(
    store: GraphStore, user_id: str, calls: Sequence[ModelCall], now: datetime, *, job: str | None = None
) -> None:
    """Write model calls down on their user's day, and on the job that made them if one did.

    If the database goes away during the commit, they may be accounted or not: counted twice would be worse, and nothing
    is lost for which a model would have to be asked again.

    Raises:
        StoreUnavailable: the database does not answer; they are not accounted.
    """
    if not calls:
        return
    params: dict[str, Any] = {
        "user_id": user_id,
        "uuid": job,
        "calls": [json.dumps({**asdict(call), "at": now.isoformat(timespec="seconds")}) for call in calls],
        "tokens": sum(call.input_tokens + call.output_tokens for call in calls),
        "cost": sum(call.cost_usd or 0.0 for call in calls),
        "model": calls[-1].model,
        "day": now.date().isoformat(),
    }
    try:
        await store.write(lambda tx: tx.run(queries.account_calls, **params), "account_calls", repeats=False)
    except CommitInDoubt:
        log.warning("it is not certain that %d model calls are accounted", len(calls))
