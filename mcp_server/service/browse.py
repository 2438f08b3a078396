"""``GET /browse``: offers a person the guide of Neo4j Browser for as long as the connection is open.

The first event says where everything is. Comments follow, which keep the service, and with it Neo4j, from stopping.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kg.errors import KgError
from mcp_server.pages.guide import browser_link
from mcp_server.service.activity import Activity, beat
from mcp_server.service.admin import Waiting
from mcp_server.service.guide_server import Guides, Offer
from mcp_server.tools.tools import session_of


class Backend(Protocol):
    """What this route needs of the running service."""

    guides: Guides

    @property
    def default_user(self) -> str:
        """The user of a call that names none."""
        ...

    def guide_offer(self) -> Offer:
        """Where the guide can be served."""
        ...

    async def status(self) -> dict[str, Any]:
        """Return the state of every part."""
        ...


def browse_route(backend: Backend, activity: Activity, waiting: Waiting) -> Route:
    """Return the route."""

    async def browse(request: Request) -> Response:
        doing = await waiting()
        if doing is not None:
            return JSONResponse({"error": doing, "retryable": True}, status_code=503)
        try:
            user_id = session_of(request.headers, backend.default_user).scope.user_id
        except KgError as error:
            return JSONResponse({"error": str(error), "retryable": False}, status_code=400)
        return StreamingResponse(
            _events(backend, activity, user_id), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    return Route("/browse", browse)


async def _events(backend: Backend, activity: Activity, user_id: str) -> AsyncGenerator[bytes]:
    try:
        async with backend.guides.offer(user_id, backend.guide_offer()) as guide_url:
            yield _event(_described((await backend.status()).get("neo4j", {}), guide_url))
            async with aclosing(beat(activity)) as beats:
                async for comment in beats:
                    yield comment
    except KgError as error:
        yield _event({"error": str(error)})


def _event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()


def _described(neo4j: dict[str, Any], guide_url: str) -> dict[str, Any]:
    """Return where the guide is and how to open it; of a Browser that is not ours only the person knows where it is."""
    described = {"guide_url": guide_url, "user": neo4j.get("user"), "password_file": neo4j.get("password_file")}
    if "browser_url" in neo4j:
        described["link"] = browser_link(
            neo4j["browser_url"], neo4j["url"], neo4j["user"], neo4j["database"], guide_url
        )
    return described
