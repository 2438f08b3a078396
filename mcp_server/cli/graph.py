"""The commands that look after the graph and its index: contradictions, merged names, rebuilding the index, repair."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from kg.operations.administration import Administration
from kg.operations.memory import MemoryService
from mcp_server.cli.call import call_operation, show_answer, show_operation, show_tool
from mcp_server.cli.options import Options, add_command, given, set_run
from mcp_server.cli.show_memories import render_added, render_remarks
from mcp_server.cli.streams import PhaseLine, counted, day
from mcp_server.link.client import CallFailed, JsonObject, ServiceClient

if TYPE_CHECKING:
    from mcp_server.cli.terminal_layout import Screen

_LOOK_EVERY_S = 0.5
_INDENT = 4
_LIMIT = 20
_NAMED = 5
_DRIFT = {
    "missing": "not in the index",
    "stale": "out of date in the index",
    "surplus": "only in the index",
    "texts": "edited by hand",
}
_REPAIRED = _DRIFT | {
    "names": "called otherwise than they read",
    "tombstones": "needless tombstones",
    "ends": "wrong ends of facts",
    "claims": "wrong relationships between entities",
    "undrawn": "relationships that no fact states",
}
_HOW = {"superseded": "no longer true", "corrected": "never true"}


def facts_options(command: ArgumentParser) -> None:
    """Add the commands of ``knowthread facts``."""
    commands = command.add_subparsers(metavar="COMMAND", title="commands", required=True)
    conflicts = add_command(commands, "conflicts", "list contradictions: open ones first, then decided ones")
    set_run(conflicts, list_conflicts)
    options = Options(conflicts, Administration.list_conflicts)
    options.add("project")
    options.add("limit", default=_LIMIT)
    undo = add_command(commands, "undo", "undo a decision about a contradiction")
    set_run(undo, undo_decision)
    Options(undo, Administration.undo_decision).add_argument("id", "ID")


def entities_options(command: ArgumentParser) -> None:
    """Add the commands of ``knowthread entities``."""
    commands = command.add_subparsers(metavar="COMMAND", title="commands", required=True)
    merges = add_command(commands, "merges", "list what was merged into what, newest first")
    set_run(merges, list_merges)
    Options(merges, Administration.list_merges).add("limit", default=_LIMIT)
    merge = add_command(commands, "merge", "merge two entities that are the same thing")
    set_run(merge, merge_entities)
    options = Options(merge, Administration.merge_entities)
    options.add_argument("name", "NAME", nargs="+")
    options.add("into", metavar="NAME", nargs="+")
    options.add("reason")
    apart = add_command(commands, "apart", "say that two entities are two things; delete that memory to take it back")
    set_run(apart, tell_apart)
    apart.add_argument("name", metavar="NAME", nargs="+", help="one of them")
    apart.add_argument("--from", dest="other", metavar="NAME", nargs="+", required=True, help="the other one")
    apart.add_argument("--reason", help="why")
    unmerge = add_command(commands, "undo", "undo a merge: the merged entity is separate again")
    set_run(unmerge, undo_merge)
    Options(unmerge, Administration.undo_merge).add_argument("id", "ID")


def reindex_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread reindex``."""
    set_run(command, reindex)
    command.add_argument("--no-wait", action="store_true", help="start it and return")
    command.add_argument("--cancel", action="store_true", help="cancel an unfinished reindex; the old index is kept")


def repair_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread repair``."""
    set_run(command, repair)
    options = Options(command, Administration.repair)
    options.add("check")
    options.add("take_away")


def list_conflicts(arguments: Namespace) -> int:
    """List contradictions, open ones first."""
    asked = given(arguments, Administration.list_conflicts)
    return show_operation(arguments, Administration.list_conflicts, asked, _render_conflicts)


def undo_decision(arguments: Namespace) -> int:
    """Undo a decision about a contradiction."""
    asked = given(arguments, Administration.undo_decision)
    return show_operation(arguments, Administration.undo_decision, asked, _render_decision_undone)


def list_merges(arguments: Namespace) -> int:
    """List what was merged into what."""
    asked = given(arguments, Administration.list_merges)
    return show_operation(arguments, Administration.list_merges, asked, _render_merges)


def merge_entities(arguments: Namespace) -> int:
    """Merge two entities that are the same thing."""
    names = {"name": " ".join(arguments.name), "into": " ".join(arguments.into)}
    asked = given(arguments, Administration.merge_entities) | names
    return show_operation(arguments, Administration.merge_entities, asked, _render_merged)


def tell_apart(arguments: Namespace) -> int:
    """Remember that two entities are two things."""
    asked = two_things(" ".join(arguments.name), " ".join(arguments.other), arguments.reason)
    return show_tool(arguments, MemoryService.add_memory, asked, render_added)


def two_things(one: str, other: str, reason: str | None) -> JsonObject:
    """Return the memory, as ``add_memory`` takes it, by which a person says that two names are two things."""
    statement = f"{one} is another thing than {other}"
    fact = {"statement": statement, "subject": one, "predicate": "DIFFERENT_FROM", "object": other}
    return {"text": f"{statement}: {reason}" if reason else statement, "facts": [fact | {"because": reason}]}


def undo_merge(arguments: Namespace) -> int:
    """Undo a merge."""
    asked = given(arguments, Administration.undo_merge)
    return show_operation(arguments, Administration.undo_merge, asked, _render_merge_undone)


def reindex(arguments: Namespace) -> int:
    """Rebuild the index and show how far that is; one that runs already is only watched."""
    if arguments.cancel:
        return show_operation(arguments, Administration.cancel_reindex, {}, _render_cancelled)
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            progress = call_operation(client, Administration.reindex, {"start": False})
            if progress["state"] != "building":
                progress = call_operation(client, Administration.reindex, {"start": True})
            if not arguments.no_wait:
                progress = _watch(client, line, progress)
        finally:
            client.close()
    show_answer(arguments, progress, _render_reindex)
    return 0


def repair(arguments: Namespace) -> int:
    """Compare the graph with its own rules and with its index, and fix what differs."""
    render = _render_drift if arguments.check else _render_repair
    return show_operation(arguments, Administration.repair, given(arguments, Administration.repair), render)


def _watch(client: ServiceClient, line: PhaseLine, progress: JsonObject) -> JsonObject:
    """Show a reindex until it is done. Interrupting this does not stop the reindex."""
    try:
        while progress["state"] == "building":
            line.tell(_phase(progress))
            time.sleep(_LOOK_EVERY_S)
            progress = call_operation(client, Administration.reindex, {"start": False})
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt("the reindex goes on; to watch it again: knowthread reindex") from interrupt
    if progress["state"] == "failed":
        raise CallFailed(f"the reindex failed: {progress.get('error') or 'without a reason'}; see: knowthread doctor")
    if progress["state"] != "done":
        raise CallFailed("the service was restarted and no reindex runs; see: knowthread status")
    return progress


def _phase(progress: JsonObject) -> str:
    done, total = progress["done"], progress["total"]
    phase = f"reindexing {100 * done // total}% of {total:,} nodes" if total else "reindexing"
    return f"{phase}; delayed: {progress['error']}" if progress.get("error") else phase


def _render_reindex(screen: Screen, progress: JsonObject) -> None:
    if progress["state"] == "done":
        screen.line(f"The index is rebuilt: {counted(progress['total'], 'node')}.")
    else:
        screen.line("The index is being rebuilt; until then searches use the old one.")
        screen.line(("To watch it: knowthread reindex", "dim"))


def _render_cancelled(screen: Screen, _: JsonObject) -> None:
    screen.line("No reindex is running; searches use the old index.")


def _render_drift(screen: Screen, found: JsonObject) -> None:
    differing = [f"{found[name]:,} {words}" for name, words in _DRIFT.items() if found[name]]
    screen.line(f"{counted(found['nodes'], 'node')} in the graph, {counted(found['points'], 'point')} in the index.")
    screen.line(f"They differ: {', '.join(differing)}." if differing else "They agree.")
    for rule in found["rules"]:
        _render_rule(screen, rule)
    if differing or found["rules"]:
        screen.line("To fix it: knowthread repair")
    else:
        screen.line("The graph keeps all its rules.")


def _render_rule(screen: Screen, rule: JsonObject) -> None:
    """Show a rule that nodes break, and the first of those nodes."""
    many = f"{rule['found']:,} or more" if rule["more"] else f"{rule['found']:,}"
    screen.line((f"{many}: ", "bold yellow"), rule["says"].removesuffix("."))
    for node in rule["nodes"][:_NAMED]:
        _render_node(screen, node)
    if rule["found"] > _NAMED:
        screen.line((f"and {rule['found'] - _NAMED:,} more", "dim"), indent=_INDENT)


def _render_repair(screen: Screen, found: JsonObject) -> None:
    fixed = [f"{found[name]:,} {words}" for name, words in _REPAIRED.items() if found[name]]
    fixed += [f"{count:,} nodes that broke the rule {rule}" for rule, count in found["rules"].items()]
    screen.line(
        f"Fixed: {', '.join(fixed)}." if fixed else "Nothing was fixed." if found["left"] else "Nothing was wrong."
    )
    for node in found["taken"]:
        _render_node(screen, node, "Taken away: ")
    if found["at_stake"]:
        screen.line(("These can only be taken away: ", "bold yellow"), "nothing is left but themselves")
        for node in found["at_stake"]:
            _render_node(screen, node)
        screen.line("To take them away: knowthread repair --take-away")
    elif found["left"]:
        screen.line(("Not mended: ", "bold yellow"), "look at these in Neo4j Browser")
        for rule in found["left"]:
            _render_rule(screen, rule)


def _render_node(screen: Screen, node: JsonObject, before: str = "") -> None:
    about = f" {node['about']}" if node.get("about") else ""
    screen.line(f"{before}{node['label']}{about}: {node['problem']}", indent=_INDENT)
    screen.line((f"{node['id'] or 'no id'}, of {node['user_id'] or 'nobody'}", "dim"), indent=2 * _INDENT)


def _render_conflicts(screen: Screen, answer: JsonObject) -> None:
    if not answer["open"] and not answer["decided"]:
        screen.line("No contradictions.")
    if answer["open"]:
        screen.line(("Open: ", "bold yellow"), "both are current, and nobody has said which one replaces the other")
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
        screen.line(("To undo one: knowthread facts undo ID", "dim"))
    render_remarks(screen, answer)


def _decision(screen: Screen, decision: JsonObject) -> None:
    how = _HOW.get(decision["how"], decision["how"])
    undone = f", undone {day(decision['undone_at'])}" if decision.get("undone_at") else ""
    screen.line((day(decision["at"]), "cyan"), f"  {how}, judged by {decision['judge']}", (undone, "yellow"))
    _fact(screen, "x ", decision["old"], "dim")
    _fact(screen, "> ", decision["new"])
    if decision.get("reason"):
        screen.line((f"because {decision['reason']}", "dim"), indent=_INDENT)
    screen.line((decision["id"], "dim"), indent=_INDENT)


def _fact(screen: Screen, mark: str, fact: JsonObject, style: str = "") -> None:
    known = [f"since {day(fact['valid_at'])}"] if fact.get("valid_at") else []
    known += [fact["project"]] if fact.get("project") else []
    screen.line(mark, (fact["fact"], style), (f" ({'; '.join(known)})" if known else "", "dim"), indent=2)


def _render_decision_undone(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Undone: {answer['id']}.")
    if answer["stands"]:
        screen.line(f"The ended fact is current again: {answer['fact']}")
    else:
        screen.line("A newer value or another decision still ends the fact:")
        screen.line(answer["fact"], indent=_INDENT)
    for fact in answer.get("ended", []):
        screen.line(f"Ended again, as the decision that had ended it counts again: {fact}")


def _render_merges(screen: Screen, answer: JsonObject) -> None:
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
        screen.line(("To undo one: knowthread entities undo ID", "dim"))
    render_remarks(screen, answer)


def _render_merged(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Merged: {_moved(answer)}.")
    screen.line((f"Undo: knowthread entities undo {answer['source']}", "dim"))


def _render_merge_undone(screen: Screen, answer: JsonObject) -> None:
    screen.line(f"Merge undone: {_moved(answer)}.")


def _moved(answer: JsonObject) -> str:
    return f"{counted(answer['names'], 'name')} and {counted(answer['facts'], 'fact')} moved"
