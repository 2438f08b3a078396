import random
from datetime import UTC, datetime, timedelta

import pytest

from kg.language.words import stem_terms
from kg.recall.coverage import DocumentFrequencies, Terms
from kg.recall.ranking import (
    FIRST_STAGE,
    LEGS,
    UNREAD_SCRIPT,
    WITH_TOKENS,
    WITH_TOKENS_ONE_MODEL,
    Candidate,
    Ranking,
    Weights,
    rank,
    scale,
    spread,
)

DAY = datetime(2024, 5, 17, tzinfo=UTC)


def candidate(uuid, coverage=0.0, **more):
    return Candidate(uuid=uuid, coverage=coverage, at=more.pop("at", DAY).timestamp(), **more)


def order(ranked):
    return [result.uuid for result in ranked]


def by_uuid(ranked):
    return {result.uuid: result for result in ranked}


def test_a_leg_is_scaled_over_what_it_found():
    assert scale({"a": 0.9, "b": 0.5, "c": 0.1}) == pytest.approx({"a": 1, "b": 0.5, "c": 0})
    assert scale({"a": 0.3, "b": 0.3}) == {"a": 1, "b": 1}
    assert scale({"a": -0.2}) == {"a": 1}
    assert scale({}) == {}


def test_a_leg_that_was_asked_for_more_keeps_its_scale():
    hundred = {f"m{i}": 1 - i / 1000 for i in range(100)}
    more = hundred | {f"x{i}": 0.1 for i in range(50)}
    assert {uuid: scale(more)[uuid] for uuid in hundred} == scale(hundred)
    assert scale(more)["x0"] == 0


def test_late_interaction_is_spread_over_those_compared():
    assert spread({"a": 0.6, "b": 0.5, "c": 0.4}) == pytest.approx({"a": 1, "b": 0.5, "c": 0})
    assert spread({"a": 0.3, "b": 0.3}) == {"a": 1, "b": 1}
    assert spread({}) == {}


def test_the_score_is_the_weighted_sum_of_its_parts():
    candidates = [
        candidate("a", 0.9, facts=["f1", "f2"], by_linked_person=True, same_project=True, date=0.5),
        candidate("b", 0.5, neighbours=["a"]),
        candidate("c"),
    ]
    legs = {
        "text": {"a": 0.8, "b": 0.6, "c": 0.4},
        "sentence": {"a": 0.5, "b": 0.9},
        "fact": {"f1": 0.2, "f2": 0.6, "elsewhere": 1.0},
    }
    results = by_uuid(rank(candidates, legs))
    base = 0.7 * 0.9**4 + 0.3 * 1 + 0.3 * 0 + 0.5 * 0.5
    assert results["a"].score == pytest.approx(base + 0.4 + 0.4 * 0.5 + 0.05)
    assert results["b"].score == pytest.approx(0.7 * 0.5**4 + 0.3 * 0.5 + 0.3 + 0.5 * base)
    assert results["b"].best_neighbour == "a"
    assert results["c"].score == 0
    assert results["a"].ranks == {"lexical": 1, "text": 1, "sentence": 2, "fact": 1}
    assert results["c"].ranks == {"text": 3}
    for result in results.values():
        assert sum(result.shares.values()) == pytest.approx(result.score)
    assert set(results["a"].shares) == {"lexical", "text", "fact", "speaker", "date", "project"}


def test_the_second_stage_adds_late_interaction_to_a_sum_of_the_same_weight():
    candidates = [candidate("a", 0.5), candidate("b", 1.0), candidate("beyond")]
    results = by_uuid(rank(candidates, {}, {"a": 0.7, "b": 0.5}, weights=WITH_TOKENS))
    factor = 1.3 / 1.55
    assert results["a"].shares == pytest.approx({"lexical": 0.35 * factor * 0.5**4, "tokens": 0.6 * factor})
    assert results["b"].shares == pytest.approx({"lexical": 0.35 * factor})
    assert results["b"].ranks == {"lexical": 1, "tokens": 2}
    assert results["beyond"].score == 0
    for weights in (FIRST_STAGE, WITH_TOKENS, WITH_TOKENS_ONE_MODEL):
        assert sum(weights.of(leg) for leg in LEGS if leg != "fact") == pytest.approx(1.3)


def test_newer_ones_are_preferred_only_where_the_question_asks_for_the_present():
    days = [candidate(f"m{day}", at=DAY + timedelta(days=day)) for day in (0, 1, 5)]
    assert [result.shares for result in rank(days, {})] == [{}, {}, {}]
    shares = {result.uuid: result.shares for result in rank(days, {}, asks_for_present=True)}
    assert shares == {"m5": {"newest": pytest.approx(0.3)}, "m1": {"newest": pytest.approx(0.15)}, "m0": {}}


def test_a_neighbours_score_is_passed_on_once():
    candidates = [
        candidate("a", 1.0, neighbours=["b"]),
        candidate("b", neighbours=["a", "c"]),
        candidate("c", neighbours=["b"]),
    ]
    results = by_uuid(rank(candidates, {}))
    assert results["b"].best_neighbour == "a"
    assert results["c"].score == 0
    assert results["a"].best_neighbour is None


def test_neighbours_that_are_no_candidates_add_nothing():
    assert rank([candidate("a", 1.0, neighbours=["gone", "a2"])], {})[0].best_neighbour is None


def test_a_chance_word_does_not_beat_meaning_but_an_identifier_does():
    texts = {
        **{f"n{i}": f"note number {i} about the common build" for i in range(8)},
        "chance": "the build of the cathedral took long",
        "meaning": "flaky suites came from leaking state",
        "exact": "retryWithBackoff hides it",
    }
    near = {"text": {"meaning": 0.6, "chance": 0.2, "exact": 0.25}, "sentence": {"meaning": 0.6, "chance": 0.2}}

    def first(question):
        terms = Terms.of(stem_terms(question), DocumentFrequencies.of(texts.values()))
        return order(rank([candidate(uuid, terms.coverage_of(text)) for uuid, text in texts.items()], near))[0]

    assert first("why do tests of the build fail at random") == "meaning"
    assert first("retryWithBackoff") == "exact"


def test_the_weight_of_a_failed_leg_is_shared_out():
    weights = Weights().without(["text", "sentence", "tokens", "fact"])
    assert weights.lexical == pytest.approx(1.8)
    assert weights.text == weights.sentence == weights.fact == 0
    assert weights.neighbour == Weights().neighbour
    weights = Weights().without(["lexical"])
    assert weights.text == pytest.approx(0.3 * 1.8 / 1.1)
    assert sum(weights.of(leg) for leg in LEGS) == pytest.approx(1.8)
    assert sum(Weights().without(LEGS).of(leg) for leg in LEGS) == 0
    assert Weights().without([]) == Weights()


def test_with_every_dense_leg_failed_words_alone_decide():
    candidates = [candidate("near"), candidate("words", 0.8)]
    ranked = rank(candidates, {"text": {"near": 0.9}}, failed=["text", "sentence", "tokens", "fact"])
    assert order(ranked) == ["words", "near"]
    assert ranked[1].score == 0


def test_in_a_script_that_the_embedder_cannot_read_words_outweigh_meaning():
    candidates = [candidate("near", facts=["f"]), candidate("words", 1.0)]
    legs = {"text": {"near": 0.9, "x": 0.1}, "sentence": {"near": 0.9, "x": 0.1}, "fact": {"f": 0.9, "x": 0.1}}
    assert order(rank(candidates, legs, weights=UNREAD_SCRIPT))[0] == "words"
    assert UNREAD_SCRIPT.lexical > UNREAD_SCRIPT.text + UNREAD_SCRIPT.sentence + UNREAD_SCRIPT.fact


def test_equal_scores_come_newer_first_and_then_by_uuid():
    candidates = [candidate("b"), candidate("c", at=DAY + timedelta(days=1)), candidate("a")]
    assert order(rank(candidates, {})) == ["c", "a", "b"]


def test_the_order_of_candidates_and_hits_changes_nothing():
    choose = random.Random(3)
    candidates = [
        candidate(f"m{i:02}", i % 7 / 7, neighbours=[f"m{(i + 1) % 40:02}", f"m{(i - 1) % 40:02}"]) for i in range(40)
    ]
    legs = {"text": {f"m{i:02}": choose.random() for i in range(40)}}
    expected = rank(candidates, legs)
    for _ in range(5):
        shuffled = choose.sample(candidates, 40)
        hits = {uuid: legs["text"][uuid] for uuid in choose.sample(sorted(legs["text"]), 40)}
        again = rank(shuffled, {"text": hits})
        assert order(again) == order(expected)
        assert [r.best_neighbour for r in again] == [r.best_neighbour for r in expected]


def test_only_the_best_are_described_when_asked():
    candidates = [candidate(f"m{i}", i / 5) for i in range(5)]
    everything = rank(candidates, {})
    assert len(everything) == 5
    assert rank(candidates, {}, top_k=2) == everything[:2]


def test_without_an_explanation_the_order_is_the_same_and_nothing_else_is_told():
    candidates = [
        candidate("a", 0.9, neighbours=["b"]),
        candidate("b"),
        candidate("c", neighbours=["a"]),
        candidate("d"),
    ]
    ranking = Ranking(candidates, {"text": {"a": 0.7, "b": 0.5}})
    explained, plain = ranking.ranked(), ranking.ranked(explained=False)
    assert [(one.uuid, one.score, one.found) for one in plain] == [
        (one.uuid, one.score, one.found) for one in explained
    ]
    assert {one.uuid: one.found for one in plain} == {"a": True, "b": True, "c": False, "d": False}
    assert not any(one.shares or one.ranks or one.best_neighbour for one in plain)
    assert ranking.best(2) == order(plain)[:2]


def test_no_candidates_give_no_answer():
    assert rank([], {"text": {"x": 1.0}}) == []
