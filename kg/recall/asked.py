"""A search under way, as its parts pass it on."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg.ports import QuestionVectors
from kg.recall.coverage import DocumentFrequencies, Terms
from kg.recall.queries import WaitingMemory
from kg.recall.query import Found, Search


@dataclass
class Asked:
    """A search under way.

    Attributes:
        question: the part of it that is read.
        terms: its words, weighed.
        people: alias keys of the persons that it names.
        waiting: memories that wait for the index.
        vectors: None where the embedder failed.
        hidden: candidates that the instants asked about hide.
        looked_up: names and technical words of the question, with their terms.
    """

    search: Search
    question: str
    stems: list[str]
    terms: Terms
    frequencies: DocumentFrequencies
    people: set[str]
    waiting: list[WaitingMemory]
    found: Found
    vectors: QuestionVectors | None = None
    hidden: int = 0
    looked_up: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
