"""``knowthread graph`` and ``knowthread timeline`` on the real service."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Environment, run

FACT = {"subject": "session storage", "predicate": "REJECTED", "object": "Valkey", "because": "one more service"}


@pytest.fixture
def valkey(live_service: Environment) -> Iterator[str]:
    """A memory with a fact, for the time of a test."""
    done = run(live_service, "add", "Valkey was rejected.", "--fact", json.dumps(FACT), "--json")
    uuid = done.json()["results"][0]["id"]
    yield uuid
    run(live_service, "delete", uuid, "--yes")


def test_a_graph_goes_into_a_page_that_only_its_owner_can_read(live_service: Environment, valkey: str, tmp_path: Path):
    file = tmp_path / "around.html"
    done = run(live_service, "graph", "Valkey", "--hops", "1", "--output", str(file))
    assert done.status == 0, done.err
    assert done.out == f"Written to {file} (2 things, 1 fact).\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    page = file.read_text(encoding="utf-8")
    assert "cytoscape" in page and "Valkey was rejected." in page and "<title>knowthread · Valkey</title>" in page


def test_without_a_place_the_page_lies_in_the_data_folder(live_service: Environment, valkey: str):
    done = run(live_service, "graph", "--no-open", "--json")
    answer = done.json()
    assert Path(answer["file"]) == Path(live_service["KNOWTHREAD_DATA_DIR"]) / "pictures" / "graph.html"
    assert answer["format"] == "html" and answer["facts"] >= 1


@pytest.mark.parametrize("form", ["graphml", "json", "dot"])
def test_other_formats_go_by_the_extension_or_to_standard_output(
    live_service: Environment, valkey: str, tmp_path: Path, form: str
):
    file = tmp_path / f"around.{form}"
    assert run(live_service, "graph", "Valkey", "--output", str(file)).status == 0
    shown = run(live_service, "graph", "Valkey", "--format", form)
    assert shown.out == file.read_text(encoding="utf-8")
    assert "Valkey" in shown.out and "REJECTED" in shown.out


def test_a_timeline_is_a_page(live_service: Environment, valkey: str, tmp_path: Path):
    file = tmp_path / "time.html"
    done = run(live_service, "timeline", "session", "storage", "--output", str(file))
    assert done.status == 0, done.err
    assert "session storage through time" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("graph", "--output", "x.pdf"), 2, "add --format, one of html, graphml, json, dot"),
        (("timeline", "Valkey", "--output", "x.dot"), 2, "ends in .html"),
        (("graph", "nobody ever said this"), 1, "no entity"),
        (("graph", "--hops", "9"), 1, "from 1 to 5"),
    ],
)
def test_a_wrong_use_is_answered_in_one_line(
    live_service: Environment, valkey: str, arguments: tuple[str, ...], status: int, words: str
):
    done = run(live_service, *arguments)
    assert done.status == status and words in done.error(), done.err
