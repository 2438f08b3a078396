"""What becomes of an index when its process dies, its files break, or its server is not what it should be."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from kg.errors import ConfigurationError, StoreUnavailable
from kg.index.qdrant.embedded import EmbeddedIndex
from kg.index.qdrant.server import ServerIndex
from kg.index.qdrant.shard import optimize_copy
from kg.ports import IndexQuery
from tests.support.index_points import DIMENSION, OWNER, contents, points
from tests.support.local_qdrant import LocalQdrant, QdrantPlace

WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[2]).parents[2]))
from tests.support.index_points import OWNER, points
from kg.index.qdrant.embedded import EmbeddedIndex

async def main():
    index = EmbeddedIndex(Path(sys.argv[1]), **OWNER)
    await index.open()
    number = int(sys.argv[3])
    while True:
        durable = sys.argv[4] == "at once"
        await index.upsert_points(points(number, number + 3), durable=durable)
        if not durable:
            await index.upsert_points(points(number + 3, number + 6), durable=False)
            await index.flush()
            number += 3
        print(number, flush=True)
        number += 3

asyncio.run(main())
"""


SHORT_OF_FILES = """
import asyncio, os, resource, sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[2]).parents[2]))
from kg.index.qdrant.embedded import EmbeddedIndex
from tests.support.index_points import OWNER
from kg.errors import StoreUnavailable

async def main():
    index = EmbeddedIndex(Path(sys.argv[1]), **OWNER)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    taken = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        os.close(taken.pop())
        os.close(taken.pop())
    try:
        await index.open()
    except StoreUnavailable as error:
        print("refused", error)

asyncio.run(main())
"""


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[EmbeddedIndex]:
    index = EmbeddedIndex(tmp_path / "index", **OWNER)
    await index.open()
    yield index
    await index.close()


async def start_writer(path: Path, start: int, durable: str = "at once") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), __file__, str(start), durable, stdout=asyncio.subprocess.PIPE
    )


async def acknowledged(writer: asyncio.subprocess.Process) -> int:
    assert writer.stdout is not None
    return int(await writer.stdout.readline())


@pytest.mark.parametrize("durable", ["at once", "by a flush"])
async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, durable: str) -> None:
    path = tmp_path / "index"
    kept = 0
    for _ in range(3):
        writer = await start_writer(path, kept, durable)
        for _ in range(7):
            last = await acknowledged(writer)
        writer.send_signal(signal.SIGKILL)
        assert writer.stdout is not None
        for line in (await writer.stdout.read()).split():
            last = int(line)
        assert await writer.wait() == -signal.SIGKILL
        kept = last + 3
        index = EmbeddedIndex(path, **OWNER)
        await index.open()
        assert not index.rebuilt
        assert set(range(kept)) <= await contents(index)
        found = await index.search([IndexQuery(points(0, 1)[0].text[0], "memory", "alice", 10_000)])
        assert len(found[0]) == await index.count()
        await index.close()


async def test_a_second_process_is_refused_by_the_name_of_the_first_until_that_dies(tmp_path: Path) -> None:
    path = tmp_path / "index"
    writer = await start_writer(path, 0)
    await acknowledged(writer)
    index = EmbeddedIndex(path, **OWNER)
    with pytest.raises(StoreUnavailable, match=f"process {writer.pid} ") as caught:
        await index.open()
    assert caught.value.retryable
    await acknowledged(writer)
    writer.kill()
    await writer.communicate()
    await index.open()
    assert await index.count() >= 6
    await index.close()


async def test_a_second_index_in_one_process_is_refused_too(index: EmbeddedIndex, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await EmbeddedIndex(tmp_path / "index", **OWNER).open()
    await index.upsert_points(points(0, 1))


@pytest.mark.parametrize("damage", ["garbage", "empty files", "no folder", "record"])
async def test_a_damaged_shard_is_set_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "index"
    first = EmbeddedIndex(path, **OWNER)
    await first.open()
    await first.upsert_points(points(0, 20))
    await first.close()
    (shard,) = path.glob("shard-*")
    files = [file for file in shard.rglob("*") if file.is_file()]
    if damage == "record":
        (path / "collection.json").write_text('{"format": 1, "sha')
    elif damage == "no folder":
        shard.rename(tmp_path / "elsewhere")
    else:
        for file in files:
            file.write_bytes(b"\xff" * 4096 if damage == "garbage" else b"")
    second = EmbeddedIndex(path, **OWNER)
    await second.open()
    assert second.rebuilt and second.collection_id not in ("", first.collection_id)
    assert await second.count() == 0
    await second.upsert_points(points(5, 8))
    await second.close()
    kept = [folder.name for folder in path.glob("*.broken-*")]
    assert [name.partition(".")[0] for name in kept] == ([] if damage == "no folder" else [shard.name])
    third = EmbeddedIndex(path, **OWNER)
    await third.open()
    assert not third.rebuilt and await contents(third) == {5, 6, 7}
    await third.close()


async def test_too_few_file_descriptors_are_no_damage(index: EmbeddedIndex, tmp_path: Path) -> None:
    await index.upsert_points(points(0, 20))
    await index.close()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SHORT_OF_FILES, str(tmp_path / "index"), __file__, stdout=asyncio.subprocess.PIPE
    )
    stdout, _ = await child.communicate()
    assert stdout.startswith(b"refused") and b"os error 24" in stdout
    await index.open()
    assert not index.rebuilt and await index.count() == 20


async def test_an_optimized_copy_takes_over_with_what_was_written_meanwhile(tmp_path: Path) -> None:
    half = asyncio.Event()

    async def after_half(folder: Path, started: Callable[[asyncio.subprocess.Process], None]) -> bool:
        await half.wait()
        return await optimize_copy(folder, started)

    index = EmbeddedIndex(tmp_path / "index", **OWNER, worth_optimizing=100, optimize_copy=after_half)
    await index.open()
    await index.upsert_points(points(0, 2499))
    await index.delete_points([point.uuid for point in points(0, 2000)])
    await index.upsert_points(points(2499, 2500), durable=False)
    (before,) = (tmp_path / "index").glob("shard-*")
    optimizing = asyncio.create_task(index.optimize())
    expected = set(range(2000, 2500))
    number = 3000
    while not optimizing.done():
        if number < 3020:  # fewer changes than are worth another optimization
            await index.upsert_points(points(number, number + 1), durable=False)
            await index.delete_points([points(number - 1000, number)[0].uuid])
            expected = (expected | {number}) - {number - 1000}
            number += 1
        if number == 3010:
            half.set()
        found = await index.search([IndexQuery(points(0, 1)[0].text[0], "memory", "alice", 10_000)])
        assert {UUID(hit.uuid).int - 1 for hit in found[0]} == expected
    assert await optimizing is True
    assert number >= 3010
    assert await contents(index) == expected
    (after,) = (tmp_path / "index").glob("shard-*")
    assert after != before
    assert await index.optimize() is False
    identity = index.collection_id
    await index.close()
    await index.open()
    assert await contents(index) == expected
    assert not index.rebuilt and index.collection_id == identity
    await index.close()


async def test_closing_ends_an_optimization_and_keeps_the_shard(tmp_path: Path) -> None:
    at_work = asyncio.Event()

    async def halted(folder: Path, started: Callable[[asyncio.subprocess.Process], None]) -> bool:
        def halt(child: asyncio.subprocess.Process) -> None:
            child.send_signal(signal.SIGSTOP)  # it must not be done before it is ended
            started(child)
            at_work.set()

        return await optimize_copy(folder, halt)

    index = EmbeddedIndex(tmp_path / "index", **OWNER, worth_optimizing=100, optimize_copy=halted)
    await index.open()
    await index.upsert_points(points(0, 2500))
    await index.delete_points([point.uuid for point in points(0, 2000)])
    (before,) = (tmp_path / "index").glob("shard-*")
    optimizing = asyncio.create_task(index.optimize())
    await at_work.wait()
    assert len(list((tmp_path / "index").glob("shard-*"))) == 2
    await index.close()
    assert await optimizing is False
    assert list((tmp_path / "index").glob("shard-*")) == [before]
    await index.open()
    assert await contents(index) == set(range(2000, 2500))
    await index.close()


async def test_leftovers_of_a_killed_optimization_are_cleared_away(index: EmbeddedIndex, tmp_path: Path) -> None:
    await index.upsert_points(points(0, 3))
    await index.close()
    (tmp_path / "index" / "shard-00000000" / "segments").mkdir(parents=True)
    await index.open()
    assert len(list((tmp_path / "index").glob("shard-*"))) == 1
    assert await index.count() == 3


async def test_a_closed_index_says_so(index: EmbeddedIndex) -> None:
    await index.close()
    await index.close()
    with pytest.raises(StoreUnavailable, match="not open"):
        await index.count()


async def test_the_folder_is_the_users_alone(index: EmbeddedIndex, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    assert folder.stat().st_mode & 0o077 == 0
    record = json.loads((folder / "collection.json").read_text())
    assert record["embedder"] == "onnx:one" and record["dimension"] == DIMENSION


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file"):
        await EmbeddedIndex(tmp_path / "file" / "index", **OWNER).open()


async def test_a_server_that_does_not_answer_is_retryable() -> None:
    index = ServerIndex("http://127.0.0.1:9", "", "any", **OWNER)
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        await index.open()
    assert caught.value.retryable
    with pytest.raises(StoreUnavailable, match="not open"):
        await index.count()


async def test_a_wrong_key_names_its_setting(qdrant_server: tuple[str, str]) -> None:
    url, _ = qdrant_server
    for key in ("", "wrong"):
        with pytest.raises(StoreUnavailable, match="KNOWTHREAD_QDRANT_API_KEY") as caught:
            await ServerIndex(url, key, "any", **OWNER).open()
        assert not caught.value.retryable


async def test_a_server_that_does_not_know_small_vectors_gets_float16_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = LocalQdrant(turbo=False)
    index = ServerIndex("http://old.example", "", "memories", connect=engine.connect, **OWNER)
    await index.open()
    await index.upsert_points(points(0, 3))
    assert await contents(index) == {0, 1, 2}
    vectors = (await engine.connect().get_collection("memories")).config.params.vectors
    assert isinstance(vectors, dict)
    assert {name: params.datatype for name, params in vectors.items()} == dict.fromkeys(
        ("text", "sentences", "tokens"), "float16"
    )
    assert "http://old.example does not know vectors of the Turbo kinds" in caplog.text
    await index.close()
    await engine.close()


async def test_an_address_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="KNOWTHREAD_QDRANT_URL"):
        await ServerIndex("ftp://example.invalid", "", "any", **OWNER).open()


async def test_a_collection_of_somebody_else_is_left_alone(qdrant: QdrantPlace) -> None:
    from qdrant_client.models import Distance, VectorParams

    name = f"foreign-{uuid4()}"
    client = qdrant.client()
    await client.create_collection(name, VectorParams(size=4, distance=Distance.DOT))
    with pytest.raises(ConfigurationError, match="not made by knowthread"):
        await qdrant.index(name, **OWNER).open()
    assert (await client.get_collection(name)).payload_schema == {}
    await client.close()


async def test_a_collection_that_vanished_is_reported(qdrant: QdrantPlace) -> None:
    name = f"vanishing-{uuid4()}"
    index = qdrant.index(name, **OWNER)
    await index.open()
    client = qdrant.client()
    await client.delete_collection(name)
    await client.close()
    with pytest.raises(StoreUnavailable, match="no longer has"):
        await index.upsert_points(points(0, 1))
    await index.close()


async def test_services_that_start_at_once_share_one_collection(qdrant: QdrantPlace) -> None:
    name = f"shared-{uuid4()}"
    indexes = [qdrant.index(name, **OWNER) for _ in range(4)]
    await asyncio.gather(*(index.open() for index in indexes))
    assert [index.rebuilt for index in indexes].count(True) == 1
    assert len({index.collection_id for index in indexes}) == 1
    for number, index in enumerate(indexes):
        await index.upsert_points(points(number, number + 1))
    assert [await index.count() for index in indexes] == [4] * 4
    for index in indexes:
        await index.close()
