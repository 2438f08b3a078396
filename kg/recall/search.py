"""Finding: rank on the index, answer from the graph.

Invariant: nothing is answered from the side-index. A hit is only a reason to read the graph, which checks scope and
time again. A leg that fails shares its weight out and is named in the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from kg.errors import KgError, StoreUnavailable
from kg.facts.instants import Standing, standings
from kg.graph.store import GraphStore
from kg.language.names import is_user
from kg.language.sentences import best_passage
from kg.language.words import is_non_latin, stem_terms
from kg.ports import Embedder, QuestionVectors, VectorIndex
from kg.recall import queries
from kg.recall.answer import AnswerBuilder
from kg.recall.asked import Asked
from kg.recall.bearing import NOTE, Bearings
from kg.recall.candidates import in_time, make_candidates, within
from kg.recall.coverage import Terms
from kg.recall.dates import find_dates
from kg.recall.index_legs import FILTERED_TOP_K, IndexLegs
from kg.recall.late_interaction import token_query
from kg.recall.linking import LinkedEntity, find_named, without_people
from kg.recall.mentions import missing_words, words_to_look_up
from kg.recall.now_words import asks_for_present
from kg.recall.queries import Hit, WaitingMemory
from kg.recall.query import Found, Leg, Search
from kg.recall.ranking import (
    FIRST_STAGE,
    FIRST_STAGE_ONE_MODEL,
    UNREAD_SCRIPT,
    WITH_TOKENS,
    WITH_TOKENS_ONE_MODEL,
    Ranked,
    Weights,
    rank,
)
from kg.recall.render import PASSAGE_CHARS
from kg.recall.rerank import RERANKED, Reranking
from kg.recall.succession import in_succession, successors
from kg.recall.term_counts import TermCounts
from kg.recall.word_leg import WordLeg
from kg.values import JsonObject, Scope

log = logging.getLogger(__name__)

MAX_QUESTION_CHARS = 8192
COMPARED = 100
"""Candidates that are compared with the question piece by piece."""
_WAITING_MOST = 32
"""Memories that wait for the index; from this many on it is behind."""
_MOST_STEPS = 4
"""How far a chain of replacements is followed from a hit that none of them was found beside."""
_SPARE = 10
"""Candidates ranked beyond the limit, for those that vanish or read differently at the instant asked about."""
_DENSE: tuple[Leg, ...] = ("text", "sentence", "tokens", "fact")


class Recall:
    """The read side of search_memories.

    Attributes:
        adjusted: returns the weights to use in place of others; measurements switch parts off by it.
        bearings: tells whether a question is about anything that is stored.
    """

    adjusted: Callable[[Weights], Weights]
    bearings: Bearings

    def __init__(
        self,
        store: GraphStore,
        index: VectorIndex,
        embedder: Embedder,
        reranking: Reranking | None = None,
        bearings: Bearings | None = None,
        *,
        check_index: Callable[[], None] = lambda: None,
    ) -> None:
        """``check_index`` raises ``StoreUnavailable`` where the index may lack anything."""
        self._check_index = check_index
        self.adjusted = _unchanged
        self._store = store
        self._index = index
        self._reranking = reranking
        self._embedder = embedder
        self._counts = TermCounts(store)
        self._legs = IndexLegs(index)
        self._words = WordLeg(store)
        self.bearings = bearings or Bearings(embedder)

    async def warm(self, user_id: str) -> None:
        """Count the words of a partition ahead of its first search, and have planned what only a hit needs."""
        await self._counts.frequencies(user_id)
        nowhere = str(UUID(int=0))
        await self._store.read_one(queries.memory_cards, user_id=user_id, uuids=[nowhere])
        params = Scope(user_id).params()
        await self._store.read(queries.hydrate_memories, **params, uuids=[nowhere], known_at=None, history=False)

    async def search(self, search: Search) -> tuple[JsonObject, list[LinkedEntity]]:
        """Answer a question; see the tool for the fields of the answer.

        Raises:
            StoreUnavailable: the graph does not answer. A missing index only degrades the answer.
        """
        question = search.query[:MAX_QUESTION_CHARS]
        asked, linked = await self._read_question(search, question)
        found = asked.found
        if asked.vectors is not None:
            await self._look(asked, asked.vectors)
            await self._take_bearing(asked, asked.vectors, linked)
        if found.failed or await self._is_behind(search.scope.user_id, asked.waiting):
            await self._look_by_words(asked)
        if len(search.query) > MAX_QUESTION_CHARS:
            found.notes.append(f"only the first {MAX_QUESTION_CHARS} characters of the question were used")
        ranked = await self._rank(asked)
        if search.rerank:
            ranked = await self._reranked(search, found, ranked, asked.stems)
        if found.cut(FILTERED_TOP_K if search.filters else None):
            found.notes.append(
                f"only the nearest {FILTERED_TOP_K} of each kind were filtered; narrow the question or use get_memories"
            )
        return await self._assemble(asked, ranked), linked

    async def _read_question(self, search: Search, question: str) -> tuple[Asked, list[LinkedEntity]]:
        """Link what a question names, embed it and weigh its words, all at once."""
        user_id = search.scope.user_id
        linked_task = asyncio.create_task(find_named(self._store, user_id, question))
        vectors_task = asyncio.create_task(self._embedder.embed_question(question))
        frequencies_task = asyncio.create_task(self._counts.frequencies(user_id))
        waiting_task = asyncio.create_task(
            self._store.read_one(queries.waiting_memories, user_id=user_id, top_k=_WAITING_MOST)
        )
        tasks = (linked_task, vectors_task, frequencies_task, waiting_task)
        try:
            linked, frequencies = await linked_task, await frequencies_task
            others = [entity for entity in linked if entity.kind == "Person" and not any(map(is_user, entity.aliases))]
            people = {key for entity in others for key in entity.aliases}
            stems = stem_terms(question)
            terms = Terms.of(stems, frequencies)
            waiting = (await waiting_task)["memories"]
            asked = Asked(search, question, stems, terms, frequencies, people, waiting, Found())
            nameless = without_people(question, linked)
            try:
                embedding = vectors_task if nameless == question else self._embedder.embed_question(nameless)
                asked.vectors = await embedding
            except KgError as error:
                _without_meaning(asked.found, error)
            return asked, linked
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, asked: Asked, vectors: QuestionVectors) -> None:
        asked.looked_up = words_to_look_up(asked.question, vectors.words)
        named = list(dict.fromkeys(term for terms in asked.looked_up.values() for term in terms))
        try:
            self._check_index()
            await self._legs.look(asked.search, vectors, asked.terms, asked.found, named)
        except KgError as error:
            _without_meaning(asked.found, error)

    async def _take_bearing(self, asked: Asked, vectors: QuestionVectors, linked: Sequence[LinkedEntity]) -> None:
        """Find out which technical words are mentioned nowhere, and whether anything that is stored fits at all."""
        found, search = asked.found, asked.search
        if found.failed or not found.dense.get("text"):
            return
        whole = not search.scope.narrowed  # names and counts are those of the whole partition
        surfaces = [entity.surface for entity in linked if whole]
        known: Collection[str] = asked.frequencies.counts if whole else ()
        found.missing = missing_words(asked.looked_up, found.held, known, surfaces)
        missing = len(found.missing)
        bearing = await self.bearings.measure(
            vectors,
            found,
            missing=missing,
            mentioned=len(asked.looked_up) - missing,
            terms=len(asked.terms.weights),
            memories=asked.frequencies.documents,
        )
        unread = self._embedder.english_only and is_non_latin(asked.question)
        found.nothing_fits = not unread and self.bearings.nothing_fits(bearing)
        if found.nothing_fits:
            found.notes.append(NOTE)

    async def _is_behind(self, user_id: str, waiting: Sequence[WaitingMemory]) -> bool:
        """Tell whether the index lacks memories that wait for it, or has them as they were before."""
        if not waiting or len(waiting) == _WAITING_MOST:
            return bool(waiting)
        try:
            cards = await self._index.cards(user_id, [memory["uuid"] for memory in waiting], [])
            held = {card.uuid: card.revision for card in cards}
            return any(held.get(memory["uuid"], -1) < memory["index_rev"] for memory in waiting)
        except StoreUnavailable:
            return True

    async def _look_by_words(self, asked: Asked) -> None:
        """Add what the graph's full-text finds to what the index found, if it found anything."""
        found = asked.found
        by_words = await self._words.look(asked.search, asked.question, asked.terms)
        found.cards = by_words.cards | found.cards
        found.coverage |= by_words.coverage

    async def _rank(self, asked: Asked) -> list[Ranked]:
        search, found = asked.search, asked.found
        cards = [card for card in found.cards.values() if within(card, search.scope, noise=search.noise)]
        timely = [card for card in cards if in_time(card, search.instants)]
        asked.hidden = len(cards) - len(timely)
        dates = find_dates(asked.question, search.instants.t)
        candidates = make_candidates(
            timely, found.facts, found.coverage, people=asked.people, project=search.project, dates=dates
        )
        unread = self._embedder.english_only and is_non_latin(asked.question)
        if unread and not found.failed:
            found.notes.append("the embedder reads English only; words decided more than meaning")
        present = asks_for_present(asked.question)
        two = self._embedder.two_models
        weights = UNREAD_SCRIPT if unread else FIRST_STAGE if two else FIRST_STAGE_ONE_MODEL

        def ranked(weights: Weights, top_k: int | None) -> list[Ranked]:
            return rank(
                candidates,
                found.dense,
                found.tokens,
                weights=self.adjusted(weights),
                failed=tuple(found.failed),
                asks_for_present=present,
                top_k=top_k,
            )

        tokens = (
            None if unread or asked.vectors is None or found.failed else token_query(asked.vectors, asked.frequencies)
        )
        if tokens is not None and asked.vectors is not None and candidates:
            best = [hit.uuid for hit in ranked(weights, COMPARED)]
            try:
                compared = await self._legs.compare(search, asked.vectors, tokens, best)
            except StoreUnavailable as error:
                found.failed["tokens"] = f"not compared word by word: {error}"
            else:
                found.tokens, found.similarities = compared.tokens, compared.similarities
                weights = WITH_TOKENS if two else WITH_TOKENS_ONE_MODEL
        spare = max(_SPARE, RERANKED) if search.rerank else _SPARE
        everything = bool(search.filters) or search.threshold is not None
        return ranked(weights, None if everything else search.limit + spare)

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

    async def _assemble(self, asked: Asked, ranked: Sequence[Ranked]) -> JsonObject:
        search, found = asked.search, asked.found
        builder = AnswerBuilder(search, found, frozenset(asked.stems), sentences_compare=not self._embedder.two_models)
        builder.hidden = asked.hidden
        page = search.limit if not search.filters and search.threshold is None else max(search.limit, 50)
        shown: set[str] = set()
        for start in range(0, len(ranked), page):
            chunk = [hit for hit in ranked[start : start + page] if hit.score > 0 or hit.ranks]
            if not chunk or builder.full:
                break
            chunk, rows, past = await self._in_succession(search, chunk)
            await self._complete_similarities(asked, [hit.uuid for hit in chunk])
            for hit in chunk:
                row = rows.get(hit.uuid)
                if row is not None and hit.uuid not in shown and not builder.full:
                    shown.add(hit.uuid)
                    builder.add(hit, row, past)
        return builder.render()

    async def _in_succession(
        self, search: Search, hits: Sequence[Ranked]
    ) -> tuple[list[Ranked], dict[str, Hit], dict[str, Standing]]:
        """Read hits, and put before each that was replaced as a whole what replaced it, found or not."""
        rows: dict[str, Hit] = {}
        past: dict[str, Standing] = {}
        replaced_by: dict[str, list[str]] = {}
        wanted = [hit.uuid for hit in hits]
        for _ in range(_MOST_STEPS):
            read = await self._hydrated(search, wanted, history=search.instants.known_at is not None)
            past |= await self._standings(search, read)
            rows |= {row["memory"]["uuid"]: row for row in read}
            found = {row["memory"]["uuid"]: successors(row, past, search.instants) for row in read}
            replaced_by |= found
            wanted = sorted({uuid for uuids in found.values() for uuid in uuids} - rows.keys())
            if not wanted:
                break
        return in_succession(hits, replaced_by), rows, past

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

    async def _complete_similarities(self, asked: Asked, uuids: Sequence[str]) -> None:
        """Look up the cosine of hits that only words or neighbours brought."""
        found = asked.found
        if asked.vectors is None or "text" in found.failed:
            return
        missing = [uuid for uuid in uuids if uuid not in found.dense.get("text", {}) and uuid not in found.similarities]
        if missing:
            with contextlib.suppress(StoreUnavailable):
                found.similarities |= await self._index.similarities("text", asked.vectors.text, missing)


def _unchanged(weights: Weights) -> Weights:
    return weights


def _without_meaning(found: Found, error: KgError) -> None:
    log.warning("search without the vector index: %s", error)
    found.failed.update(dict.fromkeys(_DENSE, f"no meaning, only words: {error}"))
