"""The JSON schema of an answer, in the one dialect that every provider takes.

Providers disagree on references and on what an object may leave out, so there are no references, every property is
required and no other is allowed. Lengths and ranges are checked when the answer is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from kg.narrow import as_object, is_list, is_object

_NOISE = frozenset(("title", "default", "$defs"))


@lru_cache(maxsize=64)
def schema_of(output: type[BaseModel]) -> Mapping[str, Any]:
    """Return the schema of a model without references; the model must not contain itself.

    Raises:
        TypeError: the model contains itself.
    """
    schema = output.model_json_schema()
    return as_object(_plain(schema, schema.get("$defs", {}), ()))


def _plain(node: Any, definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    if is_list(node):
        return [_plain(item, definitions, inside) for item in node]
    if not is_object(node):
        return node
    schema = node
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        if name in inside:
            raise TypeError(f"{name} contains itself; no provider takes such a schema")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _plain({**definitions[name], **beside}, definitions, (*inside, name))
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: _plain(inner, definitions, inside) for name, inner in value.items()}
        elif key not in _NOISE:
            plain[key] = _plain(value, definitions, inside)
    if "properties" in plain:
        plain["required"] = list(plain["properties"])
        plain["additionalProperties"] = False
    return plain
