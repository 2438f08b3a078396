"""The warm-up waits for a moment without calls, and does not wait for ever."""

from __future__ import annotations

import asyncio

from kg.operations.warmup import QUIET_S, Patience


async def test_a_moment_without_calls_is_waited_for() -> None:
    quiet = [0.0, QUIET_S / 2, QUIET_S, 0.0]
    patience = Patience(lambda: quiet.pop(0))
    async with asyncio.timeout(10):
        assert await patience.until_quiet()
    assert quiet == [0.0]


async def test_calls_without_end_hold_each_step_up_for_a_while():
    looks = 0

    def never_quiet() -> float:
        nonlocal looks
        looks += 1
        return 0.0

    patience = Patience(never_quiet, patience_s=0.2)
    async with asyncio.timeout(10):
        assert not await patience.until_quiet()
        looked = looks
        assert not await patience.until_quiet()
    assert looked > 1
    assert looks == 2 * looked
