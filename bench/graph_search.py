"""What search graphs miss of a full comparison, and what they cost: ``python bench/graph_search.py --set ../locomo``.

Embeds the texts and questions of a set with the default models, all as one user's, and asks the legs of texts and
sentences with several reaches (``hnsw_ef``). ``of 100`` and ``of 10`` are the shares of the best hits of a full
comparison that are found. The graphs are used at any size here, and from ``GRAPH_FROM_KB`` on there are any.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

import qdrant_edge as edge

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.recall_sets import RecallSet, load_set
from extract.embedders.connect import make_embedder
from kg.index.qdrant.point_form import GRAPHS
from kg.index.qdrant.shard import Shard, optimize_copy
from kg.index.qdrant.shard_requests import query_request
from kg.index.vectors import NodeText, NodeVectors
from kg.ports import Embedder, IndexPoint, IndexQuery, QuestionVectors, Vector, VectorName
from kg.settings.paths import cache_dir
from kg.settings.service import EMBEDDERS

USER, BATCH, TOP_K = "one", 64, 100
ALWAYS = {vector: graph._replace(compared_kb=1) for vector, graph in GRAPHS.items()}


async def fill(path: Path, embedder: Embedder, recall_set: RecallSet) -> None:
    """Store all texts in a new shard, and build its graphs."""
    texts = list(dict.fromkeys(document.text for document in recall_set.documents))
    vectors, shard = NodeVectors(embedder), Shard.create(path, embedder.dimension, ALWAYS)
    for start in range(0, len(texts), BATCH):
        found = await vectors.embed([NodeText("memory", text) for text in texts[start : start + BATCH]])
        points = [
            (UUID(int=start + i + 1), IndexPoint(str(UUID(int=start + i + 1)), "memory", USER, its.vectors.text, "",
                                                 sentences=its.vectors.sentences))
            for i, its in enumerate(found.values())
        ]  # fmt: skip
        shard.upsert(points)
    shard.close()
    await optimize_copy(path, lambda _: None)


def best(shard: edge.EdgeShard, using: VectorName, vector: Vector, reach: int | None) -> list[edge.PointId]:
    """Return the ids that a leg finds; with a full comparison where no reach is given."""
    asked = query_request(IndexQuery(vector, "memory", USER, TOP_K, using=using))
    how = edge.SearchParams(exact=True) if reach is None else edge.SearchParams(hnsw_ef=reach)
    return [hit.id for hit in shard.query(edge.QueryRequest(TOP_K, query=asked.query, filter=asked.filter, params=how))]


def show(shard: edge.EdgeShard, using: VectorName, asked: list[Vector]) -> None:
    whole = [best(shard, using, vector, None) for vector in asked]
    usual = GRAPHS[using].looked_at
    for reach in (usual // 4, usual // 2, usual, 2 * usual):
        began = time.perf_counter()
        found = [best(shard, using, vector, reach) for vector in asked]
        taken = (time.perf_counter() - began) / len(asked) * 1000
        shares = [
            statistics.fmean(
                len(set(one[:k]) & set(all_of_it[:k])) / k for one, all_of_it in zip(found, whole, strict=True)
            )
            for k in (TOP_K, 10)
        ]
        print(f"{using:10s} reach {reach:4d}   of 100 {shares[0]:.4f}   of 10 {shares[1]:.4f}   {taken:.2f} ms")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, required=True, help="folder of a set, in the form of bench/recall_sets.py")
    parser.add_argument("--questions", type=int, default=200)
    options = parser.parse_args()
    recall_set = load_set(options.set)
    embedder = make_embedder(EMBEDDERS[0], cache_dir())
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        path = Path(folder) / "shard"
        await fill(path, embedder, recall_set)
        questions = recall_set.questions[: options.questions]
        asked: list[QuestionVectors] = [await embedder.embed_question(question.text) for question in questions]
        shard = edge.EdgeShard.load(str(path))
        print(f"{shard.info().points_count} texts, {len(asked)} questions")
        show(shard, "text", [vectors.text for vectors in asked])
        show(shard, "sentences", [vectors.sentence for vectors in asked])
    await embedder.close()


if __name__ == "__main__":
    asyncio.run(main())
