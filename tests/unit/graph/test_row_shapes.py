"""Rows are read in the shape that their query declares, whatever a hand made of the nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from kg.graph import nodes
from kg.graph.query import Query
from kg.graph.row_shapes import LEFT_OUT, fix_for
from kg.values import UNKNOWN_START
from tests.unit.graph.test_queries import NAMED

MAY = datetime(2024, 5, 1, tzinfo=UTC)


class Stated(TypedDict):
    uuid: str
    words: str


class Told(TypedDict):
    at: datetime
    ended: datetime | None
    many: int
    sure: bool
    how: Literal["superseded", "corrected"]
    stated: list[Stated]
    note: NotRequired[str]


SOUND: Any = {"at": MAY, "ended": None, "many": 3, "sure": True, "how": "corrected", "stated": []}


def told(**changes: Any) -> Any:
    return fix_for(Told)({**SOUND, **changes})


def test_a_sound_row_stays_as_it_is() -> None:
    row = dict(SOUND)
    assert fix_for(Told)(row) is row
    assert row == SOUND


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("at", "2024-05-01", MAY),
        ("at", "2024-05-01T02:00+02:00[Europe/Paris]", MAY),
        ("at", "yesterday", UNKNOWN_START),
        ("at", None, UNKNOWN_START),
        ("at", 7, UNKNOWN_START),
        ("ended", "2024-05-01", MAY),
        ("ended", "never", None),
        ("ended", [1], None),
        ("many", "12", 12),
        ("many", 2.0, 2),
        ("many", [], 0),
        ("many", None, 0),
        ("sure", "TRUE", True),
        ("sure", None, False),
        ("sure", 7, False),
        ("how", "whatever", "superseded"),
        ("stated", None, []),
        ("stated", "x", []),
    ],
)
def test_a_value_of_another_type_is_read_as_what_it_means_or_as_nothing_known(key: str, value: Any, read: Any) -> None:
    assert told(**{key: value}) == {**SOUND, key: read}


def test_a_text_is_text_whatever_it_is() -> None:
    words = [None, 42, True, MAY, ["a", "b"], {"a": 1}]
    found = told(stated=[{"uuid": str(number), "words": value} for number, value in enumerate(words)])
    assert [stated["words"] for stated in found["stated"]] == [
        "", "42", "true", MAY.isoformat(), '["a", "b"]', '{"a": 1}',
    ]  # fmt: skip


def test_what_has_no_uuid_is_left_out_of_its_list_and_nothing_else() -> None:
    sound = {"uuid": "u", "words": "w"}
    assert told(stated=[{"words": "w"}, sound, {"uuid": 7, "words": "w"}, None])["stated"] == [sound]
    assert fix_for(Stated)({"uuid": None, "words": "w"}) is LEFT_OUT


def test_a_property_that_may_be_missing_stays_missing() -> None:
    assert "note" not in told()
    assert told(note=4)["note"] == "4"


def test_a_node_with_nothing_but_its_uuid_can_be_read() -> None:
    memory: Any = fix_for(nodes.Memory)({"uuid": "u"})
    assert (memory["text"], memory["metadata"], memory["created_at"], memory["seq"]) == ("", "", UNKNOWN_START, 0)


def test_every_query_declares_rows_that_can_be_read() -> None:
    rows = [query.row for _, query in NAMED if isinstance(query, Query)]
    assert rows
    assert all(fix_for(row)("no row") is LEFT_OUT for row in rows)
