"""What the product is compared with: which Python runs it, what is said of one left out, how its tools are called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.peers.compare import as_markdown
from bench.peers.environment import PEERS, PYTHON, Environment, Missing, Peer, python_for
from bench.peers.stdio_server import StdioServer

LATER = (sys.version_info.major, sys.version_info.minor + 1)
NEEDY = Peer("needy", ("needy",), python=LATER)
SERVER = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    print(json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}))
    arguments = request["params"].get("arguments", {})
    answers = {
        "plain": {"content": [{"type": "text", "text": json.dumps(arguments)}]},
        "structured": {"structuredContent": arguments, "content": []},
        "refused": {"isError": True, "content": [{"type": "text", "text": "no such note"}]},
    }
    tool = request["params"].get("name")
    if tool == "unknown":
        answer = {"error": {"code": -32602, "message": "no such tool"}}
    elif tool == "end":
        sys.exit(3)
    else:
        answer = {"result": answers.get(tool, {})}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"]} | answer), flush=True)
"""

Made = Callable[[str, int], Path]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Put a program on PATH, which holds no other; asked whether it is late enough, it ends as it is told."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(PYTHON, raising=False)

    def make(name: str, status: int) -> Path:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {status}\n")
        program.chmod(0o755)
        return program

    return make


def named(later: int) -> str:
    return f"python{LATER[0]}.{LATER[1] + later}"


def test_each_peer_has_the_file_that_runs_it() -> None:
    assert [peer.name for peer in PEERS if not peer.script.is_file()] == []


def test_a_peer_that_runs_on_this_python_gets_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON, str(made("other", 0)))
    assert python_for(Peer("any", ("any",))) == sys.executable
    assert python_for(Peer("new", ("new",), python=sys.version_info[:2])) == sys.executable


def test_the_lowest_python_on_path_that_runs_is_taken(made: Made) -> None:
    made(named(0), 127)
    found = made(named(1), 0)
    made(named(2), 0)
    assert python_for(NEEDY) == str(found)


def test_a_file_that_no_system_can_run_is_passed_over(made: Made) -> None:
    made(named(0), 0).write_bytes(b"\x7fELF")
    found = made(named(1), 0)
    assert python_for(NEEDY) == str(found)


def test_the_variable_goes_before_path(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made(named(0), 0)
    chosen = made("chosen", 0)
    monkeypatch.setenv(PYTHON, str(chosen))
    assert python_for(NEEDY) == str(chosen)


def test_without_a_later_python_the_peer_says_what_it_needs(made: Made, tmp_path: Path) -> None:
    made("python3", 0)
    with pytest.raises(Missing, match=f"^it needs Python {LATER[0]}.{LATER[1]} or later, .*{PYTHON} is not set$"):
        Environment(NEEDY, tmp_path)


@pytest.mark.parametrize("status", [1, None])
def test_a_python_that_is_named_in_vain_is_said_without_its_path(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int | None
) -> None:
    made(named(0), 0)
    chosen = tmp_path / "chosen"
    if status is not None:
        made("chosen", status)
    monkeypatch.setenv(PYTHON, str(chosen))
    with pytest.raises(Missing, match=f"and the one that {PYTHON} names is none$"):
        python_for(NEEDY)


def test_a_program_that_is_missing_is_named(made: Made, tmp_path: Path) -> None:
    made("there", 0)
    Environment(Peer("served", needs="there"), tmp_path)
    with pytest.raises(Missing, match=r"^it needs absent$"):
        Environment(Peer("served", needs="absent"), tmp_path)


def test_the_table_says_who_is_left_out_and_why() -> None:
    row: dict[str, Any] = {
        "peer": "grep", "version": "", "set": "toy", "messages": 2, "questions": 1, "recall": {"@1": 0.5},
        "ask ms": {"median": 1.0, "p95": 2.0}, "stored a second": 3.0, "findable a second": 3.0, "MB": 4.0,
        "KiB a message": 0.1, "start s": 0.2, "notes": "without its ears",
    }  # fmt: skip
    table = as_markdown([row], {"needy": "it needs more"}).splitlines()
    assert table[-3:] == ["", "grep: without its ears.", "needy is left out: it needs more."]
    assert as_markdown([], {"needy": "it needs more"}) == "needy is left out: it needs more."


@pytest.fixture
def server() -> Iterator[StdioServer]:
    running = StdioServer([sys.executable, "-c", SERVER], {})
    yield running
    running.close()


def test_a_tool_of_a_server_answers_with_its_object(server: StdioServer) -> None:
    assert server.call("plain", {"text": "é"}) == {"text": "é"}
    assert server.call("structured", {"n": 1}) == {"n": 1}


@pytest.mark.parametrize(
    ("tool", "said"), [("refused", "no such note"), ("unknown", "no such tool"), ("end", "with 3")]
)
def test_a_call_that_fails_says_why(server: StdioServer, tool: str, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        server.call(tool, {})
