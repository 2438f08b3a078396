"""Runs commands of the command line, and says how they ended."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

COMMAND = [sys.executable, "-I", "-m", "mcp_server"]
PATIENCE_S = 240

Environment = dict[str, str]


class Done(NamedTuple):
    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)

    def error(self) -> str:
        """The one line that says why it failed."""
        lines = [line for line in self.err.splitlines() if line]
        assert len(lines) == 1 and lines[0].startswith("knowthread: "), self.err
        return lines[0].removeprefix("knowthread: ")


def run(environment: Environment, *arguments: str, given: bytes = b"", cwd: Path | None = None) -> Done:
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        input=given,
        cwd=cwd,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.out + result.err
    return result


def on_terminal(environment: Environment, *arguments: str, answer: bytes = b"") -> tuple[int, str]:
    """Run a command whose three streams are a terminal, with something typed ahead."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        process = subprocess.Popen([*COMMAND, *arguments], env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # how Linux tells that the other end is closed
                break
            if not chunk:
                break
            shown += chunk
        return process.wait(PATIENCE_S), shown.decode()
    finally:
        os.close(ours)
