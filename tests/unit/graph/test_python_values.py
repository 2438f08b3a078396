"""The driver's values as the code sees them: instants in UTC, and values that a person added by hand."""

from __future__ import annotations

import datetime
import json

import pytest
from neo4j.spatial import CartesianPoint, WGS84Point
from neo4j.time import Date, DateTime, Duration, Time

from kg.graph.python_values import native


def test_values_that_a_person_added_are_passed_on_as_json_can_hold_them() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    given = {
        "instant": DateTime(2024, 1, 2, 12, tzinfo=zone),
        "local": DateTime(2024, 1, 2, 12),
        "others": [Date(2024, 1, 2), Time(1, 2, 3), Duration(months=1, seconds=3), b"\x01\xff"],
        "places": [WGS84Point((1.5, 2.5)), CartesianPoint((1.0, 2.0, 3.0))],
    }
    read = native(given, frozenset())
    assert isinstance(read, dict)
    assert read.pop("instant") == datetime.datetime(2024, 1, 2, 10, tzinfo=datetime.UTC)
    assert read.pop("local") == datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC)
    assert json.loads(json.dumps(read)) == {
        "others": ["2024-01-02", "01:02:03.000000000", "P1MT3S", "01ff"],
        "places": [{"srid": 4326, "coordinates": [1.5, 2.5]}, {"srid": 9157, "coordinates": [1.0, 2.0, 3.0]}],
    }
    with pytest.raises(TypeError, match="not object"):
        native(object(), frozenset())


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-01-02T12:00Z", datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC)),
        ("2024-01-02T12:00:01.123456789Z", datetime.datetime(2024, 1, 2, 12, 0, 1, 123456, tzinfo=datetime.UTC)),
        ("2024-01-02T12:00+02:00[Europe/Paris]", datetime.datetime(2024, 1, 2, 10, tzinfo=datetime.UTC)),
        ("2024-01-02T12:00", datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.UTC)),
        ("2024-01-02", datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)),
        ("+12024-01-02T12:00Z", "+12024-01-02T12:00Z"),
        ("some day", "some day"),
    ],
)
def test_an_instant_that_comes_as_text_is_read_where_the_query_names_it(text: str, at: object) -> None:
    given: dict[str, object] = {"at": text, "note": text, "facts": [{"at": text}, {"at": None}, {"at": 5}]}
    assert native(given, frozenset({"at"})) == {
        "at": at, "note": text, "facts": [{"at": at}, {"at": None}, {"at": 5}]
    }  # fmt: skip
