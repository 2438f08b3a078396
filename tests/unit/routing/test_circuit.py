import pytest

from extract.routing.circuit import FIRST_WAIT_S, LONGEST_WAIT_S, Circuit, Ticket
from kg.errors import ModelUnavailable, Unavailability


class Bench:
    """A circuit with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.circuit = Circuit(lambda: self.now)

    def enter(self) -> Ticket:
        ticket = self.circuit.enter()
        assert ticket is not None
        return ticket

    def fail(self, reason: Unavailability = "server", retry_after_s: float | None = None) -> None:
        self.circuit.fail(self.enter(), failure(reason, retry_after_s))


def failure(reason: Unavailability = "server", retry_after_s: float | None = None) -> ModelUnavailable:
    return ModelUnavailable("ollama", "qwen3", reason, "advice", retry_after_s=retry_after_s)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def opened(bench: Bench) -> Bench:
    for _ in range(3):
        bench.fail()
    return bench


def test_three_failures_in_a_row_open_it(bench):
    bench.fail()
    bench.fail()
    assert bench.circuit.state == "ok"
    bench.fail()
    assert (bench.circuit.state, bench.circuit.reason, bench.circuit.retry_in_s) == ("open", "server", FIRST_WAIT_S)
    assert bench.circuit.enter() is None


def test_a_success_between_failures_starts_the_count_again(bench):
    for _ in range(2):
        bench.fail()
        bench.fail()
        bench.circuit.succeed(bench.enter())
    assert (bench.circuit.state, bench.circuit.reason) == ("ok", None)


def test_one_probe_at_a_time_passes_after_the_wait_and_its_success_closes_it(bench):
    opened(bench)
    bench.now += FIRST_WAIT_S - 0.1
    assert bench.circuit.enter() is None
    bench.now += 0.1
    probe = bench.enter()
    assert probe.probe
    assert bench.circuit.enter() is None
    bench.circuit.succeed(probe)
    assert not bench.enter().probe


def test_each_failed_probe_doubles_the_wait_up_to_ten_minutes(bench):
    opened(bench)
    waits = []
    for _ in range(7):
        waits.append(bench.circuit.retry_in_s)
        bench.now += waits[-1]
        bench.fail()
    assert waits == [30, 60, 120, 240, 480, 600, 600]


def test_after_a_success_the_first_wait_is_short_again(bench):
    opened(bench)
    bench.now += 30
    bench.fail()
    bench.now += 60
    bench.circuit.succeed(bench.enter())
    opened(bench)
    assert bench.circuit.retry_in_s == FIRST_WAIT_S


def test_a_probe_that_is_given_up_leaves_its_place_to_another(bench):
    opened(bench)
    bench.now += 30
    bench.circuit.leave(bench.enter())
    assert bench.enter().probe


@pytest.mark.parametrize("reason", ["auth", "missing_model", "not_configured"])
def test_what_waiting_does_not_cure_opens_it_at_once_for_ten_minutes(bench, reason):
    bench.fail(reason)
    assert (bench.circuit.state, bench.circuit.retry_in_s) == ("open", LONGEST_WAIT_S)
    bench.now += LONGEST_WAIT_S
    bench.circuit.succeed(bench.enter())
    assert bench.circuit.state == "ok"


def test_a_text_that_the_model_does_not_take_leaves_the_route_open_to_others(bench):
    bench.fail()
    for _ in range(5):
        bench.fail("bad_request")
    assert (bench.circuit.state, bench.circuit.reason) == ("ok", None)
    bench.fail()
    bench.fail()
    assert bench.circuit.state == "ok", "the count began again"


def test_a_probe_whose_text_is_not_taken_shows_that_the_route_answers(bench):
    opened(bench)
    bench.now += FIRST_WAIT_S
    bench.fail("bad_request")
    assert bench.circuit.state == "ok"


def test_what_the_provider_forbids_turns_it_off_for_good(bench):
    under_way = bench.enter()
    bench.fail("forbidden")
    bench.circuit.succeed(under_way)
    bench.now += 1e6
    assert (bench.circuit.state, bench.circuit.reason, bench.circuit.retry_in_s) == ("off", "forbidden", None)
    assert bench.circuit.enter() is None


@pytest.mark.parametrize(("asked_s", "wait_s"), [(11.0, 11.0), (86400.0, LONGEST_WAIT_S)])
def test_a_long_wait_that_the_provider_asks_for_is_kept_up_to_ten_minutes(bench, asked_s, wait_s):
    bench.fail("quota", asked_s)
    assert (bench.circuit.state, bench.circuit.retry_in_s) == ("open", wait_s)


def test_a_short_wait_that_the_provider_asks_for_does_not_open_it(bench):
    bench.fail("quota", 10.0)
    assert bench.circuit.state == "ok"


def test_requests_that_were_under_way_neither_prolong_the_wait_nor_free_the_probe(bench):
    late = [bench.enter() for _ in range(3)]
    opened(bench)
    bench.circuit.fail(late[0], failure())
    assert bench.circuit.retry_in_s == 30
    bench.now += 30
    bench.enter()
    bench.circuit.fail(late[1], failure())
    bench.circuit.leave(late[2])
    assert bench.circuit.enter() is None
