"""Erasing memories or an entity in one transaction, with everything that only they stated or named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_OID

from kg.entities.orphans import drop_orphans
from kg.entities.sameness import follow_sameness
from kg.facts.derive import refresh_derived
from kg.facts.queries import ClaimedFact
from kg.graph import queries as graph_queries
from kg.graph.partition import Write
from kg.graph.store import Row, Transaction
from kg.writing import queries
from kg.writing.queries import ChainLink


@dataclass
class Erased:
    """How many nodes a deletion removed."""

    memories: int = 0
    versions: int = 0
    facts: int = 0
    entities: int = 0

    def add(self, other: Erased) -> None:
        """Add the counts of another batch."""
        self.memories += other.memories
        self.versions += other.versions
        self.facts += other.facts
        self.entities += other.entities


async def delete_entity(write: Write, uuid: str) -> Erased:
    """Remove an entity with its facts and names, within a write; if it is gone already, nothing happens."""
    tx, user_id = write.tx, write.user_id
    context = await tx.find_one(queries.entity_context, user_id=user_id, entity_uuid=uuid)
    if context is None:
        return Erased()
    facts = context["facts"]
    lost = await decisions_lost(tx, user_id, facts)
    await tx.run(queries.delete_entity, user_id=user_id, entity_uuid=uuid)
    await lost.bridge(tx)
    others = {other for fact in facts for other in (fact["subject_uuid"], fact["object_uuid"]) if other} - {uuid}
    removed = await drop_orphans(tx, user_id, [], sorted(others))
    moved = await refresh_derived(tx, user_id=user_id, changed=facts, also=lost.bereaved, now=write.now)
    await follow_sameness(write, moved, facts)
    gone = [uuid, *context["merged"], *removed, *(fact["uuid"] for fact in facts)]
    await tx.run(graph_queries.create_tombstones, user_id=user_id, uuids=gone, now=write.now)
    return Erased(facts=len(facts), entities=1 + len(removed))


async def erase_memories(tx: Transaction, user_id: str, uuids: Sequence[str], now: datetime) -> Erased:
    """Erase memories of a partition whose lock the transaction holds; unknown ids are ignored."""
    context = await tx.run_one(queries.deletion_context, user_id=user_id, uuids=list(uuids))
    memories, facts = context["memories"], context["facts"]
    if not memories:
        return Erased()
    lost = await decisions_lost(tx, user_id, facts)
    await tx.run(queries.uncount_memories, user_id=user_id, uuids=memories)
    await tx.run(queries.delete_memories, uuids=memories)
    links = _closing_links(context["chain"])
    if links:
        await tx.run(queries.link_next, links=links)
    await lost.bridge(tx)
    removed = await drop_orphans(tx, user_id, context["keys"], context["entities"])
    moved = await refresh_derived(tx, user_id=user_id, changed=facts, also=lost.bereaved, now=now)
    await follow_sameness(Write(tx, user_id, NAMESPACE_OID, now, 0), moved, facts)
    tombstones = [*memories, *(fact["uuid"] for fact in facts), *removed]
    await tx.run(graph_queries.create_tombstones, user_id=user_id, uuids=tombstones, now=now)
    return Erased(len(memories), context["versions"], len(facts), len(removed))


@dataclass(frozen=True)
class DecisionsLost:
    """The decisions that disappear with facts that are about to be deleted.

    Attributes:
        bereaved: facts that a deleted fact had ended, or whose ending one had taken back.
        bridges: decisions to write instead. If B ended A and C ended B, C ends A once B is deleted. A bridge keeps
            the instants of the later decision. It keeps neither its reason nor its judge: they were about the
            deleted fact and may quote it.
    """

    bereaved: list[str]
    bridges: list[Row]

    async def bridge(self, tx: Transaction) -> None:
        """Write the bridges, after the facts were deleted."""
        if self.bridges:
            await tx.run(graph_queries.create_decisions, decisions=self.bridges)


async def decisions_lost(tx: Transaction, user_id: str, facts: Sequence[ClaimedFact]) -> DecisionsLost:
    """Read the decisions of facts that are about to be deleted, and restore those that they had taken back."""
    if not facts:
        return DecisionsLost([], [])
    uuids = [fact["uuid"] for fact in facts]
    restored = await tx.run(queries.restore_decisions, user_id=user_id, uuids=uuids)
    lost = await tx.run_one(queries.decisions_lost, user_id=user_id, uuids=uuids)
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
        for row in lost["bridges"]
    ]
    return DecisionsLost([*lost["bereaved"], *(row["uuid"] for row in restored)], bridges)


def _closing_links(chain: Sequence[ChainLink]) -> list[Row]:
    """Return the links that close the gaps which deleted messages leave in a conversation, however long a gap is."""
    gone = {row["uuid"]: row for row in chain}
    links: list[Row] = []
    for row in chain:
        if row["previous"] in gone:
            continue
        following, passed = row["next"], {row["uuid"]}
        while following in gone and following not in passed:  # a hand may have made a circle
            passed.add(following)
            following = gone[following]["next"]
        if following in gone:
            continue
        links.append({"previous": row["previous"], "next": following})
    return links
