"""Who may reach the service: which addresses are served with which token, and under which Host and Origin."""

import asyncio
import json
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from kg.errors import ConfigurationError
from mcp_server.link import lifecycle
from mcp_server.link.record import RECORD, TOKEN
from mcp_server.service.listen import check_exposure
from tests.support.toy import PATIENCE_S, Toy

CHOSEN = "0123456789abcdef"
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_alone_needs_no_token_of_ones_own(host: str) -> None:
    check_exposure(host, "")
    check_exposure(host, CHOSEN)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.org", "127.0.0.1.example.org"])
def test_a_host_that_others_reach_needs_a_token_of_ones_own(host: str) -> None:
    with pytest.raises(ConfigurationError, match="KNOWTHREAD_TOKEN") as caught:
        check_exposure(host, "")
    assert caught.value.setting == "KNOWTHREAD_HOST"
    check_exposure(host, CHOSEN)


@pytest.mark.parametrize("token", ["x", CHOSEN[:-1], f" {CHOSEN}", f"{CHOSEN}\n{CHOSEN}"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigurationError, match="16 characters") as caught:
        check_exposure("127.0.0.1", token)
    assert caught.value.setting == "KNOWTHREAD_TOKEN"
    assert len(token) < 2 or token not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"KNOWTHREAD_HOST": "0.0.0.0"}, {"KNOWTHREAD_HOST": "0.0.0.0", "KNOWTHREAD_TOKEN": "short"}]
)
def test_the_service_does_not_start_for_strangers(tmp_path: Path, settings: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KNOWTHREAD_DATA_DIR": str(tmp_path / "data")}
    result = subprocess.run(
        [sys.executable, "-I", "-m", "mcp_server", "serve"],
        env=environment | settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "KNOWTHREAD_TOKEN" in line and "16 characters" in line
    assert not (tmp_path / "data" / TOKEN).exists() and not (tmp_path / "data" / RECORD).exists()


def _initialize(endpoint: lifecycle.Endpoint, **headers: str) -> int:
    """Status of a client's first request."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})
    given = {
        "Authorization": lifecycle.bearer(endpoint.token),
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=PATIENCE_S)
    try:
        connection.request("POST", "/mcp", body, given | headers)
        return connection.getresponse().status
    finally:
        connection.close()


async def test_a_service_on_every_address_is_reached_by_any_name_with_the_token_and_from_no_page(toy: Toy) -> None:
    toy.boot(any_host=True)
    endpoint = await asyncio.to_thread(toy.start)
    for host in ("memory.example.org", "192.168.1.5:8080", "[fd00::5]:8080", f"localhost:{endpoint.port}"):
        assert _initialize(endpoint, Host=host) == 200, host
        assert _initialize(endpoint, Host=host, Authorization="Bearer wrong") == 401, host
        for origin in ("http://evil.example", "https://memory.example.org", "null"):
            assert _initialize(endpoint, Host=host, Origin=origin) == 403, (host, origin)
    assert _initialize(endpoint, Host="evil.example", Origin="http://evil.example") == 403
