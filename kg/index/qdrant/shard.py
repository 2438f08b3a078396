"""One shard of Qdrant Edge: our points and queries in its terms, its failures in ours.

The engine (0.9) keeps Python's global lock for the whole of every call, so calls are cut small, and the one that takes
minutes, building the search graph, runs in a process of its own on a copy (``optimize_copy``).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from errno import EACCES, EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS
from pathlib import Path
from typing import cast
from uuid import UUID

import qdrant_edge as edge

from kg.errors import StoreUnavailable
from kg.index.qdrant.kept_cards import KeptCards, OwnedCard
from kg.index.qdrant.mapped import give_back_mapped
from kg.index.qdrant.point_form import (
    CARD_FIELDS,
    ENTRY_FIELDS,
    FOLLOWERS,
    GRAPHS,
    STORE,
    Graph,
    cards_of,
    written_ids,
)
from kg.index.qdrant.shard_requests import edge_point, entry_of, nearest, query_request, uuid_of
from kg.index.qdrant.shard_vectors import field_indexes, shard_config
from kg.ports import (
    DenseName,
    IndexCard,
    IndexEntry,
    IndexHit,
    IndexPoint,
    IndexQuery,
    Vector,
)

_READ_FIELDS = [*CARD_FIELDS, "user_id"]

ENVIRONMENT = {EACCES, EAGAIN, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS}
"""Operating system errors that say nothing about the shard's files."""

OPTIMIZE = """
import os, sys, qdrant_edge
os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
changed = shard.optimize()
shard.flush()
shard.close()
sys.exit(0 if changed else 3)
"""
UNCHANGED = 3


class DamagedShard(Exception):
    """The engine cannot make sense of a shard's files."""


class Shard:
    """A loaded shard. Calls block; one thread at a time."""

    def __init__(self, loaded: edge.EdgeShard) -> None:
        self._edge = loaded
        self._kept = KeptCards()

    @classmethod
    def create(cls, path: Path, dimension: int, graphs: Mapping[str, Graph] = GRAPHS) -> Shard:
        """Make an empty shard in a new folder and flush it."""
        with _engine("creating the index"):
            path.mkdir(mode=0o700)
            shard = cls(edge.EdgeShard.create(str(path), shard_config(dimension, graphs)))
            for field, index in field_indexes():
                shard._edge.update(edge.UpdateOperation.create_field_index(field, index))
            shard._edge.flush()
        return shard

    @classmethod
    def load(cls, path: Path) -> Shard:
        """Load a shard; what the engine reads ahead of its files is given back.

        Raises:
            DamagedShard: its files are missing or broken.
            StoreUnavailable: something else than the files is in the way, such as a full disk.
        """
        try:
            with _engine(f"opening {path}"):
                shard = cls(edge.EdgeShard.load(str(path)))
                shard._edge.info()
        except StoreUnavailable as error:
            if _system_error(str(error)) in ENVIRONMENT or "WouldBlock" in str(error):
                raise
            raise DamagedShard(str(error)) from error
        give_back_mapped(path)
        return shard

    def upsert(self, points: Sequence[tuple[UUID, IndexPoint]]) -> None:
        """Insert or replace points; durable after the next ``flush``."""
        written = [str(point_id) for point_id, _ in points]
        self._kept.forget(written, (uuid for _, point in points for uuid in point.previous))
        with _engine("writing points"):
            self._edge.update(edge.UpdateOperation.upsert_points([edge_point(*point) for point in points]))

    def delete(self, ids: Sequence[UUID]) -> None:
        """Remove points; durable after the next ``flush``."""
        self._kept.forget(map(str, ids))
        with _engine("removing points"):
            self._edge.update(edge.UpdateOperation.delete_points(list(ids)))

    def flush(self) -> None:
        """Bring everything written so far to the disk."""
        with _engine("flushing"):
            self._edge.flush()

    def search(self, queries: Sequence[IndexQuery]) -> list[list[IndexHit]]:
        """Answer the queries in one pass."""
        requests = [query_request(query) for query in queries]
        with _engine("searching"):
            answers = self._edge.query_batch(edge.QueryBatchRequest(requests))
        found = [[IndexHit(uuid_of(hit), hit.score) for hit in hits] for hits in answers]
        for i, query in enumerate(queries):
            if query.with_cards:
                cards = self._read_cards([hit.uuid for hit in found[i]])
                found[i] = [IndexHit(uuid, score, cards[uuid][1]) for uuid, score, _ in found[i] if uuid in cards]
        return found

    def kept_cards(self, user_id: str, uuids: Sequence[str], following: Sequence[str]) -> list[IndexCard] | None:
        """Return what ``cards`` does if all of it is in memory. Does not block; any thread may ask."""
        return self._kept.find_all(user_id, uuids, following)

    def cards(self, user_id: str, uuids: Sequence[str], following: Sequence[str]) -> list[IndexCard]:
        """Return what ranking reads of some points, and of the messages of which some are among the ``previous``."""
        known = self._kept.find_followers(user_id, following)
        found = self._read_cards(dict.fromkeys([*uuids, *(uuid for after in known.values() for uuid in after)]))
        before = written_ids([uuid for uuid in following if uuid not in known])
        if before:
            of_user = edge.FieldCondition("user_id", edge.MatchValue(user_id))
            after = edge.FieldCondition("previous", edge.MatchAny(before))
            request = edge.ScrollRequest(
                limit=len(before) * FOLLOWERS,
                filter=edge.Filter(must=[of_user, after]),
                with_payload=_READ_FIELDS,
                with_vector=False,
            )
            with _engine("reading points"):
                read = self._keep(self._edge.scroll(request)[0])
            self._kept.keep_followers(user_id, before, [card for _, card in read.values()])
            found |= read
        return [card for owner, card in found.values() if owner == user_id]

    def _read_cards(self, uuids: Iterable[str]) -> dict[str, OwnedCard]:
        """Return the owner and the card of those points that exist."""
        wanted = list(uuids)
        found = self._kept.find(wanted)
        ids: list[edge.PointId] = [*written_ids([uuid for uuid in wanted if uuid not in found])]
        if ids:
            with _engine("reading points"):
                found |= self._keep(self._edge.retrieve(ids, _READ_FIELDS, False))
        return found

    def _keep(self, records: Iterable[edge.Record]) -> dict[str, OwnedCard]:
        """Keep the cards that were read, and return them."""
        read = {card.uuid: (owner, card) for owner, card in cards_of((one.id, one.payload) for one in records)}
        self._kept.keep(read)
        return read

    def similarities(self, using: DenseName, vector: Vector, ids: Sequence[UUID]) -> dict[UUID, float]:
        """Return the cosine of each existing point to a vector, compared one by one."""
        request = edge.QueryRequest(
            len(ids),
            query=nearest(using, vector),
            filter=edge.Filter(must=[edge.HasIdCondition(set(ids))]),
            with_payload=False,
            with_vector=False,
            params=edge.SearchParams(exact=True),
        )
        with _engine("comparing points"):
            hits = self._edge.query(request)
        return {cast(UUID, hit.id): hit.score for hit in hits}

    def page(self, offset: edge.PointId | None, limit: int) -> tuple[list[IndexEntry], edge.PointId | None]:
        """Return entries by id from an offset on, and the next offset."""
        request = edge.ScrollRequest(offset=offset, limit=limit, with_payload=list(ENTRY_FIELDS), with_vector=False)
        with _engine("scanning"):
            records, following = self._edge.scroll(request)
        return [entry_of(record) for record in records], following

    def count(self) -> int:
        """Return the exact number of points."""
        with _engine("counting"):
            return self._edge.count(edge.CountRequest(exact=True))

    def count_unindexed(self) -> int:
        """Return about how many points are found by full scan only."""
        with _engine("inspecting the index"):
            info = self._edge.info()
            in_no_graph = sum(
                self._edge.count(
                    edge.CountRequest(exact=True, filter=edge.Filter(must=[edge.HasVectorCondition(name)]))
                )
                for name in ("words", "tokens")
            )
        # Words are counted as indexed at once, and word pieces are never searched without a filter on ids.
        return max(
            0, info.points_count - max(0, info.indexed_vectors_count - in_no_graph) // len(("text", "sentences"))
        )

    def copy_points(self, ids: Sequence[UUID], target: Shard) -> None:
        """Make a few points of another shard what they are in this one."""
        target._kept.forget(map(str, ids))
        with _engine("copying points"):
            records = self._edge.retrieve(list(ids), True, True)
            target._edge.update(edge.UpdateOperation.delete_points(list(ids)))
            points = [edge.Point(r.id, cast("edge.Vector", r.vector), r.payload) for r in records]
            target._edge.update(edge.UpdateOperation.upsert_points(points))

    def close(self) -> None:
        """Release the files; flushes as well."""
        with _engine("closing"):
            self._edge.close()


def copy_shard(source: Path, target: Path) -> None:
    """Copy the files of a shard that nobody writes to, leaving holes where they have holes."""
    target.mkdir(mode=0o700)
    shutil.copytree(source, target, copy_function=_copy_sparse, dirs_exist_ok=True)


async def optimize_copy(path: Path, started: Callable[[asyncio.subprocess.Process], None]) -> bool:
    """Merge and index a shard that no process has open, in a process of its own; True if anything changed.

    Raises:
        StoreUnavailable: the process failed or was ended.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        OPTIMIZE,
        str(path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    started(child)
    try:
        _, stderr = await child.communicate()
    except BaseException:
        child.kill()
        await child.wait()
        raise
    if child.returncode not in (0, UNCHANGED):
        reason = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise StoreUnavailable(STORE, f"optimizing ended with {child.returncode}: {reason}", retryable=True)
    return child.returncode == 0


@contextmanager
def _engine(doing: str) -> Generator[None]:
    """Translate the engine's failures: it raises bare ``Exception``, and its panics derive from ``BaseException``."""
    try:
        yield
    except BaseException as error:
        panic = type(error).__name__ == "PanicException"
        if type(error) is Exception or panic or isinstance(error, OSError):
            raise StoreUnavailable(STORE, f"{doing} failed: {error}", retryable=not panic) from error
        raise


def _system_error(message: str) -> int | None:
    found = re.search(r"os error (\d+)|code: (\d+)", message)
    return int(found[1] or found[2]) if found else None


def _copy_sparse(source: str, target: str) -> None:
    block = 2**16
    with Path(source).open("rb") as reader, Path(target).open("wb") as writer:
        while chunk := reader.read(block):
            if chunk.count(0) == len(chunk):
                writer.seek(len(chunk), os.SEEK_CUR)
            else:
                writer.write(chunk)
        writer.truncate(reader.tell())
