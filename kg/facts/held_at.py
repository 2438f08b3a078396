"""Which facts held at one instant, as far as was known at another; for reads that ask about the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kg.facts import queries
from kg.facts.endings import timelines_from_rows
from kg.facts.predicates import SINGLE_VALUED
from kg.language.times import given_instant, parse_span

if TYPE_CHECKING:
    from kg.graph.store import GraphStore

_PRESENT = frozenset(("now", "today", "present", "current", "currently"))


@dataclass(frozen=True)
class Instants:
    """The two instants of a read.

    Attributes:
        now: the present.
        as_of: instant of the world that was asked for; None means now.
        known_at: instant of knowledge that was asked for; None means now.
    """

    now: datetime
    as_of: datetime | None = None
    known_at: datetime | None = None

    @property
    def t(self) -> datetime:
        """Instant of the world that is asked about; if only ``known_at`` was given, it is that one."""
        return self.as_of or self.known_at or self.now

    @property
    def past(self) -> bool:
        """Whether the read asks about another instant than the present."""
        return self.as_of is not None or self.known_at is not None


@dataclass(frozen=True)
class Standing:
    """Whether a fact was known and held at the two instants of a read, and its beginning and end as known then."""

    known: bool
    held: bool
    begin: datetime
    end: datetime | None


def asked_instant(field: str, value: object, now: datetime) -> datetime | None:
    """Return the instant that a read asks about: the last one of the year, day or second given, but no later than now.

    A span that lies ahead is asked about as it will be at its end. Words for the present mean that none is given.
    """
    if isinstance(value, str) and value.strip().casefold() in _PRESENT:
        return None
    if given_instant(field, value) is None:
        return None
    span = parse_span(field, value)
    return now if span.first <= now < span.last else span.last


async def standings(store: GraphStore, user_id: str, uuids: Sequence[str], instants: Instants) -> dict[str, Standing]:
    """Return how facts stood, by uuid; unknown uuids are left out."""
    if not uuids:
        return {}
    history = await store.read_one(
        queries.history_closure, user_id=user_id, uuids=list(uuids), single_valued=sorted(SINGLE_VALUED)
    )
    timelines = timelines_from_rows(history["facts"], history["decisions"], SINGLE_VALUED)
    k = instants.known_at
    return {
        uuid: Standing(
            timelines.known(uuid, k),
            timelines.held(uuid, instants.t, k),
            timelines.begin(uuid, k),
            timelines.end(uuid, k),
        )
        for uuid in uuids
        if uuid in timelines.facts
    }
