"""Lets the driver read and send instants as Python's own.

The driver makes an instant of a type of its own out of what it reads, and out of what it sends, in dozens of small
objects: thirty to a hundred microseconds each. That was a third of what the service computed in an import, and a
seventh in a write with facts. Ours are aware and in UTC, which needs none of that.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from neo4j._codec.hydration.v2 import temporal

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (instants without a zone are counted from it, too)
_EPOCH_UTC = _EPOCH.replace(tzinfo=UTC)
_DAY_S = 86400


def use_native_instants() -> None:
    """Put the quick ways in the place of those that this version of the driver has."""
    driver: Any = temporal
    read, send, structure = driver.hydrate_datetime, driver.dehydrate_datetime, driver.Structure

    def hydrate(seconds: int, nanoseconds: int, tz: int | str | None = None) -> object:
        """Return an instant in UTC, whatever its zone, or one without a zone."""
        try:
            return (_EPOCH if tz is None else _EPOCH_UTC) + timedelta(0, seconds, nanoseconds // 1000)
        except OverflowError:  # a year that Python does not know
            return read(seconds, nanoseconds, tz)

    def dehydrate(value: Any) -> object:
        if type(value) is not datetime or value.tzinfo is not UTC:
            return send(value)
        since = value - _EPOCH_UTC
        return structure(b"I", since.days * _DAY_S + since.seconds, since.microseconds * 1000, 0)

    driver.hydrate_datetime, driver.dehydrate_datetime = hydrate, dehydrate
