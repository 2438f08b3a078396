"""Three services on one Neo4j and one Qdrant, eight clients: nothing is lost, nothing is twice, the index is equal.

The Qdrant is qdrant-client's own engine in the place of a server; the contract suite runs the same code on a real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from kg.graph.store import GraphAddress, GraphStore
from kg.index.holder import IndexHolder
from kg.index.indexer import Indexer
from kg.index.rebuild import Reindex
from kg.operations.arguments import Session
from kg.operations.memory import MemoryService, Parts
from kg.ports import Embedder, SystemClock
from kg.recall.nothing_fits import Bearings
from kg.recall.recall_counts import RecallCounts
from kg.recall.search import Recall
from kg.values import Scope
from kg.writing.delete import Deleting
from tests.support.graph_checks import whole_graph_invariants
from tests.support.local_qdrant import LocalQdrant, QdrantPlace
from tests.support.neo4j import wipe
from tests.support.user import states

SERVICES = 3
CLIENTS = 8
USERS = 4
"""Two clients each, on different services: what they write at once meets at the partition's lock."""
WRITES = 96
MANY_WRITES = 10_000


@pytest.fixture
async def services(
    graph: GraphStore, neo4j_address: GraphAddress, embedder: Embedder, bearings: Bearings
) -> AsyncIterator[list[Parts]]:
    """Three services with connections, indexers and leases of their own; the graph is empty."""
    del graph  # it has brought the schema
    wipe(neo4j_address)
    engine, clock = LocalQdrant(), SystemClock()
    place = QdrantPlace("http://127.0.0.1:6333", "", engine)
    made: list[Parts] = []
    async with AsyncExitStack() as ends:
        ends.push_async_callback(engine.close)
        for number in range(SERVICES):
            store = GraphStore(neo4j_address)
            await store.connect()
            ends.push_async_callback(store.close)
            index = place.index(
                "shared", embedder_name=embedder.name, dimension=embedder.dimension, digest=embedder.digest
            )
            holder = IndexHolder(store, f"service {number}", f"place {number}", shared=True)
            indexer = Indexer(store, index, embedder, clock, holder=holder)
            ends.push_async_callback(holder.stop)
            ends.push_async_callback(indexer.stop)
            await Reindex(store, index, indexer, holder).open_index()
            indexer.start()
            recall, counts = Recall(store, index, embedder, bearings=bearings), RecallCounts(store, clock)
            made.append(Parts(store, index, embedder, indexer, Deleting(store, clock), recall, counts, clock))
        yield made
    wipe(neo4j_address)


class Client:
    """Writes through each service in turn, and keeps what was acknowledged."""

    def __init__(self, number: int, user_id: str, services: Sequence[Parts]) -> None:
        self.number = number
        self.user_id = user_id
        self.stored: dict[str, str] = {}
        self._services = [MemoryService(parts) for parts in services]

    async def write(self, n: int) -> None:
        """Add mostly, now and then update or delete what this client has added."""
        memory = self._services[(self.number + n) % len(self._services)]
        session = Session(Scope(self.user_id, run_id=f"run {self.number}"), uuid4().hex)
        text = f"Client {self.number} moved job {self.number}-{n} to the shared queue"
        if n % 10 == 9:
            uuid = next(iter(self.stored))
            await memory.delete_memory(session, memory_id=uuid)
            del self.stored[uuid]
        elif n % 10 == 7:
            uuid = next(iter(self.stored))
            await memory.update_memory(session, memory_id=uuid, text=f"{text}, at last")
            self.stored[uuid] = f"{text}, at last"
        elif n % 2:
            added = await memory.add_memory(session, messages=[{"role": "user", "content": text}])
            self.stored[added["results"][0]["id"]] = text
        else:
            facts = [
                states(f"Job {n} uses the queue", "USES", f"job {self.number}-{n}", "the shared queue"),
                states(f"The queue runs version {n}", "USES_VERSION", "the shared queue", f"{n}.0"),
            ]
            added = await memory.add_memory(session, text=text, facts=facts)
            self.stored[added["results"][0]["id"]] = text

    async def write_all(self, writes: int) -> None:
        for n in range(writes):
            await self.write(n)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("writes", [WRITES, pytest.param(MANY_WRITES, marks=pytest.mark.soak)])
async def test_what_eight_clients_write_through_three_services_is_there_once(services: list[Parts], writes: int):
    users = [f"team-{uuid4().hex}" for _ in range(USERS)]
    clients = [Client(number, users[number % USERS], services) for number in range(CLIENTS)]
    await asyncio.gather(*(client.write_all(writes // CLIENTS) for client in clients))
    one = services[0]
    for user in users:
        stored = {uuid: text for client in clients if client.user_id == user for uuid, text in client.stored.items()}
        records = await one.store.driver.execute_query(
            "MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS uuid, m.text AS text", user_id=user
        )
        assert sorted((row["uuid"], row["text"]) for row in records.records) == sorted(stored.items())
        await whole_graph_invariants(one, user)
        session = Session(Scope(user), uuid4().hex)
        for parts in services:
            found = await MemoryService(parts).search_memories(session, query="which job was moved to the queue?")
            assert found["results"] and not found.get("degraded")
