import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from kg.language.words import stem_terms
from kg.recall.ranking import LEGS, UNREAD_SCRIPT, Candidate, DocumentFrequencies, Weights, coverage, rank, scale

DAY = datetime(2024, 5, 17, tzinfo=UTC)
NONE = DocumentFrequencies()


def candidate(uuid, text="", **more):
    return Candidate(uuid=uuid, terms=stem_terms(text), at=more.pop("at", DAY).timestamp(), **more)


def order(ranked):
    return [result.uuid for result in ranked]


def test_idf_is_that_of_the_formula_and_highest_for_an_unknown_term():
    frequencies = DocumentFrequencies.of([["redis", "redis", "cache"], ["cache"], ["cache", "lock"]])
    assert frequencies.average_terms == 2
    idf = frequencies.idf(["redis", "cache", "unknown"])
    assert idf == pytest.approx([math.log(1 + 2.5 / 1.5), math.log(1 + 0.5 / 3.5), math.log(1 + 3.5 / 0.5)])


def test_a_text_of_average_length_with_every_term_once_covers_the_whole_question():
    texts = [["redis", "lock"], ["redis", "cache"], ["other", "words"]]
    covered = coverage(["redis", "lock"], texts, DocumentFrequencies.of(texts))
    assert covered[0] == pytest.approx(1)
    assert 0 < covered[1] < 0.5
    assert covered[2] == 0


def test_coverage_is_that_of_the_formula():
    frequencies = DocumentFrequencies(documents=10, counts={"redis": 2, "lock": 5}, average_terms=4)
    text = ["redis", "redis", "x", "x", "x", "x", "x", "x"]
    redis, lock = math.log(1 + 8.5 / 2.5), math.log(1 + 5.5 / 5.5)
    expected = 2.2 * redis * 2 / (2 + 1.2 * (0.6 + 0.4 * 8 / 4)) / (redis + lock)
    assert coverage(["redis", "lock", "redis"], [text], frequencies)[0] == pytest.approx(expected)


def test_a_term_that_no_text_has_lowers_the_coverage():
    texts = [["redis"], ["cache"]]
    frequencies = DocumentFrequencies.of(texts)
    assert coverage(["redis", "zebra"], texts, frequencies)[0] < coverage(["redis"], texts, frequencies)[0]


def test_coverage_stays_within_its_range_without_any_statistics():
    covered = coverage(["a"], [["a"] * 50, ["b"], []], NONE)
    assert covered.tolist() == [1.0, 0.0, 0.0]
    assert coverage([], [["a"]], NONE).tolist() == [0.0]
    assert coverage(["a"], [], NONE).tolist() == []
    assert coverage(["a"], [[], []], NONE).tolist() == [0.0, 0.0]


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


def test_the_score_is_the_weighted_sum_of_its_parts():
    candidates = [
        candidate("a", "redis lock", facts=["f1", "f2"], by_linked_person=True, same_project=True),
        candidate("b", "redis cache", neighbours=["a"]),
        candidate("c", "nothing here"),
    ]
    legs = {
        "text": {"a": 0.8, "b": 0.6, "c": 0.4},
        "sentence": {"a": 0.5, "b": 0.9},
        "fact": {"f1": 0.2, "f2": 0.6, "elsewhere": 1.0},
    }
    terms = [c.terms for c in candidates]
    question = stem_terms("redis lock")
    covered = coverage(question, terms, DocumentFrequencies.of(terms))
    results = {r.uuid: r for r in rank(question, candidates, legs, DocumentFrequencies.of(terms))}
    base = 0.7 * covered[0] ** 2 + 0.3 * 1 + 0.3 * 0 + 0.5 * 0.5
    assert results["a"].score == pytest.approx(base + 0.2 + 0.05)
    assert results["b"].score == pytest.approx(0.7 * covered[1] ** 2 + 0.3 * 0.5 + 0.3 + 0.5 * base)
    assert results["b"].best_neighbour == "a"
    assert results["c"].score == 0
    assert results["a"].ranks == {"lexical": 1, "text": 1, "sentence": 2, "fact": 1}
    assert results["c"].ranks == {"text": 3}
    for result in results.values():
        assert sum(result.shares.values()) == pytest.approx(result.score)
    assert set(results["a"].shares) == {"lexical", "text", "fact", "speaker", "project"}


def test_a_neighbours_score_is_passed_on_once():
    candidates = [
        candidate("a", "redis", neighbours=["b"]),
        candidate("b", "other", neighbours=["a", "c"]),
        candidate("c", "words", neighbours=["b"]),
    ]
    results = {r.uuid: r for r in rank(["redi"], candidates, {}, NONE)}
    assert results["b"].best_neighbour == "a"
    assert results["c"].score == 0
    assert results["a"].best_neighbour is None


def test_neighbours_that_are_no_candidates_add_nothing():
    assert rank(["redi"], [candidate("a", "redis", neighbours=["gone", "a2"])], {}, NONE)[0].best_neighbour is None


def test_a_chance_word_does_not_beat_meaning_but_an_identifier_does():
    notes = [candidate(f"n{i}", f"note number {i} about the common build") for i in range(8)]
    chance = candidate("chance", "the build of the cathedral took long")
    meaning = candidate("meaning", "flaky suites came from leaking state")
    exact = candidate("exact", "retryWithBackoff hides it")
    candidates = [*notes, chance, meaning, exact]
    frequencies = DocumentFrequencies.of([c.terms for c in candidates])
    near = {"text": {"meaning": 0.6, "chance": 0.2, "exact": 0.25}, "sentence": {"meaning": 0.6, "chance": 0.2}}
    question = stem_terms("why do tests of the build fail at random")
    assert order(rank(question, candidates, near, frequencies))[0] == "meaning"
    assert order(rank(stem_terms("retryWithBackoff"), candidates, near, frequencies))[0] == "exact"


def test_the_weight_of_a_failed_leg_is_shared_out():
    weights = Weights().without(["text", "sentence", "fact"])
    assert weights.lexical == pytest.approx(1.8)
    assert weights.text == weights.sentence == weights.fact == 0
    assert weights.neighbour == Weights().neighbour
    weights = Weights().without(["lexical"])
    assert weights.text == pytest.approx(0.3 * 1.8 / 1.1)
    assert sum(weights.of(leg) for leg in LEGS) == pytest.approx(1.8)
    assert sum(Weights().without(LEGS).of(leg) for leg in LEGS) == 0
    assert Weights().without([]) == Weights()


def test_with_every_dense_leg_failed_words_alone_decide():
    candidates = [candidate("near", "something else"), candidate("words", "redis lock")]
    legs = {"text": {"near": 0.9}}
    ranked = rank(["redi"], candidates, legs, NONE, failed=["text", "sentence", "fact"])
    assert order(ranked) == ["words", "near"]
    assert ranked[1].score == 0


def test_in_a_script_that_the_embedder_cannot_read_words_outweigh_meaning():
    question = stem_terms("测试缓存")
    candidates = [candidate("near", "别的东西", facts=["f"]), candidate("words", "测试缓存")]
    legs = {"text": {"near": 0.9, "x": 0.1}, "sentence": {"near": 0.9, "x": 0.1}, "fact": {"f": 0.9, "x": 0.1}}
    assert order(rank(question, candidates, legs, NONE, weights=UNREAD_SCRIPT))[0] == "words"
    assert UNREAD_SCRIPT.lexical > UNREAD_SCRIPT.text + UNREAD_SCRIPT.sentence + UNREAD_SCRIPT.fact


def test_equal_scores_come_newer_first_and_then_by_uuid():
    candidates = [
        candidate("b"),
        candidate("c", at=DAY + timedelta(days=1)),
        candidate("a"),
    ]
    assert order(rank([], candidates, {}, NONE)) == ["c", "a", "b"]


def test_the_order_of_candidates_and_hits_changes_nothing():
    choose = random.Random(3)
    candidates = [
        candidate(f"m{i:02}", f"word{i % 7} word{i % 5}", neighbours=[f"m{(i + 1) % 40:02}", f"m{(i - 1) % 40:02}"])
        for i in range(40)
    ]
    legs = {"text": {f"m{i:02}": choose.random() for i in range(40)}}
    expected = rank(["word3", "word4"], candidates, legs, NONE)
    for _ in range(5):
        shuffled = choose.sample(candidates, 40)
        hits = {uuid: legs["text"][uuid] for uuid in choose.sample(sorted(legs["text"]), 40)}
        again = rank(["word3", "word4"], shuffled, {"text": hits}, NONE)
        assert order(again) == order(expected)
        assert [r.best_neighbour for r in again] == [r.best_neighbour for r in expected]


def test_only_the_best_are_described_when_asked():
    candidates = [candidate(f"m{i}", "redis " * (i + 1)) for i in range(5)]
    everything = rank(["redi"], candidates, {}, NONE)
    assert len(everything) == 5
    assert rank(["redi"], candidates, {}, NONE, top_k=2) == everything[:2]


def test_no_candidates_give_no_answer():
    assert rank(["redi"], [], {"text": {"x": 1.0}}, NONE) == []
