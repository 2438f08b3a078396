"""One request to a model and its answer, the same for every provider.

A provider is a thin mapping: request, structured output, usage and errors to and from its own SDK. It knows nothing
of tasks, retries or fall-backs; the router does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from kg.errors import ModelUnavailable, Unavailability


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked.

    Attributes:
        system: instructions; equal for every request with the same prompt, so that a provider may cache them.
        user: this request's own part, user data inside named tags.
        schema: JSON schema that the answer must fit; every object lists its properties as required and allows no other.
        schema_name: identifier of the schema.
        max_output_tokens: longest answer.
        timeout_s: longest wait for the whole answer.
        former_answer: the answer to be repaired, as it came; None for a new question.
        complaint: what was wrong with it.
    """

    system: str
    user: str = field(repr=False)
    schema: Mapping[str, Any]
    schema_name: str
    max_output_tokens: int = 8192
    timeout_s: float = 120.0
    former_answer: str | None = field(default=None, repr=False)
    complaint: str | None = None


@dataclass(frozen=True)
class ModelReply:
    """What a model answered.

    Attributes:
        text: the answer's text, unparsed; may be empty, cut short or wrapped in talk.
        input_tokens: all that were read, including those from a cache and those written to it.
        cached_tokens: of the input, those read from a cache.
        cache_write_tokens: of the input, those written to it, where the provider says so.
        truncated: the answer was cut at ``max_output_tokens``.
        billed: whether this request costs money; on a subscription it does not.
    """

    text: str = field(repr=False)
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    truncated: bool = False
    billed: bool = True


class Spent(ModelUnavailable):
    """No usable answer came, but tokens were used: the model declined, or its client gave up on its answers.

    Attributes:
        reply: the tokens used; its text is empty.
    """

    def __init__(
        self,
        provider: str,
        model: str,
        reason: Unavailability,
        advice: str,
        reply: ModelReply,
        *,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(provider, model, reason, advice, retry_after_s=retry_after_s)
        self.reply = reply


class StaleCredential(ModelUnavailable):
    """The credential was refused (``auth``), and there is another one: ask again at once."""


class Provider(Protocol):
    """One way to reach models."""

    @property
    def name(self) -> str:
        """The provider's name in settings: ``anthropic``, ``claude-code``, ``gemini``, ``ollama``."""
        ...

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        """Ask once, with one request; no retries of its own.

        Raises:
            ModelUnavailable: no answer came; the reason says why.
        """
        ...

    async def close(self) -> None:
        """Release connections and processes."""
        ...


class Credential(Protocol):
    """What a request to Anthropic is signed with; its secret shows nowhere."""

    @property
    def kind(self) -> Literal["oauth", "api_key"]:
        """A subscription's token, or an API key."""
        ...

    @property
    def secret(self) -> str:
        """The token or key itself."""
        ...

    @property
    def tier(self) -> str:
        """Where it was found, in words that may be shown."""
        ...


class Credentials(Protocol):
    """Where a provider gets its credential for each request."""

    def current(self) -> Credential:
        """Return the best credential that there is now.

        Raises:
            ModelUnavailable: there is none (``not_configured``).
        """
        ...

    def refused(self, credential: Credential) -> None:
        """Note that the provider refused it, so that ``current`` looks again."""
        ...


@dataclass(frozen=True)
class Route:
    """One model behind one provider, written ``provider:model``.

    Attributes:
        provider: ``anthropic``, ``claude-code``, ``gemini`` or ``ollama``.
        model: the model's name there; it may contain colons itself (``qwen3:14b``).
    """

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"
