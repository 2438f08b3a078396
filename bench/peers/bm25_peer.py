"""BM25 alone: the package ``bm25s`` with English stop words and Snowball stems, an index for each conversation."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import bm25s
import Stemmer
from protocol import folder, serve, spoken


class Bm25:
    """Documents in one file of JSON lines; the index is built when it is opened or something was stored."""

    def open(self) -> None:
        """Read what is stored."""
        self._file = Path(folder()) / "documents.jsonl"
        self._documents: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._stemmer = Stemmer.Stemmer("english")
        if self._file.exists():
            with self._file.open(encoding="utf-8") as lines:
                for line in lines:
                    document = json.loads(line)
                    self._documents[document["scope"]].append(document)
        self.settle()

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Append documents."""
        with self._file.open("a", encoding="utf-8") as file:
            for document in documents:
                file.write(json.dumps(document) + "\n")
                self._documents[document["scope"]].append(document)

    def settle(self) -> None:
        """Build the indexes."""
        self._indexes: dict[str, bm25s.BM25] = {}
        for scope, documents in self._documents.items():
            self._indexes[scope] = bm25s.BM25()
            self._indexes[scope].index(self._terms([spoken(d) for d in documents]), show_progress=False)

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the best documents of the conversation."""
        del asked_at
        documents = self._documents[scope]
        found, scores = self._indexes[scope].retrieve(
            self._terms([question]), k=min(limit, len(documents)), show_progress=False
        )
        return [[documents[i]["id"]] for i, score in zip(found[0], scores[0], strict=True) if score > 0]

    def _terms(self, texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False)


serve(Bm25())
