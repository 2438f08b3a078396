"""The driver without its tables: it reads and packs as before, and keeps nothing large."""

from __future__ import annotations

import calendar
import gc
import io
import sys

import pytest
from neo4j._codec.packstream.v1 import Packer
from neo4j.time import Date

import kg.graph.store

FIRST_LARGE = 9_000


def test_no_module_of_the_driver_holds_a_large_table() -> None:
    gc.collect()
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "neo4j"]
    assert kg.graph.store.AsyncGraphDatabase.__module__.partition(".")[0] == "neo4j"
    large = [
        (module.__name__, name)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, dict | list | tuple | set) and len(value) >= FIRST_LARGE
    ]
    assert large == []


@pytest.mark.parametrize("year", [1, 4, 100, 400, 1900, 2000, 2023, 2024, 9999])
def test_the_calendar_is_as_before(year: int) -> None:
    assert Date.is_leap_year(year) == calendar.isleap(year)
    assert Date.days_in_year(year) == (366 if calendar.isleap(year) else 365)
    last = [Date(year, month, -1).to_native() for month in range(1, 13)]
    assert [day.day for day in last] == [calendar.monthrange(year, month)[1] for month in range(1, 13)]


def test_a_long_list_is_packed_by_the_drivers_own_half_as_by_the_compiled_one() -> None:
    compiled, own = io.BytesIO(), io.BytesIO()
    value = [-300, 300, "x" * 300, {"a": 32_767, "b": -32_768}] * 80
    Packer(compiled).pack(value)
    packer = Packer(own)
    packer._py_pack(value, packer._inject_hooks(None))
    assert own.getvalue() == compiled.getvalue()
