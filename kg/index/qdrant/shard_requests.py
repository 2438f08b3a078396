"""Our points and queries in the terms of Qdrant Edge, its answers in ours."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from kg.index.qdrant.point_form import SET, criteria_of, payload_of, search_params, written_ids
from kg.ports import IndexEntry, IndexPoint, IndexQuery, PointKind, Vector, VectorName


def edge_point(point_id: UUID, point: IndexPoint) -> edge.Point:
    """Return a point as the engine takes it."""
    vectors: dict[str, Any] = {"text": _rows(point.text)}
    if point.sentences is not None:
        vectors["sentences"] = _rows(point.sentences)
    if point.tokens is not None and len(point.tokens):
        vectors["tokens"] = _rows(point.tokens)
    if point.words:
        vectors["words"] = _sparse(point.words)
    return edge.Point(point_id, cast("edge.Vector", vectors), payload_of(point))


def _rows(vectors: Vector) -> list[array[float]]:
    """Return vectors in the form that the engine reads quickest: in a third of the time that it takes for numpy's."""
    return [array("f", row.tobytes()) for row in np.asarray(vectors, np.float32)]


def _sparse(weights: Mapping[int, float]) -> edge.SparseVector:
    return edge.SparseVector(list(weights), list(weights.values()))


def query_request(query: IndexQuery) -> edge.QueryRequest:
    """Return one leg of a search as the engine takes it."""
    return edge.QueryRequest(
        query.top_k,
        query=nearest(query.using, query.vector),
        filter=_filter(query),
        with_payload=False,
        with_vector=False,
        params=edge.SearchParams(**search_params(query)),
    )


def uuid_of(hit: edge.ScoredPoint) -> str:
    """Return the id of what a query found without payload, as it is written.

    A hit as text begins ``ScoredPoint(id="`` and its id. To make a UUID of the id and to write that takes three times
    as long, and a search finds some 900 hits.
    """
    return repr(hit)[16:52]


def nearest(using: VectorName, vector: Vector | Mapping[int, float]) -> edge.Query:
    """Return what is searched for in the form that the named vector takes."""
    if isinstance(vector, Mapping):
        return edge.Query.Nearest(_sparse(vector), using)
    shaped = vector if using == "tokens" else vector[None, :]
    return edge.Query.Nearest(cast("edge.NamedVector", shaped), using)


def _filter(query: IndexQuery) -> edge.Filter:
    criteria = criteria_of(query)
    must: list[edge.ConditionType] = [
        edge.FieldCondition(field, edge.MatchValue(values[0]) if len(values) == 1 else edge.MatchAny(list(values)))
        for field, values in criteria.keywords
    ]
    must += [
        edge.FieldCondition(field, range=edge.RangeDateTime(gte=first, lte=last))
        for field, first, last in criteria.ranges
    ]
    if query.among is not None:
        must.append(edge.HasIdCondition(set(written_ids(query.among))))
    # Said by exclusion, so that a missing bound is an open one.
    must_not: list[edge.ConditionType] = [
        *(edge.FieldCondition(field, edge.MatchValue(SET)) for field in criteria.unset),
        *(edge.FieldCondition(field, range=edge.RangeDateTime(gt=at)) for field, at in criteria.not_after),
        *(edge.FieldCondition(field, range=edge.RangeDateTime(lte=at)) for field, at in criteria.not_by),
    ]
    return edge.Filter(must=must, must_not=must_not)


def entry_of(record: edge.Record) -> IndexEntry:
    """Return what a scanned point says of itself."""
    payload = record.payload or {}
    return IndexEntry(str(record.id), cast(PointKind, payload["kind"]), payload["content_hash"])
