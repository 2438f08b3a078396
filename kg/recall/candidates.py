"""What search ranks memories by, kept while their partition stands still.

Invariant: a card is used only while its partition's number is the one it was read at, and every write raises that
number. An edit by hand does not; so a card is used for a minute at most, and what an answer shows is always read anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kg.facts.instants import Instants
from kg.graph.store import GraphStore
from kg.recall import queries
from kg.recall.queries import CardRows
from kg.values import Scope

KEPT_S = 60.0
_MAX_PARTITIONS = 8
_MAX_CARDS = 10_000
"""Of one partition; it is read anew beyond them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Card:
    """What ranking needs to know of a memory.

    Attributes:
        occurred_us: when it was said, in microseconds since 1970.
        created_us: when it was stored, likewise.
        noise: whether it is trivial.
        neighbours: the two messages before and the two after it in its conversation.
    """

    uuid: str
    content_hash: str
    occurred_us: int
    created_us: int
    noise: bool | None
    agent_id: str | None
    run_id: str | None
    project: str | None
    speaker: str | None
    neighbours: Sequence[str]

    def within(self, scope: Scope, *, noise: bool) -> bool:
        """Tell whether the memory belongs to a scope; a trivial one does only where ``noise`` asks for it."""
        return (
            (noise or self.noise is False)
            and scope.agent_id in (None, self.agent_id)
            and scope.run_id in (None, self.run_id)
            and scope.project in (None, self.project)
        )

    def in_time(self, instants: Instants) -> bool:
        """Tell whether it had been said, and was stored, by the instants asked about."""
        as_of, known_at = instants.as_of, instants.known_at
        return (as_of is None or self.occurred_us <= _microseconds(as_of)) and (
            known_at is None or self.created_us <= _microseconds(known_at)
        )


@dataclass
class Cards:
    """Cards of one partition, all read at the same number.

    Attributes:
        seq: the partition's number; None where it has none yet.
        memories: by uuid; None for one that is not there, or is another's.
        owners: which memory states a fact; None for a fact that does not stand any more.
    """

    seq: int | None
    read_at: float
    memories: dict[str, Card | None] = field(default_factory=dict[str, "Card | None"])
    owners: dict[str, str | None] = field(default_factory=dict[str, "str | None"])

    def lacks(self, uuid: str | None) -> bool:
        """Tell whether a memory, or a message next to it, was not read yet."""
        if uuid is None:
            return False
        card = self.memories.get(uuid)
        return uuid not in self.memories or (card is not None and any(n not in self.memories for n in card.neighbours))

    def candidates(
        self, memory_uuids: Sequence[str], fact_uuids: Sequence[str], scope: Scope, *, noise: bool
    ) -> list[tuple[Card, list[str]]]:
        """Return the memories of a scope that were found, with the facts that found them, and the messages round them.

        Args:
            memory_uuids: memories found by themselves.
            fact_uuids: facts found; the memory that states one is found by it.
            scope: whose memories, and which of them.
            noise: whether trivial memories are wanted too.
        """

        def wanted(uuid: str | None) -> Card | None:
            card = None if uuid is None else self.memories.get(uuid)
            return card if card is not None and card.within(scope, noise=noise) else None

        found: dict[str, tuple[Card, list[str]]] = {}
        for uuid in memory_uuids:
            if card := wanted(uuid):
                found[uuid] = (card, [])
        for fact in fact_uuids:
            if card := wanted(self.owners.get(fact)):
                found.setdefault(card.uuid, (card, []))[1].append(fact)
        for uuid in [uuid for card, _ in found.values() for uuid in card.neighbours]:
            if card := wanted(uuid):
                found.setdefault(uuid, (card, []))
        return list(found.values())


class CardStore:
    """Cards of the partitions that were searched lately."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, Cards] = OrderedDict()

    async def read(
        self, user_id: str, seq: int | None, memory_uuids: Sequence[str], fact_uuids: Sequence[str]
    ) -> Cards:
        """Return cards of memories, of those that state given facts, and of the messages round them.

        Args:
            user_id: partition.
            seq: its number, read since the caller's question came in; None where it is not known.
            memory_uuids: memories.
            fact_uuids: facts.
        """
        kept = self._kept.get(user_id)
        if kept is None or seq is None or kept.seq != seq or time.monotonic() > kept.read_at + KEPT_S:
            kept = Cards(seq, time.monotonic())
        memories = [uuid for uuid in memory_uuids if kept.lacks(uuid)]
        facts = [uuid for uuid in fact_uuids if uuid not in kept.owners or kept.lacks(kept.owners[uuid])]
        if memories or facts:
            rows = await self._store.read_one(
                queries.memory_cards, user_id=user_id, memory_uuids=memories, fact_uuids=facts
            )
            read = _read_cards(rows, memories, facts)
            if read.seq != kept.seq or len(kept.memories) > _MAX_CARDS:
                self._keep(user_id, read)
                return Cards(kept.seq, kept.read_at, kept.memories | read.memories, kept.owners | read.owners)
            kept.memories.update(read.memories)
            kept.owners.update(read.owners)
        self._keep(user_id, kept)
        return kept

    def _keep(self, user_id: str, cards: Cards) -> None:
        self._kept[user_id] = cards
        self._kept.move_to_end(user_id)
        if len(self._kept) > _MAX_PARTITIONS:
            self._kept.popitem(last=False)


def _read_cards(rows: CardRows, memory_uuids: Sequence[str], fact_uuids: Sequence[str]) -> Cards:
    """Return what a query read, and for everything that was asked for and is not there that it is not."""
    cards = {card["uuid"]: Card(**card) for card in rows["cards"]}
    owners: dict[str, str] = dict(rows["owners"])
    asked = [*memory_uuids, *owners.values()]
    known: dict[str, Card | None] = dict.fromkeys(asked)
    known.update(dict.fromkeys(uuid for found in asked if found in cards for uuid in cards[found].neighbours))
    return Cards(rows["seq"], time.monotonic(), known | cards, dict.fromkeys(fact_uuids) | owners)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
