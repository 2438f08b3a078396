"""Starting, finding, replacing and stopping the one service; who may talk to it; when it ends by itself."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from kg.errors import Conflict
from mcp_server.cli import service
from mcp_server.link import lifecycle
from mcp_server.link.lifecycle import ServiceStarting, StartFailed, filtered_environment
from mcp_server.link.processes import descendants, process_start, wait_until_gone
from mcp_server.link.record import (
    RECORD,
    STOPPING,
    claim_service_lock,
    differing_settings,
    publish_record,
    read_record,
    read_token,
    starting_process,
)
from mcp_server.link.stop import stop_service
from mcp_server.service.listen import bind_socket, ensure_token
from tests.support import toy_service
from tests.support.toy import MODERN, PATIENCE_S, RawShim, Toy, text_of, wait_for


def _get(toy: Toy, path: str = "/healthz", method: str = "GET", **headers: str) -> int:
    """Status of a request with the right token unless another Authorization is given; empty: without the header."""
    record = read_record(toy.data)
    assert record is not None
    given = {"Authorization": lifecycle.bearer(read_token(toy.data))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    connection = HTTPConnection("127.0.0.1", record.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, headers={name: value for name, value in given.items() if value})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_service_is_started_once_and_then_found(toy: Toy) -> None:
    phases: list[str] = []
    first = toy.start(on_phase=phases.append)
    assert toy.start().record.pid == first.record.pid
    assert first.url == f"http://127.0.0.1:{first.port}/mcp"
    assert phases[0] == "starting the service"
    health = lifecycle.probe(toy.data, PATIENCE_S)
    assert health is not None and health["phase"] == "ready" and health["answers"] and health["pid"] == first.record.pid


def test_many_that_start_at_once_get_one_service(toy: Toy) -> None:
    with ThreadPoolExecutor(8) as pool:
        pids = {future.result().record.pid for future in [pool.submit(toy.start) for _ in range(8)]}
    assert len(pids) == 1


def test_callers_that_stop_waiting_for_a_slow_start_do_not_start_another_one_each(toy: Toy) -> None:
    toy.boot(late="now")
    for _ in range(4):
        with pytest.raises(ServiceStarting, match="starting"):
            toy.start(timeout_s=0.3)
    (starting,) = starting_process(toy.data)
    (toy.data / "now").touch()
    assert toy.start().record.pid == starting


def test_a_start_that_nobody_waits_for_any_more_is_stopped_all_the_same(toy: Toy) -> None:
    toy.boot(late="now")
    with pytest.raises(ServiceStarting):
        toy.start(timeout_s=0.3)
    starting = starting_process(toy.data)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(stop_service, toy.data)
        (toy.data / "now").touch()
        assert "was stopped" in stopping.result()
    assert not wait_until_gone(starting, PATIENCE_S)
    assert starting_process(toy.data) == {}


def test_waiting_says_how_far_it_is_and_the_service_goes_on_starting(toy: Toy) -> None:
    toy.boot(seconds=600)
    with pytest.raises(ServiceStarting, match=r"starting|fetching"):
        toy.start(timeout_s=0)
    wait_for(lambda: (lifecycle.probe(toy.data) or {}).get("phase", "").startswith("fetching"), "the boot")
    with pytest.raises(ServiceStarting) as caught:
        toy.start(timeout_s=0.5)
    assert caught.value.phase.startswith("fetching") and caught.value.retry_after_s > 0


def test_stopping_ends_the_process_and_its_record(toy: Toy) -> None:
    pid = toy.start().record.pid
    assert str(pid) in stop_service(toy.data)
    assert process_start(pid) is None
    assert lifecycle.probe(toy.data) is None
    assert not (toy.data / RECORD).exists()
    assert "not running" in stop_service(toy.data)


def test_a_service_that_is_only_just_starting_is_stopped_and_stays_so(toy: Toy) -> None:
    toy.boot(seconds=600, late="now")
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(toy.start)
        wait_for((toy.data / lifecycle.LOG).exists, "the start")
        assert read_record(toy.data) is None
        stopping = pool.submit(stop_service, toy.data)
        time.sleep(0.3)
        assert not stopping.done()
        (toy.data / "now").touch()
        assert "was stopped" in stopping.result()
        with pytest.raises(StartFailed, match="stopped while it started"):
            waiting.result()
    assert lifecycle.probe(toy.data) is None


def test_a_script_hears_that_a_service_that_was_just_starting_was_stopped(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.boot(seconds=600)
    monkeypatch.setenv("KNOWTHREAD_DATA_DIR", str(toy.data))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(toy.start)
        wait_for((toy.data / lifecycle.LOG).exists, "the start")
        service.stop(Namespace(json=True))
        assert json.loads(capsys.readouterr().out)["was_running"] is True
        with pytest.raises(StartFailed):
            waiting.result()


def test_a_service_that_does_not_end_is_killed_and_its_orphan_too(toy: Toy) -> None:
    toy.boot(closing_s=600, child=True)
    pid = toy.start().record.pid
    (child,) = descendants(pid)
    report = stop_service(toy.data, timeout_s=1)
    assert "killed" in report and f"sleep (pid {child})" in report and "ended too" in report
    wait_for(lambda: process_start(pid) is None and process_start(child) is None, "the end of both")


def test_the_port_is_kept_over_restarts_unless_it_is_taken(toy: Toy) -> None:
    first = toy.start().port
    stop_service(toy.data)
    assert toy.start().port == first
    stop_service(toy.data)
    with bind_socket(toy.data, "127.0.0.1", first):
        assert toy.start().port != first


def test_a_stale_record_is_replaced(toy: Toy) -> None:
    toy.start()
    for stale in ("gone", "reused", "rubbish"):
        content = json.loads((toy.data / RECORD).read_text())
        toy.kill()
        wait_for(lambda pid=content["pid"]: process_start(pid) is None, "the end")
        if stale == "reused":
            (toy.data / RECORD).write_text(json.dumps(content | {"pid": os.getpid()}))
        if stale == "rubbish":
            (toy.data / RECORD).write_text('{"pid": ')
        assert lifecycle.probe(toy.data) is None, stale
        assert "not running" in stop_service(toy.data), stale
        fresh = toy.start().record
        assert (fresh.pid, fresh.started) != (content["pid"], content["started"]) and fresh.pid != os.getpid(), stale


def test_an_older_service_is_replaced_and_a_newer_one_is_used(toy: Toy) -> None:
    toy.boot(version="0.9.2")
    old = toy.start(version="0.9.2").record.pid
    assert toy.start(version="0.8").record.pid == old
    toy.boot(version="0.10")
    replaced = toy.start(version="0.10").record
    assert replaced.pid != old and replaced.version == "0.10"
    wait_for(lambda: process_start(old) is None, "the end of the older one, which gives way a moment before")


def test_a_failed_start_tells_the_reason(toy: Toy) -> None:
    toy.boot(error="java is missing")
    with pytest.raises(StartFailed, match="java is missing"):
        toy.start()
    with pytest.raises(StartFailed, match=r"log ends with: cannot even begin"):
        lifecycle.ensure_running(
            PATIENCE_S, folder=toy.data, command=(sys.executable, "-c", "raise SystemExit('cannot even begin')")
        )
    toy.boot()
    assert toy.start().record.phase == "ready"


def test_of_a_failed_start_only_its_own_last_line_is_quoted(toy: Toy) -> None:
    log = toy.data / lifecycle.LOG
    log.parent.mkdir()
    log.write_text("ERROR of last week\n")
    for script, said in [
        ("raise ValueError('no such thing')", "its log ends with: ValueError: no such thing\n"),
        ("raise SystemExit(1)", "was stopped while it started"),
        ("import os, signal; print('on my way', flush=True); os.kill(os.getpid(), signal.SIGTERM)", "was stopped"),
    ]:
        with pytest.raises(StartFailed) as caught:
            lifecycle.ensure_running(PATIENCE_S, folder=toy.data, command=(sys.executable, "-c", script))
        assert said in str(caught.value)
        assert not [words for words in ("last week", "Traceback", "on my way") if words in str(caught.value)]


def test_one_service_per_folder_and_the_claim_falls_with_its_process(toy: Toy) -> None:
    pid = toy.start().record.pid
    with pytest.raises(Conflict, match=str(pid)), claim_service_lock(toy.data):
        pass
    environment = os.environ | {"KNOWTHREAD_DATA_DIR": str(toy.data)}
    second = subprocess.run(toy_service.COMMAND, env=environment, capture_output=True, timeout=PATIENCE_S, check=False)
    assert second.returncode == lifecycle.ALREADY_RUNNING
    assert toy.pid() == pid
    toy.kill()
    wait_for(lambda: process_start(pid) is None, "the end")
    with claim_service_lock(toy.data):
        pass


def test_token_and_record_are_their_owners_alone(shared_toy: Toy) -> None:
    for name in (RECORD, "token", "logs/service.log"):
        assert stat.S_IMODE((shared_toy.data / name).stat().st_mode) == 0o600, name
    assert read_token(shared_toy.data) not in (shared_toy.data / RECORD).read_text()
    assert "hush" not in (shared_toy.data / RECORD).read_text()


def test_a_token_is_made_once_and_a_chosen_one_replaces_it(tmp_path: Path) -> None:
    made = ensure_token(tmp_path)
    assert len(made) >= 32 and ensure_token(tmp_path) == made
    assert ensure_token(tmp_path, "chosen") == "chosen" == read_token(tmp_path)


def test_nobody_gets_in_without_the_token(shared_toy: Toy) -> None:
    for path in ("/healthz", "/mcp", "/presence", "/nothing"):
        for value in ("", "Bearer", "Bearer wrong", "Basic x", "Bearer p\xe4\xdf", "Bearer \xff"):
            for method in ("GET", "POST", "DELETE"):
                assert _get(shared_toy, path, method, Authorization=value) == 401, (path, value, method)


def test_the_scheme_of_the_token_may_be_written_in_any_case(shared_toy: Toy) -> None:
    assert _get(shared_toy, Authorization=f"bearer {read_token(shared_toy.data)}") == 200


def test_other_hosts_and_origins_are_refused(shared_toy: Toy) -> None:
    port = shared_toy.start().port
    for path in ("/healthz", "/mcp", "/presence"):
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example"):
            assert _get(shared_toy, path, Host=host) == 421, (path, host)
        for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
            assert _get(shared_toy, path, Origin=origin) == 403, (path, origin)
    assert _get(shared_toy, "/healthz", Host=f"localhost:{port}", Origin=f"http://localhost:{port}") == 200


async def _call(toy: Toy, tool: str, **arguments: object) -> httpx.Response:
    """Call a tool over plain HTTP."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments, "_meta": MODERN}
    headers = {
        "authorization": f"Bearer {read_token(toy.data)}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    record = read_record(toy.data)
    assert record is not None
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{record.port}", timeout=PATIENCE_S) as client:
        return await client.post("/mcp", json=body, headers=headers)


async def test_calls_over_plain_http_during_boot_are_told_to_come_again(toy: Toy) -> None:
    toy.boot(seconds=600)
    with pytest.raises(ServiceStarting):
        await asyncio.to_thread(toy.start, 0)
    await asyncio.to_thread(wait_for, lambda: (lifecycle.probe(toy.data) or {}).get("answers"), "the port")
    result = (await _call(toy, "count", what="x")).json()["result"]
    assert result["isError"] and "fetching" in result["content"][0]["text"]
    assert toy.done() == []


async def test_a_stop_waits_for_calls_in_flight_and_drops_later_ones(toy: Toy) -> None:
    toy.boot(drain_s=PATIENCE_S)
    toy.start()
    toy.hold()
    call = asyncio.create_task(_call(toy, "slow"))
    await asyncio.to_thread(wait_for, (toy.data / "slow.started").exists, "the slow call")
    stop = asyncio.create_task(asyncio.to_thread(stop_service, toy.data, PATIENCE_S))
    await asyncio.to_thread(wait_for, lambda: (lifecycle.probe(toy.data) or {}).get("phase") == STOPPING, "the stop")
    late = await _call(toy, "count", what="x")
    assert (late.status_code, late.json()["error"]["code"]) == (503, -32800)
    toy.release()
    assert '"done"' in (await call).text
    assert "was stopped" in await stop
    assert toy.done() == []


async def test_a_crash_inside_a_tool_leaves_no_text_in_the_log(toy: Toy) -> None:
    async with toy.client() as client:
        answer = await client.call_tool("crash", {"text": "my private words"})
        assert answer.is_error and "private" not in text_of(answer)
    await asyncio.to_thread(stop_service, toy.data)
    log = (toy.data / lifecycle.LOG).read_text()
    assert "private" not in log and "RuntimeError" in log and "in crash" in log


def test_an_idle_service_ends_but_not_while_a_session_is_open(toy: Toy) -> None:
    toy.boot(idle_minutes=0.02)
    with RawShim(toy) as shim:
        shim.open()

        def comes_in() -> bool:
            """Whether the service counts this session; one that ended before it came is started anew by the call."""
            shim.request(1, "tools/call", name="echo", arguments={"text": "x"})
            shim.answer(1)
            return (lifecycle.probe(toy.data) or {}).get("sessions") == 1

        wait_for(comes_in, "the session")
        pid = toy.pid()
        time.sleep(4)
        assert process_start(pid) is not None
    wait_for(lambda: process_start(pid) is None, "the idle stop")
    assert read_record(toy.data) is None


def test_a_service_whose_data_folder_is_gone_ends(toy: Toy, tmp_path: Path) -> None:
    pid = toy.start().record.pid
    toy.data.rename(tmp_path / "elsewhere")
    wait_for(lambda: process_start(pid) is None, "the end")


def test_the_environment_of_the_service_is_filtered() -> None:
    kept = {"HOME": "/h", "PATH": "/p", "LC_ALL": "C", "XDG_DATA_HOME": "/x", "KNOWTHREAD_PORT": "1"}
    kept |= {"MEM0_ANTHROPIC_TOKEN": "t", "ANTHROPIC_API_KEY": "k", "CLAUDE_CODE_OAUTH_TOKEN": "o"}
    dropped = {"PYTHONPATH": "/e", "LD_PRELOAD": "/e", "KNOWTHREAD_USER_ID": "u", "KNOWTHREAD_PROJECT": "p", "X": "y"}
    assert filtered_environment(kept | dropped) == kept


def test_a_service_is_started_with_telemetry_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    code = "import os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    child, _ = lifecycle.spawn(tmp_path, (sys.executable, "-c", code))
    wait_for(lambda: child.poll() is not None, "the end")
    assert (tmp_path / lifecycle.LOG).read_text() == "1\n"


def test_settings_that_differ_are_named_without_their_values(tmp_path: Path) -> None:
    settings = {"data_dir": tmp_path, "idle_minutes": 30.0, "embedder": "e", "neo4j_password": "secret"}
    published = publish_record(
        tmp_path, ("127.0.0.1", 1), version="1", schema_version=1, settings=settings, token="t" * 20
    )
    record = read_record(tmp_path)
    assert record is not None and record.is_alive()
    same = {"KNOWTHREAD_IDLE_MINUTES": "30", "KNOWTHREAD_EMBEDDER": " e ", "KNOWTHREAD_DATA_DIR": str(tmp_path)}
    assert differing_settings(record, same | {"KNOWTHREAD_RUN_ID": "r", "KNOWTHREAD_HOST": ""}, "t" * 20) == []
    other = {"KNOWTHREAD_IDLE_MINUTES": "31", "KNOWTHREAD_NEO4J_PASSWORD": "other", "KNOWTHREAD_LLM": "none"}
    assert differing_settings(record, same | other, "t" * 20) == sorted(other)
    published.withdraw()
    assert read_record(tmp_path) is None


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    child = subprocess.Popen(["sleep", "60"])
    start = process_start(child.pid)
    assert start is not None and process_start(child.pid) == start != process_start(os.getpid())
    child.send_signal(signal.SIGKILL)
    wait_for(lambda: process_start(child.pid) is None, "the end, as a zombie")
    child.wait()
