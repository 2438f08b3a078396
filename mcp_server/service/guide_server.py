"""Serves the guide, the style and the saved queries to Neo4j Browser, while a person asks for them and not longer.

Browser's pages have an origin of their own and carry no token, so these files have a port of their own, on loopback.
It answers nothing but these files, under a path that cannot be guessed, to the origins that may read them.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kg.errors import SetupError
from mcp_server.pages.guide import render_guide, saved_queries, style
from mcp_server.service.listen import QuietServer

HOST = "127.0.0.1"
NAME = "localhost"
"""How Browser must call us: it plays guides from the hosts on its list, where only this name stands."""
PORT_OF_SERVERS = 7475
"""The port for a Neo4j that we do not manage: docker-compose.yml lets its Browser fetch from there."""

_ASKED_WITH = "pragma, cache-control, sentry-trace, baggage"
"""Headers that Browser adds to its request for a guide, the last two in case its own telemetry is on."""
_METHODS = ("GET", "HEAD", "OPTIONS")
_TYPES = {"html": "text/html; charset=utf-8", "grass": "text/plain; charset=utf-8", "zip": "application/zip"}


@dataclass(frozen=True)
class Offer:
    """Where the guide can be fetched.

    Attributes:
        port: where to listen; 0 is any that is free.
        origins: of the pages that may read it. None is any page, because nobody knows where the person's Browser runs.
    """

    port: int
    origins: Sequence[str] | None


class Guides:
    """The guides that people have open, each under a path of its own; the port is open while there is one."""

    def __init__(self) -> None:
        self._users: dict[str, str] = {}
        self._port = 0
        self._server: QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def offer(self, user_id: str, offer: Offer) -> AsyncGenerator[str]:
        """Serve a person's guide while the block runs, and yield its address.

        Raises:
            SetupError: another program listens on the port.
        """
        key = secrets.token_urlsafe(12)
        async with self._changing:
            if not self._users:
                await self._open(offer)
            self._users[key] = user_id
        try:
            yield f"http://{NAME}:{self._port}/{key}/guide.html"
        finally:
            del self._users[key]
            if not self._users:
                await self._close()

    async def _open(self, offer: Offer) -> None:
        listener = _listen(offer.port, or_any=offer.origins is None)
        self._port = listener.getsockname()[1]
        app = Starlette(routes=[Route("/{key}/{file}", self._answer(offer), methods=list(_METHODS))])
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", server_header=False)
        config.timeout_graceful_shutdown = 1
        self._server = QuietServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="guide")

    async def _close(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.end()
            serving, self._server, self._serving = self._serving, None, None
            with suppress(asyncio.CancelledError):
                await asyncio.shield(serving)

    def _answer(self, offer: Offer) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            headers = _headers(request, offer)
            user_id = self._users.get(request.path_params["key"])
            name: str = request.path_params["file"]
            if request.headers.get("host", "").partition(":")[0] not in (NAME, HOST) or user_id is None:
                return Response(status_code=404)
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=headers)
            base = f"http://{NAME}:{self._port}/{request.path_params['key']}/"
            content = await asyncio.to_thread(_content, name, user_id, base)
            if content is None:
                return Response(status_code=404)
            return Response(content, headers={**headers, "content-type": _TYPES[name.rpartition(".")[2]]})

        return answer


def _content(name: str, user_id: str, base: str) -> str | bytes | None:
    match name:
        case "guide.html":
            return render_guide(user_id, base)
        case "style.grass":
            return style()
        case "queries.zip":
            return saved_queries(user_id)
        case _:
            return None


def _headers(request: Request, offer: Offer) -> Mapping[str, str]:
    """Return the headers that let a page of one of the origins read the answer, and those that keep others out."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "vary": "origin"}
    origin = request.headers.get("origin")
    if origin is not None and (offer.origins is None or origin in offer.origins):
        headers |= {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": "GET",
            "access-control-allow-headers": _ASKED_WITH,
        }
    return headers


def _listen(port: int, *, or_any: bool) -> socket.socket:
    """Return a listening socket on a port; ``or_any``: on any free one if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(16)
    except OSError as error:
        listener.close()
        if or_any and port:
            return _listen(0, or_any=False)
        raise SetupError(
            f"the guide cannot be served on port {port}: {error.strerror}",
            "end the program that listens there, or run `knowthread stop`: the next start chooses another port",
        ) from error
    return listener
