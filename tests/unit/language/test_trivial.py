"""Which messages the plain rule hides: every trivial line of the set, and none of the useful ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from kg.language.trivial import EMPTY_OUTPUT, MAX_CHARS, NO_WORDS, PROGRESS, STOCK_PHRASE, trivial

SET: dict[str, list[str]] = tomllib.loads((Path(__file__).parents[2] / "data/noise.toml").read_text("utf-8"))


def test_thirty_of_thirty_trivial_lines_are_hidden():
    assert len(SET["trivial"]) == 30
    assert [line for line in SET["trivial"] if trivial(line) is None] == []


def test_none_of_a_hundred_useful_lines_is_hidden():
    assert len(set(SET["useful"])) == 100
    assert [line for line in SET["useful"] if trivial(line) is not None] == []


def test_a_standing_rule_that_is_worded_like_an_announcement_stays():
    assert [line for line in SET["standing"] if trivial(line) is not None] == []
    for line in (
        "I'll run the tests now",
        "Let me check the logs first",
        "I'll take a look at the code first",
        "I'll fix it",
    ):
        assert trivial(line) == PROGRESS, line


def test_the_rule_holds_on_lines_that_it_was_not_written_for():
    assert len(SET["held_out_trivial"]) == len(SET["held_out_useful"]) == 30
    assert [line for line in SET["held_out_trivial"] if trivial(line) is None] == []
    assert [line for line in SET["held_out_useful"] if trivial(line) is not None] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("?!", NO_WORDS),
        (" \n", NO_WORDS),
        ("🎉", NO_WORDS),
        ("```python\n\n```", EMPTY_OUTPUT),
        ("[Request interrupted by user for tool use]", EMPTY_OUTPUT),
        ("exit code 0", EMPTY_OUTPUT),
        ("Thanks, that’s perfect!", STOCK_PHRASE),
        ("YESSS thaaaanks", STOCK_PHRASE),
        ("ＯＫ", STOCK_PHRASE),
        ("ok, let me run the tests again", PROGRESS),
    ],
)
def test_the_reason_says_what_kind_of_noise_it_is(line: str, why: str):
    assert trivial(line) == why


@pytest.mark.parametrize("line", ["ok 1.2", "thanks_ok.py", "ok/thanks.md is stale", "running the tests twice"])
def test_one_word_of_content_keeps_a_message(line: str):
    assert trivial(line) is None


def test_a_long_message_is_never_trivial():
    assert trivial("ok " * (MAX_CHARS // 3)) == STOCK_PHRASE
    assert trivial("ok " * MAX_CHARS) is None
