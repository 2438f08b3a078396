import re

import pytest

from kg.language.lucene import MAX_TERMS, cjk_query, entity_query, lucene_query, user_key

KEY = user_key("alice")


def test_a_user_key_is_one_token_of_letters_and_digits():
    assert re.fullmatch("u[0-9a-f]{32}0", KEY)
    assert user_key("alice") == KEY
    assert len({user_key(user) for user in ("alice", "Alice", "alice ", "álice", "爱丽丝", "alice OR bob")}) == 6


def test_a_question_becomes_a_scoped_query_without_its_question_words():
    assert lucene_query("What went wrong with Redis?", KEY) == (
        f"+user_key:{KEY}^0 +(text:(went wrong redis) terms:(went wrong redis))"
    )


def test_an_identifier_is_asked_whole_and_by_parts():
    query = lucene_query("getUserById in C++", KEY)
    assert query is not None
    assert "text:(getuserbyid get id c cplusplus)" in query.replace("user ", "")


@pytest.mark.parametrize(
    "question", ["", "   ", "???", "what is it", "AND OR NOT TO", '+-&|!(){}[]^"~*?:\\/', "\ud800"]
)
def test_a_question_without_words_to_look_for_asks_nothing(question):
    assert lucene_query(question, KEY) is None
    assert entity_query(question, KEY) is None
    assert cjk_query(question, KEY) is None


@pytest.mark.parametrize(
    "question",
    [
        "redis) OR user_key:(u0",
        'a:b^9 "c d"~2 [e TO f] {g} (h) i* j? /k/ l\\m n && o || !p -q +r',
        f"user_key:{KEY}",
        "text:x AND terms:y",
        "emoji 🚀 привет שלום",
    ],
)
def test_nothing_of_a_question_is_syntax(question):
    query = lucene_query(question, KEY)
    assert query is not None
    match = re.fullmatch(r"\+user_key:(\w+)\^0 \+\(text:\(([^()]*)\) terms:\(([^()]*)\)\)", query)
    assert match is not None
    assert match[1] == KEY
    assert match[2] == match[3]
    for term in match[2].split():
        assert not re.search(r'[+\-&|!{}\[\]^"~*?:\\/<>=]', term)
        assert term not in {"AND", "OR", "NOT", "TO"}


def test_the_number_and_length_of_terms_are_bounded():
    query = lucene_query(" ".join(f"word{i}" for i in range(5_000)) + " " + "x" * 70_000, KEY)
    assert query is not None
    assert query.count("word") == 2 * MAX_TERMS
    long = lucene_query("x" * 70_000, KEY)
    assert long is not None
    assert len(long) < 700


def test_each_term_is_asked_once():
    assert lucene_query("cache Cache CACHE", KEY) == f"+user_key:{KEY}^0 +(text:(cache) terms:(cache))"


def test_chinese_japanese_and_korean_are_asked_of_their_own_index():
    assert cjk_query("为什么 Redis 被拒绝？", KEY) == f"+user_key:{KEY}^0 +text:(为什么 被拒绝)"
    assert cjk_query("なぜ 왜", KEY) == f"+user_key:{KEY}^0 +text:(なぜ 왜)"
    assert cjk_query("why Redis", KEY) is None


def test_entities_are_asked_by_name_and_by_the_parts_of_an_identifier():
    assert entity_query("user-service", KEY) == f"+user_key:{KEY}^0 +(name:(user service) terms:(user service))"
