from datetime import UTC, datetime

import pytest

from kg.errors import InvalidInput
from kg.recall.filters import MAX_CONDITIONS, MAX_DEPTH, parse_filters

FIELDS = {
    "id": "m1",
    "text": "Redis was rejected",
    "project": "api",
    "agent_id": None,
    "role": "user",
    "noise": False,
    "recall_count": 3,
    "created_at": datetime(2024, 5, 17, 12, tzinfo=UTC),
    "occurred_at": "2024-05-10T00:00:00Z",
}
METADATA = {
    "category": "Bug",
    "priority": 2,
    "ratio": 2.0,
    "open": True,
    "tags": ["redis", "cache", 7],
    "empty": [],
    "none": None,
    "due": "2024-06-01",
    "due_late": "2024-06-01T02:00:00+05:00",
    "project": "shadow",
    "where": {"file": {"name": "a.py"}, "x.y": 1},
    "a.b": "dotted",
    "OR": "word",
}


def matches(filters):
    return parse_filters(filters).matches(FIELDS, METADATA)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, True),
        (None, True),
        ({"category": "Bug"}, True),
        ({"category": "bug"}, False),
        ({"category": {"eq": "Bug"}}, True),
        ({"category": {"ne": "Bug"}}, False),
        ({"missing": {"ne": "Bug"}}, True),
        ({"priority": {"gt": 1}}, True),
        ({"priority": {"gt": 2}}, False),
        ({"priority": {"gte": 2, "lt": 3}}, True),
        ({"priority": {"gte": 2, "lt": 2}}, False),
        ({"priority": {"lte": 2.0}}, True),
        ({"priority": 2.0}, True),
        ({"ratio": 2}, True),
        ({"category": {"in": ["Bug", "Task"]}}, True),
        ({"category": ["Bug", "Task"]}, True),
        ({"category": {"in": []}}, False),
        ({"category": {"nin": ["Task"]}}, True),
        ({"category": {"nin": ["Bug"]}}, False),
        ({"missing": {"nin": ["Bug"]}}, True),
        ({"category": {"contains": "Bu"}}, True),
        ({"category": {"contains": "bu"}}, False),
        ({"category": {"icontains": "bU"}}, True),
        ({"tags": {"contains": "redis"}}, True),
        ({"tags": {"contains": "red"}}, False),
        ({"tags": {"icontains": "REDIS"}}, True),
        ({"tags": "cache"}, True),
        ({"tags": {"in": ["x", "cache"]}}, True),
        ({"tags": {"ne": "cache"}}, False),
        ({"tags": {"gt": 6}}, True),
        ({"category": "*"}, True),
        ({"missing": "*"}, False),
        ({"none": "*"}, False),
        ({"empty": "*"}, True),
        ({"category": {"ne": "*"}}, False),
        ({"missing": {"ne": "*"}}, True),
        ({"none": None}, True),
        ({"missing": None}, True),
        ({"category": None}, False),
        ({"where.file.name": "a.py"}, True),
        ({"metadata.where.file.name": "a.py"}, True),
        ({"where.x.y": 1}, True),
        ({"where.file": "a.py"}, False),
        ({"a.b": "dotted"}, True),
        ({"metadata.category": "Bug"}, True),
    ],
)
def test_conditions_over_metadata(filters, expected):
    assert matches(filters) is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"project": "api"}, True),
        ({"project": "shadow"}, False),
        ({"metadata.project": "shadow"}, True),
        ({"memory": {"icontains": "REJECTED"}}, True),
        ({"text": {"contains": "Postgres"}}, False),
        ({"agent_id": None}, True),
        ({"agent_id": "*"}, False),
        ({"noise": False}, True),
        ({"recall_count": {"gte": 3}}, True),
        ({"created_at": {"gte": "2024-05-17"}}, True),
        ({"created_at": {"gte": "2024-05-17T14:00+02:00", "lte": "2024-05-17T12:00Z"}}, True),
        ({"created_at": {"lt": "2024-05-17T14:00+02:00"}}, False),
        ({"created_at": {"in": ["2024-05-17T12:00:00"]}}, True),
        ({"occurred_at": "2024-05-10"}, True),
        ({"updated_at": {"gt": "2020"}}, False),
        ({"updated_at": {"ne": "2020"}}, True),
        ({"updated_at": "*"}, False),
        ({"created_at": "*"}, True),
    ],
)
def test_conditions_over_a_memorys_own_fields(filters, expected):
    assert matches(filters) is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"open": True}, True),
        ({"open": 1}, False),
        ({"priority": True}, False),
        ({"open": {"ne": 1}}, True),
        ({"open": {"gt": 0}}, False),
        ({"priority": {"gt": "1"}}, False),
        ({"priority": "2"}, False),
        ({"priority": {"ne": "2"}}, True),
        ({"category": {"gt": 1}}, False),
        ({"where": {"contains": "file"}}, False),
        ({"priority": {"contains": 2}}, False),
        ({"category": {"contains": 3}}, False),
        ({"noise": 0}, False),
    ],
)
def test_values_of_different_types_are_neither_equal_nor_ordered(filters, expected):
    assert matches(filters) is expected


@pytest.mark.parametrize("named", ["2024-05-17", "2024-05", "2024"])
@pytest.mark.parametrize(
    ("operator", "expected"),
    [("eq", True), ("ne", False), ("gt", False), ("gte", True), ("lt", False), ("lte", True)],
)
def test_a_day_month_or_year_is_the_whole_of_it(named, operator, expected):
    assert matches({"created_at": {operator: named}}) is expected
    assert matches({"created_at": named}) and matches({"created_at": [named, "1999"]})
    assert not matches({"created_at": {"nin": [named]}})
    meeting = {"meeting": "2024-05-17T15:20:00Z"}
    if operator not in ("eq", "ne"):  # metadata is text: equal only if it is spelled alike
        assert parse_filters({"meeting": {operator: "2024-05-17"}}).matches(FIELDS, meeting) is expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"gt": "2024-05-16"}, True),
        ({"lte": "2024-05-16"}, False),
        ({"lt": "2024-05-18"}, True),
        ({"gt": "2023"}, True),
    ],
)
def test_days_before_and_after_are_kept_apart(filters, expected):
    assert matches({"created_at": filters}) is expected


def test_dates_in_metadata_compare_as_instants_and_other_strings_as_strings():
    assert matches({"due": {"gt": "2024-05-31T23:00:00Z"}})
    assert matches({"due_late": {"lt": "2024-06-01"}})
    assert matches({"category": {"gt": "Br"}})
    assert parse_filters({"due": {"lt": "2024-99-98"}}).matches({}, {"due": "2024-99-97"})


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"AND": [{"category": "Bug"}, {"priority": 2}]}, True),
        ({"AND": [{"category": "Bug"}, {"priority": 3}]}, False),
        ({"OR": [{"category": "Task"}, {"priority": 2}]}, True),
        ({"OR": [{"category": "Task"}, {"priority": 3}]}, False),
        ({"NOT": [{"category": "Task"}, {"priority": 3}]}, True),
        ({"NOT": [{"category": "Task"}, {"priority": 2}]}, False),
        ({"NOT": {"category": "Bug"}}, False),
        ({"NOT": {"category": "Bug", "priority": 3}}, True),
        ({"category": "Bug", "OR": [{"priority": 9}, {"NOT": [{"open": False}]}]}, True),
        ({"category": "Task", "OR": [{"priority": 2}]}, False),
        ({"metadata.OR": "word"}, True),
    ],
)
def test_conditions_combine(filters, expected):
    assert matches(filters) is expected


DEEP: dict[str, object] = {"a": 1}
for _ in range(MAX_DEPTH + 1):
    DEEP = {"AND": [DEEP]}


@pytest.mark.parametrize(
    ("filters", "path"),
    [
        ([], "filters"),
        ("category", "filters"),
        ({"a": {}}, "filters.a"),
        ({"a": {"like": 1}}, "filters.a"),
        ({"a": {"$eq": 1}}, "filters.a"),
        ({"a": {"eq": [1]}}, "filters.a.eq"),
        ({"a": {"in": 1}}, "filters.a.in"),
        ({"a": {"in": [1, {}]}}, "filters.a.in[1]"),
        ({"a": {"gt": True}}, "filters.a.gt"),
        ({"a": {"gt": None}}, "filters.a.gt"),
        ({"a": {"eq": float("nan")}}, "filters.a.eq"),
        ({"a": "\ud800"}, "filters.a"),
        ({"a": "x" * 5_000}, "filters.a"),
        ({"created_at": {"gt": "yesterday"}}, "filters.created_at.gt"),
        ({"created_at": {"contains": "2024"}}, "filters.created_at.contains"),
        ({"created_at": 5}, "filters.created_at"),
        ({"OR": {"a": 1}}, "filters.OR"),
        ({"OR": []}, "filters.OR"),
        ({"AND": "x"}, "filters.AND"),
        ({"OR": [{"a": 1}, 3]}, "filters.OR[1]"),
        ({"OR": [{"NOT": [{"b": {"gtt": 1}}]}]}, "filters.OR[0].NOT[0].b"),
        ({"or": [{"a": 1}]}, "filters.or"),
        ({"": 1}, "filters key"),
        ({3: 1}, "filters key"),
        ({"metadata.": 1}, "filters.metadata."),
        (DEEP, "filters" + ".AND[0]" * (MAX_DEPTH + 1)),
        (
            {"AND": [{f"k{i}": 1} for i in range(MAX_CONDITIONS + 1)]},
            f"filters.AND[{MAX_CONDITIONS}].k{MAX_CONDITIONS}",
        ),
    ],
)
def test_what_is_not_of_the_language_is_refused_with_its_path(filters, path):
    with pytest.raises(InvalidInput) as caught:
        parse_filters(filters)
    assert caught.value.field == path
    assert caught.value.accepted


def test_the_greatest_depth_and_number_pass():
    parse_filters(DEEP["AND"][0])  # type: ignore[index]
    parse_filters({f"k{i}": 1 for i in range(MAX_CONDITIONS)})


def test_a_filter_knows_whether_it_holds_anything():
    assert not parse_filters({})
    assert parse_filters({"a": 1})
