"""Updating a memory: its old state stays as a version, the facts of that state expire, new facts are stated.

Decisions follow the claim. A new fact with an old claim takes over what the old fact had ended and what had ended it,
so that rewording a note neither revives nor loses anything. Decisions are copied, not moved: a read of what was known
before the update still finds those of the old fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kg.errors import NotFound
from kg.facts.claims import stated_keys
from kg.graph import queries as graph_queries
from kg.graph.node_names import memory_name
from kg.graph.nodes import Memory
from kg.graph.partition import Write, once
from kg.graph.store import GraphStore, Row, Transaction
from kg.language.names import NOBODY, OwnName
from kg.language.trivial import trivial
from kg.ports import Clock
from kg.validate import merge_metadata
from kg.values import UpdateRequest
from kg.writing import queries
from kg.writing.commit import Replaced, commit
from kg.writing.draft import Draft, StatingMemory, known_names
from kg.writing.new_jobs import extraction_jobs
from kg.writing.queries import UpdateContext
from kg.writing.targets import Targets
from kg.writing.texts import PreparedText, PrepareTexts, prepare_texts


@dataclass(frozen=True)
class UpdateOutcome:
    """What an update did.

    Attributes:
        changed: False if the memory already was as the call wants it.
        pending: a model is to read the new text.
        expired: facts of the old state that the new state does not repeat.
        ended: facts of other memories whose end changed.
        agent_id, run_id, project: of the memory.
    """

    uuid: str
    changed: bool
    pending: bool = False
    version_uuid: str | None = None
    fact_uuids: list[str] = field(default_factory=list[str])
    expired: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    agent_id: str | None = None
    run_id: str | None = None
    project: str | None = None


class Updating:
    """The write side of update_memory."""

    def __init__(
        self, store: GraphStore, clock: Clock, own: OwnName = NOBODY, prepare: PrepareTexts = prepare_texts
    ) -> None:
        """Nothing is read yet; ``prepare`` computes what a write needs of its texts, before the lock."""
        self._store = store
        self._clock = clock
        self._own = own
        self._prepare = prepare

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
        """Do the same in a transaction of the caller, who may have prepared the text before it began."""
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
        """Prepare the text that the memory is to have, outside of the lock; None if there is no such memory."""
        text = request.text
        if text is None:
            found = await self._store.read_one(
                graph_queries.memory_texts, user_id=request.user_id, uuids=[request.uuid]
            )
            text = next((row["text"] for row in found["texts"]), None)
        return None if text is None else (await self._prepare([text]))[0]

    async def _update(self, write: Write, request: UpdateRequest, read: PreparedText | None) -> UpdateOutcome:
        own = self._own.names(request.user_id)
        context, text = await _context(write, request, read, own)
        memory = context["memory"]
        change = _compare(request, memory, text)
        if change.nothing:
            return UpdateOutcome(request.uuid, changed=False)
        draft = _draft(write, request, context, change, own)
        version_uuid = write.uuid("version")
        await write.tx.run(
            queries.create_version,
            uuid=request.uuid,
            version=_version(version_uuid, memory, write.now),
            properties=change.properties(write.now),
            moves_mentions=change.restates,
            keeps_facts=not change.replaces_facts,
        )
        if change.restates:
            await write.tx.run(queries.drop_jobs, user_id=request.user_id, uuids=[request.uuid])
        old = context["facts"] if change.replaces_facts else []
        replaced = [Replaced(old, context["decisions"], {version_uuid: old})] if old else []
        jobs = extraction_jobs(write, [[request.uuid]]) if change.pending else []
        ended = await commit(write, draft, jobs=jobs, replaced=replaced, merges=draft.merges)
        kept_claims = {fact["claim_key"] for fact in draft.stated()}
        return UpdateOutcome(
            request.uuid,
            changed=True,
            pending=change.pending,
            version_uuid=version_uuid,
            fact_uuids=draft.fact_uuids(),
            expired=[fact["uuid"] for fact in old if fact["claim_key"] not in kept_claims],
            ended=ended,
            warnings=draft.warnings,
            agent_id=memory.get("agent_id"),
            run_id=memory.get("run_id"),
            project=memory.get("project"),
        )


async def _context(
    write: Write, request: UpdateRequest, read: PreparedText | None, own: Mapping[str, str]
) -> tuple[UpdateContext, PreparedText]:
    """Return the memory as it stands, and the text that it is to have, prepared again if it changed in between."""
    if request.text is not None and (read is None or read.text != request.text):
        read = PreparedText.of(request.text)
    facts = request.facts or ()
    mentioned = read.names.keys() if read is not None and request.text is not None else set[str]()
    context = await write.tx.find_one(
        queries.update_context,
        user_id=request.user_id,
        uuid=request.uuid,
        keys=sorted(mentioned | stated_keys(facts, None) | own.keys()),
        targets=[uuid for fact in facts for uuid in fact.supersedes],
    )
    if context is None:
        raise NotFound("memory", request.uuid, "list yours with get_memories")
    standing = context["memory"]["text"]
    if read is None or (request.text is None and read.text != standing):
        read = PreparedText.of(standing)
    return context, read


@dataclass(frozen=True)
class _Change:
    """What an update changes of a memory as it stands.

    Attributes:
        text: the text that the memory is to have.
        metadata: the metadata that it is to have.
        restates: the text or the facts are new.
        left_to_model: the caller gave no facts; those of a new text are for a model to find.
        pending: a model is to read the new text; until it has, the old facts stay.
        noise: why the new text is not worth remembering, None if it is.
        nothing: the memory is already as it is asked to be.
    """

    text: PreparedText
    metadata: str
    restates: bool
    left_to_model: bool
    pending: bool
    noise: str | None
    nothing: bool

    @property
    def replaces_facts(self) -> bool:
        """Whether the old facts expire now."""
        return self.restates and not self.pending

    def properties(self, now: datetime) -> Row:
        """Return the memory's properties that change."""
        properties: Row = {
            "name": memory_name(self.text.text),
            "text": self.text.text,
            "terms": self.text.terms,
            "content_hash": self.text.digest,
            "metadata": self.metadata,
            "updated_at": now,
        }
        if not self.restates:
            return properties
        unread = "skipped" if self.left_to_model and self.noise is None else "none"
        return properties | {
            "extraction": "pending" if self.pending else unread,
            "extraction_error": None,
            "noise": self.noise is not None,
            "noise_reason": self.noise,
        }


def _compare(request: UpdateRequest, memory: Memory, text: PreparedText) -> _Change:
    """Compare what is asked for with the memory as it stands."""
    metadata = memory["metadata"] if request.metadata is None else merge_metadata(memory["metadata"], request.metadata)
    new_text = text.text != memory["text"]
    restates = new_text or request.facts is not None
    left_to_model = request.facts is None and memory.get("infer") is not False
    noise = trivial(text.text) if left_to_model and new_text else None
    return _Change(
        text=text,
        metadata=metadata,
        restates=restates,
        left_to_model=left_to_model,
        pending=left_to_model and new_text and noise is None and request.extracts,
        noise=noise,
        nothing=not restates and metadata == memory["metadata"],
    )


def _version(uuid: str, memory: Memory, now: datetime) -> Row:
    """Return the version that keeps the memory as it stands."""
    return {
        "uuid": uuid,
        "user_id": memory["user_id"],
        "name": memory_name(memory["text"]),
        "text": memory["text"],
        "metadata": memory["metadata"],
        "occurred_at": memory["occurred_at"],
        "created_at": memory["updated_at"],
        "replaced_at": now,
    }


def _draft(
    write: Write, request: UpdateRequest, context: UpdateContext, change: _Change, own: Mapping[str, str]
) -> Draft:
    """Draft what the memory states from now on."""
    draft = Draft(write, known_names(context["aliases"]), own=own)
    if not change.restates:
        return draft
    memory = context["memory"]
    stating = StatingMemory.of(memory, request.user_id, memory.get("speaker"))
    draft.add_mentions(stating, change.text.names)
    targets = Targets.of(context["targets"], context["owners"])
    for index, fact in enumerate(request.facts or ()):
        drafted = draft.add_fact(stating, fact, f"fact:{index}")
        # What a fact that is said twice supersedes may be new.
        draft.add_decisions(f"facts[{index}]", fact, drafted.fact, targets)
    draft.warn_of_lists()
    return draft
