"""The commands for jobs, contradictions, merges and the index, on the toy service."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.support.commands import COMMAND, Environment, run
from tests.support.toy_admin import DEAD, DECISION, MEMORY, NEW, OLD, PENDING, SOURCE, TARGET, UNDONE
from tests.support.toy_admin_place import PATIENCE_S, UNKNOWN, Place


def test_jobs_are_listed_with_state_error_and_id(place: Place) -> None:
    done = place.run("jobs")
    assert done.status == 0 and done.err == ""
    assert done.out == place.run("jobs", "list").out
    first, second = done.out.split(DEAD)
    assert first.startswith("dead      extract, in bulk  2026-05-02 09:30 UTC")
    assert "5 failures · gemini:gemini-3.5-flash-lite · 10,780 tokens · $0.0060" in " ".join(first.split())
    assert "in another form than asked" in " ".join(first.split())
    assert "pending   judge" in second and "next try 2026-05-05 09:30 UTC" in second and PENDING in second
    assert "In all: 1 dead, 1 pending." in second and "knowthread jobs retry --all" in second


@pytest.mark.parametrize("options", [("--state", "dead", "--limit", "3"), ("list", "--state", "dead", "--limit", "3")])
def test_jobs_are_narrowed_to_a_state(place: Place, options: tuple[str, ...]) -> None:
    assert [job["id"] for job in place.run("jobs", *options, "--json").json()["jobs"]] == [DEAD]
    asked = place.queries("list_jobs")[-1]
    assert (asked["user_id"], asked["state"], asked["top_k"]) == (
        "somebody",
        "dead",
        4,
    )  # one more than the limit, to know whether there are more


def test_one_job_is_shown_with_its_memories_and_model_calls(place: Place) -> None:
    shown = place.run("jobs", "show", DEAD).out
    for part in (
        DEAD,
        "dead",
        MEMORY,
        "attempts  7",
        "finished  2026-05-03 09:30 UTC",
        "extract, gemini:gemini-3.5-flash-lite: malformed",
        "2.3 s",
    ):
        assert part in shown, shown
    assert "gemini:gemini-3.5-flash-lite: unavailable: quota" in shown
    calls = place.run("jobs", "show", DEAD, "--json").json()["calls"]
    assert [call["outcome"] for call in calls] == ["malformed", "unavailable", "repaired"]


def test_jobs_are_retried_and_cancelled(place: Place) -> None:
    assert place.run("jobs", "retry", DEAD).out == "Queued again: 1 job.\n"
    assert place.queries("retry_jobs")[-1]["uuid"] == DEAD
    assert place.run("jobs", "retry", "--all").out == "Queued again: 1 job.\n"
    assert place.queries("retry_jobs")[-1]["uuid"] is None
    assert place.run("jobs", "retry", "--all", user="nobody").out == "No job has failed.\n"
    assert place.run("jobs", "cancel", PENDING).out.startswith(f"Cancelled {PENDING}.")


def test_what_no_model_has_read_is_queued(place: Place) -> None:
    done = place.run("extract", "--pending")
    assert "Queued 1 memory in 1 job." in done.out and "Queued again: 1 job that had failed." in done.out
    assert place.run("extract", "--pending", user="nobody").out.startswith("Nothing waits")
    waits = place.run("extract", "--pending", user="waiting")
    assert waits.out == "Nothing new to queue; not done yet: 1 job. See: knowthread jobs\n"
    assert place.run("extract", "--pending", "--json", user="waiting").json()["waiting"] == 1


def test_without_a_model_catching_up_says_how_to_get_one(own_place: Place) -> None:
    own_place.boot(models=False)
    done = own_place.run("extract", "--pending", "--json")
    assert done.status == 1 and "no model is set up" in done.error() and "no model is set up" in done.json()["error"]


def test_open_contradictions_come_before_decided_ones(place: Place) -> None:
    done = place.run("facts", "conflicts", "--project", "github.com/example/app", "--limit", "7")
    shown = done.out
    opened, decided = shown.split("Decided:")
    assert "Sessions use Redis" in opened and "Redis was rejected for sessions" in opened
    assert OLD in opened and NEW in opened
    assert "2026-05-06  no longer true, judged by ollama:qwen3:14b" in decided
    first, second = decided.split(DECISION)
    assert first.index("x The shop API runs on Node 18") < first.index("> The shop API runs on Node 22")
    assert "because The later note says" in " ".join(first.split()) and ", undone" not in first
    assert "never true" in second and "undone 2026-05-08" in second and UNDONE in second
    asked = place.queries("conflicts")[-1]
    assert (asked["project"], asked["top_k"]) == ("github.com/example/app", 8)
    assert place.run("facts", "conflicts", user="nobody").out == "No contradictions.\n"
    assert place.queries("conflicts")[-1]["project"] is None


def test_a_decision_is_taken_back(place: Place) -> None:
    done = place.run("facts", "undo", DECISION)
    assert done.out == f"Undone: {DECISION}.\nThe ended fact is current again: {OLD}\n"
    assert place.run("facts", "undo", DECISION, "--json").json() == {
        "id": DECISION,
        "fact": OLD,
        "stands": True,
    }
    gone = place.run("facts", "undo", NEW)
    assert gone.status == 1 and "no decision" in gone.error()


def test_merges_are_listed_made_and_undone(place: Place) -> None:
    shown = place.run("entities", "merges").out
    assert shown.startswith("2026-05-07  redis -> Valkey  Tool") and "redis, redis server" in shown and SOURCE in shown
    merged = place.run("entities", "merge", "Redis", "--into", "Valkey", "--reason", "it was renamed")
    assert "Merged: 1 name and 0 facts moved." in merged.out and f"entities undo {SOURCE}" in merged.out
    created = place.queries("create_merge")[-1]
    assert (created["source"], created["target"], created["reason"]) == (SOURCE, TARGET, "it was renamed")
    assert place.run("entities", "undo", SOURCE).out == "Merge undone: 1 name and 0 facts moved.\n"
    assert place.run("entities", "merges", user="nobody").out == "Nothing was merged.\n"


def test_a_name_of_several_words_needs_no_quotes(place: Place) -> None:
    done = place.run("entities", "merge", "session", "store", "--into", "Valkey")
    assert done.status == 1 and "name: 'session store' is not usable" in done.error()


def test_a_reindex_is_shown_until_it_is_done(place: Place) -> None:
    done = place.run("reindex")
    assert done.status == 0 and done.out == "The index is rebuilt: 400 nodes.\n"
    assert done.err == "knowthread: reindexing 0% of 400 nodes\n"
    assert place.run("reindex", "--json").json() == {"state": "done", "done": 400, "total": 400, "error": None}


def test_a_reindex_that_nobody_waits_for_goes_on_and_is_not_begun_twice(own_place: Place) -> None:
    own_place.boot()
    own_place.write("reindex.json", {"stalls_at": 100})
    started = own_place.run("reindex", "--no-wait")
    assert started.status == 0 and "is being rebuilt" in started.out
    assert own_place.run("reindex", "--no-wait", "--json").json()["state"] == "building"
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    watching = subprocess.Popen(
        [*COMMAND, "reindex"], env=own_place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    signal.signal(signal.SIGINT, former)
    with watching:
        assert watching.stdout is not None and watching.stderr is not None
        assert b"reindexing" in watching.stderr.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.stderr.read() == b"knowthread: the reindex goes on; to watch it again: knowthread reindex\n"
        assert watching.wait(PATIENCE_S) == 130 and watching.stdout.read() == b""
    own_place.write("reindex.json", {})
    assert own_place.run("reindex").out == "The index is rebuilt: 400 nodes.\n"


def test_a_reindex_that_fails_says_why(own_place: Place) -> None:
    own_place.boot()
    own_place.write("reindex.json", {"error": "the disk is full"})
    done = own_place.run("reindex")
    assert done.status == 1 and done.out == "" and "the reindex failed: the disk is full" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("jobs", "--state", "asleep"), "state: 'asleep'"),
        (("jobs", "show", "nope"), "id: 'nope'"),
        (("jobs", "show", UNKNOWN), "no job"),
        (("jobs", "retry", PENDING), "no failed or dead job"),
        (("jobs", "cancel", DEAD), "no unfinished job"),
        (("facts", "conflicts", "--limit", "0"), "limit"),
        (("entities", "undo", "redis"), "id: 'redis'"),
        (("entities", "merge", "Redis", "--into", "Memcached"), "into: 'Memcached'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_refusal_is_one_line_that_names_it(place: Place, arguments: tuple[str, ...], said: str) -> None:
    done = place.run(*arguments)
    assert done.status == 1 and done.out == "" and said in done.error()


@pytest.mark.parametrize(
    "arguments",
    [
        ("facts",),
        ("entities",),
        ("jobs", "retry"),
        ("jobs", "retry", DEAD, "--all"),
        ("jobs", "show"),
        ("jobs", "mend"),
        ("jobs", "--limit", "many"),
        ("entities", "merge", "Redis"),
        ("extract",),
        ("reindex", "now"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_two_and_starts_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    environment: Environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "KNOWTHREAD_DATA_DIR": str(tmp_path / "d"),
    }
    done = run(environment, *arguments)
    assert done.status == 2 and done.out == "" and "knowthread" in done.err and not (tmp_path / "d").exists()


STATUS: dict[str, Any] = {
    "default_user": "somebody",
    "jobs": {"dead": 1, "done": 1234, "pending": 2},
    "models": {
        "routes": {
            "extract": [
                {"model": "ollama:qwen3:14b", "state": "open", "reason": "missing_model", "retry_in_s": 571.4},
                {"model": "gemini:gemini-3.5-flash-lite", "state": "ok"},
            ],
            "contradict": [{"model": "anthropic:claude-sonnet-5-5", "state": "off", "reason": "forbidden"}],
            "resolve": [],
        },
        "tokens_today": 12345,
        "daily_tokens": 2_000_000,
        "cost_usd_today": 0.0312,
        "worker": {
            "running": 2,
            "concurrency": 4,
            "paused": {
                "judge": {
                    "reason": "anthropic:claude-sonnet-5-5 forbidden: the provider does not allow this use",
                    "retry_in_s": 42,
                }
            },
        },
    },
}


def test_status_shows_models_jobs_tokens_and_why_the_worker_waits(place: Place) -> None:
    place.write("status.json", STATUS)
    lines = place.run("status").out.splitlines()
    words = [" ".join(line.split()) for line in lines]
    assert "extract ollama:qwen3:14b (not asked for 571 s: missing model)" in words
    assert "then gemini:gemini-3.5-flash-lite" in words
    assert "contradict anthropic:claude-sonnet-5-5 (off: forbidden)" in words
    assert not any(line.startswith("resolve") for line in words)
    assert "jobs 1 dead, 2 pending, 1,234 done" in words
    assert "tokens 12,345 of 2,000,000 today, $0.0312" in words
    assert "worker 2 of 4 at work" in words
    assert "'judge' jobs wait for 42 s: anthropic:claude-sonnet-5-5 forbidden" in " ".join(words)
    assert all(cell_len(line) <= 80 for line in lines if str(place.data) not in line)
    assert place.run("status", "--json").json()["models"] == STATUS["models"]


def test_status_without_a_model_says_where_facts_come_from(place: Place) -> None:
    place.write("status.json", {"models": {"routes": {}}, "jobs": {}})
    shown = place.run("status").out
    assert "none (facts come from the calling agent); or: knowthread setup" in shown and "tokens" not in shown
    place.write("status.json", {})
    assert "models" not in place.run("status").out


SHOWN = [
    ("jobs",),
    ("jobs", "show", DEAD),
    ("jobs", "retry", DEAD),
    ("jobs", "cancel", PENDING),
    ("facts", "conflicts"),
    ("facts", "undo", DECISION),
    ("entities", "merges"),
    ("entities", "merge", "Redis", "--into", "Valkey"),
    ("entities", "undo", SOURCE),
    ("extract", "--pending"),
    ("reindex", "--no-wait"),
]


@pytest.mark.parametrize("arguments", SHOWN, ids=" ".join)
def test_output_fits_eighty_columns_and_json_is_one_document(place: Place, arguments: tuple[str, ...]) -> None:
    shown = place.run(*arguments)
    assert shown.status == 0 and shown.out
    assert all(cell_len(line) <= 80 for line in shown.out.splitlines()), shown.out
    assert isinstance(place.run(*arguments, "--json").json(), dict)


@pytest.mark.parametrize(
    "arguments",
    [("jobs",), ("jobs", "show"), ("facts", "conflicts"), ("entities", "merge"), ("extract",), ("reindex",)],
    ids=" ".join,
)
def test_help_needs_no_service_and_fits_eighty_columns(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "80"}, *arguments, "--help")
    assert done.status == 0 and "usage: knowthread" in done.out
    assert all(cell_len(line) <= 80 for line in done.out.splitlines()), done.out
