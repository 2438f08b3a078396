"""What this process asked models and what it cost; the graph holds the same for each job and day.

Invariant: the day's tokens only rise until midnight UTC. The cap is checked before each request, so requests that are
under way when it is reached may exceed it by their own tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kg.errors import BudgetExceeded
from kg.model_values import ModelCall, Outcome, Task
from kg.ports import Clock


@dataclass(frozen=True)
class Tally:
    """All calls of one task to one model with one outcome.

    Attributes:
        input_tokens: all that were read, cached ones included.
        cost_usd: of the calls whose cost is known; None if no cost is known.
        latency_s: of all calls together.
    """

    task: Task
    model: str
    outcome: Outcome
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    latency_s: float = 0.0

    def plus(self, call: ModelCall) -> Tally:
        """Return the tally with one more call."""
        return replace(
            self,
            calls=self.calls + 1,
            input_tokens=self.input_tokens + call.input_tokens,
            output_tokens=self.output_tokens + call.output_tokens,
            cached_tokens=self.cached_tokens + call.cached_tokens,
            cost_usd=_sum(self.cost_usd, call.cost_usd),
            latency_s=self.latency_s + call.latency_ms / 1000,
        )


@dataclass(frozen=True)
class LastCall:
    """How a model's latest call ended, and when."""

    outcome: Outcome
    reason: str | None
    at: datetime


@dataclass(frozen=True)
class LedgerSnapshot:
    """The ledger at one instant.

    Attributes:
        tallies: since the process started, by task, model and outcome.
        last: model -> its latest call.
        day: the UTC day that ``tokens_today`` counts.
        daily_tokens: the day's cap, 0 for none.
    """

    tallies: tuple[Tally, ...]
    last: Mapping[str, LastCall]
    day: date
    tokens_today: int
    daily_tokens: int

    def describe(self) -> dict[str, Any]:
        """Return what ``status`` says: the day's tokens, and per model calls, tokens, cost and the latest outcome."""
        models: dict[str, Any] = {}
        for name, last in self.last.items():
            tallies = [tally for tally in self.tallies if tally.model == name]
            described: dict[str, Any] = {
                "calls": sum(tally.calls for tally in tallies),
                "tokens": sum(tally.input_tokens + tally.output_tokens for tally in tallies),
                "last_outcome": last.outcome,
                "last_at": last.at.isoformat(timespec="seconds"),
            }
            costs = [tally.cost_usd for tally in tallies if tally.cost_usd is not None]
            if costs:
                described["cost_usd"] = round(sum(costs), 6)
            if last.reason is not None:
                described["last_reason"] = last.reason
            models[name] = described
        return {"tokens_today": self.tokens_today, "daily_tokens": self.daily_tokens, "models": models}


class Ledger:
    """Counts every call and refuses further ones when the day's tokens are spent.

    Args:
        daily_tokens: most tokens on one UTC day, in and out together; 0 for no cap.
        clock: says which day it is.
    """

    def __init__(self, daily_tokens: int, clock: Clock) -> None:
        self._daily_tokens = daily_tokens
        self._clock = clock
        self._day = self._today()
        self._tokens = 0
        self._tallies: dict[tuple[Task, str, Outcome], Tally] = {}
        self._last: dict[str, LastCall] = {}

    def start(self, day: date, tokens: int) -> None:
        """Take over what the graph says was spent on a day, including this process's own calls.

        Nothing changes if the day is not today, or if more is counted already.
        """
        self._turn_page()
        if day == self._day:
            self._tokens = max(self._tokens, tokens)

    def check(self) -> None:
        """Raise BudgetExceeded when the day's tokens are spent."""
        self._turn_page()
        if 0 < self._daily_tokens <= self._tokens:
            resets_at = datetime.combine(self._day + timedelta(days=1), time(), UTC)
            raise BudgetExceeded(self._daily_tokens, self._tokens, resets_at)

    def record(self, call: ModelCall) -> None:
        """Count a finished call."""
        self._turn_page()
        self._tokens += call.input_tokens + call.output_tokens
        key = (call.task, call.model, call.outcome)
        self._tallies[key] = self._tallies.get(key, Tally(*key)).plus(call)
        self._last[call.model] = LastCall(call.outcome, call.reason, self._clock.now())

    def snapshot(self) -> LedgerSnapshot:
        """Return what was counted so far."""
        self._turn_page()
        tallies = tuple(self._tallies[key] for key in sorted(self._tallies))
        return LedgerSnapshot(tallies, dict(sorted(self._last.items())), self._day, self._tokens, self._daily_tokens)

    def _today(self) -> date:
        return self._clock.now().astimezone(UTC).date()

    def _turn_page(self) -> None:
        today = self._today()
        if today != self._day:
            self._day, self._tokens = today, 0


def _sum(total: float | None, more: float | None) -> float | None:
    return total if more is None else (total or 0.0) + more
