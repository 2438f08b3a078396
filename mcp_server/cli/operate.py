"""One operation for people, from the command line's arguments to what is shown."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcp_server.cli.output import PhaseLine, write_json
from mcp_server.link.client import JsonObject, ServiceClient

if TYPE_CHECKING:
    from mcp_server.cli.render import Screen


def operate(
    arguments: Namespace, operation: str, given: JsonObject, render: Callable[[Screen, JsonObject], None]
) -> int:
    """Have an operation done and show its answer."""
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            answer = client.operate(operation, given)
        finally:
            client.close()
    show(arguments, answer, render)
    return 0


def show(arguments: Namespace, answer: JsonObject, render: Callable[[Screen, JsonObject], None]) -> None:
    """Show an answer, as JSON where that was asked for."""
    if arguments.json:
        write_json(answer)
        return
    from mcp_server.cli.render import Screen

    render(Screen(), answer)


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 job``, ``1,200 jobs``, ``2 memories``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
