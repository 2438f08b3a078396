"""Our questions in the terms of Qdrant's client, its answers and failures in ours."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from kg.errors import StoreUnavailable
from kg.index.qdrant.point_form import (
    CARD_FIELDS,
    SET,
    STORE,
    card_of,
    criteria_of,
    payload_of,
    search_params,
    written_ids,
)
from kg.ports import IndexEntry, IndexHit, IndexPoint, IndexQuery, PointKind, Vector, VectorName

if TYPE_CHECKING:
    from uuid import UUID

    from qdrant_client.models import DatetimeRange, Filter, PointStruct, QueryRequest, Record, ScoredPoint, SparseVector

UNAUTHORIZED, NOT_FOUND, CONFLICT, REQUEST_TIMEOUT = (401, 403), 404, 409, 408
SERVER_ERROR = 500
REFUSED = (400, 422)
"""What a server says to a request that it does not understand."""


@contextmanager
def asking(url: str) -> Generator[None]:
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
            message = (
                f"{url} no longer has the collection, it was removed or rebuilt by another service; "
                "restart with `knowthread stop`, and whatever is missing is indexed again"
            )
        else:
            message = f"{url} answered HTTP {status}: {error.content[:200].decode(errors='replace')}"
        retryable = status >= SERVER_ERROR or status == REQUEST_TIMEOUT
        raise StoreUnavailable(STORE, message, retryable=retryable) from error
    except ResourceExhaustedResponse as error:
        raise StoreUnavailable(STORE, f"{url} is busy: {error}", retryable=True) from error
    except ResponseHandlingException as error:
        reason = f"{type(error.source).__name__}: {error.source}"
        raise StoreUnavailable(STORE, f"{url} does not answer ({reason})", retryable=True) from error


def point_struct(point_id: UUID, point: IndexPoint) -> PointStruct:
    """Return a point as it is sent."""
    from qdrant_client.models import PointStruct

    vectors: dict[str, Any] = {"text": point.text.tolist()}
    if point.sentences is not None:
        vectors["sentences"] = point.sentences.tolist()
    if point.tokens is not None and len(point.tokens):
        vectors["tokens"] = point.tokens.tolist()
    if point.words:
        vectors["words"] = _sparse(point.words)
    return PointStruct(
        id=str(point_id),
        vector=vectors,
        payload=cast("dict[str, Any]", payload_of(point)),
    )


def query_request(query: IndexQuery) -> QueryRequest:
    """Return one leg of a search as it is sent."""
    from qdrant_client.models import QueryRequest, SearchParams

    return QueryRequest(
        query=shaped(query.using, query.vector),
        using=query.using,
        filter=_filter(query),
        limit=query.top_k,
        params=SearchParams(**search_params(query)),
        with_payload=list(CARD_FIELDS) if query.with_cards else False,
        with_vector=False,
    )


def shaped(using: VectorName, vector: Vector | Mapping[int, float]) -> Any:
    """Return what is searched for in the form that the named vector takes."""
    if isinstance(vector, Mapping):
        return _sparse(vector)
    return vector.tolist() if using == "tokens" else [vector.tolist()]


def hit_of(hit: ScoredPoint) -> IndexHit:
    """Return what a query found."""
    uuid = str(hit.id)
    return IndexHit(uuid, hit.score, card_of(uuid, hit.payload) if hit.payload else None)


def _sparse(weights: Mapping[int, float]) -> SparseVector:
    from qdrant_client.models import SparseVector

    return SparseVector(indices=list(weights), values=list(weights.values()))


def _filter(query: IndexQuery) -> Filter:
    from qdrant_client.models import FieldCondition, Filter, HasIdCondition, MatchAny, MatchValue

    criteria = criteria_of(query)
    must: list[Any] = [
        FieldCondition(key=field, match=MatchValue(value=values[0]) if len(values) == 1 else MatchAny(any=list(values)))
        for field, values in criteria.keywords
    ]
    must += [FieldCondition(key=field, range=_times(gte=first, lte=last)) for field, first, last in criteria.ranges]
    if query.among is not None:
        must.append(HasIdCondition(has_id=[*written_ids(query.among)]))
    # Said by exclusion, so that a missing bound is an open one.
    must_not: list[Any] = [
        *(FieldCondition(key=field, match=MatchValue(value=SET)) for field in criteria.unset),
        *(FieldCondition(key=field, range=_times(gt=at)) for field, at in criteria.not_after),
        *(FieldCondition(key=field, range=_times(lte=at)) for field, at in criteria.not_by),
    ]
    return Filter(must=must, must_not=must_not)


def _times(**bounds: Any) -> DatetimeRange:
    """Return a range of instants that are texts, which the server takes too; its client's types name Python's alone."""
    from qdrant_client.models import DatetimeRange

    return DatetimeRange(**bounds)


def entry_of(record: Record) -> IndexEntry:
    """Return what a scanned point says of itself."""
    payload = record.payload or {}
    return IndexEntry(str(record.id), cast(PointKind, payload["kind"]), str(payload["content_hash"]))
