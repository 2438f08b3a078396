"""The connection to the database breaks just after a commit: the call is repeated, and carried out once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from kg.errors import CommitInDoubt
from kg.graph.store import GraphAddress, GraphStore
from kg.operations.memory import MemoryService, Parts
from kg.writing.delete import Deleting
from tests.support.bolt_proxy import BoltProxy, bolt_proxy
from tests.support.user import TestClock, User, lives_in, new_key, prefers, states


@pytest.fixture
async def proxy_and_store(neo4j_address: GraphAddress, parts: Parts) -> AsyncIterator[tuple[BoltProxy, GraphStore]]:
    place = urlsplit(neo4j_address.url)
    async with bolt_proxy(place.hostname or "", place.port or 7687) as (proxy, url):
        store = GraphStore(replace(neo4j_address, url=url))
        await store.connect()
        yield proxy, store
        await store.close()


@pytest.fixture
def proxy(proxy_and_store: tuple[BoltProxy, GraphStore]) -> BoltProxy:
    return proxy_and_store[0]


@pytest.fixture
def cut(parts: Parts, proxy_and_store: tuple[BoltProxy, GraphStore], clock: TestClock) -> User:
    """A user whose writes go through the proxy."""
    store = proxy_and_store[1]
    through = replace(parts, store=store, deleting=Deleting(store, clock))
    return User(through, MemoryService(through), clock)


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


async def test_an_added_note_is_stored_once_and_answered_as_if_nothing_had_happened(cut: User, proxy: BoltProxy):
    proxy.cuts = 1
    added = await cut.add("I live in Paris", lives_in("Paris"))
    assert proxy.committed == 1
    assert [result["event"] for result in added["results"]] == ["ADD"]
    assert await _memories(cut) == ["I live in Paris"]


async def test_messages_are_stored_once(cut: User, proxy: BoltProxy):
    proxy.cuts = 2
    messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    answer = await cut.memory.add_memory(cut.session(), messages=messages)
    assert proxy.committed == 2, "the repeat was cut too"
    assert [result["event"] for result in answer["results"]] == ["ADD", "ADD"]
    assert await _memories(cut) == ["one", "two"]


async def test_an_update_keeps_one_version(cut: User, proxy: BoltProxy):
    memory = await cut.add("tabs", prefers("tabs"))
    proxy.cuts = 1
    changed = await cut.update(memory.id, prefers("spaces"), text="spaces")
    assert proxy.committed == 1
    assert changed["event"] == "UPDATE"
    (row,) = await cut.raw("MATCH (v:MemoryVersion {user_id: $user_id}) RETURN count(v) AS n")
    assert row["n"] == 1


async def test_a_deletion_answers_what_it_deleted(cut: User, proxy: BoltProxy):
    memory = await cut.add("tabs", prefers("tabs"))
    proxy.cuts = 1
    deleted = await cut.delete(memory.id)
    assert proxy.committed == 1
    assert deleted["deleted"]["memories"] == 1
    assert await _memories(cut) == []


async def test_a_merge_answers_what_it_moved(cut: User, proxy: BoltProxy):
    await cut.add("pg", states("pg is fast", "IS", "pg", "fast"), states("Postgres is safe", "IS", "Postgres", "safe"))
    rows = await cut.raw("MATCH (e:Entity {user_id: $user_id}) RETURN e.name AS name, e.uuid AS uuid")
    named = {row["name"]: row["uuid"] for row in rows}
    proxy.cuts = 1
    moved = await cut.merges.merge(cut.id, new_key(), named["pg"], named["Postgres"], "one thing")
    assert proxy.committed == 1
    assert moved.facts == 1


async def test_a_call_that_stays_in_doubt_says_so_and_its_repeat_is_carried_out_once(
    cut: User, proxy: BoltProxy, impatient: User
):
    proxy.cuts = 1
    with pytest.raises(CommitInDoubt, match=r"may or may not be stored\. Make exactly the same call again"):
        await impatient.add("one", key="k")
    answer = await cut.add("one", key="k")
    assert [result["event"] for result in answer["results"]] == ["ADD"]
    assert await _memories(cut) == ["one"]
