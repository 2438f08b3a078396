"""Forms of a name that are equal for different spellings of it. Every function takes an alias key.

Invariant: a number keeps its digits in every form, so that no version and no port ever equals another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from kg.entities.synonyms import load_synonyms, squash

_CACHED = 1 << 14
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_VERSION = re.compile(r"(?<= )v(?=[0-9])")
_AT_VERSION = re.compile(r"(?<=[^/])@v?(?=[0-9])")
_SIGN = re.compile(r"(?<= )#(?=[0-9])")
VERSIONED = re.compile(r"(.*[^0-9. ]) ?([0-9]+(?:\.[0-9]+)*)")
_DETERMINERS = ("the ", "our ")
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ħ": "h", "\u0451": "\u0435"})
"""Letters that Unicode does not decompose, and the Cyrillic io, which is usually written as ie."""
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


@lru_cache(maxsize=_CACHED)
def words(key: str) -> tuple[str, ...]:
    """Return the words of a name without the or our; versions and tickets become numbers: ``react@18`` is react 18."""
    for determiner in _DETERMINERS:
        key = key.removeprefix(determiner)
    return tuple(_SIGN.sub("", _VERSION.sub("", _AT_VERSION.sub(" ", key))).split())


@lru_cache(maxsize=_CACHED)
def joined(key: str) -> str:
    """Return the words of a name as one, without inner full stops."""
    return squash(" ".join(words(key)))


@lru_cache(maxsize=_CACHED)
def canonical(key: str) -> str:
    """Return the words of a name as one, with every known spelling replaced by the first spelling of its group."""
    return squash(" ".join(_replaced(words(key), load_synonyms().always)))


@lru_cache(maxsize=_CACHED)
def forms(key: str, kind: str) -> frozenset[str]:
    """Return the forms of a name; two names of a kind are equal if they share one. A file has only its key."""
    synonyms = load_synonyms()
    if squash(key) not in synonyms.always and (kind == "File" or (kind == "Thing" and looks_like_file(key))):
        return frozenset((key,))
    whole, plain = joined(key), " ".join(words(key))
    if kind == "Place":
        return frozenset((whole, synonyms.places.get(whole, whole)))
    found = {plain, " ".join(_replaced(words(key), synonyms.within, divided=True))}
    version = VERSIONED.fullmatch(plain)
    known = _known(plain, kind)
    if known is not None:
        found.add(known)
    elif version is not None:
        found.add(f"{_known(version[1], kind) or version[1]} {version[2]}")
    if whole in synonyms.products:
        found.add(whole)
    return frozenset(found)


def _known(plain: str, kind: str) -> str | None:
    """Return the first spelling of the group that a whole name belongs to, squashed, or None."""
    synonyms = load_synonyms()
    if not _is_spelling(plain):
        return None
    whole = squash(plain)
    own = {"Tool": synonyms.tools, "Service": synonyms.services}.get(kind, {})
    return own.get(whole, synonyms.always.get(whole))


def _is_spelling(plain: str) -> bool:
    """Whether words are divided as in a known spelling."""
    synonyms = load_synonyms()
    return " " not in plain or plain in synonyms.divided or squash(plain) in synonyms.compounds


def _replaced(left: tuple[str, ...], spellings: Mapping[str, str], *, divided: bool = False) -> list[str]:
    """Return words with every known spelling replaced by the first of its group; longer spellings go first.

    Args:
        left: the words.
        spellings: squashed spelling -> squashed first spelling.
        divided: the words must be divided as the spelling is.
    """
    found: list[str] = []
    longest = load_synonyms().longest
    while left:
        runs = [" ".join(left[:size]) for size in range(1, min(longest, len(left)) + 1)]
        fitting = [
            n for n, run in enumerate(runs, start=1) if squash(run) in spellings and (_is_spelling(run) or not divided)
        ]
        size = max(fitting, default=0)
        found.append(spellings[squash(" ".join(left[:size]))] if size else left[0])
        left = left[size or 1 :]
    return found


@lru_cache(maxsize=_CACHED)
def numbers(key: str) -> tuple[str, ...]:
    """Return the numbers and versions of a name, in order; a digit in a known spelling (k8s) is not a number."""
    return tuple(_NUMBER.findall(canonical(key)))


def looks_like_file(key: str) -> bool:
    """Return whether a name is an absolute path or has the ending of a file."""
    stem, _, extension = key.rsplit("/", 1)[-1].rpartition(".")
    return key.startswith("/") or (extension in load_synonyms().extensions and bool(stem))


@lru_cache(maxsize=_CACHED)
def without_accents(key: str) -> str:
    """Return a key without the accents on Latin letters; marks of other scripts make another letter and stay."""
    kept: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFD", key):
        if not unicodedata.combining(char):
            base = char
        elif base.isascii():
            continue
        kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_STROKES)


@lru_cache(maxsize=_CACHED)
def spelled_accents(key: str) -> str:
    """Return a key with accented letters written as two, as people type German and Scandinavian names."""
    return without_accents(unicodedata.normalize("NFC", key).translate(_TWO_LETTERS))
