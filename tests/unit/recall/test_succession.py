"""A memory that was replaced as a whole comes after what replaced it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from kg.facts.held_at import Instants
from kg.recall.queries import Hit
from kg.recall.ranking import Ranked
from kg.recall.succession import in_succession, successors

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAST, FUTURE = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def fact(uuid: str, invalid_at: datetime | None = None, *by: str | None, valid_at: datetime = PAST) -> dict[str, Any]:
    replaced_by = [{"id": "f", "memory": memory} for memory in by]
    return {"uuid": uuid, "valid_at": valid_at, "invalid_at": invalid_at, "replaced_by": replaced_by}


def hit(*facts: dict[str, Any]) -> Hit:
    return cast("Hit", {"memory": {"uuid": "own"}, "facts": list(facts), "versions": []})


def ranked(**scores: float) -> list[Ranked]:
    return [Ranked(uuid, score) for uuid, score in scores.items()]


def order(hits: list[Ranked]) -> list[tuple[str, float]]:
    return [(one.uuid, one.score) for one in hits]


def test_only_a_memory_of_which_nothing_holds_has_successors() -> None:
    instants = Instants(NOW)
    ended = fact("a", NOW, "b", None, "own", "b")
    assert successors(hit(ended), {}, instants) == ["b"]
    assert successors(hit(ended, fact("c")), {}, instants) == []
    assert successors(hit(ended, fact("c", valid_at=FUTURE)), {}, instants) == []
    assert successors(hit(ended), {}, Instants(NOW, as_of=PAST)) == []
    assert successors(hit(), {}, instants) == []


def test_what_replaced_a_memory_comes_before_it_with_at_least_its_score() -> None:
    hits = in_succession(ranked(old=0.9, other=0.8, new=0.5), {"old": ["new"]})
    assert order(hits) == [("new", 0.9), ("old", 0.9), ("other", 0.8)]


def test_a_replacement_that_was_not_found_comes_along_and_a_chain_is_followed() -> None:
    hits = in_succession(ranked(oldest=0.9, other=0.8), {"oldest": ["old"], "old": ["new"]})
    assert order(hits) == [("new", 0.9), ("old", 0.9), ("oldest", 0.9), ("other", 0.8)]


def test_memories_that_replaced_each_other_are_shown_once_each() -> None:
    hits = in_succession(ranked(a=0.9, b=0.8), {"a": ["b"], "b": ["a"]})
    assert sorted(uuid for uuid, _ in order(hits)) == ["a", "b"]
