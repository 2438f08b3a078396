"""Sets of texts and questions for ``bench/recall.py``: a folder with ``documents.jsonl`` and ``queries.jsonl``.

A document has ``id`` and ``text``, and may have ``scope`` (searched by itself), ``session`` and ``speaker`` (then it is
a message of that session), ``role``, ``timestamp`` and ``facts``. A question has ``question``, ``gold`` (ids of the
documents that answer it) and ``category``, and may have ``id``, ``scope`` and ``asked_at``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWN_SETS = Path(__file__).parent / "data" / "recall"
UNANSWERABLE = "adversarial"
"""The category of questions that have no answer, which no recall is counted for."""


@dataclass(frozen=True)
class Document:
    """A text to store; a message where it has a session."""

    id: str
    text: str
    scope: str = "all"
    session: str | None = None
    speaker: str | None = None
    role: str = "user"
    timestamp: str | None = None
    facts: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True)
class Question:
    """A question and the documents that answer it.

    Attributes:
        half: 0 or 1: weights are chosen on one half and reported on the other.
    """

    text: str
    gold: frozenset[str]
    category: str
    scope: str
    half: int
    asked_at: str | None = None


@dataclass(frozen=True)
class RecallSet:
    """Documents and questions of one folder."""

    name: str
    documents: Sequence[Document]
    questions: Sequence[Question]

    def sessions(self) -> Iterator[list[Document]]:
        """Yield what one call stores: the messages of a session, or one note."""
        for _, group in itertools.groupby(self.documents, lambda d: (d.scope, d.session or d.id)):
            yield list(group)


def load_set(folder: Path, *, scopes: int | None = None) -> RecallSet:
    """Read a set.

    Args:
        folder: holds the two files; its name is the set's.
        scopes: how many scopes to keep, the first ones; None for all.
    """
    documents = [_document(row) for row in _rows(folder / "documents.jsonl")]
    kept = set(list(dict.fromkeys(document.scope for document in documents))[:scopes])
    questions: list[Question] = []
    for number, row in enumerate(_rows(folder / "queries.jsonl")):
        if row["gold"] and row["category"] != UNANSWERABLE and row.get("scope", "all") in kept:
            gold = frozenset(row["gold"])
            scope, asked_at = row.get("scope", "all"), row.get("asked_at")
            questions.append(Question(row["question"], gold, row["category"], scope, number % 2, asked_at))
    return RecallSet(folder.name, [document for document in documents if document.scope in kept], questions)


def _document(row: dict[str, Any]) -> Document:
    known = Document.__dataclass_fields__
    return Document(**{key: value for key, value in row.items() if key in known})


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
