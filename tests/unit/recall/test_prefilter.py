"""What the index is asked to leave out ahead of a filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.ports import TimeRange
from kg.recall.filters import parse_filters
from kg.recall.prefilter import Narrowing, narrow

TICK = timedelta(microseconds=1)


def test_the_index_is_narrowed_by_what_every_match_must_hold():
    parsed = parse_filters(
        {
            "category": "Bug",
            "open": True,
            "priority": 2,
            "team": {"in": ["api", "web", 7]},
            "metadata.project": "shadow",
            "project": "github.com/acme/shop",
            "AND": [{"area": "cache"}, {"agent_id": "claude"}],
            "OR": [{"only": "choice"}],
        }
    )
    assert narrow(parsed) == Narrowing(
        {"project": "github.com/acme/shop", "agent_id": "claude"},
        {
            **{"category": "Bug", "open": True, "priority": 2, "team": ["api", "web", 7]},
            **{"project": "shadow", "area": "cache", "only": "choice"},
        },
    )


@pytest.mark.parametrize(
    ("operator", "first", "last"),
    [
        ("eq", datetime(2024, 5, 17, tzinfo=UTC), datetime(2024, 5, 18, tzinfo=UTC) - TICK),
        ("gte", datetime(2024, 5, 17, tzinfo=UTC), None),
        ("gt", datetime(2024, 5, 18, tzinfo=UTC), None),
        ("lt", None, datetime(2024, 5, 17, tzinfo=UTC) - TICK),
        ("lte", None, datetime(2024, 5, 18, tzinfo=UTC) - TICK),
    ],
)
def test_a_day_bounds_the_instants_as_the_filter_reads_it(operator: str, first: datetime | None, last: datetime | None):
    asked = {"occurred_at": {operator: "2024-05-17"}, "AND": [{"created_at": {operator: "2024-05-17"}}]}
    ranges = (TimeRange("valid_at", first, last), TimeRange("created_at", first, last))
    assert narrow(parse_filters(asked)) == Narrowing(ranges=ranges)


@given(
    st.integers(0, 52 * 3600 * 1_000_000).map(lambda ticks: datetime(2024, 2, 28, 22, tzinfo=UTC) + ticks * TICK),
    st.sampled_from(("eq", "gt", "gte", "lt", "lte")),
    st.sampled_from(
        ("2024", "2024-02", "2024-02-29", "2024-02-29T23:59", "2024-02-29T00:00:00Z", "2024-03-01T01:00+01:00")
    ),
)
def test_the_index_lets_through_the_instants_that_the_filter_lets_through(at: datetime, operator: str, named: str):
    asked = parse_filters({"created_at": {operator: named}})
    (bounds,) = narrow(asked).ranges
    inside = (bounds.first is None or bounds.first <= at) and (bounds.last is None or at <= bounds.last)
    assert asked.matches({"created_at": at}, {}) == inside


@pytest.mark.parametrize(
    "filters",
    [
        {"where.file.name": "a.py"},
        {"category": {"ne": "Bug"}},
        {"category": {"contains": "B"}},
        {"category": "*"},
        {"none": None},
        {"OR": [{"category": "Bug"}, {"x": "y"}]},
        {"NOT": [{"category": "Bug"}]},
        {"team": {"in": ["a", None]}},
        {"team": {"in": []}},
        {"long": "x" * 300},
        {'odd"key[0]': "x"},
        {"project": {"ne": "api"}},
        {"project": None},
        {"role": "user"},
        {"updated_at": {"gte": "2024"}},
        {"created_at": {"ne": "2024"}},
        {"NOT": [{"created_at": {"gte": "2024"}}]},
        {"occurred_at": None},
    ],
)
def test_nothing_else_narrows_the_index(filters: dict[str, object]):
    assert narrow(parse_filters(filters)) == Narrowing()
