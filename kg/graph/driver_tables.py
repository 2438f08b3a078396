"""Keeps the driver's tables out of memory: 24 MB of months, years and two-byte integers that it makes when imported.

Each table becomes an object that works out the entry that is asked for. The driver hardly asks: our instants become
Python's own, and what it packs is packed by its compiled half.
"""

from __future__ import annotations

import calendar
import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from neo4j import time
from neo4j._codec.packstream import v1 as packstream

K = TypeVar("K")
V = TypeVar("V")

_FEBRUARY = 2
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Computed(Generic[K, V]):
    """A table without entries: each is worked out when it is read."""

    def __init__(self, entry: Callable[[K], V]) -> None:
        self._entry = entry

    def __getitem__(self, key: K) -> V:
        return self._entry(key)


def _days_in_month(month: tuple[int, int]) -> int:
    year, number = month
    return _DAYS[number - 1] + (number == _FEBRUARY and calendar.isleap(year))


def shrink_tables() -> None:
    """Put computed tables in the place of those that this version of the driver has."""
    tables: list[tuple[Any, str, Computed[Any, Any]]] = [
        (time, "_IS_LEAP_YEAR", Computed(calendar.isleap)),
        (time, "_DAYS_IN_YEAR", Computed[int, int](lambda year: 365 + calendar.isleap(year))),
        (time, "_DAYS_IN_MONTH", Computed(_days_in_month)),
        (packstream, "PACKED_UINT_16", Computed[int, bytes](lambda value: struct.pack(">H", value))),
        (
            packstream,
            "UNPACKED_UINT_16",
            Computed[bytes, int](lambda packed: struct.unpack(">H", packed)[0]),
        ),
    ]
    for module, name, table in tables:
        if name in vars(module):
            setattr(module, name, table)
