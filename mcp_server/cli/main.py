"""The command line for people: what can be typed, and the one edge where every failure becomes a line and a status.

Exit status: 0; 1, with one line on standard error; 2 for wrong usage. The module of a command is imported when that
command runs, so that help and status come at once.
"""

from __future__ import annotations

import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from importlib import import_module
from traceback import extract_tb
from typing import TYPE_CHECKING

from kg.errors import KgError
from mcp_server.cli.output import Refused, abandon_output, prepare_streams, write_error, write_json

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse names it nowhere else

    Commands = _SubParsersAction[ArgumentParser]

FAILED = 1
MISUSED = 2
INTERRUPTED = 130

_EPILOG = """\
examples:
  knowthread add "Sessions stay in Postgres" --fact "Sessions use Postgres"
  knowthread search "what went wrong with Redis?"
  knowthread entity Redis

`knowthread mcp` is what a coding agent starts:
  claude mcp add --scope user knowthread -- knowthread mcp
"""


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    prepare_streams()
    parser = _parser()
    arguments = parser.parse_args(list(argv))
    if arguments.run is None:
        parser.error("which command?")
    try:
        status = _command(arguments)(arguments)
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
    write_error(message)
    if arguments.json:
        write_json({"error": message})
    return status


def _command(arguments: Namespace) -> Callable[[Namespace], int]:
    module, _, name = str(arguments.run).partition(":")
    return getattr(import_module(f"mcp_server.cli.{module}"), name)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="knowthread",
        description="Long-term memory for coding agents, on a graph of your own.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", dest="run", action="store_const", const="service:version", help="say which")
    parser.set_defaults(json=False, run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_service_commands(commands)
    _add_memory_commands(commands)
    _add_graph_commands(commands)
    _add_job_commands(commands)
    return parser


def _add_service_commands(commands: Commands) -> None:
    setup = _add(commands, "setup", "setup:setup", "fetch what is needed, start, test, connect Claude Code")
    setup.add_argument("--yes", action="store_true", help="connect Claude Code without asking")
    setup.add_argument("--no-claude", action="store_true", help="do not connect Claude Code")
    _add(commands, "status", "service:status", "whether the service runs, and how it does")
    _add(commands, "doctor", "doctor:doctor", "check everything that is needed, with the cure for each failure")
    _add(commands, "neo4j", "service:neo4j", "where to look at the graph: addresses, user, password file")
    _add(commands, "stop", "service:stop", "end the service and its Neo4j")
    serve = commands.add_parser("serve", help="run the service in the foreground", allow_abbrev=False)
    serve.set_defaults(run="service:serve")
    commands.add_parser("mcp", help="the stdio server that a coding agent starts", allow_abbrev=False)
    _add(commands, "version", "service:version", "say which version this is")


def _add_memory_commands(commands: Commands) -> None:
    add = _add(commands, "add", "memory:add", "store a text with its facts")
    add.add_argument("text", nargs="+", metavar="TEXT", help="the text, or - to read it from standard input")
    add.add_argument(
        "--fact",
        action="append",
        default=[],
        help='a sentence, or {"statement": …, "subject": …, "predicate": …, "object": …, "because": …, '
        '"revisit_when": …, "supersedes": [fact ids]}; can be given again',
    )
    add.add_argument("--project", help="by default the one of the current folder")
    add.add_argument("--occurred-at", metavar="DATE", help="when it happened, if not now")
    add.add_argument("--wait", action="store_true", help="return only when it can be found by its meaning")

    search = _add(commands, "search", "memory:search", "answer a question with the memories that fit")
    search.add_argument("query", nargs="+", metavar="QUERY")
    search.add_argument("--project", help="only this project's")
    search.add_argument("--limit", type=int, default=5, metavar="N")
    search.add_argument("--threshold", type=float, metavar="S", help="least similarity, -1 to 1")
    search.add_argument("--relations", action="store_true", help="add what is known of the entities in the question")
    search.add_argument("--explain", action="store_true", help="show what made each score")
    _add_instants(search)

    get = _add(commands, "get", "memory:get", "one memory whole, with its facts and earlier versions")
    get.add_argument("id", metavar="ID")

    entity = _add(commands, "entity", "memory:entity", "what is known about a tool, person, project, concept")
    entity.add_argument("name", nargs="+", metavar="NAME")
    entity.add_argument("--project", help="only from this project's memories")
    entity.add_argument("--limit", type=int, default=20, metavar="N")
    entity.add_argument("--superseded", action="store_true", help="also what holds no more")
    _add_instants(entity)

    listing = _add(commands, "list", "memory:list_memories", "memories, newest first")
    listing.add_argument("--project", help="only this project's")
    listing.add_argument("--limit", type=int, default=20, metavar="N")
    listing.add_argument("--cursor", help="go on after the page before")

    delete = _add(commands, "delete", "memory:delete", "erase a memory and what only it states")
    delete.add_argument("id", metavar="ID")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _add_graph_commands(commands: Commands) -> None:
    facts = _add_group(commands, "facts", "what contradicted what, and taking a decision back")
    conflicts = _add(facts, "conflicts", "graph:list_conflicts", "contradictions: those still open, then decided")
    conflicts.add_argument("--project", help="only this project's")
    conflicts.add_argument("--limit", type=int, default=20, metavar="N", help="most of each")
    undo = _add(facts, "undo", "graph:undo_decision", "take a decision between facts back")
    undo.add_argument("id", metavar="ID", help="the decision's, from: knowthread facts conflicts")

    entities = _add_group(commands, "entities", "different names for one thing")
    merges = _add(entities, "merges", "graph:list_merges", "what was merged into what, newest first")
    merges.add_argument("--limit", type=int, default=20, metavar="N")
    merge = _add(entities, "merge", "graph:merge_entities", "say that two names mean one thing")
    merge.add_argument("name", nargs="+", metavar="NAME", help="name or id of the entity that goes")
    merge.add_argument("--into", nargs="+", required=True, metavar="NAME", help="name or id of the one that stays")
    merge.add_argument("--reason", help="kept with the merge")
    unmerge = _add(entities, "undo", "graph:undo_merge", "take a merged entity out again")
    unmerge.add_argument("id", metavar="ID", help="the merged entity's, from: knowthread entities merges")

    reindex = _add(commands, "reindex", "graph:reindex", "build the index anew from the graph")
    reindex.add_argument("--no-wait", action="store_true", help="only start it")
    reindex.add_argument("--cancel", action="store_true", help="give a running one up; the old index stays")
    repair = _add(commands, "repair", "graph:repair", "compare the graph with its index, and mend what differs")
    repair.add_argument("--check", action="store_true", help="only compare")


def _add_job_commands(commands: Commands) -> None:
    jobs = _add(commands, "jobs", "jobs:list_jobs", "work for models: what waits, what failed and why")
    _add_job_list_options(jobs, state=None, limit=20)
    ways = jobs.add_subparsers(metavar="COMMAND", title="commands")
    listing = _add(ways, "list", "jobs:list_jobs", "those still to do first, newest first; so does no command")
    _add_job_list_options(listing, state=SUPPRESS, limit=SUPPRESS)
    show = _add(ways, "show", "jobs:show_job", "one job with its model calls")
    show.add_argument("id", metavar="ID")
    retry = _add(ways, "retry", "jobs:retry_jobs", "try again what failed")
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", metavar="ID")
    which.add_argument("--all", action="store_true", help="every job that failed or was given up after failures")
    cancel = _add(ways, "cancel", "jobs:cancel_job", "give a job up; its memories stay")
    cancel.add_argument("id", metavar="ID")

    extract = _add(commands, "extract", "jobs:extract", "have a model read what none has read yet")
    extract.add_argument("--pending", action="store_true", required=True, help="all of your memories that wait for it")


def _add_job_list_options(command: ArgumentParser, *, state: str | None, limit: int | str) -> None:
    command.add_argument("--state", default=state, help="pending, running, failed, done, dead or cancelled")
    command.add_argument("--limit", type=int, default=limit, metavar="N")


def _add_group(commands: Commands, name: str, purpose: str) -> Commands:
    """Add a command that only has commands of its own."""
    group = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
    return group.add_subparsers(metavar="COMMAND", title="commands", required=True)


def _add(commands: Commands, name: str, run: str, purpose: str) -> ArgumentParser:
    """Add a command that takes ``--json``; ``run`` names its module and function."""
    command = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
    command.add_argument("--json", action="store_true", default=SUPPRESS, help="one JSON document on standard output")
    command.set_defaults(run=run)
    return command


def _add_instants(command: ArgumentParser) -> None:
    command.add_argument("--as-of", metavar="DATE", help="what held then")
    command.add_argument("--known-at", metavar="DATE", help="as it was known then")
