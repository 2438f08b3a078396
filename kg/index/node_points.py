"""What the index is told of a node: its text with what was said before it, and its point."""

from __future__ import annotations

from collections.abc import Sequence

from kg.index.compare import point_hash
from kg.index.queries import QueuedNode
from kg.index.vectors import Indexed, NodeText, context_of
from kg.language.names import find_alias_key
from kg.narrow import is_list
from kg.ports import IndexPoint, Scalar
from kg.validate import metadata


def text_of(node: QueuedNode) -> NodeText:
    """Return what is embedded of a node."""
    return NodeText(node["kind"], node["text"], context_of([earlier["text"] for earlier in node["earlier"]]))


def point_of(node: QueuedNode, found: Indexed) -> IndexPoint:
    """Return the point of a node, of which the vectors are known."""
    return IndexPoint(
        uuid=node["uuid"],
        kind=node["kind"],
        user_id=node["user_id"],
        text=found.vectors.text,
        sentences=found.vectors.sentences,
        tokens=found.vectors.tokens,
        words=found.words,
        content_hash=point_hash(node),
        agent_id=node["agent_id"],
        run_id=node["run_id"],
        project=node["project"],
        valid_at=node["valid_at"],
        invalid_at=node["invalid_at"],
        created_at=node["created_at"],
        metadata=flat_metadata(node["metadata"]),
        owner=node["owner"],
        form=node["form"],
        speaker=find_alias_key(node["speaker"]),
        previous=[earlier["uuid"] for earlier in reversed(node["earlier"])],
        noise=bool(node["noise"]),
        revision=node["index_rev"],
    )


def flat_metadata(text: object) -> dict[str, Scalar | Sequence[Scalar]]:
    """Return the scalars at the top of a metadata object, and those in lists there.

    The index narrows a search by them: a list matches by any of its members, whatever else it holds. The rest is
    filtered after hydration.
    """
    flat: dict[str, Scalar | Sequence[Scalar]] = {}
    for key, value in metadata(text).items():
        if isinstance(value, str | bool | int | float):
            flat[key] = value
        elif is_list(value):
            members = [item for item in value if isinstance(item, str | bool | int | float)]
            if members:
                flat[key] = members
    return flat
