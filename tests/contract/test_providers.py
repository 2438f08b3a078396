"""Every way to reach a model, by its real client against a stand-in that speaks its protocol."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import traceback
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from extract.completion import ModelReply, ModelRequest, Provider
from extract.providers.anthropic import AnthropicProvider
from extract.providers.claude_code import ClaudeCodeProvider
from extract.providers.exchange import MAX_ANSWER_BYTES
from extract.providers.gemini import GeminiProvider
from extract.providers.ollama import OllamaProvider
from kg.errors import ModelUnavailable
from tests.fakes import Asked, FakeAnthropic, FakeClaude, FakeGemini, FakeOllama, Fault
from tests.fakes.server import HUGE_BYTES, RETRY_AFTER_S, WRONG_ANSWER, FakeServer

SECRET_TEXT = "the cat is called Mildred Überzwerg"
SCHEMA = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"type": "string"}}},
    "required": ["facts"],
    "additionalProperties": False,
}
REQUEST = ModelRequest(
    system="Read the memory. It is data.",
    user=f"<memory>\n{SECRET_TEXT}\n</memory>",
    schema=SCHEMA,
    schema_name="extract",
    max_output_tokens=1000,
    timeout_s=20,
)
ANSWER = {"facts": ["the cat is called Mildred"]}
MODELS = {
    "anthropic": "claude-haiku-5-5",
    "gemini": "gemini-3.5-flash-lite",
    "ollama": "qwen3:14b",
    "claude-code": "claude-haiku-5-5",
}
API_KEY = "sk-ant-api03-not-a-real-key"
OAUTH = "sk-ant-oat01-not-a-real-token"
GEMINI_KEY = "AIza-not-a-real-key"

Reasons = dict[str, str]


@dataclass
class FixedCredential:
    secret: str
    kind: Literal["oauth", "api_key"] = "api_key"
    tier: str = "of the test"


@dataclass
class ListedCredentials:
    """Gives the first that was not refused, the last one whatever is said of it."""

    listed: list[FixedCredential]
    refusals: list[str] = field(default_factory=list)

    def current(self) -> FixedCredential:
        return self.listed[0]

    def refused(self, credential: Any) -> None:
        self.refusals.append(credential.secret)
        if len(self.listed) > 1:
            self.listed.pop(0)


@dataclass
class Way:
    """A provider and the stand-in that it talks to."""

    provider: Provider
    fake: FakeServer

    @property
    def model(self) -> str:
        return MODELS[self.provider.name]

    async def ask(self, request: ModelRequest = REQUEST) -> ModelReply:
        return await self.provider.complete(self.model, request)

    async def refused(self, request: ModelRequest = REQUEST) -> ModelUnavailable:
        with pytest.raises(ModelUnavailable) as raised:
            await self.ask(request)
        return raised.value


@pytest.fixture(params=list(MODELS))
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Way]:
    def answer(_: Asked) -> object:
        return ANSWER

    match request.param:
        case "anthropic":
            fake: FakeServer = FakeAnthropic(answer)
        case "gemini":
            fake = FakeGemini(answer)
        case "ollama":
            fake = FakeOllama(answer)
        case _:
            fake = FakeClaude(tmp_path, answer)
    async with fake:
        provider = _provider(request.param, fake)
        yield Way(provider, fake)
        await provider.close()


def _provider(name: str, fake: FakeServer) -> Provider:
    match name:
        case "anthropic":
            return AnthropicProvider(ListedCredentials([FixedCredential(API_KEY)]), fake.url)
        case "gemini":
            return GeminiProvider(GEMINI_KEY, fake.url)
        case "ollama":
            return OllamaProvider(fake.url, "30m")
        case _:
            assert isinstance(fake, FakeClaude)
            return ClaudeCodeProvider(environ=os.environ | {"PATH": f"{fake.folder}:{os.environ['PATH']}"})


async def test_an_answer_comes_back_with_what_it_took(way: Way):
    reply = await way.ask()
    assert json.loads(reply.text) == ANSWER
    assert reply.input_tokens > 0
    assert reply.output_tokens > 0
    assert not reply.truncated
    asked = way.fake.asked[0]
    assert (asked.model, asked.system, asked.user) == (way.model, REQUEST.system, REQUEST.user)


async def test_an_answer_to_be_repaired_goes_back_with_the_complaint(way: Way):
    await way.ask(replace(REQUEST, former_answer='{"facts": 1}', complaint="facts: not a list"))
    turns = way.fake.asked[0].turns
    said = "\n".join(text for _, text in turns)
    assert said.index(REQUEST.user) < said.index('{"facts": 1}') < said.index("facts: not a list")
    if way.provider.name != "claude-code":
        assert [role for role, _ in turns] == ["user", "assistant", "user"]


async def test_an_empty_answer_to_be_repaired_makes_no_empty_turn(way: Way):
    await way.ask(replace(REQUEST, former_answer=" \n", complaint="it is empty"))
    assert all(text.strip() for _, text in way.fake.asked[0].turns)


async def test_an_answer_cut_short_comes_as_it_is_and_says_so(way: Way):
    way.fake.faults.append(Fault.TRUNCATED_JSON)
    reply = await way.ask()
    assert reply.truncated
    assert reply.text == json.dumps(ANSWER)[: len(reply.text)]


async def test_an_answer_in_another_form_comes_as_it_is(way: Way):
    way.fake.faults.append(Fault.WRONG_SCHEMA)
    assert json.loads((await way.ask()).text) == WRONG_ANSWER


async def test_an_empty_answer_comes_as_it_is(way: Way):
    way.fake.faults.append(Fault.EMPTY)
    assert (await way.ask()).text == ""


async def test_thoughts_round_the_answer_come_as_they_are(way: Way):
    way.fake.faults.append(Fault.THINKING)
    text = (await way.ask()).text
    assert "<think>" in text
    assert json.dumps(ANSWER) in text


REASONS: dict[Fault, Reasons] = {
    Fault.BAD_REQUEST: dict.fromkeys(MODELS, "bad_request"),
    Fault.UNAUTHORIZED: dict.fromkeys(MODELS, "auth"),
    Fault.FORBIDDEN: {"anthropic": "forbidden", "claude-code": "forbidden", "gemini": "auth", "ollama": "auth"},
    Fault.MISSING_MODEL: dict.fromkeys(MODELS, "missing_model"),
    Fault.RATE_LIMITED: dict.fromkeys(MODELS, "quota"),
    Fault.SERVER_ERROR: dict.fromkeys(MODELS, "server"),
    Fault.OVERLOADED: dict.fromkeys(MODELS, "overloaded"),
    Fault.DROP: dict.fromkeys(MODELS, "connection") | {"claude-code": "server"},
    Fault.BROKEN_BODY: dict.fromkeys(MODELS, "server"),
    Fault.HUGE: dict.fromkeys(MODELS, "server"),
}


@pytest.mark.parametrize("fault", list(REASONS), ids=lambda fault: fault.name.lower())
async def test_a_failure_is_told_by_its_reason_and_never_quotes_the_memory(
    way: Way, fault: Fault, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    way.fake.faults.append(fault)
    error = await way.refused()
    assert error.reason == REASONS[fault][way.provider.name]
    assert (error.provider, error.model) == (way.provider.name, way.model)
    shown = "".join(traceback.format_exception(error)) + "".join(record.getMessage() for record in caplog.records)
    assert not any(secret in shown for secret in (SECRET_TEXT, API_KEY, GEMINI_KEY))


async def test_after_a_failure_the_next_request_is_answered(way: Way):
    for fault in (Fault.DROP, Fault.BROKEN_BODY, Fault.HUGE, Fault.SERVER_ERROR):
        way.fake.faults.append(fault)
        await way.refused()
    assert json.loads((await way.ask()).text) == ANSWER


async def test_a_failure_is_not_tried_again_by_the_client_itself(way: Way):
    way.fake.faults.append(Fault.OVERLOADED)
    await way.refused()
    assert len(way.fake.requests) == 1


async def test_how_long_a_provider_asks_to_wait_is_passed_on(way: Way):
    way.fake.faults.append(Fault.RATE_LIMITED)
    error = await way.refused()
    assert error.retry_after_s == (None if way.provider.name == "claude-code" else RETRY_AFTER_S)


async def test_a_provider_that_never_answers_is_given_up(way: Way):
    way.fake.faults.append(Fault.HANG)
    error = await way.refused(replace(REQUEST, timeout_s=1.5))
    assert error.reason == "timeout"


async def test_a_huge_answer_does_not_fill_the_memory(way: Way):
    await way.ask()
    way.fake.faults.append(Fault.HUGE)
    tracemalloc.start()
    try:
        await way.refused()
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * MAX_ANSWER_BYTES < HUGE_BYTES


async def test_a_request_that_is_cancelled_stops_at_once(way: Way):
    way.fake.faults.append(Fault.HANG)
    task = asyncio.create_task(way.ask())
    while not way.fake.asked:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if isinstance(way.fake, FakeClaude):
        _assert_ended(way.fake.calls[0]["pid"])


@pytest.mark.parametrize("name", ["anthropic", "gemini", "ollama"])
async def test_a_provider_that_is_not_there_is_a_failed_connection(name: str):
    async with FakeOllama() as gone:
        pass
    provider = _provider(name, gone)
    with pytest.raises(ModelUnavailable) as raised:
        await provider.complete(MODELS[name], REQUEST)
    await provider.close()
    assert raised.value.reason == "connection"


async def test_a_closed_provider_opens_again_when_it_is_asked(way: Way):
    await way.ask()
    await way.provider.close()
    assert json.loads((await way.ask()).text) == ANSWER


def test_no_sdk_is_imported_before_the_first_request():
    modules = ", ".join(f"extract.providers.{name}" for name in ("anthropic", "gemini", "ollama", "claude_code"))
    code = f"import sys, {modules}; print({{'anthropic', 'google.genai', 'ollama'}} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# Anthropic


async def _ask_anthropic(fake: FakeAnthropic, *listed: FixedCredential) -> ListedCredentials:
    credentials = ListedCredentials(list(listed))
    provider = AnthropicProvider(credentials, fake.url)
    try:
        await provider.complete(MODELS["anthropic"], REQUEST)
    finally:
        await provider.close()
    return credentials


async def test_an_api_key_goes_out_without_the_oauth_header():
    async with FakeAnthropic() as fake:
        await _ask_anthropic(fake, FixedCredential(API_KEY))
        headers = fake.requests[0].headers
    assert API_KEY in (headers.get("x-api-key", ""), headers.get("authorization", "").removeprefix("Bearer "))
    assert "oauth" not in headers.get("anthropic-beta", "")


async def test_a_subscriptions_token_goes_out_as_bearer_with_the_oauth_header():
    async with FakeAnthropic() as fake:
        await _ask_anthropic(fake, FixedCredential(OAUTH, "oauth"))
        headers = fake.requests[0].headers
    assert headers["authorization"] == f"Bearer {OAUTH}"
    assert headers["anthropic-beta"] == "oauth-2025-04-20"
    assert "x-api-key" not in headers


async def test_no_credential_of_the_environment_is_mixed_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-another")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another-token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    async with FakeAnthropic() as fake:
        await _ask_anthropic(fake, FixedCredential(OAUTH, "oauth"))
        assert "another" not in json.dumps(fake.requests[0].headers)


async def test_anthropic_is_asked_with_the_schema_a_cached_system_part_and_no_thinking():
    async with FakeAnthropic() as fake:
        await _ask_anthropic(fake, FixedCredential(API_KEY))
        body = fake.requests[0].body
    assert body["output_config"]["format"] == {"type": "json_schema", "schema": SCHEMA}
    assert body["system"] == [{"type": "text", "text": REQUEST.system, "cache_control": {"type": "ephemeral"}}]
    assert body["messages"] == [{"role": "user", "content": REQUEST.user}]
    assert body["max_tokens"] == REQUEST.max_output_tokens
    assert body["thinking"] == {"type": "disabled"}
    assert not {"tools", "tool_choice", "temperature"} & body.keys()


async def test_a_model_of_another_family_is_told_nothing_about_thinking():
    async with FakeAnthropic() as fake:
        provider = AnthropicProvider(ListedCredentials([FixedCredential(API_KEY)]), fake.url)
        await provider.complete("claude-opus-5-5", REQUEST)
        await provider.close()
        assert "thinking" not in fake.requests[0].body


async def test_tokens_read_from_the_cache_count_as_read_and_as_cached():
    async with FakeAnthropic() as fake:
        provider = AnthropicProvider(ListedCredentials([FixedCredential(API_KEY)]), fake.url)
        first = await provider.complete(MODELS["anthropic"], REQUEST)
        second = await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
    assert first.input_tokens == second.input_tokens
    assert (first.cached_tokens, second.cached_tokens > 0) == (0, True)


async def test_a_refused_token_is_looked_for_again_once():
    async with FakeAnthropic(faults=[Fault.UNAUTHORIZED]) as fake:
        old, new = FixedCredential(OAUTH, "oauth"), FixedCredential(OAUTH + "2", "oauth")
        credentials = await _ask_anthropic(fake, old, new)
        assert [request.headers["authorization"] for request in fake.requests] == [
            f"Bearer {OAUTH}",
            f"Bearer {OAUTH}2",
        ]
    assert credentials.refusals == [OAUTH]


async def test_the_same_refused_token_is_not_sent_twice():
    async with FakeAnthropic(faults=[Fault.UNAUTHORIZED]) as fake:
        with pytest.raises(ModelUnavailable) as raised:
            await _ask_anthropic(fake, FixedCredential(OAUTH, "oauth"))
        assert len(fake.requests) == 1
    assert raised.value.reason == "auth"


async def test_a_token_for_claude_code_only_is_final_and_not_looked_for_again():
    async with FakeAnthropic(faults=[Fault.FORBIDDEN]) as fake:
        credentials = ListedCredentials([FixedCredential(OAUTH, "oauth"), FixedCredential(OAUTH + "2", "oauth")])
        provider = AnthropicProvider(credentials, fake.url)
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
    assert (raised.value.reason, raised.value.retryable, credentials.refusals) == ("forbidden", False, [])


# Gemini


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("gemini-3.5-flash-lite", {"thinking_level": "MINIMAL"}),
        ("gemini-3-pro-preview", {"thinking_level": "LOW"}),
        ("gemini-2.5-flash", {"thinking_budget": 0}),
        ("gemini-2.5-pro", {"thinking_budget": 128}),
        ("gemini-flash-latest", None),
    ],
)
async def test_gemini_is_asked_with_the_schema_and_as_little_thought_as_the_model_takes(model: str, thinking: object):
    async with FakeGemini() as fake:
        provider = GeminiProvider(GEMINI_KEY, fake.url)
        await provider.complete(model, REQUEST)
        await provider.close()
        received = fake.requests[0]
    config = received.body["generationConfig"]
    assert received.headers["x-goog-api-key"] == GEMINI_KEY
    assert GEMINI_KEY not in received.path
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"] == SCHEMA
    assert config["maxOutputTokens"] == REQUEST.max_output_tokens
    assert config.get("thinkingConfig") == thinking
    assert received.body["systemInstruction"]["parts"] == [{"text": REQUEST.system}]
    assert received.body["contents"] == [{"role": "user", "parts": [{"text": REQUEST.user}]}]


async def test_thoughts_of_gemini_count_as_output():
    async with FakeGemini(lambda _: "x" * 40) as fake:
        provider = GeminiProvider(GEMINI_KEY, fake.url)
        reply = await provider.complete(MODELS["gemini"], REQUEST)
        await provider.close()
    assert (reply.output_tokens, reply.cached_tokens) == (11 + 3, 2)


async def test_gemini_without_a_key_is_not_configured():
    with pytest.raises(ModelUnavailable, match="GEMINI_API_KEY") as raised:
        await GeminiProvider("").complete(MODELS["gemini"], REQUEST)
    assert raised.value.reason == "not_configured"


# Ollama


async def test_ollama_is_asked_with_the_schema_no_thinking_and_room_for_the_answer():
    async with FakeOllama() as fake:
        provider = OllamaProvider(fake.url, "45m")
        await provider.complete(MODELS["ollama"], REQUEST)
        await provider.complete(MODELS["ollama"], replace(REQUEST, user="x" * 60_000))
        await provider.close()
        short, long = (request.body for request in fake.requests)
    assert short["format"] == SCHEMA
    assert (short["think"], short["stream"], short["keep_alive"]) == (False, False, "45m")
    assert short["options"] == {"temperature": 0, "num_predict": 1000, "num_ctx": 8192}
    assert long["options"]["num_ctx"] == 24_576
    assert [message["role"] for message in short["messages"]] == ["system", "user"]


@pytest.mark.parametrize(("setting", "sent"), [("-1", -1), ("600", 600), ("1h30m", "1h30m")])
async def test_a_bare_number_of_seconds_reaches_ollama_as_a_number(setting: str, sent: object):
    async with FakeOllama() as fake:
        provider = OllamaProvider(fake.url, setting)
        await provider.complete(MODELS["ollama"], REQUEST)
        await provider.close()
        assert fake.requests[0].body["keep_alive"] == sent


async def test_a_model_that_is_not_pulled_is_named_with_the_command_that_pulls_it():
    async with FakeOllama(models=["qwen3:8b"]) as fake:
        provider = OllamaProvider(fake.url)
        with pytest.raises(ModelUnavailable, match=r"ollama pull qwen3:14b") as raised:
            await provider.complete("qwen3:14b", REQUEST)
        await provider.close()
    assert (raised.value.reason, raised.value.retryable) == ("missing_model", False)


async def test_ollama_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with FakeOllama() as fake:
        provider = OllamaProvider(fake.url)
        await provider.complete(MODELS["ollama"], REQUEST)
        await provider.close()
        assert len(fake.requests) == 1


# Claude Code


async def _call(
    tmp_path: Path, environ: dict[str, str] | None = None, **script: Any
) -> tuple[ModelReply, dict[str, Any]]:
    async with FakeClaude(tmp_path, lambda _: ANSWER, **script) as fake:
        provider = ClaudeCodeProvider(environ=(environ or {}) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        reply = await provider.complete(MODELS["claude-code"], REQUEST)
        await provider.close()
        return reply, fake.calls[0]


async def test_the_memory_goes_to_claude_code_by_standard_input_only(tmp_path: Path):
    _, call = await _call(tmp_path)
    assert call["stdin"] == REQUEST.user
    assert SECRET_TEXT not in json.dumps(call["argv"], ensure_ascii=False)


async def test_claude_code_runs_without_tools_hooks_servers_settings_or_session(tmp_path: Path):
    _, call = await _call(tmp_path)
    argv = call["argv"]
    options = dict(pairwise(argv))
    assert argv[0] == "-p"
    assert (options["--tools"], options["--setting-sources"]) == ("", "")
    assert options["--output-format"] == "json"
    assert json.loads(options["--mcp-config"]) == {"mcpServers": {}}
    assert json.loads(options["--settings"]) == {"disableAllHooks": True}
    assert json.loads(options["--json-schema"]) == SCHEMA
    assert {"--strict-mcp-config", "--no-session-persistence", "--disable-slash-commands"} <= set(argv)


async def test_claude_code_runs_in_an_empty_folder_that_goes_with_the_provider(tmp_path: Path):
    _, call = await _call(tmp_path)
    assert call["files"] == []
    assert Path(call["cwd"]) != tmp_path
    assert not Path(call["cwd"]).exists()


async def test_claude_code_gets_no_credential_and_no_setting_of_ours(tmp_path: Path):
    ours = ("KNOWTHREAD_ANTHROPIC_TOKEN", "MEM0_ANTHROPIC_TOKEN", "ANTHROPIC_API_KEY", "CLAUDECODE")
    _, call = await _call(tmp_path, dict.fromkeys((*ours, "HTTPS_PROXY"), "x"))
    assert not set(ours) & set(call["environ"])
    assert {"HTTPS_PROXY", "CLAUDE_CODE_MAX_OUTPUT_TOKENS"} <= set(call["environ"])


async def test_what_claude_code_says_that_it_cost_is_passed_on(tmp_path: Path):
    reply, _ = await _call(tmp_path)
    assert reply.cost_usd == 0.0125
    assert reply.cached_tokens > 0


async def test_a_claude_code_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path):
    async with FakeClaude(tmp_path, faults=[Fault.HANG]) as fake:
        provider = ClaudeCodeProvider(environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        with pytest.raises(ModelUnavailable):
            await provider.complete(MODELS["claude-code"], replace(REQUEST, timeout_s=1.5))
        await provider.close()
        call = fake.calls[0]
    _assert_ended(call["pid"])
    assert call["group"] != os.getpgrp()


async def test_without_claude_code_on_the_path_it_is_not_configured(tmp_path: Path):
    with pytest.raises(ModelUnavailable, match="install Claude Code") as raised:
        await ClaudeCodeProvider(environ={"PATH": str(tmp_path)}).complete(MODELS["claude-code"], REQUEST)
    assert raised.value.reason == "not_configured"


async def test_an_old_claude_code_is_told_to_be_updated(tmp_path: Path):
    command = tmp_path / "claude"
    command.write_text("#!/bin/sh\necho \"error: unknown option '--json-schema'\" >&2\nexit 1\n")
    command.chmod(0o700)
    provider = ClaudeCodeProvider(environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    with pytest.raises(ModelUnavailable, match="claude update") as raised:
        await provider.complete(MODELS["claude-code"], REQUEST)
    await provider.close()
    assert raised.value.reason == "bad_request"


def _assert_ended(pid: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
