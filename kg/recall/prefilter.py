"""What the index can leave out ahead of a filter: memories that the filter cannot let through.

The invariant: whatever passes the filter passes this too. The filter itself is applied later, when the graph was read.
But the index returns a limited number of memories, and those that are left out here take no place among them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeGuard

from kg.language.times import Span
from kg.ports import InstantField, Scalar, TimeRange
from kg.recall.filters import Condition, Filter

MAX_INDEXED_CHARS = 256

OwnKeyword = Literal["agent_id", "run_id", "project"]

_KEYWORDS: tuple[OwnKeyword, ...] = ("agent_id", "run_id", "project")
_INSTANTS: Mapping[str, InstantField] = {"occurred_at": "valid_at", "created_at": "created_at"}
_PLAIN_KEY = re.compile(r"[\w-]+")
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Narrowing:
    """Conditions that every match of a filter fulfils.

    Attributes:
        keywords: the memory's own fields that have one value.
        metadata: keys at the top of the metadata: a value that they have, or several of which they have one.
        ranges: between which instants a memory was said or stored.
    """

    keywords: Mapping[OwnKeyword, str] = field(default_factory=dict["OwnKeyword", str])
    metadata: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict[str, "Scalar | Sequence[Scalar]"])
    ranges: Sequence[TimeRange] = ()


def narrow(asked: Filter) -> Narrowing:
    """Return what the index is narrowed by.

    Of metadata only values of at most ``MAX_INDEXED_CHARS``. An index that is narrowed by them must hold every such
    value, and such members of lists, and must take 1 and 1.0 for the same.
    """
    keywords: dict[OwnKeyword, str] = {}
    metadata: dict[str, Scalar | Sequence[Scalar]] = {}
    ranges: list[TimeRange] = []
    for condition in asked.required():
        if not condition.own:
            value = _indexed_value(condition)
            if value is not None:
                metadata.setdefault(condition.key, value)
        elif condition.key in _INSTANTS and isinstance(condition.operand, Span):
            ranges += _ranges(_INSTANTS[condition.key], condition.operator, condition.operand)
        elif condition.operator == "eq" and isinstance(condition.operand, str):
            keywords |= {name: condition.operand for name in _KEYWORDS if name == condition.key}
    return Narrowing(keywords, metadata, tuple(ranges))


def _ranges(name: InstantField, operator: str, span: Span) -> list[TimeRange]:
    match operator:
        case "eq":
            return [TimeRange(name, span.first, span.last)]
        case "gte":
            return [TimeRange(name, span.first, None)]
        case "lte":
            return [TimeRange(name, None, span.last)]
        case "gt":
            return [TimeRange(name, span.last + _TICK, None)]
        case "lt":
            return [TimeRange(name, None, span.first - _TICK)]
        case _:
            return []


def _indexed_value(condition: Condition) -> Scalar | Sequence[Scalar] | None:
    if not _PLAIN_KEY.fullmatch(condition.key):
        return None
    if condition.operator == "eq":
        return condition.operand if _is_indexable(condition.operand) else None
    if condition.operator == "in":
        values = [choice for choice in condition.choices if _is_indexable(choice)]
        return values if values and len(values) == len(condition.choices) else None
    return None


def _is_indexable(value: object) -> TypeGuard[Scalar]:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= MAX_INDEXED_CHARS)
