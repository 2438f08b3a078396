"""A filter means one thing: to the evaluator, to the payload of the index, and in plain words."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kg.index.node_points import flat_metadata
from kg.index.qdrant.point_form import criteria_of, payload_of
from kg.ports import IndexPoint, IndexQuery
from kg.recall.filters import parse_filters
from kg.recall.prefilter import narrow
from tests.support.plain_filter import matches, random_filter, random_metadata

_VECTOR = np.ones(1, dtype=np.float32)

metadata = st.builds(lambda seed: random_metadata(Random(seed)), st.integers(0, 2**32))
filters = st.builds(lambda seed: random_filter(Random(seed)), st.integers(0, 2**32))


@settings(max_examples=1500, deadline=None)
@given(metadata, filters)
@example({"tags": ["a", None]}, {"tags": "a"})
@example({"tags": ["a", {"x": 1}]}, {"tags": "a"})
@example({"n": 1.0}, {"n": {"in": [1]}})
@example({"n": True}, {"n": 1})
def test_a_filter_means_one_thing(has: dict[str, Any], asked: dict[str, Any]) -> None:
    parsed, passes = parse_filters(asked), matches(has, asked)
    assert parsed.matches({}, has) == passes
    if passes:
        assert _is_found(has, narrow(parsed).metadata), "the index leaves out what passes"


def _is_found(has: dict[str, Any], terms: Any) -> bool:
    """Whether the index finds a memory with this metadata where it narrows by these terms."""
    point = IndexPoint("u", "memory", "ada", _VECTOR[None, :], "hash", metadata=flat_metadata(json.dumps(has)))
    held = set(payload_of(point).get("metadata", []))  # pyright: ignore[reportArgumentType]
    criteria = criteria_of(IndexQuery(_VECTOR, "memory", "ada", 1, metadata=terms))
    return all(held & set(values) for field, values in criteria.keywords if field == "metadata")
