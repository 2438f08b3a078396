"""Claude through the installed ``claude`` command, so that a subscription is used by its own client alone.

Invariant: a prompt goes in by standard input, never onto the command line, which every user of the machine can read.
The client runs without tools, hooks, MCP servers, settings or a session of its own.
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
from dataclasses import replace
from pathlib import Path
from typing import Any

from extract.providers import failures
from extract.providers.base import ModelReply, ModelRequest, Spent
from extract.providers.exchange import MAX_ANSWER_BYTES, turns
from kg.errors import ModelUnavailable, Unavailability
from kg.narrow import as_object, is_object

SETTINGS = {"disableAllHooks": True}
NOT_PASSED_ON_PREFIXES = (
    "ANTHROPIC_", "AWS_", "CLAUDECODE", "CLAUDE_CODE_", "GEMINI_", "GOOGLE_", "KNOWTHREAD_", "MEM0_", "OLLAMA_",
    "OPENAI_", "VERTEX_",
)  # fmt: skip
"""Kept from the client: a key would be used instead of the subscription, an address or a header would send requests
elsewhere, and some mark a session of Claude Code inside another."""

PASSED_ON = frozenset(("CLAUDE_CODE_OAUTH_TOKEN",))
"""The login of a machine without a browser."""

SWITCHES = {
    "CLAUDE_CODE_MAX_RETRIES": "0",
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
    ("credit balance is too low", "quota"),
    ("limit reached", "quota"),
    ("hit your limit", "quota"),
    ("usage limit", "quota"),
    ("rate limit", "quota"),
    ("overloaded", "overloaded"),
    ("unable to connect", "connection"),
    ("connection error", "connection"),
    ("timed out", "timeout"),
)
"""What the client says when it gives no status; the first words that are found count."""


class ClaudeCodeProvider:
    """Asks ``claude -p``, one process per request, in an empty folder of ours."""

    name = "claude-code"

    def __init__(self, executable: str = "claude", environ: Mapping[str, str] | None = None) -> None:
        self._executable = executable
        self._environ = environ
        self._folder: Path | None = None
        self._making = asyncio.Lock()

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
        folder = await self._empty_folder()
        try:
            return await asyncio.create_subprocess_exec(
                found,
                *arguments(model, request),
                cwd=folder,
                env=child_environment(environ, request),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            advice = (
                f"{found} cannot be started ({error.strerror}); install Claude Code again or choose another provider"
            )
            raise failures.unavailable(self.name, model, "not_configured", advice) from None

    async def _empty_folder(self) -> Path:
        """One folder for all calls; it is made again if something has removed it."""
        async with self._making:
            if self._folder is None or not await asyncio.to_thread(self._folder.is_dir):
                self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="knowthread-claude-"))
            return self._folder

    def _reply(self, model: str, answer: bytes, complaint: str) -> ModelReply:
        try:
            result = json.loads(answer)
        except ValueError:
            raise self._without_result(model, complaint) from None
        if not is_object(result):
            raise failures.out_of_form(self.name, model)
        usage = as_object(result.get("usage"))
        cached, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
        reply = ModelReply(
            text="",
            input_tokens=_count(usage, "input_tokens") + written + cached,
            output_tokens=_count(usage, "output_tokens"),
            cached_tokens=cached,
            cache_write_tokens=written,
            truncated=result.get("stop_reason") == "max_tokens",
            # ``total_cost_usd`` is what the same would cost by an API key.
            billed=False,
        )
        # These two end a run without a usable answer. The model can be asked to repair it.
        if result.get("is_error") and result.get("subtype") not in (
            "error_max_structured_output_retries",
            "error_max_turns",
        ):
            raise self._told(model, result, reply)
        structured = result.get("structured_output")
        text = json.dumps(structured, ensure_ascii=False) if structured is not None else result.get("result")
        return replace(reply, text=text if isinstance(text, str) else "")

    def _told(self, model: str, result: Mapping[str, Any], reply: ModelReply) -> Spent:
        said = str(result.get("result") or "")
        status = result.get("api_error_status")
        in_text = re.search(r"API Error: (\d{3})\b\s*(.*)", said, re.DOTALL)
        if in_text is not None and not isinstance(status, int):
            status = int(in_text[1])
        if isinstance(status, int):
            reason, wait_s = failures.reason_of_anthropic(status, _message(in_text[2] if in_text else said))
        else:
            reason = _reason_in_words(said)
            # A subscription's limits last for hours, and each try starts a process.
            wait_s = failures.UNTIL_PAID_S if reason == "quota" else None
        advice = "Claude Code is not logged in; run `claude` and log in" if reason == "auth" else ""
        return Spent(self.name, model, reason, advice or failures.ADVICE[reason], reply, retry_after_s=wait_s)

    def _without_result(self, model: str, complaint: str) -> ModelUnavailable:
        if "unknown option" in complaint:
            advice = "the installed Claude Code is too old; run `claude update`"
            return failures.unavailable(self.name, model, "not_configured", advice)
        return failures.unavailable(self.name, model, "server", "Claude Code ended without a whole answer")


def arguments(model: str, request: ModelRequest) -> list[str]:
    """Return the command's arguments; they hold nothing of a memory."""
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
        if name in PASSED_ON or not name.startswith(NOT_PASSED_ON_PREFIXES)
    }
    return kept | SWITCHES | {"CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(request.max_output_tokens)}


def _reason_in_words(said: str) -> Unavailability:
    for words, reason in PUT_IN_WORDS:
        if words in said.lower():
            return reason
    return "server"


def _message(error: str) -> str:
    """The message of an API error that the client passed on; all of the text if it is no such error."""
    try:
        return str(json.loads(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return error


def _input(request: ModelRequest) -> bytes:
    texts = [text for _, text in turns(request)]
    if len(texts) == 1:
        return texts[0].encode("utf-8", "replace")
    user, former, complaint = texts
    return CONVERSATION.format(user=user, former=former, complaint=complaint).encode("utf-8", "replace")


async def _feed(process: Process, data: bytes) -> None:
    stdin = process.stdin
    assert stdin is not None  # noqa: S101 - asked for above
    # A client that fails at once does not read its input. What it says says more than this error.
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
    """End the client and every process that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # asyncio lets go of a process only when its pipes are read to the end.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await asyncio.gather(_read(process.stdout, 0), _read(process.stderr, 0))
            await process.wait()


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0
