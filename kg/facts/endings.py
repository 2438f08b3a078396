"""When a fact held, for an instant of the world and an instant of knowledge: docs/architecture.md ("Time").

Pure: no store, no clock. The inputs of a fact never change. Its end follows from them, from decisions, and from the
next value of a single-valued predicate. This is the only place that computes it, for the present (which the graph
caches) and for any other instant, so that there is one answer.

Ada lived in Paris since 2010, which was told in 2021. She lives in Berlin since 2018, which was told in 2022:

>>> from datetime import UTC
>>> def lives_in(city: str, since: int, told: int) -> FactTimes:
...     began, noted = datetime(since, 1, 1, tzinfo=UTC), datetime(told, 1, 1, tzinfo=UTC)
...     return FactTimes(city, ("user", "Ada", "LIVES_IN"), city, began, None, noted, None, seq=told)
>>> timelines = Timelines([lives_in("Paris", 2010, told=2021), lives_in("Berlin", 2018, told=2022)], [])
>>> timelines.end("Paris", None).year  # as known today
2018
>>> timelines.end("Paris", datetime(2021, 6, 1, tzinfo=UTC))  # as known in 2021: she still lives there
>>> timelines.held("Paris", datetime(2015, 1, 1, tzinfo=UTC), None)
True
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from kg.facts.queries import TimedDecision, TimedFact
from kg.facts.successive_values import slot_in_graph
from kg.values import UNKNOWN_START, Ended

Group = tuple[str, ...]


@dataclass(frozen=True)
class FactTimes:
    """The inputs of one fact.

    Attributes:
        group: (scope, subject, predicate, slot) if the predicate is single-valued, otherwise None.
        object_key: identity of the value; the next *other* value of the group ends this one.
        owner: the memory that states it. Values that one memory states for one instant do not end one another: it
            lists them. None if no memory is known.
    """

    uuid: str
    group: Group | None
    object_key: str
    valid_at: datetime
    stated_invalid_at: datetime | None
    created_at: datetime
    expired_at: datetime | None
    seq: int
    owner: str | None = None


@dataclass(frozen=True)
class Decision:
    """``new`` replaces ``old``: it was true until ``effective_at`` (superseded), or never (corrected).

    ``followed`` stands for two values of which the later one ended the other by its date alone. Such a decision ends
    nothing itself. Once it is undone, both values hold.
    """

    old: str
    new: str
    kind: Ended
    at: datetime
    effective_at: datetime
    undone_at: datetime | None


class Ending(NamedTuple):
    """When a fact stopped being true; ``by`` is the value that followed it, None if something else ended it."""

    at: datetime | None
    by: str | None = None


class Timelines:
    """Facts that can end one another: with each fact, its group and the decisions about it are here.

    ``k`` is the instant of knowledge; None means all that is known, whatever a clock says.
    """

    def __init__(self, facts: Iterable[FactTimes], decisions: Iterable[Decision]) -> None:
        self.facts: Mapping[str, FactTimes] = {fact.uuid: fact for fact in facts}
        self._decisions: dict[str, list[Decision]] = defaultdict(list)
        self._beside: dict[frozenset[str], datetime] = {}
        for decision in decisions:
            self._decisions[decision.old].append(decision)
            if decision.kind == "followed" and decision.undone_at is not None:
                self._beside[frozenset((decision.old, decision.new))] = decision.undone_at
        self._groups: dict[Group, list[FactTimes]] = defaultdict(list)
        for fact in self.facts.values():
            if fact.group is not None:
                self._groups[fact.group].append(fact)
        for members in self._groups.values():
            members.sort(key=lambda fact: (fact.valid_at, fact.seq))

    def stands(self, uuid: str, k: datetime | None) -> bool:
        """Return whether the fact was stated at ``k``: said by then, and not replaced by an update."""
        fact = self.facts.get(uuid)
        return fact is not None and _within(fact.created_at, fact.expired_at, k)

    def known(self, uuid: str, k: datetime | None) -> bool:
        """Return whether the fact was believed at ``k``: it stood, and no fact that stood had corrected it.

        What became of that other fact does not matter: what was called wrong stays wrong, or a correction of a
        correction would revive the first wrong value.
        """
        return self.stands(uuid, k) and not any(d.kind == "corrected" for d in self._counting(uuid, k))

    def end(self, uuid: str, k: datetime | None) -> datetime | None:
        """Return when the fact stopped being true, as known at ``k``; None while nothing ends it."""
        return self.ending(uuid, k).at

    def ending(self, uuid: str, k: datetime | None) -> Ending:
        """Return when the fact stopped being true, as known at ``k``, and the later value that alone ended it.

        A corrected fact ends where it begins: it never held. A fact of unknown beginning ends no other.
        """
        fact = self.facts[uuid]
        decisions = self._counting(uuid, k)
        if any(d.kind == "corrected" for d in decisions):
            return Ending(fact.valid_at)
        ends = [d.effective_at for d in decisions]
        if fact.stated_invalid_at is not None:
            ends.append(fact.stated_invalid_at)
        if fact.group is not None:
            position = (fact.valid_at, fact.seq)
            for other in self._groups[fact.group]:
                later = other.valid_at > UNKNOWN_START and (other.valid_at, other.seq) > position
                if later and not self._together(other, fact, k) and self.known(other.uuid, k):
                    if all(other.valid_at < end for end in ends):
                        return Ending(other.valid_at, other.uuid)
                    break
        return Ending(min(ends, default=None))

    def begin(self, uuid: str, k: datetime | None) -> datetime:
        """Return when the fact began to be true, as known at ``k``.

        If two values have an unknown beginning, the one that ended later began when the other ended, or after.
        """
        fact = self.facts[uuid]
        end = self.end(uuid, k)
        if fact.valid_at != UNKNOWN_START or fact.group is None or end is None:
            return fact.valid_at
        others = (
            self.end(other.uuid, k)
            for other in self._groups[fact.group]
            if other.valid_at == UNKNOWN_START and other.object_key != fact.object_key and self.known(other.uuid, k)
        )
        return max((ended for ended in others if ended is not None and ended < end), default=fact.valid_at)

    def held(self, uuid: str, t: datetime, k: datetime | None) -> bool:
        """Return whether the fact was true at ``t``, as known at ``k``."""
        if not self.known(uuid, k):
            return False
        end = self.end(uuid, k)
        return self.begin(uuid, k) <= t and (end is None or t < end)

    def _together(self, one: FactTimes, other: FactTimes, k: datetime | None) -> bool:
        """Whether two values hold side by side.

        They are equal, or one memory states both for one instant, or the caller has undone that one ended the other.
        """
        listed = one.owner is not None and one.owner == other.owner and one.valid_at == other.valid_at
        undone_at = self._beside.get(frozenset((one.uuid, other.uuid)))
        undone = undone_at is not None and (k is None or undone_at <= k)
        return listed or undone or one.object_key == other.object_key

    def _counting(self, uuid: str, k: datetime | None) -> list[Decision]:
        """Return the decisions about a fact that counted at ``k``: made by then, and the newer fact stood."""
        return [d for d in self._decisions[uuid] if _within(d.at, d.undone_at, k) and self.stands(d.new, k)]


def _within(start: datetime, end: datetime | None, k: datetime | None) -> bool:
    if k is None:
        return end is None
    return start <= k and (end is None or k < end)


def timelines_from_rows(
    facts: Iterable[TimedFact], decisions: Iterable[TimedDecision], single_valued: Iterable[str]
) -> Timelines:
    """Return the timelines of facts and decisions, given as the queries return them."""
    single = frozenset(single_valued)
    return Timelines(
        (
            FactTimes(
                uuid=row["uuid"],
                group=_group(row) if row["predicate"] in single else None,
                object_key=row["object_key"],
                valid_at=row["valid_at"],
                stated_invalid_at=row["stated_invalid_at"],
                created_at=row["created_at"],
                expired_at=row["expired_at"],
                seq=row["seq"],
                owner=row["owner"],
            )
            for row in facts
        ),
        (
            Decision(row["old"], row["new"], row["kind"], row["at"], row["effective_at"], row["undone_at"])
            for row in decisions
        ),
    )


def _group(row: TimedFact) -> Group | None:
    subject = row["subject_uuid"]
    if not subject:
        return None
    slot = slot_in_graph(row["predicate"], subject, row["object_key"], row["value"], row["subject_key"])
    return (row["scope"], subject, row["predicate"], slot)
