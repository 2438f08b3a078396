"""Points of a small index of their own making, and what an index holds of them."""

from typing import Any
from uuid import UUID

import numpy as np

from kg.index.qdrant.embedded import EmbeddedIndex
from kg.ports import IndexPoint

DIMENSION = 8
OWNER: dict[str, Any] = {"embedder_name": "onnx:one", "dimension": DIMENSION, "digest": "d" * 64}


def points(start: int, end: int) -> list[IndexPoint]:
    vector = np.zeros(DIMENSION, np.float32)
    vector[0] = 1
    return [
        IndexPoint(str(UUID(int=i + 1)), "memory", "alice", vector[None, :], f"hash {i}", vector[None, :])
        for i in range(start, end)
    ]


async def contents(index: EmbeddedIndex) -> set[int]:
    return {UUID(entry.uuid).int - 1 async for batch in index.scan() for entry in batch}
