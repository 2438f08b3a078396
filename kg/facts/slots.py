"""Which values of a single-valued predicate follow one another.

A version often stands with the thing that it is a version of. What one thing is used in says nothing of another::

    shop-api USES_VERSION "Node 22.11"    the slot "node"
    shop-api USES_VERSION "Postgres 16"   the slot "postgres": it does not end Node
    node     USES_VERSION "22.11"         the subject's own slot, ""
    node     USES_VERSION "Node 22.11"    the same
"""

from __future__ import annotations

import re

from kg.errors import InvalidInput
from kg.language.names import alias_key

_VERSIONED = frozenset(("USES_VERSION",))
"""Predicates whose object may name the thing that it is a version of."""
_TOKENS = re.compile(r"[^\s:@=,()]+")
_VERSION = re.compile(r"[<>~^]*[vr]?\d", re.IGNORECASE)
_JOINED = re.compile(r"(?P<name>\D*[^\W\d_][^\w\s]*)[-_]?v?\d+(?:\.\d+)*", re.IGNORECASE)
_NO_NAMES = frozenset(
    ("v", "ver", "version", "release", "rev", "revision", "build", "alpha", "beta", "rc", "lts", "stable", "latest")
)


def slot_of(predicate: str, value: str | None, subject_key: str | None) -> str:
    """Return the slot of a fact within its subject and predicate; empty is the subject's own.

    Args:
        predicate: a single-valued predicate.
        value: the object as it was written.
        subject_key: alias key by which the fact names its subject.
    """
    if predicate not in _VERSIONED or value is None:
        return ""
    words = [word for word in _before_version(_TOKENS.findall(value)) if word.casefold().strip(".") not in _NO_NAMES]
    try:
        name = alias_key(" ".join(words)) if words else ""
    except InvalidInput:  # signs alone
        return ""
    return "" if name == subject_key else name


def _before_version(tokens: list[str]) -> list[str]:
    """Return the words before the first version; none if there is no version."""
    for index, token in enumerate(tokens):
        if _VERSION.match(token):
            return tokens[:index]
    joined = _JOINED.fullmatch(tokens[-1]) if tokens else None
    return [*tokens[:-1], joined["name"].rstrip("-_")] if joined else []
