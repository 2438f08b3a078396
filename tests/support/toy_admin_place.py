"""A data folder with the toy service of ``toy_admin`` on it, spoken to over HTTP or by the command line."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mcp_server.link import lifecycle
from mcp_server.link.client import our_version
from mcp_server.link.record import read_record, read_token
from mcp_server.link.stop import stop_service
from tests.support.commands import Done, run
from tests.support.toy import wait_for
from tests.support.toy_admin import COMMAND

PATIENCE_S = 120
UNKNOWN = "00000000-0000-4000-8000-000000000000"


class Reply(NamedTuple):
    status: int
    body: bytes
    kind: str

    def json(self) -> Any:
        return json.loads(self.body)


class Place:
    """A data folder with the toy service on it."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.data.mkdir()
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(root),
            "KNOWTHREAD_DATA_DIR": str(self.data),
            "KNOWTHREAD_CACHE_DIR": str(root / "cache"),
            "KNOWTHREAD_PROJECT": "github.com/example/app",
        }

    def boot(self, *, ready: bool = True, **behaviour: object) -> None:
        (self.data / "boot.json").write_text(json.dumps({"version": our_version(), **behaviour}))
        if ready:
            lifecycle.ensure_running(PATIENCE_S, folder=self.data, command=COMMAND)
            return
        with pytest.raises(lifecycle.ServiceStarting):
            lifecycle.ensure_running(0, folder=self.data, command=COMMAND)
        wait_for(lambda: (lifecycle.probe(self.data) or {}).get("answers"), "a service that answers while it boots")

    def write(self, name: str, content: object) -> None:
        (self.data / name).write_text(json.dumps(content))

    def queries(self, name: str) -> list[dict[str, Any]]:
        lines = (self.data / "queries.log").read_text().splitlines()
        return [query for query in map(json.loads, lines) if query["query"] == name]

    def run(self, *arguments: str, user: str = "somebody") -> Done:
        return run(self.environment | {"KNOWTHREAD_USER_ID": user}, *arguments)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """Send a request with the right token, unless a header says otherwise; an empty one is left out."""
        record = read_record(self.data)
        assert record is not None
        given = {"Authorization": lifecycle.bearer(read_token(self.data)), "knowthread-user": "somebody"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection("127.0.0.1", record.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {name: value for name, value in given.items() if value})
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), answer.getheader("content-type") or "")
        finally:
            connection.close()

    def operate(self, operation: str, arguments: object, **headers: str) -> Reply:
        return self.request("POST", f"/admin/{operation}", json.dumps(arguments).encode(), **headers)

    def close(self) -> None:
        stop_service(self.data, timeout_s=5)
