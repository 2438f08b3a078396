"""The connection to the database breaks just after a commit: the call is repeated, and carried out once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from kg.errors import CommitInDoubt
from kg.graph.digest import lines
from kg.graph.store import GraphAddress, GraphStore
from kg.index.indexer import Indexer
from kg.operations.decisions import Decisions
from kg.operations.job_control import Jobs
from kg.operations.memory import MemoryService, Parts
from kg.operations.repair import repair
from kg.values import Scope
from kg.writing.delete import Deleting
from kg.writing.revert import Reverting
from tests.support.bolt_proxy import BoltProxy, bolt_proxy
from tests.support.graph_checks import whole_graph_invariants
from tests.support.neo4j import wipe
from tests.support.scripted_models import Model, make_worker, state
from tests.support.user import Added, TestClock, User, lives_in, new_key, prefers, raw, states


@pytest.fixture
async def proxy_and_store(neo4j_address: GraphAddress, parts: Parts) -> AsyncIterator[tuple[BoltProxy, GraphStore]]:
    place = urlsplit(neo4j_address.url)
    async with bolt_proxy(place.hostname or "", place.port or 7687) as (proxy, url):
        store = GraphStore(replace(neo4j_address, url=url), doubt_pause_s=0.01)
        await store.connect()
        yield proxy, store
        await store.close()


@pytest.fixture
def proxy(proxy_and_store: tuple[BoltProxy, GraphStore]) -> BoltProxy:
    return proxy_and_store[0]


@dataclass
class CutUser(User):
    """A user whose calls go through the proxy, and whose looks at the graph do not."""

    direct: Parts | None = None

    async def raw(self, query: str, **params: Any) -> list[dict[str, Any]]:
        assert self.direct is not None
        return await raw(self.direct, query, user_id=self.id, **params)


@pytest.fixture
def cut(parts: Parts, proxy_and_store: tuple[BoltProxy, GraphStore], clock: TestClock) -> User:
    """A user whose writes go through the proxy."""
    store = proxy_and_store[1]
    through = replace(parts, store=store, deleting=Deleting(store, clock))
    return CutUser(through, MemoryService(through), clock, direct=parts)


@pytest.fixture
async def impatient(cut: User) -> AsyncIterator[User]:
    """The same user, whose writes are not repeated."""
    store = GraphStore(cut.parts.store.address, doubt_patience_s=0)
    await store.connect()
    parts = replace(cut.parts, store=store)
    yield User(parts, MemoryService(parts), cut.clock, id=cut.id)
    await store.close()


async def _memories(user: User) -> list[str]:
    rows = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.text AS text ORDER BY text")
    return [row["text"] for row in rows]


Write = Callable[[User, Added, Added], Awaitable[Any]]
"""A write by a user who prefers tabs, a memory, and then spaces, another memory that replaced it."""


async def _add(user: User, tabs: Added, spaces: Added) -> Any:
    return (await user.add("I live in Paris", lives_in("Paris")))["results"][0]["event"]


async def _add_messages(user: User, tabs: Added, spaces: Added) -> Any:
    messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    answer = await user.memory.add_memory(user.session(), messages=messages, run_id="r")
    return [result["event"] for result in answer["results"]]


async def _settle(user: User, tabs: Added, spaces: Added) -> Any:
    rows = await user.raw(
        "MATCH (f:Fact {user_id: $user_id}) WHERE f.expired_at IS NULL AND f.invalid_at IS NULL "
        "RETURN f.uuid AS uuid ORDER BY f.seq"
    )
    settled = {"id": rows[-1]["uuid"], "supersedes": [rows[0]["uuid"]]}
    return [fact["fact"] for fact in (await user.memory.add_memory(user.session(), facts=[settled]))["ended"]]


async def _update(user: User, tabs: Added, spaces: Added) -> Any:
    return (await user.update(spaces.id, prefers("either"), text="either"))["event"]


async def _undo_update(user: User, tabs: Added, spaces: Added) -> Any:
    return len((await Reverting(user.parts.store, user.clock).revert(user.id, new_key(), spaces.id)).stated)


async def _delete(user: User, tabs: Added, spaces: Added) -> Any:
    return (await user.delete(spaces.id))["deleted"]


async def _delete_scope(user: User, tabs: Added, spaces: Added) -> Any:
    return (await user.memory.delete_all_memories(user.session(), user_id=user.id, confirm=3))["deleted"]


async def _delete_many(user: User, tabs: Added, spaces: Added) -> Any:
    deleting = Deleting(user.parts.store, user.clock, at_once=1, batch=1)
    deleted = await deleting.scope(Scope(user.id), new_key())
    await deleting.finish()
    return deleted.counts()


async def _delete_entity(user: User, tabs: Added, spaces: Added) -> Any:
    return (await user.memory.delete_entities(user.session(), name="tabs"))["deleted"]


async def _merge(user: User, tabs: Added, spaces: Added) -> Any:
    return (await user.merges.merge(user.id, new_key(), *await _entities(user, "tabs", "spaces"), "one thing")).facts


async def _undo_merge(user: User, tabs: Added, spaces: Added) -> Any:
    (source,) = await _entities(user, "vim")
    return (await user.merges.undo(user.id, new_key(), source)).names


async def _undo_decision(user: User, tabs: Added, spaces: Added) -> Any:
    (row,) = await user.raw("MATCH (:Fact {user_id: $user_id})-[d:SUPERSEDED_BY]->() RETURN DISTINCT d.uuid AS uuid")
    return (await Decisions(user.parts.store, user.clock).undo(user.id, new_key(), row["uuid"])).stands


async def _cancel_job(user: User, tabs: Added, spaces: Added) -> Any:
    return await Jobs(user.parts.store, user.clock).cancel(user.id, new_key(), await _job(user, "pending"))


async def _retry_job(user: User, tabs: Added, spaces: Added) -> Any:
    return await Jobs(user.parts.store, user.clock).retry(user.id, new_key(), await _job(user, "dead"))


async def _extract_pending(user: User, tabs: Added, spaces: Added) -> Any:
    return (await Jobs(user.parts.store, user.clock).catch_up(user.id, new_key())).jobs


async def _repair(user: User, tabs: Added, spaces: Added) -> Any:
    await user.raw("MATCH (f:Fact {user_id: $user_id}) SET f.invalid_at = NULL")
    await repair(user.parts.store, user.parts.index, user.clock)


async def _index(user: User, tabs: Added, spaces: Added) -> Any:
    parts = user.parts
    await Indexer(parts.store, parts.index, parts.embedder, user.clock).drain()


async def _entities(user: User, *names: str) -> list[str]:
    rows = await user.raw("MATCH (e:Entity {user_id: $user_id}) RETURN e.name AS name, e.uuid AS uuid")
    return [{row["name"]: row["uuid"] for row in rows}[name] for name in names]


async def _job(user: User, state: str) -> str:
    rows = await user.raw("MATCH (j:Job {user_id: $user_id, state: $state}) RETURN j.uuid AS uuid", state=state)
    return rows[0]["uuid"]


WRITES = (
    _add, _add_messages, _settle, _update, _undo_update, _delete, _delete_scope, _delete_many, _delete_entity, _merge,
    _undo_merge, _undo_decision, _cancel_job, _retry_job, _extract_pending, _repair, _index,
)  # fmt: skip


async def _prepared(user: User) -> tuple[Added, Added]:
    """A history that leaves something to do for every write."""
    tabs = await user.add("tabs", prefers("tabs"), prefers("vim"))
    spaces = await user.add("spaces", prefers("spaces", supersedes=[tabs.fact]))
    await user.update(spaces.id, prefers("spaces"), text="spaces, I said")
    await user.merges.merge(user.id, new_key(), *await _entities(user, "vim", "tabs"), "one thing")
    await user.add("Nobody has read this text yet, and a model is to")
    for job in ("pending", "dead"):
        await user.raw(
            "MATCH (m:Memory {user_id: $user_id}) WHERE m.text STARTS WITH 'Nobody' "
            "CREATE (:Job:Internal {uuid: randomUUID(), user_id: $user_id, kind: 'extract', state: $state, attempt: 5, "
            "failures: 5, created_at: datetime('2024-01-01'), next_attempt_at: datetime('2999-01-01')})"
            "-[:EXTRACTS {position: 0}]->(m)",
            state=job,
        )
    return tabs, spaces


async def _left(user: User) -> list[Any]:
    """All that a user's graph says, and its jobs."""
    jobs = await user.raw(
        "MATCH (j:Job {user_id: $user_id}) "
        "RETURN j.kind AS kind, j.state AS state, j.attempt AS attempt, COUNT { (j)-->() } AS n ORDER BY kind, state, n"
    )
    return [*await lines(user.parts.store, user.id), *jobs]


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_whose_commits_are_cut_leaves_and_answers_what_any_other_does(
    user: User, cut: User, proxy: BoltProxy, neo4j_address: GraphAddress, write: Write
):
    if write is _repair:
        wipe(neo4j_address)  # it looks at everyone's nodes, in hundreds of transactions where other tests left theirs
    expected = await write(user, *await _prepared(user))
    before = await _prepared(cut)
    proxy.alternates = True
    answered = await write(cut, *before)
    proxy.alternates = False
    assert proxy.committed >= 1
    assert answered == expected
    assert await _left(cut) == await _left(user)
    await whole_graph_invariants(cut.parts, cut.id)


async def test_a_text_is_read_by_a_model_once_and_its_facts_are_written_once(cut: User, proxy: BoltProxy):
    await cut.raw("MATCH (j:Job) DETACH DELETE j")
    model = Model()
    model.facts["Postgres"] = [states("Billing uses Postgres", "USES", "billing", "Postgres")]
    worker = make_worker(cut.parts, model, cut.clock, concurrency=1)  # it takes no other job meanwhile
    reading = User(replace(cut.parts, worker=worker), MemoryService(replace(cut.parts, worker=worker)), cut.clock)
    added = await reading.add("We run billing on Postgres")
    model.gate.clear()
    worker.start()
    try:
        await model.reading.wait()
        proxy.cuts = 2  # of what the model cost, and of what it said
        model.gate.set()
        await state(reading, added.id, "done")
        while worker.describe()["running"]:
            await asyncio.sleep(0.02)
    finally:
        await worker.stop()
    assert proxy.committed == 2 and len(model.requests) == 1
    assert [fact["fact"] for fact in (await reading.get(added.id))["facts"]] == ["Billing uses Postgres"]
    await whole_graph_invariants(reading.parts, reading.id)


async def test_a_job_whose_lease_was_cut_is_known_again_and_begun_at_once(cut: User, proxy: BoltProxy):
    await cut.raw("MATCH (j:Job) DETACH DELETE j")
    model = Model()
    worker = make_worker(cut.parts, model, cut.clock, concurrency=1, lease_s=3600)
    reading = User(replace(cut.parts, worker=worker), MemoryService(replace(cut.parts, worker=worker)), cut.clock)
    await reading.add("We run billing on Postgres")
    model.gate.clear()
    proxy.cuts = 1
    worker.start()
    try:
        async with asyncio.timeout(60):  # the lease lasts an hour
            await model.reading.wait()
        assert proxy.committed == 1
        jobs = await reading.raw("MATCH (j:Job {user_id: $user_id}) RETURN j.failures AS failures, j.state AS state")
        assert jobs == [{"failures": 0, "state": "running"}]
    finally:
        model.gate.set()
        await worker.stop()


async def test_a_call_that_stays_in_doubt_says_so_and_its_repeat_is_carried_out_once(
    cut: User, proxy: BoltProxy, impatient: User
):
    proxy.cuts = 1
    with pytest.raises(CommitInDoubt, match=r"may or may not be stored\. Make exactly the same call again"):
        await impatient.add("one", key="k")
    answer = await cut.add("one", key="k")
    assert [result["event"] for result in answer["results"]] == ["ADD"]
    assert await _memories(cut) == ["one"]
