"""The commands that read and change memories; each is one or two calls of the service's tools."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from kg.errors import InvalidInput
from mcp_server.cli.output import PhaseLine, Refused, ask, can_ask, safe, write_json, write_line
from mcp_server.link.client import JsonObject, ServiceClient

MOST_TOKENS = 100_000
"""A person at a terminal pays for no tokens: the answers are limited by their number only."""

_EXCERPT_CHARS = 200


def add(arguments: Namespace) -> int:
    """Store a text with its facts."""
    text = " ".join(arguments.text)
    if text == "-":
        text = _standard_input()
    given = {
        "text": text,
        "facts": [_fact(number, fact) for number, fact in enumerate(arguments.fact)] or None,
        "project": arguments.project,
        "occurred_at": arguments.occurred_at,
        "wait": arguments.wait or None,
    }
    return _show(arguments, "add_memory", given)


def search(arguments: Namespace) -> int:
    """Answer a question with the memories that fit."""
    given = {
        "query": " ".join(arguments.query),
        "project": arguments.project,
        "limit": arguments.limit,
        "threshold": arguments.threshold,
        "as_of": arguments.as_of,
        "known_at": arguments.known_at,
        "max_tokens": MOST_TOKENS,
        "enable_graph": arguments.relations or None,
        "explain": arguments.explain or None,
    }
    return _show(arguments, "search_memories", given)


def get(arguments: Namespace) -> int:
    """Show one memory whole."""
    return _show(arguments, "get_memory", {"memory_id": arguments.id})


def entity(arguments: Namespace) -> int:
    """Show what is known about one entity."""
    given = {
        "name": " ".join(arguments.name),
        "project": arguments.project,
        "limit": arguments.limit,
        "as_of": arguments.as_of,
        "known_at": arguments.known_at,
        "include_superseded": arguments.superseded or None,
    }
    return _show(arguments, "get_entity", given)


def list_memories(arguments: Namespace) -> int:
    """List memories, newest first."""
    given = {"project": arguments.project, "limit": arguments.limit, "cursor": arguments.cursor}
    return _show(arguments, "get_memories", given)


def delete(arguments: Namespace) -> int:
    """Erase one memory, after asking."""
    if not arguments.yes and not can_ask():
        raise Refused("there is nobody to ask whether to delete it; add --yes")
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        memory = client.call("get_memory", {"memory_id": arguments.id})
    try:
        if not arguments.yes:
            text = " ".join(str(memory["memory"]).split())
            excerpt = text[:_EXCERPT_CHARS] + ("…" if len(text) > _EXCERPT_CHARS else "")
            sys.stderr.write(safe(excerpt) + "\n")
            if not ask("Erase this memory and what only it states, for good?", default=False):
                sys.stderr.write("knowthread: nothing was deleted\n")
                return 1
        answer = client.call("delete_memory", {"memory_id": arguments.id})
    finally:
        client.close()
    if arguments.json:
        write_json(answer)
    else:
        counts = ", ".join(_count(count, name) for name, count in answer["deleted"].items() if count)
        write_line(f"Deleted {answer['id']}: {counts}.")
    return 0


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("standard input", f"byte {error.start}", "give text in UTF-8") from error


def _count(count: int, name: str) -> str:
    singular = name.removesuffix("ies") + "y" if name.endswith("ies") else name.removesuffix("s")
    return f"{count} {singular if count == 1 else name}"


def _fact(number: int, text: str) -> JsonObject | str:
    """A fact of the command line: a sentence, or an object as JSON."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--fact number {number + 1}", text, f"give a sentence or valid JSON ({error})") from error


def _show(arguments: Namespace, tool: str, given: JsonObject) -> int:
    """Call a tool and write its answer."""
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            answer = client.call(tool, given)
        finally:
            client.close()
    if arguments.json:
        write_json(answer)
    else:
        from mcp_server.cli.render import render

        render(tool, answer)
    return 0
