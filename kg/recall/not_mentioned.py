"""Names and technical words of a question that nothing stored holds.

A word is looked up by its terms in the index, within the scope that is searched. Words of facts count too: aliases of
the whole partition where the search is not narrowed, and what the hits show.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

from kg.language.technical import rare_words, technical_words
from kg.language.words import stem_terms
from kg.values import JsonObject

MOST_LOOKED_UP = 8
_TERMS_EACH = 4
_SAME_BEGINNING = 6
"""Words whose first letters are the same, at least this many, count as one word: Postgres and PostgreSQL."""


def words_to_look_up(question: str, pieces: Sequence[str]) -> dict[str, list[str]]:
    """Return the names and technical words of a question, each with its terms: the whole one first, then its parts.

    Args:
        question: as it was asked.
        pieces: for each word piece of the question the word that it is part of.
    """
    named = technical_words(question)
    known = {word.casefold() for word in named}
    words = [*named, *(word for word in rare_words(pieces) if word not in known)]
    terms = {word: stem_terms(word)[:_TERMS_EACH] for word in words}
    return dict([(word, its) for word, its in terms.items() if its][:MOST_LOOKED_UP])


def missing_words(
    looked_up: dict[str, list[str]], held: frozenset[str], known: Collection[str], surfaces: Iterable[str]
) -> list[str]:
    """Return the words that are mentioned nowhere.

    Args:
        looked_up: what ``words_to_look_up`` returned.
        held: terms that some memory within the scope has.
        known: terms of memories, among which another form of a word may be.
        surfaces: names that are known, as the question writes them.
    """
    names = " ".join(surfaces).casefold().split()
    return [
        word
        for word, terms in looked_up.items()
        if terms[0] not in held
        and not (len(terms) > 1 and held.issuperset(terms[1:]))
        and word.casefold() not in names
        and not _resembles(terms[0], known)
    ]


def asks_for_names_alone(stems: Collection[str], surfaces: Sequence[str]) -> bool:
    """Whether a question asks for nothing but names that are known: "what about Will", "Redis?".

    Args:
        stems: terms of the question.
        surfaces: the known names in it, as it writes them.
    """
    names = [surface for surface in surfaces if not surface.islower()]
    return bool(names) and {term for name in names for term in stem_terms(name)}.issuperset(stems)


def unshown(words: Sequence[str], results: Sequence[JsonObject]) -> list[str]:
    """Return the words that the hits, their facts among them, do not show either."""
    if not words:
        return []
    shown = json.dumps(results, ensure_ascii=False).casefold()
    return [word for word in words if word.casefold() not in shown]


def _resembles(term: str, known: Collection[str]) -> bool:
    beginning = term[:_SAME_BEGINNING]
    return len(beginning) == _SAME_BEGINNING and any(other.startswith(beginning) for other in known)
