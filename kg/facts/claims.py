"""Claims: what a fact is about, and the key by which facts that say the same find each other."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from kg.errors import InvalidInput
from kg.facts import predicates
from kg.facts.predicates import THING
from kg.language.names import SELF_KEY, alias_key, is_speaker, is_user
from kg.values import FactInput, Scope

_QUANTITY = re.compile(r"\s*(?:v(?=\d)|[<>=~^$€£+-])*\s*\d")
_LITERAL = frozenset(("USES_VERSION", "HAS_STATUS", "CONFIGURED_AS", "REVISIT_WHEN", "FAILED_BECAUSE"))
"""Predicates whose object is read, not travelled to."""
_ENTITY_MAX_WORDS = 8
_ENTITY_MAX_CHARS = 80


@dataclass(frozen=True)
class StatedName:
    """A name in a fact: its alias key, as it was written, and the kind of thing that it stands for."""

    key: str
    name: str
    kind: str


def stated_keys(facts: Iterable[FactInput], speaker: str | None) -> set[str]:
    """Return the alias keys that facts (and the speaker) name."""
    keys = {alias_key(speaker)} if speaker else set[str]()
    return keys | {name.key for fact in facts for name in (subject_of(fact, speaker), object_of(fact, speaker)) if name}


def subject_of(fact: FactInput, speaker: str | None) -> StatedName | None:
    """Return the thing that a fact is about; None where it names none."""
    if fact.subject is None:
        return None
    usual = predicates.lookup(fact.predicate).subject_kind
    kind = fact.subject_kind or (usual if usual == "Person" else THING)
    return _stated(fact.subject, speaker, kind)


def object_of(fact: FactInput, speaker: str | None) -> StatedName | None:
    """Return the thing that is a fact's object; None where it has none, or a literal value."""
    if fact.object is None or not object_is_entity(fact.predicate, fact.object):
        return None
    kind = fact.object_kind or predicates.lookup(fact.predicate).object_kind
    return _stated(fact.object, speaker, kind)


def _stated(name: str, speaker: str | None, kind: str) -> StatedName:
    """Return what a name in a fact means; I and me are the speaker, by its name, the user only where none is named."""
    if is_user(name) or (is_speaker(name) and speaker is None):
        return StatedName(SELF_KEY, name, kind)
    meant = speaker if is_speaker(name) and speaker is not None else name
    return StatedName(alias_key(meant), meant, kind)


def object_is_entity(predicate: str, value: str) -> bool:
    """Tell whether a fact's object is a thing with a name; a version, a quantity or a sentence is a literal value."""
    if _QUANTITY.match(value) or predicate in _LITERAL:
        return False
    if len(value) > _ENTITY_MAX_CHARS or "\n" in value or len(value.split()) > _ENTITY_MAX_WORDS:
        return False
    try:
        return bool(alias_key(value))
    except InvalidInput:
        return False


def claim_scope(predicate: str, scope: Scope) -> str:
    """Return what a claim is true within: the user, or one project (empty for none)."""
    if predicates.lookup(predicate).scope == "user" or scope.project is None:
        return "user" if predicates.lookup(predicate).scope == "user" else "project:"
    return f"project:{scope.project}"


def literal_key(value: str) -> str:
    """Return the identity of a literal object: the same words, whatever their case and spacing."""
    return "value:" + " ".join(unicodedata.normalize("NFKC", value).casefold().split()).rstrip(".!")


def claim_key(scope: str, subject_uuid: str | None, predicate: str, object_key: str) -> str:
    """Return the identity of a claim, 32 hexadecimal digits; facts that share it corroborate each other."""
    parts = "\x1f".join((scope, subject_uuid or "", predicate, object_key))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]
