"""A ``claude`` command for PATH: it hands what it is given to the test's process and prints what that answers."""

from __future__ import annotations

import json
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.fakes.models import ONLY_CLAUDE_CODE, tokens
from tests.fakes.server import HUGE_BYTES, Answer, Asked, FakeServer, Fault, Received, Reply

COMMAND = r"""
import json, os, sys, time, urllib.request

call = {
    "argv": sys.argv[1:], "stdin": sys.stdin.read(), "environ": sorted(os.environ), "cwd": os.getcwd(),
    "files": os.listdir(), "pid": os.getpid(), "group": os.getpgrp(),
}
request = urllib.request.Request(URL + "/claude", json.dumps(call).encode(), {"content-type": "application/json"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
order = json.load(opener.open(request))
if order["hang"]:
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


class FakeClaude(FakeServer):
    """The command lies in ``folder``, to be put on PATH; ``calls`` are what it was started with.

    Of each call: argv, stdin, environ (names), cwd, files (in cwd), pid, group.
    """

    def __init__(self, folder: Path, answer: Answer | None = None, **script: Any) -> None:
        super().__init__(answer, **script)
        self.folder = folder

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What each process told of itself."""
        return [received.body for received in self.requests]

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
        argv: list[str] = received.body["argv"]
        options = dict(pairwise(argv))
        turns = (("user", received.body["stdin"]),)
        asked = Asked(options["--model"], options["--system-prompt"], turns, options["--json-schema"], received)
        text, fault = await self.decide(asked)
        order = {"hang": fault is Fault.HANG, "stdout": "", "stderr": "", "exit": 0, "flood": 0}
        return Reply(200, order | _order(asked, text, fault))


def _order(asked: Asked, text: str, fault: Fault | None) -> dict[str, Any]:
    if fault in ERRORS:
        said = ERRORS[fault].format(model=asked.model, error=f"refused: {asked.user}")
        return {"stdout": _json(_result(asked, said) | {"is_error": True}), "exit": 1}
    if fault is Fault.DROP:
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
