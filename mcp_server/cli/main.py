"""The command line for people: what can be typed, and the one edge where every failure becomes a line and a status.

Exit status: 0; 1, with one line on standard error; 2 for wrong usage. A command's module is imported when that command
is parsed, so that help and status come at once.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from kg.errors import KgError
from mcp_server.cli.options import sentence
from mcp_server.cli.streams import Refused, abandon_output, in_commands, prepare_streams, write_error, write_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse names it nowhere else

FAILED = 1
MISUSED = 2
INTERRUPTED = 130

_EPILOG = """\
examples:
  knowthread add "Sessions stay in Postgres" --fact "Sessions use Postgres"
  knowthread search "what went wrong with Redis?"
  knowthread entity Redis

Coding agents start `knowthread mcp`. `knowthread setup` adds it to Claude Code.
"""


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    prepare_streams()
    parser = _parser()
    arguments = parser.parse_args(list(argv))
    if arguments.run is None:
        parser.error("which command?")
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_output()
        return FAILED
    except KeyboardInterrupt as interrupt:
        write_error(str(interrupt) or "interrupted")
        return INTERRUPTED
    except Refused as refusal:
        return _fail(arguments, str(refusal), MISUSED)
    except (KgError, OSError) as error:
        return _fail(arguments, str(error), FAILED)
    except Exception as error:  # noqa: BLE001 (the outermost edge: a person gets a line, with the place for a report)
        place = extract_tb(error.__traceback__)[-1]
        return _fail(arguments, f"{type(error).__name__} in {place.filename}:{place.lineno}: {error}", FAILED)
    return status


def _fail(arguments: Namespace, message: str, status: int) -> int:
    message = in_commands(message)
    write_error(message)
    if arguments.json:
        write_json({"error": message})
    return status


class _Command(ArgumentParser):
    """A command that gets its options only when it is parsed: until then its module is not imported."""

    add_options: Callable[[ArgumentParser], None] | None = None

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Add the command's options, then parse."""
        if self.add_options is not None:
            self.add_options(self)
            self.add_options = None
        return super().parse_known_args(*args, **kwargs)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="knowthread",
        description="Long-term memory for coding agents, in a graph of your own.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", dest="run", action="store_const", const=_version, help="print the version")
    parser.set_defaults(json=False, run=None)
    _add_commands(parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Command))
    return parser


def _add_commands(commands: _SubParsersAction[_Command]) -> None:
    def add(name: str, purpose: str, options: Callable[[ArgumentParser], None] | None) -> None:
        command = commands.add_parser(name, help=purpose, description=sentence(purpose), allow_abbrev=False)
        command.add_options = options

    add("setup", "download, start and test the service, and connect Claude Code", _setup_options)
    add("status", "show whether the service runs, and the state of its parts", _status_options)
    add("doctor", "check that everything works, and say how to fix what does not", _doctor_options)
    add("neo4j", "show how to look at the graph: addresses, user, password file", _neo4j_options)
    add("browse", "open Neo4j Browser with a guide, a style and saved queries", _browse_options)
    add("stop", "stop the service and its Neo4j", _stop_options)
    add("serve", "run the service in the foreground", _serve_options)
    add("mcp", "run the stdio server; coding agents start it", None)
    add("version", "print the version", _version_options)
    add("add", "store a text with its facts", _add_memory_options)
    add("search", "find the memories that answer a question", _search_options)
    add("get", "show one memory with its facts and earlier versions", _get_options)
    add("entity", "show what is known about a tool, person, project or concept", _entity_options)
    add("list", "list memories, newest first", _list_options)
    add("delete", "erase a memory and the facts that only it states", _delete_options)
    add("revert", "undo the last update of a memory", _revert_options)
    add("facts", "list contradictions between facts, undo a decision about one", _facts_options)
    add("entities", "merge two entities that are one thing, list merges, undo one", _entities_options)
    add("report", "show a report: decisions in force, what failed, what changed, and more", _report_options)
    add("graph", "draw the graph as a page, or write it for other programs", _graph_options)
    add("timeline", "draw how the facts about one thing began, ended and were replaced", _timeline_options)
    add("reindex", "rebuild the index from the graph", _reindex_options)
    add("repair", "compare the index with the graph, and fix what differs", _repair_options)
    add("jobs", "show the work for models: what waits, what failed and why", _jobs_options)
    add("extract", "have a model read the memories that none has read yet", _extract_options)


def _setup_options(command: ArgumentParser) -> None:
    from mcp_server.cli import setup

    setup.setup_options(command)


def _status_options(command: ArgumentParser) -> None:
    from mcp_server.cli import service

    service.status_options(command)


def _doctor_options(command: ArgumentParser) -> None:
    from mcp_server.cli import doctor

    doctor.doctor_options(command)


def _neo4j_options(command: ArgumentParser) -> None:
    from mcp_server.cli import service

    service.neo4j_options(command)


def _browse_options(command: ArgumentParser) -> None:
    from mcp_server.cli import browse

    browse.browse_options(command)


def _stop_options(command: ArgumentParser) -> None:
    from mcp_server.cli import service

    service.stop_options(command)


def _serve_options(command: ArgumentParser) -> None:
    from mcp_server.cli import service

    service.serve_options(command)


def _version_options(command: ArgumentParser) -> None:
    from mcp_server.cli import service

    service.version_options(command)


def _version(arguments: Namespace) -> int:
    from mcp_server.cli import service

    return service.version(arguments)


def _add_memory_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.add_options(command)


def _search_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.search_options(command)


def _get_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.get_options(command)


def _entity_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.entity_options(command)


def _list_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.list_options(command)


def _delete_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.delete_options(command)


def _revert_options(command: ArgumentParser) -> None:
    from mcp_server.cli import memory

    memory.revert_options(command)


def _facts_options(command: ArgumentParser) -> None:
    from mcp_server.cli import graph

    graph.facts_options(command)


def _entities_options(command: ArgumentParser) -> None:
    from mcp_server.cli import graph

    graph.entities_options(command)


def _report_options(command: ArgumentParser) -> None:
    from mcp_server.cli import report

    report.report_options(command)


def _graph_options(command: ArgumentParser) -> None:
    from mcp_server.cli import pictures

    pictures.graph_options(command)


def _timeline_options(command: ArgumentParser) -> None:
    from mcp_server.cli import pictures

    pictures.timeline_options(command)


def _reindex_options(command: ArgumentParser) -> None:
    from mcp_server.cli import graph

    graph.reindex_options(command)


def _repair_options(command: ArgumentParser) -> None:
    from mcp_server.cli import graph

    graph.repair_options(command)


def _jobs_options(command: ArgumentParser) -> None:
    from mcp_server.cli import jobs

    jobs.jobs_options(command)


def _extract_options(command: ArgumentParser) -> None:
    from mcp_server.cli import jobs

    jobs.extract_options(command)
