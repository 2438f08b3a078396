"""What ``synonyms.toml`` knows of names: spellings of one thing, names that are easily confused, short words.

Invariant: every lookup uses the squashed form of a name, so that blanks, hyphens and inner full stops never matter.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict, cast

from kg.language.names import alias_key

_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])\.(?=[^\W\d_])")
_BETWEEN_DIGITS = re.compile(r"(?<![0-9]) | (?![0-9])")


class _File(TypedDict):
    always: list[list[str]]
    within: list[str]
    compounds: list[str]
    products: list[str]
    tools: list[list[str]]
    services: list[list[str]]
    places: list[list[str]]
    apart: list[list[str]]
    plurals: list[str]
    generic: list[str]
    extensions: list[str]
    legal: list[str]
    legal_doubtful: list[str]
    legal_words: dict[str, str]
    words: dict[str, list[str]]
    nicknames: dict[str, list[str]]


@dataclass(frozen=True)
class Synonyms:
    """The table, ready for lookups.

    Attributes:
        always: squashed spelling -> squashed first spelling of its group; first spellings are keys, too.
        divided: the spellings with more than one word, as alias keys.
        within: like ``always``, for spellings that mean the same inside a longer name.
        compounds: squashed words that stay the same wherever they are divided.
        products: squashed names of products that stay the same wherever they are divided.
        tools: like ``always``, for whole names of tools.
        services: like ``always``, for whole names of services.
        places: like ``always``, for whole names of places.
        spellings: squashed first spelling -> alias keys of all spellings of its group.
        apart: pairs of squashed names that are never one thing.
        plurals: plurals that mean something else than their singular.
        generic: squashed words that only say what kind of thing a name is.
        extensions: endings of files.
        legal: legal suffixes of companies' names.
        legal_doubtful: suffixes that may also be part of the name.
        legal_words: suffix spelled out -> suffix.
        words: short word -> words that it may stand for.
        nicknames: nickname -> first names that it may stand for.
        longest: most words in one spelling.
    """

    always: Mapping[str, str]
    divided: frozenset[str]
    within: Mapping[str, str]
    compounds: frozenset[str]
    products: frozenset[str]
    tools: Mapping[str, str]
    services: Mapping[str, str]
    places: Mapping[str, str]
    spellings: Mapping[str, tuple[str, ...]]
    apart: frozenset[frozenset[str]]
    plurals: frozenset[str]
    generic: frozenset[str]
    extensions: frozenset[str]
    legal: frozenset[str]
    legal_doubtful: frozenset[str]
    legal_words: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    nicknames: Mapping[str, frozenset[str]]
    longest: int


def squash(key: str) -> str:
    """Return an alias key without blanks and without full stops between letters.

    A blank between two digits stays: ``port 80 80`` is not ``port 8080``.
    """
    return without_blanks(_BETWEEN_LETTERS.sub("", key))


def without_blanks(key: str) -> str:
    """Return an alias key without blanks, except those between two digits."""
    return _BETWEEN_DIGITS.sub("", key)


@cache
def load_synonyms() -> Synonyms:
    """Read the table."""
    raw = cast("_File", tomllib.loads(files("kg.entities").joinpath("synonyms.toml").read_text(encoding="utf-8")))
    groups = [
        [alias_key(name) for name in group]
        for group in (*raw["always"], *raw["tools"], *raw["services"], *raw["places"])
    ]
    spellings: dict[str, tuple[str, ...]] = {}
    for group in groups:
        first = squash(group[0])
        spellings[first] = tuple(dict.fromkeys((*spellings.get(first, ()), *group)))
    always = _by_spelling(raw["always"])
    within = {squash(alias_key(name)) for name in raw["within"]}
    compounds = {word: word for one in raw["compounds"] for word in (one, one + "s")}
    return Synonyms(
        always=always | compounds,
        within={spelling: first for spelling, first in always.items() if first in within} | compounds,
        divided=frozenset(
            written for group in groups for key in group for written in (key, key.replace(".", " ")) if " " in written
        ),
        compounds=frozenset(compounds),
        products=frozenset(raw["products"]),
        tools=_by_spelling(raw["tools"]),
        services=_by_spelling(raw["services"]),
        places=_by_spelling(raw["places"]),
        spellings=spellings,
        apart=frozenset(frozenset(squash(alias_key(name)) for name in pair) for pair in raw["apart"]),
        plurals=frozenset(raw["plurals"]),
        generic=frozenset(squash(word) for word in raw["generic"]),
        extensions=frozenset(raw["extensions"]),
        legal=frozenset(raw["legal"]),
        legal_doubtful=frozenset(raw["legal_doubtful"]),
        legal_words=raw["legal_words"],
        words={word: frozenset(meant) for word, meant in raw["words"].items()},
        nicknames={word: frozenset(meant) for word, meant in raw["nicknames"].items()},
        longest=max(len(key.split()) for group in groups for key in group),
    )


def _by_spelling(groups: Iterable[list[str]]) -> dict[str, str]:
    return {squash(alias_key(name)): squash(alias_key(group[0])) for group in groups for name in group}
