"""What each form of a date means on the day on which it is asked.

Invariant: a reader returns None where its form is no date after all, and raises ValueError for a day that is in no
calendar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from kg.recall.dates.spans import (
    DateSpan,
    Unit,
    from_now,
    of_day,
    of_days,
    of_months,
    of_week,
    of_year,
    up_to_now,
)

_NOON_US = 43_200_000_000
_OLDEST_YEAR = 2005
"""The oldest year that counts without a month; 1999 and 2000 are numbers more often than years."""
_YEARS_AHEAD = 2
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SMALL = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
COUNTS: dict[str, float] = {
    **{word: number for number, word in enumerate(_SMALL, 1)},
    **{"half a": 0.5, "a": 1, "an": 1, "couple of": 2, "a couple of": 2, "few": 3, "a few": 3, "several": 4},
}
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NTH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINALS = {word: number for number, word in enumerate(_NTH, 1)}


@dataclass(frozen=True)
class Asked:
    """When a question is asked, and what it is like.

    Attributes:
        day: the day on which it is asked, UTC.
        us: the instant, in microseconds since 1970.
        of_the_past: it asks what was done or said.
        years: the years that it names, for a month or day that stands without one.
    """

    day: date
    us: int
    of_the_past: bool
    years: frozenset[int]

    def year_of(self, month: int, day: int = 1) -> int:
        """Return the year of a month that is named alone: the one named with it, else the latest that has begun."""
        if len(self.years) == 1:
            return next(iter(self.years))
        return self.day.year - ((month, day) > (self.day.month, self.day.day))


def _month_number(name: str) -> int:
    return next(n for n, month in enumerate(MONTHS, 1) if month.startswith(name[:3].lower()))


def iso_day(match: re.Match[str], _: Asked) -> DateSpan:
    """Read "2024-05-03"."""
    return of_day(date(int(match["year"]), int(match["m"]), int(match["day"])))


def iso_month(match: re.Match[str], _: Asked) -> DateSpan:
    """Read "2024-05"."""
    return of_months(int(match["year"]), int(match["m"]))


def named_day(match: re.Match[str], asked: Asked) -> DateSpan:
    """Read "3 May 2024", "May 3rd", "the second of May"."""
    month, number = _month_number(match["month"]), _day_number(match["day"])
    year = match.groupdict().get("year")
    return of_day(date(int(year) if year else asked.year_of(month, number), month, number))


def _day_number(text: str) -> int:
    return ORDINALS.get(text.lower()) or int(text)


def named_month(match: re.Match[str], asked: Asked) -> DateSpan:
    """Read "May 2024", "in May"."""
    month = _month_number(match["month"])
    year = match.groupdict().get("year")
    return of_months(int(year) if year else asked.year_of(month), month)


def moved_month(match: re.Match[str], asked: Asked) -> DateSpan:
    """Read "last March", "this May", "next June"."""
    month, year = _month_number(match["month"]), asked.day.year
    which = match["which"].lower()
    if which == "next":
        year += month <= asked.day.month
    elif which == "last":
        year -= month >= asked.day.month
    return of_months(year, month)


def month_of_year(match: re.Match[str], asked: Asked) -> DateSpan:
    """Read "May of last year"."""
    return of_months(asked.day.year + _step(match["which"]), _month_number(match["month"]))


def _step(which: str) -> int:
    return {"this": 0, "next": 1}.get(which.lower(), -1)


def season(match: re.Match[str], _: Asked) -> DateSpan:
    """Read "summer 2024"."""
    return of_months(int(match["year"]), SEASONS[match["season"].lower()], 3)


def numbers(match: re.Match[str], _: Asked) -> DateSpan | None:
    """Read 31.12.2024, 12/31/2024 and 31/12/2024; where both are possible, a point is the day first, a slash last."""
    first, second = int(match["a"]), int(match["b"])
    if match["s"] == "." and match["a"][0] != "0" != match["b"][0] and len(match["a"] + match["b"]) < len("1231"):
        return None  # 1.2.2024 may be a version
    if first > len(MONTHS) or match["s"] == ".":
        first, second = second, first
    return of_day(date(int(match["year"]), first, second))


def quarter(match: re.Match[str], asked: Asked) -> DateSpan:
    """Read "Q3 2024", "in Q3"."""
    month = int(match["quarter"]) * 3 - 2
    year = match.groupdict().get("year")
    return of_months(int(year) if year else asked.year_of(month), month, 3)


def year(match: re.Match[str], asked: Asked) -> DateSpan | None:
    """Read "in 2024"; a number that is no likely year is none."""
    number = int(match["year"])
    return of_year(number) if _OLDEST_YEAR <= number <= asked.day.year + _YEARS_AHEAD else None


def ago(match: re.Match[str], asked: Asked) -> DateSpan:
    """Read "two weeks ago"."""
    count, unit = measure(match["count"], match["unit"])
    return from_now(asked.us, -count, unit)


def recent(match: re.Match[str], asked: Asked) -> DateSpan | None:
    """Read "in the last two weeks"; of a rule ("sessions idle for the last 30 days") nothing."""
    if not asked.of_the_past:
        return None
    count, unit = measure(match["count"] or "one", match["unit"])
    return up_to_now(asked.us, count, unit)


def measure(count: str, unit: str) -> tuple[float, Unit]:
    """Return how many days, weeks, months or years "a couple of" and "fortnight" are."""
    number = COUNTS.get(re.sub(r"\s+", " ", count.lower())) or float(count)
    size, named = _UNITS.get(unit.lower(), (1.0, "day"))
    return number * size, named


_UNITS: dict[str, tuple[float, Unit]] = {
    "minute": (1 / 1440, "day"),
    "min": (1 / 1440, "day"),
    "hour": (1 / 24, "day"),
    "week": (1, "week"),
    "weekend": (1, "week"),
    "fortnight": (2, "week"),
    "month": (1, "month"),
    "quarter": (3, "month"),
    "year": (1, "year"),
}


def near_day(match: re.Match[str], asked: Asked) -> DateSpan | None:
    """Read "yesterday", and "today" where the question asks what was done."""
    word = match.group().lower()
    if word.startswith(("today", "tonight", "this")) and not asked.of_the_past:
        return None
    offset = -2 if "before" in word else 2 if "after" in word else _OFFSETS.get(word, 0)
    return _noon(asked.day + timedelta(days=offset))


_OFFSETS = {"yesterday": -1, "last night": -1, "tomorrow": 1}


def _noon(day: date) -> DateSpan:
    """Return a day that was told from another: a day and a half either side of its noon, then falling over as much."""
    return from_now(of_day(day).first_us + _NOON_US, 0, "day")


def weekday(match: re.Match[str], asked: Asked) -> DateSpan | None:
    """Read "last Friday", "next Monday", and "on Monday" where the question asks what was done."""
    which = match["which"].lower()
    if which not in ("last", "past", "previous", "next") and not asked.of_the_past:
        return None
    number = next(n for n, name in enumerate(WEEKDAYS) if name.startswith(match["weekday"].lower()[:3]))
    back = (asked.day.weekday() - number) % 7
    if which == "next":
        return _noon(asked.day + timedelta(days=7 - back))
    if which in ("last", "past", "previous") and back == 0:
        back = 7
    return _noon(asked.day - timedelta(days=back))


def moved_unit(match: re.Match[str], asked: Asked) -> DateSpan | None:
    """Read "last week", "this month", "next year" as the calendar has them."""
    step, unit, today = _step(match["which"]), match["unit"].lower(), asked.day
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
    month = today.year * 12 + today.month - 1
    if unit == "week":
        return of_week(monday)
    if unit == "weekend":
        return of_days(monday + timedelta(days=5), monday + timedelta(days=8))
    if unit == "month":
        return of_months((month + step) // 12, (month + step) % 12 + 1)
    if unit == "quarter":
        first = month // 3 * 3 + 3 * step
        return of_months(first // 12, first % 12 + 1, 3)
    if unit == "year":
        return of_year(today.year + step)
    first_month = SEASONS[unit]
    year = today.year + max(step, 0)
    if step < 0 and date(year, first_month, 1) + timedelta(days=60) > today:
        year -= 1
    return of_months(year, first_month, 3)
