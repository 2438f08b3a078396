"""Storing: one transaction per call that either leaves everything or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kg.entities.merge import merge_namesakes
from kg.facts.claims import stated_keys
from kg.facts.settle import settle
from kg.graph.partition import Write, once
from kg.graph.store import GraphStore, Row, Transaction
from kg.language.lucene import user_key
from kg.language.trivial import trivial
from kg.ports import Clock
from kg.values import AddRequest, FactInput, MemoryInput
from kg.writing.draft import Drafter, PreparedText, Source, StatingMemory, known_names, prepare_texts
from kg.writing.queue import extraction_jobs
from kg.writing.stated import StatedFacts


@dataclass(frozen=True)
class AddOutcome:
    """What one call of add_memory left in the graph; kept as JSON under the call's key.

    Attributes:
        memory_uuids: one per text, in order; the standing one for a duplicate.
        duplicates: which of them stood already.
        fact_uuids: the facts that were created.
        ended: facts whose end changed by it: superseded, corrected, or followed in a timeline.
        pending: memories that a model is to read, as the job says that was left with them.
        noise: memories that are not worth remembering, with why; stored, and hidden.
    """

    memory_uuids: list[str]
    duplicates: list[str] = field(default_factory=list[str])
    fact_uuids: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    pending: list[str] = field(default_factory=list[str])
    noise: dict[str, str] = field(default_factory=dict[str, str])
    warnings: list[str] = field(default_factory=list[str])


class Adding:
    """The write side of add_memory."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, request: AddRequest) -> AddOutcome:
        """Store the texts and their facts in one transaction; acknowledged means durable.

        Raises:
            StoreUnavailable: the database does not answer; repeat the call with the same key.
        """
        read = await prepare_texts([memory.text for memory in request.memories])
        return await self._store.write(
            lambda tx: self.add_in(tx, request, read), "add_memory", partition=request.scope.user_id
        )

    async def add_in(
        self, tx: Transaction, request: AddRequest, read: Sequence[PreparedText] | None = None
    ) -> AddOutcome:
        """Do the same within a transaction of the caller's, who may have read the texts before it."""
        texts = read or await prepare_texts([memory.text for memory in request.memories])
        return await once(
            tx,
            lambda write: self._add(write, request, texts),
            AddOutcome,
            user_id=request.scope.user_id,
            key=request.key,
            clock=self._clock,
            slots=len(request.memories) + sum(len(memory.facts) for memory in request.memories),
        )

    async def _add(self, write: Write, request: AddRequest, read: Sequence[PreparedText]) -> AddOutcome:
        tx = write.tx
        context = (await tx.run("write_context", **_context_params(request, read)))[0]
        plan = _Plan(request, read, write, context)
        outcome = plan.outcome
        written = await tx.run("create_graph", **plan.drafter.draft.rows(), memories=plan.memories)
        revived = plan.drafter.warn_taken_back(written[0]["taken_back"])
        outcome.warnings.extend(plan.drafter.draft.warnings)
        if plan.jobs:
            await tx.run("create_jobs", user_id=write.user_id, jobs=plan.jobs)
        created = [row["properties"] for row in plan.drafter.draft.facts]
        if created or plan.decided:
            ended = await settle(
                tx, user_id=write.user_id, created=created, also=[*plan.decided, *revived], now=write.now
            )
            outcome.ended.extend(uuid for uuid in ended if uuid not in set(outcome.fact_uuids))
        await merge_namesakes(write, plan.drafter.draft.entities)
        return outcome


def _context_params(request: AddRequest, read: Sequence[PreparedText]) -> dict[str, Any]:
    keys: set[str] = set()
    for memory, text in zip(request.memories, read, strict=True):
        keys |= text.names.keys() | stated_keys(memory.facts, memory.speaker)
    notes = [text for memory, text in zip(request.memories, read, strict=True) if memory.role is None]
    return {
        **request.scope.params(),
        "hashes": [text.digest for text in notes],
        "keys": sorted(keys),
        "targets": [uuid for memory in request.memories for fact in memory.facts for uuid in fact.supersedes],
        "conversation": len(notes) < len(request.memories) and request.scope.run_id is not None,
    }


class _Plan:
    """The rows of one add, laid out once the context is known."""

    def __init__(self, request: AddRequest, read: Sequence[PreparedText], write: Write, context: Row) -> None:
        self.memories: list[Row] = []
        self.outcome = AddOutcome([])
        self.drafter = Drafter(write, known_names(context))
        self._request = request
        self._write = write
        self._now = write.now
        self._seq = write.first_seq
        self._standing: dict[str, list[Row]] = {}
        for row in context["notes"]:
            self._standing.setdefault(row["hash"], []).append(row)
        self._targets: Mapping[str, Row] = {row["uuid"]: row for row in context["facts"]}
        self._previous: str | None = context["last_message"]
        self._states_facts = any(memory.facts for memory in request.memories)
        for ordinal, (memory, text) in enumerate(zip(request.memories, read, strict=True)):
            self._lay_memory(ordinal, memory, text)

    @property
    def jobs(self) -> list[Row]:
        """The jobs in which a model reads the new texts: one for each note, messages some at a time.

        Trivial messages are read with the others of their call: an assent makes a decision of what was proposed.
        """
        pending = self.outcome.pending
        if pending and self._request.memories[0].role is not None:
            together = [[memory["uuid"] for memory in self.memories]]
        else:
            together = [[uuid] for uuid in pending]
        return extraction_jobs(self._write, together, bulk=self._request.bulk)

    @property
    def decided(self) -> list[str]:
        """The facts that the drafted decisions end."""
        return [row["old"] for row in self.drafter.draft.decisions]

    def _lay_memory(self, ordinal: int, memory: MemoryInput, text: PreparedText) -> None:
        occurred = self._request.occurred_at
        equal = self._standing.get(text.digest, []) if memory.role is None else []
        standing = next((row for row in equal if self._is_same_occasion(row, occurred)), None)
        if standing is not None:
            uuid, stated = standing["uuid"], StatedFacts(standing["facts"])
            self.outcome.duplicates.append(uuid)
        else:
            uuid, stated = self._write.uuid(str(ordinal)), StatedFacts()
            self._lay_text(uuid, memory, text)
        self.outcome.memory_uuids.append(uuid)
        source: Source = "created" if occurred is None else "occurred"
        stating = StatingMemory(uuid, self._request.scope, memory.speaker, occurred or self._now, source, self._now)
        if uuid not in self.outcome.duplicates:
            self.drafter.add_mentions(stating, text.names)
        for index, fact in enumerate(memory.facts):
            self._lay_fact(stating, fact, stated, f"facts[{index}]", f"{ordinal}:fact:{index}")

    def _is_same_occasion(self, note: Row, occurred: datetime | None) -> bool:
        """Whether an equal note is told of the same occasion: not where what held when it was told has ended since."""
        if occurred is not None:
            return note["occurred_at"] == occurred
        return not any(
            fact["valid_from_source"] != "stated"
            and fact["stated_invalid_at"] is None
            and fact["invalid_at"] is not None
            and fact["invalid_at"] <= self._now
            for fact in note["facts"]
        )

    def _lay_fact(self, memory: StatingMemory, fact: FactInput, stated: StatedFacts, label: str, name: str) -> None:
        uuid = self._write.uuid(name)
        row = self.drafter.add_fact(memory, fact, seq=self._seq, origin="caller", uuid=uuid)
        self._seq += 1
        standing = stated.equal(row)
        if standing is not None:
            self.drafter.draft.facts.pop()  # this memory says so already; what it supersedes may be new
            row = standing
        else:
            stated.add(row)
            self.outcome.fact_uuids.append(uuid)
        self.drafter.add_decisions(label, fact, row, self._targets)

    def _extraction_of(self, uuid: str, memory: MemoryInput) -> str:
        """Decide whether a model is to read a text: not where facts came with it, and not where it is trivial."""
        if not self._request.infer or self._states_facts:
            return "none"
        reason = trivial(memory.text)
        if reason is not None:
            self.outcome.noise[uuid] = reason
            return "none"
        if not self._request.extracts:
            return "skipped"
        self.outcome.pending.append(uuid)
        return "pending"

    def _lay_text(self, uuid: str, memory: MemoryInput, text: PreparedText) -> None:
        request, scope = self._request, self._request.scope
        is_message = memory.role is not None
        properties: Row = {
            **scope.params(),
            "uuid": uuid,
            "text": memory.text,
            "terms": text.terms,
            "user_key": user_key(scope.user_id),
            "content_hash": text.digest,
            "kind": "message" if is_message else "note",
            "role": memory.role,
            "speaker": memory.speaker,
            "metadata": request.metadata,
            "occurred_at": request.occurred_at or self._now,
            "created_at": self._now,
            "updated_at": self._now,
            "seq": self._seq,
            "index_rev": 1,
            "bulk": request.bulk,
            "infer": None if request.infer else False,
            "extraction": self._extraction_of(uuid, memory),
            "noise": uuid in self.outcome.noise,
            "noise_reason": self.outcome.noise.get(uuid),
            "recall_count": 0,
        }
        self._seq += 1
        self.memories.append(
            {"uuid": uuid, "properties": properties, "previous_uuid": self._previous if is_message else None}
        )
        if is_message:
            self._previous = uuid if scope.run_id is not None or len(request.memories) > 1 else None
        else:
            self._standing.setdefault(text.digest, []).append(
                {"uuid": uuid, "occurred_at": properties["occurred_at"], "facts": []}
            )
