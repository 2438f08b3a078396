"""The HTTP side at rest: nothing wakes until a request comes or the end."""

import asyncio
import socket

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mcp_server.service.listen import QuietServer


class Counted(QuietServer):
    ticks = 0

    async def on_tick(self, counter: int) -> bool:
        self.ticks += 1
        return await super().on_tick(counter)


async def test_a_server_at_rest_does_not_wake_answers_and_ends_when_it_is_told():
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Counted(uvicorn.Config(app, log_config=None, ws="none", server_header=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            answer = await client.get("/")
        await asyncio.sleep(0.3)  # Uvicorn's own loop ticks every 0.1 s
        assert (answer.text, "date" in answer.headers, server.ticks) == ("here", False, 1)
        server.end()
        await asyncio.wait_for(serving, 5)
