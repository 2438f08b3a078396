"""What a filter means, written once more, plainly, and metadata and filters to try it on."""

from __future__ import annotations

from random import Random
from typing import Any

STRINGS = ("a", "A", "ab", "b", "", "ä")
NUMBERS = (0, 1, 1.0, 2.5, -1)
SCALARS: tuple[Any, ...] = (*STRINGS, *NUMBERS, True, False, None)
KEYS = ("tags", "team", "n", "deep")
PATHS = (*KEYS, "deep.team", "deep.tags")
_SIZES = ("eq", "ne", "gt", "gte", "lt", "lte")


def matches(metadata: dict[str, Any], filters: dict[str, Any]) -> bool:
    """Whether a memory with this metadata passes the filter."""
    return all(_entry(metadata, key, value) for key, value in filters.items())


def _entry(metadata: dict[str, Any], key: str, value: Any) -> bool:
    if key == "AND":
        return all(matches(metadata, part) for part in value)
    if key == "OR":
        return any(matches(metadata, part) for part in value)
    if key == "NOT":
        return not any(matches(metadata, part) for part in value)
    found: Any = metadata
    for step in key.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    operators = value if isinstance(value, dict) else {"in": value} if isinstance(value, list) else {"eq": value}
    return all(_holds(found, operator, operand) for operator, operand in operators.items())


def _holds(found: Any, operator: str, operand: Any) -> bool:
    members = found if isinstance(found, list) else [found]
    if operator in ("ne", "nin"):
        return not _holds(found, {"ne": "eq", "nin": "in"}[operator], operand)
    if operator == "in":
        return any(_same(member, one) for member in members for one in operand)
    if operator == "eq":
        return any(_same(member, operand) for member in members)
    if operator == "contains":
        if isinstance(found, list):
            return any(_same(member, operand) for member in members)
        return isinstance(found, str) and isinstance(operand, str) and operand in found
    return any(_compares(member, operator, operand) for member in members)


def _same(one: Any, other: Any) -> bool:
    if _is_number(one) and _is_number(other):
        return one == other
    return type(one) is type(other) and one == other


def _compares(one: Any, operator: str, other: Any) -> bool:
    alike = (_is_number(one) and _is_number(other)) or (isinstance(one, str) and isinstance(other, str))
    return alike and {"gt": one > other, "gte": one >= other, "lt": one < other, "lte": one <= other}[operator]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def random_metadata(chance: Random) -> dict[str, Any]:
    """Metadata with scalars, lists of anything, and objects."""
    return {key: _value(chance, key) for key in KEYS if chance.random() < 0.7}


def _value(chance: Random, key: str) -> Any:
    if key == "deep":
        return {inner: _value(chance, inner) for inner in ("team", "tags") if chance.random() < 0.7}
    if key == "tags" or chance.random() < 0.2:
        more: tuple[Any, ...] = ({"x": 1}, ["a"])
        return [chance.choice((*SCALARS, *more)) for _ in range(chance.randint(0, 3))]
    return chance.choice(SCALARS)


def random_filter(chance: Random, depth: int = 2) -> dict[str, Any]:
    """A filter of one or two entries, nested at most ``depth`` deep."""
    filters: dict[str, Any] = {}
    for _ in range(chance.randint(1, 2)):
        if depth and chance.random() < 0.3:
            parts = [random_filter(chance, depth - 1) for _ in range(chance.randint(1, 2))]
            filters[chance.choice(("AND", "OR", "NOT"))] = parts
        else:
            filters[chance.choice(PATHS)] = _condition(chance)
    return filters


def _condition(chance: Random) -> Any:
    kind = chance.random()
    if kind < 0.4:
        return chance.choice(SCALARS)
    if kind < 0.6:
        return [chance.choice(SCALARS) for _ in range(chance.randint(0, 3))]
    operator = chance.choice((*_SIZES, "in", "nin", "contains"))
    if operator in ("in", "nin"):
        return {operator: [chance.choice(SCALARS) for _ in range(chance.randint(0, 3))]}
    if operator in ("gt", "gte", "lt", "lte"):
        return {operator: chance.choice((*STRINGS, *NUMBERS))}
    return {operator: chance.choice(SCALARS)}
