"""Once a day, when nobody calls, the service looks whether the graph keeps its rules."""

from __future__ import annotations

from kg.mending.daily import QUIET_S, DailyCheck
from tests.support.damage import stock
from tests.support.user import User


async def test_the_rules_are_looked_at_once_a_day_when_nobody_calls(user: User) -> None:
    quiet = 0.0
    daily = DailyCheck(user.parts.store, user.clock, lambda: quiet)
    await user.raw("MATCH (s:SchemaState {name: 'schema'}) REMOVE s.checked_at, s.broken")
    await stock(user)
    assert not await daily.look(), "somebody calls"
    assert await daily.found() == {}
    quiet = QUIET_S + 1
    assert await daily.look()
    assert (await daily.found())["broken"] == {}
    await user.raw("MATCH (m:Memory {user_id: $user_id}) WHERE m.text STARTS WITH 'The shop' DETACH DELETE m")
    assert not await daily.look(), "a day has not passed"
    user.clock.tick(days=1, seconds=1)
    assert await daily.look()
    found = await daily.found()
    assert found["broken"]["fact_memory"] == 2 and "knowthread repair --check" in found["advice"]
