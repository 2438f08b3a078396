from datetime import UTC, date, datetime

import pytest

from extract.providers.base import ModelReply, Route
from extract.routing.ledger import Ledger
from extract.routing.prices import cost_usd
from kg.errors import BudgetExceeded
from kg.model_values import ModelCall

TODAY = date(2026, 5, 1)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 5, 1, 23, 59, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant


def call(tokens: int = 0, **more) -> ModelCall:
    return ModelCall("extract", "ollama:qwen3", "ok", tokens, **more)


def test_the_days_tokens_are_capped_until_the_next_utc_day():
    clock = Clock()
    ledger = Ledger(1000, clock)
    ledger.record(call(600, output_tokens=399))
    ledger.check()
    ledger.record(call(1))
    with pytest.raises(BudgetExceeded, match=r"1,000 of 1,000 .* 2026-05-02 00:00 UTC") as raised:
        ledger.check()
    assert raised.value.resets_at == datetime(2026, 5, 2, tzinfo=UTC)
    clock.instant = raised.value.resets_at
    ledger.check()
    assert ledger.snapshot().tokens_today == 0
    assert ledger.snapshot().tallies[0].calls == 2


def test_without_a_cap_no_number_is_too_large():
    ledger = Ledger(0, Clock())
    ledger.record(call(10**12))
    ledger.check()


def test_what_was_spent_before_the_start_counts():
    ledger = Ledger(1000, Clock())
    ledger.start(TODAY, 1000)
    with pytest.raises(BudgetExceeded):
        ledger.check()


@pytest.mark.parametrize(("day", "tokens"), [(date(2026, 4, 30), 5000), (TODAY, 40)])
def test_another_days_tokens_and_a_number_that_is_behind_change_nothing(day, tokens):
    ledger = Ledger(1000, Clock())
    ledger.record(call(50))
    ledger.start(day, tokens)
    assert ledger.snapshot().tokens_today == 50


def test_the_status_says_per_model_calls_tokens_cost_and_the_latest_outcome():
    ledger = Ledger(1000, Clock())
    ledger.record(ModelCall("extract", "gemini:flash", "ok", 100, 20, 0, 0.002, 90.0))
    ledger.record(ModelCall("contradict", "gemini:flash", "unavailable", latency_ms=10.0, reason="quota"))
    ledger.record(call(7, output_tokens=3))
    assert ledger.snapshot().describe() == {
        "tokens_today": 130,
        "daily_tokens": 1000,
        "models": {
            "gemini:flash": {
                "calls": 2,
                "tokens": 120,
                "cost_usd": 0.002,
                "last_outcome": "unavailable",
                "last_reason": "quota",
                "last_at": "2026-05-01T23:59:00+00:00",
            },
            "ollama:qwen3": {
                "calls": 1,
                "tokens": 10,
                "last_outcome": "ok",
                "last_at": "2026-05-01T23:59:00+00:00",
            },
        },
    }


@pytest.mark.parametrize(
    ("route", "tokens", "usd"),
    [
        (Route("anthropic", "claude-sonnet-5-5"), (1_000_000, 100_000, 400_000), 0.6 * 2 + 0.4 * 0.1 + 0.1 * 10),
        (Route("anthropic", "claude-haiku-5-5"), (100_000, 0, 0), 0.01),
        (Route("anthropic", "claude-haiku-5-5"), (100_001, 0, 0), 0.0500005),
        (Route("gemini", "gemini-3.5-flash-lite"), (10_000, 1000, 0), 0.0055),
        (Route("gemini", "gemini-3.5-flash-preview-05-20"), (1_000_000, 0, 0), 1.5),
        (Route("anthropic", "claude-haiku-4-5-20251001"), (0, 1_000_000, 0), 5.0),
    ],
)
def test_a_request_costs_what_the_list_says(route, tokens, usd):
    assert cost_usd(route, ModelReply("", *tokens)) == pytest.approx(usd)


@pytest.mark.parametrize(
    "route",
    [
        Route("ollama", "qwen3:14b"),
        Route("claude-code", "claude-sonnet-5-5"),
        Route("anthropic", "claude-opus-5-9"),
        Route("gemini", "gemini-3.5-flash-ultra"),
    ],
)
def test_a_model_that_is_not_on_the_list_has_no_cost(route):
    assert cost_usd(route, ModelReply("", 1000, 1000)) is None


@pytest.mark.parametrize("provider", ["anthropic", "claude-code"])
def test_what_a_subscription_covers_has_no_cost(provider):
    assert cost_usd(Route(provider, "claude-haiku-5-5"), ModelReply("", 1000, 1000, billed=False)) is None


def test_what_is_written_to_a_cache_costs_a_quarter_more():
    reply = ModelReply("", 1_000_000, 0, 200_000, cache_write_tokens=400_000)
    usd = 0.4 * 2 + 0.4 * 2 * 1.25 + 0.2 * 0.1
    assert cost_usd(Route("anthropic", "claude-sonnet-5-5"), reply) == pytest.approx(usd)
