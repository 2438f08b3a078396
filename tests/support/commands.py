"""Runs commands of the command line, in this process or as a person does, and says how they ended."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from mcp_server.cli import main

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


def run(environment: Environment, *arguments: str, given: bytes = b"") -> Done:
    """Run a command in this process, with an environment and streams of its own: a process more takes half a second."""
    streams = [io.TextIOWrapper(io.BytesIO(content), encoding="utf-8") for content in (given, b"", b"")]
    status: list[int] = []

    def command() -> None:
        try:
            status.append(main.main(arguments))
        except SystemExit as end:  # how argparse ends after help and wrong usage
            status.append(int(end.code or 0))

    with _standing_in(streams, {"COLUMNS": "80"} | environment):
        # A thread, because a command may run an event loop of its own and a test may be in the middle of one.
        thread = threading.Thread(target=command)
        thread.start()
        thread.join(PATIENCE_S)
    assert status, f"{arguments} failed with an exception, or takes longer than {PATIENCE_S} s"
    return _done(status[0], *(_written(stream) for stream in streams[1:]))


def run_process(environment: Environment, *arguments: str, given: bytes = b"") -> Done:
    """Run a command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment, input=given, capture_output=True, timeout=PATIENCE_S, check=False
    )
    return _done(done.returncode, done.stdout, done.stderr)


def on_terminal(environment: Environment, *arguments: str, answer: bytes = b"") -> tuple[int, str]:
    """Run a command as a process whose three streams are a terminal, with something typed ahead."""
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


@contextmanager
def _standing_in(streams: list[io.TextIOWrapper], environment: Environment) -> Generator[None]:
    """Put streams and an environment in the place of this process's own."""
    names = ("stdin", "stdout", "stderr")
    former = [getattr(sys, name) for name in names], dict(os.environ)
    try:
        for name, stream in zip(names, streams, strict=True):
            setattr(sys, name, stream)
        os.environ.clear()
        os.environ.update(environment)
        yield
    finally:
        for name, stream in zip(names, former[0], strict=True):
            setattr(sys, name, stream)
        os.environ.clear()
        os.environ.update(former[1])


def _written(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


def _done(status: int, out: bytes, err: bytes) -> Done:
    result = Done(status, out.decode(), err.decode())
    assert "Traceback" not in result.out + result.err
    return result
