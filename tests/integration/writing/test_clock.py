"""The instants of a partition only grow, whatever the machine's clock does."""

from __future__ import annotations

from datetime import timedelta

from kg.jobs.lease import Lease, enter
from tests.support.user import User, lives_in, prefers

MICROSECOND = timedelta(microseconds=1)


async def test_a_move_stored_after_the_clock_was_set_back_is_not_ended_by_the_one_before(user: User):
    await user.add("I moved to Paris", lives_in("Paris"))
    user.clock.tick(seconds=-30)
    second = await user.add("I moved to Berlin", lives_in("Berlin"))
    assert [fact["fact"] for fact in second["ended"]] == ["lives in Paris"]
    assert await user.objects("user") == {"Berlin"}


async def test_what_was_stored_after_the_clock_was_set_back_is_current_and_can_be_replaced(user: User):
    await user.add("first", prefers("spaces"))
    user.clock.tick(hours=-1)
    stored = await user.add("I prefer tabs", prefers("tabs"))
    assert await user.objects("user") == {"spaces", "tabs"}
    replaced = await user.add("I prefer neither", prefers("neither", supersedes=[stored.fact]))
    assert [fact["id"] for fact in replaced["ended"]] == [stored.fact]
    assert await user.objects("user") == {"spaces", "neither"}


async def test_what_was_stored_while_the_clock_was_ahead_is_not_hidden_when_it_is_right_again(user: User):
    user.clock.tick(hours=1)
    stored = await user.add("I live in Paris", lives_in("Paris"))
    user.clock.tick(hours=-1)
    assert await user.objects("user") == {"Paris"}
    (hit,) = (await user.search("Where do I live?"))["results"]
    assert [fact["fact"] for fact in hit["facts"]] == ["lives in Paris"]
    (listed,) = (await user.memory.get_memories(user.session()))["results"]
    assert [fact["id"] for fact in listed["facts"]] == [stored.fact]
    moved = await user.add("I live in Berlin", lives_in("Berlin"))
    assert [fact["id"] for fact in moved["ended"]] == [stored.fact]
    assert await user.objects("user") == {"Berlin"}


async def test_each_write_is_a_microsecond_after_the_one_before_while_the_clock_stands_still(user: User):
    first, second = await user.add("one"), await user.add("two")
    await user.update(first.id, text="three")
    rows = await user.raw("MATCH (m:Memory {user_id: $user_id}) RETURN m.uuid AS id, m.updated_at AS at")
    at = {row["id"]: row["at"] for row in rows}
    assert at == {first.id: user.clock.now() + 2 * MICROSECOND, second.id: user.clock.now() + MICROSECOND}


async def test_a_deletion_and_a_job_are_later_than_the_write_before_too(user: User):
    memory = await user.add("I live in Paris", lives_in("Paris"))
    last = user.clock.now()
    user.clock.tick(hours=-5)
    await user.delete(memory.id)
    lease = Lease("5d1d6fa5-1c52-4d56-9b1b-3a4f3c1b2f10", user.id, "extract", 1, 0, bulk=False, worker="w")
    assert await user.parts.store.write(lambda tx: enter(tx, lease, user.clock, slots=1), "enter") is None
    (row,) = await user.raw("MATCH (p:Partition {user_id: $user_id}) RETURN p.last_at AS at")
    assert row["at"] == last + 2 * MICROSECOND
