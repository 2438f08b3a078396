"""The result of one check, and what the checks look at."""

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
    """The result of one check; every failure has a ``cure``, which says what to do."""

    name: str
    level: Level
    message: str
    cure: str = ""

    def as_json(self) -> JsonObject:
        """Return the check for a script."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Situation:
    """What all checks look at.

    Attributes:
        record: the service's record, of a running service or a former one.
        health: what the running service says of itself; None if none runs.
        parts: the state of its parts; empty unless it is ready.
        parts_error: why a ready service did not answer with the state of its parts.
    """

    settings: Settings
    environ: Mapping[str, str]
    record: ServiceRecord | None = None
    health: JsonObject | None = None
    parts: JsonObject = field(default_factory=dict[str, Any])
    parts_error: str = ""

    @property
    def managed(self) -> bool:
        """Whether the service starts Neo4j itself."""
        return not self.settings.neo4j_url
