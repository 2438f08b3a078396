"""Claude through the installed ``claude`` command, so that a subscription is used by its own client alone.

Invariant: what is asked about goes in by standard input and never onto the command line, which every user of the
machine can read; and the client runs with no tools, hooks, MCP servers, settings or session of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from extract.completion import ModelReply, ModelRequest
from extract.providers import failures
from extract.providers.exchange import MAX_ANSWER_BYTES, turns
from kg.errors import ModelUnavailable, Unavailability

SETTINGS = {"disableAllHooks": True}
NOT_PASSED_ON = frozenset(("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"))
"""A key would be spent in place of the subscription; the others mark a session of Claude Code inside another."""

NOT_PASSED_ON_PREFIXES = ("KNOWTHREAD_", "MEM0_")
SWITCHES = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "DISABLE_AUTOUPDATER": "1",
}

CONVERSATION = "{user}\n\n<your_former_answer>\n{former}\n</your_former_answer>\n\n{complaint}"
MAX_COMPLAINT_BYTES = 64 * 1024
END_S = 5.0

PUT_IN_WORDS: tuple[tuple[str, Unavailability], ...] = (
    ("issue with the selected model", "missing_model"),
    ("/login", "auth"),
    ("invalid api key", "auth"),
    ("limit reached", "quota"),
    ("hit your limit", "quota"),
    ("usage limit", "quota"),
    ("rate limit", "quota"),
    ("overloaded", "overloaded"),
    ("unable to connect", "connection"),
    ("connection error", "connection"),
    ("timed out", "timeout"),
)
"""What the client says where it gives no status, in order of weight."""


class ClaudeCodeProvider:
    """Asks ``claude -p``, one process per request, in an empty folder of ours."""

    name = "claude-code"

    def __init__(self, executable: str = "claude", environ: Mapping[str, str] | None = None) -> None:
        self._executable = executable
        self._environ = environ
        self._folder: Path | None = None

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        """Ask once.

        Raises:
            ModelUnavailable: no answer came; the reason says why.
        """
        environ = dict(os.environ if self._environ is None else self._environ)
        found = shutil.which(self._executable, path=environ.get("PATH"))
        if found is None:
            advice = f"there is no `{self._executable}` on PATH; install Claude Code or choose another provider"
            raise failures.unavailable(self.name, model, "not_configured", advice)
        process = await self._start(model, request, found, environ)
        try:
            async with failures.time_limit(self.name, model, request.timeout_s):
                _, answer, complaint = await asyncio.gather(
                    _feed(process, _input(request)),
                    _read(process.stdout, MAX_ANSWER_BYTES + 1),
                    _read(process.stderr, MAX_COMPLAINT_BYTES),
                )
                await process.wait()
        finally:
            await asyncio.shield(_end(process))
        if len(answer) > MAX_ANSWER_BYTES:
            raise failures.oversized(self.name, model)
        return self._reply(model, answer, complaint.decode("utf-8", "replace"))

    async def close(self) -> None:
        """Remove the folder."""
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _start(self, model: str, request: ModelRequest, found: str, environ: Mapping[str, str]) -> Process:
        if self._folder is None:
            self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="knowthread-claude-"))
        try:
            return await asyncio.create_subprocess_exec(
                found,
                *arguments(model, request),
                cwd=self._folder,
                env=child_environment(environ, request),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            advice = (
                f"{found} cannot be started ({error.strerror}); install Claude Code anew or choose another provider"
            )
            raise failures.unavailable(self.name, model, "not_configured", advice) from None

    def _reply(self, model: str, answer: bytes, complaint: str) -> ModelReply:
        try:
            result = json.loads(answer)
        except ValueError:
            raise self._without_result(model, complaint) from None
        if not isinstance(result, dict):
            raise failures.out_of_form(self.name, model)
        result = cast("dict[str, Any]", result)
        # These two end a run without a usable answer, but the model was asked and can be asked to mend it.
        if result.get("is_error") and result.get("subtype") not in (
            "error_max_structured_output_retries",
            "error_max_turns",
        ):
            raise self._told(model, result)
        structured = result.get("structured_output")
        text = json.dumps(structured, ensure_ascii=False) if structured is not None else result.get("result")
        usage = cast("dict[str, Any]", result.get("usage") or {})
        cached = _count(usage, "cache_read_input_tokens")
        cost = result.get("total_cost_usd")
        return ModelReply(
            text=text if isinstance(text, str) else "",
            input_tokens=_count(usage, "input_tokens") + _count(usage, "cache_creation_input_tokens") + cached,
            output_tokens=_count(usage, "output_tokens"),
            cached_tokens=cached,
            truncated=result.get("stop_reason") == "max_tokens",
            cost_usd=float(cost) if isinstance(cost, int | float) else None,
        )

    def _told(self, model: str, result: Mapping[str, Any]) -> ModelUnavailable:
        said = str(result.get("result") or "")
        status = result.get("api_error_status")
        in_text = re.search(r"API Error: (\d{3})\b", said)
        if in_text is not None and not isinstance(status, int):
            status = int(in_text[1])
        reason = failures.reason_of(status, said) if isinstance(status, int) else _reason_in_words(said)
        advice = "Claude Code is not logged in; run `claude` and log in" if reason == "auth" else ""
        return failures.unavailable(self.name, model, reason, advice)

    def _without_result(self, model: str, complaint: str) -> ModelUnavailable:
        if "unknown option" in complaint:
            advice = "the installed Claude Code is too old; run `claude update`"
            return failures.unavailable(self.name, model, "bad_request", advice)
        return failures.unavailable(self.name, model, "server", "Claude Code ended without a whole answer")


def arguments(model: str, request: ModelRequest) -> list[str]:
    """Return the command's arguments: nothing of a memory is among them."""
    return [
        "-p",
        *("--model", model),
        *("--output-format", "json"),
        *("--system-prompt", request.system),
        *("--json-schema", json.dumps(dict(request.schema), ensure_ascii=False)),
        *("--tools", ""),
        "--strict-mcp-config",
        *("--mcp-config", '{"mcpServers":{}}'),
        *("--setting-sources", ""),
        *("--settings", json.dumps(SETTINGS)),
        "--disable-slash-commands",
        "--no-session-persistence",
    ]


def child_environment(environ: Mapping[str, str], request: ModelRequest) -> dict[str, str]:
    """Return the environment to run in: the service's own, without our settings and without other credentials."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in NOT_PASSED_ON and not name.startswith(NOT_PASSED_ON_PREFIXES)
    }
    return kept | SWITCHES | {"CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(request.max_output_tokens)}


def _reason_in_words(said: str) -> Unavailability:
    for words, reason in PUT_IN_WORDS:
        if words in said.lower():
            return reason
    return "server"


def _input(request: ModelRequest) -> bytes:
    texts = [text for _, text in turns(request)]
    if len(texts) == 1:
        return texts[0].encode("utf-8", "replace")
    user, former, complaint = texts
    return CONVERSATION.format(user=user, former=former, complaint=complaint).encode("utf-8", "replace")


async def _feed(process: Process, data: bytes) -> None:
    stdin = process.stdin
    assert stdin is not None  # noqa: S101 - asked for above
    # A client that fails at once does not read its input; what it says then tells more.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.close()
        await stdin.wait_closed()


async def _read(stream: asyncio.StreamReader | None, kept_bytes: int) -> bytes:
    """Read to the end, keep the first bytes and drop the rest."""
    assert stream is not None  # noqa: S101 - asked for by the caller
    data = bytearray()
    while chunk := await stream.read(64 * 1024):
        data += chunk[: kept_bytes - len(data)]
    return bytes(data)


async def _end(process: Process) -> None:
    """Make sure that nothing of the client runs on: it starts processes of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # Only when its pipes are read to their end does asyncio let go of a process.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await asyncio.gather(_read(process.stdout, 0), _read(process.stderr, 0))
            await process.wait()


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0
