"""``knowthread browse`` on the real service: the guide is there while the command runs, and not longer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.commands import Environment


@pytest.fixture
def browsing(live_service: Environment) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-I", "-m", "mcp_server", "browse", "--no-open", "--json"]
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    process = subprocess.Popen(
        command, env=live_service, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    signal.signal(signal.SIGINT, former)
    yield process
    process.kill()
    process.communicate()


def read_offer(process: subprocess.Popen[str]) -> dict[str, str]:
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if line == "}\n":
            return json.loads(text)
    raise AssertionError(process.communicate())


def fetch(url: str) -> str:
    with urllib.request.urlopen(url.replace("localhost", "127.0.0.1"), timeout=10) as answer:
        return answer.read().decode()


def is_gone(url: str) -> bool:
    """Whether nobody answers there, a moment after the service has noticed that the command ended."""
    for _ in range(100):
        try:
            fetch(url)
        except urllib.error.URLError as error:
            if not isinstance(error, urllib.error.HTTPError):
                return True
        time.sleep(0.1)
    return False


def test_the_guide_is_served_until_the_command_ends(browsing: subprocess.Popen[str], live_service: Environment) -> None:
    offer = read_offer(browsing)
    assert f"Your memory, {live_service['KNOWTHREAD_USER_ID']}" in fetch(offer["guide_url"])
    assert offer["link"].startswith("http://127.0.0.1:") and "cmd=play" in offer["link"]
    browsing.send_signal(signal.SIGINT)
    assert browsing.wait(20) == 0
    assert is_gone(offer["guide_url"])
