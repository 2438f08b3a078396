"""The one way to write: a draft becomes nodes, and whatever follows from it is refreshed, in one transaction.

Adding, updating and extraction differ in what they draft. From the draft on they do the same, in this order:

1. facts that a memory does not state any more go to its version; facts with the same claim inherit their decisions;
2. the draft's entities, memories, mentions, facts and decisions are created, and jobs for new texts;
3. ends and drawn relationships are recomputed around every fact that came or went;
4. names and entities that nothing uses any more are removed;
5. entities that are one thing are merged: those that the caller found, that a fact names, that spelling shows; merges
   of which the fact fell are undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg.entities import queries as entity_queries
from kg.entities.merge import merge_entities, merge_found, merge_namesakes, names_to_compare
from kg.entities.orphans import drop_orphans
from kg.entities.resolve import EntityMerge
from kg.entities.sameness import both_stand, follow_sameness, merge_same
from kg.facts.derive import drawing, in_timeline, refresh_derived
from kg.facts.predicates import SAME_AS
from kg.facts.queries import ClaimedFact, StatedDecision
from kg.facts.taken_back import restore_after_fall
from kg.graph.partition import Write
from kg.graph.store import Row
from kg.writing import queries
from kg.writing.draft import Draft
from kg.writing.stated import StatedFacts, inherited_decisions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Replaced:
    """What a memory stated until this write.

    Attributes:
        facts: its facts; a drafted fact with the claim of one of them inherits the decisions about it.
        decisions: what was decided of them, as rows with old, new and properties.
        expiring: uuid of a version of the memory -> facts that it takes over, as the memory does not state them now.
    """

    facts: Sequence[ClaimedFact]
    decisions: Sequence[StatedDecision]
    expiring: Mapping[str, Sequence[ClaimedFact]]


async def commit(
    write: Write,
    draft: Draft,
    *,
    memories: Sequence[Row] = (),
    jobs: Sequence[Row] = (),
    replaced: Sequence[Replaced] = (),
    merges: Sequence[EntityMerge] = (),
    answer: DataclassInstance | None = None,
) -> list[str]:
    """Write a draft with all that follows from it; return the facts of other writes whose end moved.

    If nothing that stands can change with it, all of it is one round trip.

    Args:
        write: the write, under the partition's lock.
        draft: what to create; it gains inherited decisions, and a warning for each decision that was taken back.
        memories: new memories, as ``create_graph`` takes them.
        jobs: jobs that read memories, as ``create_jobs`` takes them.
        replaced: what memories of the draft stated before.
        merges: entities of the draft, or known ones, that were found to be one thing.
        answer: what the call answers if no end moves and no decision is taken back; it is kept on the way, then.
    """
    if answer is not None and not (merges or replaced or _may_end_others(draft)):
        await _create_at_once(write, draft, memories, jobs, answer)
        return []
    tx, user_id = write.tx, write.user_id
    expired = await _expire(write, replaced)
    stated = draft.stated()
    draft.decisions[:0] = _inherited(replaced, stated)  # what the caller decides now comes after them
    created = await tx.run_one(queries.create_graph, **draft.rows(), memories=list(memories))
    standing_again = draft.warn_taken_back(created["taken_back"])
    if jobs:
        await tx.run(queries.create_jobs, user_id=user_id, jobs=list(jobs))
    decided = [row["old"] for row in draft.decisions]
    ended_again = await restore_after_fall(tx, user_id, [fact["uuid"] for fact in expired], write.now)
    also = [*decided, *standing_again, *ended_again]
    moved = await refresh_derived(tx, user_id=user_id, created=stated, changed=expired, also=also, now=write.now)
    await drop_orphans(tx, user_id, [], _entities_of(expired))
    gone = await _merge_found(write, merges) | await merge_same(write, stated)
    await merge_namesakes(write, [row for row in draft.entities if row["properties"]["uuid"] not in gone])
    await follow_sameness(write, moved, expired)
    own: set[str] = {fact["uuid"] for fact in (*stated, *expired)}
    return [uuid for uuid in moved if uuid not in own]


def _may_end_others(draft: Draft) -> bool:
    return bool(draft.decisions) or any(in_timeline(fact) or fact["predicate"] == SAME_AS for fact in draft.stated())


async def _create_at_once(
    write: Write, draft: Draft, memories: Sequence[Row], jobs: Sequence[Row], answer: DataclassInstance
) -> None:
    """Create what ends nothing, and keep the call's answer; always the same statement, so that its plan is known."""
    user_id = write.user_id
    _, found = await write.tx.run_both(
        queries.create_graph,
        {**draft.rows(), "memories": list(memories)},
        entity_queries.namesakes,
        names_to_compare(user_id, draft.entities),
        between=(
            (queries.create_jobs, {"user_id": user_id, "jobs": list(jobs)}),
            drawing(user_id, draft.stated(), write.now),
            write.keeping(answer),
        ),
    )
    await merge_found(write, draft.entities, found["namesakes"])


async def _expire(write: Write, replaced: Sequence[Replaced]) -> list[ClaimedFact]:
    """Hand facts to the versions that stated them, and return those facts."""
    expired: list[ClaimedFact] = []
    for version_uuid, facts in (item for one in replaced for item in one.expiring.items()):
        uuids = [fact["uuid"] for fact in facts]
        await write.tx.run(queries.expire_facts, uuids=uuids, version_uuid=version_uuid, now=write.now)
        expired.extend(facts)
    return expired


def _inherited(replaced: Sequence[Replaced], stated: Sequence[Row]) -> list[Row]:
    new = StatedFacts(stated)
    inherited = (row for one in replaced for row in inherited_decisions(one.facts, one.decisions, new))
    properties = ("uuid", "undone_at")  # an update that is undone hands on copies of one decision from both states
    return list({(row["old"], row["new"], *map(row["properties"].get, properties)): row for row in inherited}.values())


def _entities_of(facts: Sequence[ClaimedFact]) -> list[str]:
    return sorted({uuid for fact in facts for uuid in (fact["subject_uuid"], fact["object_uuid"]) if uuid})


async def _merge_found(write: Write, merges: Sequence[EntityMerge]) -> set[str]:
    """Merge entities that were found to be one thing, if both still stand; return those that were merged away."""
    gone: set[str] = set()
    for merge in merges:
        if await both_stand(write, merge.source, merge.target):  # neither was removed or merged since
            await merge_entities(write, merge.source, merge.target, merge.reason)
            gone.add(merge.source)
    return gone
