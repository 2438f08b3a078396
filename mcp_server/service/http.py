"""The service's HTTP side: MCP over streamable HTTP, the routes for people, health, and open sessions.

One boundary stands before everything. It checks the bearer token (always), then Host and Origin. It is also the
outermost edge for exceptions, and logs only their kind and the path, because a request's body may hold memories.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Protocol

import uvicorn
from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.link.record import READY
from mcp_server.link.session import DROPPED, LISTEN
from mcp_server.link.starting_answer import is_fetching, not_ready_text
from mcp_server.service import admin, browse
from mcp_server.service.activity import Activity, beat
from mcp_server.service.admin import admin_routes
from mcp_server.service.browse import browse_route
from mcp_server.service.listen import QuietServer
from mcp_server.tools.tools import STATUS

MAX_BODY_BYTES = 17 << 20
"""Largest request: 16 MiB, the longest line that the shim takes, and some room."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")

_BOOT_PATIENCE_S = 55.0
"""Many clients give a call up after 60 s."""
_FETCH_PATIENCE_S = 4.0
"""The same while a first start fetches what the service consists of, which takes minutes."""
_PROGRESS_EVERY_S = 2.0
_CUT_S = 3
_PROBES = frozenset(("/healthz", "/metrics"))
"""Programs ask these again and again. That is no use of the service, so it does not delay the idle stop."""

_NEED_STORES = frozenset(("tools/call", "resources/read"))

_ENDING = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {"code": DROPPED, "message": "the service is ending; make the same call again in about 5 s"},
}
"""The answer to a call that comes while the service ends."""

logger = logging.getLogger(__name__)


class Backend(admin.Backend, browse.Backend, Protocol):
    """What the routes for people need of the running service."""


def build_app(
    server: MCPServer[Any],
    *,
    token: str,
    allowed_hosts: Sequence[str] | None,
    activity: Activity,
    health: Callable[[], Mapping[str, Any]],
    backend: Backend | None = None,
    patience_s: float = _BOOT_PATIENCE_S,
) -> Starlette:
    """Return the ASGI application of one service.

    Args:
        server: the MCP server; a tool call or report that is asked for before it is ready waits for it.
        token: what every request must carry.
        allowed_hosts: host names, without port, that ``Host`` may say; the loopback's are always allowed. None allows
            any name, for a service that listens on every address. Checking names keeps out a web page whose own name
            points here; such a page still has no token, and its ``Origin`` is still refused.
        activity: counts every request and session.
        health: returns what ``/healthz`` answers; ``phase`` is ``ready`` when the service takes calls.
        backend: serves ``/admin`` and ``/metrics``, which wait until the service is ready; None: no such routes.
        patience_s: how long a call waits for a service that is not ready, before it is told to come again.
    """
    names = [f"[{host}]" if ":" in host else host for host in allowed_hosts or ()]
    hosts = dict.fromkeys([*LOOPBACK_HOSTS, *names])
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[*hosts, *(f"{host}:*" for host in hosts)],
        allowed_origins=[f"http://{host}{port}" for host in hosts for port in ("", ":*")],
    )
    any_host = allowed_hosts is None
    boot = _Boot(health, activity.stopping, patience_s)
    server.middleware.append(_boot_gate(boot))
    app = server.streamable_http_app(
        # The boundary has checked the host already, and only it can allow any host.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False) if any_host else security,
        max_request_body_size=MAX_BODY_BYTES,
    )

    async def healthz(_: Request) -> JSONResponse:
        content = dict(health())
        ready = content.get("phase") == READY
        return JSONResponse(
            {"pid": os.getpid(), "sessions": activity.sessions, **content}, status_code=200 if ready else 503
        )

    async def presence(_: Request) -> StreamingResponse:
        return StreamingResponse(beat(activity), media_type="text/event-stream", headers={"cache-control": "no-store"})

    app.router.routes.append(Route("/healthz", healthz))
    app.router.routes.append(Route("/presence", presence))
    if backend is not None:
        app.router.routes.extend(admin_routes(backend, boot.wait))
        app.router.routes.append(browse_route(backend, activity, boot.wait))
    app.user_middleware.insert(
        0, Middleware(_Boundary, token=token, security=security, any_host=any_host, activity=activity)
    )
    return app


@asynccontextmanager
async def serve_http(app: Starlette, listener: socket.socket, activity: Activity) -> AsyncGenerator[asyncio.Event]:
    """Serve an application on a bound socket while the block runs; yields the event that asks the service to end.

    From here to the end of the process, SIGTERM and SIGINT only set the event, so they do not interrupt what is closed
    after this block. At the end of the block, calls under way get a few seconds to finish. Only then is Uvicorn told,
    because it ends every event stream at once, and answers to calls are event streams.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_CUT_S,
        ws="none",
        server_header=False,
    )
    server = QuietServer(config)
    activity.obey_signals()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    serving.add_done_callback(lambda _: activity.stopping.set())
    try:
        yield activity.stopping
    finally:
        activity.stopping.set()
        await activity.drain()
        server.handle_exit(signal.SIGTERM, None)  # ends the event streams
        server.end()
        await serving


class _Boundary:
    """Authentication, Host and Origin, counting, and the outermost edge for exceptions."""

    def __init__(
        self, app: ASGIApp, token: str, security: TransportSecuritySettings, any_host: bool, activity: Activity
    ) -> None:
        self._app = app
        self._expected = token.encode()
        self._security = security
        self._any_host = any_host
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = None
        if not self._authorised(scope):
            refusal = JSONResponse(
                {"error": "unauthorized", "message": "the bearer token is missing or wrong"},
                status_code=401,
                headers={"www-authenticate": "Bearer"},
            )
        refusal = refusal or await TransportSecurityMiddleware(self._allowed(request)).validate_request(request)
        is_post = request.method == "POST"
        if refusal is None and is_post and self._activity.stopping.is_set():
            refusal = JSONResponse(_ENDING, status_code=503)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        is_call = is_post and request.headers.get("mcp-method") != LISTEN
        with (
            nullcontext() if scope["path"] in _PROBES else self._activity.busy(),
            self._activity.call() if is_call else nullcontext(),
        ):
            try:
                await self._app(scope, receive, watched)
            except Exception as error:  # noqa: BLE001 (the outermost edge; its text may hold a memory's)
                logger.error("%s %s failed: %s", request.method, scope["path"], type(error).__name__)
                if not started:
                    await JSONResponse({"error": "internal"}, status_code=500)(scope, receive, send)

    def _allowed(self, request: Request) -> TransportSecuritySettings:
        if not self._any_host:
            return self._security
        return self._security.model_copy(update={"allowed_hosts": [request.headers.get("host", "")]})

    def _authorised(self, scope: Scope) -> bool:
        value = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        scheme, _, token = value.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._expected)


class _Boot:
    """Waits for a service that starts."""

    def __init__(self, health: Callable[[], Mapping[str, Any]], stopping: asyncio.Event, patience_s: float) -> None:
        self._health = health
        self._stopping = stopping
        self._patience_s = patience_s

    async def wait(self, tell: Callable[[float, str], Awaitable[None]] | None = None) -> str | None:
        """Wait for the service to be ready; return None, or if it takes too long, what to tell the caller.

        Args:
            tell: told now and then how many seconds have passed, and the phase.
        """
        began = time.monotonic()
        told = 0.0
        while (phase := str(self._health().get("phase"))) != READY:
            passed = time.monotonic() - began
            patience_s = min(self._patience_s, _FETCH_PATIENCE_S) if is_fetching(phase) else self._patience_s
            if passed >= patience_s or self._stopping.is_set():
                return not_ready_text(phase)
            if tell is not None and passed - told >= _PROGRESS_EVERY_S:
                told = passed
                await tell(round(passed, 1), phase)
            await asyncio.sleep(0.05)
        return None


def _boot_gate(boot: _Boot) -> Any:
    """Return middleware that lets calls wait for a service that starts, and answers them with what is happening."""

    async def gate(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        async def tell(passed_s: float, phase: str) -> None:
            await ctx.session.report_progress(passed_s, message=f"knowthread: {phase}")

        doing = await boot.wait(tell) if ctx.method in _NEED_STORES and not _is_status(ctx) else None
        if doing is None or ctx.method != "tools/call":  # what else needs the stores says itself that they are missing
            return await call_next(ctx)
        return CallToolResult(content=[TextContent(text=doing)], is_error=True)

    return gate


def _is_status(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether a request asks how far the service is, which can be told at any time."""
    return str((ctx.params or {}).get("uri")) == STATUS
