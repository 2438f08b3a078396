"""The queries that mend what hands broke. Each looks at every node of a user: a broken node is in no index."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from kg.graph.query import Command, Query


class RawNode(TypedDict):
    """A node as it is; ``owner``: the properties of the memory that states a fact."""

    uuid: str
    labels: list[str]
    properties: dict[str, Any]
    owner: dict[str, Any] | None


class BoundSide(TypedDict):
    """What a fact is bound to; ``root`` is what that was merged into, None for another user's."""

    type: str
    name_key: str | None
    bound_uuid: str | None
    root: str | None
    keys: list[str]


class NamedThing(TypedDict):
    """A thing that a fact names by uuid; ``root`` is what it was merged into."""

    bound_uuid: str
    root: str
    keys: list[str]


class FactBindings(TypedDict):
    """What a fact names and what it is bound to."""

    uuid: str
    scope: str
    predicate: str
    statement: str
    object_value: str | None
    version: str | None
    subject_uuid: str | None
    object_uuid: str | None
    sides: list[BoundSide]
    named: list[NamedThing]


class NamelessEntity(TypedDict):
    """A thing without a name; ``keys`` are those by which facts call it, ``owners`` the memories that state those."""

    uuid: str
    name: str
    kind: str
    keys: list[str]
    owners: list[str]


class ForeignName(TypedDict):
    """Another user's name that a user's memories use."""

    key: str
    name: str
    kind: str


class LastCheck(TypedDict):
    """When the rules were looked at last; ``broken``: how many nodes broke each, as JSON."""

    checked_at: datetime | None
    broken: str | None


class MadeByHand(TypedDict):
    """How many memories a person made by hand; ``unnumbered``: those of them without a number."""

    memories: int
    unnumbered: int


count_by_hand = Query("count_by_hand", MadeByHand)
last_check = Query("last_check", LastCheck)
record_check = Command("record_check")
mend_partition = Command("mend_partition")
mend_uuids = Command("mend_uuids")
mend_labels = Command("mend_labels")
raw_nodes = Query("raw_nodes", RawNode)
set_properties = Command("set_properties")
mend_kinds = Command("mend_kinds")
mend_expiry = Command("mend_expiry")
mend_owners = Command("mend_owners")
mend_decisions = Command("mend_decisions")
mend_merges = Command("mend_merges")
mend_aliases = Command("mend_aliases")
nameless_entities = Query("nameless_entities", NamelessEntity)
name_entities = Command("name_entities")
fact_bindings = Query("fact_bindings", FactBindings)
bind_facts = Command("bind_facts")
adopt_owned = Command("adopt_owned")
foreign_names = Query("foreign_names", ForeignName)
use_own_names = Command("use_own_names")
mend_conversations = Command("mend_conversations")
renumber = Command("renumber")
link_facts = Command("link_facts")
delete_idle_jobs = Command("delete_idle_jobs")
take_away = Command("take_away")
