"""A shard that could not be read stays on the disk for a look, and no longer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kg.index.qdrant.embedded import EmbeddedIndex
from kg.ports import IndexPoint


def points(count: int) -> list[IndexPoint]:
    vectors = np.eye(count, 8, dtype=np.float32)
    uuids = [f"00000000-0000-4000-8000-{i:012d}" for i in range(count)]
    return [
        IndexPoint(uuid, "memory", "ann", vector[None, :], f"hash {uuid}", vector[None, :])
        for uuid, vector in zip(uuids, vectors, strict=True)
    ]


@pytest.mark.parametrize("ends", ["open", "rebuild"])
async def test_a_damaged_shard_goes_once_its_successor_has_been_filled(tmp_path: Path, ends: str):
    index = EmbeddedIndex(tmp_path, "toy", 8, "d")
    await index.open()
    await index.upsert_points(points(4))
    await index.close()
    for file in next(tmp_path.glob("shard-*")).rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    await index.open()
    assert index.rebuilt and len(list(tmp_path.glob("*.broken-*"))) == 1
    await index.upsert_points(points(3))
    assert len(list(tmp_path.glob("*.broken-*"))) == 1
    if ends == "open":
        await index.close()
        await index.open()
        assert await index.count() == 3
    else:
        await index.begin_rebuild()
        await index.upsert_points(points(3))
        await index.finish_rebuild()
    assert not list(tmp_path.glob("*.broken-*"))
    await index.close()
