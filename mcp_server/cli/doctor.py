"""``knowthread doctor``: what ``mcp_server.doctor`` finds, for people and for scripts."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from mcp_server.cli.options import set_run
from mcp_server.cli.streams import write_error, write_json
from mcp_server.doctor.check import Check
from mcp_server.doctor.examine import examine

STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "failed": "bold red"}


def doctor_options(command: ArgumentParser) -> None:
    """Add the options of ``knowthread doctor``."""
    set_run(command, doctor)


def doctor(arguments: Namespace) -> int:
    """Check everything; exit status 1 when something failed."""
    checks: list[Check] = []
    if arguments.json:
        checks += examine(os.environ)
        write_json({"ok": not _failures(checks), "checks": [check.as_json() for check in checks]})
    else:
        from mcp_server.cli.terminal_layout import Screen

        screen = Screen()
        for check in examine(os.environ):
            checks.append(check)
            screen.finding(check.name, (check.level, STYLES[check.level]), check.message, check.cure)
    failed = _failures(checks)
    if failed:
        write_error(f"{failed} of {len(checks)} checks failed")
    return 1 if failed else 0


def _failures(checks: list[Check]) -> int:
    return sum(check.level == "failed" for check in checks)
