"""What a search found in the index, as ranking takes it: memories of the scope and the time, and their neighbours."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from kg.facts.held_at import Instants
from kg.ports import IndexCard
from kg.recall.dates.spans import DateSpan, date_value, microseconds
from kg.recall.ranking import Candidate
from kg.values import UNKNOWN_START, Scope


def within(card: IndexCard, scope: Scope, *, noise: bool) -> bool:
    """Tell whether a memory belongs to a scope; a trivial one does only where ``noise`` asks for it."""
    return (
        card.kind == "memory"
        and (noise or not card.noise)
        and scope.agent_id in (None, card.agent_id)
        and scope.run_id in (None, card.run_id)
        and scope.project in (None, card.project)
    )


def in_time(card: IndexCard, instants: Instants) -> bool:
    """Tell whether a memory had been said, and was stored, by the instants asked about."""
    return not (
        (instants.as_of is not None and card.valid_at is not None and card.valid_at > instants.as_of)
        or (instants.known_at is not None and card.created_at is not None and card.created_at > instants.known_at)
    )


def neighbours(cards: Iterable[IndexCard]) -> dict[str, list[str]]:
    """Return for each memory the messages next to it, of those whose cards are given and those that they name."""
    near: dict[str, dict[str, None]] = {}
    for card in cards:
        for uuid in card.previous:
            near.setdefault(card.uuid, {})[uuid] = None
            near.setdefault(uuid, {})[card.uuid] = None
    return {uuid: list(others) for uuid, others in near.items()}


def make_candidates(
    cards: Sequence[IndexCard],
    facts: Mapping[str, IndexCard],
    coverage: Mapping[str, float],
    *,
    people: Collection[str],
    project: str | None,
    dates: Sequence[DateSpan],
) -> list[Candidate]:
    """Return memories as ranking takes them.

    Args:
        cards: of the memories.
        facts: cards of the facts that were found.
        coverage: how much of the question each memory's words cover; 0 where it is not named.
        people: alias keys of the persons whom the question names.
        project: the project that asks.
        dates: dates that the question names.
    """
    near = neighbours(cards)
    stated: dict[str, list[str]] = {}
    for uuid, fact in facts.items():
        if fact.owner is not None:
            stated.setdefault(fact.owner, []).append(uuid)
    return [
        Candidate(
            card.uuid,
            coverage.get(card.uuid, 0.0),
            0 if card.valid_at is None else microseconds(card.valid_at),
            stated.get(card.uuid, ()),
            near.get(card.uuid, ()),
            card.speaker is not None and card.speaker in people,
            project is not None and card.project == project,
            _date_value(card, [facts[uuid] for uuid in stated.get(card.uuid, ())], dates) if dates else 0.0,
        )
        for card in cards
    ]


def _date_value(card: IndexCard, facts: Sequence[IndexCard], dates: Sequence[DateSpan]) -> float:
    instants = [card.valid_at, *(at for fact in facts for at in (fact.valid_at, fact.invalid_at))]
    return date_value(dates, [microseconds(at) for at in instants if at not in (None, UNKNOWN_START)])
