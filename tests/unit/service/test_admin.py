"""An operation that takes long keeps its caller waiting, not guessing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette

from kg.errors import NotFound
from kg.values import JsonObject
from mcp_server.service.admin import admin_routes


class Slow:
    """A service whose merges are listed when they are asked for, and not before."""

    default_user = "somebody"

    def __init__(self, outcome: JsonObject | Exception) -> None:
        self.wanted = asyncio.Event()
        self._outcome = outcome
        self._merges = self

    @property
    def administration(self) -> Any:
        return self

    async def list(self, user_id: str, *, limit: int) -> JsonObject:
        await self.wanted.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return {**self._outcome, "of": user_id, "most": limit}


async def parts(backend: Slow) -> tuple[int, list[bytes]]:
    """The status and the parts of an answer, whose operation goes on after the second part."""

    async def ready() -> None:
        return None

    sent: list[Any] = []

    received = [{"type": "http.request", "body": b"{}"}]

    async def receive() -> Any:
        if not received:
            await asyncio.Event().wait()  # the caller stays
        return received.pop()

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 3:
            backend.wanted.set()

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/admin/list_merges",
        "headers": [],
        "query_string": b"",
    }
    backend_of: Any = backend
    await Starlette(routes=admin_routes(backend_of, ready, quiet_s=0.01))(scope, receive, send)
    return sent[0]["status"], [message["body"] for message in sent[1:]]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ({"merges": []}, {"merges": [], "of": "somebody", "most": 50}),
        (NotFound("merge", "x"), {"error": str(NotFound("merge", "x")), "retryable": False}),
    ],
)
async def test_a_long_operation_gives_signs_of_life_and_then_its_answer(
    outcome: JsonObject | Exception, told: JsonObject
) -> None:
    status, body = await parts(Slow(outcome))
    assert status == 200 and body[:2] == [b" ", b" "]
    assert json.loads(b"".join(body)) == told
