import pytest

from kg.language.sentences import MAX_SENTENCES, best_passage, sentences
from kg.language.words import (
    MAX_TERMS_CHARS,
    QUESTION_WORDS,
    content_hash,
    estimate_tokens,
    has_cjk,
    is_non_latin,
    search_words,
    split_terms,
    stem_terms,
    text_terms,
    words,
)


def test_words_keep_inner_dots_and_apostrophes_and_lose_case():
    assert words("Don't use Node.js 1.10, strict_mode; Melanie’s") == [
        *("don't", "use", "node.js", "1.10", "strict_mode", "melanie")
    ]


def test_words_of_every_script_are_found():
    assert words("Привет हिन्दी שלום 用Redis缓存 🚀") == ["привет", "हिन्दी", "שלום", "用", "redis", "缓存", "🚀"]


def test_words_are_equal_in_every_form_of_unicode():
    assert words("Ｒｅｄｉｓ Zoe\u0308 re\u200bdis") == words("redis zoë redis")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("getUserById", "get user by id"),
        ("HTTPServer", "http server"),
        ("see a/b_c.py", "b c py"),
        ("snake_case_name", "snake case name"),
        ("user-service", ""),
        ("plain words only, e.g. these", ""),
        ("1.10", ""),
        ("v1.10.2", "1.10.2"),
        ("Vue.js", "vue js vuejs"),
        ("C++ and C# and F# and .NET", "cplusplus csharp fsharp dotnet"),
        ("c++, (C#)", "cplusplus csharp"),
        ("ABC#1", ""),
        ("Ｒｅｄｉｓ", "redis"),
        ("user getUser", "get"),
    ],
)
def test_terms_hold_only_what_an_analyzer_would_miss(text, terms):
    assert split_terms(text) == terms


def test_terms_are_bounded():
    terms = split_terms(" ".join(f"aaa{i}_bbb{i}" for i in range(5_000)))
    assert MAX_TERMS_CHARS * 0.9 < len(terms) <= MAX_TERMS_CHARS


def test_stems_join_inflections_and_leave_questions_out():
    assert stem_terms("What was failing in the flaky tests?") == stem_terms("fails flaky test")
    assert stem_terms("what did we do about it?") == []
    assert "what" in QUESTION_WORDS


def test_an_identifier_counts_whole_and_by_parts():
    assert set(stem_terms("getUserById")) == {"getuserbyid", "get", "user", "id"}
    assert "csharp" in stem_terms("C# code")


def test_chinese_counts_by_pairs_of_characters():
    assert stem_terms("测试缓存") == ["测试", "试缓", "缓存"]
    assert stem_terms("猫") == ["猫"]


def test_search_words_are_distinct_and_without_stop_words():
    assert search_words("Why was the Cache cache slow in getUser?") == ["cache", "slow", "getuser", "get", "user"]


def test_tokens_are_not_underestimated():
    prose = "The retry loop hid a race between the two workers, so we moved the lock. "
    assert 15 <= estimate_tokens(prose) <= 30
    assert estimate_tokens("数据库连接池") >= 6
    assert estimate_tokens("") == 0
    assert estimate_tokens("9f0c2b1e-4d5a-4c3b-8f1e-2a3b4c5d6e7f") >= 12


@pytest.mark.parametrize(
    ("text", "non_latin", "cjk"),
    [
        ("Why was Redis rejected?", False, False),
        ("Müller, Łódź, Ångström", False, False),
        ("为什么拒绝 Redis？", True, True),
        ("なぜ", True, True),
        ("왜 거절했나", True, True),
        ("Почему отклонили Redis", True, False),
        ("für π", False, False),
        ("🚀 123", False, False),
        ("", False, False),
    ],
)
def test_scripts_are_told_apart(text, non_latin, cjk):
    assert (is_non_latin(text), has_cjk(text)) == (non_latin, cjk)


@pytest.mark.parametrize(
    "same",
    [
        (
            "first line\nsecond line",
            "first line\r\nsecond line",
            "first line \rsecond line\n",
            "\nfirst line\nsecond line\r\n",
        ),
        ("Caf\u00e9 build", "Cafe\u0301 build", " Caf\u00e9 build\t"),
        ("\ud55c\uad6d", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
    ],
)
def test_line_ends_outer_blanks_and_composition_make_no_other_text(same: tuple[str, ...]) -> None:
    assert len({content_hash(text) for text in same}) == 1


def test_other_texts_have_other_hashes() -> None:
    texts = ("a b", "ab", "a  b", "a\nb", "a\n\nb", "A b", "caf\u00e9", "cafe", "")
    assert len({content_hash(text) for text in texts}) == len(texts)
    assert len(content_hash("\u00e9")) == 64


def test_sentences_end_where_a_reader_ends_them():
    text = (
        "We use v1.10 of foo.py, e.g. in the build. It broke again today! See https://a.b/c.d?x=1 for more. "
        "Dr. J. Smith said no to that. It is fig. 5 etc. and more."
    )
    assert sentences(text) == [
        "We use v1.10 of foo.py, e.g. in the build.",
        "It broke again today!",
        "See https://a.b/c.d?x=1 for more.",
        "Dr. J. Smith said no to that.",
        "It is fig. 5 etc. and more.",
    ]


def test_lines_and_items_end_sentences_but_wrapped_lines_do_not():
    wrapped = "This line is long enough to have been wrapped by an editor at its margin\nand it goes on here."
    assert sentences(wrapped) == [wrapped]
    assert sentences("1. First do this\n2. Then do that\n- one item\n\nAnd the end") == [
        *("1. First do this", "2. Then do that", "- one item", "And the end")
    ]


def test_lines_of_code_stay_together():
    text = "Run this block:\n```py\nx = 1.\ny = 2.\n```\nThat was all the code."
    assert sentences(text) == ["Run this block:", "```py\nx = 1.\ny = 2.\n```", "That was all the code."]


def test_a_code_block_without_end_is_cut_by_lines():
    text = "```\n" + "\n".join(f"call_number_{i}(argument)" for i in range(60))
    parts = sentences(text)
    assert len(parts) > 3
    assert all(line in text.split("\n") for part in parts for line in part.split("\n"))


def test_chinese_sentences_need_no_blanks():
    assert sentences("我们用缓存。它很慢！怎么办？") == ["我们用缓存。", "它很慢！", "怎么办？"]


def test_fragments_stay_with_their_neighbour():
    assert sentences("Use Redis. It works.") == ["Use Redis. It works."]


@pytest.mark.parametrize("text", ["x", "🚀", "  x ", "?", "。", "```", "\n\n-\n"])
def test_no_text_is_without_a_sentence(text):
    assert sentences(text)
    assert sentences(text)[0]


def test_an_empty_text_has_no_sentence():
    assert sentences("") == []


@pytest.mark.parametrize(
    "text",
    [
        "word " * 13_000,
        "a" * 65_536,
        "中" * 21_000,
        "A short sentence is here. " * 2_500,
        "line\n" * 13_000,
        "." * 65_536,
        "。" * 20_000,
        "a. " * 20_000,
        "_" * 65_536,
        "1." * 32_000 + "_",
    ],
    ids=[
        "words",
        "blob",
        "chinese",
        "sentences",
        "lines",
        "dots",
        "chinese dots",
        "initials",
        "underscores",
        "numbers",
    ],
)
def test_a_huge_text_gives_a_bounded_number_of_sentences_and_loses_nothing(text):
    parts = sentences(text)
    assert 1 <= len(parts) <= MAX_SENTENCES
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert len(split_terms(text)) <= MAX_TERMS_CHARS
    assert len(best_passage(text, stem_terms("word initials line a"), 300)[0]) <= 300


def test_long_runs_are_cut_between_words():
    parts = sentences("alpha beta gamma " * 60)
    assert len(parts) > 2
    assert all(part.split()[0] in {"alpha", "beta", "gamma"} for part in parts)
    assert max(len(part.split()) for part in parts) <= 70


PASSAGE = (
    "The morning was spent on reviews and nothing came of it at all. " * 5
    + "Redis was rejected because it needs another server. We revisit that at ten thousand users. "
    + "In the afternoon there was a talk on testing that everybody liked. " * 5
)


def test_the_passage_that_answers_is_kept():
    passage, truncated = best_passage(PASSAGE, stem_terms("why was Redis rejected"), 160)
    assert truncated
    assert "Redis was rejected because it needs another server." in passage
    assert len(passage) <= 160
    assert passage.startswith("…") and passage.endswith("…")


def test_a_short_text_is_its_own_passage():
    assert best_passage("short", stem_terms("question"), 100) == ("short", False)


def test_without_any_of_the_words_the_beginning_is_kept():
    passage, truncated = best_passage(PASSAGE, stem_terms("kubernetes"), 50)
    assert truncated and len(passage) <= 50
    assert PASSAGE.startswith(passage.rstrip("…")) and passage.endswith("…")


@pytest.mark.parametrize("max_chars", [1, 2, 3, 10, 40])
def test_a_passage_never_exceeds_its_bound(max_chars):
    for terms in (stem_terms("Redis rejected"), []):
        passage, truncated = best_passage(PASSAGE, terms, max_chars)
        assert truncated and 0 < len(passage) <= max_chars


@pytest.mark.parametrize(
    ("text", "word"),
    [("ฐานข้อมูลสำรองทุกคืน", "สำรอง"), ("ທີມປະຊຸມທຸກວັນຈັນ", "ປະຊຸມ"), ("ក្រុមប្រជុំរាល់ថ្ងៃ", "ប្រជុំ"), ("အဖွဲ့စည်းဝေးသည်", "စည်းဝေး"),
     ("我们用锁来避免竞争", "锁"), ("وبالبيانات", "البيانات"), ("والبيانات", "بيانات"), ("והנתונים", "נתונים")],
)  # fmt: skip
def test_a_text_has_the_terms_of_a_word_in_it(text: str, word: str):
    assert set(stem_terms(word)) & set(text_terms(text))
    assert set(search_words(word)) & set(split_terms(text).split())


def test_short_words_keep_what_looks_like_a_prefix():
    assert stem_terms("وقت") == ["وقت"] and stem_terms("בית") == ["בית"]


def test_a_question_of_several_characters_asks_for_none_alone():
    assert stem_terms("夜里") == ["夜里"] and text_terms("夜里") == ["夜里", "夜", "里"]
