"""What a signature tells about an operation's parameters, and that reading it costs no store's driver."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import pytest

from kg.operations.arguments import Session
from kg.operations.memory import MemoryService
from kg.operations.tool_parameters import Parameter, Text, parameters_of
from kg.values import JsonObject


async def told(
    session: Session, *, what: Annotated[object, Parameter("string", "a thing", "a thing to see")], limit: Text = 5
) -> JsonObject:
    return {"session": session, "what": what, "limit": limit}


async def untold(session: Session, *, what: object) -> JsonObject:
    return {"session": session, "what": what}


def test_a_parameter_has_its_words_from_the_annotation_and_its_default_from_the_signature() -> None:
    assert dict(parameters_of(told)) == {
        "what": Parameter("string", "a thing", "a thing to see", required=True),
        "limit": Parameter("string", default=5),
    }


def test_a_parameter_without_words_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="untold: what "):
        parameters_of(untold)


def test_a_deletion_must_name_its_memory_and_a_search_has_ten_hits_where_no_limit_is_given() -> None:
    deletion = parameters_of(MemoryService.delete_memory)
    assert [name for name, parameter in deletion.items() if parameter.required] == ["memory_id"]
    parameters = parameters_of(MemoryService.search_memories)
    assert not [name for name, parameter in parameters.items() if parameter.required]
    assert parameters["limit"].default == 10


@pytest.mark.bare
def test_reading_the_signatures_loads_nothing_heavy() -> None:
    program = "import sys, kg.operations.memory; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    for name in ("numpy", "neo4j", "qdrant_edge", "qdrant_client", "pydantic", "mcp", "asyncio"):
        assert f"'{name}'" not in done.stdout
