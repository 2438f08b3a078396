"""The filter language of searches and listings: mem0's operators over a memory's fields and its metadata.

``{"category": "bug", "created_at": {"gte": "2024-05-01"}, "OR": [{"team": {"in": ["api"]}}, {"NOT": {"x": "*"}}]}``

The invariant: a filter that has been parsed never fails on any memory. Values of different types are simply not equal
and not comparable (``ne`` and ``nin`` are then true), and true and false are no numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kg.errors import InvalidInput, KgError
from kg.language.remotes import normalise_project
from kg.language.times import Span, parse_span
from kg.narrow import is_list, is_mapping, is_sequence
from kg.validate import check_key, composed

MAX_DEPTH = 8
MAX_CONDITIONS = 100
MAX_LIST = 1_000
MAX_OPERAND_CHARS = 4_096

OPERATORS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "contains", "icontains")
LOGICAL = ("AND", "OR", "NOT")

TIME_FIELDS = frozenset(("created_at", "updated_at", "occurred_at", "last_recalled_at"))
_RENAMED = {"memory": "text", "memory_id": "id", "uuid": "id", "hash": "content_hash"}
OWN_FIELDS = TIME_FIELDS | {
    *("id", "text", "user_id", "agent_id", "run_id", "project", "role", "kind"),
    *("noise", "extraction", "recall_count", "content_hash"),
}
"""A memory's own fields; they win over metadata of the same name, which ``metadata.`` before the key still reaches."""

_SCOPE_FIELDS = frozenset(("user_id", "agent_id", "run_id", "project"))
_PREFIX = "metadata."
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_ABSENT = object()


@dataclass(frozen=True)
class Condition:
    """One comparison; ``key`` is a field's name where ``own``, else a dotted path into the metadata."""

    key: str
    own: bool
    operator: str
    operand: object

    @property
    def choices(self) -> Sequence[object]:
        """The values of ``in``, or the one of any other operator."""
        return _choices(self.operand)

    def matches(self, fields: Mapping[str, object], metadata: Mapping[str, object]) -> bool:
        """Return whether a memory with these fields and this metadata passes."""
        found = fields.get(self.key, _ABSENT) if self.own else _find(metadata, self.key)
        value = None if found is _ABSENT else found
        if self.own and self.key in TIME_FIELDS:
            span = _span(value)
            value = span and span.first
        return _OPERATIONS[self.operator](value, self.operand)


@dataclass(frozen=True)
class _Group:
    """Conditions under one word; NOT means that none of them holds."""

    word: Literal["AND", "OR", "NOT"]
    members: tuple[Condition | _Group, ...]

    def matches(self, fields: Mapping[str, object], metadata: Mapping[str, object]) -> bool:
        results = (member.matches(fields, metadata) for member in self.members)
        if self.word == "AND":
            return all(results)
        return any(results) if self.word == "OR" else not any(results)


@dataclass(frozen=True)
class Filter:
    """A checked filter; without conditions it matches everything."""

    root: _Group

    def __bool__(self) -> bool:
        return bool(self.root.members)

    def matches(self, memory_fields: Mapping[str, object], metadata: Mapping[str, object]) -> bool:
        """Return whether a memory passes.

        Args:
            memory_fields: values by the names of ``OWN_FIELDS``, times as ``datetime`` or ISO 8601; absent is null.
            metadata: the memory's metadata as parsed JSON.
        """
        return self.root.matches(memory_fields, metadata)

    def names(self, field: str) -> bool:
        """Return whether any condition is about one of the memory's own fields."""
        return any(condition.own and condition.key == field for condition in _conditions(self.root))

    def user(self) -> str | None:
        """Return the user of every match, if the filter names one."""
        for condition in self.required():
            if condition.own and condition.key == "user_id" and condition.operator in ("eq", "in"):
                named = condition.choices
                if len(named) == 1 and isinstance(named[0], str):
                    return named[0]
        return None

    def required(self) -> Iterator[Condition]:
        """Yield the conditions that every match fulfils."""
        return _required(self.root)


def parse_filters(filters: object, field: str = "filters") -> Filter:
    """Check a filter as the caller wrote it.

    ``{"key": value}`` means ``eq``, a list ``in``, ``"*"`` that there is any value; several operators or keys must all
    hold. A metadata value that is a list satisfies a comparison if any member does. Times compare as instants; a day,
    month or year is the whole of it: ``lte`` takes in its last instant, and ``gt`` begins after it.

    Raises:
        InvalidInput: anything that is not of the language, with the path to it.
    """
    if filters is None:
        return Filter(_Group("AND", ()))
    parser = _Parser()
    return Filter(_Group("AND", tuple(parser.parse_object(field, filters, 0))))


class _Parser:
    def __init__(self) -> None:
        self._conditions = 0

    def parse_object(self, path: str, value: object, depth: int) -> Iterator[Condition | _Group]:
        if depth > MAX_DEPTH:
            raise InvalidInput(path, "deeper nesting", f"nest at most {MAX_DEPTH} levels of AND, OR and NOT")
        if not is_mapping(value):
            raise InvalidInput(path, value, 'give an object such as {"category": "bug"}')
        for key, member in value.items():
            name = check_key(f"{path} key", key)
            here = f"{path}.{name}"
            if name in LOGICAL:
                yield self._parse_group(here, name, member, depth)
            elif name.upper() in LOGICAL:
                raise InvalidInput(here, name, f"write {name.upper()} in capitals, or metadata.{name} for such a key")
            else:
                yield from self._parse_key(here, name, member)

    def _parse_group(self, path: str, word: Literal["AND", "OR", "NOT"], value: object, depth: int) -> _Group:
        members = value if is_list(value) else [value] if is_mapping(value) and word != "OR" else []
        if not members:
            raise InvalidInput(path, value, 'give a list of objects such as [{"category": "bug"}]')
        return _Group(
            word,
            tuple(
                _Group("AND", tuple(self.parse_object(f"{path}[{i}]", member, depth + 1)))
                for i, member in enumerate(members)
            ),
        )

    def _parse_key(self, path: str, name: str, value: object) -> Iterator[Condition]:
        own_name = _RENAMED.get(name, name)
        own = own_name in OWN_FIELDS
        key = own_name if own else name.removeprefix(_PREFIX)
        if not key:
            raise InvalidInput(path, name, "name a metadata key after metadata.")
        if not is_mapping(value):
            yield self._condition(path, key, own, "in" if is_list(value) else "eq", value)
            return
        if not value:
            raise InvalidInput(path, value, "give an operator: " + ", ".join(OPERATORS))
        for operator, operand in value.items():
            if operator not in OPERATORS:
                raise InvalidInput(path, operator, "use one of " + ", ".join(OPERATORS))
            yield self._condition(f"{path}.{operator}", key, own, str(operator), operand)

    def _condition(self, path: str, key: str, own: bool, operator: str, value: object) -> Condition:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise InvalidInput(path, "one condition too many", f"give at most {MAX_CONDITIONS} conditions")
        if own and key in _SCOPE_FIELDS:
            value = [_scope_value(key, one) for one in value] if is_list(value) else _scope_value(key, value)
        if value == "*" and operator in ("eq", "ne"):
            return Condition(key, own, "ne" if operator == "eq" else "eq", None)
        timed = own and key in TIME_FIELDS
        if operator in ("in", "nin"):
            if not is_list(value) or len(value) > MAX_LIST:
                raise InvalidInput(path, value, f"give a list of at most {MAX_LIST} values")
            choices = tuple(_check_operand(f"{path}[{i}]", member, timed) for i, member in enumerate(value))
            return Condition(key, own, operator, choices)
        if operator in ("contains", "icontains") and timed:
            raise InvalidInput(path, value, "compare times with eq, ne, gt, gte, lt or lte")
        if operator in ("gt", "gte", "lt", "lte") and not timed and (isinstance(value, bool) or value is None):
            raise InvalidInput(path, value, "compare with a number, a date or a string")
        return Condition(key, own, operator, _check_operand(path, value, timed))


def _scope_value(key: str, value: object) -> object:
    """Return a value of a scope as it is stored, and a project in its one spelling."""
    if not isinstance(value, str):
        return value
    given = composed(value)
    return normalise_project(given) if key == "project" else given


def _check_operand(path: str, value: object, timed: bool) -> object:
    if timed and value is not None:
        return parse_span(path, value)
    if not (value is None or isinstance(value, str | int | float)) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise InvalidInput(path, value, "give a string, a finite number, true, false or null")
    if isinstance(value, str) and len(value) > MAX_OPERAND_CHARS:
        raise InvalidInput(path, value, f"give at most {MAX_OPERAND_CHARS} characters")
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidInput(path, value, "remove the lone surrogate (half of a character)")
    return value


def _conditions(group: _Group) -> Iterator[Condition]:
    """Yield every condition, at any depth."""
    for member in group.members:
        if isinstance(member, Condition):
            yield member
        else:
            yield from _conditions(member)


def _required(group: _Group) -> Iterator[Condition]:
    """Yield the conditions that every match fulfils."""
    for member in group.members:
        if isinstance(member, Condition):
            yield member
        elif member.word == "AND" or (member.word == "OR" and len(member.members) == 1):
            yield from _required(member)


def _find(metadata: Mapping[str, object], path: str) -> object:
    """Return the value at a dotted path; a key that itself contains the dots comes first."""
    if path in metadata:
        return metadata[path]
    head, dot, rest = path.partition(".")
    while dot:
        inner = metadata.get(head)
        if is_mapping(inner):
            found = _find(inner, rest)
            if found is not _ABSENT:
                return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return _ABSENT


def _span(value: object) -> Span | None:
    try:
        return parse_span("time", value)
    except KgError:
        return None


def _members(value: object) -> Sequence[object]:
    return value if is_list(value) else (value,)


def _same(value: object, operand: object) -> bool:
    if isinstance(value, bool) or isinstance(operand, bool):
        return value is operand
    if isinstance(value, int | float) and isinstance(operand, int | float):
        return value == operand
    if isinstance(operand, Span):
        return _order(value, operand) == 0
    return type(value) is type(operand) and value == operand


def _equals(value: object, operand: object) -> bool:
    return any(_same(member, operand) for member in _members(value))


def _is_in(value: object, operand: object) -> bool:
    return any(_equals(value, choice) for choice in _choices(operand))


def _choices(operand: object) -> Sequence[object]:
    return operand if is_sequence(operand) else (operand,)


def _compares(test: Callable[[int], bool]) -> Callable[[object, object], bool]:
    def compare(value: object, operand: object) -> bool:
        return any((sign := _order(member, operand)) is not None and test(sign) for member in _members(value))

    return compare


def _order(left: object, right: object) -> int | None:
    """Return -1, 0 or 1, or None where the two cannot be compared; 0 also where ``right`` names a span around ``left``.

    Strings that are dates compare as instants: an instant of a day is not after that day, nor before it.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    if isinstance(left, int | float) and isinstance(right, int | float):
        return (left > right) - (left < right)
    if isinstance(left, str) and isinstance(right, str):
        dated = _DAY.fullmatch(left) is not None and _DAY.fullmatch(right) is not None
        named = (_span(left), _span(right)) if dated else (None, None)
        if named[0] and named[1]:
            return _order(named[0].first, named[1])
        return (left > right) - (left < right)
    if isinstance(left, datetime) and isinstance(right, Span):
        return (left > right.last) - (left < right.first)
    return None


def _contains(value: object, operand: object) -> bool:
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    return is_list(value) and _equals(value, operand)


def _icontains(value: object, operand: object) -> bool:
    if is_list(value):
        return any(_lower(member) == _lower(operand) for member in value)
    return isinstance(value, str) and isinstance(operand, str) and operand.casefold() in value.casefold()


def _lower(value: object) -> object:
    return value.casefold() if isinstance(value, str) else (type(value), value)


_OPERATIONS: Mapping[str, Callable[[object, object], bool]] = {
    "eq": _equals,
    "ne": lambda value, operand: not _equals(value, operand),
    "gt": _compares(lambda sign: sign > 0),
    "gte": _compares(lambda sign: sign >= 0),
    "lt": _compares(lambda sign: sign < 0),
    "lte": _compares(lambda sign: sign <= 0),
    "in": _is_in,
    "nin": lambda value, operand: not _is_in(value, operand),
    "contains": _contains,
    "icontains": _icontains,
}
