"""A plain model of docs/architecture.md ("Time") with names, merges and undoing: what the graph must answer.

It shares no code with the service. It keeps lists and asks every question again from the definitions, so it is far too
slow for anything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

NEVER = datetime.max.replace(tzinfo=UTC)
SINGLE = frozenset(("LIVES_IN", "WORKS_AT"))


@dataclass(eq=False)
class Fact:
    """A fact of the user as it was said; ``object`` is the name that was used."""

    predicate: str
    object: str
    valid_at: datetime
    stated_end: datetime | None = None
    uuid: str = ""
    memory: str = ""
    created_at: datetime = NEVER
    expired_at: datetime = NEVER
    order: int = 0

    def again(self) -> Fact:
        """The same, said once more."""
        return replace(self, uuid="", created_at=NEVER, expired_at=NEVER)


@dataclass(eq=False)
class Decision:
    """``new`` replaces ``old``; a copy of a decision has its ``id``."""

    id: str
    old: Fact
    new: Fact
    how: str
    at: datetime
    effective_at: datetime
    undone_at: datetime = NEVER
    undone_by: str = ""


@dataclass
class Names:
    """Which names mean one thing: each name stands for an entity, and a merged entity remembers its names."""

    entities: dict[str, int] = field(default_factory=dict[str, int])
    merged: dict[int, tuple[int, set[str]]] = field(default_factory=dict[int, "tuple[int, set[str]]"])
    made: int = 0

    def use(self, name: str) -> None:
        if name not in self.entities:
            self.made += 1
            self.entities[name] = self.made

    def merge(self, name: str, into: str) -> None:
        source, target = self.entities[name], self.entities[into]
        keys = {key for key, entity in self.entities.items() if entity == source}
        self.entities |= dict.fromkeys(keys, target)
        self.merged[source] = (target, keys)

    def part(self, source: int) -> None:
        above, keys = self.merged.pop(source)
        while above in self.merged:
            above, theirs = self.merged[above]
            theirs -= keys
        self.entities |= dict.fromkeys(keys, source)

    def keep(self, alive: set[str]) -> None:
        self.entities = {name: entity for name, entity in self.entities.items() if name in alive}
        for _, keys in self.merged.values():
            keys.intersection_update(alive)
        self.merged = {source: found for source, found in self.merged.items() if found[1]}


@dataclass
class Model:
    """What was said and decided, and when it became known."""

    facts: list[Fact] = field(default_factory=list[Fact])
    decisions: list[Decision] = field(default_factory=list[Decision])
    names: Names = field(default_factory=Names)
    updates: dict[str, list[datetime]] = field(default_factory=dict[str, "list[datetime]"])
    """Each memory with the instants of its updates."""
    said: int = 0
    decided: int = 0

    def stated(self, memory: str) -> list[Fact]:
        """What a memory states."""
        return [fact for fact in self.facts if fact.memory == memory and fact.expired_at == NEVER]

    def standing(self) -> list[Fact]:
        """What all memories state."""
        return [fact for fact in self.facts if fact.expired_at == NEVER]

    def undoable(self) -> list[Decision]:
        """The decisions between facts that stand, one copy of each."""
        found = [d for d in self._in_force() if d.old.expired_at == NEVER and d.new.expired_at == NEVER]
        return list({d.id: d for d in found}.values())

    def state(self, memory: str, facts: Iterable[Fact], now: datetime) -> None:
        self.updates.setdefault(memory, [])
        for fact in facts:
            self.said += 1
            fact.created_at, fact.order, fact.memory = now, self.said, memory
            self.names.use(fact.object)
            self.facts.append(fact)

    def decide(self, new: Fact, old: Fact, how: str, now: datetime) -> None:
        """The newest word takes back what would make a circle with it."""
        if how == "superseded" and old.valid_at > new.valid_at:
            return
        self.decided += 1
        id = f"decision {self.decided}"
        for reverse in [d for d in self._in_force() if d.old is new and d.new.expired_at == NEVER]:
            if self._leads(reverse.new, old):
                for copy in self.decisions:
                    if copy.id == reverse.id and copy.undone_at == NEVER:
                        copy.undone_at, copy.undone_by = now, id
        if not any(d.old is old and d.new is new and d.how == how for d in self._in_force()):
            self.decisions.append(Decision(id, old, new, how, now, new.valid_at))

    def update(self, memory: str, facts: list[Fact], now: datetime) -> None:
        former = self.stated(memory)
        self._expire(former, now)
        self.updates[memory].append(now)
        self.state(memory, facts, now)
        self._inherit(former, facts)
        self._restore_fallen(former, now)

    def revert(self, memory: str, now: datetime) -> list[Fact]:
        """The state before the last update; what it stated then, in order, is said again."""
        last = self.updates[memory][-1]
        since = self.stated(memory)
        former = [fact for fact in self.facts if fact.memory == memory and fact.expired_at == last]
        self._expire(since, now)
        self.updates[memory].append(now)
        again = [fact.again() for fact in former]
        self.state(memory, again, now)
        self._inherit([*since, *former], again)
        self._restore_fallen(since, now)
        return again

    def delete(self, memory: str) -> None:
        del self.updates[memory]
        gone = {fact for fact in self.facts if fact.memory == memory}
        held = {f for f in gone if f.expired_at == NEVER and not self._corrected(f)}
        for lost in [d for d in self.decisions if d.old in gone or d.new in gone]:
            self._as_if_never(lost, gone)
        for before in [d for d in self._in_force() if d.new in held and d.old not in gone and d.how == "superseded"]:
            for after in self._onward(before, gone, held):
                if not self._leads(after.new, before.old, frozenset(gone)):
                    self._add(replace(after, old=before.old))
        self.facts = [fact for fact in self.facts if fact not in gone]
        self.decisions = [d for d in self.decisions if d.old not in gone and d.new not in gone]
        self.names.keep({fact.object for fact in self.facts})

    def undo(self, id: str, now: datetime) -> None:
        """Undo a decision; what it had taken back counts again."""
        for decision in self.decisions:
            if decision.id == id and decision.undone_at == NEVER:
                decision.undone_at = now
        self._restore([id], now)

    def held(self, t: datetime, k: datetime) -> set[str]:
        """The uuids of the facts that held at ``t``, as known at ``k``."""
        return {fact.uuid for fact in self.facts if self.known(fact, k) and fact.valid_at <= t < self.end(fact, k)}

    def known(self, fact: Fact, k: datetime) -> bool:
        return self._stood(fact, k) and not any(d.how == "corrected" for d in self._counted(fact, k))

    def end(self, fact: Fact, k: datetime) -> datetime:
        ends = [fact.stated_end or NEVER, *(d.effective_at for d in self._counted(fact, k))]
        if fact.predicate in SINGLE:
            for other in self.facts:
                same = other.predicate == fact.predicate and self.known(other, k)
                later = (other.valid_at, other.order) > (fact.valid_at, fact.order)
                if same and later and not self._beside(fact, other):
                    ends.append(other.valid_at)
        return min(ends)

    def _beside(self, one: Fact, other: Fact) -> bool:
        listed = (one.memory, one.valid_at) == (other.memory, other.valid_at)
        return listed or self._thing(one) == self._thing(other)

    def _thing(self, fact: Fact) -> int:
        return self.names.entities[fact.object]

    def _stood(self, fact: Fact, k: datetime) -> bool:
        return fact.created_at <= k < fact.expired_at

    def _counted(self, fact: Fact, k: datetime) -> list[Decision]:
        return [d for d in self.decisions if d.old is fact and d.at <= k < d.undone_at and self._stood(d.new, k)]

    def _in_force(self) -> list[Decision]:
        return [d for d in self.decisions if d.undone_at == NEVER]

    def _corrected(self, fact: Fact) -> bool:
        return any(d.old is fact and d.how == "corrected" for d in self._in_force())

    def _leads(self, start: Fact, end: Fact, without: frozenset[Fact] = frozenset()) -> bool:
        """Whether decisions in force lead from a fact to another, through facts that stand."""
        reached, ahead = set[Fact](), [start]
        while ahead:
            fact = ahead.pop()
            if fact not in reached and fact.expired_at == NEVER and fact not in without:
                reached.add(fact)
                ahead += [d.new for d in self._in_force() if d.old is fact]
        return end in reached

    def _expire(self, facts: Iterable[Fact], now: datetime) -> None:
        for fact in facts:
            fact.expired_at = now

    def _inherit(self, former: list[Fact], facts: list[Fact]) -> None:
        def claim(fact: Fact) -> tuple[str, int]:
            return fact.predicate, self._thing(fact)

        heir = {old: new for old in former for new in facts if claim(old) == claim(new)}
        for d in list(self.decisions):
            sides = [side for side in (d.old, d.new) if side in former]
            if not sides or any(side not in heir for side in sides):
                continue
            old, new = heir.get(d.old, d.old), heir.get(d.new, d.new)
            effective = new.valid_at if new is not d.new else d.effective_at
            begins_after = old is not d.old and d.how == "superseded" and old.valid_at > effective
            copied = any(c.id == d.id and c.old is old and c.new is new and c.undone_at == d.undone_at
                         for c in self.decisions)  # fmt: skip
            if not begins_after and not copied:
                self.decisions.append(replace(d, old=old, new=new, effective_at=effective))

    def _restore_fallen(self, expired: list[Fact], now: datetime) -> None:
        touching = {d.id for d in self._in_force() if d.old in expired or d.new in expired}
        alive = {d.id for d in self._in_force() if d.old.expired_at == NEVER and d.new.expired_at == NEVER}
        self._restore(sorted(touching - alive), now)

    def _restore(self, by: list[str], now: datetime) -> None:
        latest: dict[tuple[Fact, Fact, str], Decision] = {}
        for id in by:
            ended = {d.new for d in self.decisions if d.id == id and d.new.expired_at == NEVER}
            for taken in self.decisions:
                if taken.undone_by == id and taken.old in ended and taken.new.expired_at == NEVER:
                    kept = latest.get((taken.old, taken.new, taken.id))
                    if kept is None or taken.at > kept.at:
                        latest[taken.old, taken.new, taken.id] = taken
        for taken in sorted(latest.values(), key=lambda d: d.at, reverse=True):
            if not self._leads(taken.new, taken.old):
                self._add(replace(taken, at=now, undone_at=NEVER, undone_by=""))

    def _add(self, decision: Decision) -> None:
        same = [d for d in self._in_force() if (d.old, d.new, d.how) == (decision.old, decision.new, decision.how)]
        for d in same:
            d.at = min(d.at, decision.at)
        if not same:
            self.decisions.append(decision)

    def _as_if_never(self, lost: Decision, gone: set[Fact]) -> None:
        """What a decision had taken back was never taken back, once the decision is erased."""
        for taken in [d for d in self.decisions if d.undone_by == lost.id and d.old is lost.new]:
            if taken.old in gone or taken.new in gone:
                continue
            again = [d for d in self.decisions if d is not taken and d.id == taken.id and d.at == lost.undone_at
                     and (d.old, d.new) == (taken.old, taken.new)]  # fmt: skip
            if again:
                taken.undone_at, taken.undone_by = again[0].undone_at, again[0].undone_by
                self.decisions.remove(again[0])
            elif lost.undone_at == NEVER and not self._leads(taken.new, taken.old, frozenset(gone)):
                taken.undone_at, taken.undone_by = NEVER, ""

    def _onward(self, before: Decision, gone: set[Fact], held: set[Fact]) -> list[Decision]:
        """The decisions by which a chain through deleted facts comes out on the other side."""
        found: list[Decision] = []
        for after in [d for d in self._in_force() if d.old is before.new and d.how == "superseded"]:
            if after.new not in gone:
                found.append(after)
            elif after.new in held:
                found += self._onward(after, gone, held)
        return found
