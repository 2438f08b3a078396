"""Names and technical words of a question."""

from __future__ import annotations

import pytest

from kg.language.technical import rare_words, technical_words


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("which GraphQL server do we run?", ["GraphQL"]),
        ("why does the gateway of Ana drop v2 calls in March?", ["Ana", "v2"]),
        ("Which cache? Redis or Valkey", ["Valkey"]),  # Redis begins a sentence there
        ("what did Priya say on Monday, 17 May at 3pm", ["Priya"]),
        ("ERR_7731 and getUserById in src/auth/store.py", ["ERR_7731", "getUserById", "src/auth/store.py"]),
        ("how long is the API token valid, 30 s or 2h?", ["API"]),
        ("is Node 22.11 fine? does node like it", ["Node"]),
        ("what do I prefer", []),
        ("run the tests", []),
        ("", []),
    ],
)
def test_names_identifiers_and_abbreviations_are_found_and_plain_words_are_not(question: str, found: list[str]) -> None:
    assert technical_words(question) == found


def test_each_word_is_found_once_and_an_endless_one_not_at_all() -> None:
    assert technical_words("the API of the Api, api/v1 and " + "X9" * 100) == ["API", "api/v1"]


def test_a_word_that_a_tokenizer_cuts_to_pieces_is_rare_unless_it_is_an_inflected_word() -> None:
    pieces = ["kubernetes"] * 4 + ["graphql"] * 3 + ["misconfigured"] * 3 + ["throttling"] * 3 + ["cache"] + ["zsh"] * 3
    assert rare_words(pieces) == ["kubernetes", "graphql"]
