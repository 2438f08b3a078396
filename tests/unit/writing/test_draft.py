"""What a draft answers for a fact, and what it keeps of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from kg.graph.partition import Write
from kg.graph.store import Transaction
from kg.values import FactInput, Scope
from kg.writing.draft import Draft, Drafted, StatingMemory

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def draft(**options: Any) -> Draft:
    write = Write(cast("Transaction", None), "ada", UUID(int=1), NOW, first_seq=7)
    return Draft(write, {}, **options)


def memory(uuid: str = "note") -> StatingMemory:
    return StatingMemory(uuid, Scope("ada"), None, NOW, "created")


def lives_in(place: str, first: int | None = None, last: int | None = None) -> FactInput:
    begin, end = (datetime(year, 1, 1, tzinfo=UTC) if year else None for year in (first, last))
    return FactInput(f"lives in {place}", "LIVES_IN", "user", place, valid_at=begin, invalid_at=end)


def add_all(to: Draft, *facts: FactInput) -> list[Drafted]:
    return [to.add_fact(memory(), fact, f"fact:{index}") for index, fact in enumerate(facts)]


def test_what_a_memory_says_twice_is_answered_with_the_first_and_drafted_once():
    one = draft()
    first, again, other = add_all(one, lives_in("Paris"), lives_in("Paris"), lives_in("Berlin"))
    assert (first.is_new, again.is_new, other.is_new) == (True, False, True)
    assert again.fact["uuid"] == first.fact["uuid"]
    assert one.fact_uuids() == [first.fact["uuid"], other.fact["uuid"]]
    assert len(one.entities) == 3


def test_another_memory_may_say_the_same():
    one = draft()
    told = [one.add_fact(memory(uuid), lives_in("Paris"), uuid) for uuid in ("note", "other")]
    assert all(drafted.is_new for drafted in told)


def test_what_a_memory_states_already_is_answered_with_the_standing_fact():
    before = draft()
    (standing,) = add_all(before, lives_in("Paris"))
    after = draft()
    after.note_standing("note", [{**standing.fact, "uuid": "standing"}])
    (again,) = add_all(after, lives_in("Paris"))
    assert not again.is_new
    assert again.fact["uuid"] == "standing"
    assert after.facts == []


def test_a_period_that_touches_only_a_repetition_is_a_fact_of_its_own():
    one = draft()
    told = add_all(one, lives_in("Paris", 2010, 2012), lives_in("Paris", 2011, 2015), lives_in("Paris", 2014, 2018))
    assert [drafted.is_new for drafted in told] == [True, False, True]


def test_facts_are_numbered_in_the_order_of_their_telling_and_carry_their_origin():
    one = draft(origin={"origin": "model", "model": "fake:one"})
    number = one.take_seq()
    paris, berlin = add_all(one, lives_in("Paris"), lives_in("Berlin"))
    assert (number, paris.fact["seq"], berlin.fact["seq"]) == (7, 8, 9)
    assert (paris.fact["origin"], paris.fact["model"]) == ("model", "fake:one")
    assert add_all(draft(), lives_in("Paris"))[0].fact["origin"] == "caller"
