"""The manifest: the server's answers to requests that need no running service, recorded for the shim.

``python -m mcp_server.tools.manifest`` writes ``manifest.generated.json`` next to this file, and a test compares it
with the server. The answers are recorded from the wire, once per protocol version, so the shim answers exactly as the
server does.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, cast

import httpx
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

FILE = Path(__file__).with_name("manifest.generated.json")
LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")

_CLIENT = {"name": "manifest", "version": "0"}
_NO_CHECKS = TransportSecuritySettings(enable_dns_rebinding_protection=False)


async def build_manifest(server: MCPServer[Any]) -> dict[str, Any]:
    """Return the manifest of a server. Only its lists are asked for."""
    app = server.streamable_http_app(json_response=True, transport_security=_NO_CHECKS)
    seen: list[tuple[str, str, dict[str, Any]]] = []
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        for version in HANDSHAKE_PROTOCOL_VERSIONS:
            opening = {"protocolVersion": version, "capabilities": {}, "clientInfo": _CLIENT}
            result, session = await _ask(client, "initialize", opening, {})
            seen.append(("initialize", version, result))
            headers = {"mcp-session-id": session, "mcp-protocol-version": version}
            await _post(client, {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
            for method in ("ping", *LISTS):
                result, _ = await _ask(client, method, {}, headers)
                seen.append((method, version, result))
        for version in MODERN_PROTOCOL_VERSIONS:
            prefix = "io.modelcontextprotocol/"
            meta: dict[str, Any] = {f"{prefix}protocolVersion": version, f"{prefix}clientCapabilities": {}}
            for method in ("server/discover", *LISTS):
                headers = {"mcp-protocol-version": version, "mcp-method": method}
                result, _ = await _ask(client, method, {"_meta": meta}, headers)
                seen.append((method, version, result))
    tools = next(result for method, _, result in seen if method == "tools/list")["tools"]
    return {
        "version": server.version,
        "handshake_versions": list(HANDSHAKE_PROTOCOL_VERSIONS),
        "modern_versions": list(MODERN_PROTOCOL_VERSIONS),
        "read_only_tools": sorted(t["name"] for t in tools if t.get("annotations", {}).get("readOnlyHint")),
        "answers": _grouped(seen),
    }


def _grouped(seen: Iterable[tuple[str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return each different answer once, with the protocol versions that give it."""
    grouped: list[dict[str, Any]] = []
    for method, version, result in seen:
        same = next((a for a in grouped if a["method"] == method and a["result"] == result), None)
        if same is None:
            grouped.append({"method": method, "versions": [version], "result": result})
        else:
            same["versions"].append(version)
    return grouped


async def _ask(
    client: httpx.AsyncClient, method: str, params: dict[str, Any], headers: dict[str, str]
) -> tuple[dict[str, Any], str]:
    response = await _post(client, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers)
    content: dict[str, Any] = response.json()
    return content["result"], response.headers.get("mcp-session-id", "")


async def _post(client: httpx.AsyncClient, message: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    accept = {"accept": "application/json, text/event-stream"}
    response = await client.post("/mcp", json=message, headers=accept | headers)
    return response.raise_for_status()


def render(manifest: dict[str, Any]) -> str:
    """Return the manifest as the file holds it."""
    return json.dumps(manifest, ensure_ascii=False, separators=(",", ":")) + "\n"


async def build_live_manifest() -> dict[str, Any]:
    """Return the manifest of the server that ``serve`` runs."""
    from mcp_server.tools.tools import Backend, build_server

    absent = cast(Backend, None)  # no list asks the service
    return await build_manifest(build_server(absent, installed_version("knowthread")))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    FILE.write_text(render(asyncio.run(build_live_manifest())), encoding="utf-8")
