"""Lucene queries for the full-text indexes, built from words only.

Invariant: no part of a question is read by Lucene as syntax. Every query requires the partition's ``user_key``, a token
that no analyzer changes or splits and that does not occur in any text.
"""

from __future__ import annotations

import hashlib
import re

from kg.language.words import has_cjk, search_words, words

MAX_TERMS = 64
MAX_TERM_CHARS = 255
"""The longest token that Lucene's analyzers keep whole."""

_SPECIAL = re.compile(r'([+\-&|!(){}\[\]^"~*?:\\/<>=])')


def user_key(user_id: str) -> str:
    """Return a user's token in the full-text indexes: ``u``, 32 hex digits, ``0``."""
    return f"u{hashlib.sha256(user_id.encode()).hexdigest()[:32]}0"


def lucene_query(question: str, key: str) -> str | None:
    """Return the query for the index on (text, terms, user_key), analyzer ``english``; None if there are no words.

    Args:
        question: any text.
        key: the partition's ``user_key``; only texts that have it can match, and it does not change the score.
    """
    terms = _terms(question)
    return f"+user_key:{key}^0 +(text:({terms}) terms:({terms}))" if terms else None


def entity_query(question: str, key: str) -> str | None:
    """Return the query for the index on entities' (name, terms, user_key), analyzer ``english``; None without words."""
    terms = _terms(question)
    return f"+user_key:{key}^0 +(name:({terms}) terms:({terms}))" if terms else None


def cjk_query(question: str, key: str) -> str | None:
    """Return the query for the index on (user_key, text), analyzer ``cjk``; None without Han, Kana or Hangul."""
    runs = dict.fromkeys(word for word in words(question) if has_cjk(word)) if has_cjk(question) else {}
    return f"+user_key:{key}^0 +text:({_joined(list(runs))})" if runs else None


def _terms(question: str) -> str:
    return _joined(search_words(question))


def _joined(found: list[str]) -> str:
    return " ".join(_SPECIAL.sub(r"\\\1", word[:MAX_TERM_CHARS]) for word in found[:MAX_TERMS])
