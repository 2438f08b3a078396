"""What is shown can be asked back: an instant is shown to the second, and is read to the end of what it names."""

from __future__ import annotations

from typing import Any

from kg.operations.decisions import Decisions
from tests.support.user import Added, User, lives_in


async def _moved(user: User) -> tuple[Added, Added]:
    """Two homes, told within one second each, at some microsecond of it."""
    user.clock.tick(microseconds=417_533)
    paris = await user.add("I live in Paris", lives_in("Paris"))
    user.clock.tick(seconds=40.7)
    berlin = await user.add("I live in Berlin", lives_in("Berlin", supersedes=[paris.fact]))
    user.clock.tick(hours=1)
    return paris, berlin


async def _shown(user: User, memory: Added) -> dict[str, Any]:
    return (await user.get(memory.id))["facts"][0]


async def test_what_a_fact_began_and_ended_at(user: User):
    paris, berlin = await _moved(user)
    began = (await _shown(user, paris))["valid_at"]
    assert await user.objects("user", as_of=began) == {"Paris"}
    ended = (await _shown(user, paris))["invalid_at"]
    assert ended == (await _shown(user, berlin))["valid_at"]
    assert await user.objects("user", as_of=ended) == {"Berlin"}


async def test_when_a_memory_was_stored_and_changed(user: User):
    paris, berlin = await _moved(user)
    stored = (await user.get(paris.id))["created_at"]
    assert await user.objects("user", known_at=stored) == {"Paris"}
    (hit,) = (await user.search("Where do I live?", known_at=stored))["results"]
    assert hit["id"] == paris.id
    await user.update(berlin.id, lives_in("Rome"), text="I live in Rome")
    user.clock.tick(hours=1)
    changed = (await user.get(berlin.id))["versions"][0]["until"]
    assert await user.objects("user", known_at=changed) == {"Rome"}


async def test_when_a_decision_was_made(user: User):
    paris, _ = await _moved(user)
    assert await user.objects("user", known_at=(await _shown(user, paris))["valid_at"]) == {"Paris"}
    decisions = await Decisions(user.parts.store, user.clock).conflicts(user.id, project=None, limit=5)
    assert await user.objects("user", known_at=decisions["decided"][0]["at"]) == {"Berlin"}


async def test_a_day_a_month_and_a_year_are_read_to_their_end_but_not_beyond_now(user: User):
    user.clock.at("2023-05-17")
    user.clock.tick(hours=20)
    await user.add("I live in Paris", lives_in("Paris"))
    user.clock.at("2024-01-05")
    await user.add("I live in Berlin", lives_in("Berlin"))
    for then in ("2023-05-17", "2023-05", "2023"):
        assert await user.objects("user", as_of=then) == {"Paris"}
        assert await user.objects("user", known_at=then) == {"Paris"}
    for now in ("2024-01-05", "2024-01", "2024"):
        assert await user.objects("user", as_of=now) == {"Berlin"}
        assert await user.objects("user", known_at=now) == {"Berlin"}
