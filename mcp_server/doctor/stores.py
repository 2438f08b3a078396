"""Checks of the graph and the index; see ``mcp_server.doctor.machine``."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kg.errors import ConfigurationError, SetupError, StoreUnavailable
from kg.graph import queries
from kg.graph.migrate import SCHEMA_VERSION
from kg.graph.store import GraphAddress, GraphStore
from mcp_server.doctor.check import Check, JsonObject, Situation
from mcp_server.link.record import try_lock

if TYPE_CHECKING:
    from kg.settings.service import Settings

_QDRANT_TIMEOUT_S = 5.0
_OK = 200
_KNOWS_TURBO = (1, 20)
"""From this release on a Qdrant server keeps vectors as Turbo8 and Turbo4."""


def check_neo4j(situation: Situation) -> Iterator[Check]:
    """The graph as the service sees it; without a service, the user's own server or the store that would be started."""
    graph: JsonObject = situation.parts.get("neo4j", {})
    if graph:
        where = f"{graph.get('version', '')} at {graph['url']}".strip()
        if graph.get("error"):
            yield Check("neo4j", "failed", f"{where}: {graph['error']}", "see the service's log; knowthread stop")
        else:
            yield Check("neo4j", "ok", f"{where}, {'managed' if graph['managed'] else 'your own'}")
            yield _counted(situation.parts)
            if problem := situation.parts.get("clock", {}).get("error"):
                yield Check("clock", "warning", problem.partition("; ")[0], "set the machine's clock, or let it be set")
    elif situation.health is not None:
        yield Check("neo4j", "note", "known when the service is ready")
    elif situation.managed:
        yield from _managed(situation.settings)
    else:
        yield asyncio.run(_own_server(situation.settings))


def check_index(situation: Situation) -> Iterator[Check]:
    """The side-index as the service sees it; without a service, its server or its folder."""
    index: JsonObject = situation.parts.get("index", {})
    if index:
        yield _open_index(index)
    elif situation.health is not None:
        yield Check("index", "note", "known when the service is ready")
    elif situation.settings.qdrant_url:
        yield _qdrant_server(situation.settings)
    else:
        yield _index_folder(situation.settings)


def _counted(parts: JsonObject) -> Check:
    graph: JsonObject = parts.get("graph", {})
    counts = ", ".join(f"{graph[name]:,} {name}" for name in ("memories", "facts", "entities") if name in graph)
    return Check("graph", "ok", f"schema version {SCHEMA_VERSION}; {counts}")


def _managed(settings: Settings) -> Iterator[Check]:
    """The managed Neo4j as the next start would find it."""
    home = settings.data_dir / "neo4j"
    lock = home / ".lock"
    if lock.exists():
        with try_lock(lock) as free:
            pass
        if not free:
            holder = lock.read_text(encoding="utf-8", errors="replace").strip() or "unknown"
            yield Check("neo4j", "failed", f"process {holder} manages the store in {home}", f"end it: kill {holder}")
            return
    if not (home / "data" / "databases" / "neo4j").is_dir():
        yield Check("neo4j", "note", f"would be started with an empty store in {home}")
        return
    if not (home / "password").is_file():
        cure = f"write the password of the user neo4j into {home / 'password'}, or restore the file from a backup"
        yield Check("neo4j", "failed", f"there is a store in {home} but its password is gone", cure)
        return
    from kg.managed.local_neo4j import LocalNeo4j

    try:
        left = LocalNeo4j(settings).running()
    except SetupError as error:
        yield Check("neo4j", "failed", str(error).partition(". To fix it: ")[0], error.cure)
        return
    if left is not None:
        message = f"a killed service left Neo4j running (process {left.pid}); the next start goes on with it"
    elif (home / "process.json").exists():
        message = f"a killed service's Neo4j has ended too; the store in {home} recovers at the next start"
    else:
        message = f"would be started with the store in {home}"
    yield Check("neo4j", "note", f"{message}; its schema version is looked at then")


async def _own_server(settings: Settings) -> Check:
    """Ask the user's own server for its version and its schema."""
    store = GraphStore(
        GraphAddress(settings.neo4j_url, settings.neo4j_user, settings.neo4j_password, settings.neo4j_database)
    )
    cure = "start it, or correct KNOWTHREAD_NEO4J_URL; unset it to use the managed one"
    try:
        await store.connect()
        state = await store.find_one(queries.schema_version)
    except ConfigurationError as error:
        return Check("neo4j", "failed", str(error), error.accepted or cure)
    except StoreUnavailable as error:
        message = str(error).removeprefix("neo4j: ").partition("; ")[0]
        if not error.retryable:
            cure = "correct KNOWTHREAD_NEO4J_USER, KNOWTHREAD_NEO4J_PASSWORD and KNOWTHREAD_NEO4J_DATABASE"
        return Check("neo4j", "failed", message, cure)
    finally:
        await store.close()
    version = state["version"] if state else 0
    where = f"{store.server_version} at {settings.neo4j_url}, your own"
    if version > SCHEMA_VERSION:
        message = f"{where}: schema version {version}, and this knowthread knows {SCHEMA_VERSION}"
        return Check("neo4j", "failed", message, "uv tool upgrade knowthread")
    schema = f"schema version {version}" if version else "no schema yet, made at the first start"
    return Check("neo4j", "ok", f"{where}; {schema}")


def _open_index(index: JsonObject) -> Check:
    if index.get("error"):
        cure = "searches go on by words; if it does not recover by itself, see the service's log"
        return Check("index", "failed", f"{index.get('kind', '')}: {index['error']}", cure)
    message = f"{index['kind']}, {index.get('points', 0):,} points, {index.get('waiting', 0):,} nodes waiting"
    if index.get("failing"):
        return Check("index", "warning", f"{message}, {index['failing']:,} failing", "see the service's log for why")
    return Check("index", "ok", message)


def _qdrant_server(settings: Settings) -> Check:
    """Ask the user's own Qdrant for its version, and whether it takes the key."""
    import httpx

    headers = {"api-key": settings.qdrant_api_key} if settings.qdrant_api_key else {}
    url = settings.qdrant_url.rstrip("/")
    try:
        with httpx.Client(headers=headers, timeout=_QDRANT_TIMEOUT_S) as client:
            allowed = client.get(f"{url}/collections").status_code
            about = client.get(f"{url}/")
            version = str(about.json().get("version", "of unknown version")) if about.status_code == _OK else ""
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        cure = "start it, or correct KNOWTHREAD_QDRANT_URL; unset it to use the embedded engine"
        return Check("index", "failed", f"the Qdrant at {url} does not answer ({type(error).__name__})", cure)
    if allowed != _OK:
        message = f"the Qdrant at {url} answered with HTTP status {allowed}"
        return Check("index", "failed", message, "correct KNOWTHREAD_QDRANT_URL and KNOWTHREAD_QDRANT_API_KEY")
    here = f"Qdrant {version} at {url}, your own"
    release = re.match(r"(\d+)\.(\d+)", version)
    if release is not None and (int(release[1]), int(release[2])) < _KNOWS_TURBO:
        cure = "update it to Qdrant 1.20 or later, then run `knowthread reindex`"
        return Check("index", "warning", f"{here}; it keeps vectors as Float16, in twice the room and more", cure)
    return Check("index", "ok", here)


def _index_folder(settings: Settings) -> Check:
    """The embedded index as the next start would find it; its files are not opened."""
    folder = settings.data_dir / "qdrant"
    lock = folder / "lock"
    if lock.exists():
        with try_lock(lock) as free:
            pass
        if not free:
            holder = lock.read_text(encoding="ascii", errors="replace").strip() or "unknown"
            return Check(
                "index", "failed", f"process {holder} has the index in {folder} open", f"end it: kill {holder}"
            )
    try:
        record: Any = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
        built_with = str(record["embedder"])
    except FileNotFoundError:
        return Check("index", "note", f"would be made in {folder}")
    except (OSError, ValueError, KeyError, TypeError):
        return Check(
            "index", "warning", f"{folder}/collection.json cannot be read", "nothing: it is rebuilt at the start"
        )
    if built_with != settings.embedder:
        cure = f"knowthread reindex, or set KNOWTHREAD_EMBEDDER={built_with}"
        return Check("index", "failed", f"it was built with {built_with}, the setting is {settings.embedder}", cure)
    return Check("index", "note", f"would be opened: {folder}")
