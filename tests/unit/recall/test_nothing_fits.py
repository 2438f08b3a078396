"""The bar over which a question must come, and the set on which it was chosen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from bench.answer import CHOSEN_ON, Seen, choose, load_questions
from kg.recall.everyday_commands import everyday_commands
from kg.recall.nothing_fits import BARS, Bearing
from kg.settings.service import EMBEDDERS

BAR = BARS[EMBEDDERS[0]]
OWN = Bearing(0.5, 0.68, 0.2, 0.5, coverage=0.6, missing=0, mentioned=1, terms=5, memories=2.2)
FOREIGN = Bearing(0.27, 0.59, 0.2, 0.53, coverage=0.4, missing=1, mentioned=0, terms=4, memories=2.2)
COMMAND = Bearing(0.45, 0.66, 0.7, 0.8, coverage=1.0, missing=0, mentioned=0, terms=2, memories=2.2)


def test_a_question_about_what_is_stored_comes_over_the_bar_and_others_do_not() -> None:
    assert BAR.sum_of(OWN) >= BAR.least
    assert BAR.sum_of(FOREIGN) < BAR.least
    assert BAR.sum_of(COMMAND) < BAR.least


def test_words_alone_lift_no_question_over_the_bar() -> None:
    unlike = replace(FOREIGN, text=0.2, sentence=0.55)
    assert BAR.sum_of(replace(unlike, coverage=1.0, missing=0)) < BAR.least


@pytest.mark.parametrize("name", ["text", "sentence"])
def test_more_similarity_never_lowers_a_question(name: str) -> None:
    for bearing in (OWN, FOREIGN, COMMAND):
        assert BAR.sum_of(replace(bearing, **{name: 1.0})) > BAR.sum_of(bearing)


def test_the_shipped_commands_are_those_of_the_half_on_which_the_bar_was_chosen() -> None:
    commands = [q for q in load_questions() if q.kind == "command"]
    assert sorted(everyday_commands()) == sorted(q.question for q in commands if q.half == CHOSEN_ON)
    assert not set(everyday_commands()) & {q.question for q in commands if q.half != CHOSEN_ON}


def test_every_kind_of_question_is_in_both_halves_and_none_is_there_twice() -> None:
    questions = load_questions()
    assert len({q.question for q in questions}) == len(questions)
    counts = Counter((q.kind, q.half) for q in questions)
    assert all(counts[kind, half] >= 20 for kind in ("answerable", "near", "foreign", "command") for half in (0, 1))


def test_a_bar_chosen_on_what_was_seen_parts_it() -> None:
    questions = {q.kind: q for q in load_questions() if q.half == CHOSEN_ON}
    seen = [
        Seen(questions[kind], "notes", False, [], replace(bearing, text=bearing.text + shift))
        for kind, bearing in (("answerable", OWN), ("foreign", FOREIGN), ("command", COMMAND))
        for shift in (-0.02, 0.0, 0.01, 0.02)
    ]
    chosen = choose(seen)
    weights = {name: chosen[name] for name in vars(OWN)}
    sums = {kind: sum(weights[name] * value for name, value in vars(bearing).items())
            for kind, bearing in (("own", OWN), ("foreign", FOREIGN), ("command", COMMAND))}  # fmt: skip
    assert sums["own"] > chosen["least"] > max(sums["foreign"], sums["command"]) - 0.5
