"""The index on a Qdrant server or cluster, which several services may share.

Invariant: a collection is used only when its metadata names our embedder. Writes wait until they are applied.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kg.errors import ConfigurationError, OutdatedIndex, StoreUnavailable
from kg.index.qdrant.point_form import (
    CARD_FIELDS,
    ENTRY_FIELDS,
    FOLLOWERS,
    STORE,
    Owner,
    cards_of,
    check_vector,
    checked_points,
    checked_query,
    point_ids,
    written_ids,
)
from kg.index.qdrant.server_collections import Collection, Collections
from kg.index.qdrant.server_requests import asking, entry_of, hit_of, point_struct, query_request, shaped
from kg.ports import DenseName, IndexCard, IndexEntry, IndexHit, IndexPoint, IndexQuery, Vector

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient

log = logging.getLogger(__name__)

CHUNK = 100
"""Points in one request."""

TIMEOUT_S = 30


class ServerIndex:
    """``kg.ports.VectorIndex`` on a server (1.16 or later: it keeps our metadata).

    Attributes:
        rebuilt: whether ``open`` had to begin with an empty collection.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        collection: str,
        *,
        embedder_name: str,
        dimension: int,
        digest: str,
        connect: Callable[[], AsyncQdrantClient] | None = None,
    ) -> None:
        """``connect``: makes the client, in the place of one for the address and the key."""
        self.rebuilt = False
        self._url = url
        self._api_key = api_key
        self._base = collection
        self._owner = Owner(embedder_name, dimension, digest)
        self._connect = connect or self._connect_server
        self._opened: AsyncQdrantClient | None = None
        self._present: Collection | None = None
        self._building: Collection | None = None
        self._unusable = ""
        self._opening = asyncio.Lock()
        self._writing = asyncio.Lock()

    @property
    def collection_id(self) -> str:
        """Identity of the collection that is read; another one than before means that it may lack anything."""
        return self._present.collection_id if self._present else ""

    @property
    def building_id(self) -> str | None:
        """Identity of the collection that is being built to replace it, None without one."""
        return self._building.collection_id if self._building else None

    async def open(self) -> None:
        """Connect, and create the collection where there is none.

        Raises:
            ConfigurationError: the collection was built with another embedder, and none is being built with this one;
                or it is none of ours.
            StoreUnavailable: the server does not answer, refuses the key or is too old.
        """
        await self._ensure_open(rebuilds=False)

    async def begin_rebuild(self) -> str:
        """Begin an empty second collection, or go on with one begun before; return its identity."""
        await self._ensure_open(rebuilds=True)
        async with self._writing:
            if self._building is None:
                with asking(self._url):
                    present, building = await self._collections.find()
                    self._building = building or await self._collections.create_next(present)
            return self._building.collection_id

    async def finish_rebuild(self) -> None:
        """Let the collection that was being built take the place of the present one, which is removed."""
        async with self._writing:
            if self._building is None:
                raise StoreUnavailable(STORE, f"no index is being built on {self._url}", retryable=False)
            with asking(self._url):
                await self._collections.promote(self._building)
            self._present, self._building, self._unusable = self._building, None, ""

    async def drop_rebuild(self) -> None:
        """Remove the collection that is being built, if any; an index whose present one is unreadable is closed."""
        async with self._writing:
            building, self._building = self._building, None
            if building is not None:
                with asking(self._url):
                    await self._collections.remove(building)
        if self._present is None:
            await self.close()

    async def upsert_points(self, points: Sequence[IndexPoint], *, durable: bool = True) -> None:
        """Insert or replace points; they are durable and searchable when this returns, asked for or not.

        Raises:
            InvalidInput: a point that no collection of this embedder can hold; none is written then.
        """
        checked = checked_points(points, self._owner.dimension)
        chunks = [
            [point_struct(*one) for one in checked[start : start + CHUNK]] for start in range(0, len(checked), CHUNK)
        ]

        async def write(collection: Collection) -> None:
            for chunk in chunks:
                await self._client.upsert(collection.name, chunk, wait=True)

        if chunks:
            await self._write(write)

    async def flush(self) -> None:
        """Do nothing: a server acknowledges only what it has in its log."""

    async def delete_points(self, uuids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored; durable when this returns."""
        from qdrant_client.models import PointIdsList

        ids: list[Any] = [*written_ids(uuids)]

        async def write(collection: Collection) -> None:
            await self._client.delete(collection.name, PointIdsList(points=ids), wait=True)

        if ids:
            await self._write(write)

    async def search(self, queries: Sequence[IndexQuery]) -> list[list[IndexHit]]:
        """Answer all queries in one batch: per query at most ``top_k`` hits, best first."""
        requests = [query_request(checked_query(query, self._owner.dimension)) for query in queries]
        if not requests:
            return []
        with asking(self._url):
            answers = await self._client.query_batch_points(self._read.name, requests)
        return [[hit_of(hit) for hit in answer.points] for answer in answers]

    async def cards(self, user_id: str, uuids: Sequence[str], following: Sequence[str]) -> list[IndexCard]:
        """Return the cards of some of a user's points, and of the messages of which some are among the ``previous``."""
        from qdrant_client.models import FieldCondition, Filter, MatchAny, MatchValue

        name, fields = self._read.name, [*CARD_FIELDS, "user_id"]
        ids = written_ids(uuids)
        before = written_ids(following)
        records: list[Any] = []
        with asking(self._url):
            if ids:
                records += await self._client.retrieve(name, ids, with_payload=fields, with_vectors=False)
            if before:
                of_user = FieldCondition(key="user_id", match=MatchValue(value=user_id))
                after = FieldCondition(key="previous", match=MatchAny(any=before))
                found, _ = await self._client.scroll(
                    name,
                    scroll_filter=Filter(must=[of_user, after]),
                    limit=len(before) * FOLLOWERS,
                    with_payload=fields,
                    with_vectors=False,
                )
                records += found
        read = cards_of((record.id, record.payload) for record in records)
        return list({card.uuid: card for owner, card in read if owner == user_id}.values())

    async def similarities(self, using: DenseName, vector: Vector, uuids: Sequence[str]) -> dict[str, float]:
        """Return the cosine of each of these points to a vector; points that do not exist are left out."""
        from qdrant_client.models import Filter, HasIdCondition, SearchParams

        check_vector("vector", vector, (self._owner.dimension,))
        ids = {str(point_id): uuid for point_id, uuid in point_ids(uuids).items()}
        if not ids:
            return {}
        with asking(self._url):
            answer = await self._client.query_points(
                self._read.name,
                query=shaped(using, vector),
                using=using,
                query_filter=Filter(must=[HasIdCondition(has_id=list(ids))]),
                search_params=SearchParams(exact=True),
                limit=len(ids),
                with_payload=False,
            )
        return {ids[str(hit.id)]: hit.score for hit in answer.points}

    async def scan(self, batch_size: int = 1000) -> AsyncIterator[list[IndexEntry]]:
        """Yield every point once, in batches, by id."""
        offset = None
        while True:
            with asking(self._url):
                records, offset = await self._client.scroll(
                    self._read.name,
                    limit=batch_size,
                    offset=offset,
                    with_payload=list(ENTRY_FIELDS),
                    with_vectors=False,
                )
            if records:
                yield [entry_of(record) for record in records]
            if offset is None:
                return

    async def count(self) -> int:
        """Return the exact number of points."""
        with asking(self._url):
            return (await self._client.count(self._read.name, exact=True)).count

    async def optimize(self) -> bool:
        """Do nothing: a server optimizes by itself."""
        return False

    async def rest(self) -> None:
        """Do nothing: a server has memory of its own."""

    async def close(self) -> None:
        """Release the connections."""
        client, self._opened = self._opened, None
        self._building = None
        if client is not None:
            await client.close()

    @property
    def _client(self) -> AsyncQdrantClient:
        if self._opened is None:
            raise self._closed()
        return self._opened

    @property
    def _collections(self) -> Collections:
        return Collections(self._client, self._url, self._base, self._owner)

    @property
    def _read(self) -> Collection:
        """The collection that searches are answered from."""
        if self._present is None:
            raise self._closed()
        return self._present

    def _closed(self) -> StoreUnavailable:
        because = f": {self._unusable}" if self._unusable else ""
        return StoreUnavailable(STORE, f"the index on {self._url} is not open{because}", retryable=False)

    async def _write(self, write: Callable[[Collection], Awaitable[None]]) -> None:
        """Apply a change to the collection that is read and to the one that is being built."""
        async with self._writing:
            if self._building is None:
                with asking(self._url):
                    await write(self._read)
                return
            with asking(self._url):
                await write(self._building)
            if self._present is not None:
                try:
                    with asking(self._url):
                        await write(self._present)
                except StoreUnavailable as error:  # it may be damaged, and must not hold up what replaces it
                    log.warning("the index that is being replaced does not take a change: %s", error)

    async def _ensure_open(self, *, rebuilds: bool) -> None:
        async with self._opening:
            if self._opened is not None:
                return
            self._opened = client = self._connect()
            try:
                with asking(self._url):
                    await self._find(rebuilds)
            except BaseException:
                self._opened = self._present = self._building = None
                await client.close()
                raise

    async def _find(self, rebuilds: bool) -> None:
        collections = self._collections
        self.rebuilt, self._unusable, self._present = False, "", None
        present, self._building = await collections.find()
        if present is None:
            self.rebuilt = await collections.create_first()
            present, self._building = await collections.find()
        if present is None:
            raise StoreUnavailable(STORE, f"{self._url} lost the collection {self._base} again", retryable=True)
        try:
            self._owner.check(present.record, f"the collection {present.name} on {self._url}")
        except (ConfigurationError, OutdatedIndex) as error:
            self._unusable = str(error)
            if self._building is None and not rebuilds:
                raise
        else:
            self._present = present
            await collections.remove_replaced(present)
        for collection in (self._present, self._building):
            if collection is not None:
                await collections.prepare(collection.name)

    def _connect_server(self) -> AsyncQdrantClient:
        from qdrant_client import AsyncQdrantClient

        local = _is_loopback(self._url)
        if self._api_key and self._url.startswith("http:") and not local:
            log.warning("the key for %s travels unencrypted; use https", self._url)
        # The key goes as a header because the client would raise its own warning, even for a loopback server.
        headers = {"api-key": self._api_key} if self._api_key else {}
        options: dict[str, Any] = {"headers": headers, "trust_env": not local}
        try:
            return AsyncQdrantClient(url=self._url, timeout=TIMEOUT_S, check_compatibility=False, **options)
        except ValueError as error:
            raise ConfigurationError(
                "KNOWTHREAD_QDRANT_URL", f"{self._url!r}: {error}", "http(s)://host:6333"
            ) from error


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
