"""What every vector index does: the embedded one, and that on a server, which has two engines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from kg.errors import ConfigurationError, InvalidInput, StoreUnavailable
from kg.index.qdrant.embedded import EmbeddedIndex
from kg.ports import IndexCard, IndexPoint, IndexQuery, TimeRange, Vector, VectorIndex
from tests.support.local_qdrant import LocalQdrant, QdrantPlace

DIMENSION = 8
OWNER: dict[str, Any] = {"embedder_name": "onnx:one", "dimension": DIMENSION, "digest": "d" * 64}
ODD_USERS = [
    "alice",
    "ALICE",
    "alice ",
    "al'ice\"",
    "a\\b",
    "用户",
    "e\u0301ve",
    "\u00e9ve",
    "*",
    "null",
    "1",
    "u" * 256,
    "u" * 255,
    "🙂" * 256,
]
T0 = datetime(2025, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)

Make = Callable[..., VectorIndex]


@pytest.fixture(params=["embedded", "engine", "server"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Make]:
    """Build indexes on one and the same store; arguments replace those of ``OWNER``."""
    built: list[VectorIndex] = []
    name = f"test-{uuid4()}"
    engine = LocalQdrant() if request.param == "engine" else None
    place = None
    if request.param == "server":
        place = QdrantPlace(*request.getfixturevalue("qdrant_server"))
    elif engine is not None:
        place = QdrantPlace("http://127.0.0.1:6333", "", engine)

    def build(**changes: Any) -> VectorIndex:
        owner = OWNER | changes
        index = EmbeddedIndex(tmp_path / "index", **owner) if place is None else place.index(name, **owner)
        built.append(index)
        return index

    yield build
    for index in built:
        await index.close()
    if engine is not None:
        await engine.close()


@pytest.fixture
async def index(make: Make) -> VectorIndex:
    index = make()
    await index.open()
    return index


def unit(*values: float) -> Vector:
    vector = np.zeros(DIMENSION, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def angle(cosine: float) -> Vector:
    """Return a vector with this cosine to ``unit(1)``."""
    return unit(cosine, (1 - cosine**2) ** 0.5)


def point(number: int = 0, **changes: Any) -> IndexPoint:
    base = IndexPoint(
        uuid=str(UUID(int=number + 1)),
        kind="memory",
        user_id="alice",
        text=unit(1)[None, :],
        sentences=unit(1)[None, :],
        content_hash=f"hash {number}",
    )
    return replace(base, **changes)


def query(**changes: Any) -> IndexQuery:
    base = IndexQuery(using="text", vector=unit(1), kind="memory", user_id="alice", top_k=100)
    return replace(base, **changes)


async def found(index: VectorIndex, **changes: Any) -> set[int]:
    (hits,) = await index.search([query(**changes)])
    return {UUID(hit.uuid).int - 1 for hit in hits}


async def hashes(index: VectorIndex, batch_size: int = 1000) -> dict[str, str]:
    entries = [entry async for batch in index.scan(batch_size) for entry in batch]
    assert len({entry.uuid for entry in entries}) == len(entries)
    return {entry.uuid: entry.content_hash for entry in entries}


async def test_an_empty_collection_answers_everything_with_nothing(index: VectorIndex) -> None:
    assert await index.search([query(), query(using="sentences")]) == [[], []]
    assert await index.search([]) == []
    assert await index.similarities("text", unit(1), [str(uuid4())]) == {}
    assert await index.similarities("text", unit(1), []) == {}
    assert await hashes(index) == {}
    assert await index.count() == 0
    await index.upsert_points([])
    await index.delete_points([])
    assert await index.optimize() is False


async def test_hits_come_nearest_first_with_their_cosine_and_at_most_top_k(index: VectorIndex) -> None:
    cosines = [0.1, 0.9, -0.5, 0.7, 0.3]
    await index.upsert_points([point(i, text=angle(cosine)[None, :]) for i, cosine in enumerate(cosines)])
    (hits,) = await index.search([query(top_k=4)])
    assert [UUID(hit.uuid).int - 1 for hit in hits] == [1, 3, 4, 0]
    assert [hit.score for hit in hits] == pytest.approx([0.9, 0.7, 0.3, 0.1], abs=0.01)


async def test_sentences_are_scored_by_the_best_one(index: VectorIndex) -> None:
    await index.upsert_points(
        [
            point(0, text=unit(1)[None, :], sentences=np.stack([angle(0.2), angle(0.3)])),
            point(1, text=unit(0, 1)[None, :], sentences=np.stack([angle(-1.0), angle(0.95), angle(0.1)])),
            point(2, text=unit(0, 1)[None, :], sentences=angle(0.5)[None, :]),
        ]
    )
    by_sentence, by_text = await index.search([query(using="sentences"), query()])
    assert [UUID(hit.uuid).int - 1 for hit in by_sentence] == [1, 2, 0]
    assert [hit.score for hit in by_sentence] == pytest.approx([0.95, 0.5, 0.3], abs=0.01)
    assert UUID(by_text[0].uuid).int == 1


async def test_texts_are_scored_by_their_best_passage(index: VectorIndex) -> None:
    late = np.stack([angle(0.1), angle(0.2), angle(0.9)])
    await index.upsert_points(
        [point(0, text=angle(0.6)[None, :]), point(1, text=late), point(2, kind="fact", text=angle(0.7)[None, :])]
    )
    of_memories, of_facts = await index.search([query(), query(kind="fact")])
    assert [(UUID(hit.uuid).int - 1, pytest.approx(hit.score, abs=0.02)) for hit in of_memories] == [(1, 0.9), (0, 0.6)]
    assert [hit.score for hit in of_facts] == [pytest.approx(0.7, abs=0.02)]
    near = await index.similarities("text", unit(1), [point(i).uuid for i in range(3)])
    assert [near[point(i).uuid] for i in range(3)] == [pytest.approx(value, abs=0.02) for value in (0.6, 0.9, 0.7)]
    await index.upsert_points([point(1, text=angle(0.3)[None, :])])
    near = await index.similarities("text", unit(1), [point(1).uuid])
    assert list(near.values()) == [pytest.approx(0.3, abs=0.02)]


async def test_words_are_scored_by_their_dot_product_and_found_only_where_one_is_shared(index: VectorIndex) -> None:
    far = 2**32 - 1
    await index.upsert_points(
        [point(0, words={1: 0.5, far: 2.0}), point(1, words={1: 1.0}), point(2, words={7: 9.0}), point(3)]
    )
    (hits,) = await index.search([query(using="words", vector={1: 2.0, far: 1.5, 99: 4.0})])
    assert {UUID(hit.uuid).int - 1: hit.score for hit in hits} == pytest.approx({0: 4.0, 1: 2.0})
    assert [UUID(hit.uuid).int - 1 for hit in hits] == [0, 1]
    assert await found(index, using="words", vector={99: 1.0}) == set()
    assert await found(index, using="words", vector={1: 1.0}, user_id="bob") == set()


async def test_tokens_are_scored_by_the_sum_of_the_best_of_each(index: VectorIndex) -> None:
    asked = np.stack([unit(1) * 0.75, unit(0, 1) * 0.25])
    await index.upsert_points(
        [
            point(0, tokens=np.stack([unit(1), unit(0, 1)])),
            point(1, tokens=np.stack([unit(1), unit(0, 0, 1), angle(0.6)])),
            point(2, tokens=unit(0, 1)[None, :]),
            point(3),
        ]
    )
    uuids = [point(i).uuid for i in (0, 1, 2, 3)] + [str(uuid4()), "no uuid"]
    (hits,) = await index.search([query(using="tokens", vector=asked, among=uuids)])
    scores = {UUID(hit.uuid).int - 1: hit.score for hit in hits}
    assert scores == pytest.approx({0: 1.0, 1: 0.75 + 0.25 * 0.8, 2: 0.25}, abs=0.05)
    assert await found(index, using="tokens", vector=asked, among=[point(1).uuid]) == {1}


async def test_a_query_among_points_answers_of_these_alone_and_within_the_scope(index: VectorIndex) -> None:
    await index.upsert_points(
        [point(i, text=angle(i / 10)[None, :], user_id=("alice", "bob")[i % 2]) for i in range(8)]
    )
    among = [point(i).uuid for i in (1, 2, 4)]
    (hits,) = await index.search([query(among=among)])
    assert [(UUID(hit.uuid).int - 1, hit.card) for hit in hits] == [(4, None), (2, None)]
    assert await found(index, among=[]) == set()


async def test_hits_bring_what_ranking_reads(index: VectorIndex) -> None:
    before = [point(7).uuid, point(6).uuid]
    await index.upsert_points(
        [
            point(0, agent_id="a", run_id="r", project="p", valid_at=T0, created_at=T0 + TICK, form="message",
                  speaker="ada", previous=before, metadata={"k": "v"}),
            point(1, kind="fact", owner=point(0).uuid, valid_at=T0, invalid_at=T0 + TICK, noise=True),
        ]
    )  # fmt: skip
    message, fact = await index.search([query(with_cards=True), query(kind="fact", with_cards=True)])
    assert message[0].card == IndexCard(
        point(0).uuid, "memory", "a", "r", "p", T0, None, T0 + TICK, None, "message", "ada", tuple(before), False
    )
    assert fact[0].card == IndexCard(
        point(1).uuid, "fact", valid_at=T0, invalid_at=T0 + TICK, owner=point(0).uuid, noise=True
    )


async def test_noise_is_left_out_where_it_is_not_wanted(index: VectorIndex) -> None:
    await index.upsert_points([point(0), point(1, noise=True)])
    assert await found(index) == {0, 1}
    assert await found(index, noise=False) == {0}


async def test_cards_are_read_by_id_and_by_the_messages_before_them(index: VectorIndex) -> None:
    chain = [point(i, form="message", previous=[point(i - k).uuid for k in (1, 2) if i >= k]) for i in range(6)]
    await index.upsert_points([*chain, point(8, user_id="bob", previous=[point(2).uuid])])

    async def read(uuids: list[int], following: list[int]) -> set[int]:
        cards = await index.cards("alice", [point(i).uuid for i in uuids], [point(i).uuid for i in following])
        assert len({card.uuid for card in cards}) == len(cards)
        return {UUID(card.uuid).int - 1 for card in cards}

    assert await read([], [2]) == {3, 4}
    assert await read([2, 7], [2, 3]) == {2, 3, 4, 5}
    assert await read([8], []) == set(), "of another user"
    assert await read([], []) == set()
    assert await index.cards("alice", ["no uuid"], ["no uuid"]) == []


async def test_a_card_that_was_read_changes_with_its_point_and_goes_with_it(index: VectorIndex) -> None:
    async def read(following: int | None = None) -> dict[int, str | None]:
        after = [] if following is None else [point(following).uuid]
        cards = await index.cards("alice", [point(i).uuid for i in (0, 1)], after)
        return {UUID(card.uuid).int - 1: card.speaker for card in cards}

    await index.upsert_points([point(0, speaker="ada"), point(1, speaker="ada")])
    assert await read() == {0: "ada", 1: "ada"}
    await index.upsert_points([point(0, speaker="bob")])
    assert await read() == {0: "bob", 1: "ada"}
    await index.upsert_points([point(2, speaker="eve", form="message", previous=[point(1).uuid])])
    assert await read(following=1) == {0: "bob", 1: "ada", 2: "eve"}
    await index.upsert_points([point(2, speaker="joe", form="message", previous=[point(1).uuid])])
    assert await read(following=1) == {0: "bob", 1: "ada", 2: "joe"}
    await index.upsert_points([point(3, speaker="sue", form="message", previous=[point(2).uuid, point(1).uuid])])
    assert await read(following=1) == {0: "bob", 1: "ada", 2: "joe", 3: "sue"}
    await index.upsert_points([point(3, speaker="sue", form="message", previous=[point(2).uuid])])
    assert await read(following=1) == {0: "bob", 1: "ada", 2: "joe"}
    await index.delete_points([point(2).uuid])
    assert await read(following=1) == {0: "bob", 1: "ada"}
    await index.upsert_points([point(1, user_id="bob")])
    assert await read() == {0: "bob"}
    await index.delete_points([point(0).uuid])
    assert await read() == {}


async def test_similarities_are_the_cosines_of_the_given_points_only(index: VectorIndex) -> None:
    await index.upsert_points(
        [point(i, text=angle(i / 10)[None, :], sentences=np.stack([angle(i / 20), angle(-0.9)])) for i in range(10)]
    )
    wanted = [point(3).uuid, point(7).uuid, str(uuid4()), "no uuid"]
    texts = await index.similarities("text", unit(1), wanted)
    assert texts == pytest.approx({point(3).uuid: 0.3, point(7).uuid: 0.7}, abs=0.01)
    sentences = await index.similarities("sentences", unit(1), wanted)
    assert sentences == pytest.approx({point(3).uuid: 0.15, point(7).uuid: 0.35}, abs=0.01)


async def test_an_upsert_replaces_vectors_and_payload_whole(index: VectorIndex) -> None:
    await index.upsert_points([point(agent_id="a", metadata={"k": 1}, valid_at=T0, invalid_at=T0)])
    await index.upsert_points(
        [point(project="p", text=unit(0, 1)[None, :], sentences=unit(0, 1)[None, :], content_hash="new")]
    )
    assert await index.count() == 1
    assert await hashes(index) == {point().uuid: "new"}
    assert await found(index, agent_id="a") == set()
    assert await found(index, metadata={"k": 1}) == set()
    assert await found(index, project="p", valid_at=T0 + TICK) == {0}
    (hits,) = await index.search([query(using="sentences")])
    assert hits[0].score == pytest.approx(0, abs=0.01)


async def test_of_one_id_twice_in_a_batch_the_last_counts(index: VectorIndex) -> None:
    await index.upsert_points([point(content_hash="first"), point(1), point(content_hash="last")])
    assert await hashes(index) == {point().uuid: "last", point(1).uuid: "hash 1"}


async def test_points_are_found_before_they_are_flushed_and_kept_after(make: Make) -> None:
    first = make()
    await first.open()
    await first.flush()
    await first.upsert_points([point(0), point(1)], durable=False)
    assert await first.count() == 2
    assert await found(first) == {0, 1}
    await first.flush()
    await first.close()
    second = make()
    await second.open()
    assert await second.count() == 2


async def test_deleted_points_are_gone_and_unknown_ids_ignored(index: VectorIndex) -> None:
    await index.upsert_points([point(i) for i in range(5)])
    await index.delete_points([point(1).uuid, point(3).uuid, str(uuid4()), "no uuid"])
    assert await found(index) == {0, 2, 4}
    assert await index.count() == 3
    await index.delete_points([point(1).uuid])
    await index.upsert_points([point(1)])
    assert await found(index) == {0, 1, 2, 4}


async def test_no_user_sees_a_point_of_another(index: VectorIndex) -> None:
    await index.upsert_points([point(i, user_id=user) for i, user in enumerate(ODD_USERS)])
    answers = await index.search([query(user_id=user) for user in ODD_USERS])
    assert [[UUID(hit.uuid).int - 1 for hit in hits] for hits in answers] == [[i] for i in range(len(ODD_USERS))]
    assert await found(index, user_id="") == set()
    assert await found(index, user_id="u" * 254) == set()


async def test_kind_agent_run_and_project_narrow_and_none_means_any(index: VectorIndex) -> None:
    await index.upsert_points(
        [
            point(0),
            point(1, agent_id="a"),
            point(2, agent_id="a", run_id="r"),
            point(3, agent_id="b", run_id="r", project="git.example/x y"),
            point(4, kind="fact", agent_id="a"),
            point(5, kind="entity"),
        ]
    )
    assert await found(index) == {0, 1, 2, 3}
    assert await found(index, agent_id="a") == {1, 2}
    assert await found(index, run_id="r") == {2, 3}
    assert await found(index, agent_id="a", run_id="r") == {2}
    assert await found(index, project="git.example/x y") == {3}
    assert await found(index, project="git.example/x") == set()
    assert await found(index, kind="fact") == {4}
    assert await found(index, kind="entity", agent_id="a") == set()


async def test_a_fact_holds_from_its_start_until_just_before_its_end(index: VectorIndex) -> None:
    end = T0 + timedelta(days=1)
    local = T0.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await index.upsert_points(
        [
            point(0, valid_at=T0, invalid_at=end),
            point(1, valid_at=T0),
            point(2),
            point(3, invalid_at=end),
            point(4, valid_at=datetime.min.replace(tzinfo=UTC), invalid_at=datetime.max.replace(tzinfo=UTC)),
            point(5, valid_at=local, invalid_at=end),
            point(6, valid_at=T0, invalid_at=T0),
        ]
    )
    always = {2, 4}
    assert await found(index, valid_at=T0 - TICK) == always | {3}
    assert await found(index, valid_at=T0) == always | {0, 1, 3, 5}
    assert await found(index, valid_at=end - TICK) == always | {0, 1, 3, 5}
    assert await found(index, valid_at=end) == always | {1}
    assert await found(index, valid_at=end.astimezone(local.tzinfo)) == always | {1}
    assert await found(index) == set(range(7))


async def test_a_memory_is_known_from_when_it_was_stored(index: VectorIndex) -> None:
    await index.upsert_points([point(0, created_at=T0), point(1, created_at=T0 + TICK), point(2)])
    assert await found(index) == {0, 1, 2}
    assert await found(index, known_at=T0 - TICK) == {2}
    assert await found(index, known_at=T0) == {0, 2}
    assert await found(index, known_at=T0 + TICK) == {0, 1, 2}


async def test_an_instant_lies_within_bounds_that_are_included(index: VectorIndex) -> None:
    await index.upsert_points(
        [point(0, valid_at=T0, created_at=T0), point(1, valid_at=T0 + TICK, created_at=T0), point(2)]
    )
    for first, last, among in (
        (T0, T0, {0}),
        (T0, None, {0, 1}),
        (T0 + TICK, None, {1}),
        (None, T0, {0}),
        (None, T0 - TICK, set[int]()),
    ):
        assert await found(index, ranges=[TimeRange("valid_at", first, last)]) == among, (first, last)
    both = [TimeRange("valid_at", T0 + TICK, None), TimeRange("created_at", None, T0)]
    assert await found(index, ranges=both) == {1}


async def test_metadata_matches_by_value_and_type(index: VectorIndex) -> None:
    await index.upsert_points(
        [
            point(0, metadata={"topic": "redis", "n": 1}),
            point(1, metadata={"topic": ["redis", "sessions"], "n": 1.0}),
            point(2, metadata={"topic": "Redis", "n": "1", "done": True}),
            point(3, metadata={"n": 2**60, "x": 0.1, "done": False}),
            point(4, metadata={"topic": [], "n": -1}),
        ]
    )
    assert await found(index, metadata={"topic": "redis"}) == {0, 1}
    assert await found(index, metadata={"topic": "sessions"}) == {1}
    assert await found(index, metadata={"topic": ["sessions", "Redis"]}) == {1, 2}
    assert await found(index, metadata={"topic": []}) == set()
    assert await found(index, metadata={"n": 1}) == {0, 1}
    assert await found(index, metadata={"n": True}) == set()
    assert await found(index, metadata={"n": "1"}) == {2}
    assert await found(index, metadata={"n": 2**60}) == {3}
    assert await found(index, metadata={"n": 2**60 + 1}) == set()
    assert await found(index, metadata={"x": 0.1}) == {3}
    assert await found(index, metadata={"done": True}) == {2}
    assert await found(index, metadata={"topic": "redis", "n": 1, "done": True}) == set()
    assert await found(index, metadata={"missing": "redis"}) == set()


@pytest.mark.parametrize("key", ["a.b", "a[0]", "a[]", 'q"uote', "", " ", "ключ", "user_id", "k" * 5000])
async def test_any_string_may_be_a_metadata_key_or_value(index: VectorIndex, key: str) -> None:
    await index.upsert_points([point(0, metadata={key: key}), point(1, metadata={key: key + "x"}), point(2)])
    assert await found(index, metadata={key: key}) == {0}


async def test_a_batch_answers_as_its_queries_would_alone(index: VectorIndex) -> None:
    random = np.random.default_rng(1)
    await index.upsert_points(
        [
            point(
                i,
                user_id=("alice", "bob")[i % 2],
                agent_id=("a", "b", None)[i % 3],
                text=unit(*random.normal(size=DIMENSION))[None, :],
                sentences=np.stack([unit(*random.normal(size=DIMENSION)) for _ in range(1 + i % 4)]),
            )
            for i in range(60)
        ]
    )
    queries = [
        query(using=using, vector=unit(*random.normal(size=DIMENSION)), user_id=user, agent_id=agent, top_k=top_k)
        for using in ("text", "sentences")
        for user in ("alice", "bob")
        for agent in ("a", None)
        for top_k in (1, 7)
    ]
    batch = await index.search(queries)
    assert batch == [(await index.search([one]))[0] for one in queries]
    assert [len(hits) for hits in batch] == [1, 7] * 8


async def test_scan_yields_every_point_once_in_batches_by_uuid(index: VectorIndex) -> None:
    points = [point(i, uuid=str(uuid4()), kind=("memory", "fact", "entity")[i % 3]) for i in range(253)]
    await index.upsert_points(points)
    sizes = [len(batch) async for batch in index.scan(50)]
    assert sum(sizes) == 253 and max(sizes) <= 50
    assert [entry.uuid async for batch in index.scan(50) for entry in batch] == sorted(one.uuid for one in points)
    assert await hashes(index, 50) == {one.uuid: one.content_hash for one in points}
    kinds = {entry.uuid: entry.kind async for batch in index.scan() for entry in batch}
    assert kinds == {one.uuid: one.kind for one in points}
    assert await index.count() == 253


async def test_reopening_keeps_everything(make: Make) -> None:
    async def contents(index: VectorIndex) -> object:
        narrow = query(using="sentences", agent_id="agent 5", metadata={"i": 5}, valid_at=T0)
        ((one,),) = await index.search([narrow])
        texts = await index.similarities("text", unit(1), [point(i).uuid for i in range(30)])
        return one.uuid, {uuid: round(similarity, 5) for uuid, similarity in texts.items()}, await hashes(index)

    first, second = make(), make()
    await first.open()
    assert first.rebuilt and first.collection_id  # pyright: ignore[reportAttributeAccessIssue]
    await first.upsert_points(
        [
            point(i, text=angle(i / 30)[None, :], agent_id=f"agent {i}", valid_at=T0, metadata={"i": i})
            for i in range(30)
        ]
    )
    await first.delete_points([point(3).uuid])
    before = await contents(first)
    await first.close()
    await second.open()
    assert not second.rebuilt  # pyright: ignore[reportAttributeAccessIssue]
    assert second.collection_id == first.collection_id  # pyright: ignore[reportAttributeAccessIssue]
    assert await contents(second) == before
    assert await second.count() == 29


@pytest.mark.parametrize("change", [{"embedder_name": "onnx:two"}, {"dimension": 4}, {"digest": "e" * 64}])
async def test_another_embedder_is_refused_with_both_names_and_the_cure(make: Make, change: dict[str, Any]) -> None:
    index = make()
    await index.open()
    await index.upsert_points([point()])
    await index.close()
    with pytest.raises(ConfigurationError) as caught:
        await make(**change).open()
    message = str(caught.value)
    assert "onnx:one" in message and "knowthread reindex" in message and "former" in message
    assert str(next(iter(change.values())))[:12] in message
    again = make()
    await again.open()
    assert await again.count() == 1


async def test_upserts_deletes_and_searches_at_once_lose_nothing(index: VectorIndex) -> None:
    async def write(worker: int) -> None:
        for i in range(10):
            number = worker * 100 + i
            await index.upsert_points([point(number), point(number + 50)])
            assert number in await found(index, top_k=1000)
            await index.delete_points([point(number + 50).uuid])

    async def read() -> None:
        for _ in range(20):
            for hits in await index.search([query(), query(using="sentences")]):
                assert all(hit.score == pytest.approx(1, abs=0.01) for hit in hits)

    tasks: list[Awaitable[None]] = [write(worker) for worker in range(4)] + [read(), read()]
    await asyncio.gather(*tasks)
    assert set(await hashes(index)) == {point(worker * 100 + i).uuid for worker in range(4) for i in range(10)}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("uuid", {"uuid": "seven"}),
        ("text", {"text": np.ones(3, np.float32)}),
        ("text", {"text": np.full(DIMENSION, np.nan, np.float32)}),
        ("sentences", {"sentences": np.ones((2, 3), np.float32)}),
        ("sentences", {"sentences": np.ones((0, DIMENSION), np.float32)}),
    ],
)
async def test_an_unusable_point_is_refused_by_field_and_nothing_is_written(
    index: VectorIndex, field: str, change: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await index.upsert_points([point(1), point(**change)])
    assert caught.value.field == field
    assert await index.count() == 0
    with pytest.raises(InvalidInput):
        await index.search([query(vector=np.ones(3, np.float32))])


OTHER: dict[str, Any] = {"embedder_name": "onnx:two", "dimension": 4, "digest": "e" * 64}


def short(number: int) -> IndexPoint:
    """A point of the other embedder."""
    vector = np.eye(4, dtype=np.float32)[0]
    return point(number, text=vector[None, :], sentences=vector[None, :], content_hash=f"new {number}")


async def test_while_a_collection_is_built_beside_reads_are_of_the_old_and_changes_go_to_both(make: Make) -> None:
    index = make()
    await index.open()
    await index.upsert_points([point(0), point(1), point(2)])
    old = index.collection_id
    assert index.building_id is None
    building = await index.begin_rebuild()
    assert building == index.building_id != old and index.collection_id == old
    assert await found(index) == {0, 1, 2}
    await index.upsert_points([point(2, content_hash="changed"), point(3)])
    await index.delete_points([point(0).uuid])
    assert await hashes(index) == {point(1).uuid: "hash 1", point(2).uuid: "changed", point(3).uuid: "hash 3"}
    await index.finish_rebuild()
    assert (index.collection_id, index.building_id) == (building, None)
    assert await hashes(index) == {point(2).uuid: "changed", point(3).uuid: "hash 3"}
    assert await found(index) == {2, 3}
    await index.upsert_points([point(4)])
    assert await index.count() == 3


async def test_a_rebuilt_collection_is_the_one_that_is_opened_next(make: Make) -> None:
    first = make()
    await first.open()
    await first.upsert_points([point(0)])
    for number in (1, 2):
        await first.begin_rebuild()
        await first.upsert_points([point(number)])
        await first.finish_rebuild()
    identity = first.collection_id
    await first.close()
    second = make()
    await second.open()
    assert (second.collection_id, second.building_id) == (identity, None)
    assert await found(second) == {2}


async def test_a_half_built_collection_is_gone_on_with_after_a_restart(make: Make) -> None:
    first = make()
    await first.open()
    await first.upsert_points([point(0)])
    building = await first.begin_rebuild()
    await first.upsert_points([point(1)])
    old = first.collection_id
    await first.close()
    second = make()
    await second.open()
    assert (second.collection_id, second.building_id) == (old, building)
    assert await found(second) == {0, 1}
    await second.upsert_points([point(2)])
    assert await second.begin_rebuild() == building
    await second.finish_rebuild()
    assert second.collection_id == building
    assert await found(second) == {1, 2}


async def test_a_dropped_rebuild_leaves_the_old_collection_in_place(make: Make) -> None:
    index = make()
    await index.open()
    await index.upsert_points([point(0)])
    old = index.collection_id
    building = await index.begin_rebuild()
    await index.upsert_points([point(1)])
    await index.drop_rebuild()
    await index.drop_rebuild()
    assert (index.collection_id, index.building_id) == (old, None)
    assert await found(index) == {0, 1}
    with pytest.raises(StoreUnavailable, match="no index is being built"):
        await index.finish_rebuild()
    assert await index.begin_rebuild() != building
    await index.finish_rebuild()
    assert await index.count() == 0


async def test_a_collection_of_another_embedder_is_replaced_and_until_then_kept(make: Make) -> None:
    former = make()
    await former.open()
    await former.upsert_points([point(0), point(1)])
    await former.close()
    index = make(**OTHER)
    with pytest.raises(ConfigurationError):
        await index.open()
    with pytest.raises(StoreUnavailable, match=r"onnx:one.*knowthread reindex"):
        await index.upsert_points([short(5)])
    building = await index.begin_rebuild()
    assert (index.collection_id, index.building_id) == ("", building)
    await index.upsert_points([short(5), short(6)])
    await index.delete_points([point(6).uuid, point(0).uuid])
    with pytest.raises(StoreUnavailable, match="onnx:one"):
        await index.search([query(vector=np.eye(4, dtype=np.float32)[0])])
    with pytest.raises(StoreUnavailable, match="onnx:one"):
        await index.count()
    await index.close()
    restarted = make(**OTHER)
    await restarted.open()
    assert (restarted.collection_id, restarted.building_id) == ("", building)
    await restarted.finish_rebuild()
    assert await hashes(restarted) == {point(5).uuid: "new 5"}
    assert await found(restarted, vector=np.eye(4, dtype=np.float32)[0]) == {5}
    await restarted.close()
    with pytest.raises(ConfigurationError, match="onnx:two"):
        await make().open()


async def test_going_back_to_the_former_embedder_finds_its_collection_untouched(make: Make) -> None:
    former = make()
    await former.open()
    await former.upsert_points([point(0)])
    await former.close()
    other = make(**OTHER)
    await other.begin_rebuild()
    await other.upsert_points([short(1)])
    await other.close()
    back = make()
    await back.open()
    assert back.building_id is None
    assert await found(back) == {0}
    await back.close()
    await other.begin_rebuild()
    await other.drop_rebuild()
    with pytest.raises(StoreUnavailable, match="not open"):
        await other.count()
    with pytest.raises(ConfigurationError):
        await other.open()
    await back.open()
    assert await found(back) == {0}


async def test_a_rest_between_writes_and_searches_changes_no_answer(make: Make) -> None:
    index = make()
    await index.open()
    await index.upsert_points([point(n) for n in range(40)], durable=False)
    before = await index.search([query(top_k=40), query(using="sentences", top_k=40)])
    await index.rest()
    assert await index.search([query(top_k=40), query(using="sentences", top_k=40)]) == before
    await index.upsert_points([point(40)])
    await index.rest()
    await index.close()
    again = make()
    await again.open()
    assert await again.count() == 41
    await again.close()


async def test_changes_during_a_change_over_are_all_there_afterwards(index: VectorIndex) -> None:
    await index.begin_rebuild()

    async def write(worker: int) -> None:
        for i in range(15):
            await index.upsert_points([point(worker * 100 + i)])

    async def change_over() -> None:
        await index.finish_rebuild()
        await index.begin_rebuild()
        await index.drop_rebuild()

    await asyncio.gather(write(0), write(1), change_over())
    assert await found(index, top_k=1000) == {worker * 100 + i for worker in range(2) for i in range(15)}
