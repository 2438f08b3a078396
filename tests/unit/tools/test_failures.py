"""Whatever fails, and wherever, a caller reads words: what failed and what to do, never a class or a bare key."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, cast

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent
from starlette.applications import Starlette

from kg.errors import Conflict, DiskFull, InvalidInput, KgError, NotFound, StoreUnavailable
from kg.operations.memory import MemoryService
from kg.operations.tool_parameters import parameters_of
from mcp_server.service.admin import OPERATIONS, admin_routes
from mcp_server.tools.tools import Backend, build_server

SECRET = "the person's own words"
FAULTS: list[Exception] = [
    KeyError("created_at"),
    AttributeError("'str' object has no attribute 'astimezone'"),
    TypeError(f"unsupported {SECRET}"),
    ValueError(SECRET),
    LookupError("memory_detail returned 2 rows where exactly one was expected"),
    IndexError("list index out of range"),
    RuntimeError(SECRET),
    RecursionError("maximum recursion depth exceeded"),
    OverflowError("date value out of range"),
    UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates not allowed"),
    TimeoutError(),
    OSError(5, "Input/output error"),
    AssertionError(),
    NotImplementedError(),
    ZeroDivisionError("division by zero"),
    ExceptionGroup(SECRET, [KeyError("metadata")]),
]
OURS: list[KgError] = [
    InvalidInput("query", 7, "give a text"),
    NotFound("memory", "u", "list yours with get_memories"),
    Conflict("both are one entity already; merge another"),
    StoreUnavailable("neo4j", "bolt://x does not answer; `knowthread doctor` says why", retryable=True),
    StoreUnavailable("neo4j", "wrong password; check KNOWTHREAD_NEO4J_PASSWORD", retryable=False),
    DiskFull("/data", 1, 2, "KNOWTHREAD_DATA_DIR"),
]
ARGUMENTS = {
    "add_memory": {"text": "x"},
    "search_memories": {"query": "x"},
    "update_memory": {"memory_id": "x", "text": "x"},
    "get_memory": {"memory_id": "x"},
    "delete_memory": {"memory_id": "x"},
    "get_entity": {"name": "x"},
}


class Failing:
    """A service in which everything fails in one way."""

    def __init__(self, error: Exception) -> None:
        self.default_user = "somebody"
        self._error = error

    @property
    def memory(self) -> Any:
        raise self._error

    @property
    def reports(self) -> Any:
        raise self._error

    @property
    def administration(self) -> Any:
        raise self._error

    async def status(self) -> Any:
        raise self._error

    async def metrics(self) -> Any:
        raise self._error


TOOLS = [name for name, member in vars(MemoryService).items() if inspect.iscoroutinefunction(member) and name[0] != "_"]


def assert_in_words(text: str, what: str) -> None:
    named = {kind.__name__ for error in FAULTS for kind in type(error).__mro__}
    assert not named & set(re.findall(r"\w+", text)), f"names a class: {text}"
    assert SECRET not in text and "Traceback" not in text
    assert what in text and "knowthread repair" in text, f"does not say what and what to do: {text}"


async def call(backend: Any, tool: str) -> str:
    async with Client(build_server(cast("Backend", backend), "0"), mode="legacy") as session:
        result = await session.call_tool(tool, ARGUMENTS.get(tool, {}))
    (content,) = result.content
    assert result.is_error and isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_fault_within_a_tool_is_told_in_words_with_what_to_do(tool: str) -> None:
    for error in FAULTS:
        assert_in_words(await call(Failing(error), tool), tool)


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
async def test_an_error_of_ours_says_itself_what_and_what_to_do(error: KgError) -> None:
    text = await call(Failing(error), "list_entities")
    assert text.startswith(str(error))
    assert not {kind.__name__ for kind in type(error).__mro__} & set(re.findall(r"\w+", text))


async def test_a_session_that_cannot_be_is_told_in_words() -> None:
    backend = Failing(RuntimeError())
    backend.default_user = "\0"
    assert "KNOWTHREAD_USER_ID" in await call(backend, "list_entities")


async def test_an_answer_that_no_json_can_hold_is_told_in_words() -> None:
    class Listing:
        async def scopes(self, user_id: str) -> Any:
            return {"results": [object()]}

    class Operations:
        _listing = Listing()

    class Service:
        default_user = "somebody"
        memory = Operations()

    assert_in_words(await call(Service(), "list_entities"), "list_entities")


@pytest.mark.parametrize("resource", ["knowthread://status", "knowthread://report/current"])
async def test_a_fault_within_a_resource_is_told_in_words(resource: str) -> None:
    for error in FAULTS:
        async with Client(build_server(cast("Backend", Failing(error)), "0"), mode="legacy") as session:
            with pytest.raises(MCPError) as failed:
                await session.read_resource(resource)
        assert_in_words(str(failed.value), resource.rpartition("/")[2])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
async def test_a_fault_within_a_route_is_told_in_words(operation: str) -> None:
    required = [name for name, parameter in parameters_of(OPERATIONS[operation]).items() if parameter.required]
    for error in FAULTS:
        status, answer = await post(Failing(error), operation, dict.fromkeys(required, "x"))
        assert status == 500 and not answer["retryable"]
        assert_in_words(answer["error"], operation)


async def post(backend: Any, operation: str, arguments: dict[str, Any]) -> tuple[int, Any]:
    """What a route of the service answers."""

    async def ready() -> None:
        return None

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(arguments).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": f"/admin/{operation}", "headers": [], "query_string": b""}
    await Starlette(routes=admin_routes(backend, ready))(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])
