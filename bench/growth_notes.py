"""What ``bench/scale.py`` grows a graph from: notes without end, and an embedder that costs nothing.

Note ``n`` is always the same, so a graph can be grown further. It takes about 55 word pieces, as a note of an agent
does, and things grow more slowly than notes: one new component in ``NOTES_A_COMPONENT``.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.corpus import AREAS, CAUSES, COMPONENTS, PEOPLE, PROJECTS, REASONS, TOOLS
from kg.ports import QuestionVectors, TextToEmbed, TextVectors, Vector

NOTES_A_COMPONENT = 40
HUB = "release checklist"
HUB_FACTS = 1000
"""So many of the first notes state a fact about the hub, however far the graph grows."""
_PIECE = re.compile(r"\w+|[^\w\s]")


class GrownNote(NamedTuple):
    """A note with the facts that it states, as they are handed in."""

    text: str
    project: str
    facts: list[dict[str, Any]]


def grown_notes(start: int, end: int, step: int = 1) -> Iterator[GrownNote]:
    """Yield notes ``start`` to ``end``; every fourth, from a multiple of four on, states two facts."""
    for number in range(start, end, step):
        yield _note(number)


def _component(index: int) -> str:
    base, rest = COMPONENTS[index % len(COMPONENTS)], index // len(COMPONENTS)
    return f"{TOOLS[rest % len(TOOLS)]} {base}" + (f" {rest // len(TOOLS)}" if rest >= len(TOOLS) else "")


def _note(number: int) -> GrownNote:
    rng = random.Random(number)
    component = _component(rng.randrange(1 + number // NOTES_A_COMPONENT))
    tool, other, area, person = rng.choice(TOOLS), rng.choice(TOOLS), rng.choice(AREAS), rng.choice(PEOPLE)
    reason, cause, share = rng.choice(REASONS), rng.choice(CAUSES), rng.randrange(3, 97)
    facts: list[dict[str, Any]] = []
    kind = number % 4
    if kind == 0:
        text = (
            f"For the {component} we rejected {tool} because {reason}. {other} stays, as {person} measured {share} % "
            f"fewer failures with it in the {area}; look again after the next release. See AB-{number}."
        )
        facts = [
            {"statement": f"{tool} was rejected for the {component}", "subject": component, "predicate": "REJECTED",
             "object": tool, "because": reason},
            {"statement": f"The {component} uses {other}", "subject": component, "predicate": "USES", "object": other},
        ]  # fmt: skip
    elif kind == 1:
        text = (
            f"The {component} failed in run {number} and the {area} with it. The cause was {cause}, not {tool}. "
            f"{person} found it after {share} minutes with a trace of each call; the fix is in fix_{number}.py."
        )
        facts = [{"statement": f"The {component} failed because of {cause}", "subject": component,
                  "predicate": "CAUSED_BY", "object": cause}]  # fmt: skip
    elif kind == 2:
        version = f"{number % 9}.{number % 13}"
        text = (
            f"The {component} runs {tool} {version} since this week. {other} was tried before and given up after "
            f"{share} hours: {reason}. {person} keeps the notes of the migration of the {area} in MIG-{number}."
        )
        facts = [{"statement": f"The {component} is on {tool} {version}", "subject": component,
                  "predicate": "USES_VERSION", "object": version}]  # fmt: skip
    else:
        text = (
            f"Convention {number}: in the {component}, wrap calls to {tool} in withRetry{number}() and log the id. "
            f"{person} asked for it, since {cause} had hidden {share} errors of the {area} from everyone."
        )
    if number < HUB_FACTS:
        facts.append({"statement": f"Step {number} of the {HUB} checks the {component}", "subject": HUB,
                      "predicate": "CHECKS", "object": component})  # fmt: skip
    return GrownNote(text, PROJECTS[number % len(PROJECTS)], facts)


class FreeEmbedder:
    """Vectors of the real sizes out of a table of words, so that texts with common words are near each other."""

    dimension = 384
    english_only = True
    two_models = True
    _WORDS = 4096

    def __init__(self, name: str = "bench:free", digest: str = "bench:free") -> None:
        self.name, self.digest = name, digest
        table = np.random.default_rng(7).normal(size=(self._WORDS, self.dimension)).astype(np.float32)
        self._table: Vector = table / np.linalg.norm(table, axis=1, keepdims=True)

    async def embed_texts(self, texts: Sequence[TextToEmbed]) -> list[TextVectors]:
        return [
            TextVectors(
                self._text(one.text)[None, :],
                np.stack([self._text(sentence) for sentence in one.sentences]) if one.sentences else None,
                self._pieces(one.text) if one.tokens else None,
            )
            for one in texts
        ]

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        return np.stack([self._text(text) for text in texts])

    async def embed_question(self, text: str) -> QuestionVectors:
        whole = self._text(text)
        return QuestionVectors(whole, whole, self._pieces(text), [piece.lower() for piece in _PIECE.findall(text)])

    async def embed_query(self, text: str) -> Vector:
        return self._text(text)

    async def close(self) -> None:
        return

    def _pieces(self, text: str) -> Vector:
        return self._table[[self._row(piece) for piece in _PIECE.findall(text) or [""]]]

    def _text(self, text: str) -> Vector:
        total = self._pieces(text).sum(axis=0) + 0.5 * self._table[self._row(text)]
        return (total / np.linalg.norm(total)).astype(np.float32)

    def _row(self, piece: str) -> int:
        return int.from_bytes(hashlib.blake2b(piece.lower().encode(), digest_size=4).digest()) % self._WORDS
