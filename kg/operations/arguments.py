"""Checks of a tool's raw arguments: what a text, a conversation, a scope and a flag may look like."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from kg.errors import InvalidInput
from kg.facts.parse import ParsedFacts
from kg.validate import check_id, check_text
from kg.values import MemoryInput, Scope

MAX_MESSAGES = 500
MAX_QUESTION_BYTES = 1 << 20
ROLES = ("user", "assistant", "system")


@dataclass(frozen=True)
class Session:
    """Who is calling, and from where; every call carries it.

    Attributes:
        scope: the session's user, agent, run and project, for calls that name none.
        key: the call's request key; every attempt of the same call has the same one.
    """

    scope: Scope
    key: str


def check_flag(field: str, value: object) -> bool:
    """Return a boolean. Some clients send the words true and false, so these are taken too."""
    words = {"true": True, "false": False}
    flag = words.get(value.casefold(), value) if isinstance(value, str) else value
    if not isinstance(flag, bool):
        raise InvalidInput(field, value, "give true or false")
    return flag


def parse_json(value: object) -> object:
    """Return the list or object in a JSON text, as some clients send one; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return cast("object", json.loads(value))
        except (ValueError, RecursionError):
            return value
    return value


def check_question(query: object) -> str:
    """Return a question: a text, which may be longer than one that is stored."""
    return check_text("query", query, MAX_QUESTION_BYTES)


def check_threshold(value: object) -> float | None:
    """Return the least similarity of a hit, None where none is given."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1 <= value <= 1:
        raise InvalidInput("threshold", value, "give a cosine similarity from -1 to 1, such as 0.3")
    return float(value)


def resolve_user(session: Session, user_id: object) -> str:
    """Return whose memories a call is about: the user that it names, else the session's.

    Raises:
        InvalidInput: the name cannot be an id.
    """
    return session.scope.user_id if user_id is None else check_id("user_id", user_id)


def write_scope(session: Session, user_id: object, agent_id: object, run_id: object, project: object) -> Scope:
    """Return the scope of a new memory: what the call names, else the session's own."""

    def pick(name: str, value: object, default: str | None) -> str | None:
        return default if value is None else check_id(name, value)

    defaults = session.scope
    return Scope(
        resolve_user(session, user_id),
        pick("agent_id", agent_id, defaults.agent_id),
        pick("run_id", run_id, defaults.run_id),
        pick("project", project, defaults.project),
    )


def read_scope(session: Session, user_id: object, agent_id: object, run_id: object, project: object) -> Scope:
    """Return the scope of a read: all memories of the user, unless the call narrows it."""

    def pick(name: str, value: object) -> str | None:
        return None if value is None else check_id(name, value)

    return Scope(
        resolve_user(session, user_id),
        pick("agent_id", agent_id),
        pick("run_id", run_id),
        pick("project", project),
    )


def parse_texts(text: object, messages: object, facts: ParsedFacts, warnings: list[str]) -> tuple[MemoryInput, ...]:
    """Return the texts of one add_memory call. Facts belong to the note, or to the last message.

    Raises:
        InvalidInput: neither or both of ``text`` and ``messages`` are given, or a message cannot be used.
    """
    if (text is None) == (messages is None):
        raise InvalidInput("text", "both" if text is not None else None, "give either text or messages")
    if text is not None:
        return (MemoryInput(check_text("text", text), facts=facts.facts),)
    if isinstance(messages, str):
        return (MemoryInput(check_text("messages", messages), facts=facts.facts),)
    if not isinstance(messages, list | tuple) or not messages:
        raise InvalidInput(
            "messages", cast("object", messages), 'give a list such as [{"role": "user", "content": "…"}]'
        )
    items = cast("Sequence[object]", messages)
    if len(items) > MAX_MESSAGES:
        raise InvalidInput("messages", f"{len(items)} messages", f"give at most {MAX_MESSAGES} in one call")
    parsed = [_parse_message(f"messages[{i}]", item, warnings) for i, item in enumerate(items)]
    usable = [message for message in parsed if message is not None]
    if not usable:
        raise InvalidInput("messages", f"{len(items)} messages", "none of them has text; give at least one that has")
    usable[-1] = replace(usable[-1], facts=facts.facts)
    return tuple(usable)


def _parse_message(field: str, item: object, warnings: list[str]) -> MemoryInput | None:
    if not isinstance(item, Mapping):
        raise InvalidInput(field, item, 'give an object such as {"role": "user", "content": "…"}')
    message = cast("Mapping[str, Any]", item)
    role = message.get("role", "user")
    if role not in ROLES:
        raise InvalidInput(f"{field}.role", role, "give one of " + ", ".join(ROLES))
    name = message.get("name")
    speaker = None if name is None else check_id(f"{field}.name", name)
    content = message.get("content")
    if isinstance(content, list):
        content = _join_blocks(field, cast("Sequence[object]", content), warnings)
    if content is None or (isinstance(content, str) and not content.strip()):
        warnings.append(f"{field}: has no text and was left out")
        return None
    return MemoryInput(check_text(f"{field}.content", content), role=role, speaker=speaker)


def _join_blocks(field: str, blocks: Sequence[object], warnings: list[str]) -> str:
    texts: list[str] = []
    for i, block in enumerate(blocks):
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, Mapping) and cast("Mapping[str, Any]", block).get("type") == "text":
            texts.append(check_text(f"{field}.content[{i}].text", cast("Mapping[str, Any]", block).get("text")))
        else:
            warnings.append(f"{field}.content[{i}]: only text blocks are stored; this block was left out")
    return "\n".join(texts)
