"""The service's door for people at its HTTP edge, and the client that goes through it."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kg.operations.administration import Administration
from mcp_server.link import lifecycle
from mcp_server.link.client import ServiceClient, our_version
from mcp_server.link.record import publish_record, read_record
from mcp_server.link.session import REQUEST_KEY
from mcp_server.service.admin import MAX_ARGUMENTS_BYTES, OPERATIONS
from mcp_server.service.listen import ensure_token
from tests.support.toy import wait_for
from tests.support.toy_admin import SECRET, SOURCE
from tests.support.toy_admin_place import PATIENCE_S, UNKNOWN, Place

# The HTTP edge


def test_every_operation_for_people_can_be_asked_for_and_nothing_else() -> None:
    public = {name for name, member in vars(Administration).items() if callable(member) and not name.startswith("_")}
    assert set(OPERATIONS) == public | {"list_reports", "run_report", "draw_graph", "draw_timeline"}


@pytest.mark.parametrize(("method", "path"), [("POST", "/admin/list_jobs"), ("GET", "/metrics")])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_only_the_owner_of_the_token_comes_in(
    place: Place, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    reply = place.request(method, path, b"{}" if method == "POST" else None, **headers)
    assert reply.status == status and b"jobs" not in reply.body and b"knowthread_" not in reply.body


@pytest.mark.parametrize("name", ["drop_everything", "_entity", "__init__", "LIST_JOBS", "list_jobs%00", "x" * 300])
def test_an_operation_that_does_not_exist_is_not_found(place: Place, name: str) -> None:
    reply = place.operate(name, {})
    assert reply.status == 404 and "no such operation; there are list_jobs, " in reply.json()["error"]
    assert reply.json()["retryable"] is False


def test_operations_are_asked_for_by_post_only(place: Place) -> None:
    assert place.request("GET", "/admin/list_jobs").status == 405
    assert place.request("POST", "/admin", b"{}").status == 404
    assert place.request("POST", "/admin/list_jobs/more", b"{}").status == 404


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        ("list_jobs", {"stat": "dead"}, "'stat': no such argument; list_jobs takes state, limit"),
        ("list_jobs", {"session": {}, "self": 1}, "'self, session': no such argument"),
        ("list_jobs", {"\ud800": 1}, "no such argument"),
        ("extract_pending", {"user_id": "x"}, "extract_pending takes none"),
        ("get_job", {}, "id: missing; get_job cannot work without"),
        ("get_job", {"id": None}, "id: missing"),
        ("merge_entities", {"name": "redis"}, "into: missing"),
        ("get_job", {"id": 7}, "id: '7' is not usable"),
        ("get_job", {"id": "\ud800"}, "id: "),
        ("list_jobs", {"limit": "many"}, "limit: 'many' is not usable; give a whole number from 1 to 500"),
        ("list_jobs", {"limit": True}, "limit: 'True'"),
        ("list_jobs", {"state": ["dead"]}, "state: "),
        ("list_jobs", {"state": "sleeping"}, "give one of pending, running, failed, done, dead, cancelled"),
        ("list_conflicts", {"project": "x" * 257}, "project: "),
        ("undo_decision", {"id": "nope"}, "id: 'nope' is not usable"),
        ("merge_entities", {"name": {}, "into": "valkey"}, "name: "),
        ("merge_entities", {"name": "nobody", "into": "valkey"}, "name: 'nobody' is not usable"),
        ("merge_entities", {"name": "redis", "into": "valkey", "reason": 1}, "reason: "),
    ],
    ids=str,
)
def test_unusable_arguments_are_named(place: Place, operation: str, arguments: object, said: str) -> None:
    reply = place.operate(operation, arguments)
    assert reply.status == 400 and said in reply.json()["error"] and reply.json()["retryable"] is False


@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"null", b"{", b"\xff", b"[" * 5000], ids=str)
def test_a_body_that_is_no_json_object_is_refused(place: Place, body: bytes) -> None:
    reply = place.request("POST", "/admin/list_jobs", body)
    assert reply.status == 400 and "give the arguments as one JSON object" in reply.json()["error"]


def test_a_huge_body_is_refused_before_it_is_read_as_json(place: Place) -> None:
    reply = place.request("POST", "/admin/list_jobs", b" " * (MAX_ARGUMENTS_BYTES + 1))
    assert reply.status == 413 and str(MAX_ARGUMENTS_BYTES) in reply.json()["error"]


def test_an_empty_body_means_no_arguments(place: Place) -> None:
    assert place.request("POST", "/admin/list_jobs").json()["states"] == {"dead": 1, "pending": 1}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (("somebody", "get_job", {"id": UNKNOWN}), 404, "no job"),
        (("nobody", "undo_merge", {"id": SOURCE}), 404, "no merged entity"),
        (("somebody", "merge_entities", {"name": "redis", "into": SOURCE}), 409, "one entity already"),
        (("unlucky", "list_jobs", {}), 503, "neo4j: does not answer"),
    ],
    ids=str,
)
def test_a_failure_says_what_and_whether_to_come_again(
    place: Place, asked: tuple[str, str, object], status: int, said: str
) -> None:
    user, operation, arguments = asked
    reply = place.operate(operation, arguments, knowthread_user=user)
    assert reply.status == status and said in reply.json()["error"]
    assert reply.json()["retryable"] is (status == 503) and set(reply.json()) == {"error", "retryable"}


def test_a_defect_leaks_nothing_into_answer_or_log(place: Place) -> None:
    reply = place.operate("list_jobs", {}, knowthread_user="cursed")
    told = reply.json()["error"]
    assert reply.status == 500 and told.startswith("list_jobs met a fault") and SECRET not in told
    log = (place.data / lifecycle.LOG).read_text()
    assert "list_jobs met an unexpected RuntimeError at" in log and SECRET not in log
    done = place.run("jobs", user="cursed")
    assert done.status == 1 and SECRET not in done.err and "knowthread repair --check" in done.error()


def test_the_metrics_are_served_as_prometheus_reads_them(place: Place) -> None:
    reply = place.request("GET", "/metrics")
    assert (reply.status, reply.body) == (200, b"knowthread_memories 3.0\n")
    assert reply.kind == "text/plain; version=0.0.4; charset=utf-8"


def test_being_scraped_does_not_keep_a_service_from_its_idle_stop(own_place: Place) -> None:
    own_place.boot(ready=False, until="now.json", idle_minutes=0.02)
    record = read_record(own_place.data)
    assert record is not None and record.is_alive()
    own_place.write("now.json", "be ready")

    def is_gone() -> bool:
        with suppress(OSError, HTTPException, AssertionError):
            own_place.request("GET", "/metrics")
        return not record.is_alive()

    wait_for(is_gone, "an idle stop")
    assert read_record(own_place.data) is None


def test_a_booting_service_says_what_it_is_doing(own_place: Place) -> None:
    own_place.boot(ready=False, seconds=600)
    requests = (("POST", "/admin/list_jobs"), ("GET", "/metrics"))
    with ThreadPoolExecutor() as pool:
        for reply in pool.map(lambda request: own_place.request(*request), requests):
            assert reply.status == 503 and reply.json()["retryable"] is True
            assert "not ready yet: fetching" in reply.json()["error"]
    assert not (own_place.data / "queries.log").exists()


def test_what_is_asked_for_while_the_service_boots_is_answered_when_it_is_ready(own_place: Place) -> None:
    own_place.boot(ready=False, until="now.json", phase="starting neo4j", patience_s=PATIENCE_S)
    with ThreadPoolExecutor() as pool:
        reply = pool.submit(own_place.operate, "list_jobs", {})
        time.sleep(0.5)
        assert not reply.done()
        own_place.write("now.json", "be ready")
        assert reply.result().status == 200


# The client


def test_a_broken_connection_is_tried_again_with_the_same_askedkey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"phase": "ready"})

        def do_POST(self) -> None:
            keys.append(self.headers[REQUEST_KEY])
            self.rfile.read(int(self.headers["content-length"]))
            if len(keys) == 1:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            else:
                self._answer({"retried": 2})

        def _answer(self, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    monkeypatch.setenv("KNOWTHREAD_DATA_DIR", str(tmp_path))
    token = ensure_token(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        address = ("127.0.0.1", server.server_port)
        record = publish_record(tmp_path, address, version=our_version(), schema_version=1, settings={}, token=token)
        record.publish(phase="ready")
        client = ServiceClient()
        try:
            assert client.operate("retry_jobs", {"id": None}) == {"retried": 2}
        finally:
            client.close()
            record.withdraw()
            server.shutdown()
    assert len(keys) == 2 and keys[0] == keys[1] and len(keys[0]) == 32
