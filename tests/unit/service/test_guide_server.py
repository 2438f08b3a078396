"""The guide is to be had by Neo4j Browser alone, and only while a person asks for it."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from kg.errors import SetupError
from mcp_server.service.guide_server import Guides, Offer

BROWSER = "http://127.0.0.1:21000"
OURS = Offer(0, [BROWSER])


async def answer(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        for _ in range(50):
            try:
                return await client.request(method, url.replace("localhost", "127.0.0.1"), headers=headers)
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
    raise AssertionError("nobody listens")


async def test_browser_reads_guide_style_and_queries():
    async with Guides().offer("ada", OURS) as url:
        guide = await answer(url, origin=BROWSER)
        assert guide.status_code == 200 and "Your memory, ada" in guide.text
        assert guide.headers["access-control-allow-origin"] == BROWSER
        for name, kind in {"style.grass": "text/plain", "queries.zip": "application/zip"}.items():
            other = await answer(url.replace("guide.html", name), origin=BROWSER)
            assert other.status_code == 200 and other.headers["content-type"].startswith(kind)


async def test_the_question_before_a_request_allows_what_browser_sends():
    async with Guides().offer("ada", OURS) as url:
        allowed = await answer(url, "OPTIONS", origin=BROWSER)
        assert allowed.status_code == 204
        names = allowed.headers["access-control-allow-headers"]
        assert {"pragma", "cache-control", "sentry-trace", "baggage"} == set(names.split(", "))


async def test_pages_of_other_origins_cannot_read_it():
    async with Guides().offer("ada", OURS) as url:
        for method in ("GET", "OPTIONS"):
            foreign = await answer(url, method, origin="http://evil.example")
            assert "access-control-allow-origin" not in foreign.headers
        assert (await answer(url, host="evil.example")).status_code == 404


async def test_nothing_else_is_served_and_no_other_path():
    async with Guides().offer("ada", OURS) as url:
        root = url.rpartition("/")[0].rpartition("/")[0]
        for wrong in (f"{root}/other/guide.html", url.replace("guide.html", "page.js"), f"{root}/", f"{root}/healthz"):
            assert (await answer(wrong)).status_code == 404
        assert (await answer(url, "POST")).status_code == 405


async def test_the_port_is_closed_when_the_last_person_has_left():
    guides = Guides()
    async with guides.offer("ada", OURS) as first:
        async with guides.offer("bob", OURS) as second:
            assert "Your memory, bob" in (await answer(second)).text
            assert "Your memory, ada" in (await answer(first)).text
        assert (await answer(second)).status_code == 404
        port = httpx.URL(first).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), timeout=1)
    async with guides.offer("ada", OURS) as again:
        assert (await answer(again)).status_code == 200


async def test_a_taken_port_is_an_error_with_a_cure_unless_any_will_do():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SetupError, match="knowthread stop"):
            async with Guides().offer("ada", Offer(other.getsockname()[1], [BROWSER])):
                pass
        async with Guides().offer("ada", Offer(other.getsockname()[1], None)) as url:
            assert (await answer(url, origin="https://own.example")).headers["access-control-allow-origin"]
