"""The driver's values in Python's own types: instants as aware UTC datetimes, and nothing that JSON cannot hold.

``DateTime(2024, 1, 2, 12, tzinfo=+02:00)`` becomes ``datetime(2024, 1, 2, 10, tzinfo=UTC)``
``"2024-01-02T12:00+02:00[Europe/Paris]"`` becomes the same, below a key that is said to hold instants
``Date(2024, 1, 2)``, which only a person writes, becomes ``"2024-01-02"``
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

from kg.narrow import is_list, is_object

_PLAIN = frozenset((str, int, float, bool, type(None)))


def native_map(items: Iterable[tuple[str, object]], instants: frozenset[str]) -> dict[str, Any]:
    """Return a row or a map in Python's own types.

    Args:
        items: its keys and values, as the driver gives them.
        instants: keys that hold an instant as text (ISO 8601), at any depth.
    """
    return {
        key: _instant(item) if key in instants and type(item) is str else native(item, instants) for key, item in items
    }


def native(value: object, instants: frozenset[str]) -> object:
    """Turn the driver's instants into aware UTC datetimes, in nested lists and maps too.

    People may add values of other kinds in Neo4j Browser. Those must not stop a query.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, DateTime):
        return _in_utc(value.to_native())
    if is_object(value):
        return native_map(value.items(), instants)
    if is_list(value):
        return [native(item, instants) for item in value]
    return _foreign(value)


def _instant(text: str) -> datetime | str:
    """Read an instant that ``toString`` wrote, as an aware UTC datetime; return any other text as it is."""
    try:
        return _in_utc(datetime.fromisoformat(text.partition("[")[0]))  # without the name of its zone
    except ValueError:
        return text


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _foreign(value: object) -> object:
    """Return a value of a kind that we never write, in a form that JSON can hold."""
    if isinstance(value, Date | Time | Duration):
        return value.iso_format()
    if isinstance(value, Point):
        return {"srid": value.srid, "coordinates": list(value)}
    if isinstance(value, bytes | bytearray):
        return value.hex()
    raise TypeError(f"queries return scalars, times, lists and maps, not {type(value).__name__}")
