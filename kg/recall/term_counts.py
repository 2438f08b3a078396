"""What search keeps in memory of a partition's words: stems of texts, and how common each is.

Nothing here is needed for correctness: texts are looked up by content hash, so a changed text is counted anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kg.graph import queries as graph_queries
from kg.graph.store import GraphStore
from kg.language.words import stem_terms
from kg.recall import queries
from kg.recall.ranking import DocumentFrequencies

SAMPLE = 1000
GROWTH = 1.2
TRUSTED_S = 5.0
"""How long a sample is used without asking how far its partition has come."""
_MAX_TEXTS = 20_000
_MAX_PARTITIONS = 64


@dataclass(frozen=True)
class _Sample:
    seq: int
    frequencies: DocumentFrequencies
    trusted_until: float


class Corpus:
    """Word counts of the partitions that were searched lately."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._terms: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._samples: OrderedDict[str, _Sample] = OrderedDict()

    async def terms(self, user_id: str, hashes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return the stems of texts.

        Args:
            user_id: partition.
            hashes: memory uuid to content hash.
        """
        missing = [uuid for uuid, digest in hashes.items() if digest not in self._terms]
        if missing:
            found_texts = await self._store.read_one(graph_queries.memory_texts, user_id=user_id, uuids=missing)
            for row in found_texts["texts"]:
                self._keep(row["content_hash"], row["text"])
        found: dict[str, tuple[str, ...]] = {}
        for uuid, digest in hashes.items():
            found[uuid] = self._terms.get(digest, ())
            if digest in self._terms:
                self._terms.move_to_end(digest)
        while len(self._terms) > _MAX_TEXTS:
            self._terms.popitem(last=False)
        return found

    async def frequencies(self, user_id: str) -> DocumentFrequencies:
        """Return how common words are in a partition, from a sample that is renewed as the partition grows."""
        sample = self._samples.get(user_id)
        if sample is not None and time.monotonic() < sample.trusted_until:
            return sample.frequencies
        partition = await self._store.find_one(queries.partition_seq, user_id=user_id)
        seq = partition["seq"] if partition else 0
        if sample is None or seq > sample.seq * GROWTH or seq < sample.seq:
            texts = await self._store.read_one(queries.sample_texts, user_id=user_id, top_k=SAMPLE)
            frequencies = DocumentFrequencies.of(self._keep(row["content_hash"], row["text"]) for row in texts["texts"])
            sample = _Sample(seq, frequencies, 0)
        self._samples[user_id] = sample = replace(sample, trusted_until=time.monotonic() + TRUSTED_S)
        while len(self._samples) > _MAX_PARTITIONS:
            self._samples.popitem(last=False)
        return sample.frequencies

    def _keep(self, digest: str, text: str) -> Sequence[str]:
        terms = self._terms.get(digest)
        if terms is None:
            terms = self._terms[digest] = tuple(stem_terms(text))
        return terms
