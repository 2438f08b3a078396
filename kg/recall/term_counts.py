"""How common words are in a partition: kept in memory for those searched lately, and in the graph for all.

Counts are made from the texts of the newest memories. A search after a start finds them kept in the graph, so it reads
no texts. A task counts again in the background what has grown, or has lost memories, since it was counted.

Invariant: counts only weigh the words of a question, so they may be old; but none are kept of an erased memory. The
erasure drops them, and what was read before it is not kept after it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass

from cachetools import LRUCache

from kg.background import Background
from kg.errors import KgError
from kg.graph.store import GraphStore
from kg.narrow import is_object
from kg.recall import queries
from kg.recall.coverage import DocumentFrequencies

log = logging.getLogger(__name__)

SAMPLE = 1000
GROWTH = 1.2
WORDS_KEPT = 400_000
"""Words whose counts are kept, of all partitions together: some 20 MB, enough for a hundred large partitions."""
_FIRST_AFTER_S, _EVERY_S = 5.0, 30.0
_BETWEEN_S = 1.0
"""Pause between two partitions that are counted: to count a thousand texts takes a part of a second."""


@dataclass(frozen=True)
class _Sample:
    seq: int
    frequencies: DocumentFrequencies

    @property
    def size(self) -> int:
        return len(self.frequencies.counts) + len(self.frequencies.words)

    def is_fresh(self, seq: int) -> bool:
        """Tell whether a partition that has come so far has grown little since."""
        return self.seq <= seq <= self.seq * GROWTH


class TermCounts:
    """Word counts of the partitions searched lately, each from a sample of its newest memories."""

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
        if sample is None or not sample.is_fresh(seq):
            kept = await self._kept(user_id)
            if kept is None or kept.seq > seq or (sample is not None and not kept.is_fresh(seq)):
                kept = _Sample(seq, await count_words(self._store, user_id))
            sample = self._samples[user_id] = kept
        return sample.frequencies

    async def _kept(self, user_id: str) -> _Sample | None:
        row = await self._store.read_one(queries.word_counts, user_id=user_id)
        if row["seq"] is None or row["counts"] is None:
            return None
        try:
            return _Sample(row["seq"], _from_text(row["counts"]))
        except (ValueError, TypeError, KeyError):  # a person may write anything
            return None


class CountKeeper:
    """Keeps the word counts of every partition in the graph, and makes them again as partitions change.

    Args:
        store: the graph.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._task = Background("word-counts", self._run)

    def start(self) -> None:
        """Start the task."""
        self._task.start(after_s=_FIRST_AFTER_S)

    async def stop(self) -> None:
        """Stop the task; what is not counted yet is counted after the next start."""
        await self._task.stop()

    async def renew(self) -> bool:
        """Count the words of one partition that has changed; return whether there was one.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        found = await self._store.read(queries.partitions_to_count, growth=GROWTH, top_k=1)
        for row in found:
            counts = _as_text(await count_words(self._store, row["user_id"]))
            params = {**row, "counts": counts}
            await self._store.write(lambda tx, p=params: tx.run(queries.keep_word_counts, **p), "keep_word_counts")
        return bool(found)

    async def _run(self) -> None:
        while True:
            more = False
            try:
                more = await self.renew()
            except KgError as error:
                log.warning("words were not counted: %s", error)
            await asyncio.sleep(_BETWEEN_S if more else _EVERY_S)


async def count_words(store: GraphStore, user_id: str) -> DocumentFrequencies:
    """Count the words of a partition's newest memories."""
    read = await store.read_one(queries.sample_texts, user_id=user_id, top_k=SAMPLE)
    return await asyncio.to_thread(DocumentFrequencies.of, [row["text"] for row in read["texts"]])


def _as_text(found: DocumentFrequencies) -> str:
    parts = {
        "documents": found.documents,
        "average_terms": found.average_terms,
        "counts": found.counts,
        "words": found.words,
    }
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _from_text(text: str) -> DocumentFrequencies:
    """Read counts again.

    Raises:
        ValueError, TypeError, KeyError: the text is none that was kept.
    """
    parts = json.loads(text)
    counts, words = parts["counts"], parts["words"]
    if not is_object(counts) or not is_object(words):
        raise TypeError("counts are kept by word")
    numbers = [*counts.values(), *words.values(), parts["documents"]]
    if not all(isinstance(number, int) for number in numbers):
        raise TypeError("counts are whole numbers")
    return DocumentFrequencies(parts["documents"], counts, words, float(parts["average_terms"]))
