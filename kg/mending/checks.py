"""The rules of the graph's contract, each a query of ``cypher/check`` that returns the nodes which break it.

A person may change anything in Neo4j Browser. The rules say what is wrong then; ``kg.mending.mend`` mends it.
Nothing here changes the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cypher
from cypher import QueryFile
from kg.graph.store import GraphStore

MOST_NAMED = 1000
"""Nodes that a rule names at once."""
_INTERNAL_LABELS = ("Unindexed", "Deleting", "Pending", "Internal")
_HEAVY = frozenset(
    ("check/claim_drawn", "check/claim_stated", "check/fact_end", "check/scope_count", "check/seq_unique")
)
"""Rules that compare every fact with others; the daily look leaves them out."""


@dataclass(frozen=True)
class Fault:
    """A node that breaks a rule.

    Attributes:
        label: what it is: Memory, Fact, Entity, and so on.
        id: its uuid; of a name its key; empty where it has neither.
        user_id: whose it is; empty where it does not say.
        about: the words that it holds: a text, a statement or a name; empty where it holds none.
        problem: what is wrong with it.
    """

    label: str
    id: str
    user_id: str
    about: str
    problem: str


@dataclass(frozen=True)
class BrokenRule:
    """A rule that some nodes break.

    Attributes:
        rule: its name, the stem of its file.
        says: the rule in one sentence.
        faults: the nodes, at most ``MOST_NAMED``.
        more: whether there are more.
    """

    rule: str
    says: str
    faults: tuple[Fault, ...]
    more: bool


def rules(*, heavy: bool = True) -> list[QueryFile]:
    """Return the rules in the order of their names, without the heavy ones where those are not wanted."""
    found = (query for query in cypher.load().values() if query.folder == "check")
    return [query for query in found if heavy or query.name not in _HEAVY]


async def run_checks(
    store: GraphStore, *, user_id: str | None = None, heavy: bool = True, only: Iterable[str] | None = None
) -> list[BrokenRule]:
    """Return the rules that are broken.

    Args:
        store: the graph.
        user_id: only this user's nodes; None for everyone's.
        heavy: whether the rules that take long at a large graph are wanted too.
        only: names of the rules to run; None for all.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    wanted = None if only is None else frozenset(only)
    broken: list[BrokenRule] = []
    for query in rules(heavy=heavy):
        if wanted is not None and query.path.stem not in wanted:
            continue
        params = {"user_id": user_id, "limit": MOST_NAMED + 1}
        _, rows, _ = await store.report(query, params, MOST_NAMED + 1)
        if rows:
            faults = tuple(_fault(row["node"], row["problem"]) for row in rows[:MOST_NAMED])
            broken.append(BrokenRule(query.path.stem, query.doc, faults, len(rows) > MOST_NAMED))
    return broken


def _fault(node: dict[str, Any], problem: str) -> Fault:
    labels = [label for label in node["labels"] if label not in _INTERNAL_LABELS]
    known = [label for label in ("Memory", "MemoryVersion", "Fact", "Entity", "Alias", "Job") if label in labels]
    words = next((node[key] for key in ("text", "statement", "name", "key") if node.get(key) is not None), "")
    return Fault(
        label=(known or labels or [""])[0],
        id=str(node.get("uuid") or node.get("key") or ""),
        user_id=str(node.get("user_id") or ""),
        about=str(words),
        problem=problem,
    )
