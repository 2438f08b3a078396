"""Claims: what a fact says of what. Facts that say the same share a key, so that they find each other."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from kg.errors import InvalidInput
from kg.facts import predicates
from kg.facts.kinds import kind_of, plain_key
from kg.facts.quantities import is_quantity
from kg.facts.successive_values import Versioned, find_versioned
from kg.language.names import SELF_KEY, alias_key, is_self, is_speaker, is_user
from kg.values import FactInput, Scope

_LITERAL = frozenset(
    (
        *("USES_VERSION", "HAS_STATUS", "CONFIGURED_AS", "REVISIT_WHEN", "FAILED_BECAUSE"),
        *("HAS_VERSION", "HAS_STATE", "HAS_VALUE", "SET_TO"),
    )
)
"""Predicates whose object is a value to read, never an entity."""
_ANYTHING = frozenset(("Thing", "Concept"))
"""Kinds of which a plain word may be; of any other kind, it is the name of a product, a place or a person."""
_ENTITY_MAX_WORDS = 8
_ENTITY_MAX_CHARS = 80
_VERSIONED_MAX_WORDS = 4


@dataclass(frozen=True)
class StatedName:
    """A name in a fact.

    Attributes:
        key: its alias key.
        name: as it was written.
        kind: the kind of thing that it stands for.
    """

    key: str
    name: str
    kind: str


def stated_keys(facts: Iterable[FactInput], speaker: str | None) -> set[str]:
    """Return the alias keys of all names in facts, and of the speaker."""
    keys = {alias_key(speaker)} if speaker else set[str]()
    return keys | {name.key for fact in facts for name in (subject_of(fact, speaker), object_of(fact, speaker)) if name}


def subject_of(fact: FactInput, speaker: str | None) -> StatedName | None:
    """Return the thing that a fact is about, or None if it names none."""
    if fact.subject is None:
        return None
    kind = fact.subject_kind or kind_of(fact.subject, fact.predicate, "subject")
    return _stated(fact.subject, speaker, kind, fact.subject_kind)


def object_of(fact: FactInput, speaker: str | None) -> StatedName | None:
    """Return the thing that is a fact's object, or None if it has no object or a literal value.

    Of a version that is the thing whose version it is: Node of "Node 22.11".
    """
    versioned = version_in(fact, speaker)
    if versioned is not None:
        return StatedName(versioned.key, versioned.name, fact.object_kind or "Tool")
    if fact.object is None or not object_is_entity(fact.predicate, fact.object, fact.object_kind):
        return None
    kind = fact.object_kind or kind_of(fact.object, fact.predicate, "object")
    return _stated(fact.object, speaker, kind, fact.object_kind)


def version_in(fact: FactInput, speaker: str | None) -> Versioned | None:
    """Return the thing and the version that a fact's object names, or None if it names no other thing in a version."""
    subject = subject_of(fact, speaker)
    found = find_versioned(fact.predicate, fact.object, subject.key) if subject is not None else None
    if found is None or len(found.name) > _ENTITY_MAX_CHARS or len(found.name.split()) > _VERSIONED_MAX_WORDS:
        return None
    return found


def _stated(name: str, speaker: str | None, kind: str, given: str | None) -> StatedName:
    """Return what a name in a fact means.

    "I" and "me" mean the speaker if the message names one, and the user otherwise. If the caller gave a kind that is
    no Person, they mean a thing of that kind: the class User is ``user concept``, not the person.
    """
    if given not in (None, "Person") and is_self(name):
        return StatedName(alias_key(f"{name} {given}"), name, kind)
    if is_user(name) or (is_speaker(name) and speaker is None):
        return StatedName(SELF_KEY, name, kind)
    meant = speaker if is_speaker(name) and speaker is not None else name
    return StatedName(name_key(meant, kind), meant, kind)


def name_key(name: str, kind: str) -> str:
    """Return the alias key of a name in a fact: a product's name that is a plain word, too, has two."""
    key = alias_key(name)
    return plain_key(key, name.strip()) if kind in _ANYTHING else key


def object_is_entity(predicate: str, value: str, given: str | None = None) -> bool:
    """Return whether an object is a thing with a name; a version, a quantity or a sentence is a literal value.

    Args:
        predicate: of the fact.
        value: the object.
        given: the kind that the caller gave; then what looks like a quantity is a thing of that kind.
    """
    if predicate in _LITERAL or len(value) > _ENTITY_MAX_CHARS:
        return False
    if "\n" in value or len(value.split()) > _ENTITY_MAX_WORDS or (given is None and is_quantity(value)):
        return False
    try:
        return bool(alias_key(value))
    except InvalidInput:
        return False


def claim_scope(predicate: str, scope: Scope) -> str:
    """Return where a claim is true: ``user`` for everywhere, ``project:NAME`` for one project (NAME may be empty)."""
    if predicates.lookup(predicate).scope == "user" or scope.project is None:
        return "user" if predicates.lookup(predicate).scope == "user" else "project:"
    return f"project:{scope.project}"


def literal_key(value: str) -> str:
    """Return the identity of a literal object; case, spacing and a full stop at the end do not matter."""
    return "value:" + " ".join(unicodedata.normalize("NFKC", value).casefold().split()).rstrip(".!")


def entity_key(uuid: str, version: str | None) -> str:
    """Return the identity of an object that is an entity, in one of its versions if one is said."""
    if version is None:
        return f"entity:{uuid}"
    return f"entity:{uuid}@" + " ".join(unicodedata.normalize("NFKC", version).casefold().split()).rstrip(".!")


def moved_key(object_key: str, uuid: str) -> str:
    """Return the identity of an object that is another entity now, in the same version."""
    _, at, version = object_key.partition("@")
    return f"entity:{uuid}{at}{version}"


def claim_key(scope: str, subject_uuid: str | None, predicate: str, object_key: str) -> str:
    """Return the identity of a claim, 32 hexadecimal digits. Facts with the same identity confirm each other."""
    parts = "\x1f".join((scope, subject_uuid or "", predicate, object_key))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]
