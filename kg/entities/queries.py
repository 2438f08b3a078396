"""The queries of entities and their names."""

from __future__ import annotations

from typing import TypedDict

from kg.facts.queries import ClaimedFact
from kg.graph.queries import Node
from kg.graph.query import Command, Query


class FoundName(TypedDict):
    """The entity that an alias key stands for; ``undecided``: it is not known yet whether it means a known one."""

    key: str
    uuid: str
    kind: str
    undecided: bool


class EntityCandidate(TypedDict):
    """An entity that a new name may mean, with some statements about it."""

    uuid: str
    name: str
    kind: str
    aliases: list[str]
    statements: list[str]


class Namesake(TypedDict):
    """An entity that has the name of a new one in another spelling; ``new`` is the new one's uuid."""

    new: str
    uuid: str
    name: str
    kind: str
    aliases: list[str]


class Namesakes(TypedDict):
    """The namesakes of several new entities."""

    namesakes: list[Namesake]


class Contends(TypedDict):
    """Whether standing facts may contradict new ones."""

    contend: bool


class MovingFact(ClaimedFact):
    """A fact of a merged entity and the sides of it that move; None where it has no such side."""

    object_key: str
    moves_subject: bool | None
    moves_object: bool | None


class ReturningFact(ClaimedFact):
    """A fact of a merged entity and the sides of it that move back."""

    object_key: str
    moves_subject: bool
    moves_object: bool


class MergeContext(TypedDict):
    """What a merge must know: where both entities lead, and the names and facts of the source."""

    source_root: str
    target_root: str
    keys: list[str]
    facts: list[MovingFact]


class UnmergeContext(TypedDict):
    """What undoing a merge must know: where the names went, and the facts that were stated by them."""

    root: str
    keys: list[str]
    facts: list[ReturningFact]


class Orphans(TypedDict):
    """Entities that were removed because nothing names them any more, and those that were kept."""

    removed: list[str]
    kept: list[str]


class RemainingNames(TypedDict):
    """The names by which an entity is still mentioned, the most used one first, and its kinds."""

    uuid: str
    names: list[str]
    kinds: list[str]


class Sameness(TypedDict):
    """A fact that says that two things are one."""

    uuid: str
    subject_uuid: str
    object_uuid: str
    current: bool


class MergeByFact(TypedDict):
    """A merge whose fact may have fallen; ``said_by``: another current fact that says the same."""

    source: str
    said_by: str | None


told_apart = Query("told_apart", Node)
find_names = Query("find_names", FoundName)
may_contend = Query("may_contend", Contends)
resolution_candidates = Query("resolution_candidates", EntityCandidate)
namesakes = Query("namesakes", Namesakes)

merge_context = Query("merge_context", MergeContext)
create_merge = Command("create_merge")
sameness = Query("sameness", Sameness)
merges_by_fact = Query("merges_by_fact", MergeByFact)
rest_merge = Command("rest_merge")
unmerge_context = Query("unmerge_context", UnmergeContext)
delete_merge = Command("delete_merge")
move_aliases = Command("move_aliases")
move_facts = Command("move_facts")

delete_orphans = Query("delete_orphans", Orphans)
remaining_names = Query("remaining_names", RemainingNames)
rename_entities = Command("rename_entities")
