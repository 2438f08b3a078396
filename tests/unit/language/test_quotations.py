"""Recalled memories inside a conversation are found and masked; everything else stays as it was."""

from __future__ import annotations

import json

import pytest

from kg.language.quotations import MASK, traces, without_recalled
from kg.language.words import content_hash

STORED = "The deploys go out on Thursdays only"
LONG = "We chose SQLite for the queue.\n\nIt runs on one box, so a server would be a burden."
UUID = "0b6f6f4e-6a2c-4d8e-9d0a-0d9b1a0c2f11"
OTHER = "7c1d2f3a-1b2c-4d5e-8f90-a1b2c3d4e5f6"
NONE: frozenset[str] = frozenset()


def known(*texts: str) -> frozenset[str]:
    return frozenset(content_hash(text) for text in texts)


def masked(text: str, *stored: str, uuids: frozenset[str] = NONE) -> str:
    """What is left of a text; the hashes that are known must also be among its traces."""
    hashes = known(*stored)
    if MASK in (result := without_recalled(text, hashes, uuids)) and stored:
        assert hashes & traces(text).hashes
    return result


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"From memory:\n{STORED}\nSo I wait.", f"From memory:\n{MASK}\nSo I wait."),
        (f"I recall:\n\n- {STORED}\n- use tabs", f"I recall:\n\n- {MASK}\n- use tabs"),
        (f"1. {STORED}\n2. more", f"1. {MASK}\n2. more"),
        (f"- [x] {STORED}\n- [ ] y", f"- [x] {MASK}\n- [ ] y"),
        (f"> {STORED}\n\nRight.", f"> {MASK}\n\nRight."),
        (f'It says:\n"{STORED}"', f'It says:\n"{MASK}"'),
        (f"  {STORED}  \nNext.", f"  {MASK}  \nNext."),
        (f"{STORED}\r\nNext.", f"{MASK}\r\nNext."),
        (f"{STORED}\n\n{STORED}", f"{MASK}\n\n{MASK}"),
    ],
)
def test_a_stored_line_item_or_paragraph_is_masked(text: str, left: str):
    assert masked(text, STORED) == left


def test_a_memory_of_several_paragraphs_is_masked_as_one():
    assert masked(f"Before.\n\n{LONG}\n\nAfter.", LONG) == f"Before.\n\n{MASK}\n\nAfter."


def test_a_memory_of_several_lines_in_a_list_is_masked_with_all_its_lines():
    item = "The importer is slow\n  because it reads every row twice"
    assert masked(f"- one\n- {item}\n- three", item) == f"- one\n- {MASK}\n- three"


def test_the_longer_of_two_stored_stretches_is_masked():
    line = "It runs on one box, so a server would be a burden."
    assert masked(f"Before.\n\n{LONG}\n\nAfter.", LONG, line) == f"Before.\n\n{MASK}\n\nAfter."


def test_other_words_stay():
    text = f"{STORED}, as of May.\nThe deploys go out on Fridays only"
    assert masked(text, STORED) == text


def test_a_short_stretch_is_not_told_by_its_words():
    assert masked("We said:\nuse tabs\nalways", "use tabs") == "We said:\nuse tabs\nalways"


@pytest.mark.parametrize("text", [STORED, f" {STORED}\n", f"- {STORED}", f'"{STORED}"'])
def test_a_text_that_says_it_again_as_a_whole_is_no_quotation(text: str):
    assert masked(text, STORED) == text
    assert not known(STORED) & traces(text).hashes


def answer(uuid: str = UUID) -> dict[str, object]:
    return {"id": uuid, "memory": STORED, "created_at": "2025-01-01T00:00:00Z", "facts": [{"id": OTHER, "fact": "x"}]}


@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_of_our_answers_is_masked_whole(indent: int | None):
    text = "Found: " + json.dumps({"results": [answer(), answer(OTHER.upper())], "hidden": 2}, indent=indent) + " ok?"
    assert traces(text).uuids == {UUID, OTHER}
    left = without_recalled(text, NONE, frozenset((UUID,)))
    assert left.count(MASK) == 1 and UUID not in left and OTHER.upper() in left
    assert left.startswith("Found: ") and left.endswith(" ok?") and '"hidden": 2' in left


def test_a_fact_of_our_answers_is_masked_alone():
    text = json.dumps({"facts": [{"fact": "shop uses {Redis}", "id": UUID}], "note": "we should move"})
    assert without_recalled(text, NONE, frozenset((UUID,))) == f'{{"facts": [{MASK}], "note": "we should move"}}'


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"id": OTHER, "memory": STORED}),
        json.dumps({"id": UUID, "ticket": "open"}),
        f'{{"id": "{UUID}", "memory": "cut off he',
        f'The id is "id": "{UUID}" somewhere',
        '{"a":' * 5000 + f'{{"id": "{UUID}"',
    ],
)
def test_what_is_no_known_memory_of_ours_stays(text: str):
    assert without_recalled(text, NONE, frozenset((UUID,))) == text


def test_an_empty_text_has_no_traces():
    assert traces("") == traces(" \n") and not traces("").hashes
    assert without_recalled("", NONE, NONE) == ""
