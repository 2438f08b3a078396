"""One name for a git repository, however its remote is written. The shim uses it: standard library alone."""

from __future__ import annotations

import re

MAX_PROJECT_CHARS = 256
_CASELESS_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
_SECOND_DOORS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Hosts that serve ssh on port 443 for another host."""
_SSH_ALIAS = re.compile(rf"({'|'.join(map(re.escape, sorted(_CASELESS_HOSTS)))})[-_+][a-z0-9._+-]+")
"""A known host and a mark of one's own: what people with two accounts write into their ssh configuration."""
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
    path = re.sub(r"/{2,}", "/", match[2].strip("/")).removesuffix(".git").strip("/")
    if not host or not path:
        return None
    project = f"{host}/{path.lower() if host in _CASELESS_HOSTS else path}"
    return project if len(project) <= MAX_PROJECT_CHARS and project.isprintable() else None


def normalise_project(name: str) -> str:
    """Return a project as a session names its own: a remote in any spelling becomes ``host/path``.

    ``git@github.com:acme/shop.git``, ``GitHub.com/Acme/Shop`` and ``https://github.com/acme/shop/`` become
    ``github.com/acme/shop``. A name that is no remote stays as it is.
    """
    if "://" in name or _SCP.fullmatch(name):
        return normalise_remote(name) or name
    return (normalise_remote(f"https://{name}") or name) if _HOST_AND_PATH.fullmatch(name) else name


def _known_host(host: str) -> str:
    """Return the host that a host name of a remote stands for."""
    host = host.rstrip(".").removeprefix("www.")
    alias = _SSH_ALIAS.fullmatch(host)
    return alias[1] if alias is not None else _SECOND_DOORS.get(host, host)
