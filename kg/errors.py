"""The error tree: which side failed, with which value, and what to do next.

Errors carry fields, not only text, so that the MCP edge, the command line and the tests need not parse messages.
Memory text never goes into a message; field names, ids and short identifiers may.
"""

from __future__ import annotations


class KgError(Exception):
    """Any failure that the caller is meant to see."""


class InvalidInput(KgError, ValueError):
    """The caller handed in something unusable.

    Attributes:
        field: name of the parameter, with a path into it where it is nested (``facts[2].valid_at``).
        value: the offending value, shortened; never a memory's text.
        accepted: what would be accepted, in words.
    """

    def __init__(self, field: str, value: object, accepted: str) -> None:
        self.field = field
        self.value = shorten(value)
        self.accepted = accepted
        super().__init__(f"{field}: {self.value} is not usable; {accepted}")


class NotFound(KgError, LookupError):
    """Nothing with that identity is visible to the caller."""

    def __init__(self, kind: str, uuid: str, advice: str = "") -> None:
        self.kind = kind
        self.uuid = uuid
        super().__init__(f"no {kind} {shorten(uuid)} in your scope" + (f"; {advice}" if advice else ""))


class Conflict(KgError):
    """The request contradicts the present state; ``ids`` names what it collides with."""

    def __init__(self, message: str, ids: tuple[str, ...] = ()) -> None:
        self.ids = ids
        super().__init__(message)


class StoreUnavailable(KgError):
    """A store does not answer, or not in a usable way.

    Attributes:
        store: ``neo4j``, ``qdrant`` or ``service``.
        retryable: whether the same call may succeed later without anyone changing anything.
    """

    def __init__(self, store: str, message: str, *, retryable: bool) -> None:
        self.store = store
        self.retryable = retryable
        super().__init__(f"{store}: {message}")


class ConfigurationError(KgError):
    """A setting cannot work; ``accepted`` says what would."""

    def __init__(self, setting: str, message: str, accepted: str = "") -> None:
        self.setting = setting
        self.accepted = accepted
        super().__init__(f"{setting}: {message}" + (f"; {accepted}" if accepted else ""))


class SetupError(KgError):
    """Something on this machine keeps a part from being fetched or started; ``cure`` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        self.cure = cure
        super().__init__(f"{message}. To fix it: {cure}")


def shorten(value: object, limit: int = 80) -> str:
    """Return a value as one short printable line for an error message."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 1])
    return f"'{text[:limit]}…'" if len(text) > limit else f"'{text}'"
