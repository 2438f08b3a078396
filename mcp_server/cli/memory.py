"""The commands that read and change memories; each makes one or two calls of the service's tools."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from kg.errors import InvalidInput
from kg.operations.administration import Administration
from kg.operations.memory import MemoryService
from mcp_server.cli.call import call_tool, show_operation, show_tool
from mcp_server.cli.options import Options, given, set_run
from mcp_server.cli.show_memories import render_added, render_entity, render_hits, render_memories, render_memory
from mcp_server.cli.streams import PhaseLine, Refused, ask, can_ask, safe, write_json, write_line
from mcp_server.link.client import JsonObject, ServiceClient

if TYPE_CHECKING:
    from mcp_server.cli.terminal_layout import Screen

MOST_TOKENS = 100_000
"""A person at a terminal pays for no tokens: only the number of answers is limited."""

_EXCERPT_CHARS = 200


def add_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread add``."""
    set_run(command, add)
    command.add_argument(
        "text",
        nargs="*",
        metavar="TEXT",
        help="the text (- reads it from standard input); leave it out to settle facts alone",
    )
    command.add_argument(
        "--fact",
        action="append",
        default=[],
        help='a sentence, or {"statement": …, "subject": …, "predicate": …, "object": …, "because": …, '
        '"revisit_when": …, "supersedes": [fact ids]}; give it once for each fact',
    )
    options = Options(command, MemoryService.add_memory)
    options.add("project")
    options.add("occurred_at", metavar="DATE")
    options.add("wait")


def add(arguments: Namespace) -> int:
    """Store a text with its facts; without a text, say what stored facts replace."""
    text = " ".join(arguments.text)
    asked: JsonObject = {
        **given(arguments, MemoryService.add_memory),
        "text": _standard_input() if text == "-" else text or None,
        "facts": [_fact(number, fact) for number, fact in enumerate(arguments.fact, 1)] or None,
    }
    return show_tool(arguments, MemoryService.add_memory, asked, render_added)


def search_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread search``."""
    set_run(command, search)
    options = Options(command, MemoryService.search_memories)
    options.add_argument("query", "QUERY", nargs="*")
    options.add("changed_since", metavar="DATE")
    options.add("project")
    options.add("limit", default=5)
    options.add("threshold", metavar="S")
    options.add("weak")
    options.add("enable_graph", "--relations")
    options.add("explain")
    options.add("as_of", metavar="DATE")
    options.add("known_at", metavar="DATE")


def search(arguments: Namespace) -> int:
    """Find the memories that answer a question, or what has changed since a day."""
    if not arguments.query and arguments.changed_since is None:
        raise Refused("give a question, or --changed-since DATE")
    asked: JsonObject = {
        **given(arguments, MemoryService.search_memories),
        "query": " ".join(arguments.query) or None,
        "max_tokens": MOST_TOKENS,
    }
    return show_tool(arguments, MemoryService.search_memories, asked, render_hits)


def get_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread get``."""
    set_run(command, get)
    Options(command, MemoryService.get_memory).add_argument("memory_id", "ID")


def get(arguments: Namespace) -> int:
    """Show one memory whole."""
    return show_tool(arguments, MemoryService.get_memory, given(arguments, MemoryService.get_memory), render_memory)


def entity_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread entity``."""
    set_run(command, entity)
    options = Options(command, MemoryService.get_entity)
    options.add_argument("name", "NAME", nargs="+")
    options.add("project")
    options.add("limit")
    options.add("include_superseded", "--superseded")
    options.add("as_of", metavar="DATE")
    options.add("known_at", metavar="DATE")


def entity(arguments: Namespace) -> int:
    """Show what is known about one entity."""
    asked: JsonObject = {**given(arguments, MemoryService.get_entity), "name": " ".join(arguments.name)}
    return show_tool(arguments, MemoryService.get_entity, asked, render_entity)


def list_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread list``."""
    set_run(command, list_memories)
    options = Options(command, MemoryService.get_memories)
    options.add("project")
    options.add("limit")
    options.add("cursor")


def list_memories(arguments: Namespace) -> int:
    """List memories, newest first."""
    return show_tool(
        arguments, MemoryService.get_memories, given(arguments, MemoryService.get_memories), render_memories
    )


def delete_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread delete``."""
    set_run(command, delete)
    Options(command, MemoryService.delete_memory).add_argument("memory_id", "ID")
    command.add_argument("--yes", action="store_true", help="erase without asking")


def delete(arguments: Namespace) -> int:
    """Erase one memory, after asking."""
    if not arguments.yes and not can_ask():
        raise Refused("there is nobody to ask whether to delete it; add --yes")
    asked = given(arguments, MemoryService.delete_memory)
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        memory = call_tool(client, MemoryService.get_memory, asked)
    try:
        if not arguments.yes:
            text = " ".join(str(memory["memory"]).split())
            excerpt = text[:_EXCERPT_CHARS] + ("…" if len(text) > _EXCERPT_CHARS else "")
            sys.stderr.write(safe(excerpt) + "\n")
            if not ask("Erase this memory and the facts that only it states, for good?", default=False):
                sys.stderr.write("knowthread: nothing was deleted\n")
                return 1
        answer = call_tool(client, MemoryService.delete_memory, asked)
    finally:
        client.close()
    if arguments.json:
        write_json(answer)
    else:
        counts = ", ".join(_count(count, name) for name, count in answer["deleted"].items() if count)
        write_line(f"Deleted {answer['id']}: {counts}.")
    return 0


def revert_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread revert``."""
    set_run(command, revert)
    Options(command, Administration.undo_update).add_argument("id", "ID")


def revert(arguments: Namespace) -> int:
    """Undo the last update of a memory."""
    asked = given(arguments, Administration.undo_update)
    return show_operation(arguments, Administration.undo_update, asked, _render_reverted)


def _render_reverted(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Reverted {answer['uuid']}: it says again what it said before its last update.")
    counts = [
        _count(len(answer["stated"]), "facts") + " stated again",
        _count(len(answer["expired"]), "facts") + " of the update expired",
    ]
    screen.line(", ".join(counts) + ". To bring the update back, revert again.")


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("standard input", f"byte {error.start}", "give text in UTF-8") from error


def _count(count: int, name: str) -> str:
    """Return a count with its noun: ``1 memory``, ``2 facts``."""
    singular = name.removesuffix("ies") + "y" if name.endswith("ies") else name.removesuffix("s")
    return f"{count} {singular if count == 1 else name}"


def _fact(number: int, text: str) -> JsonObject | str:
    """Return a fact as it was typed: a sentence, or an object in JSON."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--fact number {number}", text, f"give a sentence or valid JSON ({error})") from error
