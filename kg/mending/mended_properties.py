"""The properties that a node should have, from what a person left of it. Pure: no store, no clock.

What is there and usable stays as it is. The rest follows from the words of the node, or is what a new node would have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kg.facts.claims import claim_scope
from kg.facts.predicates import FALLBACK, THING, normalise
from kg.graph import nodes
from kg.graph.node_names import fact_name, memory_name
from kg.graph.row_shapes import fixed, optional_keys
from kg.graph.store import Row
from kg.language.lucene import user_key
from kg.language.words import content_hash, split_terms
from kg.validate import metadata
from kg.values import UNKNOWN_START, Scope

Raw = Mapping[str, Any]
"""Properties of a node, of any type."""

_SIDES = ("subject_uuid", "object_uuid", "object_value", "object_key", "claim_key")
"""Properties of a fact that follow from what it is bound to."""
_WORDLESS = "(no words)"


def sound_memory(raw: Raw, now: datetime, seq: int) -> Row:
    """Return the properties that a memory lacks or has of a wrong type.

    Args:
        raw: its properties.
        now: when it was stored, if it does not say.
        seq: its number, if it has none.
    """
    read = fixed(nodes.Memory, dict(raw))
    text = read["text"] or _WORDLESS
    created = _known(read["created_at"], read["occurred_at"], now)
    whole = {
        **_optional(raw, read, nodes.Memory),
        "name": memory_name(text),
        "text": text,
        "terms": split_terms(text),
        "user_key": user_key(read["user_id"]),
        "content_hash": content_hash(text),
        "kind": read["kind"] if read["kind"] in ("note", "message") else "message" if raw.get("role") else "note",
        "metadata": _metadata(raw.get("metadata")),
        "bulk": read["bulk"],
        "occurred_at": _known(read["occurred_at"], created),
        "created_at": created,
        "updated_at": _known(read["updated_at"], created),
        "seq": _number(raw.get("seq"), seq),
        "index_rev": _number(raw.get("index_rev"), 0) + 1,
        "extraction": read["extraction"] or "skipped",
        "noise": read["noise"],
        "recall_count": read["recall_count"],
    }
    return _changes(raw, whole)


def sound_version(raw: Raw, now: datetime) -> Row:
    """Return the properties that a version of a memory lacks or has of a wrong type."""
    text = _text(raw.get("text"))
    created = _known(_instant(raw.get("created_at")), _instant(raw.get("occurred_at")), now)
    whole: Row = {
        "name": memory_name(text),
        "text": text,
        "metadata": _metadata(raw.get("metadata")),
        "occurred_at": _known(_instant(raw.get("occurred_at")), created),
        "created_at": created,
        "replaced_at": _known(_instant(raw.get("replaced_at")), now),
    }
    return _changes(raw, whole)


def sound_fact(raw: Raw, owner: Raw | None, now: datetime, seq: int) -> Row:
    """Return the properties that a fact lacks or has of a wrong type, except what follows from its sides.

    Args:
        raw: its properties.
        owner: properties of the memory that states it, None where none does.
        now: when it was stored, if it does not say.
        seq: its number, if it has none.
    """
    read = fixed(nodes.Fact, dict(raw))
    told = owner or {}
    statement = read["statement"] or _text(raw.get("text"))
    predicate = normalise(read["predicate"] or FALLBACK)
    project = told.get("project") if isinstance(told.get("project"), str) else None
    created = _known(read["created_at"], now)
    dated = read["valid_at"] != UNKNOWN_START
    whole = {
        **_optional(raw, read, nodes.Fact),
        "name": fact_name(statement),
        "statement": statement,
        "predicate": predicate,
        "scope": read["scope"] or claim_scope(predicate, Scope(read["user_id"], project=project)),
        "valid_at": read["valid_at"] if dated else _known(_instant(told.get("occurred_at")), created),
        "valid_from_source": read["valid_from_source"] or ("stated" if dated else "created"),
        "created_at": created,
        "seq": _number(raw.get("seq"), seq),
        "origin": read["origin"] or "caller",
        "index_rev": _number(raw.get("index_rev"), 0) + 1,
        "object_key": read["object_key"],
        "claim_key": read["claim_key"],
    }
    return _changes(raw, whole)


def sound_entity(raw: Raw, now: datetime) -> Row:
    """Return the properties that a thing lacks or has of a wrong type, except its kind."""
    name = _text(raw.get("name"))
    whole: Row = {
        "user_key": user_key(_text(raw.get("user_id"))),
        "name": name,
        "terms": split_terms(name),
        "kind": raw["kind"] if isinstance(raw.get("kind"), str) else THING,
        "created_at": _known(_instant(raw.get("created_at")), now),
        "index_rev": _number(raw.get("index_rev"), 0) + 1,
    }
    return _changes(raw, whole)


def sound_job(raw: Raw, now: datetime) -> Row:
    """Return the properties that a job lacks or has of a wrong type."""
    read = fixed(nodes.Job, dict(raw))
    whole = {
        **_optional(raw, read, nodes.Job),
        "attempt": read["attempt"],
        "created_at": _known(read["created_at"], now),
    }
    return _changes(raw, whole)


def _changes(raw: Raw, whole: Row) -> Row:
    return {key: value for key, value in whole.items() if type(raw.get(key)) is not type(value) or raw[key] != value}


def _optional(raw: Raw, read: Mapping[str, object], shape: type) -> Row:
    """Return the properties that a node need not have, as they can be read; what cannot be is removed."""
    had = {key: read.get(key) for key in optional_keys(shape) if raw.get(key) is not None}
    return {key: None if value == UNKNOWN_START else value for key, value in had.items()}


def _known(*instants: datetime | None) -> datetime:
    """Return the first instant that is known."""
    return next((at for at in instants if at is not None and at != UNKNOWN_START), UNKNOWN_START)


def _instant(value: object) -> datetime:
    return fixed(datetime, value)


def _text(value: object) -> str:
    return fixed(str, value) or _WORDLESS


def _number(value: object, otherwise: int) -> int:
    return value if type(value) is int else otherwise


def _metadata(value: object) -> str:
    """Return metadata as JSON; what a person wrote that is no JSON object is kept under the key ``note``."""
    if isinstance(value, str) and (metadata(value) or value.strip() in ("{}", "")):
        return value if value.strip() else "{}"
    return "{}" if value is None else json.dumps({"note": value}, ensure_ascii=False, default=str)
