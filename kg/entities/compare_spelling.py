"""Whether two names mean the same thing, by their spelling alone.

Invariant: two names are ``same`` only if a reader who knows nothing else would bet a hundred to one on it. Different
versions, numbers, scoped packages and files are never ``same``, nor are words that only look alike. The order of the
two names does not matter.

>>> def outcome(left: str, right: str) -> str:
...     return compare(Name(left, "Tool"), Name(right, "Tool")).outcome
>>> outcome("react 18", "react@18"), outcome("postgres", "postgresql")
('same', 'same')
>>> outcome("billing", "billing service"), outcome("zod", "vue")
('ask', 'unlike')
>>> outcome("react 18", "react 19"), outcome("java", "javascript")
('apart', 'apart')
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from kg.entities.persons import compare_persons
from kg.entities.spelling_variants import (
    canonical,
    forms,
    joined,
    looks_like_file,
    numbers,
    spelled_accents,
    without_accents,
    words,
)
from kg.entities.synonyms import load_synonyms, squash
from kg.entities.verdict import Verdict, apart, ask, one_edit_apart
from kg.language.names import is_self
from kg.language.words import STOP_WORDS, is_non_latin

ANY_KIND = "Thing"
_MADE = frozenset(("Tool", "Service", "Project"))
"""Kinds that are easily confused with one another."""

ONE_WORD = frozenset(("Service", "Project", "Organization", "Place"))
"""Kinds whose names mean one thing in one person's notes, wherever they are divided into words."""

_FOLDED = frozenset(("Person", "Place", "Organization"))
"""Kinds whose names often lose their accents and rarely differ by them; in other kinds papa and papá are two words."""

WITHOUT_ACCENTS = "equal except for accents"
_ACRONYM_CHARS = 2
_SHORT_CHARS = 3
_LETTER_V = re.compile(r"\bV(?=[0-9])")
_ANY_V = re.compile(r"v(?=[0-9])", re.IGNORECASE)
_TYPO_CHARS = 6
_PROJECT_ENDINGS = ("js", "io", "ai")


@dataclass(frozen=True)
class Name:
    """A name to compare.

    Attributes:
        key: its alias key.
        kind: one of the kinds of entities; Thing if it is not known.
        written: as somebody wrote it; empty if that is not known.
    """

    key: str
    kind: str
    written: str = ""


@dataclass(frozen=True)
class _Kinds:
    """Kinds of two names: ``either`` is known of one of them at least, ``both`` of both; Thing if it is not known."""

    either: str
    both: str


_Rule = Callable[[str, str], Verdict]


def common_kind(left: str, right: str) -> str | None:
    """Return the kind of two names that may mean one thing, or None if their kinds exclude that."""
    if right in (left, ANY_KIND):
        return left
    return right if left == ANY_KIND else None


def compare(left: Name, right: Name) -> Verdict:
    """Return whether two names mean the same thing, by the first rule that applies."""
    if left.key == right.key:
        return Verdict("same", 1.0, "the same name")
    kind = common_kind(left.kind, right.kind)
    if kind is None:
        return _clash(left, right)
    if is_self(left.key) or is_self(right.key):
        return apart("the person who speaks is called by no other name")
    if kind == "Person":
        return _with_accents(left.key, right.key, compare_persons)
    return _compare_written(left, right, _Kinds(kind, kind if left.kind == right.kind else ANY_KIND))


def _compare_written(left: Name, right: Name, kinds: _Kinds) -> Verdict:
    """Compare names of things that are no persons; what their keys do not show may leave a doubt."""
    verdict = _with_accents(left.key, right.key, lambda a, b: _compare_things(a, b, kinds))
    doubt = _doubt(left, right, kinds) if verdict.outcome == "same" else None
    if doubt is not None:
        return ask(0.6, doubt)
    if verdict.reason == WITHOUT_ACCENTS and kinds.either not in _FOLDED:
        return ask(0.5, "equal except for accents, which tell words apart")
    return verdict


def _doubt(left: Name, right: Name, kinds: _Kinds) -> str | None:
    """Return why names that are equal by a known spelling may be two things all the same, as they are written."""
    if any(_LETTER_V.search(a.written) and not _ANY_V.search(b.written) for a, b in ((left, right), (right, left))):
        return "a letter that one of them lacks, or a version"
    if kinds.both == ANY_KIND and (_is_loose(left) or _is_loose(right)):
        return "a short form, or plain words, that may mean anything"
    return None


def _is_loose(name: Name) -> bool:
    """Whether a name is written as plain words or a short word are: big query, ts."""
    if not name.written or name.written != name.written.lower():
        return False
    whole = joined(name.key)
    spaced = len(words(name.key)) > 1 and whole in load_synonyms().products
    return spaced or (len(whole) <= _SHORT_CHARS and whole.isalpha())


def _clash(left: Name, right: Name) -> Verdict:
    if (
        left.kind in _MADE
        and right.kind in _MADE
        and (
            joined(left.key) == joined(right.key)
            or (forms(left.key, "Tool") | forms(left.key, left.kind)) & forms(right.key, "Tool")
            or forms(left.key, "Tool") & forms(right.key, right.kind)
        )
    ):
        return ask(0.8, "equal names of different kinds")
    return apart("kinds that exclude each other")


def _excluded(left: str, right: str) -> Verdict | None:
    """Return why two names cannot be one thing, whatever else they share."""
    if (left.startswith("@") and "/" in left) != (right.startswith("@") and "/" in right):
        return apart("a scoped package and an unscoped name")
    if numbers(left) != numbers(right):
        return apart("different versions or numbers")
    listed = load_synonyms().apart
    a, b = {*words(left), joined(left)}, {*words(right), joined(right)}
    if any(frozenset((x, y)) in listed for x in a - b for y in b - a):
        return apart("words that exclude each other")
    return None


def _with_accents(left: str, right: str, rule: _Rule) -> Verdict:
    """Compare names as written and, if they are not the same, without accents.

    One of the names may have lost its accents. If both have accents and differ in them, context decides.
    """
    best = rule(left, right)
    if best.outcome == "same" or (left.isascii() and right.isascii()):
        return best
    for plain in (without_accents, spelled_accents):
        a, b = plain(left), plain(right)
        bare = rule(a, b) if a != b else Verdict("same", 0.9, WITHOUT_ACCENTS)
        if bare.outcome == "same":
            bare = Verdict("same", bare.strength, WITHOUT_ACCENTS)
            return bare if left == a or right == b else ask(0.7, "they differ in accents")
        best = max(best, bare, key=lambda found: found.strength)
    return best


def _compare_things(left: str, right: str, kinds: _Kinds) -> Verdict:
    """Compare names of things that are no persons."""
    if forms(left, kinds.both) & forms(right, kinds.both):
        return Verdict("same", 0.95, "equal except for separators or a known spelling")
    return (
        _excluded(left, right)
        or _paths(left, right, kinds)
        or _legal_suffix(left, right, kinds)
        or _plural(left, right, kinds)
        or _respelled(left, right, kinds)
        or _spelled_out(left, right)
        or _first_letters(left, right)
        or _generic_word(left, right)
        or _slip(left, right)
        or _addition(left, right)
        or Verdict("unlike", 0.0, "nothing in common")
    )


def _paths(left: str, right: str, kinds: _Kinds) -> Verdict | None:
    """Compare paths: one may be the end of the other, otherwise they are two files."""
    if kinds.either != "File" and not any(map(_is_path, (left, right))):
        return None
    short, long = sorted((left.lstrip("/"), right.lstrip("/")), key=len)
    if short == long or long.endswith("/" + short):
        return ask(0.6, "one path is the end of the other")
    if kinds.both == "File" and "." not in short and short == long.rsplit("/", 1)[-1].rpartition(".")[0]:
        return ask(0.5, "a file named without its extension")
    return apart("two paths")


def _is_path(key: str) -> bool:
    return looks_like_file(key) or ("/" in key and not key.startswith("@"))


def _legal_suffix(left: str, right: str, kinds: _Kinds) -> Verdict | None:
    """Compare a company's name with and without its legal form; only names of companies have one."""
    if kinds.either != "Organization":
        return None
    (a, suffix_a), (b, suffix_b) = (without_suffix(key) for key in (left, right))
    if not (suffix_a or suffix_b) or squash(a) != squash(b):
        return None
    if suffix_a and suffix_b and suffix_a != suffix_b:
        return ask(0.7, "two legal forms of one company's name")
    doubtful = load_synonyms().legal_doubtful
    if kinds.both != "Organization" or doubtful.intersection((*suffix_a, *suffix_b)):
        return ask(0.6, "one has what may be a legal suffix")
    return Verdict("same", 0.9, "equal except for a legal suffix")


def without_suffix(key: str) -> tuple[str, tuple[str, ...]]:
    """Return a company's name without what may be its legal suffix, and the suffix in its short form."""
    synonyms = load_synonyms()
    bare = [word.replace(".", "") for word in words(key)]
    end = len(bare)
    while end > 1 and (bare[end - 1] in synonyms.legal or bare[end - 1] in synonyms.legal_doubtful):
        end -= 1
    return " ".join(words(key)[:end]), tuple(synonyms.legal_words.get(word, word) for word in bare[end:])


def _plural(left: str, right: str, kinds: _Kinds) -> Verdict | None:
    """Compare singular and plural: usually the same concept, but not the same product (Google Doc, Google Docs)."""
    if kinds.either not in ("Concept", ANY_KIND):
        return None
    a, b = words(left), words(right)
    one, many = sorted((a[-1], b[-1]), key=len)
    if a[:-1] == b[:-1] and one.isalpha() and many == plural_of(one):
        if many in load_synonyms().plurals:
            return apart("a plural that means something else")
        if kinds.both == "Concept" and len(a) > 1:
            return Verdict("same", 0.85, "one is the plural of the other")
        return ask(0.4, "one looks like the plural of the other")
    one, many = sorted((joined(left), joined(right)), key=len)
    return ask(0.4, "one looks like the plural of the other") if one.isalpha() and many == plural_of(one) else None


def _respelled(left: str, right: str, kinds: _Kinds) -> Verdict | None:
    """Compare names that differ by separators, or by a spelling that can mean something else."""
    if joined(left) == joined(right):
        one_name = kinds.both in ONE_WORD or is_non_latin(left)
        if one_name and (_divisions(left) <= _divisions(right) or _divisions(right) <= _divisions(left)):
            return Verdict("same", 0.9, "equal except for separators")
        return ask(0.7, "equal except for separators")
    if canonical(left) == canonical(right):
        return ask(0.6, "equal except for what may be another spelling of a word")
    return None


def _divisions(key: str) -> set[int]:
    """Return after how many letters each word of a name ends; a full stop counts as a letter."""
    ends = list(accumulate(len(word) for word in words(key)))
    return set(ends) | {-end for end in ends if "." in key}


def plural_of(word: str) -> str:
    """Return the regular English plural."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def _spelled_out(left: str, right: str) -> Verdict | None:
    """Compare names with short words spelled out: prod db, production database."""
    a, b = words(left), words(right)
    short = load_synonyms().words
    if len(a) == len(b) and all(
        x == y or y in short.get(x, ()) or x in short.get(y, ()) for x, y in zip(a, b, strict=True)
    ):
        return ask(0.75 if len(a) > 1 else 0.5, "equal once short words are spelled out")
    return None


def _first_letters(left: str, right: str) -> Verdict | None:
    short, full = sorted((words(left), words(right)), key=len)
    letters = short[0].replace(".", "")
    if len(short) != 1 or min(len(full), len(letters)) < _ACRONYM_CHARS:
        return None
    initials = ("".join(word[0] for word in full), "".join(word[0] for word in full if word not in STOP_WORDS))
    return ask(0.6, "one is made of the other's first letters") if letters in initials else None


def _generic_word(left: str, right: str) -> Verdict | None:
    """Compare names of which one adds only what kind of thing it is: billing, billing service."""
    short, long = sorted((canonical(left), canonical(right)), key=len)
    rest = long.removeprefix(short)
    if rest == long:
        return None
    if rest in load_synonyms().generic:
        return ask(0.6, "one adds only what kind of thing it is")
    return ask(0.5, "one adds the ending of a project's name") if rest in _PROJECT_ENDINGS else None


def _slip(left: str, right: str) -> Verdict | None:
    """Compare names that differ by one letter of one long word."""
    a, b = words(left), words(right)
    if len(a) != len(b):
        return None
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    if len(pairs) != 1:
        return None
    x, y = pairs[0]
    long_words = x.isalpha() and y.isalpha() and x[0] == y[0] and min(len(x), len(y)) >= _TYPO_CHARS
    return ask(0.4, "one letter apart") if long_words and one_edit_apart(x, y) else None


def _addition(left: str, right: str) -> Verdict | None:
    """Compare names of which one adds something, and so is another thing: Java, JavaScript; React, React Native."""
    short, long = sorted((joined(left), joined(right)), key=len)
    a, b = set(words(left)), set(words(right))
    return apart("one is the other with something added") if long.startswith(short) or a <= b or b <= a else None
