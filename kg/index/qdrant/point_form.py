"""What a point looks like in Qdrant, the same in both implementations.

Every condition of a query is either "this keyword field has one of these values" or a bound in time, so that each
engine needs only two translations. Metadata pairs become keywords of one field, ``metadata``: keys may then hold any
character, one payload index serves all of them, and a list matches by any of its members.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from kg.errors import ConfigurationError, InvalidInput, OutdatedIndex
from kg.ports import IndexCard, IndexPoint, IndexQuery, Scalar, Vector

STORE = "qdrant"
FORM = 3
"""Form of a collection: its vectors and its payload. One of another form is rebuilt from the graph."""
KEYWORD_FIELDS = ("kind", "agent_id", "run_id", "project", "metadata", "noise")
UUID_FIELDS = ("previous",)
TIME_FIELDS = ("valid_at", "invalid_at", "created_at")
ENTRY_FIELDS = ("kind", "content_hash")
MAX_KEYWORD = 200
SET = "yes"
"""Value of a flag; one that is missing is not set. (The embedded engine finds no boolean.)"""
FOLLOWERS = 2
"""Most messages that have a given one among their ``previous``."""

GRAPH_FROM_KB = 1000
"""Vectors of less than this get no search graph: some 2,600 of eight bits."""


class Graph(NamedTuple):
    """How a vector's search graph is built and used.

    Attributes:
        links: of a point.
        tried: links that are tried for each point.
        looked_at: how far a query looks in it.
        compared_kb: vectors of less than this are compared one by one all the same.
    """

    links: int
    tried: int
    looked_at: int
    compared_kb: int


GRAPHS = {"text": Graph(16, 100, 200, 4000), "sentences": Graph(24, 200, 400, 6000)}
"""Of the best 100 that a full comparison finds they find 99.4 and 97.9 %, of the best 10 all and 98.9 %, in 0.4 and
0.9 ms (``bench/graph_search.py``, 5,873 messages). With the engine's own figures sentences reach 85 and 92 %.

A search comes after other work, so little of the index is in the processor's cache. A graph jumps about in it, a full
comparison reads on: of the sentences of 10,000 notes 2.5 ms against 4.5, of those of 5,873 messages 0.9 against 1.4,
and of texts about the same at 10,000."""

_WRITTEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch

Payload = dict[str, str | int | list[str]]
_SCALARS = ("agent_id", "run_id", "project", "owner", "form", "speaker")
CARD_FIELDS = ("kind", *_SCALARS, *TIME_FIELDS, *UUID_FIELDS, "noise", "revision")


@dataclass(frozen=True)
class Owner:
    """The embedder that a collection's vectors come from, and the collection's own identity."""

    embedder_name: str
    dimension: int
    digest: str

    def as_record(self) -> dict[str, str | int]:
        """Return what is stored with the collection."""
        return {"embedder": self.embedder_name, "dimension": self.dimension, "digest": self.digest, "form": FORM}

    def filled(self, record: Mapping[str, object]) -> bool:
        """Tell whether a collection's vectors come from this embedder."""
        return all(record.get(key) == value for key, value in self.as_record().items())

    def check(self, record: Mapping[str, object], collection: str) -> None:
        """Refuse a collection that another embedder filled, or that has another form.

        Raises:
            OutdatedIndex: it has another form, whoever filled it.
            ConfigurationError: names both embedders and the two ways out.
        """
        if record.get("form") != FORM:
            raise OutdatedIndex(f"{collection} has the form of another version")
        if not self.filled(record):
            raise ConfigurationError(
                "KNOWTHREAD_EMBEDDER",
                f"{_describe(self.as_record())} cannot read {collection}, which was built with {_describe(record)}",
                "run `knowthread reindex`, and everything is indexed again from the graph while searches go by words; "
                "or go back to the former embedder",
            )


@dataclass(frozen=True)
class Criteria:
    """What a query asks of a payload.

    Attributes:
        unset: flags that are not set.
        keywords: each field has one of these values.
        not_after: the field is missing or at most this instant.
        not_by: the field is missing or later than this instant.
        ranges: the field lies within these bounds, both included; None for no bound.
    """

    unset: Sequence[str]
    keywords: Sequence[tuple[str, Sequence[str]]]
    not_after: Sequence[tuple[str, str]]
    not_by: Sequence[tuple[str, str]]
    ranges: Sequence[tuple[str, str | None, str | None]]


def payload_of(point: IndexPoint) -> Payload:
    """Return a point's payload; absent fields are left out."""
    payload: Payload = {"user_id": point.user_id, "kind": point.kind, "content_hash": point.content_hash}
    for field in _SCALARS:
        value = getattr(point, field)
        if value is not None:
            payload[field] = value
    if point.previous:
        payload["previous"] = list(point.previous)
    if point.revision:
        payload["revision"] = point.revision
    if point.noise:
        payload["noise"] = SET
    for field in TIME_FIELDS:
        value = getattr(point, field)
        if value is not None:
            payload[field] = _instant(value)
    if point.metadata:
        payload["metadata"] = sorted({pair for key, value in point.metadata.items() for pair in _pairs(key, value)})
    return payload


def criteria_of(query: IndexQuery) -> Criteria:
    """Return what a query's hits must fulfil."""
    keywords: list[tuple[str, Sequence[str]]] = [("user_id", [query.user_id]), ("kind", [query.kind])]
    for field in ("agent_id", "run_id", "project"):
        value = getattr(query, field)
        if value is not None:
            keywords.append((field, [value]))
    keywords += [("metadata", _pairs(key, value)) for key, value in query.metadata.items()]
    not_after = [("valid_at", query.valid_at), ("created_at", query.known_at)]
    unset = [] if query.noise else ["noise"]
    ranges = [(bounded.field, _bound(bounded.first), _bound(bounded.last)) for bounded in query.ranges]
    return Criteria(unset, keywords, _bounds(not_after), _bounds([("invalid_at", query.valid_at)]), ranges)


def search_params(query: IndexQuery) -> dict[str, Any]:
    """Return how a query is to be searched for, by the names that both engines have; empty leaves it to the engine."""
    if query.among is not None:
        return {"exact": True}
    graph = GRAPHS.get(query.using)
    return {} if graph is None else {"hnsw_ef": graph.looked_at}


def card_of(uuid: str, payload: Mapping[str, Any]) -> IndexCard:
    """Return what ranking reads of a point."""
    read = payload.get
    return IndexCard(
        uuid,
        kind=payload["kind"],
        agent_id=read("agent_id"),
        run_id=read("run_id"),
        project=read("project"),
        valid_at=_read_instant(read("valid_at")),
        invalid_at=_read_instant(read("invalid_at")),
        created_at=_read_instant(read("created_at")),
        owner=read("owner"),
        form=read("form"),
        speaker=read("speaker"),
        previous=tuple(read("previous", ())),
        noise="noise" in payload,
        revision=read("revision", 0),
    )


def cards_of(points: Iterable[tuple[object, Mapping[str, Any] | None]]) -> Iterator[tuple[str, IndexCard]]:
    """Yield the owner and the card of each point with these ids and payloads."""
    for point_id, payload in points:
        if payload:
            yield payload["user_id"], card_of(str(point_id), payload)


def checked_query(query: IndexQuery, dimension: int) -> IndexQuery:
    """Return a query after checking its vector.

    Raises:
        InvalidInput: the vector has the wrong shape or holds a value that is not finite.
    """
    vector = query.vector
    if isinstance(vector, Mapping):
        if query.using != "words" or not all(math.isfinite(weight) for weight in vector.values()):
            raise InvalidInput("vector", f"{len(vector)} weights for {query.using}", "finite weights, for words only")
    else:
        shape = (max(1, len(vector)), dimension) if query.using == "tokens" else (dimension,)
        check_vector("vector", vector, shape)
    return query


def checked_points(points: Sequence[IndexPoint], dimension: int) -> list[tuple[UUID, IndexPoint]]:
    """Return points with their ids, the last of each id, after checking what an engine would refuse late or never.

    Raises:
        InvalidInput: an id is no uuid, or a vector has the wrong shape or holds a value that is not finite.
    """
    checked: dict[UUID, IndexPoint] = {}
    for point in points:
        point_id = _find_point_id(point.uuid)
        if point_id is None:
            raise InvalidInput("uuid", point.uuid, "a point's id is the uuid of its node")
        for field, rows in (("text", point.text), ("sentences", point.sentences), ("tokens", point.tokens)):
            if rows is not None:
                check_vector(field, rows, (max(1, len(rows)), dimension))
        checked[point_id] = point
    return list(checked.items())


def check_vector(field: str, vector: Vector, shape: tuple[int, ...]) -> None:
    """Raise InvalidInput unless a vector has this shape and only finite values."""
    if vector.shape != shape or not np.isfinite(vector).all():
        raise InvalidInput(field, f"vector of shape {vector.shape}", f"finite numbers of shape {shape}")


def point_ids(uuids: Sequence[str]) -> dict[UUID, str]:
    """Return the ids that a point can have, each with the spelling that the caller used."""
    return {point_id: uuid for uuid in uuids if (point_id := _find_point_id(uuid)) is not None}


def written_ids(uuids: Sequence[str]) -> list[str]:
    """Return the ids that a point can have as both engines write them; most come written so, which is quick to see."""
    return list(uuids) if all(map(_WRITTEN, uuids)) else [str(point_id) for point_id in point_ids(uuids)]


def _find_point_id(uuid: str) -> UUID | None:
    try:
        return UUID(uuid)
    except ValueError:
        return None


def _pairs(key: str, value: Scalar | Sequence[Scalar]) -> list[str]:
    members = [value] if isinstance(value, str | int | float) else value
    return [_keyword(key, member) for member in members]


def _keyword(key: str, value: Scalar) -> str:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    keyword = json.dumps([key, value], ensure_ascii=True)
    return keyword if len(keyword) <= MAX_KEYWORD else hashlib.sha256(keyword.encode()).hexdigest()


def _bounds(bounds: Sequence[tuple[str, datetime | None]]) -> list[tuple[str, str]]:
    return [(field, _instant(value)) for field, value in bounds if value is not None]


def _bound(value: datetime | None) -> str | None:
    return None if value is None else _instant(value)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _read_instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _describe(record: Mapping[str, object]) -> str:
    return f"{record.get('embedder')} ({record.get('dimension')} dimensions, digest {str(record.get('digest'))[:12]})"
