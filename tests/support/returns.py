"""The grammar of ``// returns:`` lines, and the same shapes read from the types of the code, to be compared.

    // returns: uuid string, facts list[{uuid string, ended datetime or null}] - newest first

reads as ``{"uuid": "string", "facts": ["list", {"uuid": "string", "ended": ["null", "datetime"]}]}``. A name with a
capital letter is a whole node (or relationship), ``Fact + {subject string}`` one with more keys.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from kg.graph import nodes

Shape = Any
"""A scalar's name, ``["list", shape]``, ``["null", shape]``, a map by key, or ``["node", name, map]``."""

SCALARS = {str: "string", int: "integer", float: "float", bool: "boolean", datetime: "datetime"}
NODES = {cls.__name__: get_type_hints(cls) for cls in (nodes.Memory, nodes.Fact, nodes.Job, nodes.Decision)}

_TOKEN = re.compile(r"\s*(or null\b|\w+|[\[\]{},+])")


def columns(lines: Iterable[str]) -> dict[str, Shape]:
    """Read the columns of a query from its ``returns:`` lines."""
    found: dict[str, Shape] = {}
    for line in lines:
        parser = _Parser(line.partition(" - ")[0])
        more = parser.fields(end="")
        assert not found.keys() & more.keys(), f"{line}: a column stands twice"
        found |= more
    return found


OF_THE_GRAPH = ("node", "relationship", "path")
"""What queries for Neo4j Browser return, and no code reads."""


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [token[1] for token in _TOKEN.finditer(text)]
        assert "".join(self._tokens).replace(" ", "") == re.sub(r"\s", "", text), f"{text}: not understood"
        self._tokens.append("")
        self._text = text

    def fields(self, end: str) -> dict[str, Shape]:
        found: dict[str, Shape] = {}
        while True:
            name = self._take()
            assert re.fullmatch(r"[a-z]\w*", name) and name not in found, f"{self._text}: {name!r} is no new name"
            found[name] = self._type()
            if self._tokens[0] == end:
                self._take()
                return found
            self._take(",")

    def _type(self) -> Shape:
        token = self._take()
        shape: Shape = token
        if token == "list":
            self._take("[")
            shape = ["list", self._type()]
            self._take("]")
        elif token == "{":
            shape = self.fields(end="}")
        elif token in NODES:
            more: Shape = {}
            if self._tokens[0] == "+":
                self._take("+")
                self._take("{")
                more = self.fields(end="}")
            shape = ["node", token, more]
        else:
            assert token in ("map", *SCALARS.values(), *OF_THE_GRAPH), f"{self._text}: {token!r} is no type"
        if self._tokens[0] == "or null":
            self._take()
            return ["null", shape]
        return shape

    def _take(self, wanted: str | None = None) -> str:
        token = self._tokens.pop(0)
        assert wanted is None or token == wanted, f"{self._text}: {token!r} stands where {wanted!r} should"
        return token


def shape_of(kind: Any) -> Shape:
    """Return the shape that a type of the code has."""
    origin, args = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        own = get_type_hints(kind)
        for name, hints in NODES.items():
            if hints.items() <= own.items():
                more = {key: shape_of(hint) for key, hint in own.items() if key not in hints}
                return ["node", name, more]
        return {name: shape_of(hint) for name, hint in own.items()}
    if origin in (list, dict):
        return ["list", shape_of(args[0])] if origin is list else "map"
    if origin is Literal:
        return SCALARS[type(args[0])]
    if origin in (Union, types.UnionType):
        (inner,) = (arg for arg in args if arg is not type(None))
        return ["null", shape_of(inner)]
    return SCALARS[kind]
