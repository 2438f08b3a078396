"""Read a conversation as any client writes one: OpenAI's, Anthropic's, Gemini's and LangChain's messages.

A part that holds no text is left out with a warning; the rest of the conversation is stored all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from kg.errors import InvalidInput
from kg.language.names import alias_key
from kg.narrow import is_mapping, is_sequence
from kg.validate import check_id, check_text, given_instant, parse_json, says_nothing
from kg.values import MemoryInput

MAX_MESSAGES = 500
_Role = Literal["user", "assistant", "system"]
_ROLES: Mapping[str, _Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "model": "assistant",
    "ai": "assistant",
    "system": "system",
    "developer": "system",
}
_TOOL_ROLES = frozenset(
    ("tool", "function", "tool_call", "tool_use", "tool_result", "function_call", "function_call_output")
)
"""Roles, or types of items, of what passes between a model and its tools. It is nobody's words."""
_MAX_DEPTH = 4
_LATEST_S = 1e11
"""Times since 1970 above this are milliseconds; in seconds it is the year 5138."""


def parse_messages(messages: object, warnings: list[str]) -> list[MemoryInput]:
    """Return the usable messages of a conversation, at least one. One message counts as a list of one.

    Raises:
        InvalidInput: it is no conversation, it is too long, a message cannot be stored, or none has text.
    """
    items: Sequence[object]
    if is_mapping(messages):
        items = [messages]
    elif is_sequence(messages):
        items = messages
    else:
        raise InvalidInput("messages", messages, 'give a list such as [{"role": "user", "content": "…"}]')
    if len(items) > MAX_MESSAGES:
        raise InvalidInput("messages", f"{len(items)} messages", f"give at most {MAX_MESSAGES} in one call")
    parsed = [_parse_message(f"messages[{i}]", item, warnings) for i, item in enumerate(items)]
    usable = [message for message in parsed if message is not None]
    if not usable:
        raise InvalidInput("messages", f"{len(items)} messages", "none of them has text; give at least one that has")
    return usable


def _parse_message(field: str, item: object, warnings: list[str]) -> MemoryInput | None:
    item = parse_json(item)
    if isinstance(item, str):
        item = {"content": item}
    if not is_mapping(item):
        raise InvalidInput(field, item, 'give an object such as {"role": "user", "content": "…"}')
    message: Mapping[str, Any] = item
    role = _role(field, message)
    if role is None:
        warnings.append(f"{field}: belongs to a tool and was left out; put what matters of it into a message or note")
        return None
    key = next((key for key in ("content", "parts", "text") if message.get(key) is not None), "content")
    content = "\n".join(_texts(f"{field}.{key}", message.get(key), warnings, _MAX_DEPTH))
    if not content.strip():
        warnings.append(f"{field}: has no text and was left out")
        return None
    return MemoryInput(
        check_text(f"{field}.content", content),
        role=role,
        speaker=_speaker(field, message.get("name"), warnings),
        occurred_at=_time(field, message, warnings),
    )


def _role(field: str, message: Mapping[str, Any]) -> _Role | None:
    """Return who speaks, None for a tool. LangChain writes the role as ``type``."""
    given: object = message.get("role")
    if given is None or given == "":
        given = message.get("type", "user")
        given = "user" if given == "message" else given  # a kind of item, as OpenAI's responses have it
    role = given.strip().casefold() if isinstance(given, str) else ""
    if role not in _ROLES and role not in _TOOL_ROLES:
        raise InvalidInput(f"{field}.role", given, f"give one of {', '.join(_ROLES)}, tool, function")
    return _ROLES.get(role)


def _speaker(field: str, name: object, warnings: list[str]) -> str | None:
    """Return the speaker's name, None where none can be used."""
    if name is None or (isinstance(name, str) and not name.strip()):
        return None
    try:
        speaker = check_id(f"{field}.name", name).strip()
        alias_key(speaker)
    except InvalidInput as error:
        told = InvalidInput(f"{field}.name", name, error.accepted)
        warnings.append(f"{told}; the message was stored without it")
        return None
    return speaker


def _time(field: str, message: Mapping[str, Any], warnings: list[str]) -> datetime | None:
    """Return when a message was said, from ``occurred_at`` or ``timestamp``: ISO 8601, or seconds since 1970."""
    for key in ("occurred_at", "timestamp"):
        value: object = message.get(key)
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return datetime.fromtimestamp(value / 1000 if value > _LATEST_S else value, UTC)
            if not says_nothing(value) and (found := given_instant(f"{field}.{key}", value)) is not None:
                return found
        except (InvalidInput, ValueError, OverflowError, OSError):
            warnings.append(f"{field}.{key}: no ISO 8601 date or time; it was not used")
    return None


def _texts(field: str, content: object, warnings: list[str], depth: int) -> Iterator[str]:
    """Yield the texts of a message's content: a text, one block or blocks, which may hold others."""
    if content is None or content == "":
        return
    if isinstance(content, str):
        yield content
    elif is_sequence(content) and depth:
        for i, block in enumerate(content):
            yield from _texts(f"{field}[{i}]", block, warnings, depth - 1)
    elif is_mapping(content) and depth:
        block: Mapping[str, Any] = content
        key = next((key for key in ("text", "content", "parts", "value") if key in block), None)
        if key is None or block.get("thought") is True:
            warnings.append(f"{field}: only text blocks are stored; this block was left out")
        else:
            yield from _texts(f"{field}.{key}", block[key], warnings, depth - 1)
    else:
        raise InvalidInput(field, type(content).__name__, "give a text or blocks of text")
