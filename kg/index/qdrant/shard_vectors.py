"""The vectors of a Qdrant Edge shard, and the indexes of what comes with them: types, distances, places in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import qdrant_edge as edge

from kg.index.qdrant.point_form import GRAPH_FROM_KB, GRAPHS, KEYWORD_FIELDS, TIME_FIELDS, UUID_FIELDS, Graph

SEARCH_THREADS = 2
"""A search is no faster with more, and the engine starts eight otherwise."""


def shard_config(dimension: int, graphs: Mapping[str, Graph] = GRAPHS) -> edge.EdgeConfig:
    """Return the vectors of a shard: three dense ones and the words.

    There is no write-ahead log. A point counts as written only after a flush, until when its node waits in the graph,
    and the log would take ten times the room of the points that it repeats.

    Everything is read from its files as it is needed (``Cold``). Otherwise the engine reads whole files when it opens
    them, the empty rest of each 32 MB too, and keeps the words and the payload in memory besides.
    """
    max_sim = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
    datatypes = cast(Any, edge.VectorStorageDatatype)  # its stubs lack Turbo4
    eight_bits, four_bits = datatypes.Turbo8, datatypes.Turbo4
    cosine = edge.Distance.Cosine
    cold = edge.Memory.Cold
    no_graph = edge.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10_000)
    return edge.EdgeConfig(
        vectors={
            **{
                name: edge.EdgeVectorParams(
                    dimension,
                    cosine,
                    multivector_config=max_sim,
                    datatype=eight_bits,
                    hnsw_config=edge.HnswIndexConfig(graph.links, graph.tried, graph.compared_kb),
                    memory=cold,
                )
                for name, graph in graphs.items()
            },
            "tokens": edge.EdgeVectorParams(
                dimension,
                edge.Distance.Dot,
                multivector_config=max_sim,
                datatype=four_bits,
                hnsw_config=no_graph,
                memory=cold,
            ),
        },
        sparse_vectors={"words": edge.EdgeSparseVectorParams(memory=cold)},
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=GRAPH_FROM_KB),
        max_search_threads=SEARCH_THREADS,
        wal_enabled=False,
    )


def field_indexes() -> Iterator[tuple[str, edge.KeywordIndexParams | edge.DatetimeIndexParams | edge.UuidIndexParams]]:
    """Yield the fields that queries narrow by, each with its index."""
    cold = edge.Memory.Cold
    yield "user_id", edge.KeywordIndexParams(is_tenant=True, memory=cold)
    for field in KEYWORD_FIELDS:
        yield field, edge.KeywordIndexParams(memory=cold)
    for field in TIME_FIELDS:
        yield field, edge.DatetimeIndexParams(memory=cold)
    for field in UUID_FIELDS:
        yield field, edge.UuidIndexParams(memory=cold)
