"""Values of reports as JSON can hold them: nodes, relationships and paths too, since people write own reports."""

from __future__ import annotations

from datetime import datetime

from neo4j.graph import Node, Path, Relationship

from kg.graph.python_values import native
from kg.narrow import is_list, is_object


def show(value: object) -> object:
    """Return a value as JSON can hold it.

    An instant becomes ISO text in UTC, a node its labels with its properties, a relationship its type with its own.
    """
    if is_object(value):
        return {key: show(item) for key, item in value.items()}
    if isinstance(value, Path):
        return [show(part) for part in (*value.nodes, *value.relationships)]
    if is_list(value):
        return [show(part) for part in value]
    if isinstance(value, Node | Relationship):
        what = {"labels": sorted(value.labels)} if isinstance(value, Node) else {"type": value.type}
        return {**what, **{key: show(item) for key, item in value.items()}}
    plain = native(value, frozenset())
    return plain.isoformat() if isinstance(plain, datetime) else plain
