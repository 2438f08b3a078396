"""What the command line says to people."""

from __future__ import annotations

import pytest

from mcp_server.cli.streams import in_commands


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        (
            "2 that fit less than half as well; weak=true shows them",
            "2 that fit less than half as well; --weak shows them",
        ),
        ("3 more did not fit into max_tokens", "3 more did not fit into --max-tokens"),
        ("no memory x; list yours with get_memories", "no memory x; list yours with knowthread list"),
        ("older facts were left out; raise limit", "older facts were left out; raise --limit"),
        ("a weak wall, as of May", "a weak wall, as of May"),
    ],
)
def test_advice_is_given_in_the_words_of_the_command_line(advice: str, said: str) -> None:
    assert in_commands(advice) == said
