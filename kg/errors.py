"""The error tree: which side failed, with which value, and what to do next.

Errors carry fields, not only text, so that the MCP edge, the command line and the tests need not parse messages.
Memory text never goes into a message; field names, ids and short identifiers may.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kg.model_values import ModelCall


class KgError(Exception):
    """Any failure that the caller should see."""


class InvalidInput(KgError, ValueError):
    """The caller gave something that cannot be used.

    Attributes:
        field: name of the parameter, with the path inside it (``facts[2].valid_at``).
        value: the offending value, shortened; never a memory's text.
        accepted: what would be accepted, in words.
    """

    def __init__(self, field: str, value: object, accepted: str) -> None:
        self.field = field
        self.value = shorten(value)
        self.accepted = accepted
        super().__init__(f"{field}: {self.value} is not usable; {accepted}")


class NotFound(KgError, LookupError):
    """The caller can see nothing with that id."""

    def __init__(self, kind: str, uuid: str, advice: str = "") -> None:
        self.kind = kind
        self.uuid = uuid
        super().__init__(f"no {kind} {shorten(uuid)} in your scope" + (f"; {advice}" if advice else ""))


class Conflict(KgError):
    """The request does not fit the present state; ``ids`` names what is in its way."""

    def __init__(self, message: str, ids: tuple[str, ...] = ()) -> None:
        self.ids = ids
        super().__init__(message)


class StoreUnavailable(KgError):
    """A store does not answer, or its answer cannot be used.

    Attributes:
        store: ``neo4j``, ``qdrant`` or ``service``.
        retryable: whether the same call may succeed later although nobody changes anything.
    """

    def __init__(self, store: str, message: str, *, retryable: bool) -> None:
        self.store = store
        self.retryable = retryable
        super().__init__(f"{store}: {message}")


class CommitInDoubt(StoreUnavailable):
    """The database went away while it committed a call, which may or may not be stored."""

    def __init__(self, store: str, url: str) -> None:
        super().__init__(
            store,
            f"{url} went away while it stored this call, so it may or may not be stored. Make exactly the same call "
            "again: it is then carried out once, not twice",
            retryable=True,
        )


class DiskFull(StoreUnavailable):
    """Too little space is free for a write; nothing was written, and reads go on.

    Attributes:
        folder: the folder whose disk is short.
        free_bytes: what is free there.
        least_bytes: what must be.
        setting: the variable that moves the folder to another disk.
    """

    def __init__(self, folder: str, free_bytes: int, least_bytes: int, setting: str) -> None:
        self.folder = folder
        self.free_bytes = free_bytes
        self.least_bytes = least_bytes
        self.setting = setting
        super().__init__(
            "disk",
            f"{free_bytes / 1e6:.0f} MB are free for {folder}, and below {least_bytes / 1e6:.0f} MB nothing is stored "
            f"or changed, because a full disk would damage the graph; reading still works. Free space there, or set "
            f"{setting} to a folder on another disk",
            retryable=False,
        )


class ConfigurationError(KgError):
    """A setting cannot be used; ``accepted`` says what can."""

    def __init__(self, setting: str, message: str, accepted: str = "") -> None:
        self.setting = setting
        self.accepted = accepted
        super().__init__(f"{setting}: {message}" + (f"; {accepted}" if accepted else ""))


class OutdatedIndex(KgError):
    """The index has the form of another version; it is rebuilt from the graph."""


class SetupError(KgError):
    """Something on this machine prevents a part from being fetched or started; ``cure`` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        self.cure = cure
        super().__init__(f"{message}. To fix it: {cure}")


class ExtractionError(KgError):
    """A model did not give a usable answer. The memory that it was asked about is unchanged.

    Attributes:
        calls: the requests that were made, so that their tokens are counted.
    """

    calls: tuple[ModelCall, ...] = ()


Unavailability = Literal[
    "not_configured", "auth", "forbidden", "missing_model", "quota", "overloaded", "server", "connection", "timeout",
    "bad_request", "open_circuit",
]  # fmt: skip
"""Why a model did not answer, in the order above: no credentials; credentials refused; a use that the provider does not
allow (final); no such model; a rate or spending limit; too busy; an error at the provider; unreachable; too slow; a
request that it never accepts; a route that is not asked for a while because it failed."""


class ModelUnavailable(ExtractionError):
    """A model could not be asked, or gave no answer.

    Attributes:
        provider: ``anthropic``, ``claude-code``, ``gemini`` or ``ollama``.
        model: the model's name there.
        reason: why; it decides whether the same request may be tried again.
        retry_after_s: how long the provider asks us to wait; None if it does not say.
    """

    RETRYABLE = frozenset(("quota", "overloaded", "server", "connection", "timeout"))
    """Reasons that may go away by themselves within seconds or minutes."""

    def __init__(
        self, provider: str, model: str, reason: Unavailability, advice: str, *, retry_after_s: float | None = None
    ) -> None:
        self.provider = provider
        self.model = model
        self.reason: Unavailability = reason
        self.retry_after_s = retry_after_s
        super().__init__(f"{provider}:{model} {reason.replace('_', ' ')}: {advice}")

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed soon without anyone changing anything."""
        return self.reason in self.RETRYABLE


class MalformedOutput(ExtractionError):
    """A model's answer does not have the form that its prompt asks for, even after one chance to repair it.

    Attributes:
        prompt: name of the prompt.
        model: ``provider:model`` that answered.
        complaint: what is wrong, by place and rule. It never quotes the answer, which may quote a memory.
    """

    def __init__(self, prompt: str, model: str, complaint: str) -> None:
        self.prompt = prompt
        self.model = model
        self.complaint = complaint
        super().__init__(f"{model} answered '{prompt}' in another form than asked: {complaint}")


class BudgetExceeded(ExtractionError):
    """The tokens of the day are used up. Storing goes on; jobs wait.

    Attributes:
        limit: tokens a day.
        used: tokens spent today.
        resets_at: when the next day begins, UTC.
    """

    def __init__(self, limit: int, used: int, resets_at: datetime) -> None:
        self.limit = limit
        self.used = used
        self.resets_at = resets_at
        super().__init__(
            f"{used:,} of {limit:,} model tokens a day are spent; models are asked again from "
            f"{resets_at:%Y-%m-%d %H:%M} UTC, or raise KNOWTHREAD_DAILY_TOKENS"
        )


def shorten(value: object, limit: int = 80) -> str:
    """Return a value as one short printable line for an error message."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 1])
    return f"'{text[:limit]}…'" if len(text) > limit else f"'{text}'"
