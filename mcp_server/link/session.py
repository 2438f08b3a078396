"""What a session sends with every call: who it is for, in which project, and under which request key.

The shim writes these headers and the service reads them. Values are percent-encoded UTF-8, because HTTP header values
are not. Standard library only, and nothing heavy of it: the shim uses this.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

USER = "knowthread-user"
AGENT = "knowthread-agent"
RUN = "knowthread-run"
PROJECT = "knowthread-project"
REQUEST_KEY = "knowthread-request-key"

LISTEN = "subscriptions/listen"
"""A request that is answered as long as its session lasts."""

DROPPED = -32800
"""Error code (request cancelled) of a call that the service dropped; who made it makes it again."""

SESSION_VARIABLES: Mapping[str, str] = {
    "MEM0_USER_ID": USER,
    "KNOWTHREAD_USER_ID": USER,
    "KNOWTHREAD_AGENT_ID": AGENT,
    "KNOWTHREAD_RUN_ID": RUN,
    "KNOWTHREAD_PROJECT": PROJECT,
}
"""Environment variables that belong to a session, not to the service, and the header each becomes; the last one that is
set wins, ours over mem0's."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@:+")
_CASELESS_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
_MAX_CONFIG_BYTES = 1 << 20
_MAX_PROJECT = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_MAX_SENT = 1000
"""Most characters sent of a value: more than the service takes, so that it refuses the value in words, and less than
what an HTTP server refuses without any."""


class SessionContext(NamedTuple):
    """What the headers of one call say; None where they say nothing."""

    user_id: str | None
    agent_id: str | None
    run_id: str | None
    project: str | None
    request_key: str | None


def encode_value(text: str) -> str:
    """Percent-encode any text into visible ASCII."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data)


def decode_value(value: str) -> str:
    """Undo ``encode_value``; bytes that are not UTF-8 become replacement characters."""
    parts = re.split("%([0-9A-Fa-f]{2})", value)
    data = b"".join(bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts))
    return data.decode("utf-8", "replace")


def session_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a session from its environment and its current folder."""
    given = {variable: environ.get(variable, "").strip() for variable in SESSION_VARIABLES}
    values = {SESSION_VARIABLES[variable]: value for variable, value in given.items() if value}
    if PROJECT not in values and (project := detect_project()):
        values[PROJECT] = project
    return {header: encode_value(value[:_MAX_SENT]) for header, value in values.items()}


def read_session(headers: Mapping[str, str]) -> SessionContext:
    """Return what a call's headers say; names in ``headers`` are looked up in lower case."""

    def value(name: str) -> str | None:
        return decode_value(headers.get(name, "")) or None

    return SessionContext(value(USER), value(AGENT), value(RUN), value(PROJECT), value(REQUEST_KEY))


def detect_project(folder: Path | None = None) -> str | None:
    """Name the project of a folder, by default the current one.

    It is the normalised remote of the git checkout that the folder lies in (``origin``, else the first one), so that
    every clone and worktree of a repository is one project; without a usable remote the name of the checkout's root
    folder, and outside git the name of the folder itself. Git is not run. None for a folder without a name.
    """
    try:
        start = (folder or Path.cwd()).absolute()
        root = next((place for place in (start, *start.parents) if _is_checkout(place)), None)
        if root is None:
            return _name_of(start)
        shared = _shared_git_folder(root / ".git")
        if shared is None:
            return _name_of(root)
        project = _remote(shared / "config")
        if project is None:
            project = _name_of(shared.parent if shared.name == ".git" else root)
    except OSError:
        return None
    return project


def normalise_remote(url: str) -> str | None:
    """Return ``host/path`` of a git remote without credentials, port and ``.git``; None for a local path.

    ``https://user:secret@GitHub.com/Owner/Name.git`` and ``git@github.com:owner/name`` are one project,
    ``github.com/owner/name``.
    """
    match = re.fullmatch(r"[a-z][a-z0-9+.-]*://([^/?#]+)/([^?#]+).*", url, re.IGNORECASE | re.DOTALL)
    if match is None and "://" not in url:
        match = re.fullmatch(r"((?:[^@/\s]+@)?(?:\[[^\]/]+\]|[^:/\s\[\]]+)):(.+)", url)
    if match is None:
        return None
    host = re.sub(r":\d*$", "", match[1].rpartition("@")[2]).lower()
    path = re.sub(r"/{2,}", "/", match[2].strip("/")).removesuffix(".git").strip("/")
    if not host or not path:
        return None
    project = f"{host}/{path.lower() if host in _CASELESS_HOSTS else path}"
    return project if len(project) <= _MAX_PROJECT and project.isprintable() else None


def _name_of(folder: Path) -> str | None:
    """A folder's name as a project: bytes that are not UTF-8 are replaced, control characters become blanks."""
    name = _CONTROL.sub(" ", os.fsencode(folder.name).decode("utf-8", "replace"))
    return name.strip()[:_MAX_PROJECT].rstrip() or None


def _is_checkout(folder: Path) -> bool:
    git = folder / ".git"
    return git.is_file() or (git / "HEAD").is_file()


def _shared_git_folder(git: Path) -> Path | None:
    """The folder that holds ``config``: for a worktree the main repository's, for a submodule its own."""
    if git.is_dir():
        return git
    kind, _, target = _read(git).partition(":")
    if kind.strip() != "gitdir":
        return None
    own = git.parent / target.strip()
    common = own / "commondir"
    shared = own / _read(common).strip() if common.is_file() else own
    return Path(os.path.normpath(shared)) if shared.is_dir() else None


def _remote(config: Path) -> str | None:
    """The normalised remote of a git configuration file."""
    urls: dict[str, str] = {}
    section: str | None = None
    for raw in _read(config).splitlines() if config.is_file() else ():
        line = raw.strip()
        header = re.match(r'\[\s*([^\s"\]]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]', line)
        if header is not None:
            section = header[2] if header[1].lower() == "remote" else None
            line = line[header.end() :].strip()
        name, equals, value = line.partition("=")
        if section is not None and equals and name.strip().lower() == "url":
            urls.setdefault(section, _plain(value))
    ordered = [urls.pop("origin")] if "origin" in urls else []
    return next((name for url in [*ordered, *urls.values()] if (name := normalise_remote(url))), None)


def _plain(value: str) -> str:
    """A git configuration value without quotes and comment."""
    value = value.strip()
    if value.startswith('"'):
        return value[1:].partition('"')[0]
    return re.split(r"\s[#;]", value, maxsplit=1)[0].strip()


def _read(file: Path) -> str:
    with file.open("rb") as handle:
        return handle.read(_MAX_CONFIG_BYTES).decode("utf-8", "replace")
