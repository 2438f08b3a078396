"""Our entry in Claude Code's settings.

Without ``alwaysLoad`` Claude Code connects to a server while its first request is on its way already: that request
holds neither our instructions nor our tools. ``claude mcp add`` cannot set it, ``claude mcp add-json`` can.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kg.narrow import as_object, is_object
from kg.values import JsonObject

NAME = "knowthread"
_LOADED_FIRST = "alwaysLoad"
USER = "user"
"""The scope of an entry that holds for all of a person's folders."""


def claude_settings(environ: Mapping[str, str]) -> Path:
    """Return the file in which Claude Code keeps its MCP servers."""
    chosen = environ.get("CLAUDE_CONFIG_DIR", "").strip()
    return (Path(chosen) if chosen else Path.home()) / ".claude.json"


def read_entries(content: object) -> dict[str, JsonObject]:
    """Return the entries of our server in Claude Code's settings, by ``USER`` or by the folder in which they hold."""
    settings = as_object(content)
    places: JsonObject = {USER: settings, **as_object(settings.get("projects"))}
    servers = {place: as_object(as_object(its).get("mcpServers")) for place, its in places.items()}
    return {place: entry for place, named in servers.items() if is_object(entry := named.get(NAME))}


def is_older(entry: Mapping[str, Any]) -> bool:
    """Whether Claude Code would send its first request without our tools."""
    return entry.get(_LOADED_FIRST) is not True


def make_entry(command: str, environment: Mapping[str, str], old: Mapping[str, Any] | None = None) -> JsonObject:
    """Return the entry that starts ``command`` as an agent's server; it keeps the environment of an older entry."""
    variables = {**as_object((old or {}).get("env")), **environment}
    return {
        "type": "stdio",
        "command": command,
        "args": ["mcp"],
        **({"env": variables} if variables else {}),
        _LOADED_FIRST: True,
    }


def add_command(entry: Mapping[str, Any]) -> list[str]:
    """Return the command that adds an entry for all of a person's folders."""
    return ["claude", "mcp", "add-json", "--scope", USER, NAME, json.dumps(entry, separators=(",", ":"))]


def remove_command() -> list[str]:
    """Return the command that removes the entry that holds for all of a person's folders."""
    return ["claude", "mcp", "remove", "--scope", USER, NAME]
