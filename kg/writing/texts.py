"""What a write needs to know of its texts, computed before the partition is locked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kg.facts.kinds import plain_key
from kg.language.names import mentioned_keys
from kg.language.words import content_hash, split_terms

_READ_AT_ONCE_CHARS = 4096


@dataclass(frozen=True)
class PreparedText:
    """What a write needs of a text. It is computed before the transaction, as a long text takes a tenth of a second.

    Attributes:
        names: alias keys of what may be a name in the text, each with the words as written.
    """

    text: str
    digest: str
    terms: str
    names: Mapping[str, str]

    @staticmethod
    def of(text: str) -> PreparedText:
        """Prepare one text."""
        names = {plain_key(key, written): written for key, written in mentioned_keys(text).items()}
        return PreparedText(text, content_hash(text), split_terms(text), names)


PrepareTexts: TypeAlias = Callable[[Sequence[str]], Awaitable[list[PreparedText]]]


async def prepare_texts(
    texts: Sequence[str], prepare: Callable[[str], PreparedText] = PreparedText.of
) -> list[PreparedText]:
    """Prepare texts, each by ``prepare``; long ones in a thread, so that other calls are not held up."""
    if sum(map(len, texts)) <= _READ_AT_ONCE_CHARS:
        return list(map(prepare, texts))
    return await asyncio.to_thread(lambda: list(map(prepare, texts)))
