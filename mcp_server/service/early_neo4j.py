"""The managed Neo4j, started before anything else: it takes longest, and in its own process.

Imports, the embedding models and the index come up beside it. Light to import for that reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kg.managed.artifacts import Progress
from kg.managed.local_neo4j import LocalNeo4j, Neo4jAddress
from kg.settings.service import Settings
from mcp_server.link.starting_answer import is_fetching

OnPhase = Callable[[str], None]


class Phases:
    """What several parts that start at once are doing, told as one phase: a fetch before all else, else the last."""

    def __init__(self, on_phase: OnPhase) -> None:
        self._on_phase = on_phase
        self._doing: dict[str, str] = {}

    def of(self, part: str) -> OnPhase:
        """Return what one part tells its phases to; an empty phase says that it is done."""

        def tell(phase: str) -> None:
            self._doing.pop(part, None)
            if phase:
                self._doing[part] = phase
            doing = list(self._doing.values())
            if doing:
                self._on_phase(next((phase for phase in doing if is_fetching(phase)), doing[-1]))

        return tell


@dataclass(frozen=True)
class EarlyNeo4j:
    """A managed Neo4j on its way up."""

    local: LocalNeo4j
    address: asyncio.Task[Neo4jAddress]

    @classmethod
    def begin(cls, settings: Settings, on_phase: OnPhase) -> EarlyNeo4j:
        """Start it; a fetch comes first if it is missing."""
        local = LocalNeo4j(settings)
        on_phase("starting neo4j")
        return cls(local, asyncio.create_task(local.start(telling(on_phase)), name="neo4j-start"))

    async def give_up(self) -> None:
        """Stop waiting for it, which lets it be ended at once."""
        self.address.cancel()
        await asyncio.gather(self.address, return_exceptions=True)


def telling(on_phase: OnPhase) -> Progress:
    """Return what tells a fetch's progress as a phase."""

    def tell(label: str, done: int, total: int) -> None:
        percent = f" {100 * done // total}% of {total / 1e6:.0f} MB" if total else ""
        on_phase(f"{label}{percent}")

    return tell
