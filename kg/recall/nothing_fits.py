"""Whether a question is about anything that is stored at all.

The score of a hit orders one answer and says nothing beside another, so the bar rests on absolute similarity: of the
best text and the best sentence, less that to everyday commands ("run the tests"), which resemble any technical note.
Coverage of the best text and the question's technical words help; words alone never lift a question over the bar.
The weights are those of a logistic regression, chosen on one half of a set by ``bench/answer.py``, for each embedder.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kg.ports import Embedder, QuestionVectors
from kg.recall.everyday_commands import Commands, everyday_commands
from kg.recall.request import Found
from kg.settings.service import EMBEDDERS

MOST_TERMS = 8
NOTE = "nothing stored seems to be about this; the results are only the nearest"


@dataclass(frozen=True)
class Bearing:
    """What is measured of a question; each value is also a weight's name.

    Attributes:
        text: best cosine of a whole text, or of a fact that one states.
        sentence: best cosine of a sentence, a fact among them.
        command_text: best cosine of the question and an everyday command, both read as texts.
        command_sentence: the same by the model of sentences.
        coverage: how much of the question the words of the nearest text cover.
        missing: technical words of the question that are mentioned nowhere.
        mentioned: those that are mentioned.
        terms: distinct terms of the question, at most ``MOST_TERMS``; short ones are near to anything.
        memories: decimal logarithm of how many memories there are; among many, something is near by chance.
    """

    text: float
    sentence: float
    command_text: float
    command_sentence: float
    coverage: float
    missing: float
    mentioned: float
    terms: float
    memories: float


@dataclass(frozen=True)
class Bar:
    """Weights of what is measured, and what a question's sum must reach."""

    weights: Bearing
    least: float

    def sum_of(self, bearing: Bearing) -> float:
        """Return the weighted sum."""
        weights, values = vars(self.weights), vars(bearing)
        return sum(weights[name] * value for name, value in values.items())


BARS: Mapping[str, Bar] = {
    EMBEDDERS[0]: Bar(
        Bearing(
            text=8.5,
            sentence=10.6,
            command_text=-2.9,
            command_sentence=-7.7,
            coverage=2.6,
            missing=-0.8,
            mentioned=1.0,
            terms=0.5,
            memories=-0.5,
        ),
        least=7.2,
    )
}
"""By the embedder's name. Cosines of other embedders lie elsewhere, so with those nothing is said."""


class Bearings:
    """Measures questions, where there is a bar for the embedder.

    Attributes:
        observed: told what is measured of each question; the bar is chosen by it.
    """

    observed: Callable[[Bearing], None]

    def __init__(self, embedder: Embedder, folder: Path | None = None) -> None:
        """``folder``: where the vectors of the everyday commands are kept for the next start; None keeps none."""
        self.observed = _pass_over
        self._embedder = embedder
        self._commands = Commands(embedder, folder)
        self._bar = BARS.get(embedder.name)

    async def prepare(self) -> None:
        """Have the models loaded and the everyday commands' vectors ready ahead of the first question.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        if self._bar is not None:
            await self._commands.vectors()
            await self._embedder.embed_question(everyday_commands()[0])

    def nothing_fits(self, bearing: Bearing | None) -> bool:
        """Return whether a question is about something else than all that is stored; False where that is not known."""
        return bearing is not None and self._bar is not None and self._bar.sum_of(bearing) < self._bar.least

    async def measure(
        self, vectors: QuestionVectors, found: Found, *, missing: int, mentioned: int, terms: int, memories: int
    ) -> Bearing | None:
        """Return what is known of a question; None where nobody asks for it, or no text or no sentence was found.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        texts, sentences = found.dense.get("text", {}), found.dense.get("sentence", {})
        if not texts or not sentences or (self._bar is None and self.observed is _pass_over):
            return None
        as_texts, as_sentences = await self._commands.vectors()
        nearest = max(texts, key=lambda uuid: (texts[uuid], uuid))
        fact = max(found.dense.get("fact", {}).values(), default=-1.0)
        bearing = Bearing(
            text=max(texts[nearest], fact),
            sentence=max(*sentences.values(), _as_sentence(fact)),
            command_text=float((as_texts @ vectors.text).max()),
            command_sentence=float((as_sentences @ vectors.sentence).max()),
            coverage=found.coverage.get(nearest, 0.0),
            missing=float(missing),
            mentioned=float(mentioned),
            terms=float(min(MOST_TERMS, terms)),
            memories=math.log10(max(1, memories)),
        )
        self.observed(bearing)
        return bearing


def _as_sentence(fact: float) -> float:
    """Return about the cosine that the model of sentences would give a fact, which only that of texts has read.

    The line is fitted on the same half of the set as the weights.
    """
    return 0.486 * fact + 0.445


def _pass_over(_: Bearing) -> None:
    """Nobody observes."""
