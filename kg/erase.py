"""Deleting: erasure, as if never said, on both axes of time, with exact counts.

Facts are private to their memory, so nothing of a deleted text survives in a shared node: what is left of shared
nodes (display names, projection, ends) is recomputed from what is left of the texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kg.facts import THING
from kg.graph_store import Row, Transaction
from kg.settling import settle
from kg.text import split_terms


@dataclass
class Erased:
    """Counts of what a deletion removed."""

    memories: int = 0
    versions: int = 0
    facts: int = 0
    entities: int = 0

    def add(self, other: Erased) -> None:
        """Add another batch's counts."""
        self.memories += other.memories
        self.versions += other.versions
        self.facts += other.facts
        self.entities += other.entities


async def erase_memories(tx: Transaction, user_id: str, uuids: Sequence[str], now: datetime) -> Erased:
    """Erase memories of a partition whose lock the transaction holds; unknown ids are passed over."""
    context = (await tx.run("deletion_context", user_id=user_id, uuids=list(uuids)))[0]
    memories: list[str] = context["memories"]
    facts: list[Row] = context["facts"]
    if not memories:
        return Erased()
    await tx.run("delete_memories", uuids=memories)
    links = _closing_links(context["chain"])
    if links:
        await tx.run("link_next", links=links)
    bridges = _bridges(context["bridges"])
    if bridges:
        await tx.run("create_decisions", decisions=bridges)
    removed = await drop_orphans(tx, user_id, context["keys"], context["entities"])
    await settle(tx, user_id=user_id, changed=facts, also=context["bereaved"], now=now)
    tombstones = [*memories, *(fact["uuid"] for fact in facts), *removed]
    await tx.run("create_tombstones", user_id=user_id, uuids=tombstones, now=now)
    return Erased(len(memories), context["versions"], len(facts), len(removed))


async def drop_orphans(tx: Transaction, user_id: str, keys: Sequence[str], entities: Sequence[str]) -> list[str]:
    """Remove names and entities that nothing mentions any more, rename the others; return the removed entities."""
    if not keys and not entities:
        return []
    rows = await tx.run("delete_orphans", user_id=user_id, keys=sorted(set(keys)), entities=sorted(set(entities)))
    removed, kept = rows[0]["removed"], rows[0]["kept"]
    if kept:
        names = await tx.run("remaining_names", uuids=kept)
        renamed = [
            {
                "uuid": row["uuid"],
                "name": row["names"][0],
                "terms": split_terms(row["names"][0]),
                "kind": next((kind for kind in row["kinds"] if kind != THING), THING),
            }
            for row in names
        ]
        await tx.run("rename_entities", entities=renamed)
    return removed


def _closing_links(chain: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the links that close a conversation over its deleted messages, runs of them included."""
    gone = {row["uuid"]: row for row in chain}
    links: list[Row] = []
    for row in chain:
        if row["previous"] in gone:
            continue
        following = row["next"]
        while following in gone:
            following = gone[following]["next"]
        links.append({"previous": row["previous"], "next": following})
    return links


def _bridges(bridges: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the decisions that keep A ended by C when B, between them, is deleted.

    The later decision is kept with its own instant and reason; nothing of the deleted fact is.
    """
    return [
        {"old": row["old"], "new": row["new"], "properties": {**row["properties"], "judge": "inherited"}}
        for row in bridges
    ]
