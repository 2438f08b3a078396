"""A search under way, as its parts pass it on."""

from __future__ import annotations

from dataclasses import dataclass, field

from kg.ports import QuestionVectors
from kg.recall.question import Question
from kg.recall.request import Found, Search


@dataclass
class Asked:
    """A search under way.

    Attributes:
        hidden: candidates that the instants asked about hide.
        looked_up: names and technical words of the question, with their terms.
    """

    search: Search
    question: Question
    found: Found = field(default_factory=Found)
    hidden: int = 0
    looked_up: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def vectors(self) -> QuestionVectors | None:
        """The question's meaning; None where the embedder failed."""
        return self.question.vectors if isinstance(self.question.vectors, QuestionVectors) else None
