"""``knowthread setup``: fetch what is needed, start the service, see that it remembers, and tell Claude Code of it.

Every step can be repeated; what is done already takes no time. Without a terminal nothing is asked.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from kg.errors import KgError
from kg.settings import Settings, load_settings
from mcp_server.cli_output import PhaseLine, Refused, ask, can_ask, one_line, write_json, write_line
from mcp_server.client import CallFailed, ServiceClient
from mcp_server.doctor import check_platform, check_python, claude_settings, has_entry

SELF_TEST_USER = "knowthread-self-test"
_CLAUDE_TIMEOUT_S = 60
_LOCATING = ("KNOWTHREAD_DATA_DIR", "KNOWTHREAD_CACHE_DIR")


def setup(arguments: Namespace) -> int:
    """Do all that a new installation needs."""
    if arguments.yes and arguments.no_claude:
        raise Refused("--yes and --no-claude contradict each other")
    _check_machine()
    settings = load_settings()
    _fetch(settings)
    with PhaseLine() as line:
        client = ServiceClient(line.tell, user_id=SELF_TEST_USER)
        try:
            endpoint = client.start()
            line.tell("testing")
            took_ms = _self_test(client)
        finally:
            client.close()
    document: dict[str, Any] = {
        "data_dir": str(settings.data_dir),
        "service": {"pid": endpoint.record.pid, "port": endpoint.port, "version": endpoint.record.version},
        "self_test_ms": took_ms,
    }
    if not arguments.json:
        write_line(f"Everything is there, and the service runs (data in {settings.data_dir}).")
        steps = ", ".join(f"{step} {duration} ms" for step, duration in took_ms.items())
        write_line(f"It remembers: {steps}.")
    document["claude"] = _connect_claude(arguments)
    if arguments.json:
        write_json(document)
    return 0


def _check_machine() -> None:
    import platform

    for check in (check_python(sys.version_info[:3]), check_platform(sys.platform, platform.machine())):
        if check.level == "failed":
            raise Refused(f"{check.name}: {check.message}; {check.cure}")


def _fetch(settings: Settings) -> None:
    """Bring the model and Neo4j into the cache folder."""
    from kg.artifacts import ensure_jars, ensure_model, progress_bar
    from kg.settings import EMBEDDERS

    with progress_bar() as progress:
        if settings.embedder in EMBEDDERS:
            ensure_model(settings.cache_dir, settings.embedder, progress)
        if not settings.neo4j_url:
            ensure_jars(settings.cache_dir, progress)


def _self_test(client: ServiceClient) -> dict[str, int]:
    """Store, find and erase a memory of a throw-away user; returns how long each took, in milliseconds.

    Raises:
        CallFailed: a step failed, or the memory was not found by its meaning.
    """
    took_ms: dict[str, int] = {}

    def timed(step: str, tool: str, **given: Any) -> dict[str, Any]:
        start = time.monotonic()
        answer = client.call(tool, given)
        took_ms[step] = round((time.monotonic() - start) * 1000)
        return answer

    mark = secrets.token_hex(4)
    text = f"Self-test {mark}: the build was broken by a missing dependency."
    fact = {"statement": "A missing dependency broke the build", "subject": "build", "predicate": "CAUSED_BY"}
    stored = timed("add", "add_memory", text=text, facts=[{**fact, "object": "missing dependency"}], wait=True)
    uuid = stored["results"][0]["id"]
    try:
        if not stored["indexed"]:
            raise CallFailed("the self-test stored a memory and the index did not take it up; see: knowthread status")
        found = timed("search", "search_memories", query="why did compilation of the project fail?")
        if uuid not in [hit["id"] for hit in found["results"] if hit.get("similarity") is not None]:
            raise CallFailed("the self-test did not find by its meaning what it stored; see: knowthread doctor")
    finally:
        timed("delete", "delete_memory", memory_id=uuid)
    return took_ms


def _connect_claude(arguments: Namespace) -> dict[str, Any]:
    """Tell Claude Code of the server, where it is installed and the person wants that; else say how to."""
    command = claude_command()
    line = shlex.join(command)
    if not arguments.no_claude and _is_connected():
        if not arguments.json:
            write_line("Claude Code knows knowthread already.")
        return {"command": line, "added": False, "known": True}
    if not arguments.json:
        write_line("To use it in Claude Code:")
        write_line(f"  {line}")
    wanted = arguments.yes or (can_ask() and not arguments.json and not arguments.no_claude)
    if not wanted or shutil.which("claude") is None:
        if arguments.yes and not arguments.json:
            write_line("Claude Code's `claude` is not on the PATH; run that where it is.")
        return {"command": line, "added": False}
    if not arguments.yes and not ask("Run that now?", default=True):
        return {"command": line, "added": False}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_CLAUDE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClaudeFailed(f"Claude Code could not be told: {error}. Run it yourself: {line}") from error
    if done.returncode:
        reason = one_line(done.stderr.strip() or done.stdout)
        raise ClaudeFailed(f"Claude Code refused ({reason}). Run it yourself: {line}")
    if not arguments.json:
        write_line("Done. New sessions of Claude Code have it.")
    return {"command": line, "added": True}


class ClaudeFailed(KgError):
    """``claude mcp add`` did not work; everything else did."""


def claude_command() -> list[str]:
    """Return the command that adds the server to Claude Code, for this installation and its folders."""
    folders = [f"{name}={os.environ[name].strip()}" for name in _LOCATING if os.environ.get(name, "").strip()]
    chosen = [part for folder in folders for part in ("--env", folder)]
    return ["claude", "mcp", "add", "--scope", "user", "knowthread", *chosen, "--", _own_command(), "mcp"]


def _own_command() -> str:
    """Return ``knowthread`` where the shell finds this installation by that name, else its full path.

    A virtual environment's folder is on the path only while the environment is active, so its full path is given.
    """
    script = Path(sys.executable).with_name("knowthread")
    found = shutil.which("knowthread")
    if found is not None and Path(found) != script and Path(found).resolve() == script.resolve():
        return "knowthread"
    return str(script)


def _is_connected() -> bool:
    try:
        return has_entry(json.loads(claude_settings(os.environ).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False
