"""What went wrong with a request to a model, in our own words.

Invariant: the words of a server or an SDK are read to find the reason, but never repeated, because they may quote the
request, and with it a memory or a key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from extract.providers.base import ModelReply, Spent
from kg.errors import ModelUnavailable, Unavailability

WORDS_OF_ANTHROPIC: tuple[tuple[str, Unavailability], ...] = (
    ("only authorized for use with claude code", "forbidden"),
    ("credit balance is too low", "quota"),
    ("reached your specified api usage limits", "quota"),
    ("organization has been disabled", "auth"),
)
"""What Anthropic says of the account, not of the request, with status 400 or 403. It says the first of a subscription's
token that it does not take from other programs."""

BEGINNING_CHARACTERS = 120
"""Such words stand this early in a message; what follows may quote a request."""

UNTIL_PAID_S = 600.0
"""How long to wait after a spending limit is reached. Only a person or a new month lifts it."""

ADVICE: Mapping[Unavailability, str] = {
    "auth": "the provider refuses the credentials; `knowthread doctor` says which ones are used",
    "forbidden": "the provider does not allow this credential to be used here; choose another model or an API key",
    "missing_model": "the provider knows no such model, or your account has no access to it; check its name",
    "quota": "a rate or spending limit is reached",
    "overloaded": "the provider is too busy",
    "server": "the provider answered with an error of its own",
    "connection": "the provider cannot be reached, or it broke the connection",
    "bad_request": "the provider does not take this request",
}


class OversizedAnswer(Exception):
    """A server sends more than any answer may hold; the rest is not read."""


def reason_of(status: int) -> Unavailability:
    """Return why a request failed, from its HTTP status alone."""
    known: Mapping[int, Unavailability] = {
        401: "auth",
        402: "quota",
        403: "auth",
        404: "missing_model",
        408: "timeout",
        429: "quota",
        503: "overloaded",
        504: "timeout",
        529: "overloaded",
    }
    return known.get(status) or (
        "bad_request" if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR else "server"
    )


def reason_of_anthropic(status: int, message: str) -> tuple[Unavailability, float | None]:
    """Return why Anthropic refused a request, and how long to wait if a spending limit is the reason.

    Args:
        status: the HTTP status.
        message: the message of its error, and nothing else of the answer.
    """
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN):
        beginning = message[:BEGINNING_CHARACTERS].lower()
        for words, reason in WORDS_OF_ANTHROPIC:
            if words in beginning:
                return reason, UNTIL_PAID_S if reason == "quota" else None
    return reason_of(status), None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a server asks to wait, from ``retry-after`` (seconds or a date) or ``retry-after-ms``."""
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        try:
            return max(0.0, float(value) / per_second)
        except ValueError:
            pass
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except ValueError:
        return None


def unavailable(
    provider: str, model: str, reason: Unavailability, advice: str = "", *, retry_after_s: float | None = None
) -> ModelUnavailable:
    """Return the error for a reason, with the general advice if there is no better one."""
    return ModelUnavailable(provider, model, reason, advice or ADVICE[reason], retry_after_s=retry_after_s)


def out_of_form(provider: str, model: str) -> ModelUnavailable:
    """Return the error for an answer that is not in the provider's own protocol."""
    return unavailable(provider, model, "server", "the provider's answer is broken or not in its own form")


def declined(provider: str, model: str, reply: ModelReply) -> Spent:
    """Return the error for a model that declines to answer, with the tokens that it used."""
    advice = "the provider declines to answer this request; another model may take it"
    return Spent(provider, model, "bad_request", advice, reply)


def oversized(provider: str, model: str) -> ModelUnavailable:
    """Return the error for an answer that was too large to read."""
    return unavailable(provider, model, "server", "the provider's answer is far larger than was asked for")


def timed_out(provider: str, model: str, error: BaseException) -> ModelUnavailable:
    """Return the error for a time-out of httpx, of its fork, or of an SDK that was caused by one of them.

    A provider that cannot be reached is not a slow model: nothing is known of the request.
    """
    names = {type(error).__name__, type(error.__cause__).__name__}
    if names & {"ConnectTimeout", "PoolTimeout"}:
        return unavailable(provider, model, "connection")
    return unavailable(provider, model, "timeout", "the provider did not answer in time")


def is_oversized(error: BaseException) -> bool:
    """Whether an answer that was too large caused an error."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OversizedAnswer):
        found = found.__cause__ or found.__context__
    return found is not None


@asynccontextmanager
async def time_limit(provider: str, model: str, timeout_s: float) -> AsyncGenerator[None]:
    """Give up after ``timeout_s`` in all, even if an answer is still trickling in.

    Raises:
        ModelUnavailable: ``timeout``.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise unavailable(provider, model, "timeout", f"no whole answer within {timeout_s:g} s") from None
