"""What one check says, and what the checks look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from kg.settings.service import Settings
from mcp_server.link.record import ServiceRecord

Level = Literal["ok", "note", "warning", "failed"]
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Check:
    """One finding; ``cure`` says what to do and is given for every failure."""

    name: str
    level: Level
    message: str
    cure: str = ""

    def as_json(self) -> JsonObject:
        """Return it for a script."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Situation:
    """What all checks look at.

    Attributes:
        record: what the service's record says, alive or stale.
        health: what the running service says of itself; None when none runs.
        parts: the state of its parts; empty unless it is ready.
        parts_error: why a ready service did not tell the state of its parts.
    """

    settings: Settings
    environ: Mapping[str, str]
    record: ServiceRecord | None = None
    health: JsonObject | None = None
    parts: JsonObject = field(default_factory=dict[str, Any])
    parts_error: str = ""

    @property
    def managed(self) -> bool:
        """Whether Neo4j is ours to start."""
        return not self.settings.neo4j_url
