"""How common words are in the partitions that were searched lately, kept in memory.

Nothing here is needed for correctness: counts only weigh the words of a question.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from cachetools import LRUCache

from kg.graph.store import GraphStore
from kg.recall import queries
from kg.recall.coverage import DocumentFrequencies

SAMPLE = 1000
GROWTH = 1.2
TRUSTED_S = 5.0
"""How long a sample is used without asking how far its partition has come."""
_MAX_PARTITIONS = 64


@dataclass(frozen=True)
class _Sample:
    seq: int
    frequencies: DocumentFrequencies
    trusted_until: float


class TermCounts:
    """Word counts of partitions, each from a sample of its newest memories."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._samples: LRUCache[str, _Sample] = LRUCache(_MAX_PARTITIONS)

    async def frequencies(self, user_id: str) -> DocumentFrequencies:
        """Return how common words are in a partition, from a sample that is renewed as the partition grows."""
        sample = self._samples.get(user_id)
        if sample is not None and time.monotonic() < sample.trusted_until:
            return sample.frequencies
        partition = await self._store.find_one(queries.partition_seq, user_id=user_id)
        seq = partition["seq"] if partition else 0
        if sample is None or seq > sample.seq * GROWTH or seq < sample.seq:
            read = await self._store.read_one(queries.sample_texts, user_id=user_id, top_k=SAMPLE)
            texts = [row["text"] for row in read["texts"]]
            sample = _Sample(seq, await asyncio.to_thread(DocumentFrequencies.of, texts), 0)
        self._samples[user_id] = sample = replace(sample, trusted_until=time.monotonic() + TRUSTED_S)
        return sample.frequencies
