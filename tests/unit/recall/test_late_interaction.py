import numpy as np
import pytest

from kg.ports import QuestionVectors
from kg.recall.coverage import DocumentFrequencies
from kg.recall.late_interaction import token_query

COUNTS = DocumentFrequencies(documents=100, words={"the": 99, "redis": 2, "lock": 30, "?": 60})


def question(*words, unknown=0.0):
    return QuestionVectors(np.ones(4), np.ones(4), np.eye(len(words), 4, dtype=np.float32), words, unknown)


def test_rare_words_weigh_more_and_stop_words_and_punctuation_half():
    query = token_query(question("the", "redis", "lock", "?"), COUNTS)
    weights = query.sum(axis=1)
    idf = COUNTS.word_idf(["the", "redis", "lock", "?"]) * [0.5, 1, 1, 0.5]
    assert weights == pytest.approx(idf / idf.sum(), abs=1e-6)
    assert query.dtype == np.float32


def test_a_memory_that_has_every_piece_scores_one():
    asked = question("redis", "lock")
    query = token_query(asked, COUNTS)
    assert float((asked.tokens @ query.T).max(axis=0).sum()) == pytest.approx(1)


def test_there_is_nothing_to_compare_without_pieces_or_where_most_are_unknown():
    assert token_query(question(), COUNTS) is None
    assert token_query(question("a", "b", unknown=0.6), COUNTS) is None
    assert token_query(question("a", "b", unknown=0.5), COUNTS) is not None
