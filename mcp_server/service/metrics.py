"""The numbers that Prometheus reads at ``/metrics``, without any name of a user, project or thing.

Each request builds a registry of its own from what the caller hands in; nothing is counted here, nothing is global.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from extract.routing.ledger import LedgerSnapshot
from kg.narrow import as_object

_GAUGES = (
    ("memories", "graph", "memories", "Memories in the graph."),
    ("facts", "graph", "facts", "Facts in the graph, former ones included."),
    ("entities", "graph", "entities", "Entities in the graph."),
    ("users", "graph", "users", "Users with memories."),
    ("index_waiting", "index", "waiting", "Nodes that wait to be indexed."),
    ("index_failing", "index", "failing", "Nodes that could not be embedded and are tried again."),
    ("index_tombstones", "index", "tombstones", "Points that wait to be removed from the side-index."),
    ("index_points", "index", "points", "Points in the side-index."),
)
"""Metric, part of the status, its field, meaning."""


def render(status: Mapping[str, Any], ledger: LedgerSnapshot) -> tuple[bytes, str]:
    """Return the text of all metrics and its content type.

    Args:
        status: ``graph`` and ``index`` as the service's status has them; ``jobs``: state -> number; ``sessions``;
            ``uptime_s``. What is missing is left out of the answer.
        ledger: the models' calls since the process started.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(status, ledger))
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Snapshot(Collector):
    """The metrics of one instant."""

    def __init__(self, status: Mapping[str, Any], ledger: LedgerSnapshot) -> None:
        self._status = status
        self._ledger = ledger

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not collect."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its samples."""
        yield from self._collect_service()
        yield from self._collect_models()
        yield _gauge("model_tokens_today", "Model tokens of this UTC day.", self._ledger.tokens_today)
        yield _gauge("model_tokens_daily_limit", "Most model tokens a day, 0: no limit.", self._ledger.daily_tokens)

    def _collect_service(self) -> Iterator[Metric]:
        for name, part, field, meaning in _GAUGES:
            value = self._part(part).get(field)
            if value is not None:
                yield _gauge(name, meaning, value)
        jobs = GaugeMetricFamily("knowthread_jobs", "Jobs by state.", labels=["state"])
        for state, number in sorted(self._part("jobs").items()):
            jobs.add_metric([state], number)
        yield jobs
        for name, field, meaning in (
            ("sessions", "sessions", "Connected sessions."),
            ("uptime_seconds", "uptime_s", "Seconds since the service was started."),
        ):
            if self._status.get(field) is not None:
                yield _gauge(name, meaning, self._status[field])

    def _collect_models(self) -> Iterator[Metric]:
        of_call = ["task", "model", "outcome"]
        calls = CounterMetricFamily("knowthread_model_calls", "Requests to models.", labels=of_call)
        tokens = CounterMetricFamily(
            "knowthread_model_tokens",
            "Tokens of models: input not read from a cache, input read from one, output.",
            labels=[*of_call, "kind"],
        )
        cost = CounterMetricFamily(
            "knowthread_model_cost_usd",
            "Cost of models in USD, where it is known: an estimate by list price.",
            labels=of_call,
        )
        latency = CounterMetricFamily(
            "knowthread_model_latency_seconds",
            "Time spent waiting for models, summed over parallel requests.",
            labels=of_call,
        )
        for tally in self._ledger.tallies:
            labels = [tally.task, tally.model, tally.outcome]
            calls.add_metric(labels, tally.calls)
            tokens.add_metric([*labels, "input"], tally.input_tokens - tally.cached_tokens)
            tokens.add_metric([*labels, "cached"], tally.cached_tokens)
            tokens.add_metric([*labels, "output"], tally.output_tokens)
            latency.add_metric(labels, tally.latency_s)
            if tally.cost_usd is not None:
                cost.add_metric(labels, tally.cost_usd)
        yield from (calls, tokens, cost, latency)

    def _part(self, name: str) -> Mapping[str, Any]:
        return as_object(self._status.get(name))


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"knowthread_{name}", meaning, value=value)
