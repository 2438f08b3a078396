"""The rows of one write, drafted from checked input and from what the graph knows. Pure: no store, no clock.

Names become alias keys. Alias keys become entities: known ones, or new ones that the draft creates. Facts become
claims. Adding, updating and extraction use the same draft; ``kg.writing.commit`` writes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Literal

from kg.entities.queries import FoundName
from kg.entities.resolve import EntityMerge
from kg.facts.claims import (
    StatedName,
    claim_key,
    claim_scope,
    entity_key,
    literal_key,
    object_of,
    subject_of,
    version_in,
)
from kg.facts.predicates import SINGLE_VALUED, THING
from kg.facts.successive_values import slot_of
from kg.graph.node_names import fact_name
from kg.graph.partition import Write
from kg.graph.store import Row
from kg.language.lucene import user_key
from kg.language.names import SELF_KEY, alias_key
from kg.language.words import split_terms
from kg.values import UNKNOWN_START, FactInput, Scope, Settlement
from kg.writing.queries import KnownAlias, TakenBack
from kg.writing.stated import Fact, StatedFacts
from kg.writing.targets import Targets

Source = Literal["stated", "occurred", "created", "unknown"]
_PERSON = "Person"
OWN_NAME = "KNOWTHREAD_USER_NAME says that it is the user"
"""Reason of a merge."""
NO_NAMES: Mapping[str, str] = {}
CALLER: Mapping[str, Any] = {"origin": "caller"}
"""Origin of facts that came with a call."""


@dataclass(frozen=True)
class KnownName:
    """The entity that an alias stands for, and its kind."""

    uuid: str
    kind: str


@dataclass(frozen=True)
class StatingMemory:
    """The memory that drafted facts belong to."""

    uuid: str
    scope: Scope
    speaker: str | None
    occurred_at: datetime
    valid_from_source: Source

    @staticmethod
    def of(row: Mapping[str, Any], user_id: str, speaker: str | None) -> StatingMemory:
        """Return a memory that stands in the graph, from its properties."""
        return StatingMemory(
            uuid=row["uuid"],
            scope=Scope(user_id, row.get("agent_id"), row.get("run_id"), row.get("project")),
            speaker=speaker,
            occurred_at=row["occurred_at"],
            valid_from_source="occurred" if row["occurred_at"] != row["created_at"] else "created",
        )


@dataclass(frozen=True)
class Drafted:
    """A fact as a draft answers it.

    Attributes:
        fact: the drafted fact, or the equal one that its memory states already; has ``uuid`` and ``valid_at``.
        is_new: False if the memory says the same of the same time already; then the draft gained no fact.
    """

    fact: Fact
    is_new: bool


class Draft:
    """The rows of one write, and warnings for its caller; all its memories share the entities that it creates.

    Attributes:
        warnings: parts of the input that could not be used although the fact itself was.
    """

    def __init__(
        self,
        write: Write,
        known: Mapping[str, KnownName],
        origin: Mapping[str, Any] = CALLER,
        own: Mapping[str, str] = NO_NAMES,
    ) -> None:
        """Draft nothing yet. ``own`` are names that all mean the partition's own user, by alias key."""
        self.aliases: list[Row] = []
        self.merges: list[EntityMerge] = []
        self._own = own
        self.entities: list[Row] = []
        self.mentions: list[Row] = []
        self.facts: list[Row] = []
        self.decisions: list[Row] = []
        self.warnings: list[str] = []
        self._write = write
        self._origin = origin
        self._names = dict(known)
        self._seqs = count(write.first_seq)
        self._mentioned: dict[tuple[str, str, str], Row] = {}
        self._stated: dict[str, StatedFacts] = defaultdict(StatedFacts)

    def rows(self) -> dict[str, Any]:
        """Return the parameters of ``create_graph`` except its memories."""
        return {
            "user_id": self._write.user_id,
            "entities": self.entities,
            "aliases": self.aliases,
            "mentions": self.mentions,
            "facts": self.facts,
            "decisions": self.decisions,
        }

    def stated(self) -> list[Row]:
        """Return the properties of the drafted facts, in order."""
        return [row["properties"] for row in self.facts]

    def fact_uuids(self) -> list[str]:
        """Return the uuids of the drafted facts, in order."""
        return [fact["uuid"] for fact in self.stated()]

    def take_seq(self) -> int:
        """Return the next of the sequence numbers that the write has reserved."""
        return next(self._seqs)

    def note_standing(self, memory_uuid: str, facts: Iterable[Fact]) -> None:
        """Note facts that a memory states already, so that they are not drafted again."""
        for fact in facts:
            self._stated[memory_uuid].add(fact)

    def add_mentions(self, memory: StatingMemory, names: Mapping[str, str]) -> None:
        """Link the names in a memory's text that the graph knows already, and its speaker.

        Args:
            memory: the memory.
            names: what could be a name in its text, as ``PreparedText`` has it.
        """
        if memory.speaker:
            self._mention(memory.uuid, memory.speaker, alias_key(memory.speaker), "speaker", "Person")
        for key, surface in names.items():
            if key in self._names or key in self._own:
                self._mention(memory.uuid, surface, key, "mention", None)

    def add_fact(self, memory: StatingMemory, fact: FactInput, name: str) -> Drafted:
        """Draft one fact of a memory, unless the memory says the same already; its names are mentioned either way.

        Args:
            memory: what states it.
            fact: the fact.
            name: what the fact's uuid is made of; equal in every attempt of the write.
        """
        subject, thing = subject_of(fact, memory.speaker), object_of(fact, memory.speaker)
        subject_uuid = self.entity_of(memory.uuid, subject) if subject is not None else None
        properties = self._properties(memory, fact, name, subject_uuid, self._object(memory, fact, thing))
        stated = self._stated[memory.uuid]
        standing = stated.equal(properties)
        if standing is not None:
            return Drafted(standing, is_new=False)
        stated.add(properties)
        self.facts.append(
            {
                "memory_uuid": memory.uuid,
                "subject_key": subject.key if subject is not None else None,
                "object_name_key": thing.key if thing is not None else None,
                "properties": properties,
            }
        )
        return Drafted(properties, is_new=True)

    def _object(self, memory: StatingMemory, fact: FactInput, thing: StatedName | None) -> Row:
        """Return the properties of a fact that say its object: an entity, one in a version, or a value."""
        if thing is None:
            key = literal_key(fact.object if fact.object is not None else fact.statement)
            return {"object_uuid": None, "object_value": fact.object, "object_key": key, "version": None}
        uuid = self.entity_of(memory.uuid, thing)
        found = version_in(fact, memory.speaker)
        version = found.version if found is not None else None
        value = fact.object if version is not None else None
        return {
            "object_uuid": uuid, "object_value": value, "object_key": entity_key(uuid, version), "version": version,
        }  # fmt: skip

    def _properties(
        self, memory: StatingMemory, fact: FactInput, name: str, subject_uuid: str | None, thing: Row
    ) -> Row:
        scope = claim_scope(fact.predicate, memory.scope)
        valid_at, source = (
            (fact.valid_at, "stated") if fact.valid_at else (memory.occurred_at, memory.valid_from_source)
        )
        stated_end = fact.invalid_at
        if stated_end is not None and stated_end <= valid_at:
            valid_at, source = UNKNOWN_START, "unknown"  # "until March", said in May: it began before anyone said when
        return {
            "uuid": self._write.uuid(name), "user_id": self._write.user_id, "name": fact_name(fact.statement),
            "statement": fact.statement,
            "scope": scope, "predicate": fact.predicate, "subject_uuid": subject_uuid, **thing,
            "because": fact.because, "revisit_when": fact.revisit_when, "valid_at": valid_at,
            "valid_from_source": source, "stated_invalid_at": stated_end, "invalid_at": stated_end,
            "created_at": self._write.now, "expired_at": None, "seq": self.take_seq(),
            "claim_key": claim_key(scope, subject_uuid, fact.predicate, thing["object_key"]), "index_rev": 1,
            **self._origin,
        }  # fmt: skip

    def add_decisions(self, label: str, fact: FactInput | Settlement, new: Fact, targets: Targets) -> None:
        """Draft how a fact supersedes others; a target that it cannot supersede becomes a warning."""
        for named in fact.supersedes:
            old = targets.find(named)
            target = named if old is None else old["uuid"]
            if target == new["uuid"]:
                self.warnings.append(
                    f"{label}: nothing was superseded, fact {target} is what this memory says here already; "
                    "name the fact that it replaces"
                )
            elif old is None:
                self.warnings.append(
                    f"{label}: nothing was superseded, {targets.why_not(target)}; the new fact was kept"
                )
            elif fact.how == "superseded" and old["valid_at"] > new["valid_at"]:
                self.warnings.append(
                    f"{label}: fact {target} was kept, it begins after the new one; give a later valid_at, "
                    "or how='corrected' if it was never true"
                )
            else:
                self.decisions.append(
                    {
                        "old": target,
                        "new": new["uuid"],
                        "takes_back": True,
                        "properties": {
                            "uuid": self._write.uuid(f"decision:{target}:{new['uuid']}"),
                            "kind": fact.how,
                            "at": self._write.now,
                            "effective_at": new["valid_at"],
                            "judge": "caller",
                            "reason": fact.reason,
                        },
                    }
                )

    def warn_taken_back(self, rows: Iterable[TakenBack]) -> list[str]:
        """Warn of the standing decisions that new ones took back; return the facts that stand again.

        Args:
            rows: the decisions that were taken back, as ``create_graph`` returns them.
        """
        facts: dict[str, None] = {}
        for row in rows:
            facts[row["fact"]] = None
            self.warnings.append(
                f"fact {row['fact']} stands again: {row['by']} had replaced it, which was taken back "
                "because of what it is now said to replace itself"
            )
        return list(facts)

    def warn_of_lists(self) -> None:
        """Warn of values that one memory gives a single-valued predicate for one instant: none of them ends another."""
        listed: dict[tuple[Any, ...], set[str]] = defaultdict(set)
        for row in self.facts:
            fact = row["properties"]
            if fact["subject_uuid"] and fact["predicate"] in SINGLE_VALUED:
                slot = slot_of(fact["predicate"], fact["object_value"], row["subject_key"])
                group = (row["memory_uuid"], fact["scope"], row["subject_key"], fact["predicate"], slot)
                listed[*group, fact["valid_at"]].add(fact["object_key"])
        self.warnings += [
            f"{predicate} of {subject}: the {len(values)} values that this memory gives for one time were all kept; "
            "give each its valid_at if one followed another"
            for (_, _, subject, predicate, *_), values in listed.items()
            if len(values) > 1
        ]

    def entity_of(self, memory_uuid: str, stated: StatedName) -> str:
        """Return the entity of a name that a memory states, drafted if nothing has that name, and mention it there."""
        name, kind = (SELF_KEY, "Person") if stated.key == SELF_KEY else (stated.name, stated.kind)
        self._mention(memory_uuid, name, stated.key, "mention", kind)
        return self._names[stated.key].uuid

    def _mention(self, memory_uuid: str, name: str, key: str, role: str, kind: str | None) -> None:
        if key not in self._own or kind not in (None, THING, _PERSON) or not self._know_own():
            self._mention_one(memory_uuid, name, key, role, kind)
            return
        self._mention_one(memory_uuid, name, key, role, _PERSON)
        for twin in self._own.keys() - {key}:
            self._mention_one(memory_uuid, self._own[twin], twin, "mention", _PERSON)

    def _know_own(self) -> bool:
        """Make all names of the user mean one entity, unless one of them is the name of something else."""
        known = {key: self._names[key] for key in self._own if key in self._names}
        if any(name.kind not in (THING, _PERSON) for name in known.values()):
            return False
        if not known:
            self._create_entity(SELF_KEY, SELF_KEY, _PERSON)
            known = {SELF_KEY: self._names[SELF_KEY]}
        target = known.get(SELF_KEY) or next(iter(known.values()))
        for key, name in self._own.items():
            if key not in self._names:
                self._names[key] = target
                self.aliases.append({"key": key, "name": name, "uuid": target.uuid})
        merged = {merge.source for merge in self.merges}
        sources = dict.fromkeys(name.uuid for name in known.values() if name.uuid != target.uuid)
        self.merges += [EntityMerge(uuid, target.uuid, OWN_NAME) for uuid in sources if uuid not in merged]
        return True

    def _mention_one(self, memory_uuid: str, name: str, key: str, role: str, kind: str | None) -> None:
        if key not in self._names:
            self._create_entity(name, key, kind or THING)
        identity = (memory_uuid, key, role)
        mention = self._mentioned.get(identity)
        if mention is None:
            mention = {"memory_uuid": memory_uuid, "key": key, "name": name, "as": role, "kind": kind}
            self._mentioned[identity] = mention
            self.mentions.append(mention)
        elif mention["kind"] in (None, THING) and kind is not None:
            mention["kind"] = kind  # a fact says more about a name than the bare text

    def _create_entity(self, name: str, key: str, kind: str) -> None:
        uuid = self._write.uuid(f"entity:{key}")
        self._names[key] = KnownName(uuid, kind)
        properties: Row = {
            "uuid": uuid, "user_id": self._write.user_id, "user_key": user_key(self._write.user_id), "name": name,
            "terms": split_terms(name), "kind": kind, "created_at": self._write.now, "index_rev": 1,
        }  # fmt: skip
        self.entities.append({"key": key, "kind": kind, "properties": properties})


def known_names(aliases: Iterable[KnownAlias | FoundName]) -> dict[str, KnownName]:
    """Return aliases by key, from rows with key, uuid and kind."""
    return {row["key"]: KnownName(row["uuid"], row["kind"]) for row in aliases}
