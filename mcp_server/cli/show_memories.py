"""Answers about memories as a person reads them in a terminal: dated, with project and score."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_server.cli.streams import day, in_commands, moment

if TYPE_CHECKING:
    from mcp_server.cli.terminal_layout import Screen

JsonObject = Mapping[str, Any]

_INDENT = 4
_VERSIONS_SHOWN = 5


def render_added(screen: Screen, answer: JsonObject) -> None:
    """Show what was stored, what it ended and which current facts it may replace."""
    for result in answer["results"]:
        word = "Already stored as" if result.get("duplicate") else "Stored as"
        screen.line(f"{word} ", (result["id"], "bold"))
    for label, style in (("facts", ""), ("ended", "dim")):
        for fact in answer.get(label, []):
            screen.line(("+ " if label == "facts" else "x no longer: "), (_statement(fact), style), indent=2)
    for skipped in answer.get("facts_skipped", []):
        screen.line((f"! fact {skipped['index'] + 1} was left out: {skipped['why']}", "yellow"), indent=2)
    for warning in answer.get("warnings", []):
        screen.line((f"! {warning}", "yellow"), indent=2)
    _rivals(screen, answer)
    _likely(screen, answer)
    if not answer.get("indexed", True):
        screen.line(("Not in the index yet: search finds it by its words now, and by its meaning soon.", "yellow"))


def _rivals(screen: Screen, answer: JsonObject) -> None:
    """Show which current facts may be replaced by what was stored, and the command that ends them."""
    rivals = answer.get("to_settle", [])
    for fact in rivals:
        screen.line(f"? {fact['why']}: {_statement(fact)}  ", (fact["id"], "dim"), indent=2)
    if answer.get("to_settle_omitted"):
        screen.line((f"and {answer['to_settle_omitted']} more", "dim"), indent=2)
    if rivals:
        screen.line("They may be replaced by what is new. To end them, or some of them, if they no longer hold:")
    for call in answer.get("settle_with", {}).get("facts", []):
        screen.line(f"knowthread add --fact '{json.dumps(call)}'", indent=2)


def _likely(screen: Screen, answer: JsonObject) -> None:
    """Show which things may be one, and the commands that say whether they are."""
    for other in answer.get("maybe_same", []):
        one = str(other.get("new") or answer["name"])
        screen.line(f"? {one} may be the same as {other['name']} ({other['why']}). Say which:", indent=2)
        for word, towards in (("merge", "--into"), ("apart", "--from")):
            screen.line(shlex.join(("knowthread", "entities", word, one, towards, str(other["name"]))), indent=4)


def render_hits(screen: Screen, answer: JsonObject) -> None:
    """Show ranked memories, and before them what has changed, where that was asked."""
    results: list[JsonObject] = answer["results"]
    for change in answer.get("changes", []):
        _change(screen, change)
    if not results and not answer.get("changes"):
        screen.line("Nothing found.")
    for number, hit in enumerate(results, 1):
        score = f"score {hit['score']:.2f}" if "score" in hit else ""
        if hit.get("similarity") is not None:
            score += f", similarity {hit['similarity']:.2f}"
        _memory_block(screen, hit, f"{number}.", score)
        if hit.get("explain"):
            shares = ", ".join(f"{part} {share:.2f}" for part, share in hit["explain"].get("shares", {}).items())
            screen.line((f"score = {shares}", "dim"), indent=_INDENT)
    for relation in answer.get("relations", []):
        since = f"  since {day(relation['valid_at'])}" if relation.get("valid_at") else ""
        screen.line(f"{relation['source']} {relation['relationship']} {relation['target']}", (since, "dim"))
    render_remarks(screen, answer)


def _change(screen: Screen, change: JsonObject) -> None:
    """Show one fact that is new or holds no longer."""
    successor = change.get("replaced_by", {}).get("fact")
    screen.line((day(change["at"]), "cyan"), f" {change['how']}: {change['fact']}")
    if successor:
        screen.line(f"now: {successor}", indent=_INDENT)
    told = [f"by {change['by']}", *([f"because {change['reason']}"] if change.get("reason") else [])]
    screen.line((", ".join(told), "dim"), indent=_INDENT)


def render_memories(screen: Screen, answer: JsonObject) -> None:
    """Show a page of memories, newest first."""
    for memory in answer["results"]:
        _memory_block(screen, memory, "-")
    if not answer["results"]:
        screen.line("No memories.")
    if answer.get("cursor"):
        screen.line((f"More: knowthread list --cursor {answer['cursor']}", "dim"))


def render_memory(screen: Screen, answer: JsonObject) -> None:
    """Show one memory whole."""
    screen.line((str(answer["id"]), "bold"))
    screen.pairs(
        [
            ("happened", moment(answer.get("occurred_at"))),
            ("stored", moment(answer.get("created_at"))),
            ("changed", moment(answer.get("updated_at"))),
            ("project", answer.get("project")),
            ("agent", answer.get("agent_id")),
            ("run", answer.get("run_id")),
            ("said by", answer.get("speaker") or answer.get("role")),
            ("user", answer.get("user_id")),
            ("metadata", json.dumps(answer["metadata"], ensure_ascii=False) if answer.get("metadata") else ""),
        ]
    )
    screen.gap()
    screen.line(str(answer["memory"]))
    if answer.get("facts"):
        screen.gap()
    _facts(screen, answer.get("facts", []), "", indent=0)
    versions = answer.get("versions", [])
    for version in versions[:_VERSIONS_SHOWN]:
        screen.gap()
        screen.line((f"until {day(version.get('until'))} it read:", "dim"))
        screen.line((str(version["memory"]), "dim"), indent=2)
    if len(versions) > _VERSIONS_SHOWN:
        screen.line((f"and {len(versions) - _VERSIONS_SHOWN} earlier versions", "dim"))


def render_entity(screen: Screen, answer: JsonObject) -> None:
    """Show one entity with its dated facts."""
    screen.line((str(answer["name"]), "bold"), (f"  {answer.get('kind') or ''}", "dim"))
    if answer.get("aliases"):
        screen.line((f"also: {', '.join(answer['aliases'])}", "dim"))
    facts: list[JsonObject] = answer["facts"]
    if facts:
        screen.table(
            ("Since", "Fact", "Project"),
            [
                (_span(fact), _statement(fact, dated=False), str(fact.get("memory", {}).get("project", "")))
                for fact in facts
            ],
        )
    else:
        screen.line("No current facts.")
    _facts(screen, answer.get("superseded", []), "no longer: ", indent=0)
    _likely(screen, answer)
    if answer.get("more"):
        screen.line(("There are more facts; raise --limit to see them.", "dim"))
    if answer.get("hidden"):
        screen.line((f"{answer['hidden']} facts are no longer or not yet true; --superseded shows them.", "dim"))


def _memory_block(screen: Screen, memory: JsonObject, mark: str, remark: str = "") -> None:
    """Show one memory of several: date, project and score; its text; its facts; its id."""
    heading = [day(memory.get("occurred_at") or memory.get("created_at"))]
    heading += [str(memory[name]) for name in ("project", "speaker") if memory.get(name)]
    screen.line((f"{mark:3} ", "bold"), (" · ".join(heading), "cyan"), (f"  {remark}" if remark else "", "dim"))
    text = str(memory["memory"])
    screen.line(text + (" […]" if memory.get("truncated") and not text.endswith("…") else ""), indent=_INDENT)
    _facts(screen, memory.get("facts", []), "")
    _facts(screen, memory.get("planned", []), "planned: ")
    _facts(screen, memory.get("superseded", []), "no longer: ")
    screen.line((str(memory["id"]), "dim"), indent=_INDENT)


def _facts(screen: Screen, facts: Sequence[JsonObject], label: str, indent: int = _INDENT) -> None:
    for fact in facts:
        ended = bool(label) or bool(fact.get("replaced_by"))
        screen.line("· ", (label + _statement(fact), "dim" if ended else "green"), indent=indent)
        for successor in fact.get("replaced_by", []):
            screen.line((f"{successor.get('how', 'replaced')} by: {successor['fact']}", "dim"), indent=indent + 2)


def _statement(fact: JsonObject, *, dated: bool = True) -> str:
    """Return a fact in one line: what, since when, why, when to look at it again, and what says the opposite."""
    details: list[str] = []
    if dated and (fact.get("valid_at") or fact.get("invalid_at")):
        details.append(_span(fact) if fact.get("invalid_at") else f"since {_span(fact)}")
    if fact.get("because"):
        details.append(f"because {fact['because']}")
    if fact.get("revisit_when"):
        details.append(f"revisit when {fact['revisit_when']}")
    details += [f"contradicted by: {other['fact']}" for other in fact.get("contradicted_by", [])]
    said = str(fact.get("fact", "as it says"))  # a hit does not repeat its own words
    return said + (f" ({'; '.join(details)})" if details else "")


def _span(fact: JsonObject) -> str:
    start, end = fact.get("valid_at"), fact.get("invalid_at")
    return f"{day(start)} to {day(end)}" if end else day(start) if start else ""


def render_remarks(screen: Screen, answer: JsonObject) -> None:
    """Show what an answer says of itself: what it leaves out, and why."""
    if answer.get("hidden"):
        screen.line((f"{answer['hidden']} facts or memories were left out: they do not hold at that date.", "dim"))
    for name in ("omitted", "weaker", "more", "more_changes", "more_relations"):
        if answer.get(name):
            screen.line((in_commands(str(answer[name])), "dim"))
    if answer.get("not_mentioned"):
        screen.line((f"Mentioned nowhere: {', '.join(answer['not_mentioned'])}.", "yellow"))
    for note in answer.get("notes", []):
        screen.line((in_commands(str(note)), "yellow"))
    for reason in answer.get("degraded", []):
        screen.line((f"incomplete: {reason}", "yellow"))
