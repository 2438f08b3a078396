"""Every query in code agrees with its file: the name, and the columns that it returns with their types."""

from __future__ import annotations

import importlib
import re
from datetime import datetime
from pathlib import Path
from typing import TypedDict, get_type_hints

import pytest
from neomodel import (
    ArrayProperty,
    BooleanProperty,
    DateTimeNeo4jFormatProperty,
    FloatProperty,
    IntegerProperty,
    StringProperty,
)

import cypher
from kg.graph import nodes, schema
from kg.graph.queries import HashedText
from kg.graph.query import Command, Query
from tests.support.returns import Shape, columns, shape_of

ROOT = Path(cypher.__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in ROOT.glob("kg/*/queries.py")
)
NAMED = [
    (f"{module}.{name}", query)
    for module in MODULES
    for name, query in vars(importlib.import_module(module)).items()
    if isinstance(query, Query | Command)
]
PROPERTIES: dict[type, Shape] = {
    StringProperty: "string",
    IntegerProperty: "integer",
    FloatProperty: "float",
    BooleanProperty: "boolean",
    DateTimeNeo4jFormatProperty: "datetime",
    ArrayProperty: ["list", "string"],
}
FILES = {
    name: file for name, file in cypher.load().items() if file.folder not in ("schema", "check", "report", "browse")
}


def test_every_query_file_has_one_name_in_the_code():
    assert sorted(query.name for _, query in NAMED) == sorted(FILES)
    assert {path.rpartition(".")[2] for path, _ in NAMED} == set(FILES)


@pytest.mark.parametrize(("path", "query"), NAMED, ids=[path for path, _ in NAMED])
def test_a_query_is_called_as_its_file(path: str, query: Query[object] | Command):
    assert path.rpartition(".")[2] == query.name


@pytest.mark.parametrize(("path", "query"), NAMED, ids=[path for path, _ in NAMED])
def test_a_query_returns_what_its_header_says(path: str, query: Query[object] | Command):
    returned = columns(FILES[query.name].returns)
    if isinstance(query, Command):
        assert not returned, "a command returns nothing"
    else:
        assert shape_of(query.row) == returned


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("uuid string, ended datetime or null", True),
        ("ended datetime or null, uuid string - newest first", True),
        ("uuid string", False),
        ("uuid string, ended datetime or null, more integer", False),
        ("uuid string, ended datetime", False),
        ("uuid integer, ended datetime or null", False),
        ("uuid list[string], ended datetime or null", False),
        ("uuid string, ends datetime or null", False),
    ],
)
def test_a_missing_an_extra_and_a_wrong_column_are_told(line: str, says: bool):
    class Ended(TypedDict):
        uuid: str
        ended: datetime | None

    assert (columns([line]) == shape_of(Ended)) is says


def test_maps_and_whole_nodes_are_compared_key_by_key():
    class Named(nodes.Fact):
        subject: str | None
        texts: list[HashedText]

    nested = "texts list[{content_hash string, text string}]"
    assert columns([f"a Fact + {{subject string or null, {nested}}}"])["a"] == shape_of(Named)
    assert columns([f"a Fact + {{subject string, {nested}}}"])["a"] != shape_of(Named)
    assert columns(["a Fact"])["a"] != shape_of(Named)
    assert columns(["a Fact + {subject string or null, texts list[{text string}]}"])["a"] != shape_of(Named)


@pytest.mark.parametrize(
    "line", ["uuid", "uuid text", "uuid string string", "uuid string, uuid string", "a list[string"]
)
def test_a_header_that_does_not_follow_the_grammar_is_refused(line: str):
    with pytest.raises(AssertionError):
        columns([line])


@pytest.mark.parametrize("name", ["Memory", "Fact", "Job"])
def test_a_whole_node_has_the_properties_that_the_schema_declares(name: str):
    declared = {
        key: PROPERTIES[type(value)] for key, value in vars(getattr(schema, name)).items() if type(value) in PROPERTIES
    }
    assert {key: without_null(shape) for key, shape in shape_of_node(name).items()} == declared


def shape_of_node(name: str) -> dict[str, Shape]:
    return {key: shape_of(hint) for key, hint in get_type_hints(getattr(nodes, name)).items()}


def without_null(shape: Shape) -> Shape:
    return shape[1] if shape[0] == "null" else shape


def test_no_query_lets_the_planner_subtract_one_label_from_another() -> None:
    """On an empty store ``Memory`` without ``Deleting`` counts as no node, so all memories were read for every row."""
    files = [path for folder in ("read", "write") for path in ROOT.glob(f"cypher/{folder}/*.cypher")]
    assert files
    assert [path.name for path in files if re.search(r"NOT \w+:Deleting", path.read_text(encoding="utf-8"))] == []
