"""Conversations as the messages of other clients; each becomes texts with a role and maybe a speaker."""

from __future__ import annotations

import json

import pytest

from kg.errors import InvalidInput
from kg.operations.messages import parse_messages
from kg.values import MemoryInput


def parsed(*messages: object) -> tuple[list[MemoryInput], list[str]]:
    warnings: list[str] = []
    return parse_messages(list(messages), warnings), warnings


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("user", "user"), ("User", "user"), ("HUMAN", "user"), (" human ", "user"), (None, "user"), ("", "user"),
        ("assistant", "assistant"), ("model", "assistant"), ("AI", "assistant"),
        ("system", "system"), ("developer", "system"),
        ("HumanMessage", "user"), ("AIMessageChunk", "assistant"), ("ROLE_USER", "user"), ("SystemMessage", "system"),
        ("bot", "assistant"), ("agent", "assistant"), ("customer", "user"), ("assistant_message", "assistant"),
    ],
)  # fmt: skip
def test_each_client_s_roles_are_understood(written: str | None, role: str) -> None:
    ((message,), warnings) = parsed({"role": written, "content": "Pin pnpm 9."})
    assert (message.text, message.role, warnings) == ("Pin pnpm 9.", role, [])


def test_a_message_without_role_has_the_role_of_its_type_or_is_the_user_s() -> None:
    messages, warnings = parsed(
        {"content": "a"}, {"type": "ai", "content": "b"}, {"type": "message", "content": "c"}, "d"
    )
    assert [(message.role, message.text) for message in messages] == [
        ("user", "a"), ("assistant", "b"), ("user", "c"), ("user", "d"),
    ]  # fmt: skip
    assert warnings == []


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "ai", "data": {"content": "x"}}, "assistant"),
        ({"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"], "kwargs": {"content": "x"}}, "user"),
        ({"type": "assistant", "message": {"role": "assistant", "content": [{"text": "x"}]}}, "assistant"),
        ({"from": "gpt", "value": "x"}, "assistant"), ({"sender": "Bot", "text": "x"}, "assistant"),
        ({"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["x"]}}, "assistant"),
        ({"assistant": "x"}, "assistant"), ({"role": "assistant", "content": "", "refusal": "x"}, "assistant"),
        ({"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "x"}}]}, "user"),
        ({"role": "user", "content": [{"toolResult": {"content": [{"text": "x"}]}}]}, "user"),
    ],
)  # fmt: skip
def test_a_message_is_found_within_what_a_client_keeps_round_it(item: object, role: str) -> None:
    ((message,), warnings) = parsed(item)
    assert (message.text, message.role, warnings) == ("x", role, [])


def test_a_sender_who_has_no_role_is_the_speaker() -> None:
    ((message,), warnings) = parsed({"sender": "Dana", "text": "Pin pnpm 9.", "timestamp": "2024-05-01T10:00:00Z"})
    assert (message.role, message.speaker, warnings) == ("user", "Dana", [])
    assert message.occurred_at is not None and message.occurred_at.isoformat() == "2024-05-01T10:00:00+00:00"


@pytest.mark.parametrize("role", ["tool", "Function", "tool_result", "ToolMessage"])
def test_what_a_tool_says_is_left_out_and_the_rest_is_stored(role: str) -> None:
    messages, warnings = parsed(
        {"role": "user", "content": "Why is 8123 busy?"},
        {"role": "assistant", "tool_calls": [{"id": "t1", "type": "function"}]},
        {"role": role, "tool_call_id": "t1", "content": "EADDRINUSE"},
        {"role": "assistant", "content": "A zombie watcher holds it."},
    )
    assert [message.text for message in messages] == ["Why is 8123 busy?", "A zombie watcher holds it."]
    assert ["messages[1]" in warnings[0], "messages[2]" in warnings[1], len(warnings)] == [True, True, 2]


@pytest.mark.parametrize("role", ["robot", 5, ["user"], [], {}])
def test_an_unknown_role_is_refused_with_the_known_ones(role: object) -> None:
    with pytest.raises(InvalidInput, match="developer") as caught:
        parsed({"role": role, "content": "x"})
    assert caught.value.field == "messages[0].role"


@pytest.mark.parametrize(
    "content",
    [
        "Raise ulimit.",
        [{"type": "text", "text": "Raise ulimit."}],
        [{"type": "text", "text": ""}, None, {"type": "text", "text": None}, {"type": "text", "text": "Raise ulimit."}],
        [{"type": "output_text", "text": "Raise ulimit."}],
        [{"type": "input_text", "text": "Raise ulimit."}],
        [{"type": "text", "text": {"value": "Raise ulimit.", "annotations": []}}],
        [{"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "Raise ulimit."}]}],
        [{"type": "tool_result", "tool_use_id": "x", "content": "Raise ulimit."}],
        {"type": "text", "text": "Raise ulimit."},
        {"parts": [{"text": "Raise ulimit."}]},
        ["Raise ulimit."],
    ],
)
def test_the_text_is_found_in_every_form_of_content(content: object) -> None:
    for message in ({"role": "user", "content": content}, {"role": "user", "parts": content}):
        ((stored,), warnings) = parsed(message)
        assert (stored.text, warnings) == ("Raise ulimit.", [])


def test_several_blocks_are_lines_and_one_without_text_is_named() -> None:
    blocks: list[object] = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}, {"text": "b"},
              {"text": "hm", "thought": True}]  # fmt: skip
    ((message,), warnings) = parsed({"role": "user", "content": blocks})
    assert message.text == "a\nb"
    assert [warning.partition(":")[0] for warning in warnings] == ["messages[0].content[1]", "messages[0].content[3]"]


@pytest.mark.parametrize("content", [5, True, [5], [{"type": "text", "text": 5}], [[[[[[[["deep"]]]]]]]]])
def test_content_that_is_no_text_is_refused_by_its_place(content: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parsed({"role": "user", "content": content})
    assert caught.value.field.startswith("messages[0].content")


@pytest.mark.parametrize(
    ("name", "told"), [("", False), (" ", False), ("...", True), ("x" * 257, True), (5, True), ("a\nb", True)]
)
def test_an_unusable_speaker_is_left_out_and_the_message_is_stored(name: object, told: bool) -> None:
    ((message,), warnings) = parsed({"role": "user", "name": name, "content": "Pin pnpm 9."})
    assert (message.text, message.speaker) == ("Pin pnpm 9.", None)
    assert [warning.partition(":")[0] for warning in warnings] == ["messages[0].name"] * told


def test_one_message_counts_as_a_list_of_one() -> None:
    warnings: list[str] = []
    one = {"role": "user", "content": "Pin pnpm 9."}
    assert (
        parse_messages(one, warnings) == parse_messages([one], warnings) == parse_messages([json.dumps(one)], warnings)
    )
    assert warnings == []


@pytest.mark.parametrize("key", ["timestamp", "created_at", "createdAt", "sent_at", "date", "ts"])
def test_a_message_s_own_time_is_found_under_any_usual_key(key: str) -> None:
    for said in ("2024-05-01T10:00:00Z", 1714557600, 1714557600000, "1714557600.000200"):
        ((message,), warnings) = parsed({"role": "user", "content": "x", key: said})
        assert message.occurred_at is not None and warnings == []
        assert message.occurred_at.strftime("%Y-%m-%dT%H:%M") == "2024-05-01T10:00"
