"""Where long texts are cut, and that nothing of them is lost."""

from __future__ import annotations

import random

import pytest

from extract.tasks.passages import ITEM_CHARS, LEAST_CHARS, PASSAGE_CHARS, Passage, group_passages, halved, split_text

WORDS = (
    "\n- item ",
    "\n1. a ",
    "alpha ",
    "beta. ",
    "gamma\n",
    "\n\n",
    "# Heading\n",
    "```\n",
    "delta! ",
    "中文。",
    "  ",
    "x" * 30,
)


def test_a_text_that_fits_is_one_passage():
    assert split_text("x" * PASSAGE_CHARS) == ["x" * PASSAGE_CHARS]
    assert split_text("") == [""]


@pytest.mark.parametrize("seed", range(30))
def test_passages_joined_are_the_text_and_none_is_too_long(seed: int):
    rng = random.Random(seed)
    text = "".join(rng.choices(WORDS, k=rng.randint(50, 600)))
    passages = split_text(text, 200, rng.choice((None, 100, 150)))
    assert "".join(passages) == text
    assert all(0 < len(passage) <= 200 for passage in passages)
    for group in group_passages([text, "x"], 1000):
        for parts in (halved(group), *map(halved, halved(group))):
            assert not parts or "".join(p.text for part in parts for p in part) in text + "x"
            assert all(len("".join(p.text for p in part)) < 1000 for part in parts)


def test_a_text_is_cut_before_a_heading_rather_than_at_an_empty_line():
    text = "a " * 60 + "\n\n" + "b " * 20 + "\n## Next\n" + "c " * 10 + "\n\n" + "d " * 40
    first, second = split_text(text, 220)
    assert second.startswith("## Next") and first.endswith("b \n")


def test_a_heading_right_after_the_limit_begins_the_next_passage():
    head = "a " * 99 + "\n\n"
    assert split_text(head + "# Next\n" + "b " * 50, 200) == [head, "# Next\n" + "b " * 50]


def test_a_text_without_headings_is_cut_at_an_empty_line_rather_than_a_sentence():
    text = "One word. " * 15 + "\n\n" + "Two words. " * 12
    assert split_text(text, 200) == ["One word. " * 15 + "\n\n", "Two words. " * 12]


def test_a_text_on_one_line_is_cut_after_a_sentence():
    passages = split_text("This is a sentence of seven words. " * 20, 200)
    assert all(passage.rstrip().endswith("words.") for passage in passages)


def test_a_sentence_without_end_is_cut_between_words():
    passages = split_text("word " * 100, 200)
    assert all(passage.endswith("word ") for passage in passages)


def test_a_run_without_any_border_is_cut_hard():
    assert split_text("x" * 450, 200) == ["x" * 200, "x" * 200, "x" * 50]


def test_a_comment_in_code_is_no_heading_and_code_is_cut_at_lines():
    code = "```sh\n" + "make all && make check\n" * 6 + "\n\n# clean up\n" + "rm -rf build/out/tmp\n" * 10 + "```\n"
    passages = split_text(code, 200)
    assert "".join(passages) == code
    assert not any(passage.startswith("# clean") for passage in passages)
    assert all(passage.endswith("\n") for passage in passages)


def test_short_turns_share_a_group_and_keep_their_order():
    assert group_passages(["a", "b", "c" * 8, "d"], 10) == [
        [Passage(0, "a"), Passage(1, "b"), Passage(2, "c" * 8)], [Passage(3, "d")],
    ]  # fmt: skip


def test_the_end_of_a_long_turn_shares_its_group_with_the_next():
    groups = group_passages(["x" * 14, "yyy", "z" * 9], 10)
    assert [[(passage.turn, len(passage.text)) for passage in group] for group in groups] == [
        [(0, 10)], [(0, 4), (1, 3)], [(2, 9)],
    ]  # fmt: skip


def test_a_long_turn_begins_beside_a_short_one():
    groups = group_passages(["hi", "x" * 28], 10)
    assert [[(passage.turn, len(passage.text)) for passage in group] for group in groups] == [
        [(0, 2), (1, 8)], [(1, 10)], [(1, 10)],
    ]  # fmt: skip


def test_a_turn_that_fits_into_one_group_is_not_divided():
    groups = group_passages(["x" * 6, "y" * 9], 10)
    assert [len(group) for group in groups] == [1, 1]


def test_an_item_of_a_list_counts_for_the_fact_that_it_states():
    items = "".join(f"- item {n}\n" for n in range(30))
    passages = split_text(items, 10 * ITEM_CHARS)
    assert [passage.count("\n") for passage in passages] == [10, 10, 10]
    assert split_text(items.replace("- ", "  "), 10 * ITEM_CHARS) == [items.replace("- ", "  ")]


def test_half_of_a_group_is_half_of_its_text_and_a_short_passage_has_no_half():
    group = [Passage(0, "a" * 500), Passage(1, "b" * 100), Passage(2, "c" * 450)]
    assert halved(group) == [group[:1], group[1:]]
    first, second = halved([Passage(4, "A sentence of six words. " * 40)])
    assert first[0].turn == second[0].turn == 4 and abs(len(first[0].text) - len(second[0].text)) <= 200
    assert halved([Passage(0, "x" * (LEAST_CHARS - 1))]) == []
