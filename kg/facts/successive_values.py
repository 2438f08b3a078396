"""Which values of a single-valued predicate follow one another.

A version often stands with the thing that it is a version of. That thing is an entity, and the version is said of the
relationship to it. What one thing is used in says nothing of another::

    shop-api USES_VERSION "Node 22.11"    the slot of the entity Node
    shop-api USES_VERSION "Postgres 16"   the slot of Postgres: it does not end Node
    node     USES_VERSION "22.11"         the subject's own slot, ""
    node     USES_VERSION "Node 22.11"    the same
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kg.errors import InvalidInput
from kg.language.names import alias_key

_VERSIONED = frozenset(("USES_VERSION",))
"""Predicates whose object may name the thing that it is a version of."""
_TOKENS = re.compile(r"[^\s:@=,()]+")
_VERSION = re.compile(r"[<>~^]*[vr]?\d", re.IGNORECASE)
_JOINED = re.compile(r"(?P<name>\D*[^\W\d_][^\w\s]*)[-_]?v?\d+(?:\.\d+)*", re.IGNORECASE)
_LETTER = re.compile(r"^[vr](?=\d)", re.IGNORECASE)
_NO_NAMES = frozenset(
    ("v", "ver", "version", "release", "rev", "revision", "build", "alpha", "beta", "rc", "lts", "stable", "latest")
)


@dataclass(frozen=True)
class Versioned:
    """A thing and its version: Node and 22.11.

    Attributes:
        key: alias key of the thing.
        name: the thing as written.
        version: from its first digit to the end.
    """

    key: str
    name: str
    version: str


def find_versioned(predicate: str, value: str | None, subject_key: str | None) -> Versioned | None:
    """Return the thing whose version a value is; None if it names none, or the subject itself.

    Args:
        predicate: of the fact.
        value: the object as it was written.
        subject_key: alias key by which the fact names its subject.
    """
    if predicate not in _VERSIONED or value is None:
        return None
    words, version = _divided(value)
    words = [word for word in words if word.casefold().strip(".") not in _NO_NAMES]
    try:
        name = " ".join(words)
        key = alias_key(name) if words else ""
    except InvalidInput:  # signs alone
        return None
    return None if not key or key == subject_key else Versioned(key, name, version)


def slot_of(predicate: str, value: str | None, subject_key: str | None) -> str:
    """Return the slot of a fact within its subject and predicate, by the thing's name; empty is the subject's own."""
    versioned = find_versioned(predicate, value, subject_key)
    return versioned.key if versioned is not None else ""


def slot_in_graph(
    predicate: str, subject_uuid: str, object_key: str, value: str | None, subject_key: str | None
) -> str:
    """Return the slot of a fact whose names are resolved: that of the entity, whatever names it goes by.

    >>> slot_in_graph("USES_VERSION", "shop-uuid", "entity:node-uuid@22.11", "Node 22.11", "shop")
    'node-uuid'
    """
    kind, _, rest = object_key.partition(":")
    entity, at, _ = rest.partition("@")
    if kind == "entity" and at:
        return "" if entity == subject_uuid else entity
    return slot_of(predicate, value, subject_key)


def _divided(value: str) -> tuple[list[str], str]:
    """Return the words before the first version, and the version; no words if there is no version."""
    tokens = list(_TOKENS.finditer(value))
    for index, token in enumerate(tokens):
        if _VERSION.match(token.group()):
            return [token.group() for token in tokens[:index]], _bare(value[token.start() :])
    joined = _JOINED.fullmatch(tokens[-1].group()) if tokens else None
    if joined is None:
        return [], ""
    words = [*(token.group() for token in tokens[:-1]), joined["name"].rstrip("-_")]
    return words, _bare(joined.group()[joined.end("name") :].lstrip("-_"))


def _bare(version: str) -> str:
    """Return a version without the v before it and the signs behind it."""
    return _LETTER.sub("", " ".join(version.split()).rstrip(",;:"))
