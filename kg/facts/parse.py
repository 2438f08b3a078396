"""Check the facts that callers hand in.

An unusable optional part costs a fact that part and a warning. A fact without a usable statement is set aside with the
reason. The memory that it came with is stored all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from kg.errors import InvalidInput, shorten
from kg.facts import predicates
from kg.language.names import alias_key, is_self
from kg.language.times import given_instant
from kg.narrow import is_mapping, is_sequence
from kg.validate import check_id, check_text, check_uuid, parse_json, says_nothing
from kg.values import FactInput, Settlement, SkippedFact

T = TypeVar("T")

MAX_FACTS = 100
MAX_STATEMENT_BYTES = 4096
_KEYS = (
    "statement", "subject", "predicate", "object", "subject_kind", "object_kind", "because", "revisit_when",
    "valid_at", "invalid_at", "supersedes", "how", "reason",
)  # fmt: skip
_NAMED_KEYS = frozenset(("statement", "subject", "predicate", "object"))
"""The keys whose values may be any words: a function can return "null"."""
_BETWEEN_IDS = re.compile(r"[,;\s]+")


@dataclass(frozen=True)
class ParsedFacts:
    """What came of the facts of one call.

    Attributes:
        facts: the usable ones.
        skipped: the others, each with the reason.
        warnings: parts of usable facts that were ignored.
    """

    facts: tuple[FactInput, ...]
    skipped: tuple[SkippedFact, ...]
    warnings: tuple[str, ...]


def parse_facts(raw: object) -> ParsedFacts:
    """Check the ``facts`` parameter of a tool. One sentence or object counts as a list of one.

    Raises:
        InvalidInput: it is neither, or it is longer than ``MAX_FACTS``.
    """
    items = _items(raw)
    facts: list[FactInput] = []
    skipped: list[SkippedFact] = []
    warnings: list[str] = []
    for index, item in enumerate(items):
        try:
            facts.append(_parse_fact(f"facts[{index}]", item, warnings))
        except InvalidInput as error:
            skipped.append(SkippedFact(index, str(error)))
    return ParsedFacts(tuple(facts), tuple(skipped), tuple(warnings))


def parse_settlements(raw: object) -> tuple[Settlement, ...]:
    """Check the ``facts`` of a call without a text: each names a stored fact and those that it replaces.

    Raises:
        InvalidInput: one has no id, or names nothing that it replaces.
    """
    settlements: list[Settlement] = []
    for index, item in enumerate(_items(raw)):
        field, given = f"facts[{index}]", parse_json(item)
        if not is_mapping(given) or "id" not in given:
            raise InvalidInput("text", None, "give a text or messages; without them, facts are [{id, supersedes}]")
        told: list[str] = []
        parts = _Parts(field, {str(key): value for key, value in given.items()}, told)
        settlement = parts.settlement()
        if told:
            raise InvalidInput(field, "unusable", "; ".join(told))
        settlements.append(settlement)
    return tuple(settlements)


def _items(raw: object) -> Sequence[object]:
    raw = parse_json(raw)
    if raw is None or raw == "":
        return ()
    items: Sequence[object]
    if isinstance(raw, str) or is_mapping(raw):
        items = [raw]
    elif is_sequence(raw):
        items = raw
    else:
        raise InvalidInput("facts", raw, "give a list of sentences or of fact objects")
    if len(items) > MAX_FACTS:
        raise InvalidInput("facts", f"{len(items)} facts", f"give at most {MAX_FACTS} with one memory; split the rest")
    return items


def _parse_fact(field: str, item: object, warnings: list[str]) -> FactInput:
    item = parse_json(item)
    if isinstance(item, str):
        item = {"statement": item}
    if not is_mapping(item):
        raise InvalidInput(field, item, "give a sentence or an object with a statement")
    given = {str(key): value for key, value in item.items() if value is not None}
    if "id" in given and "statement" not in given:
        raise InvalidInput(f"{field}.id", given["id"], "to settle a stored fact, call without text and messages")
    unknown = sorted(given.keys() - set(_KEYS))
    told: list[str] = []
    if unknown:
        names = shorten(", ".join(unknown))
        told.append(f"{field}: unknown keys {names} were ignored; known keys: {', '.join(_KEYS)}")
    raw = {key: value for key, value in given.items() if not _is_empty(key, value)}
    fact = _Parts(field, raw, told).fact()
    warnings += told
    return fact


def _is_empty(key: str, value: object) -> bool:
    if key in _NAMED_KEYS:
        return isinstance(value, str) and not value.strip()
    return says_nothing(value)


class _Parts:
    """The parts of one fact: an unusable optional one is left out, with a warning."""

    def __init__(self, field: str, raw: Mapping[str, object], warnings: list[str]) -> None:
        self._field = field
        self._raw = raw
        self._warnings = warnings

    def fact(self) -> FactInput:
        """Return the fact.

        Raises:
            InvalidInput: it has no usable statement, nor a subject and an object to make one of.
        """
        subject = self._optional("subject", _name)
        named = self._optional("predicate", _predicate)
        stated_object = self._optional("object", _object)
        statement = self._raw.get("statement")
        about = self._raw.get("subject")  # a name of signs names no entity, but the statement has it
        if statement is None and isinstance(about, str) and stated_object:
            statement = f"{about.strip()} {(named or 'relates to').replace('_', ' ').lower()} {stated_object}"
        usable = check_text(f"{self._field}.statement", statement, MAX_STATEMENT_BYTES).strip()
        valid_at = self._optional("valid_at", given_instant)
        invalid_at = self._optional("invalid_at", given_instant)
        if valid_at and invalid_at and invalid_at <= valid_at:
            self._leave_out(self._unusable("invalid_at", self._raw["invalid_at"], "give an instant after valid_at"))
            invalid_at = None
        return FactInput(
            statement=usable,
            predicate=predicates.normalise(named or predicates.FALLBACK),
            subject=subject,
            object=stated_object,
            subject_kind=self._kind("subject_kind", subject),
            object_kind=self._kind("object_kind", stated_object),
            because=self._optional("because", _words),
            revisit_when=self._optional("revisit_when", _words),
            valid_at=valid_at,
            invalid_at=invalid_at,
            supersedes=self._uuids(),
            how=self._optional("how", _how) or "superseded",
            reason=self._optional("reason", _words),
        )

    def settlement(self) -> Settlement:
        """Return what a stored fact replaces; of what is unusable there is a warning.

        Raises:
            InvalidInput: the id is none, or nothing is named that it replaces.
        """
        supersedes = self._uuids()
        if not supersedes:
            raise self._unusable("supersedes", self._raw.get("supersedes"), "name the facts that no longer hold")
        return Settlement(
            check_uuid(f"{self._field}.id", self._raw["id"]),
            supersedes,
            self._optional("how", _how) or "superseded",
            self._optional("reason", _words),
        )

    def _kind(self, key: str, name: str | None) -> str | None:
        """Return a kind; a thing called User or I with a kind that is unusable is not the person either."""
        kind = self._optional(key, _kind)
        unusable = kind is None and key in self._raw
        return predicates.THING if unusable and name is not None and is_self(name) else kind

    def _optional(self, key: str, check: Callable[[str, object], T | None]) -> T | None:
        if key not in self._raw:
            return None
        return self._checked(key, self._raw[key], check)

    def _checked(self, place: str, value: object, check: Callable[[str, object], T | None]) -> T | None:
        try:
            return check(f"{self._field}.{place}", value)
        except InvalidInput as error:
            self._leave_out(error)
            return None

    def _unusable(self, place: str, value: object, accepted: str) -> InvalidInput:
        return InvalidInput(f"{self._field}.{place}", value, accepted)

    def _leave_out(self, error: InvalidInput) -> None:
        self._warnings.append(f"{error}; it was left out, the fact was kept")

    def _uuids(self) -> tuple[str, ...]:
        """Return the usable ids of ``supersedes``, each once: a list, a list as JSON text, or one id or several."""
        value = parse_json(self._raw.get("supersedes", ()))
        if isinstance(value, str):
            value = _BETWEEN_IDS.split(value.strip())
        items: Sequence[Any] = value if is_sequence(value) else [value]
        if len(items) > MAX_FACTS:
            self._leave_out(self._unusable("supersedes", f"{len(items)} ids", f"give at most {MAX_FACTS}"))
            return ()
        wanted = [(f"supersedes[{i}]", item) for i, item in enumerate(items) if not says_nothing(item)]
        checked = (self._checked(place, item, check_uuid) for place, item in wanted)
        return tuple(dict.fromkeys(uuid for uuid in checked if uuid is not None))


def _name(field: str, value: object) -> str:
    name = check_id(field, value).strip()
    try:
        alias_key(name)
    except InvalidInput as error:
        raise InvalidInput(field, name, error.accepted) from error
    return name


def _predicate(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field, value, "give a string such as USES")
    return value.strip()


def _object(field: str, value: object) -> str:
    if isinstance(value, bool | int | float):
        value = str(value).lower() if isinstance(value, bool) else str(value)
    return check_text(field, value, MAX_STATEMENT_BYTES).strip()


def _words(field: str, value: object) -> str:
    return check_text(field, value, MAX_STATEMENT_BYTES)


def _how(field: str, value: object) -> Literal["superseded", "corrected"]:
    match value.strip().casefold() if isinstance(value, str) else value:
        case "superseded" | "supersede" | "supersedes" | "replaced" | "replace" | "replaces":
            return "superseded"
        case "corrected" | "correct" | "corrects" | "correction" | "wrong":
            return "corrected"
        case _:
            raise InvalidInput(field, value, "give 'superseded' (was true until now) or 'corrected' (was wrong)")


def _kind(field: str, value: object) -> str:
    kind = predicates.find_kind(str(value))
    if kind is None:
        raise InvalidInput(field, value, "give one of " + ", ".join(predicates.ENTITY_KINDS))
    return kind
