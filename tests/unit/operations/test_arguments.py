"""What counts as a flag, a number or nothing at all among a tool's arguments."""

from __future__ import annotations

import pytest

from kg.errors import InvalidInput
from kg.facts.parse import parse_facts
from kg.operations.arguments import check_flag, check_threshold, is_empty, is_injected, parse_texts
from kg.operations.tool_parameters import JsonType


@pytest.mark.parametrize(("value", "flag"), [
    (True, True), ("true", True), (" True ", True), ("1", True), ("yes", True), (1, True),
    (False, False), ("FALSE", False), ("0", False), ("no", False), ("off", False), (0, False),
])  # fmt: skip
def test_flags_may_be_words(value: object, flag: bool) -> None:
    assert check_flag("wait", value) is flag


@pytest.mark.parametrize("value", ["maybe", "", 2, -1, 1.0, None, [], {}])
def test_other_words_are_no_flags(value: object) -> None:
    with pytest.raises(InvalidInput, match="give true or false"):
        check_flag("wait", value)


@pytest.mark.parametrize(
    ("value", "number"), [("0.1", 0.1), (" 1 ", 1.0), ("-1", -1.0), (".5", 0.5), (0, 0.0), (None, None)]
)
def test_a_threshold_may_be_spelled_as_text(value: object, number: float | None) -> None:
    assert check_threshold(value) == number


@pytest.mark.parametrize("value", ["2", "nan", "inf", "high", "٠", True, 1.5, [], float("nan")])
def test_other_thresholds_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="cosine"):
        check_threshold(value)


@pytest.mark.parametrize(("name", "kind", "value"), [
    ("agent_id", "string", ""), ("project", "string", "  "), ("run_id", "string", "undefined"),
    ("as_of", "string", "null"),
    ("text", "string", " \n"), ("limit", "integer", 0), ("max_tokens", "integer", "0"), ("limit", "integer", "null"),
    ("limit", "integer", 0.0), ("metadata", "object", ""), ("metadata", "object", []), ("facts", "array", ""),
    ("explain", "boolean", ""), ("threshold", "number", "none"), ("cursor", "string", ""), ("uuid", "string", "None"),
])  # fmt: skip
def test_what_says_nothing_counts_as_not_given(name: str, kind: JsonType, value: object) -> None:
    assert is_empty(name, kind, value)


@pytest.mark.parametrize(("name", "kind", "value"), [
    ("facts", "array", []), ("text", "string", "null"), ("name", "string", "None"), ("query", "string", "unknown"),
    ("limit", "integer", 1), ("limit", "integer", False), ("threshold", "number", 0), ("explain", "boolean", False),
    ("metadata", "object", {}), ("project", "string", "nullable"), ("agent_id", "string", 0),
])  # fmt: skip
def test_what_says_something_counts(name: str, kind: JsonType, value: object) -> None:
    assert not is_empty(name, kind, value)


def test_what_clients_add_to_every_call_is_known_by_its_name() -> None:
    assert all(map(is_injected, ("sessionId", "action", "chatInput", "tool", "toolCallId", "_sessionID", "_meta")))
    assert all(map(is_injected, ("session_id", "tool_call_id", "chat_input", "random_string")))
    assert not any(map(is_injected, ("session", "Action", "query", "text_", "bogus")))


@pytest.mark.parametrize("messages", [[], {}])
def test_a_text_with_no_messages_is_a_note(messages: object) -> None:
    warnings: list[str] = []
    (memory,) = parse_texts("CI needs 8 GB.", messages, parse_facts(None), warnings)
    assert (memory.text, memory.role, warnings) == ("CI needs 8 GB.", None, [])
    with pytest.raises(InvalidInput, match="either text or messages"):
        parse_texts(None, messages, parse_facts(None), warnings)
