"""Mend what breaks the rules of the graph's contract, a user at a time.

A deletion by hand is finished as a tool would have finished it, and what a person made by hand is adopted. Each round
is one transaction under the partition's lock; the rules are looked at again after it, since one mend may bring another
rule into view. What follows from facts (their ends, drawn claims) and the index is refreshed by whoever calls this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import uuid4

from kg.entities import queries as entity_queries
from kg.entities.merge import merge_entities
from kg.entities.sameness import follow_sameness
from kg.errors import InvalidInput
from kg.facts.predicates import ENTITY_KINDS, THING
from kg.graph.partition import Write, lock
from kg.graph.store import GraphStore, Row, Transaction
from kg.language.lucene import user_key
from kg.language.names import alias_key
from kg.language.words import split_terms
from kg.mending import mended_properties, queries
from kg.mending.bindings import rebound
from kg.mending.checks import BrokenRule, Fault, run_checks
from kg.ports import Clock
from kg.values import Scope
from kg.writing import queries as writing_queries
from kg.writing.erase import decisions_lost

REFRESHED = frozenset(("claim_drawn", "claim_stated", "fact_end", "tombstone"))
"""Rules that are kept again once everything that follows from facts is refreshed."""
_ROUNDS = 12
_LOST = {
    "fact_memory": "no memory states it",
    "version_memory": "its memory is gone",
    "alias_entity": "it refers to nothing",
    "entity_alias": "it has no name",
}
"""Problems of which the cure is to take the node away."""

Faults = Mapping[str, Sequence[Fault]]
"""Faults by rule."""


def at_stake(broken: Sequence[BrokenRule]) -> list[Fault]:
    """Return the nodes that can only be taken away."""
    return [fault for rule in broken for fault in rule.faults if _LOST.get(rule.rule) == fault.problem]


async def adopt_memories(store: GraphStore, clock: Clock, user_id: str) -> None:
    """Give memories that a person made by hand the properties by which the tools find memories.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    if (await store.read_one(queries.count_by_hand, **Scope(user_id).params()))["memories"]:
        await mend_user(store, clock, user_id, take_away=False, only=("memory_properties",))


async def mend_user(
    store: GraphStore, clock: Clock, user_id: str, *, take_away: bool, only: Sequence[str] | None = None
) -> list[Fault]:
    """Mend what is broken of one user and return what was taken away.

    Args:
        store: the graph.
        clock: says what time it is.
        user_id: partition.
        take_away: whether nodes of which nothing is left but themselves may go.
        only: rules to mend by; None for all.
    """
    taken: list[Fault] = []
    seen: list[Faults] = []
    for _ in range(_ROUNDS):
        broken = [rule for rule in await run_checks(store, user_id=user_id, only=only) if rule.rule not in REFRESHED]
        faults: Faults = {rule.rule: rule.faults for rule in broken}
        lost = at_stake(broken) if faults in seen else []
        if not faults or (faults in seen and not (take_away and lost)):
            break
        if lost:
            await store.write(lambda tx, f=lost: _take(tx, clock, user_id, f), "take_away", partition=user_id)
            taken += lost
            seen.clear()
            continue
        seen.append(faults)
        if "seq_partition" in faults:
            await store.write(lambda tx: _count_on(tx, clock, user_id), "mend_partition", partition=user_id)
        await store.write(lambda tx, f=faults: _round(tx, clock, user_id, f), "mend", partition=user_id)
    return taken


async def _begin(tx: Transaction, clock: Clock, user_id: str, slots: int) -> Write:
    locked = await lock(tx, user_id, clock, slots=slots)
    return Write(tx, user_id, uuid4(), locked.now, locked.first_seq)


async def _count_on(tx: Transaction, clock: Clock, user_id: str) -> None:
    await _begin(tx, clock, user_id, 0)
    await tx.run(queries.mend_partition, user_id=user_id)


async def _take(tx: Transaction, clock: Clock, user_id: str, lost: Sequence[Fault]) -> None:
    await _begin(tx, clock, user_id, 0)
    facts = [fault.id for fault in lost if fault.label == "Fact"]
    bridges = await decisions_lost(tx, user_id, [{"uuid": uuid} for uuid in facts])  # pyright: ignore
    await tx.run(queries.take_away, user_id=user_id, facts=facts)
    await bridges.bridge(tx)
    await tx.run(writing_queries.recount_degrees, user_id=user_id)


async def _round(tx: Transaction, clock: Clock, user_id: str, faults: Faults) -> None:
    write = await _begin(tx, clock, user_id, 2 * sum(len(found) for found in faults.values()))
    rounds = _Round(write, faults)
    await rounds.belongings()
    await rounds.properties()
    await rounds.owners()
    await rounds.names()
    await rounds.bindings()
    await rounds.order()
    await tx.run(writing_queries.recount_scopes, user_id=user_id)
    await tx.run(writing_queries.recount_degrees, user_id=user_id)


class _Round:
    """One round of mends, in the order in which they build on one another."""

    def __init__(self, write: Write, faults: Faults) -> None:
        self._write = write
        self._tx = write.tx
        self._user = write.user_id
        self._faults = faults
        self._next_seq = write.first_seq

    def _ids(self, *rules: str, label: str | None = None) -> list[str]:
        found = (fault for rule in rules for fault in self._faults.get(rule, ()))
        return sorted({fault.id for fault in found if fault.id and label in (None, fault.label)})

    def _broken(self, *rules: str) -> bool:
        return any(rule in self._faults for rule in rules)

    def _seq(self) -> int:
        seq, self._next_seq = self._next_seq, self._next_seq + 1
        return seq

    async def belongings(self) -> None:
        """Give nodes their labels, facts and versions the user of their memory, and memories the user's own names."""
        if self._broken("labels"):
            await self._tx.run(queries.mend_labels, user_id=self._user)
        if not self._broken("users", "seq_partition", "fact_subject_object"):
            return
        await self._tx.run(queries.adopt_owned, user_id=self._user)
        foreign = await self._tx.run(queries.foreign_names, user_id=self._user)
        if not foreign:
            return
        own = await self._own([name["key"] for name in foreign])
        entities = [
            self._new_entity(name["key"], name["name"], name["kind"]) for name in foreign if name["key"] not in own
        ]
        await self._create(entities=entities)
        await self._tx.run(queries.use_own_names, user_id=self._user)

    async def properties(self) -> None:
        """Give nodes the properties that they lack; a fact that a person made alone gets a memory of its own."""
        rules = [f"{kind}_properties" for kind in ("memory", "version", "fact", "entity", "job")]
        if self._broken("entity_kind"):
            await self._tx.run(queries.mend_kinds, user_id=self._user, kinds=list(ENTITY_KINDS), fallback=THING)
        if not self._broken(*rules):
            return
        await self._tx.run(queries.mend_uuids, user_id=self._user)
        raw = await self._tx.run(queries.raw_nodes, user_id=self._user, uuids=self._ids(*rules))
        mended: list[Row] = []
        for node in raw:
            changes = self._sound(node["labels"], node["properties"], node["owner"])
            mended.append({"uuid": node["uuid"], "properties": changes})
        await self._tx.run(queries.set_properties, user_id=self._user, nodes=mended)
        made = [node for node in raw if "Fact" in node["labels"] and node["owner"] is None]
        alone = set(self._ids("fact_memory"))
        by_hand = [
            node["uuid"]
            for node in made
            if node["uuid"] in alone and not {"claim_key", "seq"} & node["properties"].keys()
        ]
        await self._state_alone(by_hand)

    def _sound(self, labels: Sequence[str], raw: mended_properties.Raw, owner: mended_properties.Raw | None) -> Row:
        now = self._write.now
        if "Memory" in labels:
            return mended_properties.sound_memory(raw, now, self._seq())
        if "MemoryVersion" in labels:
            return mended_properties.sound_version(raw, now)
        if "Fact" in labels:
            return mended_properties.sound_fact(raw, owner, now, self._seq())
        if "Entity" in labels:
            return mended_properties.sound_entity(raw, now)
        return mended_properties.sound_job(raw, now)

    async def _state_alone(self, facts: Sequence[str]) -> None:
        """Let a new memory with the words of each of these facts state it."""
        if not facts:
            return
        memories: list[Row] = []
        links: list[Row] = []
        for node in await self._tx.run(queries.raw_nodes, user_id=self._user, uuids=list(facts)):
            uuid = self._write.uuid(node["uuid"])
            raw = {"uuid": uuid, "user_id": self._user, "text": node["properties"]["statement"]}
            properties = raw | mended_properties.sound_memory(raw, self._write.now, self._seq())
            memories.append({"uuid": uuid, "properties": properties, "previous_uuid": None})
            links.append({"memory_uuid": uuid, "fact_uuid": node["uuid"]})
        await self._create(memories=memories)
        await self._tx.run(queries.link_facts, user_id=self._user, links=links)

    async def owners(self) -> None:
        """Leave each fact and version to one memory, and decisions to two facts."""
        if self._broken("fact_memory", "version_memory"):
            await self._tx.run(queries.mend_owners, user_id=self._user)
        if self._broken("fact_version"):
            await self._tx.run(queries.mend_expiry, user_id=self._user, now=self._write.now)
        if self._broken("decision"):
            await self._tx.run(queries.mend_decisions, user_id=self._user)
        if self._broken("job_memory", "job_properties"):
            await self._tx.run(queries.delete_idle_jobs, user_id=self._user)

    async def names(self) -> None:
        """Let names refer to one thing each, and give things a name."""
        if self._broken("entity_merge"):
            await self._tx.run(queries.mend_merges, user_id=self._user)
        if self._broken("merge_fact"):
            await follow_sameness(self._write, [], sources=self._ids("merge_fact"))
        if self._broken("alias_entity", "alias_named", "alias_properties", "entity_alias"):
            spellings = [{"key": key, "name": key} for key in self._ids("alias_properties")]
            await self._tx.run(queries.mend_aliases, user_id=self._user, spellings=spellings)
        if not self._broken("entity_alias"):
            return
        named: list[Row] = []
        for thing in await self._tx.run(queries.nameless_entities, user_id=self._user):
            keys = [*thing["keys"], *_keys_of(thing["name"])]
            taken = await self._own(keys)
            free = next((key for key in keys if key not in taken), None)
            if free is not None:
                named.append({"uuid": thing["uuid"], "key": free, "name": thing["name"], "owners": thing["owners"]})
            elif keys:
                await merge_entities(self._write, thing["uuid"], taken[keys[0]], "called by the same name")
        await self._tx.run(queries.name_entities, user_id=self._user, entities=named)

    async def bindings(self) -> None:
        """Bind facts to what they name."""
        uuids = self._ids("fact_subject_object", "fact_names", "fact_merged", "fact_properties", "users", label="Fact")
        if not uuids:
            return
        facts = await self._tx.run(queries.fact_bindings, user_id=self._user, uuids=uuids)
        foreign = [side["name_key"] for fact in facts for side in fact["sides"] if side["root"] is None]
        own = await self._own([key for key in foreign if key is not None])
        await self._tx.run(queries.bind_facts, user_id=self._user, facts=[rebound(fact, own) for fact in facts])

    async def order(self) -> None:
        """Link conversations and number what has another's number."""
        messages = self._ids("conversation")
        if messages:
            await self._tx.run(queries.mend_conversations, user_id=self._user, uuids=messages)
        twins = [fault.id for fault in self._faults.get("seq_unique", ()) if fault.id]
        given = [{"uuid": uuid, "seq": self._seq()} for uuid in twins]
        await self._tx.run(queries.renumber, user_id=self._user, nodes=given)

    async def _own(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the user's own things by alias key."""
        rows = await self._tx.run(entity_queries.find_names, user_id=self._user, keys=sorted(set(keys)))
        return {row["key"]: row["uuid"] for row in rows}

    def _new_entity(self, key: str, name: str, kind: str) -> Row:
        properties: Row = {
            "uuid": self._write.uuid(f"entity:{key}"),
            "user_id": self._user,
            "user_key": user_key(self._user),
            "name": name,
            "terms": split_terms(name),
            "kind": kind if kind in ENTITY_KINDS else THING,
            "created_at": self._write.now,
            "index_rev": 1,
        }
        return {"key": key, "kind": properties["kind"], "properties": properties}

    async def _create(self, *, entities: Sequence[Row] = (), memories: Sequence[Row] = ()) -> None:
        await self._tx.run(
            writing_queries.create_graph,
            user_id=self._user,
            entities=list(entities),
            aliases=[],
            memories=list(memories),
            mentions=[],
            facts=[],
            decisions=[],
        )


def _keys_of(name: str) -> list[str]:
    try:
        return [alias_key(name)]
    except InvalidInput:
        return []
