"""A clock that is behind, or was moved, is said once in the log and for as long as it is so in the status."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from mcp_server.service.clock_watch import ClockWatch
from tests.support.user import TestClock


class Machine:
    """A clock that can be set, and the seconds that really passed."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.passed_s = 1000.0
        self.watch = ClockWatch(self.clock, lambda: self.passed_s)

    def passes(self, seconds: float) -> None:
        self.clock.tick(seconds=seconds)
        self.passed_s += seconds


def test_time_that_passes_is_no_problem():
    machine = Machine()
    machine.passes(86400)
    assert machine.watch.look(machine.clock.now()) == ""
    assert machine.watch.look(machine.clock.now() + timedelta(seconds=59)) == ""
    assert machine.watch.look(None) == ""


def test_a_clock_behind_what_was_stored_is_told_until_it_is_right(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    machine = Machine()
    last_at = machine.clock.now() + timedelta(hours=3)
    for _ in range(3):
        assert machine.watch.look(last_at).startswith("the clock is 3 h behind what was stored last; set the machine's")
    assert len(caplog.records) == 1
    machine.passes(3 * 3600)
    assert machine.watch.look(last_at) == ""


@pytest.mark.parametrize(("seconds", "told"), [(-1800, "back by 30 min"), (5 * 86400, "ahead by 5 days")])
def test_a_clock_that_was_moved_is_told_with_when(seconds: float, told: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    machine = Machine()
    machine.clock.tick(seconds=seconds)
    for _ in range(2):
        machine.passes(30)
        assert told in machine.watch.look(None)
    assert len(caplog.records) == 1
