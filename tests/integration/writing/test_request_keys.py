"""A request key belongs to one call: a repeat of it gets the first answer, any other call is refused in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kg.errors import Conflict
from kg.operations.arguments import Session
from tests.support.user import User, lives_in, prefers, states

Call = Callable[[User, str, str], Awaitable[Any]]
"""A call by a user on a memory that stands, with a key."""


async def _add(user: User, memory: str, key: str) -> Any:
    return await user.add("I live in Paris", lives_in("Paris"), key=key)


async def _add_another(user: User, memory: str, key: str) -> Any:
    return await user.add("I live in Berlin", lives_in("Berlin"), key=key)


async def _update(user: User, memory: str, key: str) -> Any:
    return await user.update(memory, prefers("spaces"), text="spaces", key=key)


async def _delete(user: User, memory: str, key: str) -> Any:
    return await user.delete(memory, key=key)


async def _delete_scope(user: User, memory: str, key: str) -> Any:
    given = {"user_id": user.id, "confirm": 1}
    return await user.memory.delete_all_memories(_session(user, key, "delete_all_memories", given), **given)


async def _delete_entity(user: User, memory: str, key: str) -> Any:
    given = {"name": "tabs"}
    return await user.memory.delete_entities(_session(user, key, "delete_entities", given), **given)


async def _merge(user: User, memory: str, key: str) -> Any:
    request = _session(user, key, "merge_entities", {"name": "tabs", "into": "tab stops"}).request
    named = {row["name"]: row["uuid"] for row in await user.raw(_ENTITIES)}
    return await user.merges.merge(user.id, request, named.get("tabs", memory), named.get("tab stops", ""), "one thing")


_ENTITIES = "MATCH (e:Entity {user_id: $user_id}) RETURN e.name AS name, e.uuid AS uuid"
CALLS = (_add, _update, _delete, _delete_scope, _delete_entity, _merge)


def _session(user: User, key: str, tool: str, given: dict[str, Any]) -> Session:
    return user.session(key).calling(tool, given)


async def _stands(user: User) -> str:
    statement = states("prefers tabs to tab stops", "PREFERS", "tabs", "tab stops")
    return (await user.add("tabs", statement)).id


async def _graph(user: User) -> list[dict[str, Any]]:
    return await user.raw(
        "MATCH (n {user_id: $user_id}) WHERE NOT n:Partition AND NOT n:Tombstone "
        "RETURN coalesce(n.uuid, n.key) AS id, n.text AS text, n.expired_at AS at ORDER BY id"
    )


@pytest.mark.parametrize("first", CALLS)
async def test_a_key_that_was_used_for_another_call_is_refused_and_changes_nothing(user: User, first: Call):
    memory = await _stands(user)
    await first(user, memory, "the key")
    before = await _graph(user)
    for second in (_add_another, *CALLS):
        if second is first:
            await second(user, memory, "the key")
            continue
        with pytest.raises(Conflict, match="request key 'the key' was used for another call") as refused:
            await second(user, memory, "the key")
        assert refused.value.ids == ("the key",)
    assert await _graph(user) == before


async def test_the_order_of_arguments_does_not_make_another_call(user: User):
    one = user.session("k").calling("add_memory", {"text": "a", "project": "b"})
    assert one == user.session("k").calling("add_memory", {"project": "b", "text": "a"})
    assert one != user.session("k").calling("add_memory", {"project": "a", "text": "b"})
    assert one != user.session("k").calling("update_memory", {"text": "a", "project": "b"})
