"""Checks of what a caller gives; each error names the field and says what is accepted.

What passes can be stored: it has no lone surrogates or null characters, and its size is within the stores' limits.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from kg.errors import InvalidInput
from kg.narrow import as_object, is_mapping
from kg.values import JsonObject

MAX_ID_CHARS = 256
MAX_TEXT_BYTES = 65_536
MAX_METADATA_BYTES = 16_384
MAX_METADATA_DEPTH = 8
MAX_SAFE_INTEGER = 2**63 - 1

SURROGATE = re.compile("[\ud800-\udfff]")
NOT_UNICODE = "remove the lone surrogate (half of a character; the text was cut or decoded wrongly)"
_OUTER = re.compile(r"^[\s\u200b-\u200f\u2060\ufeff]+|[\s\u200b-\u200f\u2060\ufeff]+$")
_NOTHING = frozenset(
    ("", "null", "none", "nil", "undefined", "n/a", "n.a", "unknown", "not specified", "unspecified", "not applicable")
)
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.0+)?")


def says_nothing(value: object) -> bool:
    """Whether a value stands for none at all: null, blanks, or a whole text such as "None", "n/a" or "unknown"."""
    return value is None or (isinstance(value, str) and value.strip(" \t\r\n.()<>[]\"'`-").casefold() in _NOTHING)


def composed(value: str) -> str:
    """Return a name or scope value as it is stored: without blanks and invisible characters round it, composed."""
    return unicodedata.normalize("NFC", _OUTER.sub("", value))


def check_id(field: str, value: object) -> str:
    """Return an id, name or scope value: 1 to 256 characters, not blank, without control characters."""
    if not isinstance(value, str):
        raise InvalidInput(field, value, f"give a string of 1 to {MAX_ID_CHARS} characters")
    if SURROGATE.search(value):
        raise InvalidInput(field, value, NOT_UNICODE)
    if not value.strip():
        raise InvalidInput(field, value, f"give 1 to {MAX_ID_CHARS} characters, not only blanks")
    if len(value) > MAX_ID_CHARS:
        raise InvalidInput(field, value, f"{len(value)} characters are too many, give at most {MAX_ID_CHARS}")
    if any(unicodedata.category(c) == "Cc" for c in value):
        raise InvalidInput(field, value, "remove the control characters (line breaks, tabs, null characters)")
    return value


def check_text(field: str, value: object, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return a text unchanged: not blank, at most ``max_bytes`` in UTF-8. No error quotes it."""
    if not isinstance(value, str):
        raise InvalidInput(field, "nothing" if value is None else type(value).__name__, "give a string")
    if SURROGATE.search(value):
        raise InvalidInput(field, f"text of {len(value)} characters", NOT_UNICODE)
    if "\0" in value:
        raise InvalidInput(field, f"text of {len(value)} characters", "remove the null characters")
    if not value.strip():
        raise InvalidInput(field, "", "give a text that is not blank")
    size = len(value.encode())
    if size > max_bytes:
        advice = f"give at most {max_bytes} bytes in UTF-8: split it, one subject for each part"
        raise InvalidInput(field, f"text of {size} bytes", advice)
    return value


def check_key(field: str, value: object) -> str:
    """Return a key of metadata to look up: any key that metadata can have."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS:
        raise InvalidInput(field, value, f"give keys that are strings of 1 to {MAX_ID_CHARS} characters")
    _check_string(field, value)
    return value


def check_uuid(field: str, value: object) -> str:
    """Return a uuid in its canonical form, lower case with hyphens."""
    try:
        return str(UUID(value)) if isinstance(value, str) and value.isascii() else _refuse_uuid(field, value)
    except ValueError:
        return _refuse_uuid(field, value)


def _refuse_uuid(field: str, value: object) -> str:
    raise InvalidInput(field, value, "give an id as the other tools return it, 36 characters such as 9f0c…-…")


def check_limit(field: str, value: object, upper: int, lower: int = 1) -> int:
    """Return a whole number from ``lower`` to ``upper``.

    3.0 and the text "3" count as 3, True and False do not count.
    """
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        number = int(value.strip().partition(".")[0])
    if not isinstance(number, int) or isinstance(number, bool) or not lower <= number <= upper:
        raise InvalidInput(field, value, f"give a whole number from {lower} to {upper}")
    return number


def parse_json(value: object) -> object:
    """Return the list or object in a JSON text, as some clients send one; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            found: object = json.loads(value)
            return found
        except (ValueError, RecursionError):
            return value
    return value


def check_metadata(field: str, value: object) -> str:
    """Return metadata as canonical JSON: an object, sorted keys, at most 16 KiB, 8 levels, finite numbers."""
    if not is_mapping(value):
        raise InvalidInput(field, value, 'give a JSON object such as {"ticket": "AB-12"}')
    _check_json(field, value, MAX_METADATA_DEPTH)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    size = len(text.encode())
    if size > MAX_METADATA_BYTES:
        advice = f"give at most {MAX_METADATA_BYTES} bytes; put long content into the text"
        raise InvalidInput(field, f"JSON of {size} bytes", advice)
    return text


def _check_json(path: str, value: object, depth: int) -> None:
    """Refuse what JSON or the stores cannot hold; the error names the path to it."""
    match value:
        case None | bool():
            return
        case str():
            _check_string(path, value)
        case int():
            if abs(value) > MAX_SAFE_INTEGER:
                raise InvalidInput(path, "a very large number", "give numbers of at most 64 bits, or a string")
        case float():
            if not math.isfinite(value):
                raise InvalidInput(path, value, "give a finite number, a string or null")
        case Mapping() | list() | tuple():
            if depth == 0:
                raise InvalidInput(path, "deeper nesting", f"nest at most {MAX_METADATA_DEPTH} levels")
            _check_members(path, cast("Any", value), depth - 1)
        case _:
            raise InvalidInput(path, type(value).__name__, "give JSON values: string, number, true, false, null")


def _check_members(path: str, value: Mapping[object, object] | list[object] | tuple[object, ...], depth: int) -> None:
    if not isinstance(value, Mapping):
        for i, member in enumerate(value):
            _check_json(f"{path}[{i}]", member, depth)
        return
    for key, member in value.items():
        if not isinstance(key, str) or not 0 < len(key) <= MAX_ID_CHARS:
            raise InvalidInput(path, key, f"give keys that are strings of 1 to {MAX_ID_CHARS} characters")
        _check_string(f"{path} key", key)
        _check_json(f"{path}.{key}", member, depth)


def _check_string(path: str, value: str) -> None:
    if SURROGATE.search(value):
        raise InvalidInput(path, value, NOT_UNICODE)
    if "\0" in value:
        raise InvalidInput(path, value, "remove the null characters")


def metadata(text: object) -> JsonObject:
    """Return a memory's metadata as the object that the caller gave; empty if a person damaged it in Neo4j Browser."""
    if not isinstance(text, str):
        return {}
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return as_object(value)


def merge_metadata(standing: str, new: str) -> str:
    """Return metadata with the keys of other metadata added; keys that are null there are removed.

    >>> merge_metadata('{"team":"infra","ticket":"T-1","x":1}', '{"ticket":"T-2","x":null}')
    '{"team":"infra","ticket":"T-2"}'
    """
    merged = metadata(standing) | metadata(new)
    return check_metadata("metadata", {key: value for key, value in merged.items() if value is not None})
