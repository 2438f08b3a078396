"""Random writes, merges, decisions, undos, deletions, restarts and clocks on the real graph, against a plain model.

Hypothesis chooses the steps in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from kg.errors import NotFound
from kg.graph.digest import lines
from kg.index.indexer import Indexer
from kg.index.qdrant.embedded import EmbeddedIndex
from kg.operations.decisions import Decisions
from kg.operations.memory import MemoryService, Parts
from kg.recall import queries as recall_queries
from kg.recall.search import Recall
from kg.writing.delete import Deleting
from kg.writing.revert import Reverting
from tests.support.graph_checks import whole_graph_invariants
from tests.support.plain_model import Decision, Fact, Model
from tests.support.user import TestClock, User, instant, new_key, states

T = TypeVar("T")

PLACES = ("Paris", "Berlin", "Rome", "Oslo")
ANY = st.integers(0, 1000)
SAID = st.tuples(
    st.sampled_from(("LIVES_IN", "WORKS_AT", "PREFERS")),
    st.sampled_from(PLACES),
    st.dates(instant("2020").date(), instant("2025").date()),
    st.none() | st.integers(1, 900),
)
HOW = st.sampled_from(("superseded", "superseded", "corrected"))
_STEP_S = 300.0
"""A step that takes longer hangs; on a machine with much else to do one may take a minute."""

COUNTED = """
    MATCH (e:Entity {user_id: $user_id})<-[side:SUBJECT|OBJECT]-(f:Fact)
    WITH e, count(side) AS degree, collect(f) AS facts
    WHERE any(f IN facts WHERE f.expired_at IS NULL AND f.valid_at <= $at AND coalesce(f.invalid_at > $at, true))
    RETURN e.uuid AS uuid, degree ORDER BY degree DESC, uuid"""
"""The entities of which something held, by how often a fact is about them."""


class Place:
    """The service, which may be started again."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self.parts = parts
        self._folder = folder

    async def close(self) -> None:
        await self.parts.indexer.stop()
        await self.parts.index.close()

    async def restart(self) -> None:
        await self.close()
        old = self.parts
        index = EmbeddedIndex(self._folder, old.embedder.name, old.embedder.dimension, old.embedder.digest)
        await index.open()
        indexer = Indexer(old.store, index, old.embedder, old.clock)
        self.parts = replace(old, index=index, indexer=indexer, recall=Recall(old.store, index, old.embedder))


class Steps:
    """One user's steps as the service takes them, each told to the model too.

    Attributes:
        uuids: the entity in the graph that each of the model's is.
        texts: how many texts were written.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.clock = TestClock()
        self.id = f"it-{uuid4().hex}"
        self.model = Model()
        self.uuids = dict[int, str]()
        self.texts = 0

    @property
    def user(self) -> User:
        store = self.place.parts.store
        parts = replace(self.place.parts, clock=self.clock, deleting=Deleting(store, self.clock))
        return User(parts, MemoryService(parts), self.clock, id=self.id, _keys=count(uuid4().int))

    async def add(self, said: Any, target: int, how: str) -> None:
        fact, old = _fact(said), self._target(target)
        answer = await self.user.add(self._text(), _handed_in(fact, old, how))
        now = await self._now()
        self.model.state(answer.id, [fact], now)
        await self._told(answer.id, [fact], old, how, now)

    async def update(self, memory: int, said: Any, target: int, how: str, *, rewords: bool) -> None:
        uuid = self._memory(memory)
        stated = self.model.stated(uuid)
        fact, old = (stated[0].again() if rewords and stated else _fact(said)), self._target(target)
        if old in stated:
            old = None  # it expires with this update
        await self.user.update(uuid, _handed_in(fact, old, how), text=self._text())
        now = await self._now()
        self.model.update(uuid, [fact], now)
        await self._told(uuid, [fact], old, how, now)

    async def revert(self, memory: int) -> None:
        uuid = self._memory(memory)
        reverting = Reverting(self.place.parts.store, self.clock)
        if not self.model.updates[uuid]:
            with pytest.raises(NotFound):
                await reverting.revert(self.id, new_key(), uuid)
            return
        reverted = await reverting.revert(self.id, new_key(), uuid)
        again = self.model.revert(uuid, await self._now())
        assert len(reverted.stated) == len(again)
        for fact, stated in zip(again, reverted.stated, strict=True):
            fact.uuid = stated

    async def delete(self, memory: int) -> None:
        uuid = self._memory(memory)
        await self.user.delete(uuid)
        self.model.delete(uuid)

    async def merge(self, name: int, into: int) -> int | None:
        """Merge two names; return the entity that is merged away, None if they are one already."""
        names = self.model.names
        source, target = (sorted(names.entities)[n % len(names.entities)] for n in (name, into))
        if names.entities[source] == names.entities[target]:
            return None
        merged, stays = names.entities[source], names.entities[target]
        await self.user.merges.merge(self.id, new_key(), self.uuids[merged], self.uuids[stays], "one thing")
        names.merge(source, target)
        return merged

    async def part(self, merged: int) -> None:
        await self.user.merges.undo(self.id, new_key(), self.uuids[merged])
        self.model.names.part(merged)

    async def undo(self, decision: Decision) -> None:
        rows = await self.user.raw(
            "MATCH (:Fact {uuid: $old})-[d:SUPERSEDED_BY {kind: $how}]->(:Fact {uuid: $new}) WHERE d.undone_at IS NULL "
            "RETURN d.uuid AS uuid",
            old=decision.old.uuid,
            new=decision.new.uuid,
            how=decision.how,
        )
        (uuid,) = [row["uuid"] for row in rows]
        await Decisions(self.place.parts.store, self.clock).undo(self.id, new_key(), uuid)
        self.model.undo(decision.id, await self._now())

    async def there_and_back(self, steps: list[tuple[str, int, int]], order: list[int]) -> None:
        """Merges and decisions, then each of them undone in some order: the graph stands as it stood."""
        before, made = await self._standing(), list[str]()
        undos = list[Callable[[], Coroutine[Any, Any, None]]]()
        for what, one, other in steps:
            if what == "merge":
                merged = await self.merge(one, other)
                if merged is not None:
                    undos.append(lambda merged=merged: self.part(merged))
                continue
            decision = await self._decide_again(one, other)
            if decision is not None:
                made.append(decision.id)
                undos.append(lambda decision=decision: self._undo_made([decision.id]))
        for index in order:
            if index < len(undos):
                await undos[index]()
        await self._undo_made(made)  # one that another of them had taken back counts again
        assert await self._standing() == before

    async def _decide_again(self, one: int, other: int) -> Decision | None:
        """Have a memory say again what it states, now in place of another fact; the decision that this made."""
        facts = [fact for fact in self.model.standing() if self.model.stated(fact.memory) == [fact]]
        if len(facts) < 2:
            return None
        fact, old = facts[one % len(facts)], facts[other % len(facts)]
        before = list(self.model.decisions)
        if fact is old or old.valid_at > fact.valid_at:
            return None
        text = (await self.user.get(fact.memory))["memory"]
        answer = await self.user.add(text, _handed_in(fact, old, "superseded"))
        assert answer["results"] == [{"id": fact.memory, "event": "NONE", "duplicate": True}]
        self.model.decide(fact, old, "superseded", await self._now())
        return next((decision for decision in self.model.decisions if decision not in before), None)

    async def _undo_made(self, ids: list[str]) -> None:
        for id in reversed(ids):
            for decision in self.model.undoable():
                if decision.id == id:
                    await self.undo(decision)

    async def check(self, at: datetime, known: datetime) -> None:
        await self._see_entities()
        present = max(self.clock.now(), await self._now() + timedelta(microseconds=1))
        known = min(known, present)
        assert await self._answer() == self.model.held(present, present)
        assert await self._answer(as_of=at) == self.model.held(at, present)
        assert await self._answer(as_of=at, known_at=known) == self.model.held(at, known)
        await self._see_connected(at)

    async def _see_connected(self, at: datetime) -> None:
        """The most connected entities are those of a plain count, however few are asked for."""
        counted = await self.user.raw(COUNTED, at=at)
        for top_k in (1, 3, 9):
            found = await self.place.parts.store.read(
                recall_queries.entities_connected, user_id=self.id, at=at, top_k=top_k
            )
            assert found == counted[:top_k]

    async def _answer(self, **instants: datetime) -> set[str]:
        try:
            page = await self.user.entity("user", direction="out", limit=200, **instants)
        except NotFound:
            return set()
        return {fact["id"] for fact in page["facts"]}

    async def _told(self, memory: str, facts: list[Fact], old: Fact | None, how: str, now: datetime) -> None:
        rows = await self.user.raw(
            "MATCH (:Memory {uuid: $memory})-[:STATES]->(f) RETURN f.uuid AS uuid", memory=memory
        )
        assert len(rows) == len(facts)
        for fact, row in zip(facts, rows, strict=True):
            fact.uuid = row["uuid"]
            if old is not None:
                self.model.decide(fact, old, how, now)

    async def _now(self) -> datetime:
        """The instant of the last write."""
        rows = await self.user.raw("MATCH (p:Partition {user_id: $user_id}) RETURN p.last_at AS at")
        return rows[0]["at"] if rows else self.clock.now()

    async def _standing(self) -> list[str]:
        return await lines(self.place.parts.store, self.id, history=False)

    async def _see_entities(self) -> None:
        """Note which entity each name stands for; it is the one that it stood for before."""
        rows = await self.user.raw(
            "MATCH (a:Alias {user_id: $user_id})-[:REFERS_TO]->(e) RETURN a.key AS key, e.uuid AS uuid"
        )
        found = {row["key"]: row["uuid"] for row in rows}
        for name, entity in self.model.names.entities.items():
            assert self.uuids.setdefault(entity, found[name.casefold()]) == found[name.casefold()]

    def _memory(self, number: int) -> str:
        memories = list(self.model.updates)
        return memories[number % len(memories)]

    def _target(self, number: int) -> Fact | None:
        """A fact to replace: none, half of the time."""
        facts = self.model.standing()
        return facts[number // 2 % len(facts)] if facts and number % 2 else None

    def _text(self) -> str:
        self.texts += 1
        return f"note {self.texts}"


def _fact(said: Any) -> Fact:
    predicate, place, day, days = said
    begins = instant(day.isoformat())
    return Fact(predicate, place, begins, None if days is None else begins + timedelta(days=days))


def _handed_in(fact: Fact, old: Fact | None, how: str) -> dict[str, Any]:
    more: dict[str, Any] = {"supersedes": [old.uuid], "how": how} if old is not None else {}
    if fact.stated_end is not None:
        more["invalid_at"] = fact.stated_end.isoformat()
    statement = f"{fact.predicate} {fact.object}"
    return states(statement, fact.predicate, "user", fact.object, valid_at=fact.valid_at.isoformat(), **more)


class Machine(RuleBasedStateMachine):
    """The steps as Hypothesis chooses them; each runs in the loop of the tests, which is another thread's.

    Attributes:
        loop: that loop.
        place: the service.
    """

    loop: asyncio.AbstractEventLoop
    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.steps = Steps(self.place)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_STEP_S)

    @rule(said=SAID, old=ANY, how=HOW)
    def add(self, said: Any, old: int, how: str) -> None:
        self.wait(self.steps.add(said, old, how))

    @precondition(lambda self: self.steps.model.updates)
    @rule(memory=ANY, said=SAID, old=ANY, how=HOW, rewords=st.booleans())
    def update(self, memory: int, said: Any, old: int, how: str, rewords: bool) -> None:
        self.wait(self.steps.update(memory, said, old, how, rewords=rewords))

    @precondition(lambda self: self.steps.model.updates)
    @rule(memory=ANY)
    def revert(self, memory: int) -> None:
        self.wait(self.steps.revert(memory))

    @precondition(lambda self: self.steps.model.updates)
    @rule(memory=ANY)
    def delete(self, memory: int) -> None:
        self.wait(self.steps.delete(memory))

    @precondition(lambda self: self.steps.model.names.entities)
    @rule(name=ANY, into=ANY)
    def merge(self, name: int, into: int) -> None:
        self.wait(self.steps.merge(name, into))

    @precondition(lambda self: self.steps.model.names.merged)
    @rule(number=ANY)
    def part(self, number: int) -> None:
        merged = list(self.steps.model.names.merged)
        self.wait(self.steps.part(merged[number % len(merged)]))

    @precondition(lambda self: self.steps.model.undoable())
    @rule(number=ANY)
    def undo(self, number: int) -> None:
        undoable = self.steps.model.undoable()
        self.wait(self.steps.undo(undoable[number % len(undoable)]))

    @precondition(lambda self: self.steps.model.names.entities)
    @rule(steps=st.lists(st.tuples(st.sampled_from(("merge", "decide")), ANY, ANY), min_size=3, max_size=3),
          order=st.permutations(range(3)))  # fmt: skip
    def there_and_back(self, steps: list[tuple[str, int, int]], order: list[int]) -> None:
        self.wait(self.steps.there_and_back(steps, order))

    @rule(hours=st.integers(-30, 400))
    def set_clock(self, hours: int) -> None:
        self.steps.clock.tick(hours=hours)

    @rule()
    def restart(self) -> None:
        self.wait(self.place.restart())

    @invariant()
    def answers_as_the_model(self) -> None:
        day = instant("2020") + timedelta(days=37 * self.steps.texts % 2000)
        told = instant("2024") + timedelta(days=53 * self.steps.texts % 400)
        self.wait(self.steps.check(day, told))

    def teardown(self) -> None:
        self.wait(whole_graph_invariants(self.place.parts, self.steps.id))


SHORT = settings(max_examples=4, stateful_step_count=15, derandomize=True)
LONG = settings(max_examples=200, stateful_step_count=50)


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("size", [SHORT, pytest.param(LONG, marks=pytest.mark.soak)], ids=["short", "long"])
async def test_whatever_is_done_and_undone_the_graph_answers_as_a_plain_model(
    parts: Parts, tmp_path: Path, size: settings
):
    """A clock that is set back, a service that starts again and a change that is undone make no difference."""
    place = Place(replace(parts, index_wait_s=0), tmp_path / "qdrant")
    machine = type("Machine", (Machine,), {"loop": asyncio.get_running_loop(), "place": place})
    how = settings(size, phases=[Phase.generate], deadline=None, database=None, suppress_health_check=list(HealthCheck))
    try:
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=how)
    finally:
        await place.close()
