"""Recalled memories inside a conversation are found and masked, so that nothing is extracted twice. Pure.

An agent's transcript quotes our answers. We know a quotation by its id (an object of our own answers) or by its words
(a paragraph, list item or line that equals a stored memory). A text that is as a whole equal to a memory is no
quotation: somebody says the same thing again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from kg.language.words import content_hash
from kg.narrow import is_object

MASK = "[recalled]"
MIN_CHARS = 20
"""Shorter stretches are not looked up by their words."""
MAX_PARAGRAPHS = 4
"""At most this many neighbouring paragraphs are looked up as one memory."""

_MAX_OPENINGS = 20
_ID = re.compile(r'"id"\s*:\s*"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"')
_PARAGRAPH = re.compile(r"\S(?:.|\n(?![^\S\n]*(?:\n|\Z)))*")
_LINE = re.compile(r"\S.*")
_MARK = re.compile(r"(?:(?:[-*+•‣]|\(?\d{1,3}[.)])[^\S\n]+(?:\[[ xX]\][^\S\n]+)?|>[^\S\n]?)+")
_ITEM = re.compile(
    r"^[^\S\n]*(?:[-*+•‣]|\(?\d{1,3}[.)])[^\S\n]+\S.*(?:\n(?![^\S\n]*(?:[-*+•‣]|\(?\d{1,3}[.)])[^\S\n])[^\S\n]+\S.*)+",
    re.MULTILINE,
)
_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u00ab": "\u00bb"}

Span = tuple[int, int]


@dataclass(frozen=True)
class Traces:
    """What to look up among the stored memories.

    Attributes:
        hashes: content hashes of stretches that may be memories.
        uuids: ids of objects that may be memories or facts.
    """

    hashes: frozenset[str]
    uuids: frozenset[str]


def traces(text: str) -> Traces:
    """Return hashes and ids of everything in a text that may be a recalled memory."""
    hashes = frozenset(content_hash(text[start:end]) for start, end in _stretches(text))
    return Traces(hashes, frozenset(found[1].lower() for found in _ID.finditer(text)))


def without_recalled(text: str, known_hashes: Set[str], known_uuids: Set[str]) -> str:
    """Return a text in which ``[recalled]`` replaces each stretch that is a stored memory.

    Args:
        text: a message.
        known_hashes: content hashes of memories that were stored before it.
        known_uuids: ids of memories and facts that were stored before it, lower case.
    """
    spans = list(_known_objects(text, known_uuids))
    if known_hashes:
        spans.extend(span for span in _stretches(text) if content_hash(text[span[0] : span[1]]) in known_hashes)
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= done:
            parts += (text[done:start], MASK)
            done = end
    return "".join((*parts, text[done:]))


def _stretches(text: str) -> Iterator[Span]:
    """Yield paragraphs, runs of them, list items and lines, with and without their marks; never the whole text."""
    whole = (len(text) - len(text.lstrip()), len(text.rstrip()))
    paragraphs = [_stripped(text, found.span()) for found in _PARAGRAPH.finditer(text)]
    seen: set[Span] = set()
    for count in range(1, MAX_PARAGRAPHS + 1):
        for first, last in zip(paragraphs, paragraphs[count - 1 :], strict=False):
            seen.update(_variants(text, (first[0], last[1])))
    for pattern in (_ITEM, _LINE):
        for found in pattern.finditer(text):
            seen.update(_variants(text, _stripped(text, found.span())))
    bare = set(_variants(text, whole))
    yield from sorted(span for span in seen - bare if span[1] - span[0] >= MIN_CHARS)


def _variants(text: str, span: Span) -> Iterator[Span]:
    """Yield a stretch as it is, then without a list mark or quotation sign, then without the quotes around it."""
    yield span
    start, end = span
    if mark := _MARK.match(text, start, end):
        start = mark.end()
        yield start, end
    if end - start >= MIN_CHARS and _QUOTES.get(text[start]) == text[end - 1]:
        yield start + 1, end - 1


def _stripped(text: str, span: Span) -> Span:
    start, end = span
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


def _known_objects(text: str, known_uuids: Set[str]) -> Iterator[Span]:
    """Yield the places of JSON objects that have the id and the text of a stored memory or fact."""
    decoder = json.JSONDecoder()
    for found in _ID.finditer(text):
        if found[1].lower() not in known_uuids:
            continue
        opening = found.start()
        for _ in range(_MAX_OPENINGS):
            opening = text.rfind("{", 0, opening)
            if opening < 0:
                break
            try:
                value, end = decoder.raw_decode(text, opening)
            except (ValueError, RecursionError):
                continue
            if is_object(value) and _is_answer(value, found[1]):
                yield opening, end
                break


def _is_answer(value: dict[str, object], uuid: str) -> bool:
    return value.get("id") == uuid and ("memory" in value or "fact" in value)
