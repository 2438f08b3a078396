"""How common words are in the partitions that were searched lately, kept in memory.

Nothing here is needed for correctness: counts only weigh the words of a question.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cachetools import LRUCache

from kg.graph.store import GraphStore
from kg.recall import queries
from kg.recall.coverage import DocumentFrequencies

SAMPLE = 1000
GROWTH = 1.2
WORDS_KEPT = 400_000
"""Words whose counts are kept, of all partitions together: some 20 MB, enough for a hundred large partitions."""


@dataclass(frozen=True)
class _Sample:
    seq: int
    frequencies: DocumentFrequencies

    @property
    def size(self) -> int:
        return len(self.frequencies.counts) + len(self.frequencies.words)


class TermCounts:
    """Word counts of partitions, each from a sample of its newest memories."""

    def __init__(self, store: GraphStore, words_kept: int = WORDS_KEPT) -> None:
        """Nothing is counted yet.

        Args:
            store: the graph.
            words_kept: bound of the counts of all partitions; the one searched last stays, even if it is larger.
        """
        self._store = store
        self._samples: LRUCache[str, _Sample] = LRUCache(
            words_kept, getsizeof=lambda sample: min(sample.size, words_kept)
        )

    async def frequencies(self, user_id: str, seq: int) -> DocumentFrequencies:
        """Return how common words are in a partition, from a sample that is renewed as the partition grows.

        Args:
            user_id: partition.
            seq: how far it has come.
        """
        sample = self._samples.get(user_id)
        if sample is None or seq > sample.seq * GROWTH or seq < sample.seq:
            read = await self._store.read_one(queries.sample_texts, user_id=user_id, top_k=SAMPLE)
            texts = [row["text"] for row in read["texts"]]
            sample = _Sample(seq, await asyncio.to_thread(DocumentFrequencies.of, texts))
            self._samples[user_id] = sample
        return sample.frequencies
