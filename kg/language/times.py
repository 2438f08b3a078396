"""Read a date or time as callers and models write one, and what it names: a year, a day, a second.

What has one reading is understood: ISO 8601 in its extended and basic forms (weeks, days of the year, 24:00), RFC 3339
(small letters, leap seconds), RFC 9557 (the name of a zone in brackets), dates with the name of a month, and seconds or
milliseconds since 1970. 05/06/2024 has two readings and is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Literal, NamedTuple

from kg.errors import InvalidInput

_Unit = Literal["year", "month", "week", "day", "hour", "minute", "second"]

_FORMS = (
    "give an ISO 8601 date or time: 2024, 2024-05, 2024-05-17, 2024-05-17T14:30, 2024-05-17T14:30:00Z or "
    "2024-05-17T14:30:00+02:00 (without a zone: UTC; years 1 to 9999)"
)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTH = (
    r"(?P<month>JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEP(?:T(?:EMBER)?)?"
    r"|OCT(?:OBER)?|NOV(?:EMBER)?|DEC(?:EMBER)?)\.?"
)
_DAY = r"(?P<day>\d\d?)(?:ST|ND|RD|TH)?"
_DATES = tuple(
    re.compile(form)
    for form in (
        r"(?P<year>\d{4})(?:-(?P<month>\d\d))?",
        r"(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)Z?",
        r"(?P<year>\d{4})/(?P<month>\d\d?)/(?P<day>\d\d?)",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)Z?",
        r"(?P<year>\d{4})-?W(?P<week>\d\d)(?:-?(?P<weekday>[1-7]))?",
        r"(?P<year>\d{4})-?(?P<ordinal>\d{3})",
        rf"(?:[A-Z]{{3,9}}\.?,? )?{_DAY}[ -]{_MONTH},?[ -](?P<year>\d{{4}})",
        rf"(?:[A-Z]{{3,9}}\.?,? )?{_MONTH} {_DAY},? (?P<year>\d{{4}})",
    )
)
_WITH_CLOCK = re.compile(
    r"(?P<date>.+?)(?:T|,? (?:AT )?)"
    r"(?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"(?: ?(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
)
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2212", "-"))
_ZONE_NAME = re.compile(r" ?\[[^\[\]]+\]$")
_SINCE_1970 = re.compile(r"\d{10}(?:\.\d+)?|\d{13}")
_UNDIVIDED = re.compile(r"\d{12}(?:\d\d)?")
_LEAST_S = 10**8
"""Smaller numbers are no instants: 2024, or 20240517, means a date."""
_MILLISECONDS_FROM = 10**11
"""As seconds this is the year 5138."""
_LATEST_S = 253_402_300_800
_ZERO = re.compile(
    r"(?:0000-?00-?00|0001-?01-?01|01/01/0001)(?:[T ].*)?"
    r"|1970-?01-?01[T ]00:?00:?00(?:[.,]0+)?(?:Z|[+-]00:?00)?"
)
_MOST = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_DAY_LONG = timedelta(days=1)
_LENGTHS = {
    "week": timedelta(days=7),
    "day": _DAY_LONG,
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


class Span(NamedTuple):
    """The first and the last instant of what a date or time names: of a whole year, month, day, minute or second."""

    first: datetime
    last: datetime


class _Read(NamedTuple):
    """An instant, and the unit that names it; of a fraction of a second, with how many digits."""

    at: datetime
    unit: _Unit
    digits: int = 0


def parse_instant(field: str, value: object) -> datetime:
    """Return a date or time as an aware UTC datetime: the first instant of what it names.

    Without a zone it is UTC.

    Raises:
        InvalidInput: it is none, or has two readings.
    """
    return _parsed(field, value).at


def given_instant(field: str, value: object) -> datetime | None:
    """Return an instant, or None where nothing was given.

    The zero times of Go and .NET (year 1), of MySQL (year 0) and of Unix (the first second of 1970, or 0) mean that.
    """
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value == 0):
        return None
    if isinstance(value, str) and _ZERO.fullmatch(value.strip().upper()):
        return None
    return parse_instant(field, value)


def parse_span(field: str, value: object) -> Span:
    """Return what a date or time names; a ``datetime`` names itself alone.

    >>> [str(bound) for bound in parse_span("as_of", "2024-02")]
    ['2024-02-01 00:00:00+00:00', '2024-02-29 23:59:59.999999+00:00']
    """
    read = _parsed(field, value)
    if isinstance(value, datetime):
        return Span(read.at, read.at)
    return Span(read.at, _end_of(read) - _TICK)


def _parsed(field: str, value: object) -> _Read:
    try:
        read = _read(value)
        if read is not None:
            at = read.at
            return read._replace(at=at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(field, value, _FORMS) from error
    raise InvalidInput(field, value, _FORMS)


def _read(value: object) -> _Read | None:
    match value:
        case datetime():
            return _Read(value, "second", 6)
        case bool():
            return None
        case int() | float():
            return _since_1970(value)
        case str():
            return _read_text(value)
        case _:
            return None


def _read_text(value: str) -> _Read | None:
    text = " ".join(_ZONE_NAME.sub("", value.translate(_HYPHENS)).upper().split())  # RFC 3339 allows t and z
    if not text.isascii():  # digits of other scripts
        return None
    if _SINCE_1970.fullmatch(text):
        return _since_1970(float(text) if "." in text else int(text))
    if (found := _read_date(text)) is not None:
        return found
    text = f"{text[:8]}T{text[8:]}" if _UNDIVIDED.fullmatch(text) else text
    clock = _WITH_CLOCK.fullmatch(text)
    day = _read_date(clock["date"]) if clock is not None else None
    return None if clock is None or day is None or day.unit != "day" else _at_clock(day.at, clock)


def _read_date(text: str) -> _Read | None:
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    said = found.groupdict()
    year, month = int(said["year"]), said.get("month")
    if (week := said.get("week")) is not None:
        weekday = said["weekday"]
        day = date.fromisocalendar(year, int(week), int(weekday or 1))
        return _Read(datetime(day.year, day.month, day.day, tzinfo=UTC), "day" if weekday else "week")
    if (ordinal := said.get("ordinal")) is not None:
        at = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=int(ordinal) - 1)
        return _Read(at, "day") if ordinal != "000" and at.year == year else None
    if month is None:
        return _Read(datetime(year, 1, 1, tzinfo=UTC), "year")
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1
    day_said = said.get("day")
    return _Read(datetime(year, number, int(day_said or 1), tzinfo=UTC), "day" if day_said else "month")


def _at_clock(day: datetime, clock: re.Match[str]) -> _Read | None:
    """Return an instant of a day. 24:00 is the next day's first; a leap second is the last one before it."""
    hour, minute, second = (int(clock[part] or 0) for part in ("hour", "minute", "second"))
    fraction = clock["fraction"] or ""
    if (hour, minute, second) == (24, 0, 0) and not fraction.strip("0"):
        hour, day = 0, day + _DAY_LONG
    leap = second == 60  # noqa: PLR2004 - what ISO 8601 calls it
    at = day.replace(
        hour=hour,
        minute=minute,
        second=second - leap,
        microsecond=int(fraction.ljust(6, "0")[:6]),
        tzinfo=_zone(clock["zone"]),
    )
    unit: _Unit = "second" if clock["second"] else "minute" if clock["minute"] else "hour"
    return _Read(at, unit, len(fraction))


def _zone(said: str | None) -> timezone:
    if said is None or not said[1:3].isdigit():
        return UTC
    digits = said[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) >= 60:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(said)
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if said[0] == "-" else offset)


def _since_1970(number: float) -> _Read | None:
    if not _LEAST_S <= number < _LATEST_S * 1000:  # also what is no number
        return None
    if number >= _MILLISECONDS_FROM:
        return _Read(datetime.fromtimestamp(number / 1000, UTC), "second", 3)
    return _Read(datetime.fromtimestamp(number, UTC), "second", 0 if number == int(number) else 6)


def _end_of(read: _Read) -> datetime:
    """Return the first instant after what was named."""
    at = read.at
    try:
        if read.unit in ("year", "month"):
            year, month = divmod(at.year * 12 + at.month - 1 + (12 if read.unit == "year" else 1), 12)
            return at.replace(year=year, month=month + 1)
        if read.digits:
            return at + timedelta(microseconds=max(10 ** (6 - read.digits), 1))
        return at + _LENGTHS[read.unit]
    except (OverflowError, ValueError):
        return _MOST
