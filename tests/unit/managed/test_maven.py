"""Jars come over kept connections, from the first repository that has them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kg.managed.artifact_lock import jar_path, load_lock
from kg.managed.maven import FetchFailed, MavenClient, in_order

JAR = b"jar" * 50_000


class Repositories(ThreadingHTTPServer):
    """Two repositories, /mirror and /central, on one port.

    Attributes:
        has: path -> what each request for it is answered with in turn, the last one from then on.
        asked: the paths that were asked for.
        connections: how many were opened.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.has: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.asked: list[str] = []
        self.connections = 0

    def client(self) -> MavenClient:
        return MavenClient([f"http://127.0.0.1:{self.server_port}/{name}" for name in ("mirror", "central")])

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Repositories

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.has.get(self.path, [(404, {}, b"")])
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = "Content-Length" in headers  # it promised more than there is

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repositories() -> Iterator[Repositories]:
    with Repositories() as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


def fetch(client: MavenClient, folder: Path, coordinate: str) -> bytes:
    sizes: list[int] = []
    path = client.fetch(coordinate, folder, sizes.append)
    assert path.parent == folder and sum(sizes) == path.stat().st_size
    return path.read_bytes()


def test_a_thread_keeps_its_connection_from_jar_to_jar(repositories: Repositories, tmp_path: Path) -> None:
    for name in "abc":
        repositories.has[f"/mirror/g/{name}/1/{name}-1.jar"] = [(200, {}, JAR)]
    client = repositories.client()
    assert [fetch(client, tmp_path, f"g:{name}:1") for name in "abc"] == [JAR] * 3
    assert repositories.connections == 1
    assert repositories.asked == [f"/mirror/g/{name}/1/{name}-1.jar" for name in "abc"]


def test_the_next_repository_is_asked_where_one_lacks_a_jar(repositories: Repositories, tmp_path: Path) -> None:
    repositories.has["/central/g/a/1/a-1-linux.jar"] = [(200, {}, JAR)]
    assert fetch(repositories.client(), tmp_path, "g:a:jar:linux:1") == JAR
    assert repositories.asked == ["/mirror/g/a/1/a-1-linux.jar", "/central/g/a/1/a-1-linux.jar"]


def test_a_repository_that_is_asked_too_often_is_asked_again_when_it_says(
    repositories: Repositories, tmp_path: Path
) -> None:
    repositories.has["/mirror/g/a/1/a-1.jar"] = [(429, {"Retry-After": "0"}, b""), (200, {}, JAR)]
    assert fetch(repositories.client(), tmp_path, "g:a:1") == JAR


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}, b""), "g:a:1 is not there"),
        ((403, {}, b""), "g:a:1 was refused with HTTP 403"),
        ((200, {"Content-Length": str(len(JAR) + 1)}, JAR), "ChunkedEncodingError"),
    ],
)
def test_what_does_not_come_whole_is_a_failure_that_says_why(
    repositories: Repositories, tmp_path: Path, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    repositories.has["/mirror/g/a/1/a-1.jar"] = [answer]
    with pytest.raises(FetchFailed, match=said):
        repositories.client().fetch("g:a:1", tmp_path, lambda _size: None)


def test_every_jar_of_the_lock_lies_where_its_coordinate_says() -> None:
    jars = [jar for group in load_lock().values() for jar in group.jars]
    assert all(jar_path(jar.coordinate) == jar.file.path for jar in jars)


def test_central_is_asked_after_the_user_s_own_repositories() -> None:
    assert in_order({"central": "https://central", "near": "https://near/"}) == ["https://near", "https://central"]
