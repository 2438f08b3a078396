"""The legs of a search that the index answers: texts, best sentences, facts and words, then word piece by word piece.

Each look is one batch. The first finds candidates; their cards, and those of the messages next to them, are read after
it. The second compares the best hundred piece by piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kg.language.bm25 import term_id
from kg.ports import IndexHit, IndexQuery, QuestionVectors, Vector, VectorIndex
from kg.recall.coverage import Terms
from kg.recall.prefilter import Narrowing, narrow
from kg.recall.request import Found, Search

LEG_TOP_K = 100
FILTERED_TOP_K = 500
COVERED_TOP_K = 500
"""Memories whose words are looked at; those beyond cover so little that it does not show in their score."""


class IndexLegs:
    """Searches the index."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    async def look(
        self, search: Search, vectors: QuestionVectors, terms: Terms, found: Found, named: Sequence[str] = ()
    ) -> None:
        """Find candidates, and which of some terms any memory within the scope has (``found.held``).

        Raises:
            StoreUnavailable: the index does not answer.
        """
        narrowing = narrow(search.filters)
        legs = _queries(search, narrowing, vectors, terms)
        answers = await self._index.search([*legs, *_lookups(search, narrowing, named)])
        found.held = frozenset(term for term, hits in zip(named, answers[len(legs) :], strict=True) if hits)
        text, sentence, fact, *words = answers[: len(legs)]
        found.dense = {"text": _scores(text), "sentence": _scores(sentence), "fact": _scores(fact)}
        found.facts = {hit.uuid: hit.card for hit in fact if hit.card is not None}
        by_words = words[0] if words else []
        found.coverage = terms.coverages(_scores(by_words))
        most = FILTERED_TOP_K if search.filters else LEG_TOP_K
        owners = (card.owner for card in found.facts.values() if card.owner is not None)
        wanted = dict.fromkeys([*(hit.uuid for hit in (*text, *sentence, *by_words[:most])), *owners])
        await self._read_cards(search.scope.user_id, list(wanted), found)

    async def compare(
        self, search: Search, vectors: QuestionVectors, tokens: Vector, uuids: Sequence[str], unlike: Sequence[str]
    ) -> Found:
        """Compare some memories with the question piece by piece; the answer has ``tokens`` and ``similarities``.

        Args:
            search: what is searched.
            vectors: the question.
            tokens: its word pieces, weighed.
            uuids: the memories.
            unlike: those whose similarity is not known, as the leg of texts did not find them.

        Raises:
            StoreUnavailable: the index does not answer.
        """
        user_id = search.scope.user_id
        queries = [IndexQuery(tokens, "memory", user_id, len(uuids), using="tokens", among=uuids)]
        if unlike:
            queries.append(IndexQuery(vectors.text, "memory", user_id, len(unlike), using="text", among=unlike))
        by_piece, *by_text = await self._index.search(queries)
        return Found(tokens=_scores(by_piece), similarities=_scores(by_text[0]) if by_text else {})

    async def _read_cards(self, user_id: str, uuids: Sequence[str], found: Found) -> None:
        """Read the cards of some memories, and of the messages next to them."""
        found.cards = {card.uuid: card for card in await self._index.cards(user_id, uuids, [])}
        messages = [card.uuid for card in found.cards.values() if card.form == "message"]
        before = [uuid for card in found.cards.values() for uuid in card.previous if uuid not in found.cards]
        if messages:
            near = await self._index.cards(user_id, list(dict.fromkeys(before)), messages)
            found.cards |= {card.uuid: card for card in near}


def _narrowed(search: Search, narrowing: Narrowing) -> dict[str, Any]:
    named = {field: value for field, value in search.scope.params().items() if value is not None and field != "user_id"}
    return {**narrowing.keywords, **named, "metadata": narrowing.metadata, "noise": search.noise}


def _lookups(search: Search, narrowing: Narrowing, named: Sequence[str]) -> list[IndexQuery]:
    user_id, narrowed = search.scope.user_id, _narrowed(search, narrowing)
    return [IndexQuery({term_id(term): 1.0}, "memory", user_id, 1, using="words", **narrowed) for term in named]


def _queries(search: Search, narrowing: Narrowing, vectors: QuestionVectors, terms: Terms) -> list[IndexQuery]:
    user_id, instants = search.scope.user_id, search.instants
    narrowed = _narrowed(search, narrowing)
    told: dict[str, Any] = {
        **narrowed,
        "ranges": narrowing.ranges,
        "valid_at": instants.as_of,
        "known_at": instants.known_at,
    }
    top_k = FILTERED_TOP_K if search.filters else LEG_TOP_K
    at = instants.t if instants.known_at is None else None
    queries = [
        IndexQuery(vectors.text, "memory", user_id, top_k, using="text", **told),
        IndexQuery(vectors.sentence, "memory", user_id, top_k, using="sentences", **told),
        IndexQuery(vectors.text, "fact", user_id, top_k, using="text", with_cards=True, **narrowed, valid_at=at),
    ]
    if terms.weights:
        queries.append(IndexQuery(terms.weights, "memory", user_id, COVERED_TOP_K, using="words", **told))
    return queries


def _scores(hits: Sequence[IndexHit]) -> dict[str, float]:
    return {uuid: score for uuid, score, _ in hits}
