"""What a question says, before anything is searched: its meaning, its words, and the entities that it names.

The graph is asked once, while the embedder reads the question.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kg.errors import KgError
from kg.graph.store import GraphStore
from kg.language.names import is_user, mentioned_keys
from kg.language.words import stem_terms
from kg.ports import Embedder, QuestionVectors
from kg.recall import queries
from kg.recall.coverage import DocumentFrequencies, Terms
from kg.recall.queries import NamedEntity, WaitingMemory
from kg.recall.term_counts import TermCounts

MAX_QUESTION_CHARS = 8192
WAITING_MOST = 32
"""Memories that wait for the index; from this many on it is behind."""


@dataclass(frozen=True)
class LinkedEntity:
    """An entity that a question names."""

    uuid: str
    name: str
    kind: str
    surface: str
    aliases: frozenset[str]


@dataclass(frozen=True)
class Question:
    """A question, read.

    Attributes:
        text: the part of it that is read.
        cut: whether more was asked than is read.
        stems: its words without question words, as texts are compared by them.
        terms: these words, weighed.
        linked: the entities that it names, the longest names first.
        waiting: memories that wait for the index.
        last_at: instant of the partition's last write; None before the first one.
        vectors: its meaning; or what kept the embedder from reading it.
    """

    text: str
    cut: bool
    stems: list[str]
    terms: Terms
    frequencies: DocumentFrequencies
    linked: Sequence[LinkedEntity]
    waiting: Sequence[WaitingMemory]
    last_at: datetime | None
    vectors: QuestionVectors | KgError

    @property
    def people(self) -> set[str]:
        """Alias keys of the persons that it names, the partition's own user left out."""
        people = (entity for entity in self.linked if entity.kind == "Person")
        return {key for person in people if not any(map(is_user, person.aliases)) for key in person.aliases}


class QuestionReader:
    """Reads questions."""

    def __init__(self, store: GraphStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._counts = TermCounts(store)

    async def read(self, user_id: str, query: str) -> Question:
        """Read a question to a partition.

        Raises:
            StoreUnavailable: the graph does not answer. That the embedder does not is told in the question.
        """
        text = query[:MAX_QUESTION_CHARS]
        surfaces = mentioned_keys(text)
        embedding = asyncio.create_task(self._embedder.embed_question(text))
        try:
            context = await self._store.read_one(
                queries.question, user_id=user_id, keys=sorted(surfaces), top_k=WAITING_MOST
            )
            linked = linked_entities(context["named"], surfaces)
            frequencies = await self._counts.frequencies(user_id, context["seq"])
            nameless = without_people(text, linked)
            try:
                vectors = await (embedding if nameless == text else self._embedder.embed_question(nameless))
            except KgError as error:
                vectors = error
        finally:
            embedding.cancel()
            await asyncio.gather(embedding, return_exceptions=True)
        stems = stem_terms(text)
        return Question(
            text=text,
            cut=len(query) > MAX_QUESTION_CHARS,
            stems=stems,
            terms=Terms.of(stems, frequencies),
            frequencies=frequencies,
            linked=linked,
            waiting=context["waiting"],
            last_at=context["last_at"],
            vectors=vectors,
        )


def linked_entities(named: Sequence[NamedEntity], surfaces: Mapping[str, str]) -> list[LinkedEntity]:
    """Return the entities that a question names, the longest names first.

    Args:
        named: what the alias keys of the question stand for.
        surfaces: how the question writes each key.
    """
    linked: dict[str, LinkedEntity] = {}
    for row in sorted(named, key=lambda row: -len(row["key"])):
        linked.setdefault(
            row["uuid"],
            LinkedEntity(row["uuid"], row["name"], row["kind"], surfaces[row["key"]], frozenset(row["aliases"])),
        )
    return list(linked.values())


def without_people(question: str, linked: Sequence[LinkedEntity]) -> str:
    """Take linked people's names out of a question, so that its meaning is not the name; unless nothing is left."""
    rest = question
    for entity in linked:
        if entity.kind == "Person":
            rest = re.sub(rf"(?<!\w){re.escape(entity.surface)}(?:['\u2019]s)?(?!\w)", " ", rest)
    return rest if stem_terms(rest) else question
