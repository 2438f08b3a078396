"""How common words are is kept in the graph, so the first search of any user after a start reads no texts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kg.graph.store import GraphAddress
from kg.operations.memory import MemoryService, Parts
from kg.recall import queries
from kg.recall.search import Recall
from kg.recall.term_counts import GROWTH, CountKeeper
from tests.support.user import User
from tests.support.watched_store import WatchedStore, watched_store

NOTES = ("The exporter writes Parquet", "The exporter retries three times", "The importer reads CSV")
QUESTION = "how often does the exporter retry?"


async def keep_all(keeper: CountKeeper) -> None:
    while await keeper.renew():
        pass


async def after_a_start(user: User, parts: Parts, store: WatchedStore) -> dict[str, float]:
    """Search as a service does that has read nothing yet; return the score of each text."""
    recall = Recall(store, parts.index, parts.embedder, bearings=parts.recall.bearings)
    service = MemoryService(replace(parts, store=store, recall=recall))
    answer = await service.search_memories(user.session(), query=QUESTION, weak=True)
    return {hit["memory"]: hit["score"] for hit in answer["results"]}


async def kept(user: User) -> tuple[int | None, set[str]]:
    row = await user.parts.store.read_one(queries.word_counts, user_id=user.id)
    return row["seq"], set(json.loads(row["counts"])["words"]) if row["counts"] else set()


@pytest.fixture
async def keeper(user: User) -> CountKeeper:
    """A keeper that has counted all; the user has a few notes."""
    for note in NOTES:
        await user.add(note, wait=True)
    keeper = CountKeeper(user.parts.store)
    await keep_all(keeper)
    return keeper


async def test_the_first_search_after_a_start_reads_no_texts_to_count_words(
    user: User, parts: Parts, keeper: CountKeeper, neo4j_address: GraphAddress
) -> None:
    async with watched_store(neo4j_address) as store:
        first = await after_a_start(user, parts, store)
        assert store.asked == ["question", "word_counts", "hydrate_memories"]
    assert first.keys() == set(NOTES)


async def test_it_ranks_as_one_that_counts_the_words_itself(
    user: User, parts: Parts, keeper: CountKeeper, neo4j_address: GraphAddress
) -> None:
    async with watched_store(neo4j_address) as store:
        with_kept = await after_a_start(user, parts, store)
        await user.raw("MATCH (w:WordCounts {user_id: $user_id}) DELETE w")
        assert await after_a_start(user, parts, store) == with_kept
        assert "sample_texts" in store.asked


@pytest.mark.parametrize(
    "broken", ["", "[]", "{}", '{"documents": 1, "average_terms": 2, "counts": {"a": "b"}, "words": {}}']
)
async def test_counts_that_a_hand_broke_are_made_again(
    user: User, parts: Parts, keeper: CountKeeper, neo4j_address: GraphAddress, broken: str
) -> None:
    await user.raw("MATCH (w:WordCounts {user_id: $user_id}) SET w.word_counts = $broken", broken=broken)
    async with watched_store(neo4j_address) as store:
        assert (await after_a_start(user, parts, store)).keys() == set(NOTES)


async def test_no_word_of_an_erased_memory_is_kept(user: User, keeper: CountKeeper) -> None:
    secret = await user.add("The passphrase is xyzzyplugh", wait=True)
    await user.raw("MATCH (w:WordCounts {user_id: $user_id}) SET w.counted_seq = 0")
    await keep_all(keeper)
    assert "xyzzyplugh" in (await kept(user))[1]
    await user.memory.delete_memory(user.session(), memory_id=secret.id)
    assert await kept(user) == (None, set())
    await keep_all(keeper)
    seq, words = await kept(user)
    assert seq and "exporter" in words and "xyzzyplugh" not in words


async def test_words_read_before_an_erasure_are_not_kept_after_it(
    user: User, keeper: CountKeeper, neo4j_address: GraphAddress
) -> None:
    secret = await user.add("The passphrase is xyzzyplugh", wait=True)
    await user.raw("MATCH (w:WordCounts {user_id: $user_id}) SET w.counted_seq = 0")

    async def erase_meanwhile(label: str, _: str | None) -> None:
        if label == "keep_word_counts" and (await kept(user))[0] is not None:
            await user.memory.delete_memory(user.session(), memory_id=secret.id)

    async with watched_store(neo4j_address, before=erase_meanwhile) as store:
        slow = CountKeeper(store)
        assert await slow.renew()
        assert await kept(user) == (None, set())
        await keep_all(slow)
    assert "xyzzyplugh" not in (await kept(user))[1]


async def test_a_partition_is_counted_again_once_it_has_grown_enough(user: User, keeper: CountKeeper) -> None:
    seq, _ = await kept(user)
    assert seq
    assert not await keeper.renew()
    await user.raw(
        "MATCH (p:Partition {user_id: $user_id}), (w:WordCounts {user_id: $user_id}) "
        "SET w.counted_seq = 100, p.seq = 120"
    )
    assert not await keeper.renew(), f"grown by less than {GROWTH}"
    await user.raw("MATCH (p:Partition {user_id: $user_id}) SET p.seq = 121")
    assert await keeper.renew()
    assert (await kept(user))[0] == 121


async def test_a_write_changes_what_the_search_after_it_weighs(
    user: User, parts: Parts, keeper: CountKeeper, neo4j_address: GraphAddress
) -> None:
    async with watched_store(neo4j_address) as store:
        recall = Recall(store, parts.index, parts.embedder, bearings=parts.recall.bearings)
        await recall.read(user.id, QUESTION)
        for number in range(3):
            await user.add(f"Quetzals are green, part {number}", wait=True)
        question = await recall.read(user.id, "are quetzals green?")
        assert question.frequencies.words["quetzals"] == 3
