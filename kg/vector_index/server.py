"""The index on a Qdrant server or cluster, which several services may share.

Invariant: a collection is used only when its metadata names our embedder. Writes wait until they are applied.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

from kg.errors import ConfigurationError, StoreUnavailable
from kg.ports import IndexEntry, IndexHit, IndexPoint, IndexQuery, PointKind, Vector, VectorName
from kg.vector_index._points import (
    ENTRY_FIELDS,
    KEYWORD_FIELDS,
    STORE,
    TIME_FIELDS,
    Owner,
    check_vector,
    checked_points,
    criteria_of,
    payload_of,
    point_ids,
)

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient
    from qdrant_client.models import Filter, Record

log = logging.getLogger(__name__)

CHUNK = 100
"""Points in one request."""

TIMEOUT_S = 30
UNAUTHORIZED, NOT_FOUND, CONFLICT, REQUEST_TIMEOUT = (401, 403), 404, 409, 408
SERVER_ERROR = 500


class ServerIndex:
    """``kg.ports.VectorIndex`` in one collection of a server (1.16 or later: it keeps our metadata).

    Attributes:
        collection_id: identity of the present collection; another one than before means that everything has to be
            indexed again.
        rebuilt: whether ``open`` had to begin with an empty collection.
    """

    def __init__(
        self, url: str, api_key: str, collection: str, *, embedder_name: str, dimension: int, digest: str
    ) -> None:
        self.collection_id = ""
        self.rebuilt = False
        self._url = url
        self._api_key = api_key
        self._collection = collection
        self._owner = Owner(embedder_name, dimension, digest)
        self._opened: AsyncQdrantClient | None = None

    async def open(self) -> None:
        """Connect, and create the collection where there is none.

        Raises:
            ConfigurationError: the collection was built with another embedder, or is none of ours.
            StoreUnavailable: the server does not answer, refuses the key or is too old.
        """
        if self._opened is not None:
            return
        client = self._connect()
        try:
            with _server(self._url):
                self.rebuilt = await self._create_where_missing(client)
                info = await client.get_collection(self._collection)
                self._check(info.config.metadata)
                await self._index_payload(client, info.payload_schema)
        except BaseException:
            await client.close()
            raise
        self._opened = client

    async def upsert_points(self, points: Sequence[IndexPoint]) -> None:
        """Insert or replace points; they are durable and searchable when this returns.

        Raises:
            InvalidInput: a point that no collection of this embedder can hold; none is written then.
        """
        from qdrant_client.models import PointStruct

        checked = checked_points(points, self._owner.dimension)
        for start in range(0, len(checked), CHUNK):
            chunk = [
                PointStruct(
                    id=str(point_id),
                    vector=cast(Any, {"text": point.text.tolist(), "sentences": point.sentences.tolist()}),
                    payload=cast("dict[str, Any]", payload_of(point)),
                )
                for point_id, point in checked[start : start + CHUNK]
            ]
            with _server(self._url):
                await self._client.upsert(self._collection, chunk, wait=True)

    async def delete_points(self, uuids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored; durable when this returns."""
        from qdrant_client.models import PointIdsList

        ids = [str(point_id) for point_id in point_ids(uuids)]
        if ids:
            with _server(self._url):
                await self._client.delete(self._collection, PointIdsList(points=list(ids)), wait=True)

    async def search(self, queries: Sequence[IndexQuery]) -> list[list[IndexHit]]:
        """Answer all queries in one batch: per query at most ``top_k`` hits, nearest first."""
        from qdrant_client.models import QueryRequest

        for query in queries:
            check_vector("vector", query.vector, (self._owner.dimension,))
        if not queries:
            return []
        requests = [
            QueryRequest(
                query=_shaped(query.using, query.vector),
                using=query.using,
                filter=_filter(query),
                limit=query.top_k,
                with_payload=False,
                with_vector=False,
            )
            for query in queries
        ]
        with _server(self._url):
            answers = await self._client.query_batch_points(self._collection, requests)
        return [[IndexHit(str(hit.id), hit.score) for hit in answer.points] for answer in answers]

    async def similarities(self, using: VectorName, vector: Vector, uuids: Sequence[str]) -> dict[str, float]:
        """Return the cosine of each of these points to a vector; points that do not exist are left out."""
        from qdrant_client.models import Filter, HasIdCondition, SearchParams

        check_vector("vector", vector, (self._owner.dimension,))
        ids = {str(point_id): uuid for point_id, uuid in point_ids(uuids).items()}
        if not ids:
            return {}
        with _server(self._url):
            answer = await self._client.query_points(
                self._collection,
                query=_shaped(using, vector),
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
            with _server(self._url):
                records, offset = await self._client.scroll(
                    self._collection,
                    limit=batch_size,
                    offset=offset,
                    with_payload=list(ENTRY_FIELDS),
                    with_vectors=False,
                )
            if records:
                yield [_entry(record) for record in records]
            if offset is None:
                return

    async def count(self) -> int:
        """Return the exact number of points."""
        with _server(self._url):
            return (await self._client.count(self._collection, exact=True)).count

    async def optimize(self) -> bool:
        """Do nothing: a server optimizes by itself."""
        return False

    async def close(self) -> None:
        """Release the connections."""
        client, self._opened = self._opened, None
        if client is not None:
            await client.close()

    @property
    def _client(self) -> AsyncQdrantClient:
        if self._opened is None:
            raise StoreUnavailable(STORE, f"the index on {self._url} is not open", retryable=False)
        return self._opened

    def _connect(self) -> AsyncQdrantClient:
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

    async def _create_where_missing(self, client: AsyncQdrantClient) -> bool:
        """Return whether this call made the collection."""
        from qdrant_client.http.exceptions import UnexpectedResponse
        from qdrant_client.models import (
            Distance,
            MultiVectorComparator,
            MultiVectorConfig,
            VectorParams,
        )

        if await client.collection_exists(self._collection):
            return False
        max_sim = MultiVectorConfig(comparator=MultiVectorComparator.MAX_SIM)
        size, cosine = self._owner.dimension, Distance.COSINE
        try:
            return await client.create_collection(
                self._collection,
                vectors_config={
                    "text": VectorParams(size=size, distance=cosine),
                    "sentences": VectorParams(size=size, distance=cosine, multivector_config=max_sim),
                },
                metadata={"collection_id": str(uuid4()), **self._owner.as_record()},
            )
        except UnexpectedResponse as error:
            if error.status_code == CONFLICT:  # another service made it at the same moment
                return False
            raise

    async def _index_payload(self, client: AsyncQdrantClient, existing: Mapping[str, object]) -> None:
        from qdrant_client.models import KeywordIndexParams, KeywordIndexType, PayloadSchemaType

        wanted = {
            "user_id": KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True),
            **dict.fromkeys(KEYWORD_FIELDS, PayloadSchemaType.KEYWORD),
            **dict.fromkeys(TIME_FIELDS, PayloadSchemaType.DATETIME),
        }
        for field, schema in wanted.items():
            if field not in existing:
                await client.create_payload_index(self._collection, field, schema, wait=True)

    def _check(self, record: dict[str, Any] | None) -> None:
        if record is None or "collection_id" not in record:
            if self.rebuilt:
                raise StoreUnavailable(STORE, f"{self._url} is older than Qdrant 1.16; update it", retryable=False)
            raise ConfigurationError(
                "KNOWTHREAD_QDRANT_URL",
                f"the collection {self._collection} on {self._url} was not made by knowthread",
                "name another server, or remove or rename that collection",
            )
        self._owner.check(record, f"the collection {self._collection} on {self._url}")
        self.collection_id = str(record["collection_id"])


@contextmanager
def _server(url: str) -> Generator[None]:
    """Translate the client's failures."""
    from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    try:
        yield
    except UnexpectedResponse as error:
        status = error.status_code or SERVER_ERROR
        if status in UNAUTHORIZED:
            message = f"{url} refuses the key (HTTP {status}); set KNOWTHREAD_QDRANT_API_KEY"
        elif status == NOT_FOUND:
            message = f"{url} no longer has the collection; restart with `knowthread stop`, it is then built anew"
        else:
            message = f"{url} answered HTTP {status}: {error.content[:200].decode(errors='replace')}"
        retryable = status >= SERVER_ERROR or status == REQUEST_TIMEOUT
        raise StoreUnavailable(STORE, message, retryable=retryable) from error
    except ResourceExhaustedResponse as error:
        raise StoreUnavailable(STORE, f"{url} is busy: {error}", retryable=True) from error
    except ResponseHandlingException as error:
        reason = f"{type(error.source).__name__}: {error.source}"
        raise StoreUnavailable(STORE, f"{url} does not answer ({reason})", retryable=True) from error


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shaped(using: VectorName, vector: Vector) -> Any:
    return [vector.tolist()] if using == "sentences" else vector.tolist()


def _filter(query: IndexQuery) -> Filter:
    from qdrant_client.models import DatetimeRange, FieldCondition, Filter, MatchAny, MatchValue

    criteria = criteria_of(query)
    must = [
        FieldCondition(key=field, match=MatchValue(value=values[0]) if len(values) == 1 else MatchAny(any=list(values)))
        for field, values in criteria.keywords
    ]
    must_not: list[FieldCondition] = []
    if criteria.instant is not None:
        instant = cast(Any, criteria.instant)
        # Said by exclusion, so that a missing bound is an open one.
        must_not = [
            FieldCondition(key="valid_at", range=DatetimeRange(gt=instant)),
            FieldCondition(key="invalid_at", range=DatetimeRange(lte=instant)),
        ]
    return Filter(must=list(must), must_not=list(must_not))


def _entry(record: Record) -> IndexEntry:
    payload = record.payload or {}
    return IndexEntry(str(record.id), cast(PointKind, payload["kind"]), str(payload["content_hash"]))
