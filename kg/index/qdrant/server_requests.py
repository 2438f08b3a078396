"""Our questions in the terms of Qdrant's client, its answers and failures in ours."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from kg.errors import StoreUnavailable
from kg.index.qdrant.points import STORE, criteria_of, payload_of
from kg.ports import IndexEntry, IndexPoint, IndexQuery, PointKind, Vector, VectorName

if TYPE_CHECKING:
    from uuid import UUID

    from qdrant_client.models import Filter, PointStruct, QueryRequest, Record

UNAUTHORIZED, NOT_FOUND, CONFLICT, REQUEST_TIMEOUT = (401, 403), 404, 409, 408
SERVER_ERROR = 500


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
                "restart with `knowthread stop`, and whatever is missing is indexed anew"
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

    return PointStruct(
        id=str(point_id),
        vector=cast(Any, {"text": point.text.tolist(), "sentences": point.sentences.tolist()}),
        payload=cast("dict[str, Any]", payload_of(point)),
    )


def query_request(query: IndexQuery) -> QueryRequest:
    """Return one leg of a search as it is sent."""
    from qdrant_client.models import QueryRequest

    return QueryRequest(
        query=shaped(query.using, query.vector),
        using=query.using,
        filter=_filter(query),
        limit=query.top_k,
        with_payload=False,
        with_vector=False,
    )


def shaped(using: VectorName, vector: Vector) -> Any:
    """Return a question's vector in the form that the named vector takes."""
    return [vector.tolist()] if using == "sentences" else vector.tolist()


def _filter(query: IndexQuery) -> Filter:
    from qdrant_client.models import DatetimeRange, FieldCondition, Filter, MatchAny, MatchValue

    criteria = criteria_of(query)
    must = [
        FieldCondition(key=field, match=MatchValue(value=values[0]) if len(values) == 1 else MatchAny(any=list(values)))
        for field, values in criteria.keywords
    ]
    # Said by exclusion, so that a missing bound is an open one.
    must_not = [
        *(FieldCondition(key=field, range=DatetimeRange(gt=cast(Any, at))) for field, at in criteria.not_after),
        *(FieldCondition(key=field, range=DatetimeRange(lte=cast(Any, at))) for field, at in criteria.not_by),
    ]
    return Filter(must=list(must), must_not=list(must_not))


def entry_of(record: Record) -> IndexEntry:
    """Return what a scanned point says of itself."""
    payload = record.payload or {}
    return IndexEntry(str(record.id), cast(PointKind, payload["kind"]), str(payload["content_hash"]))
