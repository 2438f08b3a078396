"""Entities that a question names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kg.language.words import stem_terms
from kg.recall.queries import NamedEntity


@dataclass(frozen=True)
class LinkedEntity:
    """An entity that a question names."""

    uuid: str
    name: str
    kind: str
    surface: str
    aliases: frozenset[str]


def linked_entities(named: Sequence[NamedEntity], surfaces: Mapping[str, str]) -> list[LinkedEntity]:
    """Return the entities that a question names, the longest names first.

    Args:
        named: what the alias keys of the question stand for.
        surfaces: how the question writes each key.
    """
    linked: dict[str, LinkedEntity] = {}
    for row in sorted(named, key=lambda row: -len(row["key"])):
        linked.setdefault(
            row["uuid"],
            LinkedEntity(row["uuid"], row["name"], row["kind"], surfaces[row["key"]], frozenset(row["aliases"])),
        )
    return list(linked.values())


def without_people(question: str, linked: Sequence[LinkedEntity]) -> str:
    """Take linked people's names out of a question, so that its meaning is not the name; unless nothing is left."""
    rest = question
    for entity in linked:
        if entity.kind == "Person":
            rest = re.sub(rf"(?<!\w){re.escape(entity.surface)}(?:['\u2019]s)?(?!\w)", " ", rest)
    return rest if stem_terms(rest) else question
