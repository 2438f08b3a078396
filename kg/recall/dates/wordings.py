"""The forms in which a question names a date.

Invariant: a form that is a common word or a bare number ("may", "march", "fall", "2019", "on Monday") counts only where
the words round it leave no other reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kg.recall.dates import meanings as read
from kg.recall.dates.meanings import COUNTS, MONTHS, ORDINALS, SEASONS, WEEKDAYS, Asked
from kg.recall.dates.spans import DateSpan


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_SHORT_MONTHS = tuple(name[:3] for name in MONTHS)
_LONG = _any(MONTHS)
_EVERY = _any([*MONTHS, *_SHORT_MONTHS, "sept"])
_CAPITAL = _any([name.capitalize() for name in (*MONTHS, *_SHORT_MONTHS, "sept")])
_YEAR = r"(?P<year>(?:19[89]|20[0-4])\d)"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])"
_TH = r"(?:st|nd|rd|th)"
_OPEN = r"(?<![\w./:#@$%+=-])"
_SHUT = r"(?![\w/:@%+=-]|\.\w)"
_CLOSES = (
    r"(?=\s*(?:$|[?!,;.)\]](?:\s|$))|['\u2019]s\b|\s+(?:[-\u2013]\s|(?:we|i|you|they|he|she|it|the|our|my|did|was|were|had|for"
    r"|when|where|which|that|about|who|what|how|why|with|or|but|on|at|in|by|because|if|so|again|already|to|until|till"
    r"|through|and|of\s(?:this|last|next)\syear)\b|(?:19|20)\d\d\b))"
)
"""What may follow a date that is only a word: the end, or a word with which the sentence goes on."""
COUNT = rf"(?P<count>\d{{1,3}}|{_any(COUNTS)})"
UNIT = r"(?P<unit>minute|min|hour|day|night|weekend|week|fortnight|month|quarter|year)s?"
_WHICH = r"(?P<which>last|past|previous|this|next)"
_DONE = re.compile(
    r"\b(?:did|didn['\u2019]t|was|were|had|broke|went|said|chose|saw|told|ran|made|got|found|wrote|left|met|took|came|began"
    r"|gave|kept|lost|spoke|sent|new\sin|[a-z]{2,}(?<!ne)(?<!se)ed)\b",
    re.IGNORECASE,
)
"""A sign that a question is about what was done, not about a rule: "what broke on Monday", "runs on Monday"."""
DATE_HINT = re.compile(
    rf"\d{{4}}|\d年|\d月|\bago\b|yesterday|today|tonight|tomorrow|\bthis\s|night|{_any(WEEKDAYS)}|\b(?:{_EVERY})\b"
    rf"|\bq[1-4]\b|\b(?:last|past|next|previous)\s|\b(?:{_any(SEASONS)})\b",
    re.IGNORECASE,
)
"""What any form has somewhere; a question without it names no date."""
_LONE_YEAR = re.compile(rf"{_OPEN}{_YEAR}{_SHUT}")


Reader = Callable[[re.Match[str], Asked], DateSpan | None]
Form = tuple[re.Pattern[str], Reader]
"""A pattern, whose group ``at``, if it has one, is the date itself; and what a match means, None if no date at all."""


def asks_what_was_done(question: str) -> bool:
    """Tell whether a question is about what was done ("what broke on Monday"), not about a rule ("runs on Monday")."""
    return _DONE.search(question) is not None


def named_years(question: str) -> frozenset[int]:
    """Return the numbers of a question that may be years."""
    return frozenset(int(match["year"]) for match in _LONE_YEAR.finditer(question))


def _form(pattern: str, reader: Reader, flags: int = re.IGNORECASE) -> Form:
    return re.compile(pattern, flags), reader


_CALENDAR = r"(?P<unit>week|weekend|month|quarter|year)"
_CLOCK = r"(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?)?"
_PARTS_OF_DAY = "morning|afternoon|evening|night"
_WEEKDAY = rf"(?P<weekday>{_any(WEEKDAYS)})"
FORMS: tuple[Form, ...] = (
    _form(rf"{_OPEN}{_YEAR}(?P<s>[-/])(?P<m>0[1-9]|1[0-2])(?P=s)(?P<day>[0-2]\d|3[01]){_CLOCK}{_SHUT}", read.iso_day),
    _form(rf"{_OPEN}{_YEAR}-(?P<m>0[1-9]|1[0-2]){_SHUT}", read.iso_month),
    _form(rf"{_OPEN}(?P<a>\d\d?)(?P<s>[/.])(?P<b>\d\d?)(?P=s){_YEAR}{_SHUT}", read.numbers),
    _form(rf"(?<!\d){_YEAR}年\s?(?P<m>1[0-2]|0?[1-9])月\s?(?P<day>3[01]|[12]\d|0?[1-9])[日号號]", read.iso_day),
    _form(rf"(?<!\d){_YEAR}年\s?(?P<m>1[0-2]|0?[1-9])月", read.iso_month),
    _form(rf"(?<!\d){_YEAR}年(?!前)", read.year),
    _form(rf"{_OPEN}{_DAY}{_TH}?\s(?:of\s)?(?P<month>{_EVERY})\.?,?\s{_YEAR}{_SHUT}", read.named_day),
    _form(rf"{_OPEN}(?P<month>{_EVERY})\.?\s{_DAY}{_TH}?(?:,\s?|\s){_YEAR}{_SHUT}", read.named_day),
    _form(rf"{_OPEN}(?P<month>(?!may){_EVERY})\.?,?\s(?:of\s)?{_YEAR}{_SHUT}", read.named_month),
    _form(rf"{_OPEN}(?P<month>may),?\s(?:of\s)?{_YEAR}{_SHUT}{_CLOSES}", read.named_month),
    _form(rf"{_OPEN}(?P<day>{_any(ORDINALS)})\sof\s(?P<month>{_LONG}){_CLOSES}", read.named_day),
    _form(rf"{_OPEN}{_DAY}{_TH}\s(?:of\s)?(?P<month>{_LONG}){_SHUT}", read.named_day),
    _form(rf"{_OPEN}(?P<month>{_LONG})\s(?:the\s)?{_DAY}{_TH}{_SHUT}", read.named_day),
    _form(rf"{_OPEN}(?P<month>{_CAPITAL})\.?\s{_DAY}{_TH}?{_SHUT}{_CLOSES}", read.named_day, 0),
    _form(rf"{_OPEN}{_DAY}{_TH}?\s(?P<month>{_CAPITAL}){_SHUT}{_CLOSES}", read.named_day, 0),
    _form(rf"{_OPEN}(?P<month>{_LONG})\s(?:of\s)?{_WHICH}\syear{_SHUT}", read.month_of_year),
    _form(rf"{_OPEN}(?P<which>last|next)\s(?P<month>{_LONG}){_SHUT}{_CLOSES}", read.moved_month),
    _form(rf"\b(?P<which>[Tt]his)\s(?P<month>{_CAPITAL}){_SHUT}{_CLOSES}", read.moved_month, 0),
    _form(
        rf"\b(?:in|during|early|late|mid|(?:end|start|beginning|middle|half|week)\sof)[\s-]"
        rf"(?P<at>(?P<month>{_LONG}))"
        rf"{_SHUT}{_CLOSES}",
        read.named_month,
    ),
    _form(
        rf"\b(?:[Ii]n|[Dd]uring|[Ss]ince|[Uu]ntil|[Bb]efore|[Aa]fter|[Bb]etween"
        rf"|[Bb]etween\s(?:{_CAPITAL})\sand)\s(?P<at>(?P<month>{_CAPITAL})){_SHUT}{_CLOSES}",
        read.named_month,
        0,
    ),
    _form(rf"\b[Ff]rom\s(?P<at>(?P<month>{_CAPITAL}))(?=\s(?:to|until|till|through|[-\u2013])\s)", read.named_month, 0),
    _form(rf"\b(?:to|until|till|through)\s(?P<at>(?P<month>{_CAPITAL})){_SHUT}{_CLOSES}", read.named_month, 0),
    _form(rf"{_OPEN}q(?P<quarter>[1-4])[\s/-]?(?:of\s)?{_YEAR}{_SHUT}", read.quarter),
    _form(rf"{_OPEN}{_YEAR}[\s/-]?q(?P<quarter>[1-4]){_SHUT}", read.quarter),
    _form(rf"\b(?:in|during|since|end\sof|last|this)\s(?P<at>q(?P<quarter>[1-4])){_SHUT}{_CLOSES}", read.quarter),
    _form(rf"{_OPEN}(?P<season>{_any(SEASONS)})\s(?:of\s)?{_YEAR}{_SHUT}", read.season),
    _form(
        rf"\b(?:in|during|since|until|before|after|between|and|to|early|late|mid|year|(?:end|start|beginning|middle)\sof)"
        rf"[\s-](?P<at>{_YEAR}){_SHUT}{_CLOSES}",
        read.year,
    ),
    _form(rf"{_OPEN}{COUNT}\s{UNIT}\sago\b", read.ago),
    _form(rf"\b(?:in|over|during|within)\s(?:the\s)?(?P<at>(?:last|past)\s(?:{COUNT}\s)?{UNIT}){_SHUT}", read.recent),
    _form(
        rf"{_OPEN}(?:the\sday\s(?:before\syesterday|after\stomorrow)|yesterday|today|tonight|last\snight"
        rf"|this\s(?:{_PARTS_OF_DAY}))(?!\w|\s?[(=/])",
        read.near_day,
    ),
    _form(rf"{_OPEN}tomorrow{_CLOSES}", read.near_day),
    _form(rf"\b(?P<which>last|past|previous|this|next)\s{_WEEKDAY}(?!\w)", read.weekday),
    _form(rf"\b(?P<which>last)\s(?P<weekday>mon|tues?|wed|thurs?|fri){_SHUT}{_CLOSES}", read.weekday),
    _form(rf"\b(?P<which>on|since|until|before|after)\s(?P<at>{_WEEKDAY})(?!\w)", read.weekday),
    _form(rf"{_OPEN}(?P<which>){_WEEKDAY}(?:['\u2019]s|\s(?:{_PARTS_OF_DAY}))\b", read.weekday),
    _form(rf"{_OPEN}(?<!the\s)(?P<which>last|past|previous|this)\s{_CALENDAR}(?!\w)", read.moved_unit),
    _form(rf"{_OPEN}(?<!the\s)(?P<which>next)\s{_CALENDAR}{_SHUT}{_CLOSES}", read.moved_unit),
    _form(rf"\b(?P<which>last|this|next)\s(?P<unit>{_any(SEASONS)}){_SHUT}{_CLOSES}", read.moved_unit),
)
"""Tried in this order; what one form has read is not read by another."""
