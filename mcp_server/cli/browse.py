"""``knowthread browse``: opens Neo4j Browser with the guide, and keeps both there until the person has enough."""

from __future__ import annotations

import sys
import webbrowser
from argparse import ArgumentParser, Namespace

from kg.errors import StoreUnavailable
from mcp_server.cli.desktop import has_display
from mcp_server.cli.options import set_run
from mcp_server.cli.streams import PhaseLine, write_json, write_line
from mcp_server.link.client import JsonObject, ServiceClient

_WARNING = (
    "This login may write, because Neo4j Community knows no login for reading only. "
    "The guide's last page says what not to touch."
)


def browse_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread browse``."""
    set_run(command, browse)
    command.add_argument("--no-open", action="store_true", help="print the link only")


def browse(arguments: Namespace) -> int:
    """Open Browser, and serve its guide until Ctrl-C."""
    client = ServiceClient()
    try:
        with PhaseLine() as line:
            client = ServiceClient(line.tell)
            events = client.follow("/browse")
            offer = next(events, None)
        if offer is None:
            raise StoreUnavailable("service", "ended meanwhile; try again", retryable=True)
        _show(arguments, offer)
        try:
            for _ in events:
                pass
        except KeyboardInterrupt:
            return 0
    finally:
        client.close()
    sys.stderr.write("knowthread: the service has ended, and the guide with it\n")
    return 1


def _show(arguments: Namespace, offer: JsonObject) -> None:
    if arguments.json:
        write_json(offer)
    else:
        link = offer.get("link")
        opened = link is not None and not arguments.no_open and has_display() and webbrowser.open(link)
        if link is None:
            write_line("Open the Browser of your own Neo4j and type:")
            write_line(f"  :play {offer['guide_url']}")
        else:
            write_line("Opened in your web browser:" if opened else "Open this in a web browser:")
            write_line(f"  {link}")
        where = f"in {offer['password_file']}" if offer.get("password_file") else "in KNOWTHREAD_NEO4J_PASSWORD"
        write_line(f"Log in as {offer['user']}; the password is {where}. Browser remembers it.")
        write_line(_WARNING)
        write_line("The guide is served until you press Ctrl-C.")
    sys.stdout.flush()
