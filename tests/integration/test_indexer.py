"""The queue of the side-index: what is found at once, and what must not leave the queue yet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness import User

from kg.errors import StoreUnavailable
from kg.memory import Parts

NOTE = "The gateway drops idle connections after 55 seconds"
WAITING = "MATCH (n:Unindexed {user_id: $user_id}) RETURN n.uuid AS uuid"


async def waiting(user: User) -> set[str]:
    return {row["uuid"] for row in await user.raw(WAITING)}


async def until_settled(user: User) -> None:
    async with asyncio.timeout(20):
        while await waiting(user):
            await asyncio.sleep(0.05)


async def test_a_note_is_found_when_it_is_acknowledged_and_off_the_queue_soon_after(user: User):
    added = await user.add(NOTE, wait=True)
    assert added["indexed"] is True
    hit = (await user.search("why are idle links cut?"))["results"][0]
    assert hit["id"] == added.id and "similarity" in hit
    await until_settled(user)


async def test_a_point_that_could_not_be_flushed_keeps_its_place_in_the_queue(
    user: User, parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    fails = asyncio.Event()

    async def full() -> None:
        fails.set()
        raise StoreUnavailable("qdrant", "no space left on device", retryable=True)

    with monkeypatch.context() as patched:
        patched.setattr(parts.index, "flush", full)
        added = await user.add(NOTE, wait=True)
        assert added["indexed"] is True
        async with asyncio.timeout(20):
            await fails.wait()
        assert added.id in await waiting(user)
        assert "no space left" in str(parts.indexer.state.error)
    parts.indexer.wake()
    await until_settled(user)
    assert parts.indexer.state.error is None


async def test_what_changes_between_write_and_flush_is_written_again(
    user: User, parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    added = await user.add(NOTE)
    await until_settled(user)
    flush, changed = parts.index.flush, 0

    async def meanwhile(*_: Any) -> None:
        nonlocal changed
        changed += 1
        if changed == 1:
            await user.raw(
                "MATCH (m:Memory {uuid: $uuid}) SET m.text = 'Bees dance', m.index_rev = m.index_rev + 1, m:Unindexed",
                uuid=added.id,
            )
        await flush()

    monkeypatch.setattr(parts.index, "flush", meanwhile)
    await user.raw("MATCH (m:Memory {uuid: $uuid}) SET m:Unindexed", uuid=added.id)
    parts.indexer.wake()
    async with asyncio.timeout(20):
        while not changed:
            await asyncio.sleep(0.02)
    parts.indexer.wake()
    await until_settled(user)
    assert changed == 2
    vector = await parts.embedder.embed_query("Bees dance")
    near = await parts.index.similarities("text", vector, [added.id])
    assert near[added.id] == pytest.approx(1, abs=0.02)
