"""Turn a model's answer into facts. What cannot be used is named, the rest is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from extract.prompts.answers import ExtractOutput, StatedFact, one_line
from kg.errors import InvalidInput
from kg.facts.claims import literal_key
from kg.facts.parse import MAX_FACTS, parse_facts
from kg.facts.quantities import is_quantity
from kg.language.names import alias_key
from kg.language.times import parse_instant
from kg.validate import says_nothing
from kg.values import FactInput


@dataclass
class FactReader:
    """Collects facts and noise from the answers about some turns; turns are counted from 0.

    Attributes:
        dropped: why parts of an answer could not be used.
    """

    dropped: list[str] = field(default_factory=list[str])
    _facts: dict[tuple[object, ...], tuple[int, FactInput]] = field(
        default_factory=dict[tuple[object, ...], tuple[int, FactInput]]
    )
    _noise: dict[int, str] = field(default_factory=dict[int, str])
    _worthy: set[int] = field(default_factory=set[int])

    def read(self, output: ExtractOutput, turns: Sequence[int]) -> None:
        """Take over one answer, which numbers from 1 the turns at the positions ``turns``.

        If it was asked about a single turn, every number means that one.
        """
        numbered = dict(enumerate(turns, start=1))
        noisy = {numbered.get(item.turn, turns[0]): one_line(item.reason) for item in output.noise}
        stated: dict[int, int] = dict.fromkeys(turns, 0)
        for number, raw in enumerate(output.facts, start=1):
            turn = numbered.get(raw.turn, turns[0])
            stated[turn] += 1
            if stated[turn] <= MAX_FACTS:
                self._add(turn, raw, f"fact {number} of turn {turn + 1}")
        for turn, count in stated.items():
            if count > MAX_FACTS:
                self.dropped.append(f"turn {turn + 1}: {count - MAX_FACTS} facts beyond the first {MAX_FACTS}")
            if turn in noisy and not count:
                self._noise.setdefault(turn, noisy[turn])
            else:
                self._worthy.add(turn)

    @property
    def facts(self) -> tuple[tuple[int, FactInput], ...]:
        """Each usable fact once, with its turn, in the order of the turns."""
        return tuple(sorted(self._facts.values(), key=lambda stated: stated[0]))

    @property
    def noise(self) -> dict[int, str]:
        """The turns that are noise in all of their passages, each with the reason."""
        return {turn: why for turn, why in sorted(self._noise.items()) if turn not in self._worthy}

    def _add(self, turn: int, raw: StatedFact, place: str) -> None:
        prepared = {key: value for key, value in _prepare(raw).items() if value is not None}
        for bound in _unusable_bounds(prepared):
            del prepared[bound]
            self.dropped.append(f"{place}: {bound} is no date that can be used")
        parsed = parse_facts([prepared])
        for told in (*parsed.warnings, *(skipped.why for skipped in parsed.skipped)):
            blamed = told.partition(":")[0].rpartition(".")[2]  # the rest may quote the memory
            self.dropped.append(f"{place}: its {blamed} cannot be used")
        if parsed.skipped:
            return
        fact = parsed.facts[0]
        key = (turn, *_claim(fact))
        former = self._facts.get(key)
        self._facts[key] = (turn, fact if former is None else _folded(former[1], fact))


def _prepare(raw: StatedFact) -> dict[str, Any]:
    """Return a fact as ``parse_facts`` takes it: names on one line, no words for nothing, no kind Thing.

    Models give quantities a kind too, so a kind does not make one a thing.
    """
    return {
        "statement": _text(raw.statement),
        "subject": _name(raw.subject),
        "subject_kind": None if raw.subject_kind == "Thing" else raw.subject_kind,
        "predicate": _text(raw.predicate),
        "object": _name(raw.object),
        "object_kind": None if raw.object_kind == "Thing" or is_quantity(raw.object or "") else raw.object_kind,
        "because": _text(raw.because),
        "revisit_when": _text(raw.revisit_when),
        "valid_at": _text(raw.valid_at),
        "invalid_at": _text(raw.invalid_at),
    }


def _text(value: str | None) -> str | None:
    """Return a model's words, None for "null", "N/A" and the like: models write these for an absent value."""
    return None if value is None or says_nothing(value) else value.strip()


def _name(value: str | None) -> str | None:
    told = _text(value)
    return None if told is None else " ".join(told.split())


def _unusable_bounds(prepared: dict[str, Any]) -> list[str]:
    """Return the time bounds that cannot be read, and those that end before they begin."""
    times: dict[str, Any] = {}
    unusable: list[str] = []
    for bound in ("valid_at", "invalid_at"):
        if bound in prepared:
            try:
                times[bound] = parse_instant(bound, prepared[bound])
            except InvalidInput:
                unusable.append(bound)
    if len(times) == len(("valid_at", "invalid_at")) and times["invalid_at"] <= times["valid_at"]:
        unusable.append("invalid_at")
    return unusable


def _claim(fact: FactInput) -> tuple[object, ...]:
    """Return a key: equal for facts of one turn with the same triple and times, or without triple the same sentence."""
    if fact.subject is None or fact.object is None:
        said: object = literal_key(fact.statement)
    else:
        said = (alias_key(fact.subject), literal_key(fact.object))
    return fact.predicate, said, fact.valid_at, fact.invalid_at


def _folded(first: FactInput, second: FactInput) -> FactInput:
    """Return the first of two equal facts, completed by a reason and a condition that only the second has."""
    return replace(
        first, because=first.because or second.because, revisit_when=first.revisit_when or second.revisit_when
    )
