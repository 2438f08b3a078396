import math

import pytest

from kg.language.bm25 import USUAL_TERMS, length_factor, term_id, term_weights
from kg.language.words import plain_words
from kg.recall.coverage import DocumentFrequencies, Terms

EQUALLY_RARE = DocumentFrequencies(documents=100, counts=dict.fromkeys("abcd", 3), average_terms=USUAL_TERMS)


def text_of(*terms, length=USUAL_TERMS):
    return term_weights([*terms, *(f"filler{i}" for i in range(length - len(terms)))])


def covered(terms, weights):
    return terms.coverage(sum(idf * weights.get(place, 0.0) for place, idf in terms.weights.items()))


def test_two_of_four_equally_rare_words_in_a_text_of_average_length_cover_the_question():
    terms = Terms.of(["a", "b", "c", "d"], EQUALLY_RARE)
    assert covered(terms, text_of("a", "b")) == pytest.approx(1.0)
    assert covered(terms, text_of("a")) == pytest.approx(0.55)
    assert covered(terms, text_of("a", "b", "c", "d")) == 1.0
    assert covered(terms, text_of()) == 0


def test_coverage_is_that_of_the_formula():
    frequencies = DocumentFrequencies(documents=10, counts={"redi": 2, "lock": 5}, average_terms=USUAL_TERMS)
    weights = text_of("redi", "redi", length=40)
    redis, lock = math.log(1 + 8.5 / 2.5), math.log(1 + 5.5 / 5.5)
    bm25 = redis * 2.2 * 2 / (2 + 1.2 * (0.6 + 0.4 * 40 / USUAL_TERMS))
    assert covered(Terms.of(["redi", "lock", "redi"], frequencies), weights) == pytest.approx(
        min(1, 2.2 * bm25 / (redis + lock))
    )


@pytest.mark.parametrize("average", [4, 20, 60, 200])
def test_a_text_of_average_length_gets_the_same_whatever_the_average_is(average):
    frequencies = DocumentFrequencies(documents=100, counts=dict.fromkeys("abcdefgh", 3), average_terms=average)
    terms = Terms.of(list("abcdefgh"), frequencies)
    assert covered(terms, text_of("a", length=average)) == pytest.approx(2.2 / 8)


def test_a_term_that_no_text_has_stays_in_the_sum():
    assert covered(Terms.of(["a", "b"], EQUALLY_RARE), text_of("a")) == pytest.approx(1.0)
    assert covered(Terms.of(["a", "unheard"], EQUALLY_RARE), text_of("a")) < 0.9


def test_a_question_without_terms_is_covered_by_nothing():
    terms = Terms.of([], EQUALLY_RARE)
    assert (terms.weights, terms.coverage(0.0)) == ({}, 0.0)
    assert Terms.of(["a"], DocumentFrequencies()).coverage_of("nothing of it") == 0


def test_the_words_of_a_text_are_counted_once_a_text():
    frequencies = DocumentFrequencies.of(["Redis redis cache.", "the cache", "a cache lock"])
    assert frequencies.counts == {"redi": 1, "cach": 3, "lock": 1}
    assert frequencies.words == {"redis": 1, "cache": 3, ".": 1, "the": 1, "a": 1, "lock": 1}
    assert frequencies.average_terms == pytest.approx(6 / 3)
    expected = [math.log(1 + 2.5 / 1.5), math.log(1 + 0.5 / 3.5), math.log(1 + 3.5 / 0.5)]
    assert frequencies.idf(["redi", "cach", "unknown"]) == pytest.approx(expected)
    assert frequencies.word_idf(["redis", "cache", "unknown"]) == pytest.approx(expected)


def test_the_weights_of_a_text_depend_on_it_alone_and_terms_keep_their_places():
    assert term_weights(["a", "b", "a"]) == term_weights(["b", "a", "a"])
    assert set(term_weights(["a", "b"])) == {term_id("a"), term_id("b")}
    assert term_id("lock") == 0x31FEC9EE
    assert all(0 <= term_id(term) < 2**32 for term in ("", "\ud800", "用户"))
    assert length_factor(0) == length_factor(USUAL_TERMS) == 1


def test_plain_words_are_those_of_an_uncased_tokenizer():
    assert plain_words("The user_name's café, 2.0!") == [
        "the", "user", "_", "name", "'", "s", "cafe", ",", "2", ".", "0", "!",
    ]  # fmt: skip
