"""Every way to reach a model, by its real client against a stand-in that speaks its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import traceback
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from extract.providers.anthropic import AnthropicProvider
from extract.providers.base import ModelReply, ModelRequest, Provider, Spent, StaleCredential
from extract.providers.claude_code import ClaudeCodeProvider
from extract.providers.exchange import MAX_ANSWER_BYTES
from extract.providers.failures import UNTIL_PAID_S
from extract.providers.gemini import URL as GOOGLE
from extract.providers.gemini import GeminiProvider
from extract.providers.ollama import OllamaProvider
from kg.errors import ModelUnavailable
from tests.support.fakes import Asked, FakeAnthropic, FakeClaude, FakeGemini, FakeOllama, Fault
from tests.support.fakes.claude_command import failing
from tests.support.fakes.server import HUGE_BYTES, RETRY_AFTER_S, WRONG_ANSWER, FakeServer, Reply

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


HTTP = ("anthropic", "gemini", "ollama")
_providers: dict[str, Callable[..., Provider]] = {
    "anthropic": lambda url, **waits: AnthropicProvider(ListedCredentials([FixedCredential(API_KEY)]), url, **waits),
    "gemini": lambda url, **waits: GeminiProvider(GEMINI_KEY, url, **waits),
    "ollama": lambda url, **waits: OllamaProvider(url, "30m", **waits),
}


def _provider(name: str, fake: FakeServer) -> Provider:
    if isinstance(fake, FakeClaude):
        return ClaudeCodeProvider(environ=os.environ | {"PATH": f"{fake.folder}:{os.environ['PATH']}"})
    return _providers[name](fake.url)


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
    Fault.DROP_EARLY: dict.fromkeys(MODELS, "connection") | {"claude-code": "server"},
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
    assert error.retry_after_s == (UNTIL_PAID_S if way.provider.name == "claude-code" else RETRY_AFTER_S)


async def test_a_provider_that_never_answers_is_given_up(way: Way):
    way.fake.faults.append(Fault.HANG)
    error = await way.refused(replace(REQUEST, timeout_s=3))
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
        await _assert_ended(way.fake.calls[0]["pid"])


@pytest.mark.parametrize("name", HTTP)
async def test_a_redirect_is_not_followed_and_the_credential_goes_nowhere_else(name: str):
    fakes = {"anthropic": FakeAnthropic, "gemini": FakeGemini, "ollama": FakeOllama}
    async with fakes[name](faults=[Fault.REDIRECT]) as fake:
        provider = _provider(name, fake)
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS[name], REQUEST)
        await provider.close()
        assert raised.value.reason == "server"
        assert [request.path for request in fake.requests if request.path == "/elsewhere"] == []
        assert len(fake.requests) == 1


@pytest.mark.parametrize("name", HTTP)
async def test_a_machine_that_takes_no_connection_is_unreachable_and_not_slow(name: str):
    with _full_listener() as url:
        provider = _providers[name](url, connect_s=0.3)
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS[name], REQUEST)
        await provider.close()
    assert raised.value.reason == "connection"


@contextmanager
def _full_listener() -> Iterator[str]:
    """The address of a listener whose queue is full: whoever connects waits, as for a machine that is not there."""
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("name", HTTP)
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


async def test_an_api_key_goes_out_as_the_sdk_sends_it_and_nothing_else_does():
    async with FakeAnthropic() as fake:
        await _ask_anthropic(fake, FixedCredential(API_KEY))
        assert _signed(fake.requests[0].headers) == {"authorization": f"Bearer {API_KEY}"}


async def test_a_subscriptions_token_goes_out_as_bearer_with_the_oauth_header():
    async with FakeAnthropic() as fake:
        await _ask_anthropic(fake, FixedCredential(OAUTH, "oauth"))
        assert _signed(fake.requests[0].headers) == {
            "authorization": f"Bearer {OAUTH}",
            "anthropic-beta": "oauth-2025-04-20",
        }


def _signed(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name in ("authorization", "x-api-key", "anthropic-beta")}


async def test_nothing_of_the_environment_is_mixed_in_or_sends_a_credential_elsewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-another")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another-token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer another\nX-Api-Key: another\nX-More: another")
    for credential in (FixedCredential(OAUTH, "oauth"), FixedCredential(API_KEY)):
        async with FakeAnthropic() as fake:
            await _ask_anthropic(fake, credential)
            assert fake.requests[0].headers["authorization"] == f"Bearer {credential.secret}"
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


async def test_what_is_written_to_the_cache_is_told():
    async with FakeAnthropic() as fake:
        provider = AnthropicProvider(ListedCredentials([FixedCredential(API_KEY)]), fake.url)
        first = await provider.complete(MODELS["anthropic"], REQUEST)
        second = await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
    assert (first.cache_write_tokens, second.cache_write_tokens) == (second.cached_tokens, 0)


@pytest.mark.parametrize(("credential", "billed"), [(API_KEY, True), (OAUTH, False)])
async def test_a_subscriptions_requests_are_not_billed(credential: str, billed: bool):
    async with FakeAnthropic() as fake:
        kind = "api_key" if billed else "oauth"
        provider = AnthropicProvider(ListedCredentials([FixedCredential(credential, kind)]), fake.url)
        assert (await provider.complete(MODELS["anthropic"], REQUEST)).billed is billed
        await provider.close()


async def test_each_call_is_one_request_and_a_refused_token_is_replaced_for_the_next():
    async with FakeAnthropic(faults=[Fault.UNAUTHORIZED]) as fake:
        credentials = ListedCredentials([FixedCredential(OAUTH, "oauth"), FixedCredential(OAUTH + "2", "oauth")])
        provider = AnthropicProvider(credentials, fake.url)
        with pytest.raises(StaleCredential):
            await provider.complete(MODELS["anthropic"], REQUEST)
        assert len(fake.requests) == 1
        await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
        assert [request.headers["authorization"] for request in fake.requests] == [
            f"Bearer {OAUTH}",
            f"Bearer {OAUTH}2",
        ]
    assert credentials.refusals == [OAUTH]


async def test_the_same_refused_token_is_not_to_be_sent_twice():
    async with FakeAnthropic(faults=[Fault.UNAUTHORIZED]) as fake:
        with pytest.raises(ModelUnavailable) as raised:
            await _ask_anthropic(fake, FixedCredential(OAUTH, "oauth"))
        assert len(fake.requests) == 1
    assert (raised.value.reason, isinstance(raised.value, StaleCredential)) == ("auth", False)


async def test_a_refused_token_without_another_is_told_by_the_refusal():
    class Emptied(ListedCredentials):
        def current(self) -> FixedCredential:
            if self.refusals:
                raise ModelUnavailable("anthropic", "*", "not_configured", "no credential")
            return super().current()

    async with FakeAnthropic(faults=[Fault.UNAUTHORIZED]) as fake:
        provider = AnthropicProvider(Emptied([FixedCredential(OAUTH, "oauth")]), fake.url)
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
    assert raised.value.reason == "auth"


async def test_credentials_are_looked_for_off_the_event_loop():
    threads: list[int] = []

    class Watched(ListedCredentials):
        def current(self) -> FixedCredential:
            threads.append(threading.get_ident())
            return super().current()

        def refused(self, credential: Any) -> None:
            threads.append(threading.get_ident())

    async with FakeAnthropic(faults=[Fault.UNAUTHORIZED]) as fake:
        provider = AnthropicProvider(Watched([FixedCredential(OAUTH, "oauth")]), fake.url)
        with pytest.raises(ModelUnavailable):
            await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
    assert len(threads) == 3
    assert threading.get_ident() not in threads


def _anthropic_error(status: int, message: str) -> Reply:
    return Reply(status, {"type": "error", "error": {"type": "some_error", "message": message}})


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (403, "OAuth token does not meet scope requirement user:inference", "auth"),
        (403, "This credential is only authorized for use with Claude Code and cannot be used otherwise.", "forbidden"),
        (400, "This credential is only authorized for use with Claude Code and cannot be used otherwise.", "forbidden"),
        (400, "Your credit balance is too low to access the Anthropic API.", "quota"),
        (400, "You have reached your specified API usage limits. You will regain access on 2026-12-01.", "quota"),
        (400, "This organization has been disabled.", "auth"),
        (400, f"messages.0: {'x' * 200} only authorized for use with Claude Code", "bad_request"),
        (429, "a text: only authorized for use with Claude Code", "quota"),
    ],
)
async def test_what_anthropic_says_of_the_account_is_told_apart_from_what_it_says_of_a_text(
    status: int, message: str, reason: str
):
    async with FakeAnthropic() as fake:
        fake.replies.append(_anthropic_error(status, message))
        credentials = ListedCredentials([FixedCredential(OAUTH, "oauth"), FixedCredential(API_KEY)])
        provider = AnthropicProvider(credentials, fake.url)
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS["anthropic"], REQUEST)
        await provider.close()
        assert len(fake.requests) == 1
    assert raised.value.reason == reason
    assert credentials.refusals == [], "only a 401 says that the credential itself is not known"
    if status == 400 and reason == "quota":
        assert raised.value.retry_after_s == UNTIL_PAID_S


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
async def test_a_model_that_declines_has_been_paid_all_the_same(name: str):
    fakes = {"anthropic": FakeAnthropic, "gemini": FakeGemini}
    async with fakes[name](lambda _: ANSWER, faults=[Fault.DECLINED]) as fake:
        provider = _provider(name, fake)
        with pytest.raises(Spent) as raised:
            await provider.complete(MODELS[name], REQUEST)
        await provider.close()
    assert raised.value.reason == "bad_request"
    assert raised.value.reply.input_tokens > 0
    assert raised.value.reply.output_tokens > 0


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
    assert received.path == f"/v1beta/models/{model}:generateContent"
    assert received.headers["x-goog-api-key"] == GEMINI_KEY
    assert "authorization" not in received.headers
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


async def test_gemini_goes_to_googles_own_address_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    async with FakeGemini() as other:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", other.url)
        monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v1")
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
        monkeypatch.setenv("GOOGLE_API_KEY", "another")
        provider = GeminiProvider(GEMINI_KEY, "http://127.0.0.1:9")
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS["gemini"], REQUEST)
        await provider.close()
        assert (raised.value.reason, other.requests) == ("connection", [])
    assert GOOGLE == "https://generativelanguage.googleapis.com"


@pytest.mark.parametrize(
    ("status", "reason_given", "reason"),
    [
        ("INVALID_ARGUMENT", "API_KEY_INVALID", "auth"),
        ("FAILED_PRECONDITION", "", "auth"),
        ("INVALID_ARGUMENT", "", "bad_request"),
    ],
)
async def test_what_google_says_of_the_account_is_told_apart_from_what_it_says_of_a_text(
    status: str, reason_given: str, reason: str
):
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason_given}
    said = "API_KEY_INVALID, only authorized for use with Claude Code, credit balance is too low"
    error = {"code": 400, "message": said, "status": status, "details": [info]}
    async with FakeGemini() as fake:
        fake.replies.append(Reply(400, {"error": error}))
        provider = GeminiProvider(GEMINI_KEY, fake.url)
        with pytest.raises(ModelUnavailable) as raised:
            await provider.complete(MODELS["gemini"], REQUEST)
        await provider.close()
    assert raised.value.reason == reason


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


async def test_a_key_for_ollamas_own_service_goes_to_no_other_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OLLAMA_API_KEY", "another")
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    async with FakeOllama() as fake:
        provider = OllamaProvider(fake.url)
        await provider.complete(MODELS["ollama"], REQUEST)
        await provider.close()
        assert "authorization" not in fake.requests[0].headers


async def test_the_user_and_password_of_ollamas_address_are_sent_and_never_shown():
    async with FakeOllama() as fake:
        url = fake.url.replace("://", "://me:pass-word@")
        provider = OllamaProvider(url)
        await provider.complete(MODELS["ollama"], REQUEST)
        fake.models = []
        with pytest.raises(ModelUnavailable, match="ollama pull") as missing:
            await provider.complete(MODELS["ollama"], REQUEST)
        await provider.close()
        assert fake.requests[0].headers["authorization"] == "Basic " + b64encode(b"me:pass-word").decode()
    with pytest.raises(ModelUnavailable, match="ollama serve") as gone:
        await OllamaProvider(url).complete(MODELS["ollama"], REQUEST)
    assert fake.url in str(missing.value) and fake.url in str(gone.value)
    assert "pass-word" not in str(missing.value) + str(gone.value)


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


async def test_claude_code_gets_no_credential_no_address_and_no_setting_but_its_own_login(tmp_path: Path):
    others = (
        "KNOWTHREAD_ANTHROPIC_TOKEN", "MEM0_ANTHROPIC_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_MODEL", "GEMINI_API_KEY", "GOOGLE_API_KEY",
        "OLLAMA_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_USE_BEDROCK",
    )  # fmt: skip
    own = ("HTTPS_PROXY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR")
    _, call = await _call(tmp_path, dict.fromkeys((*others, *own), "of the person"))
    environ = call["environ"]
    assert not set(others) & set(environ)
    assert {name for name, text in environ.items() if text == "of the person"} == set(own)
    assert environ["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == str(REQUEST.max_output_tokens)


async def test_claude_code_does_not_try_again_by_itself(tmp_path: Path):
    _, call = await _call(tmp_path, {"CLAUDE_CODE_MAX_RETRIES": "10"})
    assert call["environ"]["CLAUDE_CODE_MAX_RETRIES"] == "0"


async def test_what_claude_code_takes_is_not_billed(tmp_path: Path):
    reply, _ = await _call(tmp_path)
    assert not reply.billed
    assert reply.cached_tokens > 0


@pytest.mark.parametrize(
    ("said", "reason", "wait_s"),
    [
        ("Credit balance is too low", "quota", UNTIL_PAID_S),
        ("You've hit your limit · resets 3pm", "quota", UNTIL_PAID_S),
        ('API Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is '
         'too low to access the Anthropic API."}}', "quota", UNTIL_PAID_S),
        ('API Error: 403 {"type":"error","error":{"message":"This credential is only authorized for use with Claude '
         'Code and cannot be used for other API requests."}}', "forbidden", None),
        (f'API Error: 400 {{"error":{{"message":"{"x" * 200} only authorized for use with Claude Code"}}}}',
         "bad_request", None),
        ("This organization has been disabled.", "server", None),
    ],
)  # fmt: skip
async def test_what_claude_code_says_is_understood_and_what_it_took_is_kept(
    tmp_path: Path, said: str, reason: str, wait_s: float | None
):
    async with FakeClaude(tmp_path) as fake:
        fake.replies.append(failing(said, usage={"input_tokens": 700, "output_tokens": 5}))
        provider = ClaudeCodeProvider(environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        with pytest.raises(Spent) as raised:
            await provider.complete(MODELS["claude-code"], REQUEST)
        await provider.close()
    error = raised.value
    assert (error.reason, error.retry_after_s) == (reason, wait_s)
    assert (error.reply.input_tokens, error.reply.output_tokens, error.reply.billed) == (700, 5, False)


async def test_two_first_calls_share_a_folder_and_one_that_was_tidied_away_is_made_anew(tmp_path: Path):
    async with FakeClaude(tmp_path, lambda _: ANSWER) as fake:
        provider = ClaudeCodeProvider(environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        await asyncio.gather(*(provider.complete(MODELS["claude-code"], REQUEST) for _ in range(2)))
        (folder,) = {call["cwd"] for call in fake.calls}
        Path(folder).rmdir()
        await provider.complete(MODELS["claude-code"], REQUEST)
        await provider.close()
        assert [call["files"] for call in fake.calls] == [[], [], []]
        assert not Path(fake.calls[-1]["cwd"]).exists()


async def test_a_claude_code_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path):
    async with FakeClaude(tmp_path) as fake:
        provider = ClaudeCodeProvider(environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        for timeout_s in (2.5, 10, 40):  # so that it comes to hang, on however slow a machine
            fake.faults.append(Fault.HANG)
            with pytest.raises(ModelUnavailable):
                await provider.complete(MODELS["claude-code"], replace(REQUEST, timeout_s=timeout_s))
            if fake.children:
                break
            fake.faults.clear()
        await provider.close()
        call, (child,) = fake.calls[-1], fake.children
    await _assert_ended(call["pid"])
    await _assert_ended(child)
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
    assert raised.value.reason == "not_configured"


async def _assert_ended(pid: int) -> None:
    """It is gone, or waits for its parent to notice, which for a grandchild is the system's first process.

    One that was killed takes a moment to end.
    """
    async with asyncio.timeout(20):
        while not _has_ended(pid):
            await asyncio.sleep(0.02)


def _has_ended(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
