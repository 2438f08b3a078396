"""The commands about the service itself: run it, show its state, stop it, find its graph."""

from __future__ import annotations

import asyncio
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

from kg.errors import KgError
from kg.narrow import as_object
from kg.settings.paths import data_dir
from mcp_server.cli.jobs import count_states
from mcp_server.cli.options import set_run
from mcp_server.cli.streams import PhaseLine, write_json, write_line
from mcp_server.link.client import JsonObject, ServiceClient, our_version, read_parts
from mcp_server.link.lifecycle import probe
from mcp_server.link.record import READY, differing_settings, read_record, read_token
from mcp_server.link.session import read_session, session_headers
from mcp_server.link.stop import NOT_RUNNING, stop_service


def serve_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread serve``, which answers nothing and so has no ``--json``."""
    command.set_defaults(run=serve)


def version_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread version``."""
    set_run(command, version)


def stop_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread stop``."""
    set_run(command, stop)


def status_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread status``."""
    set_run(command, status)


def neo4j_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread neo4j``."""
    set_run(command, neo4j)


def serve(_: Namespace) -> int:
    """Run the service in the foreground."""
    from kg.settings.service import load_settings
    from mcp_server.service.serve import run

    return run(load_settings())


def version(arguments: Namespace) -> int:
    """Print the version."""
    if arguments.json:
        write_json({"version": our_version()})
    else:
        write_line(f"knowthread {our_version()}")
    return 0


def stop(arguments: Namespace) -> int:
    """Stop the service and its Neo4j, and a Neo4j that a killed service has left running."""
    report = stop_service()
    was_running = report != NOT_RUNNING
    orphan = _end_orphan()
    if orphan is not None:
        was_running = True
        report += f" Neo4j (pid {orphan}), which a killed service had left running, was stopped."
    if arguments.json:
        write_json({"was_running": was_running, "report": report})
    else:
        write_line(report)
    return 0


def _end_orphan() -> int | None:
    """Stop a managed Neo4j whose service is gone, and return its process id.

    Raises:
        SetupError: the service that manages it still runs.
    """
    if not (data_dir() / "neo4j").is_dir():
        return None
    from kg.managed.local_neo4j import LocalNeo4j
    from kg.settings.service import Settings

    local = LocalNeo4j(
        Settings(data_dir=data_dir())
    )  # not from config.toml: a mistake in it must not keep Neo4j running
    found = local.running()
    asyncio.run(local.stop())
    return found.pid if found is not None else None


def status(arguments: Namespace) -> int:
    """Show whether the service runs, and how it is. Does not start it."""
    state = _state()
    if arguments.json:
        write_json(state)
    elif not state["running"]:
        write_line(f"knowthread is not running; the next call starts it. Data: {state['data_dir']}")
        if "last_failure" in state:
            write_line(f"The last start failed: {state['last_failure']}")
    else:
        from mcp_server.cli.terminal_layout import Screen

        screen = Screen()
        screen.line(("knowthread", "bold"), f" {state['version']}: {state['phase']}")
        screen.pairs([*_described(state), *_models(state)])
        for pause in _pauses(state):
            screen.line((pause, "yellow"))
        for label in ("error", "differing"):
            if label in state:
                screen.line((state[label] if label == "error" else _differing_text(state), "yellow"))
    return 0


def neo4j(arguments: Namespace) -> int:
    """Show how to look at the graph: addresses, user, and where the password is."""
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            parts = client.status()
        finally:
            client.close()
    graph = as_object(parts.get("neo4j"))
    password_file = graph.get("password_file")
    described = {
        "bolt_url": graph.get("url"),
        "browser_url": graph.get("browser_url"),
        "user": graph.get("user"),
        "database": graph.get("database"),
        "password_file": password_file,
        "password_setting": None if password_file else "KNOWTHREAD_NEO4J_PASSWORD",
        "managed": graph.get("managed"),
        "error": graph.get("error"),
    }
    if arguments.json:
        write_json({name: value for name, value in described.items() if value is not None})
        return 0
    from mcp_server.cli.terminal_layout import Screen

    screen = Screen()
    where = f"in {password_file}" if password_file else "the one in KNOWTHREAD_NEO4J_PASSWORD"
    screen.pairs(
        [
            ("Bolt", described["bolt_url"]),
            ("Browser", described["browser_url"] or "the one of your own Neo4j"),
            ("user", described["user"]),
            ("password", where),
            ("database", described["database"]),
            ("error", described["error"]),
        ]
    )
    if described["managed"]:
        screen.line(("It runs while the service runs. To look at it with a guide: knowthread browse", "dim"))
    return 0


def _state() -> dict[str, Any]:
    """Return the state of the service. Never raises: what is wrong is in ``error``."""
    folder = data_dir()
    state: dict[str, Any] = {"running": False, "data_dir": str(folder), "client_version": our_version()}
    record = read_record(folder)
    health = probe()
    if health is None or record is None or record.error:
        failure = {"last_failure": record.error} if record is not None and record.error else {}
        return state | failure
    state |= {"running": True, **health}
    if not state.get("error"):
        state.pop("error", None)
    try:
        if health["answers"]:
            state |= read_parts(health)
        elif health["phase"] == READY:
            state["error"] = "it does not answer; if that does not change: knowthread stop"
    except KgError as error:
        state["error"] = str(error)
    differing = differing_settings(record, os.environ, read_token(folder))
    return state | ({"differing": differing} if differing else {})


_COUNTED = {"memories": "memory", "facts": "fact", "entities": "entity", "users": "user"}


def _described(state: JsonObject) -> list[tuple[str, object]]:
    """Return what a person sees of a running service: labels and values."""
    graph: JsonObject = state.get("graph", {})
    index: JsonObject = state.get("index", {})
    neo4j_: JsonObject = state.get("neo4j", {})
    managed = "managed" if neo4j_.get("managed") else "your own"
    counts = ", ".join(
        f"{graph[name]:,} {one if graph[name] == 1 else name}" for name, one in _COUNTED.items() if name in graph
    )
    return [
        ("process", f"pid {state.get('pid')}, port {state.get('port')}, open sessions: {state.get('sessions', '?')}"),
        ("data", state["data_dir"]),
        *_who(state),
        ("graph", counts),
        ("neo4j", f"{neo4j_.get('version', '')} at {neo4j_['url']} ({managed})".strip() if neo4j_ else ""),
        ("browser", neo4j_.get("browser_url")),
        ("problem", state.get("disk", {}).get("error")),
        ("problem", neo4j_.get("error")),
        ("problem", state.get("clock", {}).get("error")),
        ("index", _index_text(index)),
        ("reindex", _rebuild_text(index.get("rebuild"))),
        ("problem", index.get("error")),
        ("embedder", state.get("embedder")),
    ]


def _who(state: JsonObject) -> list[tuple[str, object]]:
    """Return the user and the project of calls from this shell."""
    session = read_session(session_headers(os.environ))
    return [("you", session.user_id or state.get("default_user")), ("project", session.project)]


def _models(state: JsonObject) -> Iterator[tuple[str, object]]:
    """Return which models do which task, in the order in which they are asked, and what they cost."""
    models: JsonObject | None = state.get("models")
    if models is None:
        return
    routes: JsonObject = models["routes"]
    if not any(routes.values()):
        yield "models", "none (facts come from the calling agent); or: knowthread setup"
    for task, chosen in routes.items():
        for number, route in enumerate(chosen):
            yield ("then" if number else task), _route_text(route)
    yield "jobs", count_states(state.get("jobs", {}))
    if "tokens_today" in models:
        cap = f" of {models['daily_tokens']:,}" if models.get("daily_tokens") else ""
        cost = f", ${models['cost_usd_today']:,.4f}" if models.get("cost_usd_today") is not None else ""
        yield "tokens", f"{models['tokens_today']:,}{cap} today{cost}"
    if "worker" in models:
        yield "worker", f"{models['worker']['running']} of {models['worker']['concurrency']} at work"


def _route_text(route: JsonObject) -> str:
    """Return a model and, if it is not asked now, why."""
    if route["state"] == "ok":
        return route["model"]
    reason = str(route.get("reason") or "unknown").replace("_", " ")
    wait = f" for {route['retry_in_s']:.0f} s" if route.get("retry_in_s") else ""
    return f"{route['model']}  ({'off' if route['state'] == 'off' else f'not asked{wait}'}: {reason})"


def _pauses(state: JsonObject) -> Iterator[str]:
    """Return why the worker does some kind of job later."""
    worker: JsonObject = state.get("models", {}).get("worker", {})
    for kind, pause in worker.get("paused", {}).items():
        yield f"'{kind}' jobs wait for {pause['retry_in_s']:.0f} s: {pause['reason']}"


def _index_text(index: JsonObject) -> str:
    if not index:
        return ""
    points = f", {index['points']:,} points" if "points" in index else ""
    waiting = f", {index['waiting']:,} waiting" if "waiting" in index else ""
    failing = f", {index['failing']:,} failing" if index.get("failing") else ""
    return f"{index.get('kind', '')}{points}{waiting}{failing}"


def _rebuild_text(rebuild: JsonObject | None) -> str | None:
    if rebuild is None:
        return None
    error = f": {rebuild['error']}" if rebuild.get("error") else ""
    return f"{rebuild['state']}, {rebuild['done']:,} of {rebuild['total']:,} nodes{error}"


def _differing_text(state: JsonObject) -> str:
    names = ", ".join(state["differing"])
    return f"Not in effect, because the service started with other settings: {names}. To use them: knowthread stop"
