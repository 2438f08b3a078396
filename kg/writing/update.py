"""Updating: the old state stays as a version, its facts expire, new ones are stated.

Decisions follow the claim: where the new state makes the same claim, it takes over what the old one had replaced and
what had replaced it, so that rewording a note neither revives nor forgets anything. They are copied, not moved: for
an instant of knowledge before the update, the old fact still carries its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kg.entities.merge import merge_namesakes
from kg.entities.orphans import drop_orphans
from kg.errors import NotFound
from kg.facts.claims import stated_keys
from kg.facts.settle import settle
from kg.graph.partition import Write, once
from kg.graph.store import GraphStore, Row, Transaction
from kg.language.trivial import trivial
from kg.ports import Clock
from kg.values import FactInput, Scope
from kg.writing.draft import Drafter, PreparedText, StatingMemory, known_names, prepare_texts
from kg.writing.queue import extraction_jobs
from kg.writing.stated import StatedFacts, inherited_decisions


@dataclass(frozen=True)
class UpdateRequest:
    """One call of update_memory, validated; None leaves a part as it is.

    Attributes:
        extracts: a model is there to read a new text; until it has, the facts of the old one stay current.
    """

    user_id: str
    key: str
    uuid: str
    text: str | None = None
    facts: tuple[FactInput, ...] | None = None
    metadata: str | None = None
    extracts: bool = False


@dataclass(frozen=True)
class UpdateOutcome:
    """What an update did.

    Attributes:
        changed: False where the memory already was as asked for.
        pending: a model is to read the new text.
        expired: facts of the former state that are not stated any more.
    """

    uuid: str
    changed: bool
    pending: bool = False
    version_uuid: str | None = None
    fact_uuids: list[str] = field(default_factory=list[str])
    expired: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


class Updating:
    """The write side of update_memory."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def update(self, request: UpdateRequest) -> UpdateOutcome:
        """Replace text, facts or metadata of one memory.

        Raises:
            NotFound: the partition has no such memory.
        """
        read = await self._read(request)
        return await self._store.write(
            lambda tx: self.update_in(tx, request, read), "update_memory", partition=request.user_id
        )

    async def update_in(
        self, tx: Transaction, request: UpdateRequest, read: PreparedText | None = None
    ) -> UpdateOutcome:
        """Do the same within a transaction of the caller's, who may have read the text before it."""
        return await once(
            tx,
            lambda write: self._update(write, request, read),
            UpdateOutcome,
            user_id=request.user_id,
            key=request.key,
            clock=self._clock,
            slots=1 + len(request.facts or ()),
        )

    async def _read(self, request: UpdateRequest) -> PreparedText | None:
        """Read the text that the memory is to have, outside of the lock; None where there is no such memory."""
        text = request.text
        if text is None:
            rows = await self._store.read("memory_texts", user_id=request.user_id, uuids=[request.uuid])
            text = next((row["text"] for row in rows[0]["texts"]), None)
        return None if text is None else (await prepare_texts([text]))[0]

    async def _update(self, write: Write, request: UpdateRequest, read: PreparedText | None) -> UpdateOutcome:
        facts = request.facts or ()
        if request.text is not None and (read is None or read.text != request.text):
            read = PreparedText.of(request.text)
        mentioned = read.names.keys() if read is not None and request.text is not None else set[str]()
        rows = await write.tx.run(
            "update_context",
            user_id=request.user_id,
            uuid=request.uuid,
            keys=sorted(mentioned | stated_keys(facts, None)),
            targets=[uuid for fact in facts for uuid in fact.supersedes],
        )
        if not rows:
            raise NotFound("memory", request.uuid, "list yours with get_memories")
        standing: str = rows[0]["memory"]["text"]
        if read is None or (request.text is None and read.text != standing):  # it changed since it was read
            read = PreparedText.of(standing)
        change = _Change(request, read, write, rows[0])
        if change.nothing:
            return UpdateOutcome(request.uuid, changed=False)
        outcome = await self._apply(write.tx, change)
        await merge_namesakes(write, change.drafter.draft.entities)
        return outcome

    async def _apply(self, tx: Transaction, change: _Change) -> UpdateOutcome:
        user_id, draft = change.request.user_id, change.drafter.draft
        await tx.run(
            "create_version",
            uuid=change.request.uuid,
            version=change.version,
            properties=change.properties,
            moves_mentions=change.restates,
            keeps_facts=not change.replaces_facts,
        )
        if change.restates:
            await tx.run("drop_jobs", user_id=user_id, uuids=[change.request.uuid])
        if change.pending:
            await tx.run("create_jobs", user_id=user_id, jobs=change.jobs)
        if change.replaces_facts and change.old_facts:
            await tx.run(
                "expire_facts",
                uuids=[fact["uuid"] for fact in change.old_facts],
                version_uuid=change.version["uuid"],
                now=change.now,
            )
        draft.decisions[:0] = change.inherited()  # what the caller decides now comes after them
        written = await tx.run("create_graph", **draft.rows(), memories=[])
        revived = change.drafter.warn_taken_back(written[0]["taken_back"])
        stated = [row["properties"] for row in draft.facts]
        gone = change.old_facts if change.replaces_facts else []
        decided = [row["old"] for row in draft.decisions]
        ended = await settle(tx, user_id=user_id, changed=[*gone, *stated], also=[*decided, *revived], now=change.now)
        if change.replaces_facts:
            await drop_orphans(tx, user_id, [], change.entities())
        own = {fact["uuid"] for fact in [*stated, *gone]}
        kept_claims = {fact["claim_key"] for fact in stated}
        return UpdateOutcome(
            change.request.uuid,
            changed=True,
            pending=change.pending,
            version_uuid=change.version["uuid"],
            fact_uuids=draft.fact_uuids(),
            expired=[fact["uuid"] for fact in gone if fact["claim_key"] not in kept_claims],
            ended=[uuid for uuid in ended if uuid not in own],
            warnings=draft.warnings,
        )


class _Change:
    """What one update changes, laid out from the memory as it stands."""

    def __init__(self, request: UpdateRequest, read: PreparedText, write: Write, context: Row) -> None:
        self.request = request
        self.now = write.now
        self.memory: Row = context["memory"]
        self.old_facts: list[Row] = context["facts"]
        self._decisions: list[Row] = context["decisions"]
        self._write = write
        metadata = request.metadata if request.metadata is not None else self.memory["metadata"]
        new_text = read.text != self.memory["text"]
        self.restates = new_text or request.facts is not None
        read_by_model = request.facts is None and self.memory.get("infer") is not False
        noise = trivial(read.text) if read_by_model and new_text else None
        self.pending = read_by_model and new_text and noise is None and request.extracts
        self.replaces_facts = self.restates and not self.pending
        self.nothing = not self.restates and metadata == self.memory["metadata"]
        self.version: Row = {
            "uuid": write.uuid("version"),
            "user_id": request.user_id,
            "text": self.memory["text"],
            "metadata": self.memory["metadata"],
            "occurred_at": self.memory["occurred_at"],
            "created_at": self.memory["updated_at"],
            "replaced_at": write.now,
        }
        self.properties: Row = {
            "text": read.text,
            "terms": read.terms,
            "content_hash": read.digest,
            "metadata": metadata,
            "updated_at": write.now,
        }
        if self.restates:
            self.properties |= {
                "extraction": "pending" if self.pending else "skipped" if read_by_model and noise is None else "none",
                "extraction_error": None,
                "noise": noise is not None,
                "noise_reason": noise,
            }
        self.drafter = Drafter(write, known_names(context))
        if self.restates:
            self._draft_facts(context, read, write.first_seq)

    @property
    def jobs(self) -> list[Row]:
        """The job in which a model reads the new text."""
        return extraction_jobs(self._write, [[self.request.uuid]])

    def _draft_facts(self, context: Mapping[str, Any], read: PreparedText, seq: int) -> None:
        memory = self.memory
        scope = Scope(self.request.user_id, memory.get("agent_id"), memory.get("run_id"), memory.get("project"))
        occurred = memory["occurred_at"] != memory["created_at"]
        stating = StatingMemory(
            uuid=self.request.uuid,
            scope=scope,
            speaker=memory.get("speaker"),
            occurred_at=memory["occurred_at"],
            valid_from_source="occurred" if occurred else "created",
            created_at=self.now,
        )
        self.drafter.add_mentions(stating, read.names)
        targets = {row["uuid"]: row for row in context["targets"]}
        stated = StatedFacts()
        for index, fact in enumerate(self.request.facts or ()):
            uuid = self._write.uuid(f"fact:{index}")
            row = self.drafter.add_fact(stating, fact, seq=seq + index, origin="caller", uuid=uuid)
            said = stated.equal(row)
            if said is None:
                stated.add(row)
            else:
                self.drafter.draft.facts.pop()  # said twice; what the second supersedes may be new
            self.drafter.add_decisions(f"facts[{index}]", fact, said or row, targets)

    def inherited(self) -> list[Row]:
        """Return the decisions of expired facts that the new facts with the same claim take over."""
        if not self.replaces_facts:
            return []
        stated = StatedFacts(row["properties"] for row in self.drafter.draft.facts)
        return inherited_decisions(self.old_facts, self._decisions, stated)

    def entities(self) -> list[str]:
        """Return the entities that the old facts name."""
        return sorted({uuid for fact in self.old_facts for uuid in (fact["subject_uuid"], fact["object_uuid"]) if uuid})
