"""Drives the toy service and the shim before it: one data folder, shims spoken to raw or by the SDK's client."""

import asyncio
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.link import lifecycle
from mcp_server.link.record import read_record, read_token
from mcp_server.link.stop import stop_service
from mcp_server.tools.manifest import build_manifest, render
from tests.support import toy_service

HERE = Path(__file__).resolve().parent
PATIENCE_S = 240.0
"""Longest wait for anything: a busy machine takes many seconds to start one process."""
MODERN: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Toy:
    """One data folder with a toy service in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.data.mkdir()
        self.manifest = root / "manifest.generated.json"
        self.slow = False
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("KNOWTHREAD_")}
        self.environment["KNOWTHREAD_DATA_DIR"] = str(self.data)

    async def prepare(self) -> None:
        self.manifest.write_text(render(await build_manifest(toy_service.build_toy(self.data))), encoding="utf-8")

    @asynccontextmanager
    async def http(self, mode: str = "auto") -> AsyncGenerator[Client]:
        """A client that speaks to the running service without a shim."""
        record = read_record(self.data)
        assert record is not None
        headers = {"authorization": f"Bearer {read_token(self.data)}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as web,
            Client(streamable_http_client(f"http://{record.host}:{record.port}/mcp", http_client=web), mode=mode) as it,
        ):
            yield it

    def boot(self, **behaviour: object) -> None:
        self.slow = bool({"seconds", "until", "error"} & behaviour.keys())
        (self.data / "boot.json").write_text(json.dumps(behaviour))

    def start(self, timeout_s: float = PATIENCE_S, **options: Any) -> lifecycle.Endpoint:
        return lifecycle.ensure_running(timeout_s, folder=self.data, command=toy_service.COMMAND, **options)

    def wait_ready(self) -> None:
        """Wait until the service, which somebody else started, is ready."""
        wait_for(lambda: (lifecycle.probe(self.data) or {}).get("phase") == "ready", "a ready service")

    def hold(self) -> None:
        """Let no call of ``slow`` and ``count`` be answered before ``release``."""
        (self.data / toy_service.HELD).touch()

    def release(self) -> None:
        (self.data / toy_service.HELD).unlink()

    def forget(self) -> None:
        """Remove what calls have left in the data folder."""
        for name in ("slow.started", "slow.cancelled", "done.log", toy_service.HELD):
            (self.data / name).unlink(missing_ok=True)

    def pid(self) -> int:
        record = read_record(self.data)
        assert record is not None
        return record.pid

    def kill(self) -> None:
        os.kill(self.pid(), signal.SIGKILL)

    def done(self) -> list[str]:
        log = self.data / "done.log"
        return log.read_text().splitlines() if log.exists() else []

    def command(self, *more: str) -> list[str]:
        return [sys.executable, str(HERE / "toy_shim.py"), str(self.manifest), *more]

    @asynccontextmanager
    async def client(self, mode: str = "auto", cwd: Path | None = None, /, **env: str) -> AsyncGenerator[Client]:
        command, *args = self.command()
        parameters = StdioServerParameters(
            command=command, args=args, env=self.environment | env, cwd=cwd or self.root, encoding="utf-8"
        )
        async with Client(stdio_client(parameters), mode=mode) as client:
            if not self.slow:
                await asyncio.to_thread(self.wait_ready)
            yield client

    def close(self) -> None:
        stop_service(self.data, timeout_s=5)


class RawShim:
    """A shim spoken to line by line."""

    def __init__(
        self, toy: Toy, *more: str, command: list[str] | None = None, cwd: Path | None = None, **env: str
    ) -> None:
        self.process = subprocess.Popen(
            command or toy.command(*more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or toy.root,
            env=toy.environment | env,
        )
        self._toy = toy
        self.errors: list[str] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "RawShim":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                continue

    def send(self, message: object) -> None:
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def catch_up(self) -> None:
        """Let the shim start the service, and wait until that is ready."""
        self.request("catch-up", "ping")
        self.answer("catch-up")
        self._toy.wait_ready()

    def request(self, request_id: int | str, method: str, *, modern: bool = False, **params: Any) -> None:
        if modern:
            params["_meta"] = MODERN | params.get("_meta", {})
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})

    def open(self, version: str = "2025-11-25") -> dict[str, Any]:
        """Do the handshake; returns its result."""
        client = {"name": "raw", "version": "1"}
        self.request("open", "initialize", protocolVersion=version, capabilities={}, clientInfo=client)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self.answer("open")["result"]

    def next(self) -> dict[str, Any]:
        """The next message; fails at the end of the output."""
        message = self._lines.get(timeout=PATIENCE_S)
        assert message is not None, f"the shim's output ended: {self.errors}"
        return message

    def answer(self, request_id: int | str | None) -> dict[str, Any]:
        """The next message with this id, leaving out what comes before it."""
        while True:
            message = self.next()
            if "method" not in message and message["id"] == request_id:
                return message

    def rest(self) -> list[dict[str, Any]]:
        """All messages up to the end of the output."""
        found: list[dict[str, Any]] = []
        while (message := self._lines.get(timeout=PATIENCE_S)) is not None:
            found.append(message)
        return found

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                self._lines.put(json.loads(line))
        except ValueError:
            pass
        self._lines.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(line.decode() for line in self.process.stderr)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so; fails when it does not come about."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"never came about: {what}"
        time.sleep(0.02)


async def served(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    """The text of a tool's answer, after as many repeats as a service that is coming back asks for."""
    while (answer := await client.call_tool(tool, arguments)).is_error:
        assert "not ready" in text_of(answer) or "same call again" in text_of(answer), text_of(answer)
    return text_of(answer)


def text_of(result: Any) -> str:
    return result.content[0].text
