"""How likely a new fact replaces a standing one. Pure: no store, no model.

What the two say of what is compared: their meaning, their words, their subjects and predicates. The weights were fitted
on one half of a set and are reported on the other (``bench/settle.py``)::

    dispatch uses Redis Streams  <-  The dispatch service uses Kafka now    alike subjects, same predicate: likely
    The orders service uses Kafka  <-  The pension service uses Kafka       other subjects: unlikely
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kg.facts.predicates import FALLBACK, PREDICATES
from kg.language.words import stem_terms
from kg.settings.service import EMBEDDERS

BAR = -0.6
"""Least score of a fact that is offered for its likeness."""
_ALIKE_CHARS = 4
_AS_MINILM = {
    **dict.fromkeys((EMBEDDERS[0], "onnx:all-minilm-l6-v2-q", "onnx:all-minilm-l6-v2"), (1.0, 0.0)),
    **dict.fromkeys(("onnx:bge-small-en-v1.5-q", "onnx:bge-small-en-v1.5"), (1.75, -0.71)),
}
"""By embedder: factor and summand that make its cosines those of MiniLM, with which the bar was chosen.

Those of bge lie higher and closer together; the line was fitted on questions and notes.
"""
_CHANGE = re.compile(
    r"""\b(?:
        now | no\ longer | any\ ?more | instead | rather\ than | after\ all | gone | dropped | replace[sd]? | moved
      | migrated | switched | rewritten | changed | took\ over | taken\ over | stopped | gave\ up | since\ the
      | down\ to | up\ to | turned\ out | wasn't | was\ not | not\ it | wrong | never | became | deprecated | retired
      | upgraded | renamed
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


def likeness(embedder: str, cosine: float) -> float | None:
    """Return what a cosine of an embedder says, as MiniLM would say it; None where that is not known."""
    line = _AS_MINILM.get(embedder)
    return None if line is None else line[0] * cosine + line[1]


@dataclass(frozen=True)
class Said:
    """What ranking reads of a fact."""

    statement: str
    predicate: str
    subject: str | None = None
    object: str | None = None

    @cached_property
    def words(self) -> frozenset[str]:
        """Stems of the statement."""
        return frozenset(stem_terms(self.statement))

    @cached_property
    def subject_words(self) -> frozenset[str]:
        """Stems of the subject."""
        return frozenset(stem_terms(self.subject or ""))

    @cached_property
    def object_words(self) -> frozenset[str]:
        """Stems of the object."""
        return frozenset(stem_terms(self.object or ""))

    @property
    def family(self) -> str | None:
        """Family of the predicate."""
        known = PREDICATES.get(self.predicate)
        return known.family if known else None


WEIGHTS: Mapping[str, float] = {
    "always": -4.6,
    "cosine": 4.6,
    "words": 3.3,
    "same subject": 2.5,
    "alike subject": 1.9,
    "other subject": -2.8,
    "subject named": 2.9,
    "one without subject": -2.1,
    "same family": 1.5,
    "one holder": 3.5,
    "same object": -0.4,
    "said again": -1.0,
    "tells a change": 0.7,
}
"""What each feature adds to the score of a pair."""


def score(new: Said, old: Said, cosine: float, *, held: bool = False) -> float:
    """Return how likely ``new`` replaces ``old``: the log of the odds.

    Args:
        new: the new fact.
        old: the standing one.
        cosine: of their statements.
        held: both give one thing its only holder, such as an owner.
    """
    return sum(WEIGHTS[name] * value for name, value in features(new, old, cosine, held=held).items())


def features(new: Said, old: Said, cosine: float, *, held: bool = False) -> dict[str, float]:
    """Return what is compared, each from 0 to 1."""
    both = bool(new.subject_words and old.subject_words)
    alike = _alike(new.subject_words, old.subject_words) if both else 0.0
    one = bool(new.subject_words) != bool(old.subject_words)
    covered = 0.0
    if one:
        named, bare = (new, old) if new.subject_words else (old, new)
        covered = _alike(named.subject_words, bare.words)
    stated = FALLBACK not in (new.predicate, old.predicate)
    same = stated and new.predicate == old.predicate
    kin = stated and not same and new.family is not None and new.family == old.family
    same_object = bool(new.object_words) and new.object_words == old.object_words
    return {
        "always": 1.0,
        "cosine": max(cosine, 0.0),
        "words": len(new.words & old.words) / max(len(new.words | old.words), 1),
        "same subject": float(both and alike == 1.0),
        "alike subject": alike if both and alike < 1.0 else 0.0,
        "other subject": float(both and alike == 0.0),
        "subject named": covered,
        "one without subject": float(one),
        "same family": alike * kin,
        "one holder": float(held),
        "same object": float(same_object and not held),
        "said again": float(new.words == old.words or (same_object and alike > 0 and (same or kin))),
        "tells a change": float(_CHANGE.search(new.statement) is not None),
    }


def _alike(some: frozenset[str], others: frozenset[str]) -> float:
    """Return how many of the fewer words have a word among the others that begins as they do: lint, linter."""
    fewer, more = sorted((some, others), key=len)
    if not fewer:
        return 0.0
    found = sum(any(_begin_alike(word, other) for other in more) for word in fewer)
    return found / len(fewer)


def _begin_alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if one == other or (len(shorter) >= _ALIKE_CHARS - 1 and longer.startswith(shorter)):
        return True
    return len(shorter) > _ALIKE_CHARS and one[:_ALIKE_CHARS] == other[:_ALIKE_CHARS]
