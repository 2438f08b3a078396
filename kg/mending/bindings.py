"""To what a fact should be bound, from what it names and what a hand has left of its bindings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kg.facts.claims import claim_key, entity_key, literal_key
from kg.graph.store import Row
from kg.mending.queries import BoundSide, FactBindings


@dataclass(frozen=True)
class _Bound:
    """The thing on one side of a fact, and the name by which the fact calls it."""

    uuid: str
    key: str | None


def rebound(fact: FactBindings, own: Mapping[str, str]) -> Row:
    """Return a fact's subject, object and claim, as ``bind_facts`` takes them.

    A relationship that is there counts more than a uuid in a property, since it is what a person sees. A thing that was
    merged stands for what it was merged into. A side whose thing is gone is left empty; the statement says it still.

    Args:
        fact: what it names and what it is bound to.
        own: the user's things by alias key, for what is bound to another user's.
    """
    subject = _side(fact, "SUBJECT", fact["subject_uuid"], own)
    thing = _side(fact, "OBJECT", fact["object_uuid"], own)
    value = fact["object_value"]
    version = fact["version"] if thing else None
    said = value if value is not None else fact["statement"]
    key = entity_key(thing.uuid, version) if thing else literal_key(said)
    return {
        "uuid": fact["uuid"],
        "subject_uuid": subject.uuid if subject else None,
        "subject_key": subject.key if subject else None,
        "object_uuid": thing.uuid if thing else None,
        "object_name_key": thing.key if thing else None,
        "object_key": key,
        "version": version,
        "claim_key": claim_key(fact["scope"], subject.uuid if subject else None, fact["predicate"], key),
    }


def _side(fact: FactBindings, kind: str, named_uuid: str | None, own: Mapping[str, str]) -> _Bound | None:
    bound = [side for side in fact["sides"] if side["type"] == kind]
    usable = sorted((side for side in bound if side["root"]), key=lambda side: side["bound_uuid"] != named_uuid)
    if usable:
        return _Bound(str(usable[0]["root"]), _key(usable[0]))
    for side in bound:
        name = side["name_key"]
        if name is not None and name in own:
            return _Bound(own[name], name)
    named = next((thing for thing in fact["named"] if thing["bound_uuid"] == named_uuid), None)
    return _Bound(named["root"], min(named["keys"], default=None)) if named else None


def _key(side: BoundSide) -> str | None:
    return side["name_key"] if side["name_key"] in side["keys"] else min(side["keys"], default=None)
