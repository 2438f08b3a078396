"""The project of a folder: its git remote, else the name of its root folder with a mark of its place.

Invariant: every clone and worktree of a repository is one project, and two folders without a remote are two.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from kg.language.remotes import MAX_PROJECT_CHARS, normalise_remote

_MAX_CONFIG_BYTES = 1 << 20
_MARK_CHARS = 4
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def detect_project(folder: Path | None = None) -> str | None:
    """Name the project of a folder, by default the current one.

    In a git checkout it is the normalised remote (``origin``, else the first one), so every clone and worktree of a
    repository is the same project. Without a usable remote it is the name of the checkout's root folder, and outside
    git the name of the folder itself, each with four hexadecimal digits of where the folder is: ``web~3fa1``. So two
    folders of one name are two projects. Git is not run. None for a folder without a name.
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


def _name_of(folder: Path) -> str | None:
    """Return a folder's name and a mark of its place; bytes that are not UTF-8 and control characters are replaced."""
    name = _CONTROL.sub(" ", os.fsencode(folder.name).decode("utf-8", "replace")).strip()
    mark = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:_MARK_CHARS]
    return f"{name[: MAX_PROJECT_CHARS - _MARK_CHARS - 1].rstrip()}~{mark}" if name else None


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
    rewrites: dict[str, str] = {}
    for file in (*_person_wide(), config):
        for section, name, value in _settings(file):
            kind, _, own = section.partition(" ")
            if kind == "url" and name == "insteadof" and value:
                rewrites[value] = own
            elif kind == "remote" and name == "url" and file is config:
                urls.setdefault(own, value)
    ordered = [urls.pop("origin")] if "origin" in urls else []
    written = (_rewritten(url, rewrites) for url in [*ordered, *urls.values()])
    return next((name for url in written if (name := normalise_remote(url))), None)


def _person_wide() -> tuple[Path, Path]:
    """Return the configuration files of git that hold for all of a person's checkouts."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is none
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git" / "config", home / ".gitconfig"


def _rewritten(url: str, rewrites: dict[str, str]) -> str:
    """Return a remote as git uses it: the longest ``insteadOf`` that it begins with is replaced."""
    short = max((prefix for prefix in rewrites if url.startswith(prefix)), key=len, default=None)
    return url if short is None else rewrites[short] + url[len(short) :]


def _settings(config: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the settings of a git configuration file: section (``remote origin``), name in lower case, value."""
    section = ""
    for raw in _read(config).splitlines() if config.is_file() else ():
        line = raw.strip()
        header = re.match(r'\[\s*([^\s"\]]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]', line)
        if header is not None:
            section = f"{header[1].lower()} {header[2] or ''}"
            line = line[header.end() :].strip()
        name, equals, value = line.partition("=")
        if equals:
            yield section, name.strip().lower(), _plain(value)


def _plain(value: str) -> str:
    """Return a git configuration value without quotes and comment."""
    value = value.strip()
    if value.startswith('"'):
        return value[1:].partition('"')[0]
    return re.split(r"\s[#;]", value, maxsplit=1)[0].strip()


def _read(file: Path) -> str:
    with file.open("rb") as handle:
        return handle.read(_MAX_CONFIG_BYTES).decode("utf-8", "replace")
