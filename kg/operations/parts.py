"""The parts that the operations work with; the composition root makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg.language.names import NOBODY, OwnName

if TYPE_CHECKING:
    from kg.graph.store import GraphStore
    from kg.index.indexer import Indexer
    from kg.jobs.worker import Worker
    from kg.ports import Clock, Embedder, VectorIndex
    from kg.recall.recall_counts import RecallCounts
    from kg.recall.search import Recall
    from kg.writing.delete import Deleting
    from kg.writing.texts import PrepareTexts


@dataclass(frozen=True)
class Parts:
    """What the operations work with.

    Attributes:
        worker: has models read texts; None where no model is set up.
        own_name: the name of the service's own user, if it is known.
        prepare: computes what a write needs of its texts, if not as usual.
        index_wait_s: how long a write waits for the index before it answers; the index catches up afterwards.
    """

    store: GraphStore
    index: VectorIndex
    embedder: Embedder
    indexer: Indexer
    deleting: Deleting
    recall: Recall
    recall_counts: RecallCounts
    clock: Clock
    worker: Worker | None = None
    own_name: OwnName = NOBODY
    prepare: PrepareTexts | None = None
    index_wait_s: float = 0.25
