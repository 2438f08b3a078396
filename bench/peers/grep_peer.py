"""grep over a file of notes, as an agent without a memory does it: the question's longest words, most words first."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from protocol import folder, serve, spoken, words_of


class Grep:
    """A file for each conversation, a line for each message: its id, a tab, its text."""

    def open(self) -> None:
        """Nothing to open."""

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Append lines."""
        for document in documents:
            with self._file(document["scope"]).open("a", encoding="utf-8") as file:
                file.write(f"{document['id']}\t{' '.join(spoken(document).split())}\n")

    def settle(self) -> None:
        """Nothing waits."""

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the lines with the most of the question's words, the newest first among equals."""
        del asked_at
        hits: Counter[str] = Counter()
        newest: dict[str, int] = {}
        for word in words_of(question):
            lines = subprocess.run(
                ["grep", "-niwF", "--", word, str(self._file(scope))], capture_output=True, text=True, check=False
            ).stdout.splitlines()
            for line in lines:
                number, _, rest = line.partition(":")
                document = rest.partition("\t")[0]
                hits[document] += 1
                newest[document] = int(number)
        best = sorted(hits, key=lambda document: (-hits[document], -newest[document]))
        return [[document] for document in best[:limit]]

    def _file(self, scope: str) -> Path:
        return Path(folder()) / f"{scope}.txt"


serve(Grep())
