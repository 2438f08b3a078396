"""Entities that a question names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kg.graph import queries as graph_queries
from kg.graph.store import GraphStore
from kg.language.names import mentioned_keys
from kg.language.words import stem_terms


@dataclass(frozen=True)
class LinkedEntity:
    """An entity that a question names."""

    uuid: str
    name: str
    kind: str
    surface: str
    aliases: frozenset[str]


async def find_named(store: GraphStore, user_id: str, question: str) -> list[LinkedEntity]:
    """Return the entities that a question names, the longest names first."""
    surfaces = mentioned_keys(question)
    rows = await store.read(graph_queries.find_entities, user_id=user_id, keys=sorted(surfaces), uuids=[])
    linked: dict[str, LinkedEntity] = {}
    for key, row in sorted(((row["key"] or "", row) for row in rows), key=lambda found: -len(found[0])):
        linked.setdefault(
            row["uuid"],
            LinkedEntity(row["uuid"], row["name"], row["kind"], surfaces[key], frozenset(row["aliases"])),
        )
    return list(linked.values())


def without_people(question: str, linked: Sequence[LinkedEntity]) -> str:
    """Take linked people's names out of a question, so that its meaning is not the name; unless nothing is left."""
    rest = question
    for entity in linked:
        if entity.kind == "Person":
            rest = re.sub(rf"(?<!\w){re.escape(entity.surface)}(?:['\u2019]s)?(?!\w)", " ", rest)
    return rest if stem_terms(rest) else question
