"""Checks of a tool's raw arguments: what a text, a conversation, a scope and a flag may look like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kg.errors import InvalidInput
from kg.facts.parse import ParsedFacts
from kg.operations.messages import parse_messages
from kg.operations.scopes import is_not_given, project_value, scope_value
from kg.operations.tool_parameters import JsonType
from kg.validate import check_text, says_nothing
from kg.values import MemoryInput, RequestKey, Scope

MAX_QUESTION_BYTES = 1 << 20
_INJECTED = frozenset(
    (
        *("sessionId", "session_id", "action", "chatInput", "chat_input", "tool", "toolCallId", "tool_call_id"),
        "random_string",  # what Cursor gives a tool that takes nothing
    )
)
_FLAGS = {
    word: flag for flag, words in {True: "true yes on 1", False: "false no off 0"}.items() for word in words.split()
}
_FREE_TEXTS = frozenset(("text", "query", "name"))
"""The parameters in which a word for nothing, such as null, can be meant."""


@dataclass(frozen=True)
class Session:
    """Who is calling, and from where; every call carries it.

    Attributes:
        scope: the session's user, agent, run and project, for calls that name none.
        key: the call's request key; every attempt of the same call has the same one.
        call: fingerprint of the call's tool and arguments, by which a key that is used for two calls is found out.
    """

    scope: Scope
    key: str
    call: str = ""

    @property
    def request(self) -> RequestKey:
        """By what a repeat of the call is known."""
        return RequestKey(self.key, self.call)

    def calling(self, name: str, given: Mapping[str, Any]) -> Session:
        """Return the session for one call of a tool or an operation with its arguments."""
        content = json.dumps([name, given], sort_keys=True)
        return replace(self, call=hashlib.sha256(content.encode()).hexdigest())


def is_injected(name: str) -> bool:
    """Whether a client adds an argument of this name to every call, whatever tool it calls."""
    return name.startswith("_") or name in _INJECTED


def is_empty(name: str, kind: JsonType, value: object) -> bool:
    """Whether the value of an optional parameter counts as not given.

    Clients and models that fill in every parameter write "", "null" or 0 where they mean nothing. An empty list of
    facts is a value: it ends a memory's facts.
    """
    if isinstance(value, str):
        word = value.strip()
        return not word or (says_nothing(value) and name not in _FREE_TEXTS) or (kind == "integer" and word == "0")
    if kind == "integer":
        return value == 0 and not isinstance(value, bool)
    return value is None or (kind == "object" and value == [])


def check_flag(field: str, value: object) -> bool:
    """Return a boolean. Some clients send words such as true, or 1 and 0, so these are taken too."""
    flag = _FLAGS.get(str(value).strip().casefold(), value) if isinstance(value, str | int) else value
    if not isinstance(flag, bool):
        raise InvalidInput(field, value, "give true or false")
    return flag


def check_question(query: object) -> str:
    """Return a question: a text, which may be longer than one that is stored."""
    return check_text("query", query, MAX_QUESTION_BYTES)


def check_threshold(value: object) -> float | None:
    """Return the least similarity of a hit, None where none is given."""
    if value is None:
        return None
    number = _spelled_number(value) if isinstance(value, str) else value
    if not isinstance(number, int | float) or isinstance(number, bool) or not -1 <= number <= 1:
        raise InvalidInput("threshold", value, "give a cosine similarity from -1 to 1, such as 0.3")
    return float(number)


def changed_filter(since: datetime, filters: object) -> dict[str, object]:
    """Return the filter that new and updated memories pass, if they pass another one too."""
    instant = since.isoformat()
    changed: dict[str, object] = {"OR": [{"created_at": {"gte": instant}}, {"updated_at": {"gte": instant}}]}
    return changed if filters is None else {"AND": [filters, changed]}


def _spelled_number(text: str) -> float | None:
    try:
        return float(text) if text.isascii() else None
    except ValueError:
        return None


def resolve_user(session: Session, user_id: object) -> str:
    """Return whose memories a call is about: the user that it names, else the session's.

    Raises:
        InvalidInput: the name cannot be an id.
    """
    return scope_value("user_id", user_id) or session.scope.user_id


def write_scope(session: Session, user_id: object, agent_id: object, run_id: object, project: object) -> Scope:
    """Return the scope of a new memory: what the call names, else the session's own."""
    defaults = session.scope
    return Scope(
        resolve_user(session, user_id),
        scope_value("agent_id", agent_id) or defaults.agent_id,
        scope_value("run_id", run_id) or defaults.run_id,
        project_value("project", project) or defaults.project,
    )


def read_scope(session: Session, user_id: object, agent_id: object, run_id: object, project: object) -> Scope:
    """Return the scope of a read: all memories of the user, unless the call narrows it."""
    return Scope(
        resolve_user(session, user_id),
        scope_value("agent_id", agent_id),
        scope_value("run_id", run_id),
        project_value("project", project),
    )


def erase_scope(session: Session, user_id: object, agent_id: object, run_id: object, project: object) -> Scope:
    """Return the scope to erase, which the call must name: a blank or "null" never widens it.

    Raises:
        InvalidInput: nothing is named, or one of the values says nothing.
    """
    given = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "project": project}
    if all(value is None for value in given.values()):
        raise InvalidInput("user_id", None, "name the scope to erase: user_id, agent_id, run_id or project")
    for field, value in given.items():
        _refuse_blank(field, value)
    return read_scope(session, user_id, agent_id, run_id, project)


def erase_user(session: Session, user_id: object) -> str:
    """Return whose memory or entity to erase: the session's user only where no other is named, not even a blank one.

    Raises:
        InvalidInput: the value says nothing, or cannot be an id.
    """
    _refuse_blank("user_id", user_id)
    return resolve_user(session, user_id)


def _refuse_blank(field: str, value: object) -> None:
    if value is not None and is_not_given(value):
        raise InvalidInput(field, value, "name what to erase, or leave the parameter out")


def parse_texts(text: object, messages: object, facts: ParsedFacts, warnings: list[str]) -> tuple[MemoryInput, ...]:
    """Return the texts of one add_memory call. Facts belong to the note, or to the last message.

    Raises:
        InvalidInput: neither or both of ``text`` and ``messages`` are given, or a message cannot be used.
    """
    if messages in ([], {}):
        messages = None
    if (text is None) == (messages is None):
        raise InvalidInput("text", "both" if text is not None else None, "give either text or messages")
    if text is not None:
        return (MemoryInput(check_text("text", text), facts=facts.facts),)
    if isinstance(messages, str):
        return (MemoryInput(check_text("messages", messages), facts=facts.facts),)
    usable = parse_messages(messages, warnings)
    usable[-1] = replace(usable[-1], facts=facts.facts)
    return tuple(usable)
