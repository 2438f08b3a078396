"""``knowthread report``: the reports as tables, or as JSON, CSV or Markdown for scripts and documents."""

from __future__ import annotations

import csv
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kg.reports.catalog import shipped_reports
from kg.reports.run import Reports
from mcp_server.cli.call import call_operation, show_answer
from mcp_server.cli.options import set_run
from mcp_server.cli.streams import PhaseLine, Refused, safe, write_json, write_line
from mcp_server.link.client import JsonObject, ServiceClient

if TYPE_CHECKING:
    from mcp_server.cli.terminal_layout import Screen

_METAVARS = {"integer": "N", "datetime": "DATE", "string": "NAME"}


def report_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread report``: those of the reports that ship, each once."""
    set_run(command, report)
    command.add_argument("name", nargs="?", metavar="NAME", help="the report; without it: the list of reports")
    shape = command.add_mutually_exclusive_group()
    shape.add_argument("--csv", action="store_true", help="print the table as CSV")
    shape.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    for name, (kind, takers) in _parameters().items():
        command.add_argument(
            f"--{name}", metavar=_METAVARS.get(kind.partition(" ")[0]), help=f"for {', '.join(takers)}"
        )
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of a report of your own"
    )


def report(arguments: Namespace) -> int:
    """Show one report, or the list."""
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            if arguments.name is None:
                answer = call_operation(client, Reports.list_reports, {})
            else:
                asked = {"name": arguments.name, "parameters": _given(arguments)}
                answer = call_operation(client, Reports.run_report, asked)
        finally:
            client.close()
    if arguments.name is None:
        show_answer(arguments, answer, _render_list)
    elif arguments.json:
        write_json(answer)
    elif arguments.csv:
        _write_csv(answer)
    elif arguments.markdown:
        _write_markdown(answer)
    else:
        show_answer(arguments, answer, _render_table)
    return 0


def _parameters() -> dict[str, tuple[str, list[str]]]:
    """Return the parameters of the shipped reports by name: the type, and the reports that take it."""
    found: dict[str, tuple[str, list[str]]] = {}
    for name, one in sorted(shipped_reports().items()):
        for parameter in one.parameters:
            found.setdefault(parameter.name, (parameter.kind, []))[1].append(name)
    return found


def _given(arguments: Namespace) -> JsonObject:
    typed = vars(arguments)
    given: dict[str, Any] = {name: typed[name] for name in _parameters() if typed[name] is not None}
    for pair in arguments.set:
        name, equals, value = str(pair).partition("=")
        if not equals or not name:
            raise Refused(f"--set {pair}: give NAME=VALUE, such as --set owner=Dana")
        given[name] = value
    return given


def _render_list(screen: Screen, answer: JsonObject) -> None:
    """Show every report with what it answers and its options."""
    screen.table(
        ("report", "answers", "options"),
        [
            (
                one["name"] + (" (own)" if one.get("own") else ""),
                one["answers"],
                " ".join(f"--{parameter['name']}" for parameter in one["parameters"]),
            )
            for one in answer["reports"]
        ],
    )


def _render_table(screen: Screen, answer: JsonObject) -> None:
    columns: list[str] = answer["columns"]
    if not answer["rows"]:
        screen.line("Nothing to report.")
    else:
        filled = [name for name in columns if any(row[name] not in (None, "") for row in answer["rows"])]
        screen.table(filled, [[_cell(row[name]) for name in filled] for row in answer["rows"]])
    if "truncated" in answer:
        screen.line((answer["truncated"], "yellow"))


def _write_csv(answer: JsonObject) -> None:
    columns: list[str] = answer["columns"]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([safe(_cell(row[name])) for name in columns] for row in answer["rows"])


def _write_markdown(answer: JsonObject) -> None:
    columns: list[str] = answer["columns"]
    write_line(_markdown_row(columns))
    write_line("|" + " --- |" * len(columns))
    for row in answer["rows"]:
        write_line(_markdown_row([_cell(row[name]) for name in columns]))


def _markdown_row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def _cell(value: object) -> str:
    """Return a value as a cell holds it: nothing for null, yes and no for flags, JSON for lists and maps."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
