"""One service holds the index of a graph, and another is told which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kg.errors import ConfigurationError, StoreUnavailable
from kg.graph.store import GraphAddress, GraphStore
from kg.index.holder import IndexHolder, identity_of, place_of
from kg.index.indexer import Indexer
from kg.index.rebuild import Reindex
from kg.operations.memory import MemoryService
from kg.recall.search import Recall
from tests.support.neo4j import wipe
from tests.support.user import User

FIRST, SECOND = "first folder", "second folder"
NOTED = "MATCH (s:IndexState {name: 'index'}) RETURN s.collection_id AS id"
RUN_OUT = "MATCH (s:IndexState {name: 'index'}) SET s.held_until = datetime() - duration('PT1S')"


@pytest.fixture(autouse=True)
async def nobody_holds(graph: GraphStore) -> AsyncIterator[None]:
    await by_hand(graph, "MATCH (s:IndexState) DELETE s")
    yield
    await by_hand(graph, "MATCH (s:IndexState) DELETE s")


async def by_hand(graph: GraphStore, query: str) -> None:
    await graph.driver.execute_query(query)  # pyright: ignore


def holder(graph: GraphStore, identity: str, *, shared: bool = False, lease_s: int = 60) -> IndexHolder:
    return IndexHolder(graph, identity, f"process 7 of the {identity}", shared=shared, lease_s=lease_s)


async def test_a_second_service_is_refused_in_words_that_name_the_first_and_the_cure(graph: GraphStore) -> None:
    await holder(graph, FIRST).claim("a")
    with pytest.raises(ConfigurationError) as refused:
        await holder(graph, SECOND).claim("b")
    for words in ("process 7 of the first folder", "KNOWTHREAD_QDRANT_URL", "stop the other service", "its hold ends"):
        assert words in str(refused.value)


async def test_the_same_data_folder_starts_again_at_once_after_a_crash(graph: GraphStore) -> None:
    await holder(graph, FIRST).claim("a")  # and crashes
    again = holder(graph, FIRST)
    await again.claim("a")
    await again.ensure()


async def test_the_index_is_free_after_an_orderly_end_and_after_the_lease_of_a_crashed_service(
    graph: GraphStore,
) -> None:
    first = holder(graph, FIRST)
    await first.claim("a")
    await first.stop()
    await holder(graph, SECOND).claim("b")  # and crashes
    await by_hand(graph, RUN_OUT)
    await holder(graph, FIRST).claim("a")


@pytest.mark.parametrize(
    "change",
    ["DELETE s", "SET s.held_until = 'soon', s.place = 7, s.shared = 'no'", "SET s.held_until = datetime('2999')"],
    ids=["deleted", "of another type", "before the clock was set back"],
)
async def test_what_a_hand_or_a_clock_did_to_the_hold_keeps_nobody_out(graph: GraphStore, change: str) -> None:
    first = holder(graph, FIRST)
    await first.claim("a")
    await by_hand(graph, f"MATCH (s:IndexState {{name: 'index'}}) {change}")
    await holder(graph, SECOND).claim("b")
    with pytest.raises(StoreUnavailable):
        await graph.write(first.keep, "keep")


async def test_services_that_share_an_index_server_go_on_and_keep_out_one_with_an_index_of_its_own(
    graph: GraphStore,
) -> None:
    one, other = holder(graph, FIRST, shared=True), holder(graph, SECOND, shared=True)
    await one.claim("a")
    await by_hand(graph, "MATCH (s:IndexState) SET s.collection_id = 'a'")
    await other.claim("a")
    for service in (one, other):
        await service.ensure()
        await graph.write(service.keep, "keep")
    await other.stop()
    with pytest.raises(ConfigurationError, match="an index on a server"):
        await holder(graph, "third folder").claim("c")
    with pytest.raises(ConfigurationError, match="an index on a server"):
        await holder(graph, "a folder with another server", shared=True).claim("d")


async def test_an_index_that_another_service_filled_is_compared_with_the_graph_again(
    neo4j_address: GraphAddress, user: User
) -> None:
    wipe(neo4j_address)  # what others left would be indexed too
    graph, index = user.parts.store, user.parts.index
    first, second = holder(graph, FIRST), holder(graph, SECOND)
    reindex = Reindex(graph, index, user.indexer, first)
    await reindex.open_index()
    assert (await user.raw(NOTED))[0]["id"] == index.collection_id
    await first.stop()
    await second.claim("another collection")
    assert not (await user.raw(NOTED))[0]["id"]
    missed = (await user.add("Indexed by the second service")).id
    await user.indexer.drain()
    await index.delete_points([missed])
    await second.stop()
    await reindex.open_index()
    assert await user.raw("MATCH (n:Unindexed {uuid: $uuid}) RETURN 1 AS one", uuid=missed)


async def test_a_service_that_lost_the_index_leaves_the_queue_alone_says_so_and_takes_it_back(user: User) -> None:
    parts, graph = user.parts, user.parts.store
    first, second = holder(graph, FIRST), holder(graph, SECOND)
    await first.claim("a")
    mine = Indexer(graph, parts.index, parts.embedder, parts.clock, holder=first)
    recall = Recall(graph, parts.index, parts.embedder, check_index=first.check)
    asking = replace(user, memory=MemoryService(replace(parts, recall=recall)))
    await parts.indexer.stop()
    note = (await user.add("The queue waits for its holder")).id
    await by_hand(graph, RUN_OUT)
    await second.claim("b")
    with pytest.raises(StoreUnavailable, match="another service took the index"):
        await mine.drain()  # its own lease still runs by its own clock, as after a sleep
    with pytest.raises(StoreUnavailable, match="process 7 of the second folder"):
        await mine.drain()
    assert await user.raw("MATCH (n:Unindexed {uuid: $uuid}) RETURN 1 AS one", uuid=note)
    assert "process 7 of the second folder" in first.problem
    answer = await asking.search("What waits for its holder?")
    assert "process 7 of the second folder" in str(answer["degraded"])
    assert [hit["id"] for hit in answer["results"]] == [note]
    await second.stop()
    await mine.drain()
    assert not first.problem
    assert not await user.raw("MATCH (n:Unindexed {uuid: $uuid}) RETURN 1 AS one", uuid=note)


async def test_a_lease_that_nobody_else_took_is_renewed_when_it_is_needed(graph: GraphStore) -> None:
    slept = holder(graph, FIRST, lease_s=0)
    await slept.claim("a")
    await slept.ensure()
    await graph.write(slept.keep, "keep")


def test_a_data_folder_keeps_its_identity_and_another_has_another(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert identity_of(one) == identity_of(one) != identity_of(other)
    assert str(one) in place_of(one)
