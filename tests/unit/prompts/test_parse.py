from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from extract.prompts.parse import MAX_CHARS, Complaint, parse_answer
from extract.prompts.schema import schema_of


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int | None


class Note(BaseModel):
    """What a note holds."""

    items: list[Item]
    title: str


GOOD = '{"items": [{"name": "a", "size": 1}], "title": "x {y} ```"}'
ON_THINKING = GOOD.replace('"a"', '"a</think>b"')


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n {ON_THINKING}\n",
        f"```json\n{ON_THINKING}\n```",
        f"```json\n{GOOD}\n```",
        f"Here it is: {GOOD}. Anything else {{perhaps}}?",
        f"<think>Is it {{'items': 1}} or {{\"items\": []}}? No.</think>\n{GOOD}",
        f"<thinking>{'{' * 50}</thinking>```\n{GOOD}\n```",
        f"so far so good</think>{GOOD}",
        f'{{"items": 1}} was wrong: {GOOD}',
    ],
)
def test_the_answer_is_found_in_what_stands_round_it(text):
    answer = parse_answer(text, Note, truncated=False)
    assert isinstance(answer, Note)
    assert answer.items[0].size == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no JSON object"),
        ("I cannot help with that.", "there is no JSON object"),
        ("[1, 2]", "there is no JSON object"),
        ('<think>hm, {"items": [], "title": ""}', "there is no JSON object"),
        (GOOD[:-1], "not finished"),
        (GOOD[:-10], "not finished"),
        ('{"title": "x", "items": [{"name": "a", "size": 1}, {"name": "b", "size": nu', "not finished"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "a number that is too long"),
        ("x" * (MAX_CHARS + 1), "1,000,001 characters long; at most 1,000,000"),
        ('{"title": "x"}', "items: Field required"),
        ('{"items": [{"name": "a", "size": "SECRET"}], "title": 5}', "items.0.size: Input should be a valid integer"),
        (
            '{"items": [{"name": "a", "size": 1, "SECRET": 1}], "title": ""}',
            "items.0: a property that the schema does not",
        ),
        ('{"items": [], "title": "\\ud800"}', "the answer: Invalid JSON"),
    ],
)
def test_an_unusable_answer_is_told_by_place_and_rule_and_never_quoted(text, said):
    answer = parse_answer(text, Note, truncated=False)
    assert isinstance(answer, Complaint)
    assert said in answer.text
    assert "SECRET" not in answer.text


def test_an_unknown_kind_is_not_quoted():
    class A(BaseModel):
        kind: Literal["a"]

    class B(BaseModel):
        kind: Literal["b"]

    class Either(BaseModel):
        it: A | B = Field(discriminator="kind")

    answer = parse_answer('{"it": {"kind": "SECRET"}}', Either, truncated=False)
    assert answer == Complaint("it: none of the kinds that the schema has")


def test_many_faults_are_told_in_short():
    items = [{"size": 1}] * 50
    answer = parse_answer(f'{{"title": "", "items": {items}}}'.replace("'", '"'), Note, truncated=False)
    assert isinstance(answer, Complaint)
    assert answer.text.endswith("items.7.name: Field required; and 42 more")


def test_a_cut_answer_is_asked_to_be_shorter_unless_it_is_whole():
    cut = parse_answer(GOOD[:-1], Note, truncated=True)
    assert isinstance(cut, Complaint)
    assert "cut off" in cut.text
    assert isinstance(parse_answer(f"{GOOD}\n\n\n", Note, truncated=True), Note)


def test_braces_without_end_are_given_up_soon():
    assert isinstance(parse_answer("{x " * 100_000, Note, truncated=False), Complaint)


def test_the_schema_has_no_references_and_requires_every_property():
    assert schema_of(Note) == {
        "type": "object",
        "description": "What a note holds.",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    },
                    "required": ["name", "size"],
                    "additionalProperties": False,
                },
            },
            "title": {"type": "string"},
        },
        "required": ["items", "title"],
        "additionalProperties": False,
    }


def test_a_schema_that_contains_itself_is_refused():
    class Tree(BaseModel):
        children: list["Tree"]

    with pytest.raises(TypeError, match="Tree contains itself"):
        schema_of(Tree)
