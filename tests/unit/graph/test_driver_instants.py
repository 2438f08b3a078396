"""Instants on their way to the database and back: as the driver itself sends and reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from neo4j._codec.hydration.v2 import temporal
from neo4j.time import DateTime

import kg.graph.store

DRIVER: Any = temporal
INSTANTS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 30, 0, 1, tzinfo=UTC),
]


def sent(value: object) -> list[Any]:
    return list(cast("Any", DRIVER.dehydrate_datetime(value)).fields)


@pytest.mark.parametrize("at", INSTANTS)
def test_an_instant_is_sent_as_the_driver_sends_the_same_instant_of_another_zone(at: datetime) -> None:
    assert kg.graph.store.use_native_instants.__name__ in vars(kg.graph.store)
    seconds, nanoseconds, offset = sent(at)
    elsewhere = sent(at.astimezone(timezone(timedelta(hours=2))))
    assert [seconds, nanoseconds, offset] == [*elsewhere[:2], 0] and elsewhere[2] == 7200


@pytest.mark.parametrize("at", INSTANTS)
@pytest.mark.parametrize("zone", [0, 7200, "Europe/Paris"])
def test_what_was_sent_is_read_as_the_same_instant_in_utc(at: datetime, zone: int | str) -> None:
    seconds, nanoseconds, _ = sent(at)
    read = DRIVER.hydrate_datetime(seconds, nanoseconds + 999, zone)
    assert read == at and read.tzinfo is UTC


def test_an_instant_without_a_zone_stays_one() -> None:
    naive = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert DRIVER.hydrate_datetime(*sent(naive)) == naive


def test_what_python_cannot_hold_is_left_to_the_driver() -> None:
    with pytest.raises(ValueError, match="out of range"):
        DRIVER.hydrate_datetime(10**12, 0, 0)
    assert sent(DateTime(2024, 1, 2, tzinfo=UTC))[0] == sent(datetime(2024, 1, 2, tzinfo=UTC))[0]
