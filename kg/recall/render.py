"""How results look to a caller: mem0's field names, ISO times, nothing that is empty, within a token budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kg.language.words import estimate_tokens
from kg.validate import metadata
from kg.values import UNKNOWN_START, JsonObject

WHOLE = 2**31 - 1
PASSAGE_CHARS = 700
FACT_CHARS = 300
METADATA_CHARS = 500
ANSWER_TOKENS = 20_000
"""What an answer without a budget of its own may take: Claude Code refuses one of more than 25,000 tokens."""


def compact(value: Mapping[str, Any]) -> JsonObject:
    """Return an object without its empty fields; False and 0 are kept."""
    return {key: item for key, item in value.items() if item is not None and item not in ("", [], {}, ())}


def size(value: object) -> int:
    """Return about how many tokens a value takes in an answer."""
    return estimate_tokens(json.dumps(value, ensure_ascii=False))


def fitting(items: Sequence[JsonObject], max_tokens: int) -> list[JsonObject]:
    """Return as many of the first items as fit into a budget."""
    kept: list[JsonObject] = []
    for item in items:
        max_tokens -= size(item)
        if max_tokens < 0:
            break
        kept.append(item)
    return kept


def cut(text: str | None, max_chars: int) -> str | None:
    """Return a text of at most ``max_chars`` characters; an ellipsis says that something was left out."""
    return text if text is None or len(text) <= max_chars else text[: max_chars - 1] + "…"


def instant(value: datetime | None) -> str | None:
    """Return a time as a caller reads it: ISO 8601 in UTC to the second; None for an unknown one."""
    if value is None or value == UNKNOWN_START:
        return None
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def fact(row: Mapping[str, Any], max_chars: int = WHOLE) -> JsonObject:
    """Render one fact; ``replaced_by`` says what superseded or corrected it."""
    replaced: Sequence[JsonObject] = row.get("replaced_by") or []
    return compact(
        {
            "id": row["uuid"],
            "fact": cut(row["statement"], max_chars),
            "subject": row.get("subject"),
            "predicate": row.get("predicate"),
            "object": cut(row.get("object"), max_chars),
            "because": cut(row.get("because"), max_chars),
            "revisit_when": cut(row.get("revisit_when"), max_chars),
            "valid_at": instant(row.get("valid_at")),
            "invalid_at": instant(row.get("invalid_at")),
            "replaced_by": [replacement(item, max_chars) for item in replaced],
        }
    )


def replacement(row: Mapping[str, Any], max_chars: int = WHOLE) -> JsonObject:
    """Render what replaced a fact; of one outside of the scope that was asked for, only that and when it did."""
    return compact(
        {
            "id": row["id"],
            "fact": cut(row["statement"], max_chars),
            "how": row["kind"],
            "at": instant(row["at"]) if row["statement"] is None else None,
            "reason": cut(row.get("reason"), max_chars),
        }
    )


def memory_in_list(row: Mapping[str, Any]) -> JsonObject:
    """Render one memory of several: a long text or much metadata is left to get_memory."""
    rendered = memory(row)
    text = row["text"]
    rendered["memory"] = cut(text, PASSAGE_CHARS)
    if len(text) > PASSAGE_CHARS:
        rendered["truncated"] = True
    if rendered.get("metadata") and len(row["metadata"]) > METADATA_CHARS:
        rendered["metadata"] = f"{len(row['metadata'])} characters; see get_memory"
    return rendered


def memory(row: Mapping[str, Any]) -> JsonObject:
    """Render one memory without its facts."""
    occurred = row.get("occurred_at")
    updated = row.get("updated_at")
    return compact(
        {
            "id": row["uuid"],
            "memory": row["text"],
            "created_at": instant(row["created_at"]),
            "occurred_at": instant(occurred) if occurred != row["created_at"] else None,
            "updated_at": instant(updated) if updated != row["created_at"] else None,
            "project": row.get("project"),
            "agent_id": row.get("agent_id"),
            "run_id": row.get("run_id"),
            "role": row.get("role"),
            "speaker": row.get("speaker"),
            "metadata": metadata(row.get("metadata")),
        }
    )
