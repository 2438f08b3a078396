"""``knowthread report`` on the real service: as a table, as CSV and Markdown, and reports of one's own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from tests.support.commands import Environment, run

FACTS = [
    {"statement": "Valkey was rejected for sessions | carts", "subject": "session storage", "predicate": "REJECTED",
     "object": "Valkey", "because": "one more\nservice"},
    {"statement": "Dana runs the sessions", "subject": "session storage", "predicate": "OWNED_BY", "object": "Dana"},
]  # fmt: skip
OWN = """// Things that somebody owns.
// mode: read
// param: user_id string - whose memories
// param: owner string - who owns them
// returns: thing string - what is owned
// returns: sure boolean - whether somebody said so
MATCH (f:Fact {user_id: $user_id, predicate: 'OWNED_BY'})-[:OBJECT]->(e:Entity) WHERE toLower(e.name) = toLower($owner)
RETURN f.statement AS thing, true AS sure
"""


@pytest.fixture
def told(live_service: Environment) -> Iterator[Environment]:
    """A service that knows a rejection and an owner, for the time of a test."""
    given = [part for fact in FACTS for part in ("--fact", json.dumps(fact))]
    done = run(live_service, "add", "Valkey was rejected.", *given, "--json")
    assert done.status == 0, done.err
    yield live_service
    run(live_service, "delete", done.json()["results"][0]["id"], "--yes")


@pytest.fixture
def owners(told: Environment) -> Iterator[Environment]:
    """A service with a report of the person's own."""
    folder = Path(told["KNOWTHREAD_DATA_DIR"]) / "reports"
    folder.mkdir(exist_ok=True)
    (folder / "owners.cypher").write_text(OWN, encoding="utf-8")
    yield told
    (folder / "owners.cypher").unlink()


def test_without_a_name_the_reports_are_listed_with_their_options(owners: Environment) -> None:
    shown = run(owners, "report").out
    assert "rejected" in shown and "--project" in shown and "owners (own)" in shown and "--owner" in shown
    listed = {one["name"]: one for one in run(owners, "report", "--json").json()["reports"]}
    assert listed["owners"]["own"] and "own" not in listed["rejected"]


def test_a_report_is_a_table_and_leaves_empty_columns_out(told: Environment) -> None:
    done = run(told, "report", "rejected")
    assert done.status == 0, done.err
    words = " ".join(done.out.split())
    assert "rejected" in words and "Valkey" in words and "revisit_when" not in words
    assert max(map(len, done.out.splitlines())) <= 80
    assert "Nothing to report." in run(told, "report", "rejected", "--project", "no-such-project").out


def test_a_report_is_csv_and_markdown_with_every_column(told: Environment) -> None:
    answer = run(told, "report", "rejected", "--json").json()
    (row,) = csv.DictReader(StringIO(run(told, "report", "rejected", "--csv").out))
    assert list(row) == answer["columns"]
    assert row["rejected"] == FACTS[0]["statement"] and row["revisit_when"] == "" and row["due"] == "no"
    head, rule, line = run(told, "report", "rejected", "--markdown").out.splitlines()
    assert head == "| " + " | ".join(answer["columns"]) + " |" and rule == "|" + " --- |" * len(answer["columns"])
    assert "sessions \\| carts" in line and "one more<br>service" in line


def test_a_report_of_ones_own_takes_its_parameters_by_set(owners: Environment) -> None:
    done = run(owners, "report", "owners", "--set", "owner=Dana", "--json")
    assert done.json()["rows"] == [{"thing": "Dana runs the sessions", "sure": True}]
    assert "yes" in run(owners, "report", "owners", "--set", "owner=Dana").out
    missing = run(owners, "report", "owners")
    assert missing.status == 1 and "owner" in missing.error()
    for wrong in ("owner", "=Dana"):
        refused = run(owners, "report", "owners", "--set", wrong)
        assert refused.status == 2 and "NAME=VALUE" in refused.error()
    unknown = run(owners, "report", "no-such")
    assert unknown.status == 1 and "no-such" in unknown.error()
