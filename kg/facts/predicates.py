"""Predicates: one spelling for each, and what is known of the preferred ones (``predicates.toml``).

Invariant: a normalised predicate can be a relationship type of the graph, and is none of the types that the service
uses for its own structure. No predicate is ever a reason to refuse a fact.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, TypedDict, get_args

from kg.language.words import clean, fold, shadow

THING = "Thing"

Scope = Literal["user", "project"]
EntityKind = Literal["Person", "Project", "Tool", "Concept", "Place", "Organization", "File", "Service", "Thing"]

ENTITY_KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
_WORDS_OF_KINDS: Mapping[EntityKind, str] = {
    "Person": "human individual people developer engineer user",
    "Project": "repo repository codebase application app",
    "Tool": "library framework language package database technology software cli plugin sdk",
    "Concept": "class model type interface struct enum function method module table column schema entity idea topic",
    "Place": "location city country region",
    "Organization": "organisation company team org group vendor",
    "File": "path folder directory document script",
    "Service": "microservice api endpoint server platform",
    "Thing": "object item other",
}
_KIND_WORDS: Mapping[str, EntityKind] = {
    word: kind for kind, words in _WORDS_OF_KINDS.items() for word in words.split()
}
"""What callers and models write in place of a kind."""
MAX_CHARS = 64
FALLBACK = "RELATES_TO"
SAME_AS = "SAME_AS"
"""A fact that merges its two things, which can be undone."""
SAFE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
"""What a predicate looks like; what matches in full is safe as a relationship type in a query."""

_RESERVED = {
    "STATES": "SAYS",
    "SUBJECT": "HAS_SUBJECT",
    "OBJECT": "HAS_OBJECT",
    "NAMES": "HAS_NAME",
    "REFERS_TO": "RELATES_TO",
    "NEXT": "COMES_BEFORE",
    "SUPERSEDED_BY": "REPLACED_BY",
    "PREVIOUS": "COMES_AFTER",
    "EXTRACTS": "EXTRACTS_FROM",
    "MERGED_INTO": "WAS_MERGED_INTO",
}
"""The graph's own relationship types, docs/architecture.md ("The graph's contract"), and what a fact says instead."""

_PIECE = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+[A-Za-z]*")


@dataclass(frozen=True)
class Predicate:
    """What a predicate means for time and search.

    Attributes:
        single_valued: one object at a time: a newer fact ends the older one of the same scope and subject.
        scope: whether a claim holds in its project only, or wherever the person works.
        one_holder: an object has one subject at a time; a newer one may end the older one, if the caller says so.
        inverse: the predicate that says the same the other way round.
        family: of predicates that say by what means something is done; a newer fact may replace an older one.
        opposites: predicates that contradict this one between the same subject and object.
        subject_kind: usual kind of the subject, for an entity that first appears in such a fact.
        object_kind: usual kind of the object, for the same.
        synonyms: normalised spellings that mean this predicate.
    """

    name: str
    single_valued: bool = False
    scope: Scope = "project"
    opposites: tuple[str, ...] = ()
    subject_kind: EntityKind = "Thing"
    object_kind: EntityKind = "Thing"
    synonyms: tuple[str, ...] = ()
    one_holder: bool = False
    inverse: str | None = None
    family: str | None = None
    doc: str = ""


class _Entry(TypedDict, total=False):
    doc: str
    single: bool
    scope: Scope
    subject: EntityKind
    object: EntityKind
    opposites: list[str]
    one_holder: bool
    inverse: str
    family: str
    synonyms: list[str]


def _load() -> tuple[Mapping[str, Predicate], Mapping[str, str]]:
    entries: dict[str, _Entry] = tomllib.loads(
        files("kg.facts").joinpath("predicates.toml").read_text(encoding="utf-8")
    )
    known: dict[str, Predicate] = {}
    synonyms = dict(_RESERVED)
    for name, entry in entries.items():
        known[name] = Predicate(
            name=name,
            single_valued=entry.get("single", False),
            scope=entry.get("scope", "project"),
            opposites=tuple(entry.get("opposites", ())),
            subject_kind=entry.get("subject", "Thing"),
            object_kind=entry.get("object", "Thing"),
            synonyms=tuple(entry.get("synonyms", ())),
            one_holder=entry.get("one_holder", False),
            inverse=entry.get("inverse"),
            family=entry.get("family"),
            doc=entry.get("doc", ""),
        )
        synonyms.update(dict.fromkeys(known[name].synonyms, name))
    return MappingProxyType(known), MappingProxyType(synonyms)


PREDICATES, _SYNONYMS = _load()
"""The preferred predicates by name, the domain's own first."""
SINGLE_VALUED = frozenset(name for name, known in PREDICATES.items() if known.single_valued)
"""Predicates with one value at a time: a newer fact ends the older one."""


def normalise(predicate: str) -> str:
    """Return the predicate in UPPER_SNAKE, at most 64 characters; synonyms become the preferred predicate.

    Blanks, punctuation and capitals divide words. Accents are removed. A leading digit gets ``HAS_`` before it. What
    Latin letters cannot spell becomes letters that stand for it, so that 喜欢 and 讨厌, or == and !=, stay apart.

    >>> [normalise(said) for said in ("worksAt", "is no longer using", "arbeitet für", "2nd choice", "==")]
    ['WORKS_AT', 'IS_NO_LONGER_USING', 'ARBEITET_FUR', 'HAS_2ND_CHOICE', 'RELATES_TO_HWMNOKQYGFJN']
    """
    cleaned = "".join(c for c in unicodedata.normalize("NFKD", clean(predicate)) if not unicodedata.combining(c))
    latin = "".join(c if c.isascii() else " " for c in cleaned.replace("'", ""))
    shape = latin.lower() if latin.isupper() else latin
    name = "_".join(m.group() for m in _PIECE.finditer(shadow(shape))).upper()
    said = fold(predicate).replace("_", " ").split()
    if not re.search("[A-Z]", name):
        return f"{FALLBACK}_{_letters(said)}" if said else FALLBACK
    name = name if name[0].isalpha() else f"HAS_{name}"
    if any(_is_foreign(c) for c in cleaned):
        letters = _letters(said)
        return f"{name[: MAX_CHARS - 1 - len(letters)].rstrip('_')}_{letters}"
    name = name[:MAX_CHARS].rstrip("_")
    return _SYNONYMS.get(name, name)


def _is_foreign(character: str) -> bool:
    """Whether a character says something that Latin letters do not spell: a letter of another script, a picture."""
    if character.isascii():
        return False
    category = unicodedata.category(character)
    return category == "So" or (category[0] == "L" and not unicodedata.name(character, "").startswith("LATIN"))


def _letters(words: Sequence[str]) -> str:
    """Return twelve letters that stand for words; other words get others."""
    digest = hashlib.sha256(" ".join(words).encode(errors="surrogatepass")).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:12])


def find_kind(said: str) -> EntityKind | None:
    """Return the kind that a word means, None if it means none.

    >>> [find_kind(said) for said in ("tool", "Library", "class", "starship")]
    ['Tool', 'Tool', 'Concept', None]
    """
    word = said.strip().casefold()
    return next((kind for kind in ENTITY_KINDS if kind.casefold() == word), None) or _KIND_WORDS.get(word)


def lookup(name: str) -> Predicate:
    """Return what is known of a normalised predicate; an unlisted one has many values and holds in its project."""
    return PREDICATES.get(name) or Predicate(name)
