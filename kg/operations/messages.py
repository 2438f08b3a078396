"""Read a conversation as any client writes one: OpenAI's, Anthropic's, Gemini's and LangChain's messages.

A part that holds no text is left out with a warning; the rest of the conversation is stored all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from kg.errors import InvalidInput
from kg.language.names import alias_key
from kg.language.times import given_instant
from kg.narrow import is_mapping, is_sequence
from kg.validate import check_id, check_text, parse_json, says_nothing
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
"""The roles that an error names."""
_MORE_ROLES: Mapping[str, _Role] = {
    **dict.fromkeys(("customer", "client", "person", "me", "user_proxy"), "user"),
    **dict.fromkeys(("bot", "chatbot", "agent", "llm", "gpt", "chatgpt", "claude", "gemini", "copilot"), "assistant"),
    **dict.fromkeys(("instructions", "context"), "system"),
}
_TOOL_ROLES = frozenset(
    (
        *("tool", "function", "tool_call", "tool_use", "tool_result", "function_call", "function_call_output"),
        *("computer_call_output", "observation", "environment", "ipython", "reasoning", "thinking"),
    )
)
"""Roles, or types of items, of what passes between a model and its tools. It is nobody's words."""
_DRESS = re.compile(r"^role_|_?(?:message|msg)(?:chunk)?$")
"""What some clients put round a role: ROLE_USER, HumanMessage, assistant_message."""
_TIME_KEYS = (
    *("occurred_at", "timestamp", "created_at", "createdAt", "create_time", "sent_at"),
    *("datetime", "date", "time", "ts"),
)
_TELLER_KEYS = ("from", "sender", "speaker", "author")
_BLOCK_KEYS = ("text", "content", "parts", "value", "refusal", "toolResult")
_CONTENT_KEYS = ("content", "parts", "text", "message", "value", "body", "refusal")
_MAX_DEPTH = 6


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
    message = _unwrapped(item)
    role, speaker = _role(field, message)
    if role is None:
        warnings.append(f"{field}: belongs to a tool and was left out; put what matters of it into a message or note")
        return None
    key = next((key for key in _CONTENT_KEYS if message.get(key) not in (None, "", [])), "content")
    content = "\n".join(_texts(f"{field}.{key}", message.get(key), warnings, _MAX_DEPTH))
    if not content.strip():
        warnings.append(f"{field}: has no text and was left out")
        return None
    return MemoryInput(
        check_text(f"{field}.content", content),
        role=role,
        speaker=_speaker(field, message.get("name") or speaker, warnings),
        occurred_at=_time(field, message, warnings),
    )


def _unwrapped(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message within what a client keeps round it.

    Claude Code writes ``{type, message: {role, content}, timestamp}``, LangChain ``{type, data: {content}}`` or
    ``{id: […, HumanMessage], kwargs: {content}}``; some write ``{user: text}``.
    """
    match item:
        case {"message": Mapping()}:
            return {**item, **item["message"]}
        case {"data": Mapping()}:
            return {"type": item.get("type"), **item["data"]}
        case {"kwargs": Mapping(), "id": [*_, str() as kind]}:
            return {**item["kwargs"], "type": kind}
        case _ if len(item) == 1 and (role := next(iter(item))) in _ROLES:
            return {"role": role, "content": item[role]}
        case _:
            return item


def _role(field: str, message: Mapping[str, Any]) -> tuple[_Role | None, str | None]:
    """Return who speaks, None for a tool, and the name where a key for the role holds one.

    LangChain writes the role as ``type``, others write ``from``, ``sender``, ``speaker`` or ``author``.
    """
    given: object = message.get("role")
    if given is None or given == "":
        given = message.get("type")
        given = None if given in ("message", "text", "") else given  # a kind of item, as OpenAI's responses have it
    if given is None:
        teller: object = next((message[key] for key in _TELLER_KEYS if message.get(key)), "user")
        given = teller.get("role") if is_mapping(teller) else teller
        if isinstance(given, str) and _known_role(given) is None:
            return "user", given
    role = _known_role(given) if isinstance(given, str) else None
    if role is None:
        raise InvalidInput(f"{field}.role", given, f"give one of {', '.join(_ROLES)}, tool, function")
    return (None if role == "tool" else role), None


def _known_role(said: str) -> _Role | Literal["tool"] | None:
    word = said.strip().casefold()
    for name in (word, _DRESS.sub("", word)):
        role = _ROLES.get(name) or _MORE_ROLES.get(name) or ("tool" if name in _TOOL_ROLES else None)
        if role is not None:
            return role
    return None


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
    """Return when a message was said, from the first of ``_TIME_KEYS`` that says it."""
    for key in _TIME_KEYS:
        value: object = message.get(key)
        try:
            if not says_nothing(value) and (found := given_instant(f"{field}.{key}", value)) is not None:
                return found
        except InvalidInput:
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
        source = block.get("source")
        if is_mapping(source):  # a document of Anthropic's
            block = {"text": source.get("data")} if source.get("type") == "text" else source
        key = next((key for key in _BLOCK_KEYS if key in block), None)
        if key is None or block.get("thought") is True:
            warnings.append(f"{field}: only text blocks are stored; this block was left out")
        else:
            yield from _texts(f"{field}.{key}", block[key], warnings, depth - 1)
    else:
        raise InvalidInput(field, type(content).__name__, "give a text or blocks of text")
