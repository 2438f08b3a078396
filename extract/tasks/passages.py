"""Divide long texts into passages and group short ones, so that each group fits one request to a model. Pure.

Invariant: the passages of a text, joined, are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kg.language.sentences import sentence_spans

PASSAGE_CHARS = 12_000
"""Most characters of text in one request."""

ITEM_CHARS = 200
"""A list item or table row counts as at least this many characters: most are facts of their own, and one answer holds
about sixty facts."""

LEAST_CHARS = 400
"""Shorter passages are not halved: an answer that is still too long for so little text would never end."""

_HEADING = re.compile(r"^(?=#{1,6}\s)", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n+")
_LINE = re.compile(r"\n")
_BLANK = re.compile(r"\s+")
_ITEM = re.compile(r"^[^\S\n]*(?:[-*+\u2022|][^\S\n]|\d{1,3}[.)][^\S\n])[^\n]*\n?", re.MULTILINE)
_FENCE = re.compile(r"^[^\S\n]*(?:```|~~~)", re.MULTILINE)


@dataclass(frozen=True)
class Passage:
    """A turn, or a part of one.

    Attributes:
        turn: position of its turn.
    """

    turn: int
    text: str


def split_text(text: str, max_chars: int = PASSAGE_CHARS, first_chars: int | None = None) -> list[str]:
    """Return a text in passages that weigh at most ``max_chars`` (see ``weight``).

    A passage ends in its second half: before a heading if there is one, else after an empty line, else after a line, a
    sentence or a word. Code blocks are cut at lines only. A run without any border is cut anywhere. If ``first_chars``
    is given, it is the limit of the first passage.
    """
    passages: list[str] = []
    start = 0
    room = max_chars if first_chars is None else first_chars
    while weight(text[start:]) > room and (reach := _reach(text, start, room)) < len(text) - start:
        end = _border(text, start, start + reach)
        passages.append(text[start:end])
        start = end
        room = max_chars
    return [*passages, text[start:]]


def weight(text: str) -> int:
    """Return how much of a request a text takes up: its characters, and more for lists."""
    return len(text) + sum(extra for _, extra in _items(text))


def halved(group: Sequence[Passage]) -> list[list[Passage]]:
    """Return a group of passages as two of about half its size, or an empty list if it is too small to divide."""
    if len(group) > 1:
        whole = sum(len(passage.text) for passage in group)
        before = [sum(len(passage.text) for passage in group[:cut]) for cut in range(1, len(group))]
        cut = min(range(len(before)), key=lambda n: abs(2 * before[n] - whole)) + 1
        return [list(group[:cut]), list(group[cut:])]
    (passage,) = group
    if len(passage.text) < LEAST_CHARS:
        return []
    cut = _border(passage.text, 0, len(passage.text) * 5 // 8)
    return [[Passage(passage.turn, part)] for part in (passage.text[:cut], passage.text[cut:])]


def group_passages(texts: Sequence[str], max_chars: int = PASSAGE_CHARS) -> list[list[Passage]]:
    """Return the passages of several turns, in order, in as few groups as fit, each of at most ``max_chars``.

    A text that fits into one group is never divided.
    """
    groups: list[list[Passage]] = []
    size = 0
    for turn, text in enumerate(texts):
        room = max_chars - size
        shares = weight(text) > max_chars and room >= max_chars // 2
        for part in split_text(text, max_chars, room if shares else None):
            if not groups or size + weight(part) > max_chars:
                groups.append([])
                size = 0
            groups[-1].append(Passage(turn, part))
            size += weight(part)
    return groups


def _items(text: str) -> list[tuple[int, int]]:
    """Return where short list items end, and how much each weighs beyond its characters."""
    found = ((item.end(), ITEM_CHARS - len(item.group())) for item in _ITEM.finditer(text))
    return [(end, extra) for end, extra in found if extra > 0]


def _reach(text: str, start: int, room: int) -> int:
    """Return how many characters from ``start`` on weigh at most ``room``, but at least one item."""
    reached, spent = 0, 0
    for end, extra in _items(text[start : start + room]):
        if end + spent + extra > room:
            return reached or min(end, room)
        reached, spent = end, spent + extra
    return min(room - spent, len(text) - start)


def _border(text: str, start: int, limit: int) -> int:
    """Return where to cut ``text[start:limit]``: at the last border of the best kind in its second half."""
    middle = start + (limit - start) // 2
    code = _fenced(text, limit)
    for borders in _borders(text, start, middle, limit):
        fitting = [end for end, whole in borders if middle < end <= limit and (whole or not _inside(end, code))]
        if fitting:
            return fitting[-1]
    return limit


def _borders(text: str, start: int, middle: int, limit: int) -> Iterator[list[tuple[int, bool]]]:
    """Yield the borders of each kind, the best kind first; each says whether it may also divide a code block."""
    window = limit + 1  # a heading may begin right after the limit
    yield [(found.start(), False) for found in _HEADING.finditer(text, middle, window)]
    yield [(found.end(), False) for found in _PARAGRAPH.finditer(text, middle, limit)]
    yield [(found.end(), True) for found in _LINE.finditer(text, middle, limit)]
    yield [(start + end, False) for _, end in sentence_spans(text[start:limit])[:-1]]
    yield [(found.end(), True) for found in _BLANK.finditer(text, middle, limit)]


def _fenced(text: str, limit: int) -> list[tuple[int, int]]:
    """Return the spans of code blocks that begin before ``limit``; a block without an end goes on to the end."""
    fences = [found.start() for found in _FENCE.finditer(text)]
    pairs = zip(fences[::2], [*fences[1::2], len(text)], strict=False)
    return [(begin, end) for begin, end in pairs if begin < limit]


def _inside(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(begin < place <= end for begin, end in spans)
