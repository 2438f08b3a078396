"""The headers that a session sends with every call: for whom, in which project, and under which request key.

The shim writes them and the service reads them. Values are percent-encoded UTF-8, because plain HTTP header values
cannot hold it. The shim uses this, so only light modules of the standard library are imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from mcp_server.link.project import detect_project

USER = "knowthread-user"
AGENT = "knowthread-agent"
RUN = "knowthread-run"
PROJECT = "knowthread-project"
REQUEST_KEY = "knowthread-request-key"

LISTEN = "subscriptions/listen"
"""A request whose answer lasts as long as its session."""

DROPPED = -32800
"""Error code (request cancelled) of a call that the service dropped; its caller makes it again."""

IN_DOUBT = "knowthread/in_doubt"
"""Marks an answer (in ``_meta``) of a call that may or may not be carried out; a repeat keeps its request key."""

SESSION_VARIABLES: Mapping[str, str] = {
    "MEM0_USER_ID": USER,
    "KNOWTHREAD_USER_ID": USER,
    "KNOWTHREAD_AGENT_ID": AGENT,
    "KNOWTHREAD_RUN_ID": RUN,
    "KNOWTHREAD_PROJECT": PROJECT,
}
"""Environment variables that belong to a session, not to the service, and the header that each becomes. If two become
one header, the later one wins: ours over mem0's."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@:+")
_MAX_SENT = 1000
"""The most characters that are sent of a value: more than the service takes, so that it refuses the value by name, and
less than an HTTP server refuses without a word."""


class SessionContext(NamedTuple):
    """What the headers of one call say; None for what they do not say."""

    user_id: str | None
    agent_id: str | None
    run_id: str | None
    project: str | None
    request_key: str | None


def encode_value(text: str) -> str:
    """Percent-encode any text into visible ASCII."""
    data = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data)


def decode_value(value: str) -> str:
    """Undo ``encode_value``; bytes that are not UTF-8 become replacement characters."""
    parts = re.split("%([0-9A-Fa-f]{2})", value)
    data = b"".join(bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts))
    return data.decode("utf-8", "replace")


def session_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a session from its environment and its current folder."""
    given = {variable: environ.get(variable, "").strip() for variable in SESSION_VARIABLES}
    values = {SESSION_VARIABLES[variable]: value for variable, value in given.items() if value}
    if PROJECT not in values and (project := detect_project()):
        values[PROJECT] = project
    return {header: encode_value(value[:_MAX_SENT]) for header, value in values.items()}


def read_session(headers: Mapping[str, str]) -> SessionContext:
    """Return what a call's headers say; names in ``headers`` are looked up in lower case."""

    def value(name: str) -> str | None:
        return decode_value(headers.get(name, "")) or None

    return SessionContext(value(USER), value(AGENT), value(RUN), value(PROJECT), value(REQUEST_KEY))
