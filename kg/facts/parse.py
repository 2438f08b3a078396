"""Check the facts that callers hand in.

An unusable fact is set aside with the reason. The memory that it came with is stored all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from kg.errors import InvalidInput, shorten
from kg.facts import predicates
from kg.language.names import alias_key
from kg.validate import check_id, check_text, check_uuid, parse_instant
from kg.values import FactInput, SkippedFact

MAX_FACTS = 100
MAX_STATEMENT_BYTES = 4096
_KEYS = (
    "statement", "subject", "predicate", "object", "subject_kind", "object_kind", "because", "revisit_when",
    "valid_at", "invalid_at", "supersedes", "how", "reason",
)  # fmt: skip


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
    """Check the ``facts`` parameter of a tool.

    Raises:
        InvalidInput: it is not a list, or it is longer than ``MAX_FACTS``.
    """
    if raw is None:
        return ParsedFacts((), (), ())
    if not isinstance(raw, list | tuple):
        raise InvalidInput("facts", raw, "give a list of sentences or of fact objects")
    items = cast("Sequence[object]", raw)
    if len(items) > MAX_FACTS:
        raise InvalidInput("facts", f"{len(items)} facts", f"give at most {MAX_FACTS} with one memory; split the rest")
    facts: list[FactInput] = []
    skipped: list[SkippedFact] = []
    warnings: list[str] = []
    for index, item in enumerate(items):
        try:
            facts.append(_parse_fact(f"facts[{index}]", item, warnings))
        except InvalidInput as error:
            skipped.append(SkippedFact(index, str(error)))
    return ParsedFacts(tuple(facts), tuple(skipped), tuple(warnings))


def _parse_fact(field: str, item: object, warnings: list[str]) -> FactInput:
    if isinstance(item, str):
        item = {"statement": item}
    if not isinstance(item, Mapping):
        raise InvalidInput(field, item, "give a sentence or an object with a statement")
    raw = {str(key): value for key, value in cast("Mapping[object, object]", item).items() if value is not None}
    unknown = sorted(raw.keys() - set(_KEYS))
    if unknown:
        names = shorten(", ".join(unknown))
        warnings.append(f"{field}: unknown keys {names} were ignored; known keys: {', '.join(_KEYS)}")
    subject = _name(field, raw, "subject")
    statement = raw.get("statement")
    if statement is None and subject and raw.get("object"):
        statement = (
            f"{raw['subject']} {str(raw.get('predicate', 'relates to')).replace('_', ' ').lower()} {raw['object']}"
        )
    predicate = raw.get("predicate", predicates.FALLBACK)
    if not isinstance(predicate, str):
        raise InvalidInput(f"{field}.predicate", predicate, "give a string such as USES")
    valid_at = _instant(field, raw, "valid_at")
    invalid_at = _instant(field, raw, "invalid_at")
    if valid_at and invalid_at and invalid_at <= valid_at:
        raise InvalidInput(f"{field}.invalid_at", raw["invalid_at"], "give an instant after valid_at")
    how = raw.get("how", "superseded")
    if how not in ("superseded", "corrected"):
        raise InvalidInput(f"{field}.how", how, "give 'superseded' (was true until now) or 'corrected' (was wrong)")
    return FactInput(
        statement=check_text(f"{field}.statement", statement, MAX_STATEMENT_BYTES),
        predicate=predicates.normalise(predicate),
        subject=subject,
        object=_object(field, raw),
        subject_kind=_kind(field, raw, "subject_kind"),
        object_kind=_kind(field, raw, "object_kind"),
        because=_optional_text(field, raw, "because"),
        revisit_when=_optional_text(field, raw, "revisit_when"),
        valid_at=valid_at,
        invalid_at=invalid_at,
        supersedes=_uuids(field, raw),
        how=how,
        reason=_optional_text(field, raw, "reason"),
    )


def _name(field: str, raw: Mapping[str, object], key: str) -> str | None:
    if key not in raw:
        return None
    name = check_id(f"{field}.{key}", raw[key]).strip()
    alias_key(name)
    return name


def _object(field: str, raw: Mapping[str, object]) -> str | None:
    value = raw.get("object")
    if value is None:
        return None
    if isinstance(value, bool | int | float):
        value = str(value).lower() if isinstance(value, bool) else str(value)
    return check_text(f"{field}.object", value, MAX_STATEMENT_BYTES).strip()


def _optional_text(field: str, raw: Mapping[str, object], key: str) -> str | None:
    return check_text(f"{field}.{key}", raw[key], MAX_STATEMENT_BYTES) if key in raw else None


def _kind(field: str, raw: Mapping[str, object], key: str) -> str | None:
    if key not in raw:
        return None
    kind = raw[key]
    label = next((known for known in predicates.ENTITY_KINDS if str(kind).casefold() == known.casefold()), None)
    if label is None:
        raise InvalidInput(f"{field}.{key}", kind, "give one of " + ", ".join(predicates.ENTITY_KINDS))
    return label


def _instant(field: str, raw: Mapping[str, object], key: str) -> datetime | None:
    return parse_instant(f"{field}.{key}", raw[key]) if key in raw else None


def _uuids(field: str, raw: Mapping[str, object]) -> tuple[str, ...]:
    value = raw.get("supersedes", ())
    items = cast("Sequence[Any]", value if isinstance(value, list | tuple) else [value])
    if len(items) > MAX_FACTS:
        raise InvalidInput(f"{field}.supersedes", f"{len(items)} ids", f"give at most {MAX_FACTS}")
    return tuple(dict.fromkeys(check_uuid(f"{field}.supersedes[{i}]", item) for i, item in enumerate(items)))
