"""What becomes of a rebuild when its process dies at the change-over, or one of the two collections is damaged."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from kg.index.qdrant.embedded import EmbeddedIndex
from tests.support.index_points import OWNER, contents, points
from tests.support.local_qdrant import QdrantPlace

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient


@pytest.fixture
async def client(qdrant: QdrantPlace) -> AsyncIterator[AsyncQdrantClient]:
    client = qdrant.client()
    yield client
    await client.close()


async def names(client: AsyncQdrantClient, base: str) -> list[str]:
    return [one.name for one in (await client.get_collections()).collections if one.name.startswith(base)]


async def test_a_process_that_dies_at_the_change_over_leaves_the_new_shard_alone(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path / "index", **OWNER)
    await index.open()
    await index.upsert_points(points(0, 3))
    (old,) = (tmp_path / "index").glob("shard-*")
    building = await index.begin_rebuild()
    await index.upsert_points(points(7, 9))
    note = (tmp_path / "index" / "building.json").read_bytes()
    shutil.copytree(old, tmp_path / "old")
    await index.finish_rebuild()
    await index.close()
    (tmp_path / "index" / "building.json").write_bytes(note)
    shutil.move(tmp_path / "old", old)
    await index.open()
    assert (index.collection_id, index.building_id) == (building, None)
    assert await contents(index) == {7, 8}
    assert not old.exists()
    await index.close()


async def test_a_half_built_shard_that_cannot_be_read_is_begun_again(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path / "index", **OWNER)
    await index.open()
    await index.upsert_points(points(0, 3))
    (old,) = (tmp_path / "index").glob("shard-*")
    await index.begin_rebuild()
    await index.close()
    (half,) = set((tmp_path / "index").glob("shard-*")) - {old}
    for file in half.rglob("*"):
        if file.is_file():
            file.write_bytes(b"\xff" * 64)
    await index.open()
    assert index.building_id is None
    assert await contents(index) == {0, 1, 2}
    assert list((tmp_path / "index").glob("shard-*")) == [old]
    await index.close()


async def test_a_damaged_shard_is_begun_anew_without_touching_the_one_that_is_being_built(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path / "index", **OWNER)
    await index.open()
    (old,) = (tmp_path / "index").glob("shard-*")
    building = await index.begin_rebuild()
    await index.upsert_points(points(0, 3))
    await index.close()
    shutil.rmtree(old)
    await index.open()
    assert index.rebuilt
    assert index.building_id == building
    await index.finish_rebuild()
    assert await contents(index) == {0, 1, 2}
    await index.close()


async def test_a_collection_that_is_gone_does_not_hold_up_what_replaces_it(
    qdrant: QdrantPlace, client: AsyncQdrantClient
) -> None:
    base = f"gone-{uuid4()}"
    index = qdrant.index(base, **OWNER)
    await index.open()
    await index.begin_rebuild()
    await client.delete_collection(base)
    await index.upsert_points(points(0, 3))
    await index.delete_points([points(0, 1)[0].uuid])
    await index.finish_rebuild()
    assert await index.count() == 2
    await index.close()


async def test_what_a_process_that_died_at_the_change_over_left_on_the_server_is_removed_at_the_next_start(
    qdrant: QdrantPlace, client: AsyncQdrantClient
) -> None:
    base = f"promoted-{uuid4()}"
    index = qdrant.index(base, **OWNER)
    await index.open()
    building = await index.begin_rebuild()
    await index.upsert_points(points(0, 3))
    await index.close()
    (new,) = set(await names(client, base)) - {base}
    record = (await client.get_collection(new)).config.metadata
    assert record is not None
    await client.update_collection(new, metadata={**record, "state": "ready"})
    await index.open()
    assert (index.collection_id, index.building_id) == (building, None)
    assert await index.count() == 3
    assert await names(client, base) == [new]
    await index.close()


async def test_collections_of_another_name_are_never_taken_for_ours(
    qdrant: QdrantPlace, client: AsyncQdrantClient
) -> None:
    base = f"mine-{uuid4()}"
    other = qdrant.index(f"{base}-other", **OWNER)
    await other.open()
    await other.upsert_points(points(0, 3))
    index = qdrant.index(base, **OWNER)
    await index.open()
    await index.begin_rebuild()
    await index.finish_rebuild()
    assert await index.count() == 0
    assert await other.count() == 3
    await index.close()
    await other.close()
