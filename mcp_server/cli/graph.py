"""The commands that look after the graph and its index: contradictions, merged names, building the index anew."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING

from mcp_server.cli.operate import counted, operate, show
from mcp_server.cli.output import PhaseLine
from mcp_server.link.client import CallFailed, JsonObject, ServiceClient

if TYPE_CHECKING:
    from mcp_server.cli.render import Screen

_LOOK_EVERY_S = 0.5
_INDENT = 4
_DRIFT = {
    "missing": "without a point",
    "stale": "with a point of an older state",
    "surplus": "points too many",
    "texts": "edited by hand",
}
_REPAIRED = _DRIFT | {
    "tombstones": "needless tombstones",
    "ends": "ends of facts",
    "claims": "drawn claims",
    "undrawn": "drawn claims that no fact states",
}
_HOW = {"superseded": "no longer true", "corrected": "never true"}


def list_conflicts(arguments: Namespace) -> int:
    """List contradictions, those still open first."""
    given = {"project": arguments.project, "limit": arguments.limit}
    return operate(arguments, "list_conflicts", given, _render_conflicts)


def undo_decision(arguments: Namespace) -> int:
    """Take a decision between facts back."""
    return operate(arguments, "undo_decision", {"id": arguments.id}, _render_decision_undone)


def list_merges(arguments: Namespace) -> int:
    """List what was merged into what."""
    return operate(arguments, "list_merges", {"limit": arguments.limit}, _render_merges)


def merge_entities(arguments: Namespace) -> int:
    """Say that two names mean one thing."""
    given = {"name": " ".join(arguments.name), "into": " ".join(arguments.into), "reason": arguments.reason}
    return operate(arguments, "merge_entities", given, _render_merged)


def undo_merge(arguments: Namespace) -> int:
    """Take a merged entity out again."""
    return operate(arguments, "undo_merge", {"id": arguments.id}, _render_merge_undone)


def reindex(arguments: Namespace) -> int:
    """Build the index anew, and show how far that is; one that runs already is only watched."""
    if arguments.cancel:
        return operate(arguments, "cancel_reindex", {}, _render_cancelled)
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            progress = client.operate("reindex", {"start": False})
            if progress["state"] != "building":
                progress = client.operate("reindex", {"start": True})
            if not arguments.no_wait:
                progress = _watch(client, line, progress)
        finally:
            client.close()
    show(arguments, progress, _render_reindex)
    return 0


def repair(arguments: Namespace) -> int:
    """Compare the graph with what is derived from it, and mend that."""
    return operate(
        arguments, "repair", {"check": arguments.check}, _render_drift if arguments.check else _render_repair
    )


def _watch(client: ServiceClient, line: PhaseLine, progress: JsonObject) -> JsonObject:
    """Show a reindex until it is done; a person who does not wait for that leaves it running."""
    try:
        while progress["state"] == "building":
            line.tell(_phase(progress))
            time.sleep(_LOOK_EVERY_S)
            progress = client.operate("reindex", {"start": False})
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt("the reindex goes on; to watch it again: knowthread reindex") from interrupt
    if progress["state"] == "failed":
        raise CallFailed(f"the reindex failed: {progress.get('error') or 'without a reason'}; see: knowthread doctor")
    if progress["state"] != "done":
        raise CallFailed("the service was started anew and no reindex runs; see: knowthread status")
    return progress


def _phase(progress: JsonObject) -> str:
    done, total = progress["done"], progress["total"]
    phase = f"reindexing {100 * done // total}% of {total:,} nodes" if total else "reindexing"
    return f"{phase}; delayed: {progress['error']}" if progress.get("error") else phase


def _render_reindex(screen: Screen, progress: JsonObject) -> None:
    if progress["state"] == "done":
        screen.line(f"The index is built anew: {counted(progress['total'], 'node')}.")
    else:
        screen.line("The index is being built anew; searches use the old one meanwhile.")
        screen.line(("To watch it: knowthread reindex", "dim"))


def _render_cancelled(screen: Screen, _: JsonObject) -> None:
    screen.line("No reindex runs any more; the index is the former one.")


def _render_drift(screen: Screen, found: JsonObject) -> None:
    differing = [f"{found[name]:,} {words}" for name, words in _DRIFT.items() if found[name]]
    screen.line(f"{counted(found['nodes'], 'node')} in the graph, {counted(found['points'], 'point')} in the index.")
    screen.line(f"Differing: {', '.join(differing)}. To mend it: knowthread repair" if differing else "They agree.")


def _render_repair(screen: Screen, found: JsonObject) -> None:
    mended = [f"{found[name]:,} {words}" for name, words in _REPAIRED.items() if found[name]]
    screen.line(f"Mended: {', '.join(mended)}." if mended else "Nothing was wrong.")


def _render_conflicts(screen: Screen, answer: JsonObject) -> None:
    if not answer["open"] and not answer["decided"]:
        screen.line("No contradictions.")
    if answer["open"]:
        screen.line(("Open: ", "bold yellow"), "both hold, and nobody has said which replaces which")
    for conflict in answer["open"]:
        for fact in conflict["facts"]:
            _fact(screen, "? ", fact)
            screen.line((fact["id"], "dim"), indent=_INDENT)
        screen.gap()
    if answer["decided"]:
        screen.line(("Decided:", "bold"))
    for decision in answer["decided"]:
        _decision(screen, decision)
    if answer["decided"]:
        screen.line(("To take one back: knowthread facts undo ID", "dim"))


def _decision(screen: Screen, decision: JsonObject) -> None:
    from mcp_server.cli.render import day

    how = _HOW.get(decision["how"], decision["how"])
    undone = f", taken back {day(decision['undone_at'])}" if decision.get("undone_at") else ""
    screen.line((day(decision["at"]), "cyan"), f"  {how}, judged by {decision['judge']}", (undone, "yellow"))
    _fact(screen, "x ", decision["old"], "dim")
    _fact(screen, "> ", decision["new"])
    if decision.get("reason"):
        screen.line((f"because {decision['reason']}", "dim"), indent=_INDENT)
    screen.line((decision["id"], "dim"), indent=_INDENT)


def _fact(screen: Screen, mark: str, fact: JsonObject, style: str = "") -> None:
    from mcp_server.cli.render import day

    known = [f"since {day(fact['valid_at'])}"] if fact.get("valid_at") else []
    known += [fact["project"]] if fact.get("project") else []
    screen.line(mark, (fact["fact"], style), (f" ({'; '.join(known)})" if known else "", "dim"), indent=2)


def _render_decision_undone(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Taken back {answer['id']}.")
    if answer["stands"]:
        screen.line(f"The fact that it had ended holds again: {answer['fact']}")
    else:
        screen.line(f"The fact is still ended by something else, a newer value or another decision: {answer['fact']}")


def _render_merges(screen: Screen, answer: JsonObject) -> None:
    from mcp_server.cli.render import day

    if not answer["merges"]:
        screen.line("Nothing was merged.")
    for merge in answer["merges"]:
        kind = f"  {merge['kind']}" if merge.get("kind") else ""
        screen.line((day(merge.get("at")), "cyan"), f"  {merge['name']} -> ", (merge["into"], "bold"), (kind, "dim"))
        if merge.get("names"):
            screen.line((f"by the names {', '.join(merge['names'])}", "dim"), indent=_INDENT)
        if merge.get("reason"):
            screen.line((f"because {merge['reason']}", "dim"), indent=_INDENT)
        screen.line((merge["id"], "dim"), indent=_INDENT)
    if answer["merges"]:
        screen.line(("To take one out again: knowthread entities undo ID", "dim"))


def _render_merged(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Merged: {_moved(answer)}.")
    screen.line((f"Undo: knowthread entities undo {answer['source']}", "dim"))


def _render_merge_undone(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Taken out again: {_moved(answer)}.")


def _moved(answer: JsonObject) -> str:
    return f"{counted(answer['names'], 'name')} and {counted(answer['facts'], 'fact')} moved"
