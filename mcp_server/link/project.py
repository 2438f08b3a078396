"""The project of a folder: its git remote, else the name of its root folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

_CASELESS_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
_MAX_CONFIG_BYTES = 1 << 20
_MAX_PROJECT = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def detect_project(folder: Path | None = None) -> str | None:
    """Name the project of a folder, by default the current one.

    In a git checkout it is the normalised remote (``origin``, else the first one), so every clone and worktree of a
    repository is the same project. Without a usable remote it is the name of the checkout's root folder, and outside
    git the name of the folder itself. Git is not run. None for a folder without a name.
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

    ``https://user:secret@GitHub.com/Owner/Name.git`` and ``git@github.com:owner/name`` both become
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
    """Return a folder's name as a project: bytes that are not UTF-8 are replaced, control characters become blanks."""
    name = _CONTROL.sub(" ", os.fsencode(folder.name).decode("utf-8", "replace"))
    return name.strip()[:_MAX_PROJECT].rstrip() or None


def _is_checkout(folder: Path) -> bool:
    git = folder / ".git"
    return git.is_file() or (git / "HEAD").is_file()


def _shared_git_folder(git: Path) -> Path | None:
    """Return the folder that holds ``config``: for a worktree the main repository's, for a submodule its own."""
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
    """Return the normalised remote that a git configuration file names."""
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
    """Return a git configuration value without quotes and comment."""
    value = value.strip()
    if value.startswith('"'):
        return value[1:].partition('"')[0]
    return re.split(r"\s[#;]", value, maxsplit=1)[0].strip()


def _read(file: Path) -> str:
    with file.open("rb") as handle:
        return handle.read(_MAX_CONFIG_BYTES).decode("utf-8", "replace")
