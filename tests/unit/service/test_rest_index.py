"""The index rests once after each stretch of calls."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from typing import Any, cast

import pytest

from kg.errors import StoreUnavailable
from mcp_server.service.rest_index import rest_index


class _Index:
    def __init__(self, *, fails: bool) -> None:
        self.rested = 0
        self._fails = fails

    async def rest(self) -> None:
        self.rested += 1
        if self._fails:
            raise StoreUnavailable("qdrant", "the index is not open", retryable=False)


@pytest.mark.parametrize("fails", [False, True])
async def test_the_index_rests_once_after_each_stretch_of_calls(*, fails: bool) -> None:
    index, after_s = _Index(fails=fails), 0.004
    looks = iter(chain([0.0, 0.003, 0.005, 9.0, 0.0, 0.001, 1.0, 2.0], repeat(3.0)))
    seen = 0

    def quiet_s() -> float:
        nonlocal seen
        seen += 1
        return next(looks)

    resting = asyncio.create_task(rest_index(cast(Any, index), quiet_s, after_s))
    while seen < 20:
        await asyncio.sleep(after_s)
    assert not resting.done()
    resting.cancel()
    assert index.rested == 2
