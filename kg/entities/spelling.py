"""Forms of a name by which it equals other spellings of itself.

Every function takes an alias key. The invariant: a number keeps its own digits in every form, so that no version and
no port ever equals another.
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
"""Letters that Unicode does not take apart, and the Cyrillic io, which is mostly written as ie."""
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


@lru_cache(maxsize=_CACHED)
def words(key: str) -> tuple[str, ...]:
    """Return the words without a determiner, versions and tickets as numbers: ``react@18`` is react 18."""
    for determiner in _DETERMINERS:
        key = key.removeprefix(determiner)
    return tuple(_SIGN.sub("", _VERSION.sub("", _AT_VERSION.sub(" ", key))).split())


@lru_cache(maxsize=_CACHED)
def joined(key: str) -> str:
    """Return the words as one, without inner full stops."""
    return squash(" ".join(words(key)))


@lru_cache(maxsize=_CACHED)
def canonical(key: str) -> str:
    """Return the words as one in which the longest known spellings are replaced by the first of their kind."""
    return squash(" ".join(_replaced(words(key), load_synonyms().always)))


@lru_cache(maxsize=_CACHED)
def forms(key: str, kind: str) -> frozenset[str]:
    """Return the forms that make a name equal to another of its kind; a file has but its key."""
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
    """Return the first spelling of a whole name of a kind, squashed."""
    synonyms = load_synonyms()
    if not _is_spelling(plain):
        return None
    whole = squash(plain)
    own = {"Tool": synonyms.tools, "Service": synonyms.services}.get(kind, {})
    return own.get(whole, synonyms.always.get(whole))


def _is_spelling(plain: str) -> bool:
    """Whether words are divided as a known spelling may be."""
    synonyms = load_synonyms()
    return " " not in plain or plain in synonyms.divided or squash(plain) in synonyms.compounds


def _replaced(left: tuple[str, ...], spellings: Mapping[str, str], *, divided: bool = False) -> list[str]:
    """Return words in which the longest spellings are replaced by the first of their kind.

    Args:
        left: the words.
        spellings: squashed spelling -> squashed first spelling.
        divided: whether the words must be divided as the spelling is.
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
    """Return the numbers and versions of a name in order; those of known spellings (k8s) are none."""
    return tuple(_NUMBER.findall(canonical(key)))


def looks_like_file(key: str) -> bool:
    """Return whether a name is an absolute path or ends as files do."""
    stem, _, extension = key.rsplit("/", 1)[-1].rpartition(".")
    return key.startswith("/") or (extension in load_synonyms().extensions and bool(stem))


@lru_cache(maxsize=_CACHED)
def without_accents(key: str) -> str:
    """Return a key without the marks on Latin letters; those of other scripts tell letters apart and stay."""
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
    """Return a key with accented letters written as two, as German and Scandinavian names are on plain keyboards."""
    return without_accents(unicodedata.normalize("NFC", key).translate(_TWO_LETTERS))
