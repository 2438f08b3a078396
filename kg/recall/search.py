"""Finding: rank on the index, answer from the graph.

Invariant: nothing is answered from the side-index. A hit is only a reason to read the graph, which checks scope and
time again. A leg that fails shares its weight out and is named in the answer.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from kg.errors import KgError, StoreUnavailable
from kg.facts.contentions import OPPOSITES_OF
from kg.facts.held_at import Instants, Standing, standings
from kg.graph.store import GraphStore
from kg.language.sentences import best_passage
from kg.language.words import is_non_latin
from kg.ports import Embedder, QuestionVectors, VectorIndex
from kg.recall import queries
from kg.recall.answer import AnswerBuilder
from kg.recall.candidates import in_time, make_candidates, within
from kg.recall.contradictions import SHOWN as CONTRADICTING_SHOWN
from kg.recall.dates.find import find_dates
from kg.recall.filters import parse_filters
from kg.recall.index_legs import FILTERED_TOP_K, IndexLegs
from kg.recall.late_interaction import token_query
from kg.recall.not_mentioned import asks_for_names_alone, missing_words, words_to_look_up
from kg.recall.nothing_fits import NOTE, Bearings
from kg.recall.now_words import asks_for_present
from kg.recall.queries import Hit, WaitingMemory
from kg.recall.question import MAX_QUESTION_CHARS, WAITING_MOST, Question, QuestionReader
from kg.recall.ranking import (
    FIRST_STAGE,
    FIRST_STAGE_ONE_MODEL,
    UNREAD_SCRIPT,
    WITH_TOKENS,
    WITH_TOKENS_ONE_MODEL,
    Ranked,
    Ranking,
    Weights,
)
from kg.recall.render import PASSAGE_CHARS
from kg.recall.request import Found, Leg, Search
from kg.recall.rerank import RERANKED, Reranking
from kg.recall.search_state import Asked
from kg.recall.succession import in_succession, successors
from kg.recall.word_leg import WordLeg
from kg.values import JsonObject, Scope

log = logging.getLogger(__name__)

_REHEARSAL = "what was decided, and why?"
COMPARED = 100
"""Candidates that are compared with the question piece by piece."""
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
        self._questions = QuestionReader(store, embedder)
        self._legs = IndexLegs(index)
        self._words = WordLeg(store)
        self.bearings = bearings or Bearings(embedder)

    async def rehearse(self, user_id: str) -> None:
        """Search a partition before anyone does: its words are counted, and the index has read what searches read."""
        search = Search(Scope(user_id), Instants(datetime.now(UTC)), parse_filters(None))
        await self.search(search, await self.read(user_id, _REHEARSAL))

    async def read(self, user_id: str, query: str) -> Question:
        """Read a question to a partition, which may then be searched for within several scopes.

        Raises:
            StoreUnavailable: the graph does not answer.
        """
        return await self._questions.read(user_id, query)

    async def search(self, search: Search, question: Question) -> JsonObject:
        """Answer a question; see the tool for the fields of the answer.

        Raises:
            StoreUnavailable: the graph does not answer. A missing index only degrades the answer.
        """
        asked = Asked(search, question)
        found = asked.found
        if isinstance(question.vectors, KgError):
            _without_meaning(found, question.vectors)
        else:
            await self._look(asked, question.vectors)
            await self._take_bearing(asked, question.vectors)
        if found.failed or await self._is_behind(search.scope.user_id, question.waiting):
            await self._look_by_words(asked)
        if question.cut:
            found.notes.append(f"only the first {MAX_QUESTION_CHARS} characters of the question were used")
        ranked = await self._rank(asked)
        if search.rerank:
            ranked = await self._reranked(asked, ranked)
        if found.cut(FILTERED_TOP_K if search.filters else None):
            found.notes.append(
                f"only the nearest {FILTERED_TOP_K} of each kind were filtered; narrow the question or use get_memories"
            )
        return await self._assemble(asked, ranked)

    async def _look(self, asked: Asked, vectors: QuestionVectors) -> None:
        asked.looked_up = words_to_look_up(asked.question.text, vectors.words)
        named = list(dict.fromkeys(term for terms in asked.looked_up.values() for term in terms))
        try:
            self._check_index()
            await self._legs.look(asked.search, vectors, asked.question.terms, asked.found, named)
        except KgError as error:
            _without_meaning(asked.found, error)

    async def _take_bearing(self, asked: Asked, vectors: QuestionVectors) -> None:
        """Find out which technical words are mentioned nowhere, and whether anything that is stored fits at all."""
        found, search, question = asked.found, asked.search, asked.question
        if found.failed or not found.dense.get("text"):
            return
        whole = not search.scope.narrowed  # names and counts are those of the whole partition
        surfaces = [entity.surface for entity in question.linked if whole]
        known: Collection[str] = question.frequencies.counts if whole else ()
        found.missing = missing_words(asked.looked_up, found.held, known, surfaces)
        missing = len(found.missing)
        bearing = await self.bearings.measure(
            vectors,
            found,
            missing=missing,
            mentioned=len(asked.looked_up) - missing,
            terms=len(question.terms.weights),
            memories=question.frequencies.documents,
        )
        named = asks_for_names_alone(question.stems, surfaces)
        found.nothing_fits = not self._cannot_read(question) and not named and self.bearings.nothing_fits(bearing)
        if found.nothing_fits:
            found.notes.append(NOTE)

    def _cannot_read(self, question: Question) -> bool:
        """Tell whether a question is in a script that the embedder does not know."""
        return self._embedder.english_only and is_non_latin(question.text)

    async def _is_behind(self, user_id: str, waiting: Sequence[WaitingMemory]) -> bool:
        """Tell whether the index lacks memories that wait for it, or has them as they were before."""
        if not waiting or len(waiting) == WAITING_MOST:
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
        by_words = await self._words.look(asked.search, asked.question.text, asked.question.terms)
        found.cards = by_words.cards | found.cards
        found.coverage |= by_words.coverage

    async def _rank(self, asked: Asked) -> list[Ranked]:
        search, question, found = asked.search, asked.question, asked.found
        noise = search.noise
        cards = [card for card in found.cards.values() if within(card, search.scope, noise=noise)]
        timely = [card for card in cards if in_time(card, search.instants)]
        asked.hidden = len(cards) - len(timely)
        dates = find_dates(question.text, search.instants.t)
        candidates = make_candidates(
            timely, found.facts, found.coverage, people=question.people, project=search.project, dates=dates
        )
        unread = self._cannot_read(question)
        if unread and not found.failed:
            found.notes.append("the embedder reads English only; words decided more than meaning")
        ranking = Ranking(candidates, found.dense, asks_for_present=asks_for_present(question.text))
        two = self._embedder.two_models
        weights = UNREAD_SCRIPT if unread else FIRST_STAGE if two else FIRST_STAGE_ONE_MODEL

        tokens = (
            None
            if unread or asked.vectors is None or found.failed
            else token_query(asked.vectors, question.frequencies)
        )
        if tokens is not None and asked.vectors is not None and candidates:
            best = ranking.best(COMPARED, weights=self.adjusted(weights), failed=tuple(found.failed))
            try:
                unlike = [uuid for uuid in best if uuid not in found.dense.get("text", {})]
                compared = await self._legs.compare(search, asked.vectors, tokens, best, unlike)
            except StoreUnavailable as error:
                found.failed["tokens"] = f"not compared word by word: {error}"
            else:
                found.tokens, found.similarities = compared.tokens, compared.similarities
                weights = WITH_TOKENS if two else WITH_TOKENS_ONE_MODEL
        spare = max(_SPARE, RERANKED) if search.rerank else _SPARE
        everything = bool(search.filters) or search.threshold is not None
        return ranking.ranked(
            found.tokens,
            weights=self.adjusted(weights),
            failed=tuple(found.failed),
            top_k=None if everything else search.limit + spare,
            explained=search.explain,
        )

    async def _reranked(self, asked: Asked, ranked: list[Ranked]) -> list[Ranked]:
        """Return the hits in a model's order; what keeps them from it is a note."""
        search, question, found = asked.search, asked.question, asked.found
        if self._reranking is None:
            found.notes.append("not reranked: no model is set for it; see KNOWTHREAD_LLM and KNOWTHREAD_RERANK_MODELS")
            return ranked
        uuids = [hit.uuid for hit in ranked[:RERANKED]]
        rows = await self._hydrated(search, uuids, history=False)
        wanted = frozenset(question.stems)
        texts: dict[str, str] = {}
        for memory in (row["memory"] for row in rows):
            passage, _ = best_passage(memory["text"], wanted, PASSAGE_CHARS)
            texts[memory["uuid"]] = f"{memory['occurred_at']:%Y-%m-%d}: {passage}"
        reordered, why = await self._reranking.reorder(search.scope.user_id, question.text, ranked, texts)
        if why is not None:
            found.notes.append(why)
        return reordered

    async def _assemble(self, asked: Asked, ranked: Sequence[Ranked]) -> JsonObject:
        search, found = asked.search, asked.found
        builder = AnswerBuilder(
            search, found, frozenset(asked.question.stems), sentences_compare=not self._embedder.two_models
        )
        builder.hidden = asked.hidden
        page = search.limit if not search.filters and search.threshold is None else max(search.limit, 50)
        shown: set[str] = set()
        for start in range(0, len(ranked), page):
            chunk = [hit for hit in ranked[start : start + page] if hit.score > 0 or hit.found]
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
            opposites=OPPOSITES_OF,
            now=None if search.instants.past else search.instants.now,
            contradicting=CONTRADICTING_SHOWN,
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
