"""Claude through Anthropic's Messages API, by its own SDK.

The answer's form is set by ``output_config.format``: newer models refuse a forced tool call. The system part carries a
cache mark, as it is the same for every request with one prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from extract.completion import Credential, Credentials, ModelReply, ModelRequest
from extract.providers import failures
from extract.providers.exchange import bounded, quiet, turns
from kg.errors import ModelUnavailable

if TYPE_CHECKING:
    from types import ModuleType

    from anthropic import APIStatusError, AsyncAnthropic
    from anthropic.types import Message

URL = "https://api.anthropic.com"
OAUTH_HEADERS = {"anthropic-beta": "oauth-2025-04-20"}

WITHOUT_THINKING: Mapping[str, Mapping[str, str]] = {
    "claude-haiku-5-5": {"type": "disabled"},
    "claude-sonnet-5-5": {"type": "between_tools"},
}
"""By model: how it is told to answer at once. These think by default, and thoughts count as output; other models get
no such word, as each family takes other ones and refuses the rest."""


class AnthropicProvider:
    """Asks Claude with the credential of the moment; a refused one is looked for again once."""

    name = "anthropic"

    def __init__(self, credentials: Credentials, url: str = "") -> None:
        self._credentials = credentials
        # Always said, so that no variable of the environment sends a credential elsewhere.
        self._url = url or URL
        self._opening = asyncio.Lock()
        self._sdk: ModuleType | None = None
        self._http: Any = None

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        """Ask once; with a credential that is refused and a fresh one at hand, once more.

        Raises:
            ModelUnavailable: no answer came; the reason says why.
        """
        credential = await asyncio.to_thread(self._credentials.current)
        async with failures.time_limit(self.name, model, request.timeout_s):
            try:
                return await self._ask(model, request, credential)
            except ModelUnavailable as error:
                if error.reason != "auth":
                    raise
                self._credentials.refused(credential)
                fresh = await asyncio.to_thread(self._credentials.current)
                if fresh.secret == credential.secret:
                    raise
            return await self._ask(model, request, fresh)

    async def close(self) -> None:
        """Close the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def _ask(self, model: str, request: ModelRequest, credential: Credential) -> ModelReply:
        client = await self._client(credential)
        try:
            create = cast("Callable[..., Awaitable[Message]]", client.messages.create)
            message = await create(**_body(model, request), timeout=request.timeout_s)
        except Exception as error:  # noqa: BLE001 - the SDK lets its parser's errors through too; none may be shown
            raise self._translated(model, error) from None
        return self._reply(model, message)

    async def _client(self, credential: Credential) -> AsyncAnthropic:
        async with self._opening:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(_load)
            if self._http is None:
                self._http = self._sdk.DefaultAsyncHttpxClient(
                    event_hooks=bounded(), headers={"accept-encoding": "identity"}
                )
        oauth = credential.kind == "oauth"
        return self._sdk.AsyncAnthropic(
            **{"auth_token" if oauth else "api_key": credential.secret},
            base_url=self._url,
            max_retries=0,
            open_telemetry=False,
            default_headers=OAUTH_HEADERS if oauth else None,
            http_client=self._http,
        )

    def _reply(self, model: str, message: Message) -> ModelReply:
        try:
            usage = message.usage
            if message.stop_reason == "refusal":
                advice = "the model declines to answer this request; another model may take it"
                raise failures.unavailable(self.name, model, "bad_request", advice)
            cached = usage.cache_read_input_tokens or 0
            return ModelReply(
                text="".join(block.text for block in message.content if block.type == "text"),
                input_tokens=usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
                output_tokens=usage.output_tokens,
                cached_tokens=cached,
                truncated=message.stop_reason in ("max_tokens", "model_context_window_exceeded"),
            )
        except (AttributeError, TypeError):
            # The SDK does not check what it reads: a body in another form comes as it is.
            raise failures.out_of_form(self.name, model) from None

    def _translated(self, model: str, error: Exception) -> ModelUnavailable:
        sdk: Any = self._sdk
        if failures.is_oversized(error):
            return failures.oversized(self.name, model)
        if isinstance(error, sdk.APIStatusError):
            refused = cast("APIStatusError", error)
            reason = failures.reason_of(refused.status_code, _said(refused))
            wait_s = failures.retry_after_s(refused.response.headers)
            return failures.unavailable(self.name, model, reason, retry_after_s=wait_s)
        if isinstance(error, sdk.APITimeoutError):
            return failures.unavailable(self.name, model, "timeout", "the provider does not answer in time")
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


def _said(error: APIStatusError) -> str:
    """What the server gave as the reason, to be read but not repeated."""
    return error.api_message or str(error.body)
