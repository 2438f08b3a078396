import dataclasses
import itertools
from datetime import UTC, datetime

import pytest

from kg.facts.endings import UNKNOWN_START, Decision, FactTimes, Timelines, timelines_from_rows

HOME = ("user", "u", "LIVES_IN")


def day(year: int, month: int = 1) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def fact(uuid, since, *, value=None, group=HOME, until=None, said=2024, expired=None, seq=None):
    return FactTimes(
        uuid=uuid,
        group=group,
        object_key=value or uuid,
        valid_at=day(since),
        stated_invalid_at=day(until) if until else None,
        created_at=day(said),
        expired_at=day(expired) if expired else None,
        seq=seq if seq is not None else since,
    )


def undated(uuid, until, *, seq=0, **more):
    """A fact that only says until when it held."""
    return fact(uuid, UNKNOWN_START.year, until=until, seq=seq, **more)


def listed(uuid, since, *, owner, seq):
    """A value of one of several that a memory gives."""
    return dataclasses.replace(fact(uuid, since, seq=seq), owner=owner)


def note(uuid, since, **more):
    return fact(uuid, since, group=None, **more)


def decision(old, new, effective, *, kind="superseded", at=2024, undone=None):
    return Decision(old, new, kind, day(at), day(effective), day(undone) if undone else None)


def held(lines: Timelines, t: datetime, k: datetime | None = None) -> set[str]:
    return {uuid for uuid in lines.facts if lines.held(uuid, t, k)}


def test_a_fact_holds_from_its_beginning_to_before_its_end():
    lines = Timelines([note("a", 2020, until=2022)], [])
    assert [lines.held("a", t, None) for t in (day(2019, 12), day(2020), day(2021, 12), day(2022))] == [
        False, True, True, False,
    ]  # fmt: skip


def test_the_next_other_value_ends_a_single_value_and_the_same_value_does_not():
    lines = Timelines([fact("a", 2020), fact("again", 2021, value="a"), fact("b", 2022)], [])
    assert lines.end("a", None) == lines.end("again", None) == day(2022)
    assert lines.end("b", None) is None
    assert held(lines, day(2021, 6)) == {"a", "again"}


def test_of_two_values_of_one_instant_the_one_said_later_holds():
    lines = Timelines([fact("first", 2020, seq=1), fact("second", 2020, seq=2)], [])
    assert held(lines, day(2020)) == {"second"}
    assert lines.end("first", None) == day(2020)


@pytest.mark.parametrize("order", [("rome", "paris"), ("paris", "rome")])
def test_values_of_unknown_beginning_follow_one_another_by_their_ends(order):
    until = {"rome": 2022, "paris": 2019}
    facts = [undated(place, until[place], seq=seq) for seq, place in enumerate(order)]
    lines = Timelines(facts, [])
    assert [held(lines, day(year)) for year in (2018, 2019, 2020, 2022)] == [{"paris"}, {"rome"}, {"rome"}, set()]
    assert {place: lines.end(place, None) for place in until} == {"rome": day(2022), "paris": day(2019)}


def test_values_of_unknown_beginning_end_where_a_dated_one_begins():
    lines = Timelines([undated("rome", 2022), undated("paris", 2019), fact("oslo", 2015, until=2016)], [])
    assert lines.end("rome", None) == lines.end("paris", None) == lines.begin("oslo", None) == day(2015)
    assert held(lines, day(2014)) == {"rome", "paris"}


def test_a_value_of_unknown_beginning_begins_as_was_known():
    facts = [undated("rome", 2022), undated("paris", 2019, said=2025), undated("home", 2020, value="rome")]
    lines = Timelines(facts, [])
    assert held(lines, day(2018), day(2024)) == {"rome", "home"}
    assert held(lines, day(2018), day(2025)) == {"paris"}
    assert held(lines, day(2019), day(2025)) == {"rome", "home"}


def test_values_that_one_memory_gives_for_one_instant_do_not_end_one_another():
    values = [listed("paid", 2020, owner="m", seq=1), listed("shipped", 2020, owner="m", seq=2)]
    assert held(Timelines(values, []), day(2021)) == {"paid", "shipped"}
    later = [*values, listed("returned", 2022, owner="m", seq=3)]
    assert held(Timelines(later, []), day(2023)) == {"returned"}
    other = [*values, listed("lost", 2020, owner="n", seq=3)]
    assert held(Timelines(other, []), day(2021)) == {"lost"}


def test_groups_do_not_end_one_another():
    elsewhere = ("project:x", "u", "LIVES_IN")
    lines = Timelines([fact("a", 2020), fact("b", 2021, group=elsewhere), note("c", 2022)], [])
    assert held(lines, day(2023)) == {"a", "b", "c"}


@pytest.mark.parametrize(("stated", "effective", "end"), [(2021, 2022, 2021), (2023, 2022, 2022), (None, 2022, 2022)])
def test_the_earliest_end_counts(stated, effective, end):
    lines = Timelines([note("a", 2020, until=stated), note("b", 2022)], [decision("a", "b", effective)])
    assert lines.end("a", None) == day(end)


def test_a_corrected_fact_never_held_but_was_known_before():
    lines = Timelines(
        [note("a", 2020), note("b", 2020, said=2025)], [decision("a", "b", 2020, kind="corrected", at=2025)]
    )
    assert held(lines, day(2021)) == {"b"}
    assert held(lines, day(2021), day(2024, 6)) == {"a"}
    assert lines.end("a", None) == day(2020)


@pytest.mark.parametrize("values", [3, 5])
def test_of_a_chain_of_corrections_only_the_last_is_known(values):
    names = "abcde"[:values]
    facts = [note(name, 2020, said=2024 + i) for i, name in enumerate(names)]
    decisions = [
        decision(old, new, 2020, kind="corrected", at=2025 + i)
        for i, (old, new) in enumerate(itertools.pairwise(names))
    ]
    lines = Timelines(facts, decisions)
    assert held(lines, day(2021)) == {names[-1]}
    for i, name in enumerate(names):
        assert held(lines, day(2021), day(2024 + i, 6)) == {name}


def test_what_a_corrected_fact_had_superseded_stays_ended():
    facts = [note("a", 2020), note("b", 2022), note("c", 2022, said=2025)]
    lines = Timelines(facts, [decision("a", "b", 2022), decision("b", "c", 2022, kind="corrected", at=2025)])
    assert lines.end("a", None) == day(2022)
    assert held(lines, day(2023)) == {"c"}
    assert held(lines, day(2021)) == {"a"}


def test_undoing_the_first_correction_revives_the_first_value():
    facts = [note("a", 2020), note("b", 2020), note("c", 2020)]
    first = decision("a", "b", 2020, kind="corrected", undone=2025)
    lines = Timelines(facts, [first, decision("b", "c", 2020, kind="corrected")])
    assert held(lines, day(2021)) == {"a", "c"}


def test_a_corrected_value_does_not_end_the_one_before():
    lines = Timelines([fact("a", 2020), fact("b", 2021), fact("c", 2022)], [decision("b", "c", 2022, kind="corrected")])
    assert lines.end("a", None) == day(2022)


def test_a_decision_falls_with_the_fact_that_made_it_and_when_it_is_undone():
    expired = Timelines([note("a", 2020), note("b", 2021, expired=2025)], [decision("a", "b", 2021)])
    assert expired.end("a", None) is None
    assert expired.end("a", day(2024, 6)) == day(2021)
    undone = Timelines([note("a", 2020), note("b", 2021)], [decision("a", "b", 2021, undone=2025)])
    assert undone.end("a", None) is None
    assert undone.end("a", day(2024, 6)) == day(2021)
    assert undone.end("a", day(2025)) is None


def test_a_decision_whose_successor_is_not_there_ends_nothing():
    assert Timelines([note("a", 2020)], [decision("a", "gone", 2021)]).end("a", None) is None


def test_knowledge_begins_with_the_saying_and_ends_with_the_replacing():
    lines = Timelines([note("a", 2020, said=2024, expired=2025)], [])
    known = [lines.known("a", k) for k in (day(2023, 12), day(2024), day(2024, 12), day(2025), None)]
    assert known == [False, True, True, False, False]


def test_an_unknown_fact_is_not_known():
    assert not Timelines([], []).known("x", None)


def test_rows_make_a_timeline_only_for_a_subject_and_a_single_valued_predicate():
    base = {
        "scope": "user", "subject_uuid": "u", "predicate": "LIVES_IN", "stated_invalid_at": None,
        "created_at": day(2024), "expired_at": None, "owner": None, "value": None, "subject_key": None,
    }  # fmt: skip
    rows = [
        {**base, "uuid": "a", "object_key": "a", "valid_at": day(2020), "seq": 1},
        {**base, "uuid": "b", "object_key": "b", "valid_at": day(2021), "seq": 2},
        {**base, "uuid": "c", "object_key": "c", "valid_at": day(2022), "seq": 3, "predicate": "KNOWS"},
        {**base, "uuid": "d", "object_key": "d", "valid_at": day(2022), "seq": 4, "subject_uuid": None},
    ]
    decisions = [
        {"old": "c", "new": "d", "kind": "superseded", "at": day(2024), "effective_at": day(2023), "undone_at": None}
    ]
    lines = timelines_from_rows(rows, decisions, ["LIVES_IN"])
    assert {uuid: lines.end(uuid, None) for uuid in "abcd"} == {"a": day(2021), "b": None, "c": day(2023), "d": None}
