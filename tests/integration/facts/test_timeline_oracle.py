"""Random histories on the real graph against a naive model of docs/architecture.md ("Time").

The model shares no code with the service. It keeps plain lists and asks every question anew from the definitions;
it is far too slow for anything else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from kg.errors import NotFound
from kg.operations.memory import MemoryService, Parts
from tests.support.graph_checks import whole_graph_invariants
from tests.support.user import TestClock, User, instant

RUNS, MANY_RUNS, STEPS, CHECK_EVERY = 5, 30, 25, 8
PLACES = ("Paris", "Berlin", "Rome")
NEVER = datetime.max.replace(tzinfo=instant("2024").tzinfo)


@dataclass(eq=False)
class Fact:
    """A fact as it was said."""

    subject: str
    predicate: str
    object: str
    project: str | None
    valid_at: datetime
    stated_end: datetime | None
    supersedes: list[Fact]
    how: str
    uuid: str = ""
    created_at: datetime = NEVER
    expired_at: datetime = NEVER
    order: int = 0
    memory: str = ""

    @property
    def claim(self) -> tuple[str | None, ...]:
        return (self.project, self.subject, self.predicate, self.object)

    @property
    def timeline(self) -> tuple[str | None, ...] | None:
        """What has one value at a time: a home, an employer, a tool's version in a project; "Deno 1" is Deno's."""
        named = self.object.split()[0] if " " in self.object else None
        return None if self.predicate == "PREFERS" else (self.project, self.subject, self.predicate, named)

    def beside(self, other: Fact) -> bool:
        """Whether neither value ends the other: they are one, or one memory lists both for one instant."""
        listed = (self.memory, self.valid_at) == (other.memory, other.valid_at)
        return listed or self.object == other.object


@dataclass(frozen=True)
class Decided:
    old: Fact
    new: Fact
    how: str
    at: datetime
    effective_at: datetime


@dataclass
class Model:
    """What was said and decided, and when it became known."""

    facts: list[Fact] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    memories: dict[str, list[Fact]] = field(default_factory=dict)
    said: int = 0

    def state(self, memory: str, facts: list[Fact], now: datetime) -> None:
        for fact in facts:
            self.said += 1
            fact.created_at, fact.order, fact.memory = now, self.said, memory
            self.facts.append(fact)
            self.memories.setdefault(memory, []).append(fact)

    def decide(self, facts: list[Fact], now: datetime) -> None:
        """What the facts of a call supersede; the newest word takes back what would make it a circle."""
        for fact in facts:
            for old in fact.supersedes:
                if fact.how == "corrected" or old.valid_at <= fact.valid_at:
                    self.decided = [d for d in self.decided if not self._reverses(d, old, fact)]
                    self.decided.append(Decided(old, fact, fact.how, now, fact.valid_at))

    def update(self, memory: str, facts: list[Fact], now: datetime) -> None:
        former = [fact for fact in self.memories.get(memory, []) if fact.expired_at == NEVER]
        standing = list(self.decided)
        for fact in former:
            fact.expired_at = now
        self.state(memory, facts, now)
        heir = {old: new for old in former for new in facts if old.claim == new.claim}
        for decision in standing:
            if {decision.old, decision.new}.isdisjoint(former):
                continue
            if any(side in former and side not in heir for side in (decision.old, decision.new)):
                continue  # the decision falls with the fact
            old, new = heir.get(decision.old, decision.old), heir.get(decision.new, decision.new)
            effective = new.valid_at if new is not decision.new else decision.effective_at
            begins_anew = old is not decision.old and old.valid_at > effective
            if decision.how == "corrected" or not begins_anew:
                self.decided.append(Decided(old, new, decision.how, decision.at, effective))
        self.decide(facts, now)

    def _reverses(self, decision: Decided, old: Fact, new: Fact) -> bool:
        """Whether a decision on ``new`` leads back to what ``new`` replaces."""
        if decision.old is not new:
            return False
        reached, ahead = set[Fact](), [decision.new]
        while ahead:
            fact = ahead.pop()
            if fact not in reached and fact.expired_at == NEVER:
                reached.add(fact)
                ahead += [d.new for d in self.decided if d.old is fact]
        return old in reached

    def delete(self, memory: str) -> None:
        gone = set(self.memories.pop(memory, []))
        standing = {f for f in gone if f.expired_at == NEVER and not self._decided(f, "corrected")}
        self.facts = [fact for fact in self.facts if fact not in gone]
        for before in [d for d in self.decided if d.new in standing and d.old not in gone]:
            for after in self._onward(before, gone, standing):
                self.decided.append(Decided(before.old, after.new, "superseded", after.at, after.effective_at))
        self.decided = [d for d in self.decided if d.old not in gone and d.new not in gone]

    def _onward(self, before: Decided, gone: set[Fact], standing: set[Fact]) -> list[Decided]:
        """The decisions by which a chain through deleted facts comes out on the other side."""
        if before.how != "superseded":
            return []
        found: list[Decided] = []
        for after in self._decided(before.new, "superseded"):
            if after.new not in gone:
                found.append(after)
            elif after.new in standing:
                found.extend(self._onward(after, gone, standing))
        return found

    def _decided(self, fact: Fact, how: str) -> list[Decided]:
        return [d for d in self.decided if d.old is fact and d.how == how]

    def stands(self, fact: Fact, k: datetime) -> bool:
        return fact.created_at <= k < fact.expired_at

    def known(self, fact: Fact, k: datetime) -> bool:
        corrected = self._decided(fact, "corrected")
        return self.stands(fact, k) and not any(d.at <= k and self.stands(d.new, k) for d in corrected)

    def end(self, fact: Fact, k: datetime) -> datetime:
        ends = [fact.stated_end or NEVER]
        ends += [d.effective_at for d in self._decided(fact, "superseded") if d.at <= k and self.stands(d.new, k)]
        if fact.timeline is not None:
            rest = [f for f in self.facts if f.timeline == fact.timeline and not f.beside(fact)]
            later = [f for f in rest if (f.valid_at, f.order) > (fact.valid_at, fact.order) and self.known(f, k)]
            ends += [f.valid_at for f in later]
        return min(ends)

    def held(self, t: datetime, k: datetime, subject: str) -> set[str]:
        return {
            fact.uuid
            for fact in self.facts
            if fact.subject == subject and self.known(fact, k) and fact.valid_at <= t < self.end(fact, k)
        }


@dataclass
class Run:
    """One random history, told to the service and to the model alike."""

    user: User
    dice: random.Random
    model: Model = field(default_factory=Model)
    texts: int = 0

    async def step(self) -> None:
        self.user.clock.tick(hours=self.dice.randint(1, 400))
        memories = list(self.model.memories)
        what = self.dice.choices(("add", "update", "reword", "metadata", "delete"), (10, 3, 3, 1, 3))[0]
        if what == "add" or not memories:
            project = self.dice.choice(("api", "web"))
            facts = self._facts(project)
            answer = await self.user.add(self._text(), *map(_handed_in, facts), project=project)
            self.model.memories.setdefault(answer.id, [])
            self._named(answer, facts)
            self.model.state(answer.id, facts, self.user.clock.now())
            self.model.decide(facts, self.user.clock.now())
            return
        memory = self.dice.choice(memories)
        if what == "delete":
            await self.user.delete(memory)
            self.model.delete(memory)
        elif what == "metadata":
            await self.user.update(memory, metadata={"seen": self.texts})
        else:
            await self._update(memory, reword=what == "reword")

    async def _update(self, memory: str, *, reword: bool) -> None:
        former = [fact for fact in self.model.memories[memory] if fact.expired_at == NEVER]
        project = (await self.user.get(memory))["project"]
        facts = [_again(fact) for fact in former] if reword else self._facts(project)
        answer = await self.user.memory.update_memory(
            self.user.session(), memory_id=memory, text=self._text(), facts=[_handed_in(fact) for fact in facts]
        )
        self._named(answer, facts)
        self.model.update(memory, facts, self.user.clock.now())

    async def check(self, times: int) -> None:
        for _ in range(times):
            t, k = self._day(), instant("2024") + timedelta(hours=self.dice.randint(0, 24 * 300))
            now = self.user.clock.now()
            k = min(k, now)
            for subject in ("user", "node"):
                assert await self._answer(subject, as_of=t, known_at=k) == self.model.held(t, k, subject)
                assert await self._answer(subject, as_of=t) == self.model.held(t, now, subject)
                assert await self._answer(subject, known_at=now) == await self._answer(subject)
                assert await self._answer(subject) == self.model.held(now, now, subject)

    async def _answer(self, subject: str, **instants: datetime) -> set[str]:
        try:
            page = await self.user.entity(subject, direction="out", limit=200, **instants)
        except NotFound:
            return set()
        return {fact["id"] for fact in page["facts"]}

    def _text(self) -> str:
        self.texts += 1
        return f"note {self.texts} {self.dice.choice(PLACES)}"

    def _day(self) -> datetime:
        return instant(f"{self.dice.randint(2020, 2025)}-{self.dice.randint(1, 12):02}")

    def _facts(self, project: str) -> list[Fact]:
        facts: dict[Any, Fact] = {}
        for _ in range(self.dice.choice((0, 1, 1, 2))):
            subject, predicate = self.dice.choice(
                (("user", "LIVES_IN"), ("user", "PREFERS"), ("user", "WORKS_AT"), ("node", "USES_VERSION"))
            )
            object_ = self.dice.choice(("18", "20", "22", "Deno 1", "Deno 2") if subject == "node" else PLACES)
            valid_at = self.dice.choice([self._day(), *(fact.valid_at for fact in facts.values())])
            end = valid_at + timedelta(days=self.dice.randint(1, 900)) if self.dice.random() < 0.2 else None
            known = [fact for fact in self.model.facts if fact.expired_at == NEVER]
            targets = self.dice.sample(known, min(len(known), self.dice.choice((0, 0, 1, 1, 2))))
            how = self.dice.choice(("superseded", "superseded", "corrected"))
            home = project if subject == "node" else None
            fact = Fact(subject, predicate, object_, home, valid_at, end, targets, how)
            facts.setdefault(fact.claim, fact)
        return list(facts.values())

    def _named(self, answer: dict[str, Any], facts: list[Fact]) -> None:
        assert len(answer.get("facts", [])) == len(facts), answer
        for fact, stated in zip(facts, answer.get("facts", []), strict=True):
            fact.uuid = stated["id"]


def _again(fact: Fact) -> Fact:
    said = (fact.subject, fact.predicate, fact.object, fact.project, fact.valid_at, fact.stated_end)
    return Fact(*said, supersedes=[], how="superseded")


def _handed_in(fact: Fact) -> dict[str, Any]:
    return {
        "statement": f"{fact.subject} {fact.predicate} {fact.object}",
        "subject": fact.subject,
        "predicate": fact.predicate,
        "object": fact.object,
        "valid_at": fact.valid_at.isoformat(),
        "invalid_at": fact.stated_end.isoformat() if fact.stated_end else None,
        "supersedes": [old.uuid for old in fact.supersedes],
        "how": fact.how,
    }


@pytest.mark.parametrize(
    "seed", [*range(RUNS), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(RUNS, MANY_RUNS))]
)
async def test_random_histories_hold_what_the_definitions_say(parts: Parts, clock: TestClock, seed: int):
    parts = replace(parts, index_wait_s=0)
    run = Run(User(parts, MemoryService(parts), clock), random.Random(seed))
    for number in range(1, STEPS + 1):
        await run.step()
        if number % CHECK_EVERY == 0:
            await run.check(1)
    await run.check(3)
    await whole_graph_invariants(parts, run.user.id, index=seed % 10 == 0)
