"""A ``claude`` command for PATH: it hands what it is given to the test's process and prints what that answers."""

from __future__ import annotations

import json
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.fakes.models import ONLY_CLAUDE_CODE, tokens
from tests.support.fakes.server import HUGE_BYTES, Answer, Asked, FakeServer, Fault, Received, Reply

COMMAND = r"""
import json, os, subprocess, sys, time, urllib.request

def tell(path, what):
    request = urllib.request.Request(URL + path, json.dumps(what).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))

order = tell("/claude", {
    "argv": sys.argv[1:], "stdin": sys.stdin.read(), "environ": dict(os.environ), "cwd": os.getcwd(),
    "files": os.listdir(), "pid": os.getpid(), "group": os.getpgrp(),
})
if order["hang"]:
    child = subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)"])
    tell("/child", child.pid)
    time.sleep(600)
written = 0
try:
    sys.stdout.write(order["stdout"])
    while written < order["flood"]:
        written += sys.stdout.write("x" * 65536)
    sys.stdout.flush()
except BrokenPipeError:
    os._exit(1)
sys.stderr.write(order["stderr"])
sys.exit(order["exit"])
"""

ERRORS = {
    Fault.BAD_REQUEST: "API Error: 400 {error}",
    Fault.UNAUTHORIZED: "Invalid API key · Please run /login",
    Fault.FORBIDDEN: f"API Error: 403 {ONLY_CLAUDE_CODE}",
    Fault.MISSING_MODEL: "There's an issue with the selected model ({model}). It may not exist.",
    Fault.RATE_LIMITED: "You've hit your limit · resets 3pm",
    Fault.SERVER_ERROR: "API Error: 500 {error}",
    Fault.OVERLOADED: "API Error: 529 {error}",
}
NOTHING = {"hang": False, "stdout": "", "stderr": "", "exit": 0, "flood": 0}


def failing(said: str, **more: Any) -> Reply:
    """What a command is told to do that is to end with an error of its own, in these words."""
    result = {"type": "result", "subtype": "success", "is_error": True, "result": said, **more}
    return Reply(200, NOTHING | {"stdout": _json(result), "exit": 1})


class FakeClaude(FakeServer):
    """The command lies in ``folder``, to be put on PATH; ``calls`` are what it was started with.

    Of each call: argv, stdin, environ, cwd, files (in cwd), pid, group. One that hangs starts a process of its own
    before, whose pid is in ``children``.
    """

    def __init__(self, folder: Path, answer: Answer | None = None, **script: Any) -> None:
        super().__init__(answer, **script)
        self.folder = folder
        self.children: list[int] = []

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What each process told of itself."""
        return [received.body for received in self.requests if received.path == "/claude"]

    async def __aenter__(self) -> FakeClaude:
        await super().__aenter__()
        code = self.folder / "fake_claude.py"
        code.write_text(f"URL = {self.url!r}\n{COMMAND}", encoding="utf-8")
        command = self.folder / "claude"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I {shlex.quote(str(code))} "$@"\n')
        command.chmod(0o700)
        return self

    async def respond(self, received: Received) -> Reply | Fault:
        """Tell one process what to do."""
        if received.path == "/child":
            self.children.append(received.body)
            return Reply(200, {})
        argv: list[str] = received.body["argv"]
        options = dict(pairwise(argv))
        turns = (("user", received.body["stdin"]),)
        asked = Asked(options["--model"], options["--system-prompt"], turns, options["--json-schema"], received)
        text, fault = await self.decide(asked)
        return Reply(200, NOTHING | {"hang": fault is Fault.HANG} | _order(asked, text, fault))


def _order(asked: Asked, text: str, fault: Fault | None) -> dict[str, Any]:
    if fault in ERRORS:
        said = ERRORS[fault].format(model=asked.model, error=f"refused: {asked.user}")
        return {"stdout": _json(_result(asked, said) | {"is_error": True}), "exit": 1}
    if fault in (Fault.DROP, Fault.DROP_EARLY):
        return {"stderr": f"crashed on {asked.user}", "exit": 134}
    if fault is Fault.HUGE:
        return {"stdout": '{"result": "', "flood": HUGE_BYTES}
    if fault is Fault.BROKEN_BODY:
        return {"stdout": '{"type": "result", "resu'}
    if fault is Fault.TRUNCATED_JSON:
        return {"stdout": _json(_result(asked, text) | {"stop_reason": "max_tokens"})}
    structured = _loaded(text) if fault is None else None
    return {"stdout": _json(_result(asked, text) | ({} if structured is None else {"structured_output": structured}))}


def _result(asked: Asked, text: str) -> dict[str, Any]:
    return {
        "type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "result": text,
        "stop_reason": "end_turn", "session_id": "1", "total_cost_usd": 0.0125,
        "usage": {
            "input_tokens": tokens(asked.user), "output_tokens": tokens(text),
            "cache_creation_input_tokens": 0, "cache_read_input_tokens": tokens(asked.system),
        },
    }  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
