"""Where the service listens, and who may talk to it."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from kg.errors import ConfigurationError, SetupError
from kg.settings.paths import write_private
from mcp_server.link.record import TOKEN, read_token

PORT = "port"
MIN_TOKEN = 16
"""Fewest characters of a bearer token."""
LOOPBACK = ("localhost", "::1")
WILDCARDS = ("", "0.0.0.0", "::")  # noqa: S104 (what is looked for, not where we listen)
"""Hosts that mean all addresses of the machine."""


class QuietServer(uvicorn.Server):
    """Uvicorn that sleeps until there is something to do, and leaves signals alone.

    Its own loop wakes ten times a second, for the date in its answers and to see whether it should end: most of what a
    service at rest takes. Its signal handlers would raise the signal again before the stores are closed.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        config.date_header = False
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Ask the server to end, as soon as its requests are answered."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Serve until the server is asked to end."""
        await self.on_tick(0)
        await self._ended.wait()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the process's signals alone."""
        yield


def check_exposure(host: str, token: str) -> None:
    """Refuse settings that would let strangers in.

    Args:
        host: the address to listen on.
        token: the bearer token that the user chose; empty: one is generated.

    Raises:
        ConfigurationError: the token can be guessed or cannot be sent, or other machines can reach the host and no
            token was chosen.
    """
    accepted = f"choose at least {MIN_TOKEN} characters, such as `openssl rand -hex 32` gives"
    if token and len(token) < MIN_TOKEN:
        raise ConfigurationError("KNOWTHREAD_TOKEN", f"{len(token)} characters can be guessed", accepted)
    if token != token.strip() or not token.isprintable():
        raise ConfigurationError(
            "KNOWTHREAD_TOKEN", "blanks at the ends and control characters cannot be sent", accepted
        )
    if not token and not is_loopback(host):
        raise ConfigurationError(
            "KNOWTHREAD_HOST",
            f"other machines can reach {host!r}, which needs a token of your own choice",
            f"set KNOWTHREAD_TOKEN to at least {MIN_TOKEN} characters, or unset KNOWTHREAD_HOST",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on a host."""
    return host.lower() in LOOPBACK or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def ensure_token(folder: Path, chosen: str = "") -> str:
    """Return the service's bearer token and keep it where shims find it. Unless one is chosen, it is generated once."""
    token = chosen or read_token(folder)
    if not chosen and len(token) < MIN_TOKEN:
        token = secrets.token_urlsafe(32)
    write_private(folder / TOKEN, token)
    return token


def bind_socket(folder: Path, host: str, port: int = 0) -> socket.socket:
    """Return a listening socket. Port 0 takes the last one if it is free, else any free one, and remembers it.

    Raises:
        SetupError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    candidates = [port] if port else [*_remembered_port(folder), 0]
    failure: OSError | None = None
    for candidate in candidates:
        # If the protocol is named, asyncio turns off Nagle's delay on accepted sockets, which costs 40 ms a call.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as error:
            listener.close()
            failure = error
            continue
        if not port:
            write_private(folder / PORT, str(listener.getsockname()[1]))
        return listener
    raise SetupError(
        f"cannot listen on {host} port {port or '(any)'}: {failure}",
        "set KNOWTHREAD_PORT to a free port, or to 0 for any, and KNOWTHREAD_HOST to an address of this machine",
    ) from failure


def _remembered_port(folder: Path) -> list[int]:
    try:
        return [int((folder / PORT).read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []
