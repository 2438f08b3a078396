"""What people see of answers on a terminal."""

from __future__ import annotations

import pytest

from kg.values import JsonObject
from mcp_server.cli.show_memories import render_added, render_entity, render_hits
from mcp_server.cli.terminal_layout import Screen

REJECTED: JsonObject = {"id": "r", "fact": "Redis was rejected", "valid_at": "2026-05-01T00:00:00Z"}
USED: JsonObject = {
    "id": "u", "fact": "sessions use Redis", "valid_at": "2026-05-02T00:00:00Z", "contradicted_by": [REJECTED]
}  # fmt: skip


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_a_fact_says_what_contradicts_it(capsys: pytest.CaptureFixture[str]) -> None:
    hit: JsonObject = {"id": "m", "memory": "A note", "created_at": "2026-05-02T00:00:00Z", "facts": [USED]}
    render_hits(Screen(), {"results": [hit]})
    assert "sessions use Redis (since 2026-05-02; contradicted by: Redis was rejected)" in capsys.readouterr().out
    render_entity(Screen(), {"name": "Redis", "facts": [USED]})
    assert "sessions use Redis (contradicted by: Redis was rejected)" in capsys.readouterr().out


def test_names_that_may_be_one_thing_come_with_the_commands_that_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    other: JsonObject = {"id": "o", "name": "the ORM", "kind": "Tool", "why": "almost the same letters"}
    render_added(Screen(), {"results": [], "maybe_same": [{**other, "new": "an ORM"}]})
    said = capsys.readouterr().out
    assert "? an ORM may be the same as the ORM (almost the same letters). Say which:" in said
    assert "knowthread entities merge 'an ORM' --into 'the ORM'" in said
    render_entity(Screen(), {"name": "ORM2", "facts": [], "maybe_same": [other]})
    assert "knowthread entities apart ORM2 --from 'the ORM'" in capsys.readouterr().out
