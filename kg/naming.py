"""The names in extracted facts, resolved against the things that the graph knows and against each other.

Looks and asks before anything is written; what it finds is applied under the partition's lock, by merges that can be
undone. Where a model that it asks does not answer, names stay apart: two things can be merged later.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kg.claims import Claim, account
from kg.drafting import SELF_KEY, object_of, subject_of
from kg.errors import ConfigurationError, StoreUnavailable
from kg.facts import THING
from kg.graph_store import GraphStore
from kg.models import FactInput
from kg.ports import Clock, Embedder, IndexQuery, NameJudge, VectorIndex
from kg.resolve import NewName, Resolution, Resolver
from kg.resolve_terms import find_candidates

log = logging.getLogger(__name__)

NEAR_TOP_K = 5
NOTHING = Resolution({}, {}, {})


class Naming:
    """Resolves the names of one extraction."""

    def __init__(
        self, store: GraphStore, index: VectorIndex, embedder: Embedder, judge: NameJudge | None, clock: Clock
    ) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder
        self._resolver = Resolver(embedder, judge)
        self._clock = clock

    async def resolve(self, claim: Claim, facts: Sequence[tuple[FactInput, str | None]]) -> Resolution:
        """Return what the new names of facts mean.

        Args:
            claim: the job; its user's things are the candidates, and model calls are accounted to it.
            facts: each with who said it.
        """
        new = new_names(facts)
        known = await self._store.read("find_names", user_id=claim.user_id, keys=sorted(new))
        for row in known:
            del new[row["key"]]
        if not new:
            return NOTHING
        names = list(new.values())
        near = await self._near(claim.user_id, names)
        candidates = await find_candidates(self._store, claim.user_id, names, near)
        resolution = await self._resolver.resolve(names, candidates)
        await account(self._store, claim, resolution.calls, self._clock.now())
        return resolution

    async def _near(self, user_id: str, names: Sequence[NewName]) -> dict[str, list[str]]:
        """Return the entities nearest to each name in meaning; none while the side-index does not answer."""
        try:
            vectors = await self._embedder.embed_documents([name.name for name in names])
            hits = await self._index.search(
                [
                    IndexQuery(using="text", vector=vector, kind="entity", user_id=user_id, top_k=NEAR_TOP_K)
                    for vector in vectors
                ]
            )
        except (StoreUnavailable, ConfigurationError) as error:
            log.info("names are compared by their letters alone: %s", error)
            return {}
        return {name.key: [hit.uuid for hit in found] for name, found in zip(names, hits, strict=True)}


def new_names(facts: Sequence[tuple[FactInput, str | None]]) -> dict[str, NewName]:
    """Return the names in facts by alias key, each with its best kind and the statements around it."""
    found: dict[str, NewName] = {}
    for fact, speaker in facts:
        for name in (subject_of(fact, speaker), object_of(fact, speaker)):
            if name is None or name.key == SELF_KEY:
                continue
            former = found.get(name.key)
            if former is None:
                found[name.key] = NewName(name.key, name.name, name.kind, (fact.statement,))
            else:
                best = former.kind if former.kind != THING else name.kind
                found[name.key] = NewName(name.key, former.name, best, (*former.context, fact.statement))
    return found
