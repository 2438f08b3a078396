"""Word counts of partitions are kept up to a bound on words, whatever the number of partitions."""

from __future__ import annotations

from typing import Any

from kg.graph.store import GraphAddress, GraphStore
from kg.recall import queries
from kg.recall.term_counts import TermCounts


class Texts(GraphStore):
    """A store that keeps no counts, answers with the texts of each user, and notes whose were read."""

    def __init__(self, texts: dict[str, list[str]]) -> None:
        super().__init__(GraphAddress("bolt://127.0.0.1:1", "neo4j", "x"))
        self.texts = texts
        self.asked: list[str] = []

    async def read_one(self, query: Any, /, **params: Any) -> Any:
        if query is queries.word_counts:
            return {"seq": None, "counts": None}
        user_id = params["user_id"]
        self.asked.append(user_id)
        return {"texts": [{"content_hash": text, "text": text} for text in self.texts[user_id]]}


async def test_partitions_of_few_words_are_counted_once_however_many_there_are():
    users = [f"user-{number}" for number in range(200)]
    store = Texts({user: ["red green blue"] for user in users})
    counts = TermCounts(store, words_kept=2000)
    for user in [*users, *users]:
        assert (await counts.frequencies(user, 1)).counts.keys() == {"red", "green", "blue"}
    assert store.asked == users


async def test_beyond_the_bound_the_partition_that_was_searched_longest_ago_is_counted_again():
    store = Texts({user: ["red green blue"] for user in "abc"})
    counts = TermCounts(store, words_kept=12)
    for user in "abacab":
        await counts.frequencies(user, 1)
    assert store.asked == ["a", "b", "c", "b"]


async def test_a_partition_of_more_words_than_the_bound_is_kept_alone():
    store = Texts({"a": ["red"], "b": [f"word{n} of many" for n in range(50)]})
    counts = TermCounts(store, words_kept=10)
    for user in "abb":
        assert (await counts.frequencies(user, 1)).documents
    assert store.asked == ["a", "b"]


async def test_a_partition_that_has_grown_by_a_fifth_is_counted_again():
    store = Texts({"a": ["red"]})
    counts = TermCounts(store)
    for seq in (10, 12, 13, 9):
        await counts.frequencies("a", seq)
    assert store.asked == ["a", "a", "a"]
