"""Ollama through its SDK, for answers and for embeddings; no other module imports the SDK.

Requests go straight to the address that is set, never through a proxy, because it is the user's own machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from extract.providers import failures
from extract.providers.exchange import CONNECT_S, bounded
from kg.errors import ModelUnavailable
from kg.settings.service import bare_url

if TYPE_CHECKING:
    from types import ModuleType

    from ollama import AsyncClient, ChatResponse

_CONNECT_S = 3.0
_LIST_S = 20.0
"""Who is not there is given up soon; a busy machine may take long to say which models it has."""

T = TypeVar("T")

ADDRESSED_BY = "KNOWTHREAD_OLLAMA_URL (for embeddings KNOWTHREAD_OLLAMA_EMBED_URL, where it is set)"
NAME = "ollama"

_retry_after: ContextVar[float | None] = ContextVar("retry_after", default=None)


class OllamaClient:
    """One Ollama server; every failure is a ``ModelUnavailable`` that names its cure."""

    def __init__(self, url: str, *, connect_s: float = CONNECT_S) -> None:
        self._url = url
        self._connect_s = connect_s
        self._opening = asyncio.Lock()
        self._sdk: ModuleType | None = None
        self._client: AsyncClient | None = None

    async def chat(self, model: str, *, keep_alive: str, **request: Any) -> ChatResponse:
        """Return the whole answer to ``/api/chat``; ``request`` as in the SDK."""
        kept = _duration(keep_alive)
        return await self._call(
            model, lambda client: client.chat(model=model, stream=False, keep_alive=kept, **request)
        )

    async def embed(self, model: str, texts: Sequence[str], keep_alive: str) -> Sequence[Sequence[float]]:
        """Return one vector per text, in order; longer texts are cut to what the model can read."""
        kept = _duration(keep_alive)
        response = await self._call(
            model, lambda client: client.embed(model=model, input=list(texts), truncate=True, keep_alive=kept)
        )
        return response.embeddings

    async def digest(self, model: str) -> str:
        """Return the fingerprint of a model's weights.

        Raises:
            ModelUnavailable: Ollama does not answer, or the model is not pulled.
        """
        listed = await self._call(model, lambda client: client.list())
        wanted = model if ":" in model else f"{model}:latest"
        for found in listed.models:
            if found.model == wanted and found.digest:
                return found.digest
        raise self._missing(model)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _call(self, model: str, ask: Callable[[AsyncClient], Awaitable[T]]) -> T:
        client = await self._open()
        _retry_after.set(None)
        try:
            return await ask(client)
        except Exception as error:  # noqa: BLE001 - the SDK lets its parser's errors through too; none may be shown
            raise self._translated(model, error) from None

    async def _open(self) -> AsyncClient:
        async with self._opening:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(_load)
            if self._client is None:
                hooks = bounded(connect_s=self._connect_s)
                hooks["response"].append(_note_retry_after)
                self._client = cast(
                    "AsyncClient",
                    self._sdk.AsyncClient(
                        host=self._url,
                        event_hooks=hooks,
                        auth=_auth(self._url),
                        trust_env=False,
                        follow_redirects=False,
                        headers={"accept-encoding": "identity"},
                    ),
                )
        return self._client

    def _translated(self, model: str, error: Exception) -> ModelUnavailable:
        if failures.is_oversized(error):
            return failures.oversized(NAME, model)
        sdk: Any = self._sdk
        if isinstance(error, sdk.ResponseError):
            refused: Any = error
            reason = failures.reason_of(refused.status_code)
            if reason == "missing_model" or "try pulling it" in str(refused.error):
                return self._missing(model)
            return failures.unavailable(NAME, model, reason, retry_after_s=_retry_after.get())
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return failures.timed_out(NAME, model, error)
        # The SDK turns a refused connection into a ConnectionError of its own.
        if isinstance(error, (ConnectionError, httpx.TransportError)):
            where = f"no answer from Ollama at {bare_url(self._url)}"
            advice = f"{where}; start it with `ollama serve`, or correct {ADDRESSED_BY}"
            return failures.unavailable(NAME, model, "connection", advice)
        return failures.out_of_form(NAME, model)

    def _missing(self, model: str) -> ModelUnavailable:
        advice = f"Ollama at {bare_url(self._url)} does not have it; run `ollama pull {model}`"
        return failures.unavailable(NAME, model, "missing_model", advice)


def _auth(url: str) -> httpx.Auth:
    """The user name and password in the address, which the SDK leaves out; without them, no authorization."""
    parts = httpx.URL(url)
    return httpx.BasicAuth(parts.username, parts.password) if parts.userinfo else _Unsigned()


class _Unsigned(httpx.Auth):
    """Removes the key that the SDK finds in ``OLLAMA_API_KEY``: it is for Ollama's own service, not for any address."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.pop("authorization", None)
        yield request


def _duration(keep_alive: str) -> str | int:
    """Return a bare number (seconds, or -1 for ever) as a number: Ollama does not take it as text."""
    return int(keep_alive) if keep_alive.removeprefix("-").isdecimal() else keep_alive


def _load() -> ModuleType:
    import ollama

    return ollama


async def _note_retry_after(response: httpx.Response) -> None:
    # The SDK's error does not carry the headers; the hook runs in the task of the request.
    _retry_after.set(failures.retry_after_s(response.headers))


def pulled_models(url: str) -> frozenset[str]:
    """Return the names of the models that an Ollama has; a name without a tag means its ``latest``.

    Raises:
        OSError: it does not answer, or what answers is not Ollama.
    """
    import httpx

    try:
        with httpx.Client(timeout=httpx.Timeout(_LIST_S, connect=_CONNECT_S), trust_env=False) as client:
            answer: Any = client.get(f"{url}/api/tags").raise_for_status().json()
        names = {str(model["name"]) for model in answer["models"]}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise OSError(type(error).__name__) from error
    return frozenset(names | {name.removesuffix(":latest") for name in names})
