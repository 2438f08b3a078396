"""Each check of the doctor: what it takes for sound, what for broken, and that it touches nothing."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kg.managed.artifact_lock import NEO4J, LockedFile, LockedGroup, LockedJar
from kg.settings.service import EMBEDDERS, Settings
from mcp_server.doctor import embedder, examine, machine, stores
from mcp_server.doctor.check import Check, Situation
from mcp_server.link.record import SERVICE_LOCK, ServiceRecord, publish_record, setting_digest, try_lock

RECORD = ServiceRecord(1, "long ago", "127.0.0.1", 4711, "0.1.0", 1)
HEALTH = {"pid": 1, "port": 4711, "version": "0.1.0", "schema_version": 1, "phase": "ready", "answers": True}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return Settings(data_dir=data, cache_dir=tmp_path / "cache")


@pytest.fixture
def situation(settings: Settings) -> Situation:
    return Situation(settings, {"CLAUDE_CONFIG_DIR": str(settings.data_dir)})


def one(checks: Iterator[Check]) -> Check:
    (check,) = checks
    if check.level == "failed":
        assert check.cure
    return check


def text(checks: Iterator[Check]) -> str:
    return "\n".join(f"{check.level} {check.message} {check.cure}" for check in checks)


def test_pythons_and_platforms_without_wheels_are_refused() -> None:
    assert [machine.check_python((3, minor, 1)).level for minor in (10, 11, 13, 14)] == ["failed", "ok", "ok", "failed"]
    assert machine.check_platform("linux", "x86_64").level == "ok"
    assert machine.check_platform("darwin", "arm64").level == "ok"
    assert "WSL2" in machine.check_platform("win32", "AMD64").cure
    assert machine.check_platform("linux", "riscv64").level == "failed"


def test_an_unusable_setting_ends_the_examination_with_its_name(tmp_path: Path) -> None:
    checks = list(examine.examine({"KNOWTHREAD_DATA_DIR": str(tmp_path), "KNOWTHREAD_PORT": "many"}))
    assert checks[-1].level == "failed" and "KNOWTHREAD_PORT" in checks[-1].message and checks[-1].cure


def test_variables_without_effect_are_named(situation: Situation) -> None:
    environ = {"KNOWTHREAD_EMBEDER": "x", "KNOWTHREAD_USER_ID": "me", "MEM0_QDRANT_URL": "http://elsewhere"}
    unknown, ignored = machine.check_settings(replace(situation, environ=environ))
    assert unknown.level == "warning" and "KNOWTHREAD_EMBEDER" in unknown.message and "USER_ID" not in unknown.message
    assert ignored.level == "note" and "MEM0_QDRANT_URL" in ignored.message and "elsewhere" not in ignored.message


def test_settings_that_the_running_service_does_not_have_are_named(situation: Situation) -> None:
    (situation.settings.data_dir / "token").write_text("t" * 20)
    record = replace(RECORD, fingerprint={"KNOWTHREAD_PORT": setting_digest(1, "t" * 20)})
    running = replace(situation, record=record, health=HEALTH, environ={"KNOWTHREAD_PORT": "2"})
    assert "warning not in effect" in text(machine.check_settings(running))
    assert one(machine.check_settings(replace(running, environ={"KNOWTHREAD_PORT": "1"}))).level == "ok"
    assert one(machine.check_settings(replace(running, health=None))).level == "ok"


def test_a_full_disk_names_the_setting_of_its_folder(situation: Situation) -> None:
    cache, data, temporary = machine.check_disk(situation, lambda _folder: 50 << 20)
    assert (cache.level, data.level, temporary.level) == ("failed", "failed", "ok")
    assert "KNOWTHREAD_CACHE_DIR" in cache.cure and "KNOWTHREAD_DATA_DIR" in data.cure
    assert "stored" not in cache.message and "403 MB needed; until then nothing is stored" in data.message
    assert "TMPDIR" in list(machine.check_disk(situation, lambda _folder: 31 << 20))[-1].cure


def test_fetched_files_are_checked_by_their_bytes(situation: Situation) -> None:
    contents = {"a.jar": b"program", "b.onnx": b"weights"}

    def group(name: str, label: str) -> LockedGroup:
        file = LockedFile(name, len(contents[name]), hashlib.sha256(contents[name]).hexdigest())
        return LockedGroup(label, label, (LockedJar(f"g:{name}:1", file),))

    lock = {NEO4J: group("a.jar", "Neo4j"), "onnx:all-minilm-l6-v2": group("b.onnx", "model")}
    situation = replace(situation, settings=replace(situation.settings, embedder="onnx:all-minilm-l6-v2"))
    assert [check.level for check in machine.check_artifacts(situation, lock)] == ["failed", "failed"]
    folder = situation.settings.cache_dir / "artifacts"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    assert [check.level for check in machine.check_artifacts(situation, lock)] == ["ok", "ok"]
    (folder / "a.jar").write_bytes(b"pr0gram")
    damaged, sound = machine.check_artifacts(situation, lock)
    assert damaged.level == "failed" and "damaged" in damaged.message and "knowthread setup" in damaged.cure
    assert sound.level == "ok"
    own = replace(situation, settings=replace(situation.settings, neo4j_url="bolt://elsewhere"))
    assert one(machine.check_artifacts(own, lock)).level == "ok"


def test_a_java_of_another_version_is_refused_with_a_cure(situation: Situation, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_1\"' >&2\n")
    java.chmod(0o755)
    check = one(machine.check_java(replace(situation, settings=replace(situation.settings, java=str(java)))))
    assert check.level == "failed" and "KNOWTHREAD_JAVA" in check.cure and "To fix it" not in check.message
    assert one(machine.check_java(situation)).message.startswith("21.")
    own = replace(situation, settings=replace(situation.settings, neo4j_url="bolt://elsewhere"))
    assert list(machine.check_java(own)) == []


def test_secrets_that_others_can_read_are_failures(situation: Situation) -> None:
    token = situation.settings.data_dir / "token"
    token.write_text("secret")
    token.chmod(0o600)
    assert one(machine.check_data_folder(situation)).level == "ok"
    token.chmod(0o640)
    check = one(machine.check_data_folder(situation))
    assert check.level == "failed" and check.cure == f"chmod 600 {token}"
    token.chmod(0o600)
    situation.settings.data_dir.chmod(0o755)
    assert one(machine.check_data_folder(situation)).level == "warning"


def test_settings_with_keys_that_others_can_read_are_a_failure(situation: Situation) -> None:
    file = situation.settings.data_dir / "config.toml"
    file.write_text('idle_minutes = 5\nqdrant_api_key = ""\n')
    file.chmod(0o644)
    assert one(machine.check_data_folder(situation)).level == "ok"
    file.write_text('gemini_api_key = "secret"\n')
    check = one(machine.check_data_folder(situation))
    assert check.level == "failed" and check.cure == f"chmod 600 {file}" and "secret" not in check.message
    file.chmod(0o600)
    assert one(machine.check_data_folder(situation)).level == "ok"


@pytest.mark.parametrize(("host", "token"), [("0.0.0.0", ""), ("127.0.0.1", "x")])
def test_a_service_that_strangers_could_reach_is_a_failure(situation: Situation, host: str, token: str) -> None:
    check = one(
        machine.check_settings(replace(situation, settings=replace(situation.settings, host=host, token=token)))
    )
    assert check.level == "failed" and "KNOWTHREAD_" in check.message and "16 characters" in check.cure


def test_a_service_is_told_from_what_a_dead_one_left(situation: Situation) -> None:
    assert "does not run" in one(machine.check_service(situation)).message
    assert "killed or crashed" in one(machine.check_service(replace(situation, record=RECORD))).message
    failed = one(machine.check_service(replace(situation, record=replace(RECORD, error="no disk"))))
    assert failed.level == "failed" and "no disk" in failed.message
    running = replace(situation, record=RECORD, health=HEALTH)
    assert one(machine.check_service(running)).level == "ok"
    assert one(machine.check_service(replace(running, parts_error="refused"))).level == "failed"
    assert one(machine.check_service(replace(running, health={**HEALTH, "answers": False}))).level == "failed"
    starting = {**HEALTH, "phase": "starting neo4j", "answers": False}
    assert one(machine.check_service(replace(running, health=starting))).level == "note"


def test_a_lock_without_a_service_is_a_failure(situation: Situation) -> None:
    lock = situation.settings.data_dir / SERVICE_LOCK
    with try_lock(lock):
        assert "failed no service answers" in text(machine.check_service(situation))
    assert "failed" not in text(machine.check_service(situation))


def test_looking_asks_a_living_service_and_not_one_that_failed(settings: Settings) -> None:
    record = publish_record(settings.data_dir, ("127.0.0.1", 1), version="1", schema_version=1, settings={}, token="t")
    found = examine.look(settings, {})
    assert found.health is not None and found.health["pid"] == os.getpid() and found.parts == {}
    record.publish(phase="failed", error="no disk")
    assert examine.look(settings, {}).health is None


def test_a_port_that_is_taken_is_a_failure(situation: Situation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fixed = replace(situation, settings=replace(situation.settings, port=port))
        assert "KNOWTHREAD_PORT" in one(machine.check_port(fixed)).cure
        assert list(machine.check_port(replace(fixed, health=HEALTH))) == []
    assert one(machine.check_port(fixed)).level == "ok"
    assert list(machine.check_port(situation)) == []


def test_the_graph_of_a_running_service_is_asked_for_there(situation: Situation) -> None:
    graph: dict[str, Any] = {"url": "bolt://x", "managed": True, "version": "Neo4j/5.26.30"}
    running = replace(situation, health=HEALTH, parts={"neo4j": graph, "graph": {"memories": 1234}})
    neo4j, counts = stores.check_neo4j(running)
    assert neo4j.level == "ok" and "5.26.30" in neo4j.message and "1,234 memories" in counts.message
    broken = replace(running, parts={"neo4j": {**graph, "error": "gone"}})
    assert one(stores.check_neo4j(broken)).level == "failed"


def test_a_managed_graph_is_judged_by_its_files(situation: Situation) -> None:
    home = situation.settings.data_dir / "neo4j"
    assert "empty store" in one(stores.check_neo4j(situation)).message
    (home / "data" / "databases" / "neo4j").mkdir(parents=True)
    assert "password is gone" in one(stores.check_neo4j(situation)).message
    (home / "password").write_text("p")
    assert "would be started" in one(stores.check_neo4j(situation)).message
    (home / "process.json").write_text("{}")
    assert "ended too" in one(stores.check_neo4j(situation)).message
    with try_lock(home / ".lock"):
        assert one(stores.check_neo4j(situation)).level == "failed"


def test_an_own_neo4j_that_does_not_answer_is_a_failure(situation: Situation) -> None:
    own = replace(situation, settings=replace(situation.settings, neo4j_url="bolt://127.0.0.1:1"))
    check = one(stores.check_neo4j(own))
    assert check.level == "failed" and "bolt://127.0.0.1:1 does not answer" in check.message


def test_an_index_is_judged_by_the_service_or_by_its_files(situation: Situation) -> None:
    index: dict[str, Any] = {"kind": "embedded", "points": 3, "waiting": 0, "failing": 0, "tombstones": 0}
    levels = [
        one(stores.check_index(replace(situation, health=HEALTH, parts={"index": index | more}))).level
        for more in ({}, {"failing": 1}, {"error": "gone"})
    ]
    assert levels == ["ok", "warning", "failed"]
    folder = situation.settings.data_dir / "qdrant"
    assert "would be made" in one(stores.check_index(situation)).message
    folder.mkdir()
    record = folder / "collection.json"
    record.write_text(json.dumps({"embedder": EMBEDDERS[0]}))
    assert "would be opened" in one(stores.check_index(situation)).message
    record.write_text(json.dumps({"embedder": EMBEDDERS[1]}))
    assert EMBEDDERS[1] in one(stores.check_index(situation)).cure
    record.write_text("{")
    assert one(stores.check_index(situation)).level == "warning"
    (folder / "lock").write_text("4711")
    with try_lock(folder / "lock"):
        assert "4711" in one(stores.check_index(situation)).cure


def test_an_own_qdrant_that_does_not_answer_is_a_failure(situation: Situation) -> None:
    for url in ("http://127.0.0.1:1", "nonsense"):
        own = replace(situation, settings=replace(situation.settings, qdrant_url=url))
        assert "KNOWTHREAD_QDRANT_URL" in one(stores.check_index(own)).cure


@pytest.mark.parametrize(
    ("version", "level"),
    [("1.18.3", "warning"), ("1.19.0", "warning"), ("1.20.0", "ok"), ("2.0.0-dev", "ok"), ("odd", "ok")],
)
def test_an_own_qdrant_that_keeps_vectors_large_is_said(situation: Situation, version: str, level: str) -> None:
    with answering({"/": {"version": version}, "/collections": {}}) as url:
        own = replace(situation, settings=replace(situation.settings, qdrant_url=url))
        check = one(stores.check_index(own))
    assert check.level == level
    assert ("Float16" in check.message) == (level == "warning")


@contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[str]:
    """The address of a server that answers these paths in JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_model_that_is_not_there_is_not_fetched(situation: Situation) -> None:
    assert one(embedder.check_embedder(situation)).level == "note"
    assert not situation.settings.cache_dir.exists()


FIRST = {"knowthread": {"command": "knowthread", "alwaysLoad": True}}
OLDER = {"knowthread": {"command": "knowthread"}}


@pytest.mark.parametrize(
    ("content", "level", "cure"),
    [
        ({"mcpServers": FIRST}, "ok", ""),
        ({"projects": {"/x": {"mcpServers": FIRST}}}, "ok", ""),
        ({"mcpServers": OLDER}, "warning", "run knowthread setup"),
        ({"mcpServers": FIRST, "projects": {"/x": {"mcpServers": OLDER}}}, "warning", "--scope local knowthread"),
        ({"projects": {"/x": {}, "/y": "odd"}, "mcpServers": {"other": {}}}, "note", ""),
        ([], "note", ""),
    ],
)
def test_an_entry_of_claude_code_is_found_wherever_it_is_and_an_older_one_named(
    situation: Situation, content: object, level: str, cure: str
) -> None:
    assert "no " in one(machine.check_claude(situation)).message
    (situation.settings.data_dir / ".claude.json").write_text(json.dumps(content))
    check = one(machine.check_claude(situation))
    assert check.level == level and cure in check.cure


def test_an_unreadable_file_of_claude_code_fails_nothing(situation: Situation) -> None:
    (situation.settings.data_dir / ".claude.json").write_text("{")
    assert one(machine.check_claude(situation)).level == "warning"


def test_an_examination_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    environ = {"KNOWTHREAD_DATA_DIR": str(tmp_path / "data"), "KNOWTHREAD_CACHE_DIR": str(tmp_path / "cache")}
    checks = list(examine.examine(environ))
    assert {check.name for check in checks} >= {
        "python",
        "files",
        "java",
        "data",
        "service",
        "neo4j",
        "index",
        "claude",
    }
    assert all(check.cure for check in checks if check.level == "failed")
    assert list(tmp_path.iterdir()) == []
