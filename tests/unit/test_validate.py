import json

import pytest

from kg.errors import InvalidInput
from kg.validate import check_id, check_limit, check_metadata, check_text, check_uuid, says_nothing


def refusal(check, *args):
    with pytest.raises(InvalidInput) as caught:
        check("scope.field", *args)
    assert caught.value.field.startswith("scope.field")
    assert caught.value.accepted
    str(caught.value).encode()
    return caught.value


@pytest.mark.parametrize("value", ["a", "x" * 256, "Ünïcode 名前 🚀", "a'b\"c`{}()", "\u200fשלום"])
def test_ids_may_hold_any_printable_text(value):
    assert check_id("user_id", value) == value


@pytest.mark.parametrize("value", ["", "  ", "x" * 257, "a\0b", "a\nb", "\x7f", "\ud800", None, 3, True, ["a"], b"a"])
def test_unusable_ids_are_refused_by_field(value):
    refusal(check_id, value)


def test_a_text_is_kept_as_it_is():
    text = "  Zeile eins\n\tזה 🚀\r\n"
    assert check_text("text", text) == text
    assert check_text("text", "x" * 65_536)


@pytest.mark.parametrize("value", ["", " \n", "a\0", "\udfff", None, 1, {"a": 1}])
def test_unusable_texts_are_refused_by_field(value):
    refusal(check_text, value)


def test_a_long_text_is_refused_with_the_advice_to_split_and_without_its_content():
    error = refusal(check_text, "secret" + "é" * 32_768)
    assert "split" in error.accepted
    assert "65542 bytes" in str(error)
    assert "secret" not in str(error)


def test_a_text_may_have_its_own_bound():
    assert check_text("because", "abc", 3) == "abc"
    refusal(check_text, "abcd", 3)


def test_uuids_are_made_canonical():
    assert check_uuid("id", "9F0C2B1E4D5A4C3B8F1E2A3B4C5D6E7F") == "9f0c2b1e-4d5a-4c3b-8f1e-2a3b4c5d6e7f"
    for value in ("", "x", "9f0c2b1e", None, 7, "9f0c2b1e-4d5a-4c3b-8f1e-2a3b4c5d6e7g", "१" * 32):
        refusal(check_uuid, value)


@pytest.mark.parametrize("spelled", ["3", " 3 ", "3.0", "+3", "03", 3.0])
def test_a_number_may_be_spelled_as_text(spelled):
    assert check_limit("limit", spelled, 10) == 3


@pytest.mark.parametrize(
    "value", [None, "", " \n", "null", "None", "NULL", "n/a", "N/A.", "<none>", "unknown", "undefined"]
)
def test_words_for_nothing_say_nothing(value):
    assert says_nothing(value)


@pytest.mark.parametrize("value", ["none of them", "null pointer", "nullable", "unknown host", 0, False, [], "n"])
def test_words_that_only_begin_so_say_something(value):
    assert not says_nothing(value)


def test_limits_are_whole_numbers_within_bounds():
    assert check_limit("limit", 1, 100) == 1
    assert check_limit("limit", 100.0, 100) == 100
    for value in (0, 101, -1, True, False, "five", "101", "1.5", "٣", "", 1.5, None, float("nan"), float("inf")):
        refusal(check_limit, value, 100)
    assert check_limit("offset", 0, 5, lower=0) == 0


def test_metadata_becomes_canonical_json():
    assert check_metadata("metadata", {"b": [1, {"é": None}], "a": True}) == '{"a":true,"b":[1,{"é":null}]}'
    assert check_metadata("metadata", {}) == "{}"


NESTED: dict[str, object] = {"leaf": 1}
for _ in range(8):
    NESTED = {"k": NESTED}


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (None, "scope.field"),
        ([1], "scope.field"),
        ("{}", "scope.field"),
        ({1: "a"}, "scope.field"),
        ({"": "a"}, "scope.field"),
        ({"k" * 257: 1}, "scope.field"),
        ({"a": float("nan")}, "scope.field.a"),
        ({"a": {"b": [0, float("inf")]}}, "scope.field.a.b[1]"),
        ({"a": 2**70}, "scope.field.a"),
        ({"a": "\ud800"}, "scope.field.a"),
        ({"\ud800": 1}, "scope.field key"),
        ({"a": "x\0"}, "scope.field.a"),
        ({"a": {1, 2}}, "scope.field.a"),
        ({"a": "x" * 16_384}, "scope.field"),
        (NESTED, "scope.field" + ".k" * 8),
    ],
)
def test_unusable_metadata_is_refused_with_the_path(value, where):
    assert refusal(check_metadata, value).field == where


def test_metadata_of_the_greatest_depth_and_size_passes():
    assert json.loads(check_metadata("metadata", NESTED["k"])) == NESTED["k"]
    value = {"a": "x" * (16_384 - len('{"a":""}'))}
    assert len(check_metadata("metadata", value)) == 16_384
