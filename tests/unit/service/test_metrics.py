from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from extract.routing.ledger import Ledger
from kg.model_values import ModelCall
from mcp_server.service.metrics import render

STATUS = {
    "graph": {"memories": 7, "facts": 12, "entities": 5, "users": 2, "jobs": 3},
    "index": {"waiting": 1, "failing": 0, "tombstones": 0, "kind": "embedded"},
    "jobs": {"pending": 2, "dead": 1},
    "sessions": 4,
    "uptime_s": 12.5,
    "default_user": "someone",
}


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 5, 1, 12, tzinfo=UTC)


def samples(status, ledger: Ledger) -> dict[tuple[str, tuple[str, ...]], float]:
    """Metric and label values (in the order of the labels' names) -> value, as Prometheus' own parser reads them."""
    text, content_type = render(status, ledger.snapshot())
    assert content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def ledger_with_calls() -> Ledger:
    ledger = Ledger(5000, Noon())
    paid = ModelCall("extract", "gemini:flash", "ok", 100, 20, 60, 0.25, 1500.0)
    for call in (
        paid,
        paid,
        ModelCall("contradict", "ollama:qwen3:14b", "unavailable", latency_ms=250.0, reason="timeout"),
    ):
        ledger.record(call)
    return ledger


def test_the_service_is_told_in_numbers():
    read = samples(STATUS, Ledger(0, Noon()))
    assert read["knowthread_memories", ()] == 7
    assert read["knowthread_index_waiting", ()] == 1
    assert read["knowthread_jobs", ("pending",)] == 2
    assert read["knowthread_jobs", ("dead",)] == 1
    assert read["knowthread_sessions", ()] == 4
    assert read["knowthread_uptime_seconds", ()] == 12.5


def test_models_are_told_by_task_model_and_outcome():
    read = samples(STATUS, ledger_with_calls())
    paid, failed = ("gemini:flash", "ok", "extract"), ("ollama:qwen3:14b", "unavailable", "contradict")
    assert read["knowthread_model_calls_total", paid] == 2
    assert read["knowthread_model_calls_total", failed] == 1
    assert read["knowthread_model_cost_usd_total", paid] == 0.5
    assert ("knowthread_model_cost_usd_total", failed) not in read
    assert read["knowthread_model_latency_seconds_total", paid] == 3.0
    tokens = {kind: read["knowthread_model_tokens_total", (kind, *paid)] for kind in ("input", "cached", "output")}
    assert tokens == {"input": 80, "cached": 120, "output": 40}
    assert read["knowthread_model_tokens_today", ()] == 240
    assert read["knowthread_model_tokens_daily_limit", ()] == 5000


def test_what_the_status_does_not_know_is_left_out():
    read = samples({"index": {"kind": "server", "error": "down"}, "jobs": None}, Ledger(0, Noon()))
    assert {name for name, _ in read} == {"knowthread_model_tokens_today", "knowthread_model_tokens_daily_limit"}


def test_no_name_of_a_user_or_a_folder_is_told():
    assert b"someone" not in render(STATUS, ledger_with_calls().snapshot())[0]


def test_each_answer_stands_for_itself():
    render(STATUS, ledger_with_calls().snapshot())
    read = samples(STATUS, Ledger(0, Noon()))
    assert not [name for name, _ in read if name == "knowthread_model_calls_total"]
