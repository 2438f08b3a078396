"""``knowthread graph`` and ``knowthread timeline``: pictures of the graph as one HTML page, or for other programs."""

from __future__ import annotations

import sys
import webbrowser
from argparse import ArgumentParser, Namespace
from pathlib import Path

from kg.operations.tool_parameters import Operation
from kg.reports.picture import Pictures
from kg.settings.paths import data_dir, write_private
from mcp_server.cli.call import call_operation
from mcp_server.cli.desktop import has_display
from mcp_server.cli.options import Options, given, set_run
from mcp_server.cli.streams import PhaseLine, Refused, counted, write_json, write_line
from mcp_server.link.client import JsonObject, ServiceClient

_HTML = "html"
_FORMATS = (_HTML, "graphml", "json", "dot")
_EXTENSIONS = {f".{name}": name for name in _FORMATS} | {".htm": _HTML, ".gv": "dot", ".xml": "graphml"}
_FOLDER = "pictures"
_STANDARD_OUTPUT = "-"


def graph_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread graph``."""
    set_run(command, graph)
    options = Options(command, Pictures.draw_graph)
    options.add_argument("entity", "ENTITY", nargs="*")
    options.add("hops", default=2)
    _add_common(command, options)
    options.add("limit", default=2000)
    command.add_argument("--format", choices=_FORMATS, help="by default what the file's extension says, or html")


def timeline_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread timeline``."""
    set_run(command, timeline)
    options = Options(command, Pictures.draw_timeline)
    options.add_argument("entity", "ENTITY", nargs="+")
    _add_common(command, options)


def _add_common(command: ArgumentParser, options: Options) -> None:
    options.add("project")
    options.add("as_of", metavar="DATE")
    options.add("known_at", metavar="DATE")
    command.add_argument("--output", metavar="FILE", help="write to this file, or with - to standard output")
    command.add_argument("--no-open", action="store_true", help="do not open the page")


def graph(arguments: Namespace) -> int:
    """Draw the graph, round an entity or whole."""
    form = _format(arguments)
    picture = _ask(arguments, Pictures.draw_graph)
    if form != _HTML:
        from mcp_server.pages.formats import render_format

        return _deliver(arguments, picture, render_format(picture, form), form)
    from mcp_server.pages.page import render_page

    subject = _name(picture) or picture.get("project") or "the whole graph"
    return _deliver(arguments, picture, render_page(picture, f"knowthread · {subject}", _library()), form)


def timeline(arguments: Namespace) -> int:
    """Draw how the facts about an entity began, ended and were replaced."""
    output = arguments.output
    if output not in (None, _STANDARD_OUTPUT) and _EXTENSIONS.get(Path(output).suffix.lower()) != _HTML:
        raise Refused(f"--output {output}: a timeline is a page, so give a file that ends in .html")
    picture = _ask(arguments, Pictures.draw_timeline)
    from mcp_server.pages.page import render_page

    return _deliver(arguments, picture, render_page(picture, f"{_name(picture)} through time"), _HTML)


def _format(arguments: Namespace) -> str:
    if arguments.format is not None:
        return arguments.format
    if arguments.output in (None, _STANDARD_OUTPUT):
        return _HTML
    found = _EXTENSIONS.get(Path(arguments.output).suffix.lower())
    if found is None:
        raise Refused(f"--output {arguments.output}: add --format, one of {', '.join(_FORMATS)}")
    return found


def _ask(arguments: Namespace, operation: Operation) -> JsonObject:
    asked: JsonObject = given(arguments, operation)
    words = " ".join(asked.pop("entity", []))
    if words:
        asked["entity"] = words
    with PhaseLine() as line:
        client = ServiceClient(line.tell)
        try:
            return call_operation(client, operation, asked)
        finally:
            client.close()


def _name(picture: JsonObject) -> str:
    """Return the name of the entity that a picture is about; nothing where it is about all."""
    return next((one["name"] for one in picture["entities"] if one["id"] == picture.get("entity")), "")


def _library() -> str:
    """Return the script that draws graphs; it is fetched if it is missing."""
    from kg.managed.artifacts import ensure_script, progress_bar
    from kg.settings.service import load_settings

    folder = load_settings().cache_dir
    with progress_bar() as bar:
        return ensure_script(folder, bar).read_text(encoding="utf-8")


def _deliver(arguments: Namespace, picture: JsonObject, text: str, form: str) -> int:
    """Write a picture where it was asked for. A page without a place goes into the data folder and is opened."""
    output: str | None = arguments.output
    if output == _STANDARD_OUTPUT or (output is None and form != _HTML):
        sys.stdout.write(text)
        return 0
    file = _own_file(picture) if output is None else Path(output)
    write_private(file, text)
    opened = output is None and not arguments.no_open and not arguments.json and _open(file)
    if arguments.json:
        counts = {"entities": len(picture["entities"]), "facts": len(picture["facts"])}
        left = {key: picture[key] for key in ("left_out", "facts_omitted", "unplaced") if key in picture}
        write_json({"file": str(file.absolute()), "format": form, **counts, **left})
    else:
        things = counted(len(picture["entities"]), "thing")
        drawn = f"{things}, {counted(len(picture['facts']), 'fact')}"
        write_line(f"{'Opened' if opened else 'Written to'} {file} ({drawn}).")
        if picture.get("left_out"):
            write_line(f"{counted(picture['left_out'], 'less connected thing')} left out; see --limit and --hops.")
        if picture.get("facts_omitted"):
            write_line(f"{picture['facts_omitted'].capitalize()}; narrow it with --project or an entity.")
    return 0


def _own_file(picture: JsonObject) -> Path:
    folder = data_dir() / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{picture['picture']}.html"


def _open(file: Path) -> bool:
    """Open a page where there is a display and return whether that worked."""
    if not has_display():
        return False
    return webbrowser.open(file.absolute().as_uri())
