"""What a value from outside is: JSON, a client's arguments, a foreign library's answer.

``isinstance`` alone leaves the type checker without the types of what is inside. These say them, in one place, so that
no caller has to claim a type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from kg.values import JsonObject


def is_object(value: object) -> TypeGuard[JsonObject]:
    """Whether it is a JSON object as ``json.loads`` gives one."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a JSON list as ``json.loads`` gives one."""
    return isinstance(value, list)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is an object, whatever class a caller made it of."""
    return isinstance(value, Mapping)


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list, or a tuple as Python's callers give it; a text is none."""
    return isinstance(value, list | tuple)


def as_object(value: object) -> JsonObject:
    """Return a JSON object as it is, and an empty one for anything else."""
    return value if is_object(value) else {}
