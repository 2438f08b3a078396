"""Another embedder, a damaged collection, a process that dies at it, and edits by hand: index and graph agree again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from extract.embedders.connect import make_embedder
from kg.errors import ConfigurationError, Conflict, StoreUnavailable
from kg.graph.store import GraphAddress, GraphStore
from kg.index import queries as index_queries
from kg.index.compare import drift
from kg.index.indexer import Indexer
from kg.index.qdrant.embedded import EmbeddedIndex
from kg.index.qdrant.point_form import FORM
from kg.index.rebuild import Reindex
from kg.language.words import content_hash
from kg.operations.arguments import Session
from kg.operations.memory import MemoryService, Parts
from kg.operations.repair import Repaired, repair
from kg.ports import Embedder, IndexPoint, QuestionVectors, TextToEmbed, TextVectors, Vector
from kg.recall.recall_counts import RecallCounts
from kg.recall.search import Recall
from kg.settings.paths import cache_dir
from kg.settings.service import EMBEDDERS, Settings
from kg.values import Scope
from kg.writing.delete import Deleting
from mcp_server.service.composition import Service
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import TestClock, User, lives_in, prefers, raw, states

SMALL, LARGE = "test:small", "test:large"


class HashEmbedder:
    """Equal texts have equal vectors, others almost orthogonal ones; it can be held up, and fail.

    Attributes:
        embedded: how many texts it was asked for; met: which.
        allowed: how many it embeds before it waits for ``go_on``.
        broken: it cannot be run at present; refused: a text that it never takes.
    """

    english_only = False
    two_models = False

    def __init__(self, name: str = SMALL) -> None:
        self.name = name
        self.dimension = 64 if name == SMALL else 96
        self.digest = name * 4
        self.embedded = 0
        self.met: set[str] = set()
        self.allowed = sys.maxsize
        self.go_on = asyncio.Event()
        self.held = asyncio.Event()
        self.broken = False
        self.refused = ""

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        if self.broken:
            raise StoreUnavailable("service", "the model is away", retryable=True)
        if self.refused and any(self.refused in text for text in texts):
            raise StoreUnavailable("service", "the model does not take this", retryable=False)
        if self.embedded >= self.allowed:
            self.held.set()
            await self.go_on.wait()
        self.embedded += len(texts)
        self.met.update(texts)
        return np.stack([self._vector(text) for text in texts])

    async def embed_texts(self, texts: Sequence[TextToEmbed]) -> list[TextVectors]:
        rows = await self.embed_documents([one.text for one in texts])
        return [
            TextVectors(row[None, :], row[None, :] if one.sentences else None)
            for one, row in zip(texts, rows, strict=True)
        ]

    async def embed_question(self, text: str) -> QuestionVectors:
        vector = self._vector(text)
        return QuestionVectors(vector, vector, np.empty((0, self.dimension), np.float32))

    def let_through(self, texts: int) -> None:
        """Let the texts that wait go on, then more until there were so many, and wait again."""
        self.allowed = self.embedded + texts
        waiting, self.go_on = self.go_on, asyncio.Event()
        waiting.set()

    async def embed_query(self, text: str) -> Vector:
        return self._vector(text)

    async def close(self) -> None:
        return

    def _vector(self, text: str) -> Vector:
        seed = int.from_bytes(hashlib.sha256(f"{self.name} {text}".encode()).digest()[:8])
        vector = np.random.default_rng(seed).normal(size=self.dimension).astype(np.float32)
        return vector / np.linalg.norm(vector)


class Side(User):
    """A user of one service over the shared graph, with the index in a folder."""

    index: EmbeddedIndex
    embedder: Any
    reindex: Reindex

    async def finished(self) -> dict[str, Any]:
        """Wait for the rebuild's end."""
        while self.reindex.progress()["state"] == "building":
            await asyncio.sleep(0.02)
        return self.reindex.progress()

    async def by_meaning(self, text: str) -> bool:
        """Whether a text's own vector finds it."""
        answer = await self.search(text, limit=3)
        hits = [hit for hit in answer["results"] if hit["memory"] == text]
        return "degraded" not in answer and bool(hits) and hits[0].get("similarity", 0) > 0.98

    async def agrees(self) -> None:
        """Index and graph hold the same."""
        await self.indexer.drain()
        found = await drift(self.parts.store, self.index)
        assert found.none, found
        assert found.nodes == found.points
        assert found.waiting == 0


Serve = Callable[..., Any]


@pytest.fixture
async def empty_graph(graph: GraphStore) -> GraphStore:
    """The shared store without anything that other tests left."""
    while True:
        records, _, _ = await graph.driver.execute_query(
            "MATCH (n) WHERE NOT n:SchemaState WITH n LIMIT 5000 DETACH DELETE n RETURN count(n) AS gone"
        )
        if not records[0]["gone"]:
            return graph


@pytest.fixture
def serve(empty_graph: GraphStore, clock: TestClock, tmp_path: Path) -> Serve:
    """Bring a service up on the one folder and graph, as the composition root does."""

    user_id, keys = f"it-{uuid4().hex}", count()

    @asynccontextmanager
    async def serving(embedder: Embedder | None = None, *, opens: bool = True, **more: int) -> AsyncIterator[Side]:
        used = embedder or HashEmbedder()
        index = EmbeddedIndex(tmp_path / "qdrant", used.name, used.dimension, used.digest)
        indexer = Indexer(empty_graph, index, used, clock, **more)
        recall, counts = Recall(empty_graph, index, used), RecallCounts(empty_graph, clock)
        parts = Parts(empty_graph, index, used, indexer, Deleting(empty_graph, clock), recall, counts, clock)
        side = Side(parts, MemoryService(parts), clock, user_id, None, keys)
        side.index, side.embedder = index, used
        side.reindex = Reindex(empty_graph, index, indexer)
        try:
            if opens:
                await side.reindex.open_index()
            indexer.start()
            yield side
        finally:
            await side.reindex.stop()
            await indexer.stop()
            await index.close()

    return serving


def note(number: int) -> str:
    return f"Note {number} about subject {number * 7919}"


async def fill(side: Side, start: int, end: int) -> list[str]:
    added = await asyncio.gather(
        *(side.add(note(i), prefers(f"thing {i}"), key=f"note {i}", wait=False) for i in range(start, end))
    )
    return [one.id for one in added]


async def test_another_embedder_takes_over_and_finds_by_meaning_what_was_stored_before_and_meanwhile(
    serve: Serve, real_embedder: Embedder
) -> None:
    async with serve(real_embedder) as side:
        await side.add("The gateway drops idle connections after a minute", wait=True)
        await side.add("Tomatoes need a lot of water in July", wait=True)
        await side.agrees()
    bge = make_embedder("onnx:bge-small-en-v1.5-q", cache_dir())
    async with serve(bge, opens=False) as side:
        with pytest.raises(ConfigurationError) as refused:
            await side.reindex.open_index()
        for words in (real_embedder.name, bge.name, "knowthread reindex"):
            assert words in str(refused.value)
        added = await side.add("Our roses suffer from mildew")
        assert added["indexed"] is False
        answer = await side.search("roses mildew")
        assert [hit["memory"] for hit in answer["results"]] == ["Our roses suffer from mildew"]
        assert real_embedder.name in answer["degraded"][0]
        side.reindex.start()
        assert await side.finished() == {"state": "done", "done": 3, "total": 3, "error": None}
        answer = await side.search("timeout of sockets that nobody uses", limit=1)
        assert "gateway" in answer["results"][0]["memory"]
        assert "degraded" not in answer
        answer = await side.search("fungus on garden flowers", limit=1)
        assert "mildew" in answer["results"][0]["memory"]
        await side.agrees()
    await bge.close()


async def test_a_rebuild_with_adds_updates_and_deletes_going_on_loses_nothing_and_answers_all_the_time(
    serve: Serve,
) -> None:
    async with serve() as side:
        ids = await fill(side, 0, 30)
        await side.agrees()
        before = side.index.collection_id
        side.embedder.allowed = side.embedder.embedded + 40
        side.reindex.start()
        await side.embedder.held.wait()
        with pytest.raises(Conflict, match="is running"):
            side.reindex.start()
        async with asyncio.timeout(20):
            while not (total := side.reindex.progress()["total"]):  # the indexer may be ahead of who counts
                await asyncio.sleep(0.02)
        assert total >= 60
        writing = asyncio.gather(
            fill(side, 30, 45),
            *(side.delete(ids[i]) for i in range(0, 10)),
            *(side.update(ids[i], text=f"{note(i)} revised") for i in range(10, 15)),
        )
        assert await side.by_meaning(note(20)), "the old collection answers"
        side.embedder.go_on.set()
        await writing
        finished = await side.finished()
        assert (finished["state"], finished["error"]) == ("done", None)
        assert finished["done"] == finished["total"]
        assert side.index.collection_id != before
        await side.agrees()
        for i in (15, 22, 29, 30, 37, 44):
            assert await side.by_meaning(note(i))
        assert await side.by_meaning(f"{note(12)} revised")
        assert not await side.by_meaning(note(3))
        await whole_graph_invariants(side.parts, side.id)
        side.reindex.start()
        assert (await side.finished())["state"] == "done"
        await side.agrees()


KILLED = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parents[3]))
from tests.integration.index.test_rebuild import EmbeddedIndex, GraphAddress, GraphStore, HashEmbedder
from tests.integration.index.test_rebuild import Indexer, Reindex, TestClock

async def main():
    store = GraphStore(GraphAddress(*sys.argv[4:]))
    await store.connect()
    embedder = HashEmbedder(sys.argv[3])
    embedder.allowed = 96
    index = EmbeddedIndex(Path(sys.argv[2]), embedder.name, embedder.dimension, embedder.digest)
    indexer = Indexer(store, index, embedder, TestClock(), flush_at=32)
    reindex = Reindex(store, index, indexer)
    reindex.start()
    while not reindex.progress()["total"]:
        await asyncio.sleep(0.02)
    indexer.start()
    await embedder.held.wait()
    while not indexer.state.indexed:
        await asyncio.sleep(0.02)
    print(indexer.state.indexed, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("embedder", [SMALL, LARGE])
async def test_a_rebuild_that_was_killed_goes_on_where_it_was_at_the_next_start(
    serve: Serve, tmp_path: Path, neo4j_address: GraphAddress, embedder: str
) -> None:
    async with serve() as side:
        await fill(side, 0, 40)
        await side.agrees()
        nodes = await side.index.count()
    address = (neo4j_address.url, neo4j_address.user, neo4j_address.password)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, __file__, str(tmp_path / "qdrant"), embedder, *address,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    built = int(await child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    await child.wait()
    async with serve(HashEmbedder(embedder)) as side:
        assert (await side.finished())["state"] == "done"
        assert len(side.embedder.met) <= nodes - built, "what was built already is not built again"
        await fill(side, 40, 42)
        await side.agrees()
        assert await side.by_meaning(note(1))
        assert await side.by_meaning(note(39))
        assert await side.by_meaning(note(41))


async def test_a_stopped_service_goes_on_with_its_rebuild_when_it_is_back(serve: Serve) -> None:
    async with serve() as side:
        await fill(side, 0, 40)
        await side.agrees()
        side.embedder.allowed = side.embedder.embedded + 32
        side.reindex.start()
        await side.embedder.held.wait()
        building = side.index.building_id
    async with serve() as side:
        assert (await side.finished())["state"] == "done"
        assert side.index.collection_id == building
        await side.agrees()


async def test_a_cancelled_rebuild_leaves_the_old_collection_up_to_date(serve: Serve, tmp_path: Path) -> None:
    async with serve() as side:
        ids = await fill(side, 0, 40)
        await side.agrees()
        old = side.index.collection_id
        side.embedder.allowed = side.embedder.embedded + 32
        side.reindex.start()
        await side.embedder.held.wait()
        await side.add("Said meanwhile")
        await side.delete(ids[0])
        await side.reindex.cancel()
        side.embedder.go_on.set()
        assert side.reindex.progress() == {"state": "idle", "done": 0, "total": 0, "error": None}
        assert side.index.collection_id == old
        await side.agrees()
        assert await side.by_meaning("Said meanwhile")
        assert len(list((tmp_path / "qdrant").glob("shard-*"))) == 1


async def test_going_back_to_the_former_embedder_half_way_brings_its_collection_up_to_date(serve: Serve) -> None:
    async with serve() as side:
        ids = await fill(side, 0, 50)
        await side.agrees()
        old, nodes = side.index.collection_id, await side.index.count()
    other = HashEmbedder(LARGE)
    async with serve(other, opens=False, flush_at=16) as side:
        other.allowed = 32
        side.reindex.start()
        await other.held.wait()
        while not (built := side.indexer.state.indexed):
            await asyncio.sleep(0.02)
        await side.delete(ids[0])
        await side.update(ids[1], text="Changed meanwhile")
        other.let_through(16)
        await side.add("Said meanwhile")
    async with serve() as side:
        assert side.index.collection_id == old
        await side.agrees()
        assert len(side.embedder.met) <= nodes + 2 - built, "what it holds already is not embedded again"
        assert await side.by_meaning("Said meanwhile")
        assert await side.by_meaning("Changed meanwhile")


async def test_cancelling_a_change_of_embedder_leaves_the_former_collection_for_it(serve: Serve) -> None:
    async with serve() as side:
        await fill(side, 0, 10)
        await side.agrees()
    async with serve(HashEmbedder(LARGE), opens=False) as side:
        side.embedder.broken = True
        side.reindex.start()
        while side.index.building_id is None:
            await asyncio.sleep(0.01)
        await side.reindex.cancel()
        progress = side.reindex.progress()
        assert progress["state"] == "idle"
        assert SMALL in progress["error"]
        assert LARGE in progress["error"]
    async with serve() as side:
        side.clock.tick()  # what was queued before the end had met a model that is away, and waits for another try
        await side.agrees()


async def test_a_model_that_is_away_ends_no_rebuild_and_a_text_that_it_refuses_does_not_hold_it_up(
    serve: Serve,
) -> None:
    async with serve() as side:
        await fill(side, 0, 5)
        await side.agrees()
        old = side.index.collection_id
        side.embedder.broken = True
        side.reindex.start()
        while not (await side.parts.store.read_one(index_queries.index_lag))["failing"]:
            await asyncio.sleep(0.02)
        assert side.reindex.progress()["state"] == "building"
        assert side.index.collection_id == old
        assert await side.by_meaning(note(2))
        side.embedder.refused = note(3)
        side.embedder.broken = False
        assert (await side.finished())["state"] == "done"
        lag = await side.parts.store.read_one(index_queries.index_lag)
        assert (lag["waiting"], lag["failing"]) == (1, 1)
        assert await side.by_meaning(note(2))
        assert (await drift(side.parts.store, side.index)).none


async def test_an_index_that_lost_points_and_kept_others_is_brought_up_to_date_at_the_start(
    serve: Serve, empty_graph: GraphStore
) -> None:
    async with serve() as side:
        await fill(side, 0, 5)
        await side.agrees()
        points = [entry.uuid async for batch in side.index.scan() for entry in batch]
        await side.index.delete_points(points[:2])
        await side.index.upsert_points([stray(side)])
    await empty_graph.driver.execute_query("MATCH (s:IndexState) DELETE s")
    async with serve() as side:
        await side.agrees()
        assert len(side.embedder.met) == 2


def stray(side: Side) -> IndexPoint:
    """A point whose node never was."""
    vector = np.eye(side.embedder.dimension, dtype=np.float32)[0]
    return IndexPoint(str(uuid4()), "memory", side.id, vector[None, :], "of nothing", vector[None, :])


async def mend(side: Side) -> Repaired:
    """Repair, let the indexer catch up, and repair again, which finds nothing any more."""
    repaired = await repair(side.parts.store, side.index, side.clock)
    await side.agrees()
    await whole_graph_invariants(side.parts, side.id)
    assert await repair(side.parts.store, side.index, side.clock) == Repaired()
    return repaired


@pytest.fixture
async def stocked(serve: Serve) -> AsyncIterator[Side]:
    """A user with a history: two homes, a decision, a merge-free graph, an update and a deletion."""
    async with serve() as side:
        clock = side.clock
        clock.at("2024-01-01")
        await side.add("We live in Paris", lives_in("Paris", "2020-01-01"))
        await side.add("We moved to Berlin", lives_in("Berlin", "2023-01-01"))
        tabs = await side.add("Tabs", states("prefers tabs", "PREFERS", "user", "tabs"))
        clock.tick()
        await side.add("Spaces", states("prefers spaces", "PREFERS", "user", "spaces", supersedes=[tabs.fact]))
        old = await side.add("The port is 80", states("port 80", "CONFIGURED_AS", "gateway", "80"))
        await side.update(old.id, states("port 81", "CONFIGURED_AS", "gateway", "81"), text="The port is 81")
        await side.delete((await side.add("Gone", prefers("nothing"))).id)
        await side.agrees()
        yield side


async def test_a_repair_of_a_sound_graph_finds_nothing_and_changes_nothing(stocked: Side) -> None:
    before = sorted([(e.uuid, e.content_hash) async for batch in stocked.index.scan() for e in batch])
    assert await mend(stocked) == Repaired()
    assert sorted([(e.uuid, e.content_hash) async for batch in stocked.index.scan() for e in batch]) == before


async def test_points_that_are_missing_stale_or_surplus_are_counted_and_mended(stocked: Side) -> None:
    points = [entry.uuid async for batch in stocked.index.scan() for entry in batch]
    await stocked.index.delete_points(points[:2])
    wrong = replace(stray(stocked), uuid=points[2])
    await stocked.index.upsert_points([stray(stocked), wrong])
    found = await drift(stocked.parts.store, stocked.index)
    assert (found.missing, found.stale, found.surplus, found.texts) == (2, 1, 1, 0)
    assert await drift(stocked.parts.store, stocked.index) == found, "looking changes nothing"
    assert await mend(stocked) == Repaired(missing=2, stale=1, surplus=1)


async def test_a_text_edited_by_hand_is_found_by_its_new_words_and_meaning(stocked: Side) -> None:
    await stocked.raw("MATCH (m:Memory {user_id: $user_id, text: 'Tabs'}) SET m.text = 'useSemicolons everywhere'")
    await stocked.raw("MATCH (e:Entity {user_id: $user_id, name: 'gateway'}) SET e.terms = 'nonsense'")
    await stocked.raw("MATCH (m:Memory {user_id: $user_id, text: 'We live in Paris'}) SET m.project = 'home'")
    assert (await drift(stocked.parts.store, stocked.index)).texts == 2
    repaired = await mend(stocked)
    assert (repaired.texts, repaired.missing, repaired.surplus) == (2, 0, 0)
    assert await stocked.by_meaning("useSemicolons everywhere")
    answer = await stocked.search("semicolons", explain=True)
    by_words = [hit["memory"] for hit in answer["results"] if hit["explain"]["shares"].get("lexical")]
    assert by_words == ["useSemicolons everywhere"]
    (edited,) = await stocked.raw(
        "MATCH (m:Memory {user_id: $user_id, text: 'useSemicolons everywhere'}) RETURN m.content_hash AS digest"
    )
    assert edited["digest"] == content_hash("useSemicolons everywhere")


async def test_wrong_ends_and_wrongly_drawn_claims_follow_from_the_facts_again(stocked: Side) -> None:
    await stocked.raw("MATCH (f:Fact {user_id: $user_id, statement: 'lives in Paris'}) SET f.invalid_at = null")
    await stocked.raw("MATCH (f:Fact {user_id: $user_id, statement: 'prefers spaces'}) SET f.invalid_at = f.valid_at")
    await stocked.raw("MATCH (:Entity {user_id: $user_id})-[r:LIVES_IN]->() DELETE r")
    repaired = await mend(stocked)
    assert (repaired.ends, repaired.claims, repaired.undrawn) == (2, 1, 0)
    assert await stocked.objects("user") == {"Berlin", "spaces"}


async def test_a_claim_drawn_twice_or_of_nothing_is_drawn_once_or_not_at_all(stocked: Side) -> None:
    await stocked.raw(
        "MATCH (s:Entity {user_id: $user_id})-[r:LIVES_IN]->(o) CREATE (s)-[again:LIVES_IN]->(o) SET again = r {.*}"
    )
    await stocked.raw(
        """MATCH (s:Entity {user_id: $user_id, name: 'Berlin'}), (o:Entity {user_id: $user_id, name: 'tabs'})
        CREATE (s)-[:HATES {claim_key: 'of nothing', user_id: $user_id}]->(o), (s)-[:DRAWN_BY_HAND]->(o)"""
    )
    repaired = await repair(stocked.parts.store, stocked.index, stocked.clock)
    assert (repaired.claims, repaired.undrawn) == (1, 1)
    rows = await stocked.raw("MATCH (:Entity {user_id: $user_id})-[r]->(:Entity) RETURN type(r) AS type ORDER BY type")
    assert [row["type"] for row in rows] == ["DRAWN_BY_HAND", "LIVES_IN", "PREFERS"]


async def test_a_tombstone_of_a_node_that_stands_is_forgotten(stocked: Side) -> None:
    await stocked.raw(
        "MATCH (m:Memory {user_id: $user_id, text: 'Tabs'}) "
        "CREATE (:Tombstone {uuid: m.uuid, user_id: $user_id, created_at: m.created_at, applied: true})"
    )
    assert await mend(stocked) == Repaired(tombstones=1)
    left = await raw(stocked.parts, "MATCH (t:Tombstone) MATCH (m:Memory {uuid: t.uuid}) RETURN m.uuid AS uuid")
    assert not left


async def test_a_repair_without_the_index_mends_the_graph_and_says_what_is_missing(serve: Serve) -> None:
    async with serve() as side:
        await side.add("We live in Paris", lives_in("Paris"))
        await side.agrees()
        await side.raw("MATCH (f:Fact {user_id: $user_id}) SET f.invalid_at = f.valid_at")
        await side.index.close()
        with pytest.raises(StoreUnavailable, match="not open"):
            await repair(side.parts.store, side.index, side.clock)
        rows = await side.raw("MATCH (f:Fact {user_id: $user_id}) RETURN f.invalid_at AS end")
        assert rows == [{"end": None}]


async def test_a_service_with_another_embedder_comes_up_by_words_and_finds_by_meaning_once_it_is_told_to_reindex(
    neo4j_address: GraphAddress, empty_graph: GraphStore, tmp_path: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path / "data",
        cache_dir=cache_dir(),
        neo4j_url=neo4j_address.url,
        neo4j_user=neo4j_address.user,
        neo4j_password=neo4j_address.password,
        llm="none",
    )
    session = Session(Scope("it-service"), "first")
    async with started(settings) as service:
        await service.memory.add_memory(session, text="The gateway drops idle connections", wait=True)
        await service.drain()  # a rebuild waits for what has left the queue, not for what was in it already
    async with started(replace(settings, embedder=EMBEDDERS[1])) as service:
        error = (await service.status())["index"]["error"]
        assert all(words in error for words in (*EMBEDDERS[:2], "knowthread reindex"))
        second = await service.memory.add_memory(replace(session, key="second"), text="Roses suffer from mildew")
        assert second["indexed"] is False
        await service.administration.reindex(session)
        while (progress := await service.administration.reindex(session, start=False))["state"] == "building":
            await asyncio.sleep(0.05)
        assert progress == {"state": "done", "done": 2, "total": 2, "error": None}
        answer = await service.memory.search_memories(session, query="fungus on flowers", limit=1)
        assert "degraded" not in answer
        assert answer["results"][0]["memory"] == "Roses suffer from mildew"
    async with started(replace(settings, embedder=EMBEDDERS[1])) as service:
        index = (await service.status())["index"]
        assert ("error" in index, index["points"]) == (False, 2)


@pytest.mark.parametrize("form", [None, FORM - 1])
async def test_an_index_of_an_old_form_is_built_anew_while_words_answer(
    serve: Serve, tmp_path: Path, form: int | None
) -> None:
    held = HashEmbedder()
    async with serve(held) as side:
        await side.add("The gateway drops idle connections", wait=True)
        await side.agrees()
    record = tmp_path / "qdrant" / "collection.json"
    found = json.loads(record.read_text())
    before = {"embedder": "onnx:one-of-before"} if form is None else {"form": form}
    del found["form"]
    record.write_text(json.dumps(found | before))
    held.allowed = held.embedded
    async with serve(held) as side:
        answer = await side.search("gateway connections")
        assert [hit["memory"] for hit in answer["results"]] == ["The gateway drops idle connections"]
        assert "form of another version" in answer["degraded"][0]
        held.allowed = sys.maxsize
        held.go_on.set()
        assert (await side.finished())["state"] == "done"
        assert await side.by_meaning("The gateway drops idle connections")
        await side.agrees()


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Service]:
    """A service in this process."""
    service = Service(settings)
    try:
        await service.start(lambda _: None)
        yield service
    finally:
        await service.stop()
