from datetime import UTC, datetime, timedelta

from kg.facts.held_at import Instants
from kg.ports import IndexCard
from kg.recall.candidates import in_time, make_candidates, neighbours, within
from kg.recall.dates.find import find_dates
from kg.values import Scope

T = datetime(2024, 6, 7, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def card(uuid, **fields):
    return IndexCard(uuid, **({"kind": "memory", "valid_at": T, "created_at": T} | fields))


def made(cards, facts=None, coverage=None, **more):
    asked = {"people": set(), "project": None, "dates": ()} | more
    return {c.uuid: c for c in make_candidates(cards, facts or {}, coverage or {}, **asked)}


def test_messages_are_neighbours_two_either_side_by_what_each_says_of_those_before_it():
    talk = [card("a"), card("b", previous=("a",)), card("c", previous=("b", "a")), card("d", previous=("c", "b"))]
    near = neighbours(talk)
    assert {uuid: set(others) for uuid, others in near.items()} == {
        "a": {"b", "c"}, "b": {"a", "c", "d"}, "c": {"a", "b", "d"}, "d": {"b", "c"},
    }  # fmt: skip


def test_a_scope_holds_what_it_narrows_to_and_noise_only_where_asked_for():
    memory = card("a", agent_id="x", project="p")
    assert within(memory, Scope("u"), noise=False)
    assert within(memory, Scope("u", agent_id="x", project="p"), noise=False)
    assert not within(memory, Scope("u", run_id="r"), noise=False)
    assert not within(card("f", kind="fact"), Scope("u"), noise=True)
    assert not within(card("n", noise=True), Scope("u"), noise=False)
    assert within(card("n", noise=True), Scope("u"), noise=True)


def test_a_memory_is_in_time_once_said_and_stored():
    memory = card("a", created_at=T + DAY)
    assert in_time(memory, Instants(T + 9 * DAY, None, None))
    assert in_time(memory, Instants(T, T, T + DAY))
    assert not in_time(memory, Instants(T, T - DAY, None))
    assert not in_time(memory, Instants(T, None, T))


def test_candidates_carry_what_ranking_reads():
    found = made(
        [card("a", speaker="bob", project="p"), card("b")],
        {"f": card("f", kind="fact", owner="a"), "g": card("g", kind="fact", owner="elsewhere")},
        {"b": 0.4},
        people={"bob"},
        project="p",
    )
    assert (found["a"].facts, found["a"].by_linked_person, found["a"].same_project) == (["f"], True, True)
    assert (found["b"].facts, found["b"].by_linked_person, found["b"].same_project) == ((), False, False)
    assert (found["a"].coverage, found["b"].coverage) == (0, 0.4)


def test_a_date_counts_by_when_it_was_said_and_by_the_bounds_of_its_facts():
    fact = card("f", kind="fact", owner="b", valid_at=T, invalid_at=None)
    dates = find_dates("what broke on 2024-06-07?", T + 40 * DAY)
    found = made(
        [card("a"), card("b", valid_at=T - 90 * DAY), card("c", valid_at=T - 90 * DAY)], {"f": fact}, dates=dates
    )
    assert (found["a"].date, found["b"].date, found["c"].date) == (1, 1, 0)
    assert {c.date for c in made([card("a")]).values()} == {0}
