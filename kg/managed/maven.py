"""Fetches jars from Maven repositories over connections that are kept: to open one costs more than a small jar takes.

Which repositories there are is jgo's configuration, so a mirror that is set there counts here too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kg.errors import shorten
from kg.managed.artifact_lock import jar_path

if TYPE_CHECKING:
    from requests import Response, Session

TIMEOUT_S = 30
CENTRAL = "central"
_CHUNK_BYTES = 1 << 16
_RATE_LIMITED = 429
_AGAIN = 3


class FetchFailed(Exception):
    """No repository gave a jar; says why."""


def in_order(named: Mapping[str, str]) -> list[str]:
    """Return the addresses of repositories, of which central is asked last."""
    return [url.rstrip("/") for _, url in sorted(named.items(), key=lambda item: item[0] == CENTRAL)]


class MavenClient:
    """Keeps one connection for each thread and repository; a connection ends with its thread."""

    def __init__(self, repositories: Sequence[str] | None = None) -> None:
        """``repositories``: their addresses, the first to be asked first; by default those of jgo's configuration."""
        self._given = repositories
        self._own = threading.local()

    def fetch(self, coordinate: str, folder: Path, received: Callable[[int], None]) -> Path:
        """Fetch one jar into a folder and return its path; the repositories of jgo's own configuration come first.

        Args:
            coordinate: as in the lock.
            folder: an empty folder.
            received: told the size of each chunk.

        Raises:
            FetchFailed: no repository gave it.
        """
        import requests

        path = jar_path(coordinate)
        refused = requests.codes.not_found
        try:
            for repository in self._repositories:
                with self._session().get(f"{repository}/{path}", stream=True, timeout=TIMEOUT_S) as response:
                    if response.status_code == requests.codes.ok:
                        return _save(response, folder / PurePosixPath(path).name, received)
                    if response.status_code != requests.codes.not_found:
                        refused = response.status_code
        except requests.RequestException as error:
            raise FetchFailed(f"{type(error).__name__}, {shorten(error, 120)}") from error
        absent = refused == requests.codes.not_found
        raise FetchFailed(f"{coordinate} is not there" if absent else f"{coordinate} was refused with HTTP {refused}")

    @cached_property
    def _repositories(self) -> Sequence[str]:
        if self._given is not None:
            return self._given
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL

        return in_order({CENTRAL: MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories)

    def _session(self) -> Session:
        """Return this thread's session."""
        session: Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = _new_session()
        return session


def _new_session() -> Session:
    import requests
    import truststore
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    truststore.inject_into_ssl()  # the system knows a company's own certificate authority, requests does not
    retry = Retry(
        total=None, connect=0, read=0, redirect=5, status=_AGAIN, other=0, status_forcelist=(_RATE_LIMITED,),
        backoff_factor=1, raise_on_status=False,
    )  # fmt: skip
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=retry))
    session.mount("http://", HTTPAdapter(max_retries=retry))
    return session


def _save(response: Response, target: Path, received: Callable[[int], None]) -> Path:
    with target.open("wb") as out:
        for chunk in response.iter_content(_CHUNK_BYTES):
            out.write(chunk)
            received(len(chunk))
    return target
