"""Text for a terminal: folded to its width, in tables, in colour where that helps.

Every text goes through ``safe`` and is laid out as text: what looks like markup is shown as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Literal

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcp_server.cli.streams import safe

_MARGIN = 19
_LEVEL_WIDTH = 8


class Screen:
    """Standard output of a given width; colours only on a terminal, and not where ``NO_COLOR`` is set."""

    def __init__(self) -> None:
        plain = bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()
        self._console = Console(
            color_system=None if plain else "auto", markup=False, highlight=False, emoji=False, soft_wrap=False
        )

    def line(self, *parts: str | tuple[str, str], indent: int = 0) -> None:
        """Write parts as one folded text with the same indent on every line; a part may have a style."""
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
        """Write labels with their values. A value is never folded, so that paths and addresses can be copied."""
        shown = [(label, safe(value)) for label, value in pairs if value not in (None, "")]
        width = max((len(label) for label, _ in shown), default=0) + 2
        for label, value in shown:
            text = Text(f"  {label:{width}}", "dim").append(value.replace("\n", " "), "not dim")
            self._console.print(text, soft_wrap=True)

    def finding(self, name: str, level: tuple[str, str], message: str, cure: str) -> None:
        """Write one finding and, below it, what to do. No word is cut, so that paths stay whole."""
        lines = self._wrap(Text(safe(message)), _MARGIN)
        head = Text(f"{level[0]:{_LEVEL_WIDTH}}", level[1]).append(f"{name:{_MARGIN - _LEVEL_WIDTH}}", "not bold")
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
