"""Whether two names mean the same person: titles, initials, first names, order, short forms.

Invariant: without a model only equal names are the same person, and two full names that differ in a name are two
persons.
"""

from __future__ import annotations

import re

from kg.entities.synonyms import load_synonyms
from kg.entities.verdict import Verdict, apart, ask, one_edit_apart

_TITLES = {
    "mr": "m", "herr": "m", "sir": "m", "mrs": "f", "ms": "f", "miss": "f", "frau": "f", "madame": "f",
    "dr": "", "prof": "", "professor": "", "doctor": "",
}  # fmt: skip
"""Titles before a name; m for a man's, f for a woman's, empty for both."""

_GENERATIONS = frozenset(("jr", "sr", "ii", "iii", "iv"))
_HONORIFICS = ("さん", "様", "先生", "님", "씨")
_TYPO_CHARS = 4
_SHORTEST_NAME = 2
_SPLIT = re.compile(r"[ .]+")


def person_words(key: str) -> list[str]:
    """Return the words of a person's alias key without titles and honorifics, unless nothing would be left."""
    words = [word for word in _SPLIT.split(key.lstrip("@")) if word]
    kept = [word for word in words if word not in _TITLES] or words
    for honorific in _HONORIFICS:
        if kept[-1].endswith(honorific) and len(kept[-1]) > len(honorific):
            return [*kept[:-1], kept[-1].removesuffix(honorific)]
    return kept


def is_full_name(key: str) -> bool:
    """Return whether a person's name is more than a first name, a last name or initials."""
    words = person_words(key)
    return len(words) >= _SHORTEST_NAME and all(len(word) > 1 for word in words)


def compare_persons(left: str, right: str) -> Verdict:
    """Compare two alias keys of persons, both with accents or both without."""
    genders = {_TITLES.get(word, "") for key in (left, right) for word in _SPLIT.split(key)} - {""}
    if len(genders) > 1:
        return apart("titles of a man and of a woman")
    a, b = person_words(left), person_words(right)
    generations = [[word for word in words if word in _GENERATIONS] for words in (a, b)]
    if generations[0] != generations[1]:
        return _generations(a, b, all(generations))
    if a == b:
        if len(a) < _SHORTEST_NAME and not any(left.endswith(h) or right.endswith(h) for h in _HONORIFICS):
            return ask(0.8, "a last name with a title")
        return Verdict("same", 0.95, "equal except for a title")
    if sorted(a) == sorted(b):
        return ask(0.8, "the same names in another order")
    return _short_form(a, b) or _near(a, b) or _different(a, b)


def _generations(a: list[str], b: list[str], both: bool) -> Verdict:
    if both:
        return apart("two generations of one name")
    a, b = ([word for word in words if word not in _GENERATIONS] for words in (a, b))
    return ask(0.6, "one is a junior or senior") if a == b else _different(a, b)


def _short_form(a: list[str], b: list[str]) -> Verdict | None:
    """Compare names of which one is a short form: one name of several, initials, a middle name left out."""
    short, full = (a, b) if (len(a), sum(map(len, a))) <= (len(b), sum(map(len, b))) else (b, a)
    if len(short) == 1 and len(full) > 1:
        name = short[0]
        if name in (full[0], full[-1]):
            return ask(0.5, "one name of a person's full name", short="left" if short is a else "right")
        if name in _account_names(full):
            return ask(0.6, "an account name made of a person's name", short="left" if short is a else "right")
        return None
    if len(short) == len(full) and short[-1] == full[-1] and all(map(_initial_or_equal, short, full)):
        return ask(0.6, "initials of a person's names", short="left" if short is a else "right")
    if len(full) > len(short) >= _SHORTEST_NAME and _initial_or_equal(short[0], full[0]):
        rest = iter(full)
        if all(any(_initial_or_equal(word, other) for other in rest) for word in short):
            return ask(0.6, "a person's name with a further name", short="left" if short is a else "right")
    return None


def _near(a: list[str], b: list[str]) -> Verdict | None:
    """Compare names that differ in one part only, by a nickname or a typing error."""
    if len(a) != len(b):
        return None
    differing = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    if len(differing) != 1:
        return None
    x, y = differing[0]
    nicknames = load_synonyms().nicknames
    if y in nicknames.get(x, ()) or x in nicknames.get(y, ()):
        return ask(0.6, "a nickname")
    if len(a) > 1 and (set(nicknames.get(x, ())) & set(nicknames.get(y, ()))):
        return ask(0.5, "two nicknames of one name")
    if min(len(x), len(y)) >= _TYPO_CHARS + (len(a) == 1) and one_edit_apart(x, y):
        return ask(0.5, "one letter apart")
    return None


def _different(a: list[str], b: list[str]) -> Verdict:
    """Compare the others: with a part in common they are two persons; without, a role may still be one of them."""
    if set(a) & set(b):
        return apart("persons that share one name only")
    return Verdict("unlike", 0.0, "no name in common")


def _initial_or_equal(x: str, y: str) -> bool:
    return x == y or (x[0] == y[0] and (len(x) == 1 or len(y) == 1))


def _account_names(full: list[str]) -> set[str]:
    first, last = full[0], full[-1]
    return {first + last, last + first, first[0] + last, first + last[0], f"{first}-{last}"}
