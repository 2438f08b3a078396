"""The extract step of a job: a model reads texts, and the facts that it finds are written in one transaction.

Invariant: the model is asked outside of any transaction. Its answer counts only if the worker still holds the job and
the texts are still those that the model read. Until then the facts of the old texts stay current.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypedDict

from kg.entities import queries as entities_queries
from kg.entities.linking import NOTHING, Linker
from kg.entities.resolve import EntityMerge, Resolution
from kg.facts.claims import stated_keys
from kg.facts.contentions import find_contentions
from kg.graph.partition import Write
from kg.graph.store import GraphStore, Row, Transaction
from kg.jobs import queries
from kg.jobs.lease import LEASE_S, Lease, account, enter
from kg.jobs.queries import FencedMemory, FormerFact, FormerStatements, FormerVersion, JobTexts, ReadMemory
from kg.language.quotations import traces, without_recalled
from kg.model_values import Extraction, ExtractionRequest, ModelWork, Turn
from kg.ports import Clock, FactExtractor
from kg.values import FactInput
from kg.writing import queries as writing_queries
from kg.writing.commit import Replaced, commit
from kg.writing.draft import Draft, StatingMemory, known_names
from kg.writing.new_jobs import extraction_jobs

EARLIER_TURNS = 4
"""How many messages before the first new one a model is shown as context."""
MAX_DROPPED_TOLD = 20
"""Most reasons that a job keeps for parts of an answer that could not be used."""
AGENTS = frozenset(("assistant", "system", "tool"))
"""Roles that are no person. Their words may only repeat what they recalled, while a person who repeats a thing says it
again. And by "I" they do not mean the user."""


@dataclass(frozen=True)
class Extracted:
    """What an extract step left.

    Attributes:
        facts: how many new facts it wrote.
        judging: the job that judges the contentions it found, which the same worker already holds; None if it found
            none.
    """

    facts: int = 0
    judging: Lease | None = None


class _ReadNow(TypedDict):
    """A memory that a model has read, and why it is not worth remembering, None if it is."""

    uuid: str
    noise_reason: str | None


class ExtractStep:
    """Reads the memories of one job."""

    def __init__(
        self, store: GraphStore, clock: Clock, extractor: FactExtractor, linker: Linker, *, judges: bool
    ) -> None:
        self._store = store
        self._clock = clock
        self._extractor = extractor
        self._linker = linker
        self._judges = judges

    async def run(self, lease: Lease) -> Extracted:
        """Extract facts, resolve their names, and commit them.

        Raises:
            ExtractionError: the model gave no usable answer; nothing was written.
            StoreUnavailable: the database does not answer; the job is tried again later.
        """
        job = await self._store.find_one(
            queries.job_texts, user_id=lease.user_id, uuid=lease.uuid, earlier=EARLIER_TURNS
        )
        if job is None or not job["memories"]:
            return await self._commit(lease, [], None, NOTHING)
        memories = job["memories"]
        request = await self._request(lease, job)
        extraction = await self._extractor.extract(request)
        await account(self._store, lease, extraction.work.calls, self._clock.now())
        names = await self._linker.resolve(
            lease.user_id, [(fact, _voice(memories[turn])) for turn, fact in extraction.facts], job=lease.uuid
        )
        return await self._commit(lease, memories, extraction, names)

    async def _request(self, lease: Lease, job: JobTexts) -> ExtractionRequest:
        memories = job["memories"]
        first = memories[0]
        texts = [memory["text"] for memory in memories]
        found = [traces(text) for text in texts]
        words = [
            trace.hashes if memory["role"] in AGENTS else frozenset[str]()
            for memory, trace in zip(memories, found, strict=True)
        ]
        known = await self._store.read_one(
            queries.recalled_texts,
            user_id=lease.user_id,
            project=first["project"],
            now=self._clock.now(),
            before=first["seq"],
            hashes=sorted(frozenset[str]().union(*words)),
            uuids=sorted({uuid for trace in found for uuid in trace.uuids}),
        )
        hashes, uuids = frozenset(known["hashes"]), frozenset(known["uuids"])
        return ExtractionRequest(
            turns=tuple(
                Turn(without_recalled(memory["text"], hashes & own, uuids), memory["role"], memory["speaker"])
                for memory, own in zip(memories, words, strict=True)
            ),
            occurred_at=first["occurred_at"],
            earlier=tuple(Turn(row["text"], row["role"], row["speaker"]) for row in job["earlier"]),
            project=first["project"],
            known_names=tuple(job["names"]),
        )

    async def _commit(
        self, lease: Lease, read: Sequence[ReadMemory], extraction: Extraction | None, names: Resolution
    ) -> Extracted:
        slots = len(extraction.facts) if extraction else 0

        async def work(tx: Transaction) -> Extracted:
            entered = await enter(tx, lease, self._clock, slots=slots)
            if entered is None:
                return Extracted()
            write = entered.write
            if entered.changed:  # edited by hand since the job was created; another job reads the new text
                jobs = extraction_jobs(write, [[uuid] for uuid in entered.changed], bulk=lease.bulk)
                await write.tx.run(writing_queries.create_jobs, user_id=lease.user_id, jobs=jobs)
            if extraction is None:
                return await self._finish(write, lease, [], 0, ())
            standing = {memory["uuid"]: memory for memory in entered.memories}
            facts = await _state(write, standing, read, extraction, names)
            stating = {turn for turn, _ in extraction.facts}
            done: list[_ReadNow] = [
                {
                    "uuid": memory["uuid"],
                    "noise_reason": extraction.noise.get(turn) or _still_noise(memory, turn, stating),
                }
                for turn, memory in enumerate(read)
                if memory["uuid"] in standing
            ]
            return await self._finish(write, lease, done, facts, extraction.dropped)

        return await self._store.write(work, "extraction", partition=lease.user_id)

    async def _finish(
        self, write: Write, lease: Lease, memories: Sequence[_ReadNow], facts: int, dropped: Sequence[str]
    ) -> Extracted:
        """Close the job; if new facts may contradict standing ones, open and lease the job that judges them."""
        uuids = [memory["uuid"] for memory in memories]
        contends = bool(facts and self._judges and await find_contentions(write, uuids))
        state = "pending" if contends else "done"
        await write.tx.run(
            queries.finish_extraction,
            user_id=lease.user_id,
            uuid=lease.uuid,
            memories=[{**memory, "extraction": state} for memory in memories],
            dropped=_told(dropped),
            now=write.now,
        )
        if not contends:
            return Extracted(facts)
        judging = Lease(write.uuid("judge"), lease.user_id, "judge", 1, 0, lease.bulk, lease.worker)
        properties: Row = {
            "uuid": judging.uuid, "kind": judging.kind, "state": "running", "attempt": 1, "failures": 0,
            "bulk": lease.bulk, "claimed_by": lease.worker, "created_at": write.now,
        }  # fmt: skip
        await write.tx.run(
            writing_queries.create_jobs, user_id=lease.user_id, jobs=[{"properties": properties, "memories": uuids}]
        )
        await write.tx.run(queries.renew_lease, leases=[judging.held()], lease_s=LEASE_S)
        return Extracted(facts, judging)


def _voice(memory: ReadMemory | FencedMemory) -> str | None:
    """Return whom "I" means in a text, or None for the user."""
    return memory["speaker"] or (memory["role"] if memory["role"] in AGENTS else None)


def _still_noise(memory: ReadMemory, turn: int, stating: Set[int]) -> str | None:
    """Return why a message stays hidden; a trivial one that turned out to state a fact (a yes) is shown."""
    return None if turn in stating else memory["noise_reason"]


async def _state(
    write: Write,
    standing: Mapping[str, FencedMemory],
    read: Sequence[ReadMemory],
    extraction: Extraction,
    names: Resolution,
) -> int:
    """Write the facts that were extracted from texts that still stand; return how many are new."""
    facts = [(uuid, fact) for turn, fact in extraction.facts if (uuid := read[turn]["uuid"]) in standing]
    former = await _former(write, standing)
    draft = await _draft(write, standing, facts, former, extraction.work)
    replaced = [Replaced(row["facts"], row["decisions"], _expiring(row)) for row in former]
    await commit(write, draft, replaced=replaced, merges=_merges(draft, names))
    if names.undecided or names.decided:
        await write.tx.run(
            queries.mark_undecided, user_id=write.user_id, undecided=names.undecided, decided=names.decided
        )
    return len(draft.facts)


async def _former(write: Write, standing: Mapping[str, FencedMemory]) -> list[FormerStatements]:
    """Read the facts that texts already state, from before they were changed or handed over since."""
    uuids = [uuid for uuid, row in standing.items() if row["restates"]]
    return await write.tx.run(queries.restating_context, user_id=write.user_id, uuids=uuids) if uuids else []


async def _draft(
    write: Write,
    standing: Mapping[str, FencedMemory],
    facts: Sequence[tuple[str, FactInput]],
    former: Sequence[FormerStatements],
    work: ModelWork,
) -> Draft:
    """Draft every fact once for its time, however often the model said it."""
    keys = {key for uuid, fact in facts for key in stated_keys([fact], _voice(standing[uuid]))}
    rows = await write.tx.run(entities_queries.find_names, user_id=write.user_id, keys=sorted(keys))
    origin = {"origin": "model", "model": work.model, "prompt": work.prompt, "prompt_hash": work.prompt_hash}
    draft = Draft(write, known_names(rows), origin)
    for row in former:  # a caller gave these facts for the present text while it waited to be read
        draft.note_standing(row["uuid"], (fact for fact in row["facts"] if _version_of(row, fact) is None))
    for index, (uuid, fact) in enumerate(facts):
        memory = standing[uuid]
        draft.add_fact(StatingMemory.of(memory, write.user_id, _voice(memory)), fact, f"fact:{index}")
    return draft


def _merges(draft: Draft, names: Resolution) -> list[EntityMerge]:
    """Return the merges that resolution asks for: of entities that this draft creates, and of known ones.

    If another write has created the entity of a name since the names were resolved, its spelling finds it.
    """
    created = {row["key"]: row["properties"]["uuid"] for row in draft.entities}
    found = [
        EntityMerge(created[key], created.get(target, target), names.reasons[key])
        for key, target in names.same.items()
        if key in created
    ]
    return [*found, *names.merges]


def _expiring(row: FormerStatements) -> dict[str, list[FormerFact]]:
    """Return the facts of a memory that an old text stated, by the version that kept that text."""
    by_version: dict[str, list[FormerFact]] = defaultdict(list)
    for fact in row["facts"]:
        version = _version_of(row, fact)
        if version is not None:
            by_version[version["uuid"]].append(fact)
    return by_version


def _version_of(row: FormerStatements, fact: FormerFact) -> FormerVersion | None:
    """Return the version whose text stated a fact, or None if the present text does."""
    return next((version for version in row["versions"] if version["replaced_at"] > fact["created_at"]), None)


def _told(dropped: Sequence[str]) -> list[str]:
    """Return the first parts of an answer that were not used, and how many more there are."""
    left_out = len(dropped) - MAX_DROPPED_TOLD
    return [*dropped[:MAX_DROPPED_TOLD], *([f"and {left_out} more"] if left_out > 0 else [])]
