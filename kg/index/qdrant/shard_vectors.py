"""The vectors of a Qdrant Edge shard: data types, distances, and which of them have a graph."""

from __future__ import annotations

from typing import Any, cast

import qdrant_edge as edge


def shard_config(dimension: int) -> edge.EdgeConfig:
    """Return the vectors of a shard: three dense ones and the words.

    There is no write-ahead log. A point counts as written only after a flush, until when its node waits in the graph,
    and the log would take ten times the room of the points that it repeats.
    """
    max_sim = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
    datatypes = cast(Any, edge.VectorStorageDatatype)  # its stubs lack Turbo4
    eight_bits, four_bits = datatypes.Turbo8, datatypes.Turbo4
    cosine = edge.Distance.Cosine
    no_graph = edge.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10_000)
    return edge.EdgeConfig(
        vectors={
            "text": edge.EdgeVectorParams(dimension, cosine, multivector_config=max_sim, datatype=eight_bits),
            "sentences": edge.EdgeVectorParams(dimension, cosine, multivector_config=max_sim, datatype=eight_bits),
            "tokens": edge.EdgeVectorParams(
                dimension,
                edge.Distance.Dot,
                multivector_config=max_sim,
                datatype=four_bits,
                hnsw_config=no_graph,
                memory=edge.Memory.Cold,
            ),
        },
        sparse_vectors={"words": edge.EdgeSparseVectorParams()},
        wal_enabled=False,
    )
