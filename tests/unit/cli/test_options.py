"""A command's options, made from the signature of the operation that it calls."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import pytest

from kg.operations.administration import Administration
from kg.operations.memory import MemoryService
from mcp_server.cli.options import Options, given
from tests.support.commands import run

SEARCH = MemoryService.search_memories


@pytest.fixture
def command() -> ArgumentParser:
    parser = ArgumentParser("search", exit_on_error=False)
    options = Options(parser, SEARCH)
    options.add("limit")
    options.add("threshold")
    options.add("enable_graph", "--relations")
    options.add("as_of", metavar="DATE")
    return parser


def test_what_is_typed_has_the_parameter_s_type_and_the_rest_is_left_to_the_service(command: ArgumentParser) -> None:
    typed = command.parse_args(["--limit", "3", "--threshold", "0.5", "--relations", "--as-of", "2024"])
    assert given(typed, SEARCH) == {"limit": 3, "threshold": 0.5, "enable_graph": True, "as_of": "2024"}
    assert given(command.parse_args([]), SEARCH) == {}


def test_the_help_has_the_signature_s_words_and_default(command: ArgumentParser) -> None:
    shown = " ".join(command.format_help().split())
    assert "--limit N show at most this many (default: 10)" in shown
    assert "--as-of DATE show what was true at the end of that day" in shown


def test_a_command_may_have_a_default_of_its_own() -> None:
    parser = ArgumentParser()
    Options(parser, SEARCH).add("limit", default=5)
    assert given(parser.parse_args([]), SEARCH) == {"limit": 5}
    assert "(default: 5)" in parser.format_help()


def test_an_option_of_the_command_above_holds_unless_it_is_given_again() -> None:
    parser = ArgumentParser()
    Options(parser, Administration.list_jobs, inherited=True).add("limit", default=20)
    above = Namespace(limit=3)
    assert parser.parse_args([], above).limit == 3
    assert parser.parse_args(["--limit", "4"], above).limit == 4


def test_an_option_that_the_operation_does_not_have_is_a_defect() -> None:
    with pytest.raises(KeyError, match="colour"):
        Options(ArgumentParser(), SEARCH).add("colour")


@pytest.mark.parametrize(
    "words", ["jobs list", "entities merge", "reindex", "add", "search", "entity", "delete", "setup"]
)
def test_every_line_of_help_says_something(words: str) -> None:
    lines = [line for line in run({}, *words.split(), "--help").out.splitlines() if line.strip()]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("  -"):
            assert "  " in line.strip() or after.startswith(" " * 20), line
