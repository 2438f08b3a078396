"""A task beside the calls: it outlives what it did not expect, and ends without a word."""

from __future__ import annotations

import asyncio

import pytest

from kg.background import Background


async def test_a_task_that_meets_the_unexpected_says_so_without_its_text_and_starts_again(
    caplog: pytest.LogCaptureFixture,
):
    started, again = 0, asyncio.Event()

    async def run() -> None:
        nonlocal started
        started += 1
        if started == 1:
            raise ValueError("a secret text")
        again.set()
        await asyncio.sleep(60)

    task = Background("worker", run, restart_after_s=0.01)
    task.start()
    async with asyncio.timeout(10):
        await again.wait()
    await task.stop()
    assert started == 2
    assert "worker met an unexpected ValueError" in caplog.text and "secret" not in caplog.text


async def test_stopping_raises_nothing_of_what_the_task_met(monkeypatch: pytest.MonkeyPatch):
    async def run() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("at the end")

    task = Background("worker", run)
    task.start()
    await asyncio.sleep(0)
    await task.stop()
    await task.stop()


async def test_a_task_that_is_done_is_not_started_again():
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1

    task = Background("once", run)
    task.start()
    await asyncio.sleep(0.05)
    await task.stop()
    assert runs == 1
