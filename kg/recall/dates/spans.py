"""Stretches of time that a question may name, and how well an instant fits one.

Invariant: all is in whole microseconds since 1970, UTC, as the candidates of a search carry their instants.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Unit = Literal["day", "week", "month", "year"]

DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_EPOCH_AT = datetime.combine(_EPOCH, time(), UTC)
_MICROSECOND = timedelta(microseconds=1)
_FALL_US = 10 * DAY_US
_NEXT_NOON_US = DAY_US * 3 // 2
_HALF_WIDTH_US: dict[Unit, int] = {
    "day": DAY_US * 3 // 2,
    "week": DAY_US * 7 // 2,
    "month": 12 * DAY_US,
    "year": 60 * DAY_US,
}
"""How far off "two weeks ago" may be and still count in full; it counts less over as much again."""
_UNIT_DAYS: dict[Unit, float] = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}


@dataclass(frozen=True)
class DateSpan:
    """A stretch of time, and how fast what lies outside loses its worth.

    Attributes:
        first_us: first instant, in microseconds since 1970.
        last_us: last instant, in microseconds too; equal to the first where a day's beginning is meant.
        grace_us: how long after the last instant still counts in full: what happened on a day is told on the next.
        fall_us: at this distance from the stretch nothing is left; 0 where only the stretch itself counts.
    """

    first_us: int
    last_us: int
    grace_us: int = 0
    fall_us: int = 0

    def value(self, at_us: int) -> float:
        """Return how well an instant fits, in [0, 1]."""
        if self.first_us <= at_us <= self.last_us + self.grace_us:
            return 1.0
        if not self.fall_us:
            return 0.0
        distance = self.first_us - at_us if at_us < self.first_us else at_us - self.last_us
        return max(0.0, 1 - distance / self.fall_us)


def date_value(spans: Iterable[DateSpan], instants_us: Iterable[int]) -> float:
    """Return how well a memory fits the dates of a question, in [0, 1]: the best of its instants with any of them.

    Args:
        spans: the dates of the question, as ``find_dates`` gives them; without any the value is 0.
        instants_us: when the memory was said, and where its facts begin and end, in microseconds since 1970.
    """
    instants = list(instants_us)
    return max((span.value(at) for span in spans for at in instants), default=0.0)


def microseconds(at: datetime) -> int:
    """Return an aware instant in microseconds since 1970."""
    return (at - _EPOCH_AT) // _MICROSECOND


def of_day(day: date) -> DateSpan:
    """Return a day: 1 from its first instant to the next noon, falling over ten days either side of its beginning."""
    start = _start(day)
    return DateSpan(start, start, _NEXT_NOON_US, _FALL_US)


def of_days(first: date, after: date, fall_us: int = _FALL_US) -> DateSpan:
    """Return the days from ``first`` to the one before ``after``, falling over ten days either side."""
    return DateSpan(_start(first), _start(after) - 1, 0, fall_us)


def of_week(monday: date) -> DateSpan:
    """Return the seven days from a Monday."""
    return of_days(monday, monday + timedelta(days=7), _HALF_WIDTH_US["week"])


def of_months(year: int, month: int, count: int = 1) -> DateSpan:
    """Return whole months, falling over ten days either side."""
    last = year * 12 + month - 1 + count
    return of_days(date(year, month, 1), date(last // 12, last % 12 + 1, 1))


def of_year(year: int) -> DateSpan:
    """Return a whole year; nothing outside counts."""
    return of_days(date(year, 1, 1), date(year + 1, 1, 1), 0)


def from_now(asked_us: int, count: float, unit: Unit) -> DateSpan:
    """Return the time about ``count`` units after the question, before it where the count is negative."""
    centre = asked_us + round(count * _UNIT_DAYS[unit] * DAY_US)
    half = _HALF_WIDTH_US[unit]
    return DateSpan(centre - half, centre + half, 0, half)


def up_to_now(asked_us: int, count: float, unit: Unit) -> DateSpan:
    """Return the last ``count`` units before the question."""
    return DateSpan(asked_us - round(count * _UNIT_DAYS[unit] * DAY_US), asked_us, 0, _HALF_WIDTH_US[unit])


def between(first: DateSpan, last: DateSpan) -> DateSpan:
    """Return all from the beginning of one span to the end of another."""
    fall = max(first.fall_us, last.fall_us)
    return DateSpan(first.first_us, last.last_us, last.grace_us, fall)


def since(span: DateSpan, asked_us: int) -> DateSpan:
    """Return all from the beginning of a span to the question."""
    return replace(span, last_us=max(asked_us, span.last_us), grace_us=0)


def until(span: DateSpan) -> DateSpan:
    """Return all before a span ends."""
    return replace(span, first_us=_start(date.min))


def _start(day: date) -> int:
    return (day - _EPOCH).days * DAY_US
