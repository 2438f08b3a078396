"""Claude through Anthropic's Messages API, by its own SDK.

``output_config.format`` sets the form of the answer, because newer models refuse a forced tool call. The system part
carries a cache mark, because it is the same for every request with one prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from extract.providers import failures
from extract.providers.base import Credential, Credentials, ModelReply, ModelRequest, StaleCredential
from extract.providers.credentials import OAUTH_BETA
from extract.providers.exchange import CONNECT_S, bounded, quiet, turns
from kg.errors import ModelUnavailable

if TYPE_CHECKING:
    from types import ModuleType

    from anthropic import APIStatusError, AsyncAnthropic
    from anthropic.types import Message

URL = "https://api.anthropic.com"
OAUTH_HEADERS = {"anthropic-beta": OAUTH_BETA}
UNAUTHORIZED = 401

WITHOUT_THINKING: Mapping[str, Mapping[str, str]] = {
    "claude-haiku-5-5": {"type": "disabled"},
    "claude-sonnet-5-5": {"type": "between_tools"},
}
"""How each model is told to answer without thinking. These models think by default, and thoughts cost as
much as output. Other models are told nothing: each family takes words of its own and refuses the others'."""


class AnthropicProvider:
    """Asks Claude with the credential that is usable now."""

    name = "anthropic"

    def __init__(self, credentials: Credentials, url: str = "", *, connect_s: float = CONNECT_S) -> None:
        self._credentials = credentials
        # Always given, so that no variable of the environment sends a credential elsewhere.
        self._url = url or URL
        self._connect_s = connect_s
        self._opening = asyncio.Lock()
        self._sdk: ModuleType | None = None
        self._http: Any = None

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        """Ask once.

        Raises:
            StaleCredential: Anthropic refused the credential (401), and there is another one now.
            ModelUnavailable: no answer came; the reason says why.
        """
        credential = await asyncio.to_thread(self._credentials.current)
        client = await self._client(credential)
        async with failures.time_limit(self.name, model, request.timeout_s):
            try:
                create = cast("Callable[..., Awaitable[Message]]", client.messages.create)
                message = await create(**_body(model, request), timeout=request.timeout_s)
            except Exception as error:  # noqa: BLE001 - the SDK lets its parser's errors through too; none may be shown
                refused, status = self._translated(model, error), getattr(error, "status_code", 0)
            else:
                return self._reply(model, message, billed=credential.kind == "api_key")
        if status == UNAUTHORIZED and await self._renewed(credential):
            raise StaleCredential(self.name, model, "auth", failures.ADVICE["auth"])
        raise refused

    async def close(self) -> None:
        """Close the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def _renewed(self, credential: Credential) -> bool:
        """Whether there is another credential now that this one was refused. Finding out may run a command."""
        await asyncio.to_thread(self._credentials.refused, credential)
        try:
            fresh = await asyncio.to_thread(self._credentials.current)
        except ModelUnavailable:
            return False
        return fresh.secret != credential.secret

    async def _client(self, credential: Credential) -> AsyncAnthropic:
        async with self._opening:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(_load)
            if self._http is None:
                self._http = self._sdk.DefaultAsyncHttpxClient(
                    event_hooks=bounded(connect_s=self._connect_s),
                    headers={"accept-encoding": "identity"},
                    follow_redirects=False,
                )
        oauth = credential.kind == "oauth"
        headers = OAUTH_HEADERS if oauth else {}
        client = self._sdk.AsyncAnthropic(
            **{"auth_token" if oauth else "api_key": credential.secret},
            base_url=self._url,
            max_retries=0,
            open_telemetry=False,
            http_client=self._http,
        )
        # In the constructor, ANTHROPIC_CUSTOM_HEADERS would be added to them and could replace the credential.
        client._custom_headers = headers
        return client

    def _reply(self, model: str, message: Message, *, billed: bool) -> ModelReply:
        try:
            usage = message.usage
            cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
            reply = ModelReply(
                text="".join(block.text for block in message.content if block.type == "text"),
                input_tokens=usage.input_tokens + cached + written,
                output_tokens=usage.output_tokens,
                cached_tokens=cached,
                cache_write_tokens=written,
                truncated=message.stop_reason in ("max_tokens", "model_context_window_exceeded"),
                billed=billed,
            )
        except (AttributeError, TypeError):
            # The SDK does not check what it reads: a body of another form comes through.
            raise failures.out_of_form(self.name, model) from None
        if message.stop_reason == "refusal":
            raise failures.declined(self.name, model, replace(reply, text=""))
        return reply

    def _translated(self, model: str, error: Exception) -> ModelUnavailable:
        sdk: Any = self._sdk
        if failures.is_oversized(error):
            return failures.oversized(self.name, model)
        if isinstance(error, sdk.APIStatusError):
            refused = cast("APIStatusError", error)
            reason, wait_s = failures.reason_of_anthropic(refused.status_code, refused.api_message or "")
            wait_s = wait_s or failures.retry_after_s(refused.response.headers)
            return failures.unavailable(self.name, model, reason, retry_after_s=wait_s)
        if isinstance(error, sdk.APITimeoutError):
            return failures.timed_out(self.name, model, error)
        if isinstance(error, sdk.APIConnectionError):
            return failures.unavailable(self.name, model, "connection")
        return failures.out_of_form(self.name, model)


def _load() -> ModuleType:
    import anthropic

    quiet("anthropic")
    return anthropic


def _body(model: str, request: ModelRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_output_tokens,
        "system": [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": role, "content": text} for role, text in turns(request)],
        "output_config": {"format": {"type": "json_schema", "schema": dict(request.schema)}},
    }
    for known, thinking in WITHOUT_THINKING.items():
        if model.startswith(known):
            body["thinking"] = dict(thinking)
    return body
