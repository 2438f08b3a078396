"""The leg of a search that the graph answers by itself: full-text, for when the index is down or behind."""

from __future__ import annotations

from kg.graph.store import GraphStore
from kg.language.lucene import cjk_query, lucene_query, user_key
from kg.language.names import find_alias_key
from kg.ports import IndexCard
from kg.recall import queries
from kg.recall.coverage import Terms
from kg.recall.index_legs import FILTERED_TOP_K, LEG_TOP_K
from kg.recall.request import Found, Search
from kg.values import Scope

_FETCHED_IF_NARROWED = 1000


class WordLeg:
    """Searches the graph's full-text index."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def look(self, search: Search, question: str, terms: Terms) -> Found:
        """Return memories whose words match, and the messages next to them, with their coverage.

        Raises:
            StoreUnavailable: the graph does not answer.
        """
        uuids = await self._matching(search, question)
        read = await self._store.read_one(queries.memory_cards, user_id=search.scope.user_id, uuids=uuids)
        found = Found()
        for card in read["cards"]:
            found.cards[card["uuid"]] = IndexCard(
                card["uuid"],
                kind="memory",
                agent_id=card["agent_id"],
                run_id=card["run_id"],
                project=card["project"],
                valid_at=card["occurred_at"],
                created_at=card["created_at"],
                form=card["form"],
                speaker=find_alias_key(card["speaker"]),
                previous=card["previous"],
                noise=card["noise"],
            )
            found.coverage[card["uuid"]] = terms.coverage_of(card["text"])
        return found

    async def _matching(self, search: Search, question: str) -> list[str]:
        key = user_key(search.scope.user_id)
        instants = search.instants
        narrowed = bool(search.filters) or search.scope != Scope(search.scope.user_id) or instants.past
        top_k = FILTERED_TOP_K if search.filters else LEG_TOP_K
        indexes = (
            ("memory_fulltext", lucene_query(question, key)),
            ("memory_fulltext_cjk", cjk_query(question, key)),
        )
        uuids: dict[str, None] = {}
        for index, words in indexes:
            if words is None:
                continue
            matching = await self._store.read_one(
                queries.fulltext_memories,
                index=index,
                words=words,
                fetch=max(top_k, _FETCHED_IF_NARROWED) if narrowed else top_k,
                **search.scope.params(),
                noise=search.noise,
                as_of=instants.as_of,
                known_at=instants.known_at,
                top_k=top_k,
            )
            uuids.update(dict.fromkeys(matching["uuids"]))
        return list(uuids)
