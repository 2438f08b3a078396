"""Deleting: erasure, as if never said, on both axes of time, with exact counts.

Facts are private to their memory, so nothing of a deleted text survives in a shared node: what is left of shared
nodes (display names, projection, ends) is recomputed from what is left of the texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kg.facts.parse import THING
from kg.facts.settle import settle
from kg.graph.store import Row, Transaction
from kg.language.words import split_terms


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
    lost = await decisions_lost(tx, user_id, facts)
    await tx.run("delete_memories", uuids=memories)
    links = _closing_links(context["chain"])
    if links:
        await tx.run("link_next", links=links)
    await lost.bridge(tx)
    removed = await drop_orphans(tx, user_id, context["keys"], context["entities"])
    await settle(tx, user_id=user_id, changed=facts, also=lost.bereaved, now=now)
    tombstones = [*memories, *(fact["uuid"] for fact in facts), *removed]
    await tx.run("create_tombstones", user_id=user_id, uuids=tombstones, now=now)
    return Erased(len(memories), context["versions"], len(facts), len(removed))


@dataclass(frozen=True)
class DecisionsLost:
    """What goes with facts that are about to be deleted, of what was decided by them.

    Attributes:
        bereaved: facts that they had ended.
        bridges: decisions that keep A ended by C when B, between them, is deleted. The later decision is kept with its
            instants; neither reason nor judge are, as they were about the deleted fact and may quote it.
    """

    bereaved: list[str]
    bridges: list[Row]

    async def bridge(self, tx: Transaction) -> None:
        """Write the bridges, once the facts are gone."""
        if self.bridges:
            await tx.run("create_decisions", decisions=self.bridges)


async def decisions_lost(tx: Transaction, user_id: str, facts: Sequence[Row]) -> DecisionsLost:
    """Read what was decided by facts before they are deleted."""
    if not facts:
        return DecisionsLost([], [])
    rows = await tx.run("decisions_lost", user_id=user_id, uuids=[fact["uuid"] for fact in facts])
    bridges: list[Row] = [
        {
            "old": row["old"],
            "new": row["new"],
            "properties": {
                "uuid": row["uuid"],
                "kind": "superseded",
                "at": row["at"],
                "effective_at": row["effective_at"],
                "judge": "inherited",
            },
        }
        for row in rows[0]["bridges"]
    ]
    return DecisionsLost(rows[0]["bereaved"], bridges)


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
