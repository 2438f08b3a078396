"""Entity resolution: which names of a text mean things that are known, or one another.

Letters decide what they can (``kg.entities.letters``). What they cannot decide goes to a model, in one call for a text,
together with names that share no letters but whose statements are alike. Without a model all of these stay apart.

Invariant: two names that anything tells apart never end in one group, however many names lie between them. Nothing here
is final: a name becomes an alias of an entity, and ``kg.entities.merge`` merges entities that turn out to be one. Both
can be undone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from kg.entities.letters import Name, common_kind, compare
from kg.entities.persons import is_full_name
from kg.entities.verdict import Outcome, Verdict, apart, ask
from kg.errors import ExtractionError, StoreUnavailable
from kg.language.words import fold, is_non_latin
from kg.model_values import ModelCall, ModelWork, NameInContext, NamePair
from kg.ports import Embedder, NameJudge

MAX_ASKED = 24
"""Most pairs in one question to a model, the likeliest first; the others stay apart."""

MAX_STATEMENTS = 3
"""Most statements about a thing that a model is shown."""

MAX_CANDIDATES = 300
"""Most entities that the names of one text are compared with, the likeliest first."""

NEAR = 0.75
"""Cosine of two names with a statement about each from which a model is asked; ``bench/resolution.py`` measures it."""

_BY_LETTERS = frozenset(("Person", "File"))
"""Kinds whose names are compared by letters only: alike things are said of colleagues and of neighbouring files."""

_DETERMINER = re.compile(r"(?:the|our|my|an?) ")

_RANK: dict[Outcome, int] = {"unlike": 0, "apart": 1, "ask": 2, "same": 3}


@dataclass(frozen=True)
class NewName:
    """A name that a text brings.

    Attributes:
        key: its alias key; no two new names of one call share one.
        name: as written.
        kind: Thing where it is not known.
        context: statements around it, best first.
    """

    key: str
    name: str
    kind: str
    context: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class KnownEntity:
    """An entity of the partition that a new name may mean.

    Attributes:
        name: its display name.
        keys: alias keys of all its names.
        context: statements about it, best first.
    """

    uuid: str
    name: str
    kind: str
    keys: tuple[str, ...]
    context: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class EntityMerge:
    """Two known entities that are one, for ``kg.entities.merge``: ``source`` goes into ``target``."""

    source: str
    target: str
    reason: str


@dataclass(frozen=True)
class Resolution:
    """What became of the new names; a name that stands nowhere here is a thing of its own.

    Attributes:
        known: alias key of a new name -> uuid of the known entity that it means; it becomes an alias of that.
        twins: alias key of a new name -> alias key of the earlier new name that means the same new thing.
        reasons: alias key -> why, for each key of ``known`` and ``twins``; quotes no text, as a merge keeps it.
        merges: known entities that the new names show to be one.
        work: the model's answer, None where none was needed or there was none.
        calls: every request that was made, answered or not.
        asked: how many pairs were put to a model.
        failure: why the model gave no answer; those pairs stay apart.
        undecided: alias keys of new names that a model is to be asked about when they are met again.
        decided: alias keys of names that were put off before and have been asked about now.
    """

    known: dict[str, str]
    twins: dict[str, str]
    reasons: dict[str, str]
    merges: tuple[EntityMerge, ...] = ()
    work: ModelWork | None = None
    asked: int = 0
    failure: str | None = None
    calls: tuple[ModelCall, ...] = ()
    undecided: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()

    @property
    def same(self) -> dict[str, str]:
        """Alias key of a new name -> uuid of the entity, or alias key of the new name, that it means."""
        return self.twins | self.known


class Resolver:
    """Resolves the names of one text at a time."""

    def __init__(self, embedder: Embedder, judge: NameJudge | None) -> None:
        self._embedder = embedder
        self._judge = judge

    async def resolve(
        self,
        new: Sequence[NewName],
        candidates: Sequence[KnownEntity],
        may_ask: Callable[[], Awaitable[bool]] | None = None,
    ) -> Resolution:
        """Decide what new names mean; a failing model is told in the answer and leaves its pairs apart.

        Args:
            new: the names of one text, in its order.
            candidates: entities that they may mean (``kg.entities.lookup``), the likeliest first; none is merged.
            may_ask: whether a model may be asked now, looked up only where there is something to ask; yes if None.
        """
        table = await asyncio.to_thread(_Table, new, candidates[:MAX_CANDIDATES])
        if self._judge is None:
            return await asyncio.to_thread(table.resolution)
        work, calls, failure = None, (), await self._find_alike(table)
        asked = await asyncio.to_thread(table.questions)
        if asked and may_ask is not None and not await may_ask():
            undecided = tuple(dict.fromkeys(new[thing].key for pair in asked for thing in pair if thing < len(new)))
            return replace(await asyncio.to_thread(table.resolution), failure=failure, undecided=undecided)
        if asked:
            try:
                answer = await self._judge.compare([table.pair(*pair) for pair in asked])
            except ExtractionError as error:
                failure, calls = str(error), error.calls
            else:
                work, calls = answer.work, answer.work.calls
                # Its own reason may quote what it was shown, and would outlive the memories that said it.
                reason = f"{work.model} compared what is said of both"
                for pair, (is_same, _) in zip(asked, answer.verdicts, strict=True):
                    table.verdicts[pair] = Verdict("same", 0.5, reason) if is_same else apart(reason)
        resolution = await asyncio.to_thread(table.resolution)
        return replace(resolution, work=work, asked=len(asked), failure=failure, calls=calls)

    async def _find_alike(self, table: _Table) -> str | None:
        """Move pairs of which alike things are said to those to ask about; return why that could not be done."""
        pairs = await asyncio.to_thread(table.unlike, latin_only=self._embedder.english_only)
        things = sorted({thing for pair in pairs for thing in pair})
        if not pairs:
            return None
        try:
            vectors = await self._embedder.embed_documents([table.in_context(thing) for thing in things])
        except StoreUnavailable as error:
            return str(error)
        row = {thing: vectors[number] for number, thing in enumerate(things)}
        for i, j in pairs:
            cosine = float(np.dot(row[i], row[j]))
            if cosine >= NEAR:
                table.verdicts[i, j] = ask(cosine / 2, "alike things are said of them")
        return None


def resolve_by_letters(new: Sequence[NewName], candidates: Sequence[KnownEntity]) -> Resolution:
    """Decide what letters alone decide."""
    return _Table(new, candidates).resolution()


Pair = tuple[int, int]
"""Positions of two things, the smaller first: new names come before known entities."""


class _Table:
    """Every pair with a new name in it, and what is thought of it."""

    def __init__(self, new: Sequence[NewName], candidates: Sequence[KnownEntity]) -> None:
        self._new = new
        self._known = candidates
        self._things = [*new, *candidates]
        self._names = [[Name(key, thing.kind) for key in _keys(thing)] for thing in self._things]
        self.verdicts: dict[Pair, Verdict] = {}
        for i in range(len(new)):
            for j in range(i + 1, len(self._things)):
                self.verdicts[i, j] = self._compare(i, j)

    def pair(self, i: int, j: int) -> NamePair:
        """Return a pair as a model is to see it."""
        left, right = (
            NameInContext(thing.name, thing.kind, thing.context[:MAX_STATEMENTS])
            for thing in (self._things[i], self._things[j])
        )
        return NamePair(left, right)

    def unlike(self, *, latin_only: bool) -> list[Pair]:
        """Return the pairs whose letters say nothing, that may be one thing, and of which something is said."""
        return [
            (i, j)
            for (i, j), verdict in self.verdicts.items()
            if verdict.outcome == "unlike"
            and common_kind(self._things[i].kind, self._things[j].kind) not in _BY_LETTERS
            and not self._said_of_both(i, j)
            and not (latin_only and any(is_non_latin(self.in_context(thing)) for thing in (i, j)))
        ]

    def in_context(self, thing: int) -> str:
        """Return a name with the first statement that begins with it."""
        return f"{self._things[thing].name}. {said_of(self._things[thing])}"

    def questions(self) -> list[Pair]:
        """Return the pairs worth asking about, likeliest first, at most one for two groups of names."""
        group_of = {thing: number for number, group in enumerate(self._groups()) for thing in group}
        known_groups = {group_of[thing] for thing in range(len(self._new), len(self._things))}
        barred = {
            frozenset((group_of[i], group_of[j]))
            for (i, j), verdict in self.verdicts.items()
            if verdict.outcome == "apart"
        }
        ambiguous = self._ambiguous(group_of)
        found: dict[frozenset[int], Pair] = {}
        open_pairs = [pair for pair, verdict in self.verdicts.items() if verdict.outcome == "ask"]
        for i, j in sorted(open_pairs, key=lambda pair: (-self.verdicts[pair].strength, pair)):
            groups = frozenset((group_of[i], group_of[j]))
            asked_for_nothing = len(groups) == 1 or groups <= known_groups or groups in barred
            if not asked_for_nothing and not {i, j} & ambiguous:
                found.setdefault(groups, (i, j))
        return list(found.values())[:MAX_ASKED]

    def resolution(self) -> Resolution:
        """Return the answer that the verdicts amount to."""
        answer = Resolution({}, {}, {})
        merges: list[EntityMerge] = []
        for group in self._groups():
            new = [thing for thing in group if thing < len(self._new)]
            known = [thing for thing in group if thing >= len(self._new)]
            target = max(known, key=lambda thing: (self._has_a_name_of(thing, new), -thing), default=None)
            for thing in new if target is not None else new[1:]:
                key = self._new[thing].key
                answer.reasons[key] = self._best(thing, group).reason
                if target is None:
                    answer.twins[key] = self._new[new[0]].key
                else:
                    answer.known[key] = self._uuid(target)
            merges += [
                EntityMerge(self._uuid(thing), self._uuid(target), self._best(thing, group).reason)
                for thing in known
                if target is not None and thing != target
            ]
        return replace(answer, merges=tuple(merges))

    def _compare(self, i: int, j: int) -> Verdict:
        """Return what the best pair of names of two things says."""
        verdicts = [compare(a, b) for a in self._names[i] for b in self._names[j]]
        return max(verdicts, key=lambda verdict: (_RANK[verdict.outcome], verdict.strength))

    def _verdict(self, i: int, j: int) -> Verdict:
        pair = (min(i, j), max(i, j))
        if pair not in self.verdicts:
            self.verdicts[pair] = self._compare(*pair)
        return self.verdicts[pair]

    def _groups(self) -> list[list[int]]:
        """Return the things that are one, each group in order, groups by their first thing."""
        import networkx as nx  # heavy: on first use

        graph: nx.Graph[int] = nx.Graph()
        graph.add_nodes_from(range(len(self._things)))
        graph.add_edges_from(pair for pair, verdict in self.verdicts.items() if verdict.outcome == "same")
        groups = [part for component in nx.connected_components(graph) for part in self._split(component, graph.edges)]
        return sorted(sorted(group) for group in groups)

    def _split(self, component: set[int], edges: Iterable[Pair]) -> list[set[int]]:
        """Return a component in parts that hold no two things told apart; the weakest links go."""

        def clash(a: Iterable[int], b: Iterable[int]) -> bool:
            return any(self._verdict(x, y).outcome == "apart" for x in a for y in b)

        if not any(clash((x,), (y,)) for x, y in combinations(sorted(component), 2)):
            return [component]
        part = {thing: {thing} for thing in component}
        inner = [(min(pair), max(pair)) for pair in edges if pair[0] in component]
        for i, j in sorted(inner, key=lambda pair: (-self.verdicts[pair].strength, pair)):
            if part[i] is not part[j] and not clash(part[i], part[j]):
                part[i] |= part[j]
                part |= dict.fromkeys(part[j], part[i])
        return list({id(things): things for things in part.values()}.values())

    def _said_of_both(self, i: int, j: int) -> bool:
        """Whether a statement is about both, which are then two things, or nothing is said of one of them.

        Said of a thing is what begins with its name: where two names only stand for what something else has, uses or
        prefers, alike statements tell of two values of one kind (eu-west-1 and eu-central-1) rather than of one thing.
        """
        a, b = self._things[i], self._things[j]
        if not said_of(a) or not said_of(b):
            return True
        return fold(a.name) in fold(" ".join(b.context)) or fold(b.name) in fold(" ".join(a.context))

    def _ambiguous(self, group_of: dict[int, int]) -> set[int]:
        """Return the short names (Smith, J. Smith) that fit several persons: no model can tell which."""
        fitting: dict[int, set[int]] = {}
        for (i, j), verdict in self.verdicts.items():
            if verdict.short is not None:
                short, full = (i, j) if verdict.short == "left" else (j, i)
                if any(is_full_name(key) for key in _keys(self._things[full])):
                    fitting.setdefault(short, set()).add(group_of[full])
        return {short for short, groups in fitting.items() if len(groups) > 1}

    def _best(self, thing: int, group: Sequence[int]) -> Verdict:
        others = [self._verdict(thing, other) for other in group if other != thing]
        return max(others, key=lambda verdict: (_RANK[verdict.outcome], verdict.strength))

    def _has_a_name_of(self, known: int, new: Sequence[int]) -> bool:
        return any(self._new[thing].key in _keys(self._things[known]) for thing in new)

    def _uuid(self, thing: int) -> str:
        return self._known[thing - len(self._new)].uuid


def said_of(thing: NewName | KnownEntity) -> str | None:
    """Return the first statement that begins with a thing's name."""
    name = fold(thing.name)
    return next((text for text in thing.context if _DETERMINER.sub("", fold(text)).startswith(name)), None)


def _keys(thing: NewName | KnownEntity) -> tuple[str, ...]:
    return (thing.key,) if isinstance(thing, NewName) else thing.keys
