"""Find what the names in extracted facts mean: things that the graph knows, or one another.

This happens before anything is written. What it finds is applied later, under the partition's lock, by merges that can
be undone. If a model does not answer, names stay apart: two things can still be merged later.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kg.entities import queries
from kg.entities.lookup import find_candidates
from kg.entities.resolve import EntityMerge, NewName, Resolution, Resolver
from kg.errors import ConfigurationError, StoreUnavailable
from kg.facts.claims import object_of, subject_of
from kg.facts.predicates import PREDICATES, SINGLE_VALUED, THING
from kg.graph.spending import account_calls
from kg.graph.store import GraphStore
from kg.language.names import SELF_KEY
from kg.ports import Clock, Embedder, IndexQuery, NameJudge, VectorIndex
from kg.values import FactInput

log = logging.getLogger(__name__)

NEAR_TOP_K = 5
_OPPOSITES = {
    name: sorted({*known.opposites, *(other.name for other in PREDICATES.values() if name in other.opposites)})
    for name, known in PREDICATES.items()
}
NOTHING = Resolution({}, {}, {})


class Linker:
    """Resolves the names of one extraction."""

    def __init__(
        self, store: GraphStore, index: VectorIndex, embedder: Embedder, judge: NameJudge | None, clock: Clock
    ) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder
        self._resolver = Resolver(embedder, judge)
        self._clock = clock

    async def resolve(self, user_id: str, facts: Sequence[tuple[FactInput, str | None]], *, job: str) -> Resolution:
        """Return what the new names in facts mean.

        Args:
            user_id: partition; its entities are the candidates.
            facts: facts, each with whoever "I" means in it.
            job: uuid of the job that accounts the model calls.
        """
        new = new_names(facts)
        rows = await self._store.read(queries.find_names, user_id=user_id, keys=[SELF_KEY, *sorted(new)])
        known = {row["key"]: row["uuid"] for row in rows}
        own = {row["key"]: row["uuid"] for row in rows if row["undecided"]}
        for key in known.keys() - own.keys():
            new.pop(key, None)
        if not new:
            return NOTHING
        names = list(new.values())
        near = await self._near(user_id, names)
        candidates = await find_candidates(self._store, user_id, names, near, with_statements=True)
        resolution = await self._resolver.resolve(
            names,
            [candidate for candidate in candidates if candidate.uuid not in own.values()],
            lambda: self._nothing_contends(user_id, facts, known),
        )
        await account_calls(self._store, user_id, resolution.calls, self._clock.now(), job=job)
        return _of_standing(resolution, own)

    async def _nothing_contends(
        self, user_id: str, facts: Sequence[tuple[FactInput, str | None]], known: Mapping[str, str]
    ) -> bool:
        """Whether these facts contradict nothing, so that no judge is asked: a text costs two model calls at most."""
        stated: list[dict[str, object]] = []
        for fact, speaker in facts:
            subject, thing = subject_of(fact, speaker), object_of(fact, speaker)
            if subject is None or subject.key not in known:
                continue
            stated.append(
                {
                    "subject_uuid": known[subject.key],
                    "predicate": "" if fact.predicate in SINGLE_VALUED else fact.predicate,
                    "object_uuid": known.get(thing.key) if thing is not None else None,
                    "opposites": _OPPOSITES.get(fact.predicate, []),
                }
            )
        return not (await self._store.read_one(queries.may_contend, user_id=user_id, stated=stated))["contend"]

    async def _near(self, user_id: str, names: Sequence[NewName]) -> dict[str, list[str]]:
        """Return the entities nearest in meaning to each name; none if the index does not answer."""
        try:
            vectors = await self._embedder.embed_documents([name.name for name in names])
            hits = await self._index.search(
                [
                    IndexQuery(using="text", vector=vector, kind="entity", user_id=user_id, top_k=NEAR_TOP_K)
                    for vector in vectors
                ]
            )
        except (StoreUnavailable, ConfigurationError) as error:
            log.info("names are compared by their spelling alone: %s", error)
            return {}
        return {name.key: [hit.uuid for hit in found] for name, found in zip(names, hits, strict=True)}


def _of_standing(resolution: Resolution, own: Mapping[str, str]) -> Resolution:
    """Return a resolution in which a name that has an entity of its own already asks for a merge of that entity."""
    if not own:
        return resolution
    merges = [
        EntityMerge(uuid, resolution.known[key], resolution.reasons[key])
        for key, uuid in own.items()
        if key in resolution.known
    ]
    return replace(
        resolution,
        known={key: uuid for key, uuid in resolution.known.items() if key not in own},
        twins={key: own.get(twin, twin) for key, twin in resolution.twins.items() if key not in own},
        merges=(*resolution.merges, *merges),
        decided=() if resolution.undecided else tuple(own),
    )


def new_names(facts: Sequence[tuple[FactInput, str | None]]) -> dict[str, NewName]:
    """Return the names in facts by alias key, each with its most precise kind and the statements that contain it."""
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
