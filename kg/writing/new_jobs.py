"""The jobs in which a model reads new texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kg.graph.partition import Write
from kg.graph.store import Row

READ_TOGETHER = 25
"""Most messages of one conversation in one job."""


def extraction_jobs(write: Write, together: Iterable[Sequence[str]], *, bulk: bool = False) -> list[Row]:
    """Return jobs that read memories; those that belong together share a job, at most ``READ_TOGETHER`` of them."""
    rows: list[Row] = []
    for uuids in together:
        for start in range(0, len(uuids), READ_TOGETHER):
            part = list(uuids[start : start + READ_TOGETHER])
            properties: Row = {
                "uuid": write.uuid(f"job:{part[0]}"), "kind": "extract", "state": "pending", "attempt": 0,
                "failures": 0, "bulk": bulk, "created_at": write.now,
            }  # fmt: skip
            rows.append({"properties": properties, "memories": part})
    return rows
