"""``knowthread setup``: choose a model, download, start the service, test it, connect Claude Code.

Every step can be repeated; a step that is done already takes no time. Without a terminal nothing is asked. Only a
person chooses a model.
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
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kg.errors import KgError
from kg.operations.memory import MemoryService
from kg.operations.tool_parameters import Operation
from kg.settings.service import CONFIG_FILE, Settings, given_settings, load_settings
from mcp_server.cli.call import call_tool
from mcp_server.cli.options import set_run
from mcp_server.cli.streams import PhaseLine, Refused, ask, can_ask, one_line, safe, write_json, write_line
from mcp_server.doctor.claude_code import (
    USER,
    add_command,
    claude_settings,
    is_older,
    make_entry,
    read_entries,
    remove_command,
)
from mcp_server.doctor.machine import check_platform, check_python
from mcp_server.link.client import CallFailed, ServiceClient
from mcp_server.link.record import make_private, read_record

SELF_TEST_USER = "knowthread-self-test"
_CLAUDE_TIMEOUT_S = 60
_GIT_TIMEOUT_S = 5
_MODEL_SETTINGS = frozenset(("llm", "extract_models", "contradict_models", "resolve_models", "rerank_models"))
_CHOICES: Mapping[str, str] = {
    "none": "no model",
    "ollama": "a model on this machine; nothing leaves it; run first: ollama pull qwen3:14b",
    "gemini": "Google's API; texts go to Google; needs GEMINI_API_KEY",
    "anthropic": "Anthropic's API; texts go to Anthropic; an API key, or your Claude subscription",
    "claude-code": "your Claude subscription, through the installed `claude`; texts go to Anthropic",
    "gemini_split": "Gemini reads texts, Anthropic's API decides contradictions",
}
_BY_LOGIN = (
    "If KNOWTHREAD_ANTHROPIC_TOKEN is not set, this reads Claude Code's login on this machine and uses your "
    "subscription. It never changes the login."
)
_CONSENT: Mapping[str, str] = {
    "anthropic": _BY_LOGIN,
    "gemini_split": _BY_LOGIN,
    "claude-code": "This runs `claude -p` in the background, which counts towards your subscription.",
}
_TERMS = "Anthropic's terms say whether programs other than its own may use a subscription."
_LOCATING = ("KNOWTHREAD_DATA_DIR", "KNOWTHREAD_CACHE_DIR")


def setup_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread setup``."""
    set_run(command, setup)
    command.add_argument("--yes", action="store_true", help="connect Claude Code without asking")
    command.add_argument("--no-claude", action="store_true", help="do not connect Claude Code")


def setup(arguments: Namespace, fetch: Callable[[Settings], None] | None = None) -> int:
    """Do everything that a new installation needs; ``fetch`` downloads what the service runs on."""
    if arguments.yes and arguments.no_claude:
        raise Refused("--yes and --no-claude contradict each other")
    _check_machine()
    settings = load_settings()
    if can_ask() and not arguments.yes and not arguments.json and not given_settings() & _MODEL_SETTINGS:
        choose_model(settings, os.environ)
    if can_ask() and not arguments.yes and not arguments.json and "user_name" not in given_settings():
        choose_name(settings)
    (fetch or _fetch)(settings)
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
        write_line(f"Everything is here, and the service runs (data in {settings.data_dir}).")
        steps = ", ".join(f"{step} {duration} ms" for step, duration in took_ms.items())
        write_line(f"The test memory was stored, found and erased: {steps}.")
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
    """Download the embedding model, the script of pictures and Neo4j into the cache folder."""
    from kg.managed.artifacts import ensure_jars, ensure_model, ensure_script, progress_bar
    from kg.settings.service import models_of

    with progress_bar() as progress:
        for model in models_of(settings.embedder):
            ensure_model(settings.cache_dir, model, progress)
        ensure_script(settings.cache_dir, progress)
        if not settings.neo4j_url:
            ensure_jars(settings.cache_dir, progress)


def choose_name(settings: Settings) -> None:
    """Ask for the person's name, git's by default, and write it into the settings file."""
    default = _git_name()
    sys.stderr.write(f"Your name, as notes may call you? [{safe(default) or 'do not say'}] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    name = " ".join(answer.split()) or (default if answer else "")
    if name:
        file = settings.data_dir / CONFIG_FILE
        _append(file, f"user_name = {json.dumps(name, ensure_ascii=False)}")
        write_line(f"Written to {file}: {name} and user are one.")


def _git_name() -> str:
    """Return git's ``user.name``, empty where there is none."""
    try:
        asked = subprocess.run(
            ["git", "config", "--get", "user.name"], capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(asked.stdout.split()) if asked.returncode == 0 else ""


def choose_model(settings: Settings, environ: Mapping[str, str]) -> None:
    """Ask the person which language model reads texts, and write the answer into the settings file."""
    write_line(
        "A language model can find the facts in plain text. Without one, your agent hands over the facts itself."
    )
    write_line(f"Found here: {'; '.join(_what_is_here(settings, environ)) or 'no key, no Claude Code, no Ollama'}.")
    for name, meaning in _CHOICES.items():
        write_line(f"  {name:<13} {meaning}")
    while True:
        sys.stderr.write("Which one? [decide later] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        chosen = answer.strip().lower()
        if not chosen:
            sys.stderr.write("" if answer else "\n")
            write_line("Nothing is set. To choose later, set KNOWTHREAD_LLM or run `knowthread setup` again.")
            return
        if chosen not in _CHOICES:
            write_line(f"Choose one of {', '.join(_CHOICES)}.")
        elif chosen not in _CONSENT or ask(f"{_CONSENT[chosen]} {_TERMS} Use it?", default=False):
            break
    file = settings.data_dir / CONFIG_FILE
    _append(file, f'llm = "{chosen}"')
    write_line(f"Written to {file}.")
    record = read_record(settings.data_dir)
    if record is not None and record.is_alive():
        write_line("The running service keeps its old settings. To use the new one, run: knowthread stop")


def _what_is_here(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    """Return what could reach a model: a key by its name only, a login by its file, which is not opened."""
    from extract.providers.credentials import API_KEY_VARIABLE, GIVEN, OAUTH_VARIABLE
    from extract.providers.ollama_client import pulled_models
    from extract.routing.settings import GEMINI_KEYS

    names = (GIVEN, OAUTH_VARIABLE, API_KEY_VARIABLE, "KNOWTHREAD_GEMINI_API_KEY", *GEMINI_KEYS)
    yield from (name for name in names if environ.get(name, "").strip())
    if shutil.which("claude", path=environ.get("PATH")):
        folder = environ.get("CLAUDE_CONFIG_DIR", "").strip()
        login = (Path(folder) if folder else Path.home() / ".claude") / ".credentials.json"
        yield "Claude Code" + (" with a login" if login.exists() else "")
    try:
        models = sorted(name for name in pulled_models(settings.ollama_url.rstrip("/")) if ":" in name)
    except OSError:
        return
    yield f"Ollama with {', '.join(models) or 'no model yet'}"


def _append(file: Path, line: str) -> None:
    """Add a line to a settings file and keep its other lines. A new file can be read only by its owner."""
    make_private(file.parent)
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as settings:
        content = settings.read()
        settings.write(("" if not content or content.endswith("\n") else "\n") + line + "\n")


def _self_test(client: ServiceClient) -> dict[str, int]:
    """Store, find and erase a memory of a test user; return how long each took, in milliseconds.

    Raises:
        CallFailed: a step failed, or the memory was not found by its meaning.
    """
    took_ms: dict[str, int] = {}

    def timed(step: str, tool: Operation, **given: Any) -> dict[str, Any]:
        start = time.monotonic()
        answer = call_tool(client, tool, given)
        took_ms[step] = round((time.monotonic() - start) * 1000)
        return answer

    mark = secrets.token_hex(4)
    text = f"Self-test {mark}: the build was broken by a missing dependency."
    fact = {"statement": "A missing dependency broke the build", "subject": "build", "predicate": "CAUSED_BY"}
    stored = timed(
        "add", MemoryService.add_memory, text=text, facts=[{**fact, "object": "missing dependency"}], wait=True
    )
    uuid = stored["results"][0]["id"]
    try:
        if not stored["indexed"]:
            raise CallFailed("the self-test stored a memory, but the index did not take it; see: knowthread status")
        found = timed("search", MemoryService.search_memories, query="why did compilation of the project fail?")
        if uuid not in [hit["id"] for hit in found["results"] if hit.get("similarity") is not None]:
            raise CallFailed("the self-test did not find its memory by meaning; see: knowthread doctor")
    finally:
        timed("delete", MemoryService.delete_memory, memory_id=uuid)
    return took_ms


def _connect_claude(arguments: Namespace) -> dict[str, Any]:
    """Add the server to Claude Code if it is installed and the person wants that; otherwise say how to.

    An older entry, with which Claude Code's first request goes without the tools, is renewed in the same way.
    """
    entries = _read_entries()
    old = entries.get(USER)
    commands = claude_commands(old)
    line = "; ".join(shlex.join(command) for command in commands)
    if not arguments.no_claude and entries and not (old is not None and is_older(old)):
        if not arguments.json:
            write_line("Claude Code is connected already.")
        return {"command": line, "added": False, "known": True}
    if not arguments.json:
        if old is not None:
            write_line("Claude Code has an older entry, with which its first request goes without the tools.")
        write_line("To use it in Claude Code:")
        write_line(f"  {line}")
    wanted = arguments.yes or (can_ask() and not arguments.json and not arguments.no_claude)
    if not wanted or shutil.which("claude") is None:
        if arguments.yes and not arguments.json:
            write_line("`claude` is not on the PATH; run the command where it is.")
        return {"command": line, "added": False}
    if not arguments.yes and not ask("Run that now?", default=True):
        return {"command": line, "added": False}
    for command in commands:
        _run_claude(command, line)
    if not arguments.json:
        write_line("Done. New sessions of Claude Code can use it.")
    return {"command": line, "added": True}


def _run_claude(command: list[str], line: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_CLAUDE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClaudeFailed(f"`claude` could not be run: {error}. Run this yourself: {line}") from error
    if done.returncode:
        reason = one_line(done.stderr.strip() or done.stdout)
        raise ClaudeFailed(f"`claude` refused ({reason}). Run this yourself: {line}")


class ClaudeFailed(KgError):
    """Claude Code did not take our entry; everything before it worked."""


def claude_commands(old: Mapping[str, Any] | None) -> list[list[str]]:
    """Return the commands that add the server to Claude Code, for this installation and its folders."""
    folders = {name: os.environ[name].strip() for name in _LOCATING if os.environ.get(name, "").strip()}
    add = add_command(make_entry(_own_command(), folders, old))
    return [add] if old is None else [remove_command(), add]


def _own_command() -> str:
    """Return ``knowthread`` if the shell finds this installation by that name, else its full path.

    A virtual environment is on the PATH only while it is active, so it needs the full path.
    """
    script = Path(sys.executable).with_name("knowthread")
    found = shutil.which("knowthread")
    if found is not None and Path(found) != script and Path(found).resolve() == script.resolve():
        return "knowthread"
    return str(script)


def _read_entries() -> Mapping[str, Mapping[str, Any]]:
    try:
        return read_entries(json.loads(claude_settings(os.environ).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
