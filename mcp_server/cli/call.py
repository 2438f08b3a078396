"""One call of the service for a command: start the service if needed, call, show the answer."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from kg.operations.tool_parameters import Operation
from mcp_server.cli.streams import PhaseLine, write_json
from mcp_server.link.client import JsonObject, ServiceClient

if TYPE_CHECKING:
    from mcp_server.cli.terminal_layout import Screen

Render = Callable[["Screen", JsonObject], None]
"""Shows an answer to a person."""


def show_tool(arguments: Namespace, tool: Operation, given: JsonObject, render: Render) -> int:
    """Call a tool and show its answer."""
    return _show(arguments, lambda client: call_tool(client, tool, given), render)


def show_operation(arguments: Namespace, operation: Operation, given: JsonObject, render: Render) -> int:
    """Call an operation of ``Administration`` and show its answer."""
    return _show(arguments, lambda client: call_operation(client, operation, given), render)


def call_tool(client: ServiceClient, tool: Operation, given: JsonObject) -> JsonObject:
    """Call the tool that is made from an operation of ``MemoryService``."""
    return client.call(tool.__name__, given)


def call_operation(client: ServiceClient, operation: Operation, given: JsonObject) -> JsonObject:
    """Call an operation of ``Administration``."""
    return client.operate(operation.__name__, given)


def show_answer(arguments: Namespace, answer: JsonObject, render: Render) -> None:
    """Show an answer, as JSON where the person asked for that."""
    if arguments.json:
        write_json(answer)
        return
    from mcp_server.cli.terminal_layout import Screen

    render(Screen(), answer)


def _show(arguments: Namespace, ask: Callable[[ServiceClient], JsonObject], render: Render) -> int:
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            answer = ask(client)
        finally:
            client.close()
    show_answer(arguments, answer, render)
    return 0
