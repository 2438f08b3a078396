"""Adding memories: one transaction for each call, which leaves everything or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kg.facts.claims import stated_keys
from kg.graph.node_names import memory_name
from kg.graph.partition import Write, once_knowing
from kg.graph.store import GraphStore, Row, Transaction
from kg.language.lucene import user_key
from kg.language.names import NOBODY, OwnName
from kg.language.trivial import trivial
from kg.ports import Clock
from kg.validate import merge_metadata
from kg.values import AddRequest, MemoryInput
from kg.writing import queries
from kg.writing.commit import commit
from kg.writing.draft import Draft, Source, StatingMemory, known_names
from kg.writing.new_jobs import extraction_jobs
from kg.writing.queries import StandingMessage, StandingNote, WriteContext
from kg.writing.targets import Targets
from kg.writing.texts import PreparedText, PrepareTexts, prepare_texts


@dataclass(frozen=True)
class AddOutcome:
    """What one call of add_memory left in the graph; kept as JSON under the call's key.

    Attributes:
        memory_uuids: one for each text, in order; for a duplicate the memory that stood already.
        duplicates: those that stood already.
        fact_uuids: the facts that were created.
        ended: standing facts whose end changed: superseded, corrected, or followed in a timeline.
        pending: memories that a model is to read; jobs were left for them.
        noise: memories that are not worth remembering, each with the reason; they are stored but hidden.
        warnings: parts of the facts that could not be used.
        entities: the entities that were created.
        at: when it was, ISO; empty if an older version kept the answer.
    """

    memory_uuids: list[str]
    duplicates: list[str] = field(default_factory=list[str])
    fact_uuids: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    pending: list[str] = field(default_factory=list[str])
    noise: dict[str, str] = field(default_factory=dict[str, str])
    warnings: list[str] = field(default_factory=list[str])
    entities: list[str] = field(default_factory=list[str])
    at: str = ""


class Adding:
    """The write side of add_memory."""

    def __init__(
        self, store: GraphStore, clock: Clock, own: OwnName = NOBODY, prepare: PrepareTexts = prepare_texts
    ) -> None:
        """Nothing is read yet; ``prepare`` computes what a write needs of its texts, before the lock."""
        self._store = store
        self._clock = clock
        self._own = own
        self._prepare = prepare

    async def add(self, request: AddRequest) -> AddOutcome:
        """Store the texts and their facts in one transaction; acknowledged means durable.

        Raises:
            StoreUnavailable: the database does not answer; repeat the call with the same key.
        """
        texts = await self._prepare([memory.text for memory in request.memories])
        return await self._store.write(
            lambda tx: self.add_in(tx, request, texts), "add_memory", partition=request.scope.user_id
        )

    async def add_in(
        self, tx: Transaction, request: AddRequest, texts: Sequence[PreparedText] | None = None
    ) -> AddOutcome:
        """Do the same in a transaction of the caller, who may have prepared the texts before it began."""
        prepared = texts or await self._prepare([memory.text for memory in request.memories])
        own = self._own.names(request.scope.user_id)
        return await once_knowing(
            tx,
            queries.write_context,
            _context_params(request, prepared, own),
            lambda write, context: self._add(write, request, prepared, context),
            AddOutcome,
            user_id=request.scope.user_id,
            key=request.key,
            clock=self._clock,
            slots=len(request.memories) + sum(len(memory.facts) for memory in request.memories),
        )

    async def _add(
        self, write: Write, request: AddRequest, texts: Sequence[PreparedText], context: WriteContext
    ) -> AddOutcome:
        own = self._own.names(write.user_id)
        draft = Draft(write, known_names(context["aliases"]), own=own)
        layout = _Layout(
            write=write,
            request=request,
            draft=draft,
            standing=_by_hash(context["notes"]),
            targets=Targets.of(context["facts"], context["owners"]),
            resent=_resent(request, texts, context["messages"]),
            previous=context["messages"][0]["uuid"] if context["messages"] else None,
            left_to_model=request.infer and not any(memory.facts for memory in request.memories),
            outcome=AddOutcome([], warnings=draft.warnings, at=write.now.isoformat()),
        )
        for ordinal, (memory, text) in enumerate(zip(request.memories, texts, strict=True)):
            layout.lay_memory(ordinal, memory, text)
        draft.warn_of_lists()
        outcome = layout.outcome
        outcome.fact_uuids.extend(draft.fact_uuids())
        outcome.entities.extend(row["properties"]["uuid"] for row in draft.entities)
        ended = await commit(
            write, draft, memories=layout.memories, jobs=layout.jobs(), merges=draft.merges, answer=outcome
        )
        outcome.ended.extend(ended)
        if layout.redescribed:
            described = [{"uuid": uuid, "metadata": metadata} for uuid, metadata in layout.redescribed.items()]
            await write.tx.run(queries.redescribe_memories, user_id=write.user_id, memories=described, now=write.now)
        return outcome


def _context_params(request: AddRequest, texts: Sequence[PreparedText], own: Collection[str]) -> dict[str, Any]:
    keys = set(own)
    runs: defaultdict[str, set[str]] = defaultdict(set)
    for memory, text in zip(request.memories, texts, strict=True):
        keys |= stated_keys(memory.facts, memory.speaker)
        for key in text.names:
            first, blank, rest = key.partition(" ")
            if rest:
                runs[first + blank].add(key)
            else:
                keys.add(key)
    notes = [text for memory, text in zip(request.memories, texts, strict=True) if memory.role is None]
    return {
        **request.scope.params(),
        "hashes": [text.digest for text in notes],
        "keys": sorted(keys),
        "runs": [{"first": first, "keys": sorted(runs[first])} for first in sorted(runs)],
        "targets": [uuid for memory in request.memories for fact in memory.facts for uuid in fact.supersedes],
        "messages": 0 if request.scope.run_id is None else len(request.memories) - len(notes),
    }


def _resent(
    request: AddRequest, texts: Sequence[PreparedText], standing: Sequence[StandingMessage]
) -> list[StandingMessage]:
    """Return the messages at the beginning of this call with which the stored conversation ends, oldest first.

    Some clients send the whole conversation each time. Only its new messages are stored.
    """

    def is_sent_again(message: StandingMessage, ordinal: int) -> bool:
        memory = request.memories[ordinal]
        occurred = memory.occurred_at or request.occurred_at
        return (
            (message["hash"], message["role"], message["speaker"])
            == (texts[ordinal].digest, memory.role, memory.speaker)
        ) and occurred in (None, message["occurred_at"])

    for length in range(len(standing), 0, -1):
        last = list(reversed(standing[:length]))
        if all(is_sent_again(message, ordinal) for ordinal, message in enumerate(last)):
            return last
    return []


def _by_hash(notes: Iterable[StandingNote]) -> defaultdict[str, list[StandingNote]]:
    grouped: defaultdict[str, list[StandingNote]] = defaultdict(list)
    for note in notes:
        grouped[note["hash"]].append(note)
    return grouped


@dataclass
class _Layout:
    """The memories of one add and the draft of what they state, laid out one text at a time.

    Attributes:
        standing: the notes that stand already and those laid out, by hash of their text.
        resent: the messages that the call begins with and that stand already.
        targets: what the new facts want to supersede.
        previous: the message before the next one, None if there is none.
        left_to_model: the caller gave no facts; they are for a model to find.
        redescribed: notes that stand already -> the metadata that they get.
        memories: the new memories, as ``create_graph`` takes them.
    """

    write: Write
    request: AddRequest
    draft: Draft
    standing: defaultdict[str, list[StandingNote]]
    targets: Targets
    resent: Sequence[StandingMessage]
    previous: str | None
    left_to_model: bool
    outcome: AddOutcome
    redescribed: dict[str, str] = field(default_factory=dict[str, str])
    memories: list[Row] = field(default_factory=list[Row])

    def lay_memory(self, ordinal: int, memory: MemoryInput, text: PreparedText) -> None:
        """Lay out one text with its facts: as a new memory, or as the equal note that stands already."""
        occurred = memory.occurred_at or self.request.occurred_at
        equal = self.standing[text.digest] if memory.role is None else []
        standing = next((note for note in equal if self._is_same_occasion(note, occurred)), None)
        if ordinal < len(self.resent):
            standing = self.resent[ordinal]
        uuid = self.write.uuid(str(ordinal)) if standing is None else standing["uuid"]
        self.outcome.memory_uuids.append(uuid)
        source: Source = "created" if occurred is None else "occurred"
        stating = StatingMemory(uuid, self.request.scope, memory.speaker, occurred or self.write.now, source)
        if standing is None:
            self._lay_text(uuid, memory, text)
            self.draft.add_mentions(stating, text.names)
        else:
            self.outcome.duplicates.append(uuid)
            self.draft.note_standing(uuid, standing["facts"])
            self._merge_metadata(standing)
        for index, fact in enumerate(memory.facts):
            drafted = self.draft.add_fact(stating, fact, f"{ordinal}:fact:{index}")
            # What a repeated fact supersedes may be new.
            self.draft.add_decisions(f"facts[{index}]", fact, drafted.fact, self.targets)

    def _merge_metadata(self, standing: StandingNote) -> None:
        """Add the metadata of an equal note to the one that stands; keys that only the latter has stay."""
        merged = merge_metadata(standing["metadata"], self.request.metadata)
        if merged == standing["metadata"]:
            return
        standing["metadata"] = merged
        if any(memory["uuid"] == standing["uuid"] for memory in self.memories):
            return  # a text that this call has twice; both have the same metadata
        self.redescribed[standing["uuid"]] = merged

    def jobs(self) -> list[Row]:
        """Return the jobs in which a model reads the new texts: one for each note, messages some at a time.

        Trivial messages are read with the others of their call: a yes makes a decision of what was proposed.
        """
        pending = self.outcome.pending
        if pending and self.request.memories[0].role is not None:
            together = [[memory["uuid"] for memory in self.memories]]
        else:
            together = [[uuid] for uuid in pending]
        return extraction_jobs(self.write, together, bulk=self.request.bulk)

    def _is_same_occasion(self, note: StandingNote, occurred: datetime | None) -> bool:
        """Whether an equal note is about the same occasion.

        A call without a date means the same occasion, unless a fact that the note stated has ended since. Then the fact
        is said again, and holds again.
        """
        if occurred is not None:
            return note["occurred_at"] == occurred
        return not any(
            fact["valid_from_source"] != "stated"
            and fact["stated_invalid_at"] is None
            and fact["invalid_at"] is not None
            and fact["invalid_at"] <= self.write.now
            for fact in note["facts"]
        )

    def _extraction_of(self, uuid: str, memory: MemoryInput) -> str:
        """Return the state of a new text: a model does not read it if facts came with it or if it is trivial."""
        if not self.left_to_model:
            return "none"
        reason = trivial(memory.text)
        if reason is not None:
            self.outcome.noise[uuid] = reason
            return "none"
        if not self.request.extracts:
            return "skipped"
        self.outcome.pending.append(uuid)
        return "pending"

    def _lay_text(self, uuid: str, memory: MemoryInput, text: PreparedText) -> None:
        request, scope = self.request, self.request.scope
        is_message = memory.role is not None
        properties: Row = {
            **scope.params(),
            "uuid": uuid,
            "name": memory_name(memory.text),
            "text": memory.text,
            "terms": text.terms,
            "user_key": user_key(scope.user_id),
            "content_hash": text.digest,
            "kind": "message" if is_message else "note",
            "role": memory.role,
            "speaker": memory.speaker,
            "metadata": request.metadata,
            "occurred_at": memory.occurred_at or request.occurred_at or self.write.now,
            "created_at": self.write.now,
            "updated_at": self.write.now,
            "seq": self.draft.take_seq(),
            "index_rev": 1,
            "bulk": request.bulk,
            "infer": None if request.infer else False,
            "extraction": self._extraction_of(uuid, memory),
            "noise": uuid in self.outcome.noise,
            "noise_reason": self.outcome.noise.get(uuid),
            "recall_count": 0,
        }
        self.memories.append(
            {"uuid": uuid, "properties": properties, "previous_uuid": self.previous if is_message else None}
        )
        if is_message:
            self.previous = uuid if scope.run_id is not None or len(request.memories) > 1 else None
        else:
            note: StandingNote = {
                "hash": text.digest, "uuid": uuid, "occurred_at": properties["occurred_at"], "facts": [],
                "metadata": request.metadata,
            }  # fmt: skip
            self.standing[text.digest].append(note)
