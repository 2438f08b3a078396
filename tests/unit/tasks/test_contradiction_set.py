"""The set of contradictions: it is well-formed, fits the prompt, and a scripted answer comes back as its rulings.

What a real model makes of it is measured by ``bench/judgement.py`` and asserted nowhere.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from extract.tasks.contradict import ModelJudge
from kg.facts.claims import claim_scope
from kg.facts.parse import parse_facts
from kg.facts.predicates import PREDICATES, SINGLE_VALUED, lookup
from kg.model_values import Contention, DatedStatement
from kg.values import Scope
from tests.support.scripted_answers import ScriptedAnswers

CASES: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parents[2] / "data/contradictions.toml").read_text("utf-8")
)["case"]
KINDS = (
    "contradiction", "refinement", "coexisting", "temporal", "correction", "late_arrival", "negation", "project",
)  # fmt: skip
BATCH = 16
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _dated(side: dict[str, Any]) -> DatedStatement:
    stated = side.get("stated_at", side["valid_at"])
    return DatedStatement(side["statement"], _instant(side["valid_at"]), _instant(stated), side.get("project"))


def _contention(case: dict[str, Any]) -> Contention:
    return Contention(_dated(case["earlier"]), _dated(case["later"]))


def _opposite(left: str, right: str) -> bool:
    return right in lookup(left).opposites or left in lookup(right).opposites


def _is_candidate(case: dict[str, Any]) -> bool:
    """Whether the pair meets the structural rule: one scope, one subject, one predicate or opposites on one object."""
    old, new = case["earlier"], case["later"]
    scopes = {claim_scope(side["predicate"], Scope("ada", project=side.get("project"))) for side in (old, new)}
    if len(scopes) > 1 or old["subject"] != new["subject"]:
        return False
    same = old["predicate"] == new["predicate"] and old["object"] != new["object"]
    return same or (_opposite(old["predicate"], new["predicate"]) and old["object"] == new["object"])


def test_there_are_at_least_twelve_cases_of_each_kind_and_120_in_all():
    counts = Counter(case["kind"] for case in CASES)
    assert set(counts) == set(KINDS) and min(counts.values()) >= 12 and len(CASES) >= 120
    assert {case["area"] for case in CASES} == {"technical", "personal"}
    assert len({case["id"] for case in CASES}) == len(CASES)
    assert len({(case["earlier"]["statement"], case["later"]["statement"]) for case in CASES}) == len(CASES)


def test_every_kind_that_could_go_either_way_has_both_outcomes():
    expected = {kind: {case["expected"] for case in CASES if case["kind"] == kind} for kind in KINDS}
    assert expected["refinement"] == expected["coexisting"] == expected["project"] == {"none"}
    assert "none" not in expected["contradiction"]
    for kind in ("temporal", "correction", "late_arrival", "negation"):
        assert {"none", "superseded"} <= expected[kind]
    assert "corrected" in expected["correction"]


@each_case
def test_both_statements_are_facts_that_can_be_stored(case: dict[str, Any]):
    for side in (case["earlier"], case["later"]):
        taken = {key: side[key] for key in ("statement", "subject", "predicate", "object", "valid_at")}
        parsed = parse_facts([{**taken, "valid_at": str(side["valid_at"])}])
        assert len(parsed.facts) == 1 and not parsed.warnings
        assert parsed.facts[0].predicate == side["predicate"] in PREDICATES


@each_case
def test_the_earlier_statement_holds_first(case: dict[str, Any]):
    contention = _contention(case)
    assert contention.earlier.valid_at < contention.later.valid_at
    late = contention.earlier.stated_at > contention.later.stated_at
    assert late == (case["kind"] == "late_arrival")


@each_case
def test_a_case_goes_to_the_judge_unless_its_projects_differ(case: dict[str, Any]):
    assert not {case["earlier"]["predicate"], case["later"]["predicate"]} & SINGLE_VALUED
    differ = case["earlier"].get("project") != case["later"].get("project")
    assert differ == (case["kind"] == "project")
    assert differ or _is_candidate(case)


async def test_every_case_is_shown_inside_its_tags_and_ruled_upon_as_scripted():
    for first in range(0, len(CASES), BATCH):
        cases = CASES[first : first + BATCH]
        answer = [
            {"item": item, "reasoning": "Compared.", "relation": case["expected"], "reason": case["id"]}
            for item, case in enumerate(cases, start=1)
        ]
        router = ScriptedAnswers({"rulings": answer[::-1]})
        rulings = (await ModelJudge(router).judge([_contention(case) for case in cases])).rulings
        assert [(ruling.relation, ruling.reason) for ruling in rulings] == [
            (case["expected"], case["id"]) for case in cases
        ]
        shown = re.findall(r"<(?:earlier|later) [^>]*>(.*?)</(?:earlier|later)>", router.prompts[0].user)
        sides = chain.from_iterable((case["earlier"], case["later"]) for case in cases)
        assert shown == [side["statement"] for side in sides]
