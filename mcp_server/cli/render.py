"""Answers of the service as a person reads them in a terminal: dated, with project and score, folded to its width.

Every text goes through ``safe`` and is laid out as text: what looks like markup is shown as it is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_server.cli.output import safe

JsonObject = Mapping[str, Any]

_INDENT = 4
_MARGIN = 19
_VERSIONS_SHOWN = 5


class Screen:
    """Standard output of a given width; colours only on a terminal, and not where ``NO_COLOR`` is set."""

    def __init__(self) -> None:
        plain = bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()
        self._console = Console(
            color_system=None if plain else "auto", markup=False, highlight=False, emoji=False, soft_wrap=False
        )

    def line(self, *parts: str | tuple[str, str], indent: int = 0) -> None:
        """Write parts, some of them with a style, folded, every line with the same indent."""
        text = Text()
        for part in parts:
            content, style = (part, "") if isinstance(part, str) else part
            text.append(safe(content), style)
        for line in self._wrap(text, indent, overflow="fold"):
            self._write(Text(" " * indent).append_text(line))

    def gap(self) -> None:
        """Write an empty line."""
        self._console.print()

    def pairs(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Write labels with their values; a value is never folded, so that paths and addresses can be copied."""
        shown = [(label, safe(value)) for label, value in pairs if value not in (None, "")]
        width = max((len(label) for label, _ in shown), default=0) + 2
        for label, value in shown:
            text = Text(f"  {label:{width}}", "dim").append(value.replace("\n", " "), "not dim")
            self._console.print(text, soft_wrap=True)

    def finding(self, name: str, level: tuple[str, str], message: str, cure: str) -> None:
        """Write what was found about one thing, and below it what to do; no word is cut, so that paths stay whole."""
        lines = self._wrap(Text(safe(message)), _MARGIN)
        head = Text(f"{level[0]:8}", level[1]).append(f"{name:{_MARGIN - 8}}", "not bold")
        for number, line in enumerate(lines):
            self._write((head if number == 0 else Text(" " * _MARGIN)).append_text(line))
        if cure:
            for number, line in enumerate(self._wrap(Text(safe(cure)), _MARGIN + 3)):
                self._write(Text(" " * _MARGIN + ("   " if number else "-> ")).append_text(line))

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table; every column but the first is folded."""
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
        for number, heading in enumerate(headings):
            table.add_column(heading, overflow="fold", no_wrap=number == 0)
        for row in rows:
            table.add_row(*(Text(safe(cell)) for cell in row))
        self._console.print(table)

    def _wrap(self, text: Text, indent: int, overflow: Literal["fold", "ignore"] = "ignore") -> list[Text]:
        lines = list(text.wrap(self._console, max(10, self._console.width - indent), overflow=overflow))
        for line in lines:
            line.rstrip()
        return lines or [Text()]

    def _write(self, line: Text) -> None:
        self._console.print(line, no_wrap=True, crop=False, overflow="ignore")


def _render_added(screen: Screen, answer: JsonObject) -> None:
    """Show what was stored, what it ended and what may have to be settled."""
    for result in answer["results"]:
        word = "Already stored as" if result.get("duplicate") else "Stored as"
        screen.line(f"{word} ", (result["id"], "bold"))
    for label, style in (("facts", ""), ("ended", "dim")):
        for fact in answer.get(label, []):
            screen.line(("+ " if label == "facts" else "x no longer: "), (_statement(fact), style), indent=2)
    for skipped in answer.get("facts_skipped", []):
        screen.line((f"! fact {skipped['index'] + 1} was not usable: {skipped['why']}", "yellow"), indent=2)
    for warning in answer.get("warnings", []):
        screen.line((f"! {warning}", "yellow"), indent=2)
    settle = answer.get("to_settle", [])
    if settle:
        screen.line("Current facts about the same; one that is replaced goes into the new fact's supersedes:")
    for fact in settle:
        screen.line(f"? {_statement(fact)}  ", (fact["id"], "dim"), indent=2)
    if not answer.get("indexed", True):
        screen.line(("Not in the index yet; it will be found by its words at once, by its meaning soon.", "yellow"))


def _render_hits(screen: Screen, answer: JsonObject) -> None:
    """Show ranked memories."""
    results = cast("list[JsonObject]", answer["results"])
    if not results:
        screen.line("Nothing fits.")
    for number, hit in enumerate(results, 1):
        score = f"score {hit['score']:.2f}"
        if hit.get("similarity") is not None:
            score += f", similarity {hit['similarity']:.2f}"
        _memory_block(screen, hit, f"{number}.", score)
        if hit.get("explain"):
            shares = ", ".join(f"{part} {share:.2f}" for part, share in hit["explain"].get("shares", {}).items())
            screen.line((f"score = {shares}", "dim"), indent=_INDENT)
    for relation in answer.get("relations", []):
        since = f"  since {day(relation['valid_at'])}" if relation.get("valid_at") else ""
        screen.line(f"{relation['source']} {relation['relationship']} {relation['target']}", (since, "dim"))
    _remarks(screen, answer)


def _render_memories(screen: Screen, answer: JsonObject) -> None:
    """Show a page of memories, newest first."""
    for memory in answer["results"]:
        _memory_block(screen, memory, "-")
    if not answer["results"]:
        screen.line("No memories.")
    if answer.get("cursor"):
        screen.line((f"More: knowthread list --cursor {answer['cursor']}", "dim"))


def _render_memory(screen: Screen, answer: JsonObject) -> None:
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
        screen.line((f"and {len(versions) - _VERSIONS_SHOWN} versions before", "dim"))


def _render_entity(screen: Screen, answer: JsonObject) -> None:
    """Show one entity with its dated facts."""
    screen.line((str(answer["name"]), "bold"), (f"  {answer.get('kind') or ''}", "dim"))
    if answer.get("aliases"):
        screen.line((f"also: {', '.join(answer['aliases'])}", "dim"))
    facts = cast("list[JsonObject]", answer["facts"])
    if facts:
        screen.table(
            ("Since", "Fact", "Project"),
            [
                (_span(fact), _statement(fact, dated=False), str(fact.get("memory", {}).get("project", "")))
                for fact in facts
            ],
        )
    else:
        screen.line("No facts that hold.")
    if answer.get("more"):
        screen.line(("More facts were left out; raise --limit.", "dim"))
    if answer.get("hidden"):
        screen.line((f"{answer['hidden']} facts do not hold any more or not yet; --superseded shows them.", "dim"))


_RENDERERS: Mapping[str, Callable[[Screen, JsonObject], None]] = {
    "add_memory": _render_added,
    "search_memories": _render_hits,
    "get_memories": _render_memories,
    "get_memory": _render_memory,
    "get_entity": _render_entity,
}


def render(tool: str, answer: JsonObject) -> None:
    """Show a tool's answer on standard output."""
    _RENDERERS[tool](Screen(), answer)


def day(instant: object) -> str:
    """Return the date of an instant as the service writes it; a question mark for none."""
    return str(instant)[:10] if instant else "?"


def moment(instant: object) -> str:
    """Return an instant to the minute, nothing for none."""
    return str(instant)[:16].replace("T", " ") + " UTC" if instant else ""


def _memory_block(screen: Screen, memory: JsonObject, mark: str, remark: str = "") -> None:
    """One memory among others: when, where, how near; its text; its facts; its id."""
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
    """A fact in a line: what, since when, why, and when to look at it again."""
    details: list[str] = []
    if dated and (fact.get("valid_at") or fact.get("invalid_at")):
        details.append(_span(fact) if fact.get("invalid_at") else f"since {_span(fact)}")
    if fact.get("because"):
        details.append(f"because {fact['because']}")
    if fact.get("revisit_when"):
        details.append(f"revisit when {fact['revisit_when']}")
    return str(fact["fact"]) + (f" ({'; '.join(details)})" if details else "")


def _span(fact: JsonObject) -> str:
    start, end = fact.get("valid_at"), fact.get("invalid_at")
    return f"{day(start)} to {day(end)}" if end else day(start) if start else ""


def _remarks(screen: Screen, answer: JsonObject) -> None:
    if answer.get("hidden"):
        screen.line((f"{answer['hidden']} facts or memories do not hold for this instant and were left out.", "dim"))
    if answer.get("omitted"):
        screen.line((str(answer["omitted"]), "dim"))
    for note in answer.get("notes", []):
        screen.line((str(note), "yellow"))
    for reason in answer.get("degraded", []):
        screen.line((f"incomplete: {reason}", "yellow"))
