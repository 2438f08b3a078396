"""Dates in questions: what is found, what is left alone, and how an instant is scored."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.recall.dates.find import find_dates
from kg.recall.dates.spans import DateSpan, date_value, from_now, microseconds, of_day, of_months, of_year
from kg.recall.now_words import asks_for_present

DATA = Path(__file__).parent.parent.parent / "data"
WORDS = (
    *(
        "yesterday",
        "last week",
        "next year.",
        "on Monday",
        "in May",
        "30 February",
        "0001-01-01",
        "year 2049",
        "12 years ago",
    ),
    *(
        "since",
        "before",
        "between",
        "and",
        "to",
        "two weeks after",
        "last summer",
        "in the past 300 months",
        "31.12.2049",
    ),
)
INSTANTS = st.datetimes(timezones=st.just(UTC))
ASKED = datetime(2024, 6, 12, 15, 30, tzinfo=UTC)  # a Wednesday


def us(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def found(question: str) -> list[tuple[str, str]]:
    """Return the dates of a question, each with its first and its last day that count in full."""
    return [(day(s.first_us), day(s.last_us + s.grace_us)) for s in find_dates(question, ASKED)]


def day(at_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).strftime("%Y-%m-%d")


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("what did we decide on 2024-05-03?", "2024-05-03", "2024-05-04"),
        ("logs of 2024-05-03T10:15:00Z", "2024-05-03", "2024-05-04"),
        ("what happened on 2024/05/03", "2024-05-03", "2024-05-04"),
        ("what broke in 2024-03?", "2024-03-01", "2024-03-31"),
        ("what happened on 05/24/2024", "2024-05-24", "2024-05-25"),
        ("what happened on 24/05/2024", "2024-05-24", "2024-05-25"),
        ("was wurde am 03.05.2024 entschieden", "2024-05-03", "2024-05-04"),
        ("2024年5月3日に何を決めましたか", "2024-05-03", "2024-05-04"),
        ("我们在2024年5月决定了什么", "2024-05-01", "2024-05-31"),
        ("who was on call on 3 May 2024", "2024-05-03", "2024-05-04"),
        ("the outage of May 3rd, 2024", "2024-05-03", "2024-05-04"),
        ("the outage of the 3rd of May", "2024-05-03", "2024-05-04"),
        ("what did we ship on May 3?", "2024-05-03", "2024-05-04"),
        ("what did we ship on Dec 5?", "2023-12-05", "2023-12-06"),
        ("what did we ship on the second of may?", "2024-05-02", "2024-05-03"),
        ("which queue did we pick in may?", "2024-05-01", "2024-05-31"),
        ("which queue did we pick in August", "2023-08-01", "2023-08-31"),
        ("which queue did we pick in late August 2022", "2022-08-01", "2022-08-31"),
        ("in March of last year, who left?", "2023-03-01", "2023-03-31"),
        ("what did we try last October?", "2023-10-01", "2023-10-31"),
        ("what did 2022 bring, in May", "2022-05-01", "2022-05-31"),
        ("what was planned for Q3 2023", "2023-07-01", "2023-09-30"),
        ("which database did we use in 2022?", "2022-01-01", "2022-12-31"),
        ("what did we do in the summer of 2023", "2023-06-01", "2023-08-31"),
        ("what did we do last summer?", "2023-06-01", "2023-08-31"),
        ("what broke two weeks ago", "2024-05-26", "2024-06-02"),
        ("what broke a couple of days ago", "2024-06-09", "2024-06-12"),
        ("what did I say a month ago", "2024-05-01", "2024-05-25"),
        ("what did I say 3 years ago", "2021-04-13", "2021-08-11"),
        ("what was merged in the last two weeks", "2024-05-29", "2024-06-12"),
        ("what changed over the past month?", "2024-05-13", "2024-06-12"),
        ("what broke yesterday", "2024-06-10", "2024-06-13"),
        ("what broke the day before yesterday", "2024-06-09", "2024-06-12"),
        ("what did we change today?", "2024-06-11", "2024-06-14"),
        ("what did she say last Friday?", "2024-06-06", "2024-06-09"),
        ("what did she say last Wednesday?", "2024-06-04", "2024-06-07"),
        ("what went wrong on Monday", "2024-06-09", "2024-06-12"),
        ("Friday's deploy went wrong, why?", "2024-06-06", "2024-06-09"),
        ("what did we do last week?", "2024-06-03", "2024-06-09"),
        ("what is due next week", "2024-06-17", "2024-06-23"),
        ("what did we do last weekend", "2024-06-08", "2024-06-10"),
        ("what did we drop last month", "2024-05-01", "2024-05-31"),
        ("goals of last year", "2023-01-01", "2023-12-31"),
        ("goals of this quarter", "2024-04-01", "2024-06-30"),
        ("changes between March and May 2024", "2024-03-01", "2024-05-31"),
        ("changes from 2024-01-10 to 2024-02-03", "2024-01-10", "2024-02-04"),
        ("which releases came out since April 2024", "2024-04-01", "2024-06-12"),
        ("what did we do two weeks before May 20, 2024", "2024-05-02", "2024-05-09"),
        ("what did we do the day after 2024-05-20", "2024-05-19", "2024-05-22"),
        ("which queue did we pick in the second week of May", "2024-05-01", "2024-05-31"),
        ("what has changed since last Friday", "2024-06-06", "2024-06-12"),
    ],
)
def test_a_date_is_found(question: str, first: str, last: str) -> None:
    assert found(question) == [(first, last)]


@pytest.mark.parametrize("now", [ASKED, datetime(2026, 11, 26, 9, tzinfo=UTC)])
def test_five_hundred_questions_without_a_date_have_none(now: datetime) -> None:
    questions = (DATA / "undated.txt").read_text(encoding="utf-8").splitlines()
    assert len(questions) >= 500
    assert [question for question in questions if find_dates(question, now)] == []


@given(st.dates(date(1985, 1, 1), date(2049, 12, 31)), INSTANTS)
def test_every_way_to_write_a_day_is_the_same_day(day: date, now: datetime) -> None:
    month = f"{day:%B}"
    forms = (day.isoformat(), f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", f"{day:%d.%m.%Y}")
    spans = {find_dates(f"what did we decide on {form}?", now) for form in forms}
    assert spans == {(of_day(day),)}


@given(st.text(), INSTANTS)
def test_no_text_is_too_odd(text: str, now: datetime) -> None:
    for span in find_dates(text, now):
        assert span.first_us <= span.last_us


@given(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(WORDS), INSTANTS)
def test_no_date_is_beyond_the_calendar(one: str, two: str, three: str, now: datetime) -> None:
    for span in find_dates(f"what did we do {one} {two} {three}", now):
        assert span.first_us <= span.last_us


@given(st.integers(1, 300), st.sampled_from(["day", "week", "month", "year"]), st.dates(date(1990, 1, 1)))
def test_so_long_ago_counts_in_full_and_now_does_not(count: int, unit: str, on: date) -> None:
    now = datetime.combine(on, time(9), UTC)
    days = {"day": 1, "week": 7, "month": 30.4375, "year": 365.25}[unit] * count
    spans = find_dates(f"what did I say {count} {unit}s ago?", now)
    assert date_value(spans, [microseconds(now) - round(days * 86_400_000_000)]) == 1.0
    assert (date_value(spans, [microseconds(now)]) > 0) == (
        days < {"day": 3, "week": 7, "month": 24, "year": 120}[unit]
    )


@given(st.integers(), st.integers(), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_value_falls_with_distance_and_stays_within_its_bounds(at: int, first: int, length: int, fall: int) -> None:
    span = DateSpan(first, first + length, 0, fall)
    values = [span.value(first - step * fall // 4) for step in range(6)]
    assert values == sorted(values, reverse=True)
    assert 0.0 <= span.value(at) <= 1.0


def test_before_a_date_everything_earlier_counts() -> None:
    (span,) = find_dates("which broker did we use before March 2023?", ASKED)
    assert date_value([span], [us("2019-01-01")]) == 1.0
    assert date_value([span], [us("2024-01-01")]) == 0.0


def test_two_dates_are_two_spans() -> None:
    assert found("compare 3 May 2024 with 2023-05-03") == [("2024-05-03", "2024-05-04"), ("2023-05-03", "2023-05-04")]


def test_a_relative_date_is_told_from_the_instant_asked_about() -> None:
    (span,) = find_dates("what broke yesterday?", datetime(2023, 1, 1, 9, tzinfo=UTC))
    assert date_value([span], [us("2022-12-31T11:00")]) == 1.0


@pytest.mark.parametrize(
    "question",
    [
        "which port may the second worker use?",
        "may 3 workers share one lock",
        "march through the list of open tickets",
        "which fields in may be null",
        "is 30 February 2024-02-30 refused",
        "where is the sun icon",
        "why did 1.2.2024 break the build",
        "does v2024.05.03 still build",
        "what listens on 2019",
        "should this fall back to polling",
        "the last spring release of the starter",
        "does the job run on Monday and Friday?",
        "how long are sessions idle for the last 30 days kept",
        "stop after 2000 retries",
        "what fits in 2048 bytes",
        "who wrote April's linter",
        "CVE-2024-05 and RFC-2024-05-03",
    ],
)
def test_what_only_looks_like_a_date_is_none(question: str) -> None:
    assert find_dates(question, ASKED) == ()


@pytest.mark.parametrize(
    ("span", "at", "value"),
    [
        (of_day(datetime(2024, 5, 3, tzinfo=UTC).date()), "2024-05-04T12:00", 1.0),
        (of_day(datetime(2024, 5, 3, tzinfo=UTC).date()), "2024-05-08", 0.5),
        (of_day(datetime(2024, 5, 3, tzinfo=UTC).date()), "2024-05-01", 0.8),
        (of_day(datetime(2024, 5, 3, tzinfo=UTC).date()), "2024-05-14", 0.0),
        (of_months(2024, 5), "2024-05-31T23:59", 1.0),
        (of_months(2024, 5), "2024-06-06", 0.5),
        (of_months(2024, 5), "2024-04-26", 0.5),
        (of_year(2023), "2023-12-31T23:59:59", 1.0),
        (of_year(2023), "2024-01-01", 0.0),
        (from_now(us("2024-06-15"), -2, "week"), "2024-06-04T12:00", 1.0),
        (from_now(us("2024-06-15"), -2, "week"), "2024-06-06T06:00", 0.5),
        (from_now(us("2024-06-15"), -1, "day"), "2024-06-12T12:00", 1.0),
        (from_now(us("2024-06-15"), -1, "day"), "2024-06-11", 0.0),
    ],
)
def test_an_instant_counts_by_how_near_it_is(span: DateSpan, at: str, value: float) -> None:
    assert date_value([span], [us(at)]) == pytest.approx(value, abs=1e-6)


def test_the_best_instant_of_a_memory_counts() -> None:
    spans = find_dates("what did we decide on 2024-05-03", ASKED)
    assert date_value(spans, [us("2020-01-01"), us("2024-05-03T09:00")]) == 1.0
    assert date_value(spans, []) == 0.0
    assert date_value([], [us("2024-05-03")]) == 0.0


@pytest.mark.parametrize(
    "question",
    [
        "what do we use for queues now?",
        "Which database are we currently on?",
        "who owns billing these days",
        "what is the latest decision on caching",
        "which runner do we use today?",
        "what is the current pool size",
        "do we still use Kafka?",
        "welche Datenbank nutzen wir derzeit?",
        "我们现在用什么数据库",
    ],
)
def test_a_question_asks_for_the_present(question: str) -> None:
    assert asks_for_present(question)


@pytest.mark.parametrize(
    "question",
    [
        "what did we change today?",
        "why does SELECT now() differ",
        "how do I get the current working directory",
        "what does the image:latest contain",
        "is the latest tag pinned",
        "do you know the snowflake account",
        "which database did we drop",
    ],
)
def test_a_question_does_not_ask_for_the_present(question: str) -> None:
    assert not asks_for_present(question)
