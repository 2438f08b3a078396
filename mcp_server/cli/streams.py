"""What the command line writes: one JSON document for scripts, or text for people. Standard library only.

Invariant: no stored or foreign text reaches a terminal as a control sequence; what is not printable is shown escaped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from typing import Any

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"  # controls but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what reorders the text around it
    "\ud800-\udfff]"  # halves of surrogate pairs
)


_IN_COMMANDS = (
    (re.compile(r"\bweak=true\b"), "--weak"),
    (re.compile(r"\b(raise|lower) limit\b"), r"\1 --limit"),
    (re.compile(r"\bget_memories\b"), "knowthread list"),
    (re.compile(r"\b(?:get_entity|search_graph)\b"), "knowthread entity"),
)
_PARAMETERS = re.compile(r"\b(include_superseded|max_tokens|known_at|as_of|changed_since)\b")
"""What answers and errors advise in the tools' words, and how a person says it to the command line."""


class Refused(Exception):
    """The command was used wrongly, which shows only while it runs; exit status 2."""


def safe(text: object) -> str:
    """Return a text in which whatever could control a terminal or hide is escaped. Newlines stay."""
    return _UNSAFE.sub(_escape, str(text).replace("\r\n", "\n"))


def in_commands(advice: str) -> str:
    """Return advice that names tools and parameters in the words of the command line.

    "2 that fit less than half as well; weak=true shows them" -> "2 that fit less than half as well; --weak shows them"
    """
    for words, command in _IN_COMMANDS:
        advice = words.sub(command, advice)
    return _PARAMETERS.sub(lambda found: "--" + found[1].replace("_", "-"), advice)


def one_line(text: str) -> str:
    r"""Return a message as one line. Of a log's end in it, only the last line is kept, and what to do.

    "Neo4j did not start; its log ends:\n  a\n  b\nFree the port." -> "Neo4j did not start (b). Free the port"
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 2:  # noqa: PLR2004 (what happened, the log, what to do)
        first = re.sub(r"[;,]? its log ends(?: with)?:$", "", lines[0])
        lines = [f"{first} ({lines[-2]})", lines[-1].lstrip(". ")]
    return safe(". ".join(line.rstrip(".") for line in lines)) or "failed without a reason"


def write_json(document: Mapping[str, Any]) -> None:
    """Write the JSON document that a command answers with ``--json``."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    sys.stdout.write(json.dumps(document, ensure_ascii=encoding != "utf8", indent=2) + "\n")


def write_line(text: str = "") -> None:
    """Write one line for people."""
    sys.stdout.write(safe(text) + "\n")


def write_error(text: str) -> None:
    """Write the one line that says why a command failed."""
    sys.stderr.write(f"knowthread: {one_line(text)}\n")


def day(instant: object) -> str:
    """Return the date of an instant as the service writes it; a question mark where there is none."""
    return str(instant)[:10] if instant else "?"


def moment(instant: object) -> str:
    """Return an instant to the minute; nothing where there is none."""
    return str(instant)[:16].replace("T", " ") + " UTC" if instant else ""


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 job``, ``1,200 jobs``, ``2 memories``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


class PhaseLine:
    """Shows on standard error what a starting service is doing.

    On a terminal this is one line, which each phase overwrites and which is erased at the end of the block. Elsewhere
    each phase gets its own line, once, whatever its percentage.
    """

    def __init__(self) -> None:
        self._last = ""

    def __enter__(self) -> PhaseLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last and sys.stderr.isatty():
            self._write("\r\x1b[2K")

    def tell(self, phase: str) -> None:
        """Show a phase."""
        kind = re.sub(r"\d+%.*", "", phase)
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns
            self._write("\r\x1b[2K" + f"knowthread: {safe(phase)}"[: width - 1])
        elif kind != self._last:
            self._write(f"knowthread: {safe(phase)}\n")
        self._last = kind

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def can_ask() -> bool:
    """Return whether a person is there to answer a question."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, default: bool) -> bool:
    """Ask a person yes or no. The end of the input means no."""
    sys.stderr.write(f"{safe(question)} [{'Y/n' if default else 'y/N'}] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")
        return False
    return answer.strip().lower() in ("y", "yes") or (default and not answer.strip())


def prepare_streams() -> None:
    """Escape characters that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_output() -> None:
    """Let the interpreter end without an error when nobody reads standard output any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 (one byte)
