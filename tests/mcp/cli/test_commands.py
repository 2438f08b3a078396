"""The command line for people, on the real service and where there is none."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from kg.errors import SetupError
from mcp_server.cli.streams import one_line, safe
from mcp_server.link.client import answer_of, result_of
from mcp_server.link.http_client import Answer, ConnectionLost
from mcp_server.link.processes import process_start
from mcp_server.link.record import ServiceRecord, publish_record, read_record
from mcp_server.service.http import _ENDING  # pyright: ignore[reportPrivateUsage]
from tests.support.commands import COMMAND, PATIENCE_S, Environment, on_terminal, run, run_process

HOSTILE = (
    "Markup [bold]x[/bold] [link=file:///etc]y[/link] :smile: \x1b[31mred\x1b[0m \u202eback 日本語のメモ 🎉 "
    + "z" * 200
)


def add(environment: Environment, text: str, *more: str) -> str:
    done = run(environment, "add", text, "--wait", "--json", *more)
    assert done.status == 0, done.err
    return done.json()["results"][0]["id"]


@pytest.fixture
def idle(tmp_path: Path) -> Environment:
    """A session whose service does not run, and cannot start: its Neo4j is not there."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KNOWTHREAD_DATA_DIR": str(tmp_path / "data"),
        "KNOWTHREAD_CACHE_DIR": os.environ.get("KNOWTHREAD_CACHE_DIR", str(tmp_path / "cache")),
        "KNOWTHREAD_NEO4J_URL": "bolt://127.0.0.1:1",
    }


def test_a_session_setting_that_cannot_be_used_is_named(live_service: Environment) -> None:
    for setting, value in {"KNOWTHREAD_USER_ID": "x" * 100_000, "KNOWTHREAD_PROJECT": "two\nlines"}.items():
        for command in (["add", "a note"], ["list"], ["jobs"]):
            done = run(live_service | {setting: value}, *command)
            assert done.status == 1 and done.error().startswith(f"{setting} (header "), done.err


@pytest.fixture
def redis(live_service: Environment) -> Iterator[str]:
    """A memory with a fact, for the time of a test."""
    fact = {
        "statement": "Redis was rejected for session storage",
        "subject": "session storage",
        "predicate": "REJECTED",
        "object": "Redis",
        "because": "one more service",
        "revisit_when": "10k users",
    }
    text = "Redis was rejected for sessions; look again at 10k users."
    uuid = add(live_service, text, "--fact", json.dumps(fact))
    yield uuid
    run(live_service, "delete", uuid, "--yes")


# With a running service


def test_what_is_added_is_found_with_date_project_score_and_facts(live_service: Environment, redis: str) -> None:
    done = run_process(live_service, "search", "what", "went", "wrong", "with", "Redis?")
    assert done.status == 0 and done.err == ""
    block = done.out.split("2.  ")[0]
    assert re.match(r"1\.  \d{4}-\d\d-\d\d · github\.com/example/app  score \d\.\d\d", block)
    assert "Redis was rejected for sessions; look again at 10k users." in block
    assert "because one more" in block and "revisit when 10k users" in block
    assert redis in block


def test_one_memory_and_one_entity_are_shown_whole(live_service: Environment, redis: str) -> None:
    memory = run(live_service, "get", redis).out
    assert redis in memory and "github.com/example/app" in memory and "revisit when 10k users" in memory
    entity = run(live_service, "entity", "redis").out
    assert entity.startswith("Redis") and "Since" in entity and "because one more service" in " ".join(entity.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("doctor",),
        ("neo4j",),
        ("version",),
        ("list",),
        ("search", "anything at all"),
        ("search", "Redis", "--relations", "--explain", "--as-of", "2020-01-01"),
        ("entity", "Redis", "--superseded"),
        ("setup", "--no-claude"),
    ],
    ids=" ".join,
)
def test_with_json_there_is_one_document(live_service: Environment, redis: str, arguments: tuple[str, ...]) -> None:
    done = run(live_service, *arguments, "--json")
    assert done.status == 0, done.err
    assert isinstance(done.json(), dict)


def test_add_get_and_delete_answer_scripts_in_json(live_service: Environment) -> None:
    uuid = add(live_service, "The build needs Node 22.", "--project", "other", "--occurred-at", "2026-01-02")
    memory = run(live_service, "get", uuid, "--json").json()
    assert (memory["memory"], memory["project"], memory["occurred_at"]) == (
        "The build needs Node 22.",
        "other",
        "2026-01-02T00:00:00Z",
    )
    assert run(live_service, "delete", uuid, "--yes", "--json").json()["deleted"]["memories"] == 1
    gone = run(live_service, "get", uuid, "--json")
    assert gone.status == 1 and gone.json()["error"] == gone.error() and uuid in gone.error()


def test_text_from_elsewhere_cannot_steer_the_terminal(live_service: Environment) -> None:
    uuid = add(live_service, HOSTILE, "--fact", "The tool \x1b]0;title\x07 prefers [red]plain[/red] text")
    try:
        for arguments in (("get", uuid), ("list", "--limit", "1"), ("search", "markup"), ("entity", "the tool")):
            out = run(live_service, *arguments).out
            assert "\x1b" not in out and "\x07" not in out and "\u202e" not in out
        shown = run(live_service, "get", uuid).out
        assert "[bold]x[/bold]" in shown and "[red]plain[/red]" in shown and ":smile:" in shown
        assert "\\x1b[31mred" in shown and "日本語のメモ 🎉" in shown
        assert run(live_service, "get", uuid, "--json").json()["memory"] == HOSTILE
    finally:
        run(live_service, "delete", uuid, "--yes")


def test_output_fits_eighty_columns(live_service: Environment, redis: str) -> None:
    uuid = add(live_service, HOSTILE)
    try:
        for arguments in (("search", "Redis"), ("get", uuid), ("list",), ("entity", "Redis"), ("status",), ("--help",)):
            for line in run(live_service, *arguments).out.splitlines():
                assert cell_len(line) <= 80 or live_service["KNOWTHREAD_DATA_DIR"] in line, arguments
    finally:
        run(live_service, "delete", uuid, "--yes")


def test_an_encoding_without_the_characters_loses_none(live_service: Environment) -> None:
    uuid = add(live_service, "Ein Gedächtnis 🎉")
    try:
        ascii_only = live_service | {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}
        command = [sys.executable, "-m", "mcp_server", "get", uuid]
        plain = subprocess.run(command, env=ascii_only, capture_output=True, timeout=PATIENCE_S, check=True)
        assert rb"Ein Ged\xe4chtnis \U0001f389" in plain.stdout
        document = subprocess.run(
            [*command, "--json"], env=ascii_only, capture_output=True, timeout=PATIENCE_S, check=True
        )
        assert json.loads(document.stdout)["memory"] == "Ein Gedächtnis 🎉"
    finally:
        run(live_service, "delete", uuid, "--yes")


def test_a_text_comes_from_standard_input(live_service: Environment) -> None:
    done = run_process(live_service, "add", "-", "--json", given=b"Zwei\nZeilen")
    uuid = done.json()["results"][0]["id"]
    assert run(live_service, "get", uuid, "--json").json()["memory"] == "Zwei\nZeilen"
    assert run(live_service, "delete", uuid, "--yes").status == 0
    broken = run(live_service, "add", "-", given=b"abc\xff")
    assert broken.status == 1 and "UTF-8" in broken.error()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", ""), "text"),
        (("add", "x", "--fact", "{bad"), "--fact number 1"),
        (("add", "x", "--occurred-at", "someday"), "occurred_at"),
        (("search", "x", "--limit", "201"), "limit"),
        (("search", " "), "query"),
        (("get", "nope"), "memory_id"),
        (("get", "00000000-0000-4000-8000-000000000000"), "no memory"),
        (("entity", "nobody knows this"), "no entity"),
        (("list", "--cursor", "x"), "cursor"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_input_is_one_line_that_names_it(live_service: Environment, arguments: tuple[str, ...], said: str) -> None:
    done = run(live_service, *arguments)
    assert done.status == 1 and done.out == "" and said in done.error()


def test_deleting_asks_a_person_and_refuses_where_there_is_none(live_service: Environment) -> None:
    uuid = add(live_service, "Not to be lost by accident.")
    refused = run(live_service, "delete", uuid)
    assert refused.status == 2 and "--yes" in refused.error()
    status, shown = on_terminal(live_service, "delete", uuid, answer=b"n\n")
    assert status == 1 and "Not to be lost by accident." in shown
    assert run(live_service, "get", uuid).status == 0
    status, shown = on_terminal(live_service, "delete", uuid, answer=b"y\n")
    assert status == 0 and "1 memory" in shown
    assert run(live_service, "get", uuid).status == 1


def test_colours_are_for_terminals_only_and_can_be_turned_off(live_service: Environment, redis: str) -> None:
    terminal = live_service | {"TERM": "xterm-256color"}
    assert "\x1b[" in on_terminal(terminal, "search", "Redis")[1]
    assert "\x1b[" not in on_terminal(terminal | {"NO_COLOR": "1"}, "search", "Redis")[1]
    assert "\x1b" not in run(terminal, "search", "Redis").out


def test_a_reader_that_goes_away_is_no_crash(live_service: Environment, redis: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [*COMMAND, "get", redis], env=live_service, stdout=theirs, stderr=subprocess.PIPE, timeout=PATIENCE_S,
            check=False,
        )  # fmt: skip
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (1, b"")


def test_neo4j_tells_where_the_password_lies_and_not_the_password(live_service: Environment) -> None:
    done = run(live_service, "neo4j", "--json")
    address = done.json()
    assert address["bolt_url"].startswith("bolt://") and address["user"]
    shown = run(live_service, "neo4j").out
    assert address["bolt_url"] in shown
    assert address["managed"] and address["browser_url"].startswith("http://127.0.0.1:")
    password = Path(address["password_file"]).read_text().strip()
    assert password not in done.out + shown


def test_status_counts_and_names_the_settings_that_are_not_in_effect(live_service: Environment, redis: str) -> None:
    state = run(live_service | {"KNOWTHREAD_IDLE_MINUTES": "7"}, "status", "--json").json()
    assert state["running"] and state["phase"] == "ready" and state["graph"]["memories"] >= 1
    assert state["differing"] == ["KNOWTHREAD_IDLE_MINUTES"]
    shown = run(live_service, "status").out
    assert shown.startswith("knowthread ") and "differ" not in shown and "KNOWTHREAD_" not in shown


def test_the_doctor_finds_a_running_service_sound(live_service: Environment) -> None:
    found = run(live_service, "doctor", "--json").json()
    levels = {check["name"]: check["level"] for check in found["checks"]}
    assert found["ok"]
    assert {name: levels[name] for name in ("service", "neo4j", "graph", "index", "embedder", "data")} == dict.fromkeys(
        ("service", "neo4j", "graph", "index", "embedder", "data"), "ok"
    )


def test_a_killed_service_is_started_again_by_the_next_call(live_service: Environment, redis: str) -> None:
    record = read_record(Path(live_service["KNOWTHREAD_DATA_DIR"]))
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    while record.is_alive():
        time.sleep(0.01)
    assert "not running" in run(live_service, "status").out
    note = next(c for c in run(live_service, "doctor", "--json").json()["checks"] if c["name"] == "service")
    assert note["level"] == "note" and "killed or crashed" in note["message"]
    done = run(live_service, "get", redis, "--json")
    assert done.status == 0 and done.json()["id"] == redis
    assert "starting the service" in done.err


@pytest.fixture
def claude(tmp_path: Path) -> Path:
    """A folder with a ``claude`` that notes what it is called with; a file ``refuse`` beside it makes it refuse."""
    program = tmp_path / "claude"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/called\n'
        f"[ ! -e {tmp_path}/refuse ] || {{ echo no such luck >&2; exit 3; }}\n"
    )
    program.chmod(0o755)
    return tmp_path


def _with(folder: Path, environment: Environment) -> Environment:
    return environment | {"PATH": f"{folder}:{environment['PATH']}", "HOME": str(folder)}


def test_what_has_changed_is_shown_without_a_question(live_service: Environment, redis: str) -> None:
    done = run(live_service, "search", "--changed-since", "2020", "--limit", "1")
    assert done.status == 0 and " new: Redis was rejected for session storage" in done.out and "by caller" in done.out
    assert run(live_service, "search", "--changed-since", "2999").out == "Nothing found.\n"


def test_setup_connects_claude_code_only_when_it_may(live_service: Environment, claude: Path) -> None:
    environment = _with(claude, live_service)
    assert run(environment, "setup").status == 0
    assert run(environment, "setup", "--no-claude").status == 0
    assert not (claude / "called").exists()
    done = run(environment, "setup", "--yes")
    assert done.status == 0 and "claude mcp add-json --scope user knowthread" in done.out
    called = (claude / "called").read_text().splitlines()
    assert called[:5] == ["mcp", "add-json", "--scope", "user", "knowthread"]
    entry = json.loads(called[5])
    assert entry["command"].endswith("knowthread")
    assert (entry["type"], entry["args"], entry["alwaysLoad"]) == ("stdio", ["mcp"], True)
    assert entry["env"]["KNOWTHREAD_DATA_DIR"] == live_service["KNOWTHREAD_DATA_DIR"]


def test_setup_asks_on_a_terminal_and_does_nothing_twice(live_service: Environment, claude: Path) -> None:
    environment = _with(claude, live_service) | {"GIT_DIR": "/nowhere"}  # git knows no name to offer
    assert on_terminal(environment, "setup", answer=b"\n\nn\n")[0] == 0  # no model, no name, Claude Code not connected
    assert not (claude / "called").exists()
    assert on_terminal(environment, "setup", answer=b"\n\n\n")[0] == 0
    assert (claude / "called").exists()
    (claude / "called").unlink()
    settings = claude / ".claude.json"
    settings.write_text(json.dumps({"mcpServers": {"knowthread": {"alwaysLoad": True}}}))
    known = run(environment, "setup", "--yes", "--json").json()["claude"]
    assert known["known"] and not (claude / "called").exists()
    older = {"type": "stdio", "command": "knowthread", "args": ["mcp"], "env": {"KNOWTHREAD_USER_ID": "ada"}}
    settings.write_text(json.dumps({"mcpServers": {"knowthread": older}}))
    renewed = run(environment, "setup", "--yes", "--json").json()["claude"]
    assert renewed["added"]
    called = (claude / "called").read_text().splitlines()
    assert called[:5] == ["mcp", "remove", "--scope", "user", "knowthread"]
    entry = json.loads(called[-1])
    assert entry["alwaysLoad"] is True and entry["env"]["KNOWTHREAD_USER_ID"] == "ada"


def test_setup_says_when_claude_code_refuses(live_service: Environment, claude: Path) -> None:
    (claude / "refuse").touch()
    done = run(_with(claude, live_service), "setup", "--yes", "--json")
    assert done.status == 1 and "no such luck" in done.json()["error"] and "claude mcp add-json" in done.json()["error"]


def test_the_self_test_of_setup_leaves_no_memory(live_service: Environment) -> None:
    done = run(live_service, "setup", "--no-claude", "--json").json()
    assert set(done["self_test_ms"]) == {"add", "search", "delete"}
    left = run(live_service | {"KNOWTHREAD_USER_ID": "knowthread-self-test"}, "list", "--json").json()
    assert left["results"] == []


@pytest.mark.parametrize("read", [answer_of, result_of])
def test_what_an_ending_service_drops_is_asked_again(read: Callable[[Answer], object]) -> None:
    with pytest.raises(ConnectionLost, match="ending"):
        read(Answer(503, None, iter([_ENDING])))


# Without a running service


def test_status_and_stop_do_not_start_the_service(idle: Environment) -> None:
    status = run(idle, "status")
    assert status.status == 0 and "not running" in status.out and status.err == ""
    assert run(idle, "status", "--json").json()["running"] is False
    assert run(idle, "stop", "--json").json()["was_running"] is False
    assert not Path(idle["KNOWTHREAD_DATA_DIR"]).exists()


def test_stop_ends_what_runs_whatever_the_settings_say(idle: Environment) -> None:
    folder = Path(idle["KNOWTHREAD_DATA_DIR"])
    (folder / "neo4j").mkdir(parents=True)
    (folder / "config.toml").write_text("bogus = 1\n")
    assert run_process(idle, "stop").out == "The service was not running.\n"


def test_the_stdio_server_takes_no_arguments(idle: Environment) -> None:
    assert run_process(idle, "mcp", "--help").out.startswith("usage: knowthread mcp")
    wrong = run_process(idle, "mcp", "--user", "ada")
    assert wrong.status == 2 and "--user" in wrong.err


def test_a_service_that_cannot_start_is_one_line_and_status_remembers_it(idle: Environment) -> None:
    done = run(idle, "search", "x")
    last = done.err.splitlines()[-1]
    assert done.status == 1 and done.out == "" and last.startswith("knowthread: the knowthread service could not start")
    record = read_record(Path(idle["KNOWTHREAD_DATA_DIR"]))
    assert record is not None
    assert "last start failed" in run(idle, "status").out
    assert run(idle, "status", "--json").json()["last_failure"] == record.error


def test_a_wrong_setting_is_named(idle: Environment) -> None:
    done = run(idle | {"KNOWTHREAD_PORT": "many"}, "list")
    assert done.status == 1 and "KNOWTHREAD_PORT: 'many' is not a whole number" in done.err.splitlines()[-1]


def test_a_starting_service_shows_its_phase(idle: Environment) -> None:
    folder = Path(idle["KNOWTHREAD_DATA_DIR"])
    folder.mkdir()
    record = publish_record(folder, ("127.0.0.1", 1), version="0.1.0", schema_version=1, settings={}, token="t")
    record.publish(phase="fetching 34% of 137 MB")
    state = run(idle, "status", "--json").json()
    assert state["running"] and state["phase"] == "fetching 34% of 137 MB"
    assert "fetching 34% of 137 MB" in run(idle, "status").out
    record.publish(phase="ready")
    assert "does not answer" in run(idle, "status").out


def test_a_dead_record_is_not_taken_for_a_service(idle: Environment) -> None:
    folder = Path(idle["KNOWTHREAD_DATA_DIR"])
    folder.mkdir()
    stale = ServiceRecord(os.getpid(), f"not {process_start(os.getpid())}", "127.0.0.1", 1, "0.1.0", 1)
    (folder / "service.json").write_text(json.dumps(stale.__dict__))
    assert "not running" in run(idle, "status").out
    assert run(idle, "stop").out == "The service was not running.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("frobnicate",),
        ("get",),
        ("search",),
        ("list", "--limit", "many"),
        ("status", "--verbose"),
        ("setup", "--yes", "--no-claude"),
        ("delete", "00000000-0000-4000-8000-000000000000"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_two(idle: Environment, arguments: tuple[str, ...]) -> None:
    done = run(idle, *arguments)
    assert done.status == 2 and done.out == "" and "knowthread" in done.err
    assert not Path(idle["KNOWTHREAD_DATA_DIR"]).exists()


def test_help_and_version_need_nothing(idle: Environment) -> None:
    assert "search" in run_process(idle, "--help").out
    assert run_process(idle, "--version").out == run(idle, "version").out != ""


def test_the_quick_commands_load_nothing_heavy(idle: Environment) -> None:
    program = "import sys; from mcp_server.cli.main import main; main(['status']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", program], env=idle, capture_output=True, text=True, check=True)
    for name in ("rich", "mcp", "neo4j", "qdrant_edge", "numpy", "httpx", "pydantic"):
        assert f"'{name}'" not in done.stdout


def test_messages_of_many_lines_become_one() -> None:
    error = SetupError("Neo4j did not start; its log ends:\nfirst\nsecond\x1b[2J\n", "see the logs")
    assert one_line(str(error)) == "Neo4j did not start (second\\x1b[2J). To fix it: see the logs"
    assert one_line("plain") == "plain"
    assert one_line("\n") == "failed without a reason"


def test_safe_texts_keep_what_can_be_printed() -> None:
    assert safe("a\tb\nc é 日 👩\u200d💻") == "a\tb\nc é 日 👩\u200d💻"
    assert safe("\x1b\x07\r\x9b\u202e\ud800") == "\\x1b\\x07\\x0d\\x9b\\u202e\\ud800"
