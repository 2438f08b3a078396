"""The ``knowthread`` command: clean the import path, then hand over.

A coding agent starts this in a user's repository, which may hold files named like our packages or like standard
modules. So before anything else is imported, the script's folder (or the current one) and the entries of ``PYTHONPATH``
are removed from ``sys.path``. That needs ``sys`` alone, which is built in, so no file can replace it.
"""

from __future__ import annotations

import sys


def clean_path() -> None:
    """Remove what stands before the standard library in ``sys.path``, and every relative entry. Idempotent.

    Python puts the script's folder and ``PYTHONPATH`` first, then the zip of the standard library (named whether it
    exists or not), the library itself, site-packages, and what ``.pth`` files name (an editable install).
    """
    if sys.flags.isolated:
        return
    library = f"{sys.base_prefix}/{sys.platlibdir}/python{sys.version_info[0]}{sys.version_info[1]}.zip"
    start = sys.path.index(library) if library in sys.path else 1
    sys.path[:] = [entry for entry in sys.path[start:] if entry.startswith("/")]


clean_path()


def main(argv: list[str] | None = None) -> int:
    """Run one command: ``mcp`` is the stdio shim, everything else the command line."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments == ["mcp"]:
        from mcp_server.shim import stdio

        return stdio.main()
    from mcp_server.cli import main as cli

    return cli.main(arguments)
