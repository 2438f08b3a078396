"""Dates that a question names, exact ones and ones told from the day on which it is asked.

Invariant: what is not surely a date is none. A date found by mistake lifts the wrong memories; one that is missed
costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from kg.recall.dates.meanings import Asked, measure
from kg.recall.dates.spans import DateSpan, between, from_now, microseconds, since, until
from kg.recall.dates.wordings import COUNT, DATE_HINT, FORMS, UNIT, asks_what_was_done, named_years

READ_CHARS = 1000
"""A question longer than this is a document; dates further on in it are not what it asks about."""

_BEFORE_CHARS = 40
_TO = re.compile(r"\s*(?:-|\u2013|to|until|till|through|up to)\s*(?:the\s)?", re.IGNORECASE)
_AND = re.compile(r"\s*and\s*(?:the\s)?", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s)?$", re.IGNORECASE)
_OFFSET = re.compile(rf"\b(?:the|{COUNT})\s{UNIT}\s(?P<way>before|after)\s(?:the\s)?$", re.IGNORECASE)
_SINCE = re.compile(r"\b(?:since|after|from)\s+(?:the\s|about\s)?$", re.IGNORECASE)
_UNTIL = re.compile(r"\b(?:before|until|till|prior to|up to)\s+(?:the\s)?$", re.IGNORECASE)


def find_dates(question: str, asked_at: datetime) -> tuple[DateSpan, ...]:
    """Return the dates that a question names, in its order; empty where it names none.

    ISO dates, months and days by their English names, weekdays, and what is told from the day of the question
    ("two weeks ago", "last Friday", "in the last month"), also ranges, "since" and "before"::

        asked on 2024-06-12: "what broke last Friday?"         2024-06-07, half a day either side
                             "between March and May 2024"      2024-03-01 to 2024-05-31
                             "which port may the second use?"  nothing

    Args:
        question: as it was asked; its first ``READ_CHARS`` characters are read.
        asked_at: an aware instant: now, or the instant of the world that the search asks about.
    """
    text = question[:READ_CHARS]
    if not DATE_HINT.search(text):
        return ()
    day = asked_at.astimezone(UTC).date()
    asked = Asked(day, microseconds(asked_at), asks_what_was_done(text), named_years(text))
    found: list[tuple[int, int, DateSpan]] = []
    for pattern, read in FORMS:
        for match in pattern.finditer(text):
            first, last = match.span("at" if "at" in pattern.groupindex else 0)
            if any(first < end and start < last for start, end, _ in found):
                continue
            try:
                span = read(match, asked)
            except (ValueError, OverflowError):  # no such day: 30 February, or before the first year
                span = None
            if span is not None:
                found.append((first, last, span))
    return tuple(_joined(text, sorted(found, key=lambda item: item[0]), asked.us))


def _joined(text: str, found: list[tuple[int, int, DateSpan]], asked_us: int) -> Iterator[DateSpan]:
    """Yield the dates with "from A to B", "since A" and "before A" read as one."""
    skip = False
    for number, (start, end, span) in enumerate(found):
        if skip:
            skip = False
            continue
        before = text[max(0, start - _BEFORE_CHARS) : start]
        following = found[number + 1] if number + 1 < len(found) else None
        if following is not None:
            link = text[end : following[0]]
            joins = _TO.fullmatch(link) or (_AND.fullmatch(link) and _BETWEEN.search(before))
            if joins and span.first_us <= following[2].last_us:
                yield between(span, following[2])
                skip = True
                continue
        offset = _OFFSET.search(before)
        if offset:
            count, unit = measure(offset["count"] or "one", offset["unit"])
            yield from_now(span.first_us, count if offset["way"].lower() == "after" else -count, unit)
        elif _SINCE.search(before):
            yield since(span, asked_us)
        elif _UNTIL.search(before):
            yield until(span)
        else:
            yield span
