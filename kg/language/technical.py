"""Which words of a question are names or technical words, of which can be said whether anything stored holds them.

``why does the GraphQL gateway of Ana drop v2 calls in March?`` -> ``GraphQL``, ``Ana``, ``v2``
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from kg.language.words import STOP_WORDS

_WORD = re.compile(r"[^\W_](?:[\w.+#/@:-]*[\w+#])?|_\w+")
_SHAPED = re.compile(r"[A-Za-z]\d|\d[A-Za-z]|_|[a-z][A-Z]|[A-Z]{2}|\w[./]\w")
"""A digit beside a letter, an underscore, a capital within, two capitals, a dot or slash within."""
_AMOUNT = re.compile(r"[\d.,:/-]+(?:st|nd|rd|th|s|ms|am|pm|x|k|m|min|h|d|gb|mb|kb|px|%)?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:]\s*$|^\s*$|[\"'(\u201c]$")
_CALENDAR = """
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun january february
    march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov
    dec christmas easter utc ok
"""
_NO_NAMES = STOP_WORDS | frozenset(_CALENDAR.split())
_MOST_CHARS = 64
_PIECES_OF_A_RARE_WORD = 3
_RARE_CHARS = 5
_INFLECTED = re.compile(
    r"^(?:un|re|mis|non|pre|over)"
    r"|(?:ed|ing|ise|ize|yse|yze|ion|able|ible|ly|ers?|or|ment|ness|al|ive|ous|s)$"
)
_NAMES_IN_S = re.compile(r"(?:es|is|us|ss)$")


def technical_words(text: str) -> list[str]:
    """Return the words of a text that are written as names, identifiers or abbreviations, each once, as written.

    A capital at the beginning of a sentence says nothing. Words of the calendar and amounts are none.
    """
    found: dict[str, str] = {}
    for match in _WORD.finditer(text):
        word = match.group()
        low = word.casefold()
        if low in _NO_NAMES or _AMOUNT.fullmatch(word) or len(word) > _MOST_CHARS:
            continue
        begins = _SENTENCE_END.search(text[: match.start()]) is not None
        if _SHAPED.search(word) or (word[0].isupper() and not begins):
            found.setdefault(low, word)
    return list(found.values())


def rare_words(pieces: Sequence[str]) -> list[str]:
    """Return the words that a tokenizer knows so little that it cuts them into three pieces or more.

    Most are names in small letters, such as graphql or kubernetes. Inflected words of English are left out.

    Args:
        pieces: for each word piece of a text the word that it is part of.
    """
    return [
        word
        for word, count in Counter(pieces).items()
        if count >= _PIECES_OF_A_RARE_WORD
        and len(word) >= _RARE_CHARS
        and word.isalpha()
        and word.isascii()
        and (_NAMES_IN_S.search(word) or not _INFLECTED.search(word))
    ]
