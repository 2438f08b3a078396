"""Check everything that the service needs, and name a cure for each failure.

The checks change nothing: nothing is fetched, started, written or repaired, and no store is opened. A running service
is asked for what only it knows. If none runs, files are looked at, and the user's own Neo4j or Qdrant server is asked
for its version.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import ConfigurationError, SetupError
from kg.managed.free_space import Floor, floors, free_bytes
from kg.settings.service import CONFIG_FILE, PREFIX, Settings, mem0_variables, models_of
from mcp_server.doctor.check import Check, JsonObject, Level, Situation
from mcp_server.doctor.claude_code import NAME, USER, claude_settings, is_older, read_entries
from mcp_server.link.record import READY, SERVICE_LOCK, TOKEN, differing_settings, read_token, try_lock
from mcp_server.link.session import SESSION_VARIABLES
from mcp_server.service.listen import check_exposure

if TYPE_CHECKING:
    from kg.managed.artifact_lock import LockedGroup

_LEAST_FREE_BYTES = 100 << 20
_GOOD_FREE_BYTES = 1 << 30
_PYTHONS = ((3, 11), (3, 13))
_MACHINES = ("x86_64", "amd64", "arm64", "aarch64")
_OTHERS = 0o077


def check_python(version: tuple[int, ...]) -> Check:
    """Python's version: every package that we use must have wheels for it."""
    text = ".".join(map(str, version))
    if _PYTHONS[0] <= version[:2] <= _PYTHONS[1]:
        return Check("python", "ok", text)
    return Check("python", "failed", f"{text} does not fit", "install knowthread with Python 3.11, 3.12 or 3.13")


def check_platform(system: str, machine: str) -> Check:
    """The platform: Neo4j's Java and the engines must have wheels for it."""
    if system not in ("linux", "darwin"):
        return Check("platform", "failed", system, "use Linux or macOS; on Windows install knowthread in WSL2")
    if machine.lower() not in _MACHINES:
        return Check("platform", "failed", f"{system} on {machine}", "use a machine with x86_64 or arm64")
    return Check("platform", "ok", f"{system} on {machine}")


def check_settings(situation: Situation) -> Iterator[Check]:
    """Variables without effect, and settings that the running service was started without."""
    environ = situation.environ
    known = {PREFIX + f.name.upper() for f in fields(Settings)} | set(SESSION_VARIABLES)
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        yield Check(
            "settings", "warning", f"no such settings: {', '.join(unknown)}", "correct their names or unset them"
        )
    mem0 = mem0_variables(environ)
    if mem0.used:
        yield Check("settings", "note", f"of mem0, used here too: {', '.join(mem0.used)}")
    ignored = [name for name in mem0.ignored if name not in SESSION_VARIABLES]
    if ignored:
        yield Check("settings", "note", f"of mem0, ignored here: {', '.join(ignored)}")
    if situation.health is not None and situation.record is not None:
        token = read_token(situation.settings.data_dir)
        differing = [name for name in differing_settings(situation.record, environ, token) if name in known]
        if differing:
            yield Check(
                "settings",
                "warning",
                f"not in effect, as the service was started with others: {', '.join(differing)}",
                "knowthread stop; the next call starts it with these",
            )
    exposed = False
    try:
        check_exposure(situation.settings.host, situation.settings.token)
    except ConfigurationError as error:
        exposed = True
        yield Check("settings", "failed", str(error).removesuffix(f"; {error.accepted}"), error.accepted)
    if not (unknown or ignored or exposed):
        yield Check("settings", "ok", f"data in {situation.settings.data_dir}")


def check_disk(situation: Situation, free: Callable[[Path], int] = free_bytes) -> Iterator[Check]:
    """Free space for what must still be fetched and for the stores. Below the limit nothing is written."""
    from kg.managed.artifact_lock import NEO4J
    from kg.managed.artifacts import missing_bytes

    settings = situation.settings
    groups = [*models_of(settings.embedder), *([NEO4J] if situation.managed else [])]
    fetched = _LEAST_FREE_BYTES + missing_bytes(settings.cache_dir, *groups)
    for floor in [Floor(settings.cache_dir, fetched, "KNOWTHREAD_CACHE_DIR"), *floors(settings)]:
        left = free(floor.folder)
        message = f"{_size(left)} free for {floor.folder}"
        if left < floor.least_bytes:
            cure = f"free space there, or set {floor.setting} to a folder on another disk"
            refused = "" if floor.folder == settings.cache_dir else "; until then nothing is stored or changed"
            yield Check("disk", "failed", f"{message}, {_size(floor.least_bytes)} needed{refused}", cure)
        elif left < _GOOD_FREE_BYTES and floor.setting != "TMPDIR":
            yield Check("disk", "warning", message, "free space there before the stores grow")
        else:
            yield Check("disk", "ok", message)


def check_artifacts(situation: Situation, lock: Mapping[str, LockedGroup] | None = None) -> Iterator[Check]:
    """The checksum of every fetched file; without ``lock`` by what is shipped."""
    from kg.managed.artifact_lock import NEO4J, load_lock

    settings = situation.settings
    groups = load_lock() if lock is None else lock
    for name in [*([NEO4J] if situation.managed else []), *models_of(settings.embedder)]:
        group = groups[name]
        missing: list[str] = []
        damaged: list[str] = []
        for file in group.kept:
            path = settings.cache_dir / "artifacts" / file.path
            if not path.is_file():
                missing.append(file.path)
            elif path.stat().st_size != file.size_bytes or _sha256(path) != file.sha256:
                damaged.append(file.path)
        cure = "knowthread setup"
        if damaged:
            yield Check("files", "failed", f"{group.label}: {len(damaged)} damaged, such as {damaged[0]}", cure)
        elif missing:
            message = f"{group.label}: {len(missing)} of {len(group.kept)} files are not fetched yet"
            yield Check("files", "failed", message, f"go online once and run: {cure}")
        else:
            yield Check("files", "ok", f"{group.label}: {len(group.kept)} files, checksums right")


def check_java(situation: Situation) -> Iterator[Check]:
    """The Java for the managed Neo4j: its version, and whether it runs on this machine."""
    import asyncio

    from kg.managed.java import find_java

    if not situation.managed:
        return
    try:
        java = asyncio.run(find_java(situation.settings))
        subprocess.run([java.executable, "-version"], capture_output=True, timeout=60, check=True)
    except SetupError as error:
        yield Check("java", "failed", str(error).partition(". To fix it: ")[0], error.cure)
    except (OSError, subprocess.SubprocessError) as error:
        yield Check(
            "java", "failed", f"Java cannot be run: {error}", "set KNOWTHREAD_JAVA to a Java 17 or 21 of this machine"
        )
    else:
        yield Check("java", "ok", f"{java.version} ({java.executable})")


def check_data_folder(situation: Situation) -> Iterator[Check]:
    """Who can read and write the data."""
    folder = situation.settings.data_dir
    if not folder.exists():
        yield Check("data", "note", f"{folder} is made at the first start")
        if not os.access(_existing(folder), os.W_OK):
            yield Check("data", "failed", f"{folder} cannot be made", "set KNOWTHREAD_DATA_DIR to a folder of your own")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        cure = f"chown it to yourself, or set KNOWTHREAD_DATA_DIR to another folder than {folder}"
        yield Check("data", "failed", f"{folder} cannot be read and written", cure)
        return
    open_to_others = False
    private = [folder / TOKEN, folder / "neo4j" / "password"]
    if _holds_secrets(folder / CONFIG_FILE):
        private.append(folder / CONFIG_FILE)
    looked_at: list[tuple[Path, Level]] = [(folder, "warning"), *((file, "failed") for file in private)]
    for file, level in looked_at:
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & _OTHERS:
            open_to_others = True
            cure = f"chmod {'700' if file == folder else '600'} {file}"
            yield Check("data", level, f"others may read {file}", cure)
    if not open_to_others:
        yield Check("data", "ok", "only you may read the data, its keys and passwords")


def _holds_secrets(file: Path) -> bool:
    """Whether a file of settings holds a key, token or password; if it cannot be read, it counts as if it did."""
    if not file.is_file():
        return False
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return any(content.get(f.name) for f in fields(Settings) if not f.repr)


def check_service(situation: Situation) -> Iterator[Check]:
    """The service, or what the last one left behind."""
    record, health = situation.record, situation.health
    if health is not None:
        yield _running(situation, health)
    elif record is not None and record.error:
        cure = "correct that; the next call tries again, and logs/service.log in the data folder says more"
        yield Check("service", "failed", f"the last start failed: {record.error}", cure)
    elif record is not None:
        message = f"does not run; process {record.pid} was killed or crashed"
        yield Check("service", "note", message + ". The next call starts it again; nothing stored is lost")
    else:
        yield Check("service", "note", "does not run; the next call starts it")
    lock = situation.settings.data_dir / SERVICE_LOCK
    if health is None and lock.exists():
        with try_lock(lock) as free:
            pass
        if not free:
            cure = f"end the process that holds it: lsof {lock}"
            yield Check("service", "failed", "no service answers, but a process holds its lock", cure)


def _running(situation: Situation, health: JsonObject) -> Check:
    who = f"version {health['version']}, pid {health['pid']}, port {health['port']}"
    if situation.parts_error:
        return Check("service", "failed", f"{who}: {situation.parts_error}", "knowthread stop; the next call starts it")
    if health["phase"] == READY and health["answers"]:
        return Check("service", "ok", f"ready, {who}, schema version {health['schema_version']}")
    if health["phase"] == READY:
        return Check("service", "failed", f"does not answer, {who}", "knowthread stop; the next call starts it")
    return Check("service", "note", f"{health['phase']}, {who}")


def check_port(situation: Situation) -> Iterator[Check]:
    """The port that a setting names; without a setting, each start chooses a free port."""
    settings = situation.settings
    if situation.health is not None or not settings.port:
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            message = f"{settings.host} port {settings.port} cannot be used: {error.strerror}"
            yield Check("port", "failed", message, "set KNOWTHREAD_PORT to a free one, or unset it")
        else:
            yield Check("port", "ok", f"{settings.host} port {settings.port} is free")


def check_claude(situation: Situation) -> Iterator[Check]:
    """Whether Claude Code knows knowthread; other clients cannot be looked up."""
    file = claude_settings(situation.environ)
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield Check("claude", "note", f"no {file}: Claude Code is not set up for this user")
        return
    except (OSError, ValueError) as error:
        yield Check(
            "claude", "warning", f"{file} cannot be read: {error}", "see whether Claude Code itself can read it"
        )
        return
    entries = read_entries(content)
    older = sorted(place for place, entry in entries.items() if is_older(entry))
    if not entries:
        yield Check("claude", "note", "Claude Code does not know knowthread yet; to change that: knowthread setup")
    for place in older:
        where = "" if place == USER else f" in {place}"
        cure = "run knowthread setup"
        if place != USER:
            cure = f"run there: claude mcp remove --scope local {NAME}; then knowthread setup"
        yield Check("claude", "warning", f"Claude Code{where} sends its first request without the tools", cure)
    if entries and not older:
        yield Check("claude", "ok", f"Claude Code knows knowthread ({file})")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"
