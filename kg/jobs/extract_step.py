"""The extract step of a job: texts are read by a model, and what it states is written in one transaction.

Invariant: the model is asked outside of any transaction, and its answer counts only while the job is still held and
the texts are still those that were read. Until then the facts of a former text stay current.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from kg.entities.linking import NOTHING, Linker
from kg.entities.merge import merge_entities, merge_namesakes
from kg.entities.orphans import drop_orphans
from kg.entities.resolve import Resolution
from kg.facts.claims import stated_keys
from kg.facts.contentions import find_contentions
from kg.facts.settle import settle
from kg.graph.partition import Write
from kg.graph.store import GraphStore, Row
from kg.jobs.lease import LEASE_S, Lease, account, enter
from kg.language.quotations import traces, without_recalled
from kg.model_values import Extraction, ModelWork, Reading, Turn
from kg.ports import Clock, FactExtractor
from kg.values import Scope
from kg.writing.draft import Drafter, KnownName, StatingMemory
from kg.writing.queue import extraction_jobs
from kg.writing.stated import StatedFacts, inherited_decisions

EARLIER_TURNS = 4
MAX_DROPPED_TOLD = 20
"""Most reasons kept on a job for parts of an answer that could not be used."""
AGENTS = frozenset(("assistant", "system", "tool"))
"""Roles that are no person: their words may be what they recalled, where a person who says a known thing again says
it; and their I is not the user's."""


@dataclass(frozen=True)
class Extracted:
    """What an extract step left.

    Attributes:
        judging: the job that judges the contentions it found, already held by the same worker; None where there
            are none.
    """

    facts: int = 0
    judging: Lease | None = None


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
        """Extract, resolve names, and commit.

        Raises:
            ExtractionError: no usable answer; nothing was written.
            StoreUnavailable: the database does not answer; the job is tried again.
        """
        rows = await self._store.read("job_reading", user_id=lease.user_id, uuid=lease.uuid, earlier=EARLIER_TURNS)
        if not rows or not rows[0]["memories"]:
            return await self._commit(lease, [], None, NOTHING)
        memories: list[Row] = rows[0]["memories"]
        reading = await self._reading(lease, memories, rows[0])
        extraction = await self._extractor.extract(reading)
        await account(self._store, lease, extraction.work.calls, self._clock.now())
        names = await self._linker.resolve(
            lease.user_id, [(fact, _voice(memories[turn])) for turn, fact in extraction.facts], job=lease.uuid
        )
        return await self._commit(lease, memories, extraction, names)

    async def _reading(self, lease: Lease, memories: Sequence[Row], context: Row) -> Reading:
        first = memories[0]
        texts = [memory["text"] for memory in memories]
        found = [traces(text) for text in texts]
        words = [
            trace.hashes if memory["role"] in AGENTS else frozenset[str]()
            for memory, trace in zip(memories, found, strict=True)
        ]
        known = (
            await self._store.read(
                "recalled_texts",
                user_id=lease.user_id,
                project=first["project"],
                now=self._clock.now(),
                before=first["seq"],
                hashes=sorted(frozenset[str]().union(*words)),
                uuids=sorted({uuid for trace in found for uuid in trace.uuids}),
            )
        )[0]
        hashes, uuids = frozenset[str](known["hashes"]), frozenset[str](known["uuids"])
        return Reading(
            turns=tuple(
                Turn(without_recalled(memory["text"], hashes & own, uuids), memory["role"], memory["speaker"])
                for memory, own in zip(memories, words, strict=True)
            ),
            occurred_at=first["occurred_at"],
            earlier=tuple(Turn(row["text"], row["role"], row["speaker"]) for row in context["earlier"]),
            project=first["project"],
            known_names=tuple(context["names"]),
        )

    async def _commit(
        self, lease: Lease, read: Sequence[Row], extraction: Extraction | None, names: Resolution
    ) -> Extracted:
        slots = len(extraction.facts) if extraction else 0

        async def work(tx: Any) -> Extracted:
            entered = await enter(tx, lease, self._clock, slots=slots)
            if entered is None:
                return Extracted()
            write = entered.write
            if entered.changed:  # edited by hand since the job was left; another job reads them as they are
                jobs = extraction_jobs(write, [[uuid] for uuid in entered.changed], bulk=lease.bulk)
                await write.tx.run("create_jobs", user_id=lease.user_id, jobs=jobs)
            if extraction is None:
                return await self._finish(write, lease, [], 0, ())
            statement = _Statement(write, entered.memories, read, extraction)
            await statement.load_names()
            await statement.load_former()
            statement.draft_facts()
            await statement.write(names)
            standing = {memory["uuid"] for memory in entered.memories}
            stating = {turn for turn, _ in extraction.facts}
            done = [
                {
                    "uuid": memory["uuid"],
                    "noise_reason": extraction.noise.get(turn) or _still_noise(memory, turn, stating),
                }
                for turn, memory in enumerate(read)
                if memory["uuid"] in standing
            ]
            return await self._finish(write, lease, done, len(statement.drafter.draft.facts), extraction.dropped)

        return await self._store.write(work, "extraction", partition=lease.user_id)

    async def _finish(
        self, write: Write, lease: Lease, memories: Sequence[Row], facts: int, dropped: Sequence[str]
    ) -> Extracted:
        """Close the job, and open the one that judges where new facts contend with standing ones."""
        uuids = [memory["uuid"] for memory in memories]
        contends = bool(facts and self._judges and await find_contentions(write, uuids))
        state = "pending" if contends else "done"
        await write.tx.run(
            "finish_extraction",
            user_id=lease.user_id,
            uuid=lease.uuid,
            memories=[{**memory, "extraction": state} for memory in memories],
            dropped=list(dropped[:MAX_DROPPED_TOLD]),
            now=write.now,
        )
        if not contends:
            return Extracted(facts)
        judging = Lease(write.uuid("judge"), lease.user_id, "judge", 1, 0, lease.bulk, lease.worker)
        properties: Row = {
            "uuid": judging.uuid, "kind": judging.kind, "state": "running", "attempt": 1, "failures": 0,
            "bulk": lease.bulk, "claimed_by": lease.worker, "created_at": write.now,
        }  # fmt: skip
        await write.tx.run("create_jobs", user_id=lease.user_id, jobs=[{"properties": properties, "memories": uuids}])
        held = [{"uuid": judging.uuid, "attempt": judging.attempt}]
        await write.tx.run("renew_lease", claims=held, worker=lease.worker, lease_s=LEASE_S)
        return Extracted(facts, judging)


def _voice(memory: Row) -> str | None:
    """Return the name that I means in a text, None where that is the user."""
    return memory["speaker"] or (memory["role"] if memory["role"] in AGENTS else None)


def _still_noise(memory: Row, turn: int, stating: Set[int]) -> str | None:
    """Return why a message that is trivial by rule stays hidden; an assent that states something does not."""
    return None if turn in stating else memory["noise_reason"]


class _Statement:
    """The facts of one extraction, drafted and written under the partition's lock."""

    def __init__(self, write: Write, standing: Sequence[Row], read: Sequence[Row], extraction: Extraction) -> None:
        self._write = write
        self._standing = {row["uuid"]: row for row in standing}
        self._work: ModelWork = extraction.work
        self._facts = [
            (read[turn]["uuid"], fact) for turn, fact in extraction.facts if read[turn]["uuid"] in self._standing
        ]
        self._former: dict[str, Row] = {}
        self.drafter = Drafter(write, {})

    async def load_names(self) -> None:
        """Read which of the names in the facts the graph knows."""
        keys: set[str] = set()
        for uuid, fact in self._facts:
            keys |= stated_keys([fact], _voice(self._standing[uuid]))
        rows = await self._write.tx.run("find_names", user_id=self._write.user_id, keys=sorted(keys))
        self.drafter = Drafter(self._write, {row["key"]: KnownName(row["uuid"], row["kind"]) for row in rows})

    async def load_former(self) -> None:
        """Read the facts that texts stated before they were changed."""
        uuids = [uuid for uuid, row in self._standing.items() if row["restates"]]
        if uuids:
            rows = await self._write.tx.run("restating_context", user_id=self._write.user_id, uuids=uuids)
            self._former = {row["uuid"]: row for row in rows}

    def draft_facts(self) -> None:
        """Draft every fact once for its time, whatever the number of ways in which the model said it."""
        stated: dict[str, StatedFacts] = defaultdict(StatedFacts)
        for row in self._former.values():  # facts that were handed over with the text since it waited to be read
            stated[row["uuid"]] = StatedFacts(fact for fact in row["facts"] if _version_of(row, fact) is None)
        origin = {"model": self._work.model, "prompt": self._work.prompt, "prompt_hash": self._work.prompt_hash}
        for index, (uuid, fact) in enumerate(self._facts):
            row = self.drafter.add_fact(
                self._stating(uuid), fact, seq=self._write.first_seq + index, origin="model",
                uuid=self._write.uuid(f"fact:{index}"),
            )  # fmt: skip
            row |= origin
            if stated[uuid].equal(row) is not None:
                self.drafter.draft.facts.pop()
            stated[uuid].add(row)

    async def write(self, names: Resolution) -> None:
        """Write the draft: former facts expire, new ones stand, ends and projection follow, names merge."""
        write, draft = self._write, self.drafter.draft
        gone = await self._expire()
        new = StatedFacts(row["properties"] for row in draft.facts)
        for row in self._former.values():
            draft.decisions.extend(inherited_decisions(row["facts"], row["decisions"], new))
        await write.tx.run("create_graph", **draft.rows(), memories=[])
        stated = [row["properties"] for row in draft.facts]
        decided = [row["old"] for row in draft.decisions]
        await settle(write.tx, user_id=write.user_id, created=stated, changed=gone, also=decided, now=write.now)
        if gone:
            sides = {uuid for fact in gone for uuid in (fact["subject_uuid"], fact["object_uuid"]) if uuid}
            await drop_orphans(write.tx, write.user_id, [], sorted(sides))
        await self._merge(names)

    async def _expire(self) -> list[Row]:
        """Hand former facts to the version of the text that stated them."""
        gone: list[Row] = []
        for row in self._former.values():
            by_version: dict[str, list[str]] = defaultdict(list)
            for fact in row["facts"]:
                version = _version_of(row, fact)
                if version is not None:
                    by_version[version["uuid"]].append(fact["uuid"])
                    gone.append(fact)
            for version_uuid, uuids in by_version.items():
                await self._write.tx.run("expire_facts", uuids=uuids, version_uuid=version_uuid, now=self._write.now)
        return gone

    async def _merge(self, names: Resolution) -> None:
        """Merge the entities that this text named anew into those that they were found to be, and known ones.

        What was created since the names were looked at is found by its letters.
        """
        created = {row["key"]: row["properties"]["uuid"] for row in self.drafter.draft.entities}
        pairs = [
            (created[key], created.get(target, target), names.reasons[key])
            for key, target in names.same.items()
            if key in created
        ]
        pairs += [(merge.source, merge.target, merge.reason) for merge in names.merges]
        gone: set[str] = set()
        for source, target, reason in pairs:
            uuids = [source, target]
            rows = await self._write.tx.run("find_entities", user_id=self._write.user_id, keys=[], uuids=uuids)
            standing = {row["uuid"] for row in rows if row["merged_into"] is None}
            if source != target and standing == set(uuids):  # neither went, or was merged, since
                await merge_entities(self._write, source, target, reason)
                gone.add(source)
        await merge_namesakes(
            self._write, [row for row in self.drafter.draft.entities if row["properties"]["uuid"] not in gone]
        )
        if names.put_off or names.settled:
            await self._write.tx.run(
                "mark_undecided", user_id=self._write.user_id, open=names.put_off, settled=names.settled
            )

    def _stating(self, uuid: str) -> StatingMemory:
        row = self._standing[uuid]
        return StatingMemory(
            uuid=uuid,
            scope=Scope(self._write.user_id, row["agent_id"], row["run_id"], row["project"]),
            speaker=_voice(row),
            occurred_at=row["occurred_at"],
            valid_from_source="occurred" if row["occurred_at"] != row["created_at"] else "created",
            created_at=self._write.now,
        )


def _version_of(row: Row, fact: Row) -> Row | None:
    """Return the version of a text that stated a fact, None where the present text does."""
    return next((version for version in row["versions"] if version["replaced_at"] > fact["created_at"]), None)
