"""Gemini through Google's API for developers, by its own SDK."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httpx

from extract.providers import failures
from extract.providers.base import ModelReply, ModelRequest
from extract.providers.exchange import CONNECT_S, bounded, quiet, turns
from kg.errors import ModelUnavailable
from kg.narrow import as_object, is_list, is_object

if TYPE_CHECKING:
    from types import ModuleType

    from google.genai.client import Client
    from google.genai.types import GenerateContentResponse

URL = "https://generativelanguage.googleapis.com"
API_VERSION = "v1beta"
"""The API version that serves every model, previews and ``-latest`` included, and takes a response schema."""

DECLINED = frozenset((
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "MODEL_ARMOR"
))  # fmt: skip
"""Reasons for ending an answer that a second try does not change."""


class GeminiProvider:
    """Asks Gemini, with retries, tools and thinking off."""

    name = "gemini"

    def __init__(self, api_key: str, url: str = "", *, connect_s: float = CONNECT_S) -> None:
        self._api_key = api_key
        # Always given, so that no variable of the environment sends the key elsewhere.
        self._url = url or URL
        self._connect_s = connect_s
        self._opening = asyncio.Lock()
        self._sdk: ModuleType | None = None
        self._client: Client | None = None
        self._http: httpx.AsyncClient | None = None

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        """Ask once.

        Raises:
            ModelUnavailable: no answer came; the reason says why.
        """
        if not self._api_key:
            advice = "no API key is set; set GEMINI_API_KEY"
            raise failures.unavailable(self.name, model, "not_configured", advice)
        async with failures.time_limit(self.name, model, request.timeout_s):
            client = await self._open()
            try:
                response = await client.aio.models.generate_content(
                    model=model, contents=cast(Any, _contents(request)), config=cast(Any, _config(model, request))
                )
            except Exception as error:  # noqa: BLE001 - the SDK lets its parser's errors through too; none may be shown
                raise self._translated(model, error) from None
        return self._reply(model, response)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        http, self._http = self._http, None
        if client is not None:
            await client.aio.aclose()
            client.close()
        if http is not None:
            await http.aclose()

    async def _open(self) -> Client:
        async with self._opening:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(_load)
            if self._client is None:
                # Given by us: otherwise the SDK may use another HTTP library that is installed too.
                self._http = httpx.AsyncClient(
                    event_hooks=bounded(connect_s=self._connect_s),
                    headers={"accept-encoding": "identity"},
                    follow_redirects=False,
                )
                options = {"base_url": self._url, "api_version": API_VERSION, "httpx_async_client": self._http}
                make = cast("type[Client]", self._sdk.Client)
                self._client = await asyncio.to_thread(
                    make, vertexai=False, api_key=self._api_key, http_options=cast(Any, options)
                )
            return self._client

    def _reply(self, model: str, response: GenerateContentResponse) -> ModelReply:
        usage = response.usage_metadata
        reply = ModelReply(
            text="",
            input_tokens=(usage.prompt_token_count or 0) if usage else 0,
            output_tokens=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) if usage else 0,
            cached_tokens=(usage.cached_content_token_count or 0) if usage else 0,
        )
        if not response.candidates:
            feedback = response.prompt_feedback
            if feedback is not None and feedback.block_reason is not None:
                raise failures.declined(self.name, model, reply)
            raise failures.out_of_form(self.name, model)
        candidate = response.candidates[0]
        ended = str(candidate.finish_reason.value) if candidate.finish_reason is not None else ""
        if ended in DECLINED:
            raise failures.declined(self.name, model, reply)
        parts = (candidate.content.parts if candidate.content is not None else None) or []
        text = "".join(part.text for part in parts if part.text and not part.thought)
        return replace(reply, text=text, truncated=ended == "MAX_TOKENS")

    def _translated(self, model: str, error: Exception) -> ModelUnavailable:
        if failures.is_oversized(error):
            return failures.oversized(self.name, model)
        sdk: Any = self._sdk
        if isinstance(error, sdk.errors.APIError):
            return self._refused(model, error)
        if isinstance(error, httpx.TimeoutException):
            return failures.timed_out(self.name, model, error)
        if isinstance(error, httpx.TransportError):
            return failures.unavailable(self.name, model, "connection")
        return failures.out_of_form(self.name, model)

    def _refused(self, model: str, error: Any) -> ModelUnavailable:
        details = _details(error)
        if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
            return failures.unavailable(self.name, model, "auth")
        if error.code == HTTPStatus.BAD_REQUEST and error.status == "FAILED_PRECONDITION":
            advice = "Google does not serve this place, or only accounts with billing; choose another model"
            return failures.unavailable(self.name, model, "auth", advice)
        wait_s = _retry_after_s(error, details)
        return failures.unavailable(self.name, model, failures.reason_of(error.code), retry_after_s=wait_s)


def _load() -> ModuleType:
    from google import genai

    quiet("google_genai")
    return genai


def _contents(request: ModelRequest) -> list[dict[str, Any]]:
    roles = {"user": "user", "assistant": "model"}
    return [{"role": roles[role], "parts": [{"text": text}]} for role, text in turns(request)]


def _config(model: str, request: ModelRequest) -> dict[str, Any]:
    return {
        "system_instruction": request.system,
        "response_mime_type": "application/json",
        "response_json_schema": dict(request.schema),
        "max_output_tokens": request.max_output_tokens,
        "thinking_config": _least_thinking(model),
        "http_options": {"timeout": max(1, round(request.timeout_s * 1000))},
    }


def _least_thinking(model: str) -> dict[str, Any] | None:
    """The setting for the least thinking. Each generation of models takes its own and refuses the others'.

    Models with an unknown name get none, and think as they do by default.
    """
    generation = re.match(r"gemini-(\d+)(?:\.(\d+))?-(.*)", model)
    if generation is None:
        return None
    version, rest = (int(generation[1]), int(generation[2] or 0)), generation[3]
    if version >= (3, 0):
        return {"thinking_level": "LOW" if rest.startswith("pro") else "MINIMAL"}
    if version == (2, 5):
        return {"thinking_budget": 128 if rest.startswith("pro") else 0}
    return None


def _details(error: Any) -> list[dict[str, Any]]:
    """What Google says of an error besides its status, each part with its ``@type``."""
    told: object = error.details
    for key in ("error", "details"):
        told = as_object(told).get(key)
    return [detail for detail in told if is_object(detail)] if is_list(told) else []


def _retry_after_s(error: Any, details: list[dict[str, Any]]) -> float | None:
    """How long to wait: by the header, else by ``RetryInfo`` among the details (``"retryDelay": "34s"``)."""
    headers = getattr(error.response, "headers", None)
    from_header = failures.retry_after_s(headers) if headers is not None else None
    if from_header is not None:
        return from_header
    delays = [re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay"))) for detail in details]
    return next((float(delay[1]) for delay in delays if delay), None)
