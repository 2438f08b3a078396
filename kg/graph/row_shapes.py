"""Rows in the shape that the code expects, whatever a person made of the nodes in Neo4j Browser.

A query's TypedDict says what its rows look like. A value of another type is read as what it means, or as nothing known.
What has no uuid of its own cannot be shown or changed, so it is left out of its list. So one bad node spoils no answer.

``created_at: "2024-05-01"`` becomes ``datetime(2024, 5, 1, tzinfo=UTC)``
``created_at`` that is missing becomes ``UNKNOWN_START``, which is shown as no date
``text: 42`` becomes ``"42"``, and ``metadata`` that is missing becomes ``""``
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, NotRequired, TypeVar, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from kg.narrow import is_list, is_object
from kg.values import UNKNOWN_START

Fix = Callable[[object], object]
"""Returns a value in the shape of its place, the value itself if it has that shape, or ``LEFT_OUT``."""

LEFT_OUT = object()
"""Stands for a map that cannot be used, since it does not say which node it is of."""

T = TypeVar("T")

_ABSENT = object()
_IDENTITIES = frozenset(("uuid", "id"))


@cache
def fix_for(shape: Any) -> Fix:
    """Return what brings values into a shape: a scalar type, ``list[…]``, ``… | None``, a Literal or a TypedDict.

    Raises:
        TypeError: it is of none of these kinds.
    """
    if shape in _SCALARS:
        return _SCALARS[shape]
    if is_typeddict(shape):
        return _map_fix(shape)
    origin = get_origin(shape)
    if origin is list:
        return _list_fix(fix_for(get_args(shape)[0]))
    if origin is Literal:
        return _choice_fix(get_args(shape))
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(shape) if part is not type(None))
        return _optional_fix(inner)
    if shape is Any or shape is object or origin is dict:
        return _as_it_is
    raise TypeError(f"rows hold scalars, times, lists and maps, not {shape}")


def fixed(shape: type[T], value: object) -> T:
    """Return a value in a shape that a list need not leave out: a scalar, or a map without an identity."""
    return cast("T", fix_for(shape)(value))


def optional_keys(shape: Any) -> frozenset[str]:
    """Return the keys that a TypedDict's maps may lack."""
    marked = get_type_hints(shape, include_extras=True)
    return frozenset(key for key, hint in marked.items() if get_origin(hint) is NotRequired)


def _as_it_is(value: object) -> object:
    return value


def _text(value: object) -> object:
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str)


def _whole(value: Any) -> object:
    if type(value) is int:
        return value
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _number(value: Any) -> object:
    if type(value) is float:
        return value
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _flag(value: object) -> object:
    return value if type(value) is bool else str(value).casefold() == "true"


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value
    found = _read_instant(value)
    return UNKNOWN_START if found is None else found


def _read_instant(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip().partition("[")[0])
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


_SCALARS: dict[Any, Fix] = {str: _text, int: _whole, float: _number, bool: _flag, datetime: _instant}


def _optional_fix(shape: Any) -> Fix:
    inner = fix_for(shape)

    def fix(value: object) -> object:
        if value is None:
            return None
        if shape is datetime:
            return _read_instant(value)
        fixed = inner(value)
        return None if fixed is LEFT_OUT else fixed

    return fix


def _choice_fix(choices: tuple[object, ...]) -> Fix:
    return lambda value: value if value in choices else choices[0]


def _list_fix(inner: Fix) -> Fix:
    def fix(value: object) -> object:
        if not is_list(value):
            return []
        fixed = [inner(item) for item in value]
        return [item for item in fixed if item is not LEFT_OUT]

    return fix


def _map_fix(shape: Any) -> Fix:
    hints = get_type_hints(shape)
    required = hints.keys() - optional_keys(shape)
    fixes = [(key, fix_for(hint), key in required) for key, hint in hints.items()]
    identities = [key for key in _IDENTITIES & required if hints[key] is str]

    def fix(value: object) -> object:
        if not is_object(value):
            return LEFT_OUT
        row = value
        for key in identities:
            if type(row.get(key)) is not str:
                return LEFT_OUT
        for key, inner, needed in fixes:
            item = row.get(key, _ABSENT)
            if item is _ABSENT:
                if not needed:
                    continue
                item = None
            fixed = inner(item)
            if fixed is LEFT_OUT:
                return LEFT_OUT
            if fixed is not item or item is None:
                row[key] = fixed
        return row

    return fix
