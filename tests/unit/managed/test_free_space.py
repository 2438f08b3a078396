"""The floor of free space: where it lies, and that nothing is written below it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from kg.errors import ConfigurationError, DiskFull, StoreUnavailable
from kg.graph import queries
from kg.graph.store import GraphAddress, GraphStore, Transaction
from kg.managed.free_space import STORES_BYTES, TEMPORARY_BYTES, Floor, Room, floors, free_bytes
from kg.settings.service import Settings

FLOOR = Floor(Path("/data"), 400_000_000, "KNOWTHREAD_DATA_DIR")


def test_the_data_folder_keeps_room_for_what_neo4j_has_yet_to_write(tmp_path: Path) -> None:
    managed = Settings(data_dir=tmp_path, neo4j_page_cache="1g")
    data, temporary = floors(managed)
    assert data == Floor(tmp_path, STORES_BYTES + (1 << 30), "KNOWTHREAD_DATA_DIR")
    assert temporary == Floor(Path(tempfile.gettempdir()), TEMPORARY_BYTES, "TMPDIR")
    assert floors(replace(managed, neo4j_url="bolt://elsewhere"))[0].least_bytes == STORES_BYTES
    assert floors(replace(managed, neo4j_url="bolt://elsewhere", qdrant_url="http://elsewhere")) == []
    with pytest.raises(ConfigurationError, match="KNOWTHREAD_NEO4J_PAGE_CACHE: 'much' is no size"):
        floors(replace(managed, neo4j_page_cache="much"))


def test_below_the_floor_folder_size_and_cure_are_named() -> None:
    room = Room([FLOOR], lambda _: 120_000_000)
    with pytest.raises(DiskFull) as caught:
        room.check()
    error = caught.value
    assert (error.folder, error.free_bytes, error.least_bytes) == ("/data", 120_000_000, 400_000_000)
    assert error.setting == "KNOWTHREAD_DATA_DIR" and not error.retryable
    for word in ("120 MB are free for /data", "below 400 MB", "Free space there", "set KNOWTHREAD_DATA_DIR"):
        assert word in str(error)
    assert room.error() == str(error)


def test_every_folder_is_looked_at_and_one_that_cannot_be_asked_refuses_nothing() -> None:
    def free(folder: Path) -> int:
        if folder == Path("/gone"):
            raise OSError
        return 500_000_000

    gone = replace(FLOOR, folder=Path("/gone"))
    assert Room([gone, FLOOR], free).error() is None
    assert "below 900 MB" in str(Room([gone, FLOOR, replace(FLOOR, least_bytes=900_000_000)], free).error())


def test_a_folder_that_is_not_made_yet_is_measured_where_it_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0


async def test_the_store_writes_nothing_below_the_floor_and_reads_on() -> None:
    async def work(_: Transaction) -> None:
        raise AssertionError("it was run")

    store = GraphStore(GraphAddress("bolt://127.0.0.1:1", "neo4j", "x"), Room([FLOOR], lambda _: 0).check)
    for partition in (None, "somebody"):
        with pytest.raises(DiskFull):
            await store.write(work, "add", partition=partition)
    with pytest.raises(DiskFull):
        await store.run_schema("alias_key")
    with pytest.raises(StoreUnavailable, match="not connected yet"):
        await store.read(queries.graph_counts)
