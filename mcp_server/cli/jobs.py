"""The commands about work for models: jobs, and catching up with what no model has read yet."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kg.operations.administration import Administration
from mcp_server.cli.call import show_operation
from mcp_server.cli.options import Options, add_command, given, set_run
from mcp_server.cli.show_memories import render_remarks
from mcp_server.cli.streams import counted, moment
from mcp_server.link.client import JsonObject

if TYPE_CHECKING:
    from mcp_server.cli.terminal_layout import Screen

_STYLES = {"dead": "bold red", "failed": "yellow", "running": "cyan", "done": "green"}
_INDENT = 4
_LIMIT = 20


def jobs_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread jobs`` and its commands."""
    set_run(command, list_jobs)
    options = Options(command, Administration.list_jobs)
    options.add("state")
    options.add("limit", default=_LIMIT)
    commands = command.add_subparsers(title="commands", metavar="COMMAND")

    listing = add_command(commands, "list", "list jobs, unfinished ones first (the default)")
    set_run(listing, list_jobs)
    options = Options(listing, Administration.list_jobs, inherited=True)
    options.add("state")
    options.add("limit", default=_LIMIT)

    show = add_command(commands, "show", "show one job with its model calls")
    set_run(show, show_job)
    Options(show, Administration.get_job).add_argument("id", "ID")

    retry = add_command(commands, "retry", "try a failed job again, or all of them")
    set_run(retry, retry_jobs)
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", metavar="ID", help="the job's id, from: knowthread jobs")
    which.add_argument("--all", action="store_true", help="every job that failed, and every dead one")

    cancel = add_command(commands, "cancel", "cancel a job; its memories are kept")
    set_run(cancel, cancel_job)
    Options(cancel, Administration.cancel_job).add_argument("id", "ID")


def extract_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread extract``."""
    set_run(command, extract)
    command.add_argument(
        "--pending", action="store_true", required=True, help="read all of your memories that wait for a model"
    )


def list_jobs(arguments: Namespace) -> int:
    """List jobs, unfinished ones first."""
    asked = given(arguments, Administration.list_jobs)
    return show_operation(arguments, Administration.list_jobs, asked, _render_jobs)


def show_job(arguments: Namespace) -> int:
    """Show one job with its model calls."""
    return show_operation(arguments, Administration.get_job, given(arguments, Administration.get_job), _render_job)


def retry_jobs(arguments: Namespace) -> int:
    """Try one job again, or all that failed."""
    asked = given(arguments, Administration.retry_jobs)
    return show_operation(arguments, Administration.retry_jobs, asked, _render_retried)


def cancel_job(arguments: Namespace) -> int:
    """Cancel one job."""
    asked = given(arguments, Administration.cancel_job)
    return show_operation(arguments, Administration.cancel_job, asked, _render_cancelled)


def extract(arguments: Namespace) -> int:
    """Have a model read what none has read yet."""
    return show_operation(arguments, Administration.extract_pending, {}, _render_queued)


def count_states(states: JsonObject) -> str:
    """Return how many jobs are in each state, those that need attention first: ``1 dead, 2 pending``."""
    order = ("dead", "failed", "running", "pending", "done", "cancelled")
    return ", ".join(f"{states[state]:,} {state}" for state in order if states.get(state))


def _render_jobs(screen: Screen, answer: JsonObject) -> None:
    states: JsonObject = answer["states"]
    if not answer["jobs"]:
        screen.line("No such jobs." if states else "No jobs.")
    for job in answer["jobs"]:
        _heading(screen, job, moment(job["created_at"]))
        details = " · ".join(_details(job))
        if details:
            screen.line((details, "dim"), indent=_INDENT)
        if job.get("error"):
            screen.line((job["error"], "yellow"), indent=_INDENT)
        screen.line((job["id"], "dim"), indent=_INDENT)
    render_remarks(screen, answer)
    if states:
        screen.line((f"In all: {count_states(states)}.", "dim"))
    if states.get("dead"):
        screen.line(("To try the dead ones again: knowthread jobs retry --all", "dim"))


def _render_job(screen: Screen, job: JsonObject) -> None:
    _heading(screen, job, job["id"])
    screen.pairs(
        [
            ("created", moment(job["created_at"])),
            ("next try", moment(job.get("next_attempt_at"))),
            ("finished", moment(job.get("finished_at"))),
            ("attempts", job.get("attempts")),
            ("failures", job.get("failures")),
            ("model", job.get("model")),
            ("tokens", _number(job.get("tokens"))),
            ("cost", _dollars(job.get("cost_usd"))),
        ]
    )
    if job.get("error"):
        screen.line((job["error"], "yellow"), indent=2)
    screen.gap()
    screen.line("Memories:" if job["memories"] else "Its memories are deleted.")
    for uuid in job["memories"]:
        screen.line(uuid, indent=2)
    if job["calls"]:
        screen.gap()
        screen.line("Model calls:")
    for call in job["calls"]:
        _call(screen, call)


def _render_retried(screen: Screen, answer: JsonObject) -> None:
    retried: int = answer["retried"]
    screen.line(f"Queued again: {counted(retried, 'job')}." if retried else "No job has failed.")


def _render_cancelled(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Cancelled {answer['id']}. Its memories are kept; no model reads them.")


def _render_queued(screen: Screen, answer: JsonObject) -> None:
    memories, jobs, revived, waiting = (answer[key] for key in ("memories", "jobs", "revived", "waiting"))
    if memories:
        screen.line(f"Queued {counted(memories, 'memory', 'memories')} in {counted(jobs, 'job')}.")
    if revived:
        screen.line(f"Queued again: {counted(revived, 'job')} that had failed.")
    if memories or revived:
        screen.line(("How far it is: knowthread jobs", "dim"))
    elif waiting:
        screen.line(f"Nothing new to queue; not done yet: {counted(waiting, 'job')}. See: knowthread jobs")
    else:
        screen.line("Nothing waits: a model has read every memory that it should.")


def _heading(screen: Screen, job: JsonObject, remark: str) -> None:
    state: str = job["state"]
    kind = f"{job['kind']}, in bulk" if job.get("bulk") else job["kind"]
    screen.line((f"{state:10}", _STYLES.get(state, "")), f"{kind}  ", (remark, "cyan"))


def _details(job: JsonObject) -> Iterator[str]:
    if job.get("failures"):
        yield counted(job["failures"], "failure")
    if job.get("next_attempt_at"):
        yield f"next try {moment(job['next_attempt_at'])}"
    if job.get("model"):
        yield job["model"]
    if job.get("tokens"):
        yield counted(job["tokens"], "token")
    if job.get("cost_usd"):
        yield _dollars(job["cost_usd"])


def _call(screen: Screen, call: dict[str, Any]) -> None:
    why = f": {call['reason'].replace('_', ' ')}" if call.get("reason") else ""
    screen.line(f"{call['task']}, {call['model']}: {call['outcome']}{why}", indent=2)
    counts = [
        moment(call.get("at")),
        f"{call['input_tokens']:,} tokens in",
        f"{call['output_tokens']:,} out",
        _dollars(call.get("cost_usd")),
        f"{call['latency_ms'] / 1000:,.1f} s",
    ]
    screen.line((" · ".join(count for count in counts if count), "dim"), indent=_INDENT)


def _number(value: int | None) -> str:
    return f"{value:,}" if value else ""


def _dollars(value: float | None) -> str:
    return "" if value is None else f"${value:,.4f}"
