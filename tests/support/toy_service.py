"""A small resident service for the shim's tests: the same life as the real one, without stores.

Started as ``python -I toy_service.py``; ``boot.json`` in its data folder says how it behaves: seconds of boot, a file
to wait for before the record is written (``late``) or before it is ready (``until``), the phase of a boot that fetches
nothing, an error to fail with, a version, a child to leave behind, seconds of closing, whether any Host is taken, how
long a call waits for the boot (``patience_s``) and the end for calls (``drain_s``). It appends what it carried out to
``done.log``. As long as there is a file ``held``, calls of ``slow`` and ``count`` are not answered.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[2]))

from mcp.server import MCPServer  # noqa: E402
from mcp.server.mcpserver import Context  # noqa: E402
from mcp.server.mcpserver.exceptions import ToolError  # noqa: E402
from mcp_types import CallToolResult, TextContent, ToolAnnotations  # noqa: E402

from kg.errors import Conflict  # noqa: E402
from mcp_server.link.lifecycle import ALREADY_RUNNING, STOPPED  # noqa: E402
from mcp_server.link.record import FAILED, READY, STOPPING, claim_service_lock, publish_record  # noqa: E402
from mcp_server.link.session import IN_DOUBT, read_session  # noqa: E402
from mcp_server.service.activity import Activity, idle_watch  # noqa: E402
from mcp_server.service.admin import Backend  # noqa: E402
from mcp_server.service.http import build_app, serve_http  # noqa: E402
from mcp_server.service.listen import bind_socket, ensure_token  # noqa: E402
from mcp_server.service.log import configure_logging  # noqa: E402

COMMAND = (sys.executable, "-I", str(HERE))
READ = ToolAnnotations(read_only_hint=True)
HELD = "held"


def build_toy(folder: Path) -> MCPServer:
    server = MCPServer("toy", version="0.1.0", instructions="a toy", log_level="WARNING")
    done = folder / "done.log"

    async def released() -> None:
        while (folder / HELD).exists():
            await asyncio.sleep(0.02)

    @server.tool(annotations=READ)
    def echo(text: str) -> str:
        return text

    @server.tool(annotations=READ)
    def whoami(ctx: Context) -> dict[str, str | None]:
        return dict(read_session(ctx.headers or {})._asdict())

    @server.tool(annotations=READ)
    def environment() -> dict[str, str]:
        return {"cwd": str(Path.cwd()), "pid": str(os.getpid()), "path": "\n".join(sys.path), **os.environ}

    @server.tool(annotations=READ)
    async def slow(ctx: Context, steps: int = 5, pause_s: float = 0.1) -> str:
        (folder / "slow.started").touch()
        try:
            for step in range(steps):
                await ctx.report_progress(step + 1, steps, f"step {step + 1}")
                await asyncio.sleep(pause_s)
            await released()
        except asyncio.CancelledError:
            (folder / "slow.cancelled").touch()
            raise
        return "done"

    @server.tool(annotations=READ)
    def big(size: int) -> str:
        return "ü" * size

    @server.tool(annotations=READ)
    def fail() -> str:
        raise ToolError("as you wished")

    @server.tool(annotations=READ)
    def crash(text: str) -> str:
        raise RuntimeError(text)

    @server.tool()
    async def count(what: str, ctx: Context) -> int:
        """Count once per request key; what holds it is after the deed, before the answer."""
        key = read_session(ctx.headers or {}).request_key
        known = done.read_text().splitlines() if done.exists() else []
        if f"{key} {what}" not in known:
            with done.open("a") as log:
                log.write(f"{key} {what}\n")
        await released()
        return len(done.read_text().splitlines())

    @server.tool()
    def doubt(what: str, ctx: Context) -> CallToolResult:
        """Answer the first try of a key as if the database had gone away at the commit."""
        key = read_session(ctx.headers or {}).request_key
        with (folder / "doubt.log").open("a+") as log:
            log.seek(0)
            known = f"{key}\n" in log.readlines()
            log.write(f"{key}\n")
        text = TextContent(text=f"{what} with {key}")
        return CallToolResult(content=[text], is_error=not known, _meta=None if known else {IN_DOUBT: True})

    @server.prompt()
    def greet(name: str) -> str:
        return f"Greet {name}."

    @server.resource("toy://größe")
    def status() -> str:
        return "fine"

    return server


Parts = tuple[MCPServer, Backend | None]


def build_parts(folder: Path) -> Parts:
    return build_toy(folder), None


async def serve(folder: Path, parts: Parts) -> int:
    settings = {"data_dir": folder, "idle_minutes": 30.0, "embedder": "toy", "neo4j_password": "hush"}
    boot: dict[str, Any] = json.loads((folder / "boot.json").read_text()) if (folder / "boot.json").exists() else {}
    version = boot.get("version", "0.1.0")
    while "late" in boot and not (folder / boot["late"]).exists():
        await asyncio.sleep(0.02)
    token = ensure_token(folder, os.environ.get("KNOWTHREAD_TOKEN", ""))
    listener = bind_socket(folder, "127.0.0.1")
    address: tuple[str, int] = listener.getsockname()[:2]
    record = publish_record(folder, address, version=version, schema_version=1, settings=settings, token=token)
    drain = {name: boot[name] for name in ("drain_s",) if name in boot}
    patience = {name: boot[name] for name in ("patience_s",) if name in boot}
    activity = Activity(**drain)
    if boot.get("child"):
        subprocess.Popen(["sleep", "600"], start_new_session=True)

    def health() -> dict[str, object]:
        return {"phase": record.phase, "version": version}

    server, backend = parts
    hosts = None if boot.get("any_host") else []
    app = build_app(
        server, token=token, allowed_hosts=hosts, activity=activity, health=health, backend=backend, **patience
    )
    async with serve_http(app, listener, activity) as stopping:
        began, seconds = time.monotonic(), boot.get("seconds", 0)
        until = folder / boot["until"] if "until" in boot else None
        while not stopping.is_set():
            passed = time.monotonic() - began
            if passed >= seconds and (until is None or until.exists()):
                break
            fetching = f"fetching {min(99, int(100 * passed / (seconds or 60)))}% of 137 MB"
            record.publish(phase=boot.get("phase", fetching))
            await asyncio.sleep(0.05)
        if "error" in boot:
            record.publish(phase=FAILED, error=boot["error"])
            return 1
        if stopping.is_set():
            record.withdraw()
            return STOPPED
        record.publish(phase=READY)
        watch = asyncio.create_task(idle_watch(activity, boot.get("idle_minutes", 30.0), folder))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait([watch, stop], return_when=asyncio.FIRST_COMPLETED)
        record.publish(phase=STOPPING)
        watch.cancel()
        stop.cancel()
    await asyncio.sleep(boot.get("closing_s", 0))
    record.withdraw()
    return 0


def main(build: Callable[[Path], Parts] = build_parts) -> int:
    configure_logging()
    folder = Path(os.environ["KNOWTHREAD_DATA_DIR"])
    try:
        with claim_service_lock(folder):
            return asyncio.run(serve(folder, build(folder)))
    except Conflict as error:
        print(error, file=sys.stderr)
        return ALREADY_RUNNING


if __name__ == "__main__":
    sys.exit(main())
