"""A headless Chromium, driven through its own protocol: pages, what they ask for, and pictures of them.

For tests and pictures alone. It is Debian's ``chromium`` or any of its kind; ``KNOWTHREAD_CHROMIUM`` names another one.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_START_S = 60.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root, as in a container, has no sandbox; only our own pages are opened
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)


class PageFailed(Exception):
    """A page did not do what was waited for; the text says what."""


def find_chromium() -> str | None:
    """Return the executable, or None where there is none."""
    chosen = os.environ.get("KNOWTHREAD_CHROMIUM")
    return chosen or next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium(*flags: str) -> Generator[Chromium]:
    """Start a Chromium with an empty profile, and end it after the block."""
    executable = find_chromium()
    if executable is None:
        raise PageFailed("no Chromium: install one (apt-get install chromium) or set KNOWTHREAD_CHROMIUM")
    with tempfile.TemporaryDirectory(prefix="knowthread-chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [executable, *_FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Chromium(_port(Path(profile) / "DevToolsActivePort", process), process.pid)
        finally:
            process.terminate()
            process.wait(20)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        if file.exists() and (lines := file.read_text(encoding="utf-8").split()):
            return int(lines[0])
        time.sleep(0.05)
    raise PageFailed("Chromium does not start")


class Chromium:
    """A running Chromium."""

    def __init__(self, port: int, pid: int) -> None:
        self._port = port
        self.pid = pid

    @contextmanager
    def page(self, width: int, height: int, *, dark: bool = False) -> Generator[Page]:
        """Open an empty page of a size in pixels."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (our own loopback)
            address = json.load(answer)["webSocketDebuggerUrl"]
        with connect(address, max_size=None) as socket:
            yield Page(socket, width, height, dark=dark)


class Page:
    """One page.

    Attributes:
        requests: the addresses that it asked for, except those that lie in it (``data:``, ``blob:``).
        blocked: those of ``requests`` that its policy stopped before a connection was made.
        complaints: errors that it raised or that the browser wrote about it.
    """

    def __init__(self, socket: ClientConnection, width: int, height: int, *, dark: bool) -> None:
        self._socket = socket
        self._number = 0
        self._asked: dict[str, str] = {}
        self.requests: list[str] = []
        self.blocked: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Page.bringToFront")  # keys go to the page in front

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(120))
            if message.get("id") == self._number:
                if "error" in message:
                    raise PageFailed(f"{method}: {message['error']['message']}")
                return message["result"]
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        params: dict[str, Any] = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(("data:", "blob:")):
                self._asked[params["requestId"]] = params["request"]["url"]
                self.requests.append(params["request"]["url"])
            case "Network.loadingFailed" if params.get("blockedReason") and params["requestId"] in self._asked:
                self.blocked.append(self._asked[params["requestId"]])
            case "Runtime.exceptionThrown":
                self.complaints.append(params["exceptionDetails"].get("exception", {}).get("description", "exception"))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case _:
                pass

    def offline(self) -> None:
        """Cut the page off from every network."""
        self.send("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)

    def open(self, url: str) -> None:
        """Open an address."""
        self.send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Return the value of an expression; a promise is waited for."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise PageFailed(f"{script[:80]}: {result['exceptionDetails']['exception'].get('description')}")
        return result["result"].get("value")

    def wait(self, condition: str, timeout_s: float = 60.0) -> Any:
        """Wait until an expression is true, and return its value."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if value := self.run(condition):
                return value
            time.sleep(0.1)
        raise PageFailed(f"{timeout_s:.0f} s passed without: {condition}")

    def key(self, key: str) -> None:
        """Press a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.send("Input.insertText", text=text)

    def picture(self, file: Path) -> None:
        """Write what the page shows as a PNG."""
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))
