"""What kind of thing a name stands for, by evidence: its own form, names that are known, its last word, its place.

The place in a fact alone is weak evidence: a project that uses feature flags uses no tool. So a predicate's usual kind
is given only to a name that could be of that kind. Where nothing fits, the kind is Thing. bench/kinds.py measures it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from kg.errors import InvalidInput
from kg.facts.predicates import THING, EntityKind, lookup
from kg.language.names import alias_key, is_self

Side = Literal["subject", "object"]

_EXTENSIONS = (
    "py|pyi|js|jsx|ts|tsx|mjs|cjs|go|rs|rb|java|kt|c|h|cc|cpp|hpp|cs|fs|php|pl|sh|bash|zsh|ps1|sql|md|mdx|rst|txt|json|jsonc|"
    "json5|jsonl|yaml|yml|toml|ini|cfg|conf|env|lock|xml|html|css|scss|less|vue|svelte|ipynb|proto|graphql|prisma|tf|tfvars|"
    "csv|tsv|parquet|log|pdf|png|svg|jpg|zip|tar|gz|jar|gradle|cypher|ex|exs|swift|scala|lua|r|jl|dart|zig|nix"
)
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:\.{0,2}[\\/])?(?:[\w@.+-]+[\\/])*[\w@.+-]*[\\/]?")
_FILE = re.compile(rf"(?:[\w@.+-]*\w)?\.(?:{_EXTENSIONS})|\.[a-z][\w.-]*", re.IGNORECASE)
_FILE_NAMES = frozenset(
    ("makefile", "dockerfile", "readme", "justfile", "procfile", "jenkinsfile", "gemfile", "license")
)
_REMOTE = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}/[\w.-]+/[\w.-]+|[a-z0-9][\w-]*/[a-z0-9][\w.-]*", re.IGNORECASE)
_PACKAGE = re.compile(r"@[\w.-]+/[\w.-]+")
_LIBRARY = re.compile(r"[A-Z]\w*\.(?:js|io)")
_HANDLE = re.compile(r"@[A-Za-z][\w.-]+")
_PERSON = re.compile(r"(?:(?:Dr|Prof|Mr|Ms|Mrs)\.? )?[^\W\d_a-z][^\W\d_]+(?:[ '-][^\W\d_a-z][^\W\d_]*\.?){0,2}")
_PRODUCT = re.compile(r"[^\W\d_]*[^\W\d_][\w+#]*(?:[-.][\w+#]+)*")
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|[A-Z]{2,}-\d+")
_CODE = re.compile(r"\(\)|::|->|^\$|^-{1,2}\w|#\d|^[A-Za-z0-9]+[a-z][A-Z]\w*\.\w")
_WORD = "word"
_PREPOSITION = re.compile(r" (in|on|of|by|with|for|at|from|during|after|before|to|between|under) ")
_NUMBERED = re.compile(r"\d")
_ARTICLE = re.compile(r"^(?:the|a|an|our|my|their) ", re.IGNORECASE)


class _Evidence:
    """The table, ready for lookups."""

    def __init__(self) -> None:
        table: dict[str, dict[str, str]] = tomllib.loads(
            files("kg.facts").joinpath("kinds.toml").read_text(encoding="utf-8")
        )
        written = _by_word(table["known"])
        self.known: dict[str, EntityKind] = {word.replace("_", ""): kind for word, kind in written.items()}
        self.divided = frozenset(word.replace("_", "") for word in written if "_" in word)
        self.cased = _by_word(table["cased"])
        self.plain: dict[str, EntityKind] = {word.casefold(): kind for word, kind in self.cased.items()}
        self.heads = _by_word(table["heads"])
        self.first_names = frozenset(table["names"]["first"].split())


def _by_word(kinds: Mapping[str, str]) -> dict[str, EntityKind]:
    return {word: cast("EntityKind", kind) for kind, words in kinds.items() for word in words.split()}


@cache
def _evidence() -> _Evidence:
    return _Evidence()


def kind_of(name: str, predicate: str, side: Side) -> EntityKind:
    """Return the kind of thing that a name in a fact stands for, Thing where nothing says so.

    >>> kind_of("Stripe", "CAUSED_BY", "object"), kind_of("race condition", "USES", "object")
    ('Service', 'Concept')
    >>> kind_of("Jest", "CAUSED_BY", "object"), kind_of("ticket 4711", "BLOCKED_BY", "object")
    ('Tool', 'Thing')
    """
    if is_self(name):
        return "Person"
    bare = _ARTICLE.sub("", name.strip())
    return _by_form(bare) or _by_words(bare) or _by_place(bare, predicate, side) or THING


def plain_key(key: str, written: str) -> str:
    """Return the key of a name that is a plain word and a product's name, too, where it is written as the word.

    Express is a tool, and ``express`` may be anything: the word has a key of its own.

    >>> plain_key("express", "express"), plain_key("express", "Express"), plain_key("redis", "redis")
    ('express word', 'express', 'redis')
    """
    return word_key(key) if key in _evidence().plain and written == written.lower() else key


def word_key(key: str) -> str:
    """Return the key that a name has where it is written as a plain word."""
    return f"{key} {_WORD}"


def _by_form(name: str) -> EntityKind | None:
    """Return the kind that the letters and signs of a name show."""
    if _PACKAGE.fullmatch(name) or _LIBRARY.fullmatch(name):
        return "Tool"
    if _HANDLE.fullmatch(name):
        return "Person"
    if _known(name) is not None:
        return None
    if " " not in name:
        last = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
        if last.casefold() in _FILE_NAMES or _FILE.fullmatch(last):
            return "File"
        if re.search(r"[\\/]", name) and _PATH.fullmatch(name):
            return "Project" if _REMOTE.fullmatch(name) else "File"
    return None


def _by_words(name: str) -> EntityKind | None:
    """Return the kind of a name that is known, or whose words say it."""
    found = _known(name)
    if found is not None or _CODE.search(name) or _CONSTANT.fullmatch(name):
        return found
    words = re.findall(r"[^\W_]+", name)
    if words and words[0] in _evidence().first_names and _PERSON.fullmatch(name):
        return "Person"
    return _by_head(words) or _by_head(_before_preposition(name))


def _by_head(words: list[str]) -> EntityKind | None:
    """Return the kind that the last of some words says; a single word says no more than that it is a concept."""
    kind = _evidence().heads.get(words[-1].casefold()) if words else None
    return kind if len(words) > 1 or kind == "Concept" else None


def _before_preposition(name: str) -> list[str]:
    """Return the words that name the thing itself: "memory leak" of "memory leak in the worker"."""
    before, preposition, _ = _PREPOSITION.split(name, maxsplit=1) if _PREPOSITION.search(name) else ("", "", "")
    return re.findall(r"[^\W_]+", before) if preposition else []


def _known(name: str) -> EntityKind | None:
    evidence = _evidence()
    try:
        key = alias_key(name)
    except InvalidInput:
        return None
    squashed = re.sub(r"[ ./@_-]", "", key)
    if " " in name and name == name.lower() and squashed not in evidence.divided:
        return None
    return evidence.known.get(squashed) or evidence.cased.get(name)


def _by_place(name: str, predicate: str, side: Side) -> EntityKind | None:
    """Return the usual kind at a predicate's side, if the name could be of that kind."""
    known = lookup(predicate)
    usual = known.subject_kind if side == "subject" else known.object_kind
    product = _evidence().plain.get(name.casefold())
    if product is not None and (usual == "Tool" or (predicate, side) == ("USES_VERSION", "subject")):
        return product
    if usual == THING or _CODE.search(name) or _CONSTANT.fullmatch(name):
        return None
    return usual if _could_be(name, usual) else None


def _could_be(name: str, kind: EntityKind) -> bool:
    """Whether a name is written as names of a kind are."""
    words = name.split()
    capital = name[:1].isupper()
    if kind == "Person":
        return _PERSON.fullmatch(name) is not None
    if kind in ("Organization", "Place"):
        return capital and not _NUMBERED.search(name)
    if kind == "Concept":  # a phrase; a single word or a name with a capital may be anything
        return len(words) > 1 and name == name.lower() and not _NUMBERED.search(name)
    if kind == "Tool":  # one word that is no plain one
        marked = capital or re.search(r"[-_\d]", name) is not None
        return len(words) == 1 and marked and _PRODUCT.fullmatch(name) is not None
    return _SLUG.fullmatch(name) is not None  # Project, Service
