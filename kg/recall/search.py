"""Finding: link, look in three legs at once, check everything against the graph, score all alike, fit the budget.

Invariant: nothing is answered from the side-index. A hit is only a reason to read the graph, which checks scope and
time again. A leg that fails shares its weight out and is named in the answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kg.errors import KgError, StoreUnavailable
from kg.facts.instants import Standing, standings
from kg.graph import queries as graph_queries
from kg.graph.store import GraphStore
from kg.language.lucene import cjk_query, lucene_query, user_key
from kg.language.names import alias_key, is_user, mentioned_keys
from kg.language.sentences import best_passage
from kg.language.words import is_non_latin, stem_terms
from kg.ports import Embedder, IndexHit, IndexQuery, Vector, VectorIndex
from kg.recall import queries
from kg.recall.answer import AnswerBuilder
from kg.recall.candidates import Card, CardStore
from kg.recall.queries import Hit
from kg.recall.query import DenseLeg, Found, Search
from kg.recall.ranking import UNREAD_SCRIPT, Candidate, Ranked, Weights, rank
from kg.recall.render import PASSAGE_CHARS
from kg.recall.rerank import RERANKED, Reranking
from kg.recall.term_counts import Corpus
from kg.values import JsonObject, Scope

log = logging.getLogger(__name__)

LEG_TOP_K = 100
FILTERED_TOP_K = 500
MAX_QUESTION_CHARS = 8192
_SPARE = 10
"""Candidates ranked beyond the limit, for those that vanish or read differently at the instant asked about."""


@dataclass(frozen=True)
class LinkedEntity:
    """An entity that a question names."""

    uuid: str
    name: str
    kind: str
    surface: str
    aliases: frozenset[str]


class Recall:
    """The read side of search_memories.

    Attributes:
        adjusted: applied to the weights of each search; a measurement switches parts off by it.
    """

    def __init__(
        self, store: GraphStore, index: VectorIndex, embedder: Embedder, reranking: Reranking | None = None
    ) -> None:
        self.adjusted: Callable[[Weights], Weights] = lambda weights: weights
        self._store = store
        self._index = index
        self._reranking = reranking
        self._embedder = embedder
        self._corpus = Corpus(store)
        self._cards = CardStore(store)

    async def warm(self, user_id: str) -> None:
        """Count the words of a partition ahead of its first search, and have planned what only a hit needs."""
        await self._corpus.frequencies(user_id)
        nowhere = str(UUID(int=0))
        await self._cards.read(user_id, None, [nowhere], [nowhere])
        params = Scope(user_id).params()
        await self._store.read(queries.hydrate_memories, **params, uuids=[nowhere], known_at=None, history=False)

    async def link(self, user_id: str, question: str) -> list[LinkedEntity]:
        """Return the entities that a question names, the longest names first."""
        surfaces = mentioned_keys(question)
        rows = await self._store.read(graph_queries.find_entities, user_id=user_id, keys=sorted(surfaces), uuids=[])
        linked: dict[str, LinkedEntity] = {}
        for key, row in sorted(((row["key"] or "", row) for row in rows), key=lambda found: -len(found[0])):
            linked.setdefault(
                row["uuid"],
                LinkedEntity(row["uuid"], row["name"], row["kind"], surfaces[key], frozenset(row["aliases"])),
            )
        return list(linked.values())

    async def search(self, search: Search) -> tuple[JsonObject, list[LinkedEntity]]:
        """Answer a question; see the tool for the fields of the answer.

        Raises:
            StoreUnavailable: the graph does not answer. A missing index only degrades the answer.
        """
        question = search.query[:MAX_QUESTION_CHARS]
        found, linked, frequencies = await self._look(search, question)
        if len(search.query) > MAX_QUESTION_CHARS:
            found.notes.append(f"only the first {MAX_QUESTION_CHARS} characters of the question were used")
        candidates = await self._candidates(search, found)
        in_time = [(card, facts) for card, facts in candidates if card.in_time(search.instants)]
        terms = await self._corpus.terms(search.scope.user_id, {card.uuid: card.content_hash for card, _ in in_time})
        weights = UNREAD_SCRIPT if self._embedder.english_only and is_non_latin(question) else Weights()
        if weights is UNREAD_SCRIPT and not found.failed:
            found.notes.append("the embedder reads English only; words decided more than meaning")
        people = {key for entity in linked if entity.kind == "Person" for key in entity.aliases if not is_user(key)}
        stems = stem_terms(question)
        spare = max(_SPARE, RERANKED) if search.rerank else _SPARE
        ranked = rank(
            stems,
            [_candidate(card, facts, terms[card.uuid], people, search.project) for card, facts in in_time],
            found.dense,
            frequencies,
            weights=self.adjusted(weights),
            failed=tuple(found.failed),
            top_k=None if search.filters or search.threshold is not None else search.limit + spare,
        )
        if search.rerank:
            ranked = await self._reranked(search, found, ranked, stems)
        if found.cut(FILTERED_TOP_K if search.filters else None):
            found.notes.append(
                f"only the nearest {FILTERED_TOP_K} of each kind were filtered; narrow the question or use get_memories"
            )
        answer = await self._assemble(search, found, ranked, stems, hidden=len(candidates) - len(in_time))
        return answer, linked

    async def _look(self, search: Search, question: str) -> tuple[Found, list[LinkedEntity], Any]:
        """Run the legs; only the graph itself may fail the search."""
        found = Found()
        user_id = search.scope.user_id
        linked_task = asyncio.create_task(self.link(user_id, question))
        vector_task = asyncio.create_task(self._embedder.embed_query(question))
        lexical_task = asyncio.create_task(self._lexical_leg(search, question))
        frequencies_task = asyncio.create_task(self._corpus.frequencies(user_id))
        try:
            linked = await linked_task
            nameless = _without_people(question, linked)
            vector = vector_task if nameless == question else self._embedder.embed_query(nameless)
            await self._dense_legs(search, vector, found)
            try:
                found.lexical, found.seq = await lexical_task
            except StoreUnavailable as error:  # were it the graph itself, reading the candidates would fail too
                log.warning("search without full-text: %s", error)
                found.failed["lexical"] = f"no words, only meaning: {error}"
            return found, linked, await frequencies_task
        finally:
            tasks = (linked_task, vector_task, lexical_task, frequencies_task)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _lexical_leg(self, search: Search, question: str) -> tuple[list[str], int | None]:
        """Return what the words found, best first, and the partition's number; None where nothing was asked."""
        key = user_key(search.scope.user_id)
        instants = search.instants
        narrowed = bool(search.filters) or search.scope != Scope(search.scope.user_id) or instants.past
        top_k = FILTERED_TOP_K if search.filters else LEG_TOP_K
        asked = [
            (index, words)
            for index, words in (
                ("memory_fulltext", lucene_query(question, key)),
                ("memory_fulltext_cjk", cjk_query(question, key)),
            )
            if words is not None
        ]
        uuids: dict[str, None] = {}
        seq: int | None = None
        for index, words in asked:
            hits = await self._store.read_one(
                queries.fulltext_memories,
                index=index,
                words=words,
                fetch=max(top_k, 1000) if narrowed else top_k,
                **search.scope.params(),
                noise=search.noise,
                as_of=instants.as_of,
                known_at=instants.known_at,
                top_k=top_k,
            )
            uuids.update(dict.fromkeys(hits["uuids"]))
            seq = hits["seq"]
        return list(uuids), seq

    async def _dense_legs(self, search: Search, vector: Awaitable[Vector], found: Found) -> None:
        try:
            found.vector = await vector
            hits = await self._index.search(self._index_queries(search, found.vector))
        except KgError as error:
            log.warning("search without the vector index: %s", error)
            found.failed.update(dict.fromkeys(("text", "sentence", "fact"), f"no meaning, only words: {error}"))
            return
        legs: tuple[DenseLeg, ...] = ("text", "sentence", "fact")
        found.dense = {leg: _similarities(leg_hits) for leg, leg_hits in zip(legs, hits, strict=True)}

    def _index_queries(self, search: Search, vector: Vector) -> list[IndexQuery]:
        scope, user_id, instants = search.scope, search.scope.user_id, search.instants
        narrowed: dict[str, Any] = {"agent_id": scope.agent_id, "run_id": scope.run_id, "project": scope.project}
        told: dict[str, Any] = {**narrowed, "valid_at": instants.as_of, "known_at": instants.known_at}
        top_k = FILTERED_TOP_K if search.filters else LEG_TOP_K
        terms = search.filters.index_terms()
        at = instants.t if instants.known_at is None else None
        return [
            IndexQuery("text", vector, "memory", user_id, top_k, **told, metadata=terms),
            IndexQuery("sentences", vector, "memory", user_id, top_k, **told, metadata=terms),
            IndexQuery("text", vector, "fact", user_id, top_k, **narrowed, valid_at=at, metadata=terms),
        ]

    async def _candidates(self, search: Search, found: Found) -> list[tuple[Card, list[str]]]:
        """Return what the legs found within the scope, and the messages round it, each with the facts that found it."""
        dense = found.dense
        memories = list(dict.fromkeys([*found.lexical, *dense.get("text", {}), *dense.get("sentence", {})]))
        facts = list(dense.get("fact", {}))
        cards = await self._cards.read(search.scope.user_id, found.seq, memories, facts)
        return cards.candidates(memories, facts, search.scope, noise=search.noise)

    async def _reranked(self, search: Search, found: Found, ranked: list[Ranked], stems: Sequence[str]) -> list[Ranked]:
        """Return the hits in a model's order; what keeps them from it is a note."""
        if self._reranking is None:
            found.notes.append("not reranked: no model is set for it; see KNOWTHREAD_LLM and KNOWTHREAD_RERANK_MODELS")
            return ranked
        uuids = [hit.uuid for hit in ranked[:RERANKED]]
        rows = await self._hydrated(search, uuids, history=False)
        wanted = frozenset(stems)
        texts: dict[str, str] = {}
        for memory in (row["memory"] for row in rows):
            passage, _ = best_passage(memory["text"], wanted, PASSAGE_CHARS)
            texts[memory["uuid"]] = f"{memory['occurred_at']:%Y-%m-%d}: {passage}"
        reordered, why = await self._reranking.reorder(
            search.scope.user_id, search.query[:MAX_QUESTION_CHARS], ranked, texts
        )
        if why is not None:
            found.notes.append(why)
        return reordered

    async def _assemble(
        self, search: Search, found: Found, ranked: Sequence[Ranked], stems: Sequence[str], *, hidden: int
    ) -> JsonObject:
        builder = AnswerBuilder(search, found, frozenset(stems))
        builder.hidden = hidden
        page = search.limit if not search.filters and search.threshold is None else max(search.limit, 50)
        for start in range(0, len(ranked), page):
            chunk = [hit for hit in ranked[start : start + page] if hit.score > 0 or hit.ranks]
            if not chunk or builder.full:
                break
            uuids = [hit.uuid for hit in chunk]
            memories = await self._hydrated(search, uuids, history=search.instants.known_at is not None)
            by_uuid = {row["memory"]["uuid"]: row for row in memories}
            past = await self._standings(search, memories)
            similarities = await self._missing_similarities(found, uuids)
            for hit in chunk:
                row = by_uuid.get(hit.uuid)
                if row is not None and not builder.full:
                    builder.add(hit, row, past, similarities.get(hit.uuid))
        return builder.render()

    async def _hydrated(self, search: Search, uuids: Sequence[str], *, history: bool) -> list[Hit]:
        hits = await self._store.read_one(
            queries.hydrate_memories,
            **search.scope.params(),
            uuids=list(uuids),
            known_at=search.instants.known_at,
            history=history,
        )
        return hits["memories"]

    async def _standings(self, search: Search, rows: Sequence[Hit]) -> dict[str, Standing]:
        if not search.instants.past:
            return {}
        uuids = [fact["uuid"] for row in rows for fact in row["facts"]]
        return await standings(self._store, search.scope.user_id, uuids, search.instants)

    async def _missing_similarities(self, found: Found, uuids: Sequence[str]) -> dict[str, float]:
        """Return the cosine of hits that only words or neighbours brought."""
        if found.vector is None or "text" in found.failed:
            return {}
        known = found.dense.get("text", {}).keys() | found.dense.get("sentence", {}).keys()
        missing = [uuid for uuid in uuids if uuid not in known]
        try:
            return await self._index.similarities("text", found.vector, missing) if missing else {}
        except StoreUnavailable:
            return {}


def _similarities(hits: Sequence[IndexHit]) -> dict[str, float]:
    return {hit.uuid: hit.similarity for hit in hits}


def _without_people(question: str, linked: Sequence[LinkedEntity]) -> str:
    """Take linked people's names out of a question, so that its meaning is not the name; unless nothing is left."""
    rest = question
    for entity in linked:
        if entity.kind == "Person":
            rest = re.sub(rf"(?<!\w){re.escape(entity.surface)}(?:['\u2019]s)?(?!\w)", " ", rest)
    return rest if stem_terms(rest) else question


def _candidate(
    card: Card, facts: Sequence[str], terms: Sequence[str], people: set[str], project: str | None
) -> Candidate:
    return Candidate(
        uuid=card.uuid,
        terms=terms,
        at=card.occurred_us,
        facts=facts,
        neighbours=card.neighbours,
        by_linked_person=bool(card.speaker) and alias_key(card.speaker) in people,
        same_project=project is not None and card.project == project,
    )
