"""One name for a git repository, however its remote is written. The shim uses it: standard library alone."""

from __future__ import annotations

import re

MAX_PROJECT_CHARS = 256
_CASELESS_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
_SECOND_DOORS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
}
"""Hosts that serve ssh for another host."""
_SHORT_HOSTS = {"github": "github.com", "gh": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}
_SSH_ALIAS = re.compile(rf"({'|'.join(map(re.escape, sorted(_CASELESS_HOSTS)))})[-_+][a-z0-9._+-]+")
"""A known host and a mark of one's own: what people with two accounts write into their ssh configuration."""
_SHORT_ALIAS = re.compile(r"(?:[a-z0-9]+[-_])?(github|gitlab|bitbucket)(?:[-_+][a-z0-9_+-]+)?")
"""The same without the ending of the host: github-work, me-gitlab."""
_WITHIN = re.compile(
    r"/(?:-/.*|(?:tree|blob|raw|commits?|issues|pull|pulls|wiki|releases|actions|src|branch)(?:/.*)?)$"
)
"""What follows a repository in the address of one of its pages."""
_HOST = r"[\w-]+(?:\.[\w-]+)*\.[A-Za-z][\w-]+"
_SCP = re.compile(rf"(?:[^@/\s:]+@[^:/\s]+|{_HOST}):[^\s:]+", re.ASCII)
_HOST_AND_PATH = re.compile(rf"{_HOST}(?::\d+)?/\S+", re.ASCII)


def normalise_remote(url: str) -> str | None:
    """Return ``host/path`` of a git remote without credentials, port and ``.git``; None for a local path.

    ``https://user:secret@www.GitHub.com/Owner/Name.git``, ``git@github.com-work:owner/name`` and
    ``ssh://git@ssh.github.com:443/owner/name`` all become ``github.com/owner/name``.
    """
    match = re.fullmatch(r"[a-z][a-z0-9+.-]*://([^/?#]+)/([^?#]+).*", url, re.IGNORECASE | re.DOTALL)
    if match is None and "://" not in url:
        match = re.fullmatch(r"((?:[^@/\s]+@)?(?:\[[^\]/]+\]|[^:/\s\[\]]+)):(.+)", url)
    if match is None:
        return None
    host = _known_host(re.sub(r":\d*$", "", match[1].rpartition("@")[2]).lower())
    path = _bare_path(host, match[2])
    if not host or not path:
        return None
    project = f"{host}/{path.lower() if host in _CASELESS_HOSTS else path}"
    return project if len(project) <= MAX_PROJECT_CHARS and project.isprintable() else None


def normalise_project(name: str) -> str:
    """Return a project as a session names its own: a remote in any spelling becomes ``host/path``.

    ``git@github.com:acme/shop.git``, ``GitHub.com/Acme/Shop`` and ``https://github.com/acme/shop/`` become
    ``github.com/acme/shop``. A name that is no remote stays as it is.
    """
    if _HOST_AND_PATH.fullmatch(name):
        return normalise_remote(f"https://{name}") or name
    short, _, path = name.partition(":")
    if short.lower() in _SHORT_HOSTS and re.fullmatch(r"[\w.-]+/[\w.-]+", path):
        return normalise_remote(f"https://{_SHORT_HOSTS[short.lower()]}/{path}") or name
    return (normalise_remote(name) or name) if "://" in name or _SCP.fullmatch(name) else name


def _known_host(host: str) -> str:
    """Return the host that a host name of a remote stands for."""
    host = host.rstrip(".").removeprefix("www.")
    if (alias := _SSH_ALIAS.fullmatch(host)) is not None:
        return alias[1]
    if (alias := _SHORT_ALIAS.fullmatch(host)) is not None:
        return _SHORT_HOSTS[alias[1]]
    return _SECOND_DOORS.get(host, host)


def _bare_path(host: str, path: str) -> str:
    """Return the path of a repository on its host, without what its remotes and pages add to it."""
    path = re.sub(r"/{2,}", "/", path.strip("/"))
    if host == "dev.azure.com":
        path = path.removeprefix("v3/").replace("/_git/", "/")
    if host in _CASELESS_HOSTS and path.count("/") > 1:
        path = _WITHIN.sub("", path)
    return re.sub(r"\.git$", "", path, flags=re.IGNORECASE).strip("/")
