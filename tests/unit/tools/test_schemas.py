"""The tools' schemas stay within what every client and every provider of models takes.

If one tool of a list has a schema that Gemini's API does not take, each request with that list fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import types

from mcp_server.tools import manifest

LISTED: list[dict[str, Any]] = next(
    answer["result"]["tools"]
    for answer in json.loads(manifest.FILE.read_bytes())["answers"]
    if answer["method"] == "tools/list"
)
SCHEMAS = [pytest.param(tool["inputSchema"], id=tool["name"]) for tool in LISTED]
TYPES = {"string", "boolean", "integer", "number", "object", "array"}


def places(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place of a schema that describes a value."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from places(inner, f"{path}.{name}")
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_place_has_one_type_and_each_list_a_type_of_its_members(schema: dict[str, Any]) -> None:
    for path, place in places(schema):
        assert isinstance(place.get("type"), str), f"{path}: {place.get('type')}"
        assert place["type"] in TYPES, path
        assert ("items" in place) == (place["type"] == "array"), path
        assert not place.keys() - {
            "type",
            "description",
            "default",
            "items",
            "properties",
            "required",
            "additionalProperties",
        }


@pytest.mark.parametrize("schema", SCHEMAS)
def test_gemini_takes_each_schema(schema: dict[str, Any]) -> None:
    given = {key: value for key, value in schema.items() if key != "additionalProperties"}
    taken = types.Schema.model_validate(given)
    assert set(taken.properties or {}) == set(schema["properties"])


def test_the_prompt_takes_no_argument_that_a_client_could_cut_in_two() -> None:
    answers = json.loads(manifest.FILE.read_bytes())["answers"]
    prompts = [
        prompt for answer in answers if answer["method"] == "prompts/list" for prompt in answer["result"]["prompts"]
    ]
    assert prompts
    assert not any(prompt.get("arguments") for prompt in prompts)
