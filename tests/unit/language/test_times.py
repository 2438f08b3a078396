"""Which dates and times are understood, what each names, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kg.errors import InvalidInput
from kg.language.times import given_instant, parse_instant, parse_span

NOON = datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
DAY = datetime(2024, 5, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("0001", datetime(1, 1, 1, tzinfo=UTC)),
        ("2024-05", datetime(2024, 5, 1, tzinfo=UTC)),
        (" 2024-05-17 ", datetime(2024, 5, 17, tzinfo=UTC)),
        ("2024-05-17T14:30", datetime(2024, 5, 17, 14, 30, tzinfo=UTC)),
        ("2024-05-17 14:30:15.25", datetime(2024, 5, 17, 14, 30, 15, 250_000, tzinfo=UTC)),
        ("2024-05-17T14:30:00Z", datetime(2024, 5, 17, 14, 30, tzinfo=UTC)),
        ("2024-05-17T14:30:00+02:00", datetime(2024, 5, 17, 12, 30, tzinfo=UTC)),
        ("2024-05-17T14:30:00.123456789Z", datetime(2024, 5, 17, 14, 30, 0, 123_456, tzinfo=UTC)),
        ("2024-05-17t14:30:00z", datetime(2024, 5, 17, 14, 30, tzinfo=UTC)),
        ("2024-05-17 14:30:00 +02:00", datetime(2024, 5, 17, 12, 30, tzinfo=UTC)),
        ("20240517", datetime(2024, 5, 17, tzinfo=UTC)),
        ("20240517T1430", datetime(2024, 5, 17, 14, 30, tzinfo=UTC)),
        ("20240517T143015Z", datetime(2024, 5, 17, 14, 30, 15, tzinfo=UTC)),
        ("20240517t143015.25+0200", datetime(2024, 5, 17, 12, 30, 15, 250_000, tzinfo=UTC)),
        (datetime(2024, 5, 17, 2, tzinfo=timezone(timedelta(hours=5))), datetime(2024, 5, 16, 21, tzinfo=UTC)),
        *((form, NOON) for form in ("2024-05-17T14:30+02", "2024-05-17 12:30 UTC", "2024-05-17T12:30:00 GMT")),
        *((form, NOON) for form in ("2024-05-17T14:30:00+02:00[Europe/Paris]", "2024-05-17T10:30:00\u221202:00")),
        *((form, NOON) for form in ("Fri, 17 May 2024 12:30:00 GMT", "17 May 2024 12:30", "May 17th, 2024 at 12:30")),
        *((form, NOON) for form in ("2024-W20-5T12:30Z", "2024-138T12:30Z", "20240517123000", "2024/05/17 12:30")),
        *((form, NOON) for form in (1715949000, 1715949000.0, 1715949000000, "1715949000", "1715949000000")),
        *((form, DAY) for form in ("2024-5-17", "2024/5/17", "2024-W20-5", "2024W205", "2024-138", "2024138")),
        *((form, DAY) for form in ("17 May 2024", "May 17, 2024", "17-May-2024", "Friday, May 17 2024", "2024-05-17Z")),
        *((form, DAY) for form in ("2024-05-16T24:00:00Z", "20240516T2400", "2024-05-17T00Z", "2024\u201105\u201117")),
        ("2024-W20", datetime(2024, 5, 13, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_instants_are_read_in_utc(value: object, instant: datetime) -> None:
    parsed = parse_instant("as_of", value)
    assert parsed == instant
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        *("", "yesterday", "17.05.2024", "05/06/2024", "2024-13", "2024-02-30", "0000", "10000", "2024-05-17T25:00"),
        *("2024-05-17T24:01", "2024-05-17T12:61", "2024-W54", "2024-366x", "2023-366", "2024-000", "32 May 2024"),
        *("2024-05T12:00", "2024T12:00", "17 Foo 2024", "2024-05-17T12:00+25:99", "12:30", "171590000", 2024, 20240517),
        *(float("nan"), float("inf"), -1, 0.5, 10**30),
        *(
            "0001-01-01T00:00+05:00",
            "9999-12-31T23:59-05:00",
            "20241301",
            "202405",
            "２０２４",
            None,
            True,
            ["2024"],
        ),
    ],
)
def test_unreadable_instants_are_refused_with_the_accepted_forms(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_instant("as_of", value)
    assert caught.value.field == "as_of" and "2024-05-17" in caught.value.accepted


@pytest.mark.parametrize(
    ("value", "last"),
    [
        ("2024", datetime(2024, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-02", datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-12", datetime(2024, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (" 2024-05-17 ", datetime(2024, 5, 17, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-05-17 14:30", datetime(2024, 5, 17, 14, 30, 59, 999_999, tzinfo=UTC)),
        ("2024-05-17T14:30+02:00", datetime(2024, 5, 17, 12, 30, 59, 999_999, tzinfo=UTC)),
        ("2024-05-17T14:30:15Z", datetime(2024, 5, 17, 14, 30, 15, 999_999, tzinfo=UTC)),
        ("2024-05-17T14:30:15.25-05:00", datetime(2024, 5, 17, 19, 30, 15, 259_999, tzinfo=UTC)),
        ("2024-05-17T14:30:15.123456Z", datetime(2024, 5, 17, 14, 30, 15, 123_456, tzinfo=UTC)),
        ("2024-05-17T14:30:15.123456789Z", datetime(2024, 5, 17, 14, 30, 15, 123_456, tzinfo=UTC)),
        (datetime(2024, 5, 17, tzinfo=UTC), datetime(2024, 5, 17, tzinfo=UTC)),
        ("2024-W20", datetime(2024, 5, 19, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-138", datetime(2024, 5, 17, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("May 17, 2024", datetime(2024, 5, 17, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-05-17T14Z", datetime(2024, 5, 17, 14, 59, 59, 999_999, tzinfo=UTC)),
        (1715949000, datetime(2024, 5, 17, 12, 30, 0, 999_999, tzinfo=UTC)),
        (1715949000123, datetime(2024, 5, 17, 12, 30, 0, 123_999, tzinfo=UTC)),
    ],
)
def test_a_span_goes_to_the_last_instant_of_what_is_named(value: object, last: datetime) -> None:
    assert parse_span("as_of", value) == (parse_instant("as_of", value), last)


def test_the_last_year_has_an_end() -> None:
    assert parse_span("as_of", "9999").last.year == parse_span("as_of", "9999-12-31T23:59:59Z").last.year == 9999


@pytest.mark.parametrize(
    "value",
    [
        *(None, "0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00", " 0001-01-01 00:00:00.0000000 "),
        *("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+05:30", "0001-01-01t00:00:00z"),
        *("0001-01-01T00:53:28+00:53", "01/01/0001 00:00:00", "0000-00-00", "0000-00-00 00:00:00", "00010101T000000Z"),
        *("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00+00:00", 0, 0.0),
    ],
)
def test_the_zero_time_of_other_languages_is_no_date(value: object) -> None:
    assert given_instant("valid_at", value) is None


@pytest.mark.parametrize("value", ["0001", "0001-01-02", "1970-01-01", "1970-01-01T00:00:01Z", "2001-01-01"])
def test_other_early_times_are_dates(value: str) -> None:
    assert given_instant("valid_at", value) == parse_instant("valid_at", value)
