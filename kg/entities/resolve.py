"""Entity resolution: which names in a text mean things that are known, or one another.

Spelling decides what it can (``kg.entities.compare_spelling``). A model decides the rest, in one call for each text:
pairs that spelling leaves open, and pairs with unlike names of which similar things are said. Without a model these
stay apart.
Nothing here is final: ``kg.entities.merge`` merges entities, and a merge can be undone.

Invariant: if anything says that two names are two things, they never end in one group, however many names connect
them.

Of four new tools, one is known, one is the twin of another, and the exporter is a thing of its own:

>>> new = [NewName(key, key, "Tool") for key in ("postgres", "k8s", "kubernetes", "postgres exporter")]
>>> resolution = resolve_by_letters(new, [KnownEntity("uuid-7", "PostgreSQL", "Tool", ("postgresql",))])
>>> resolution.known, resolution.twins
({'postgres': 'uuid-7'}, {'kubernetes': 'k8s'})
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from kg.entities.compare_spelling import Name, common_kind, compare
from kg.entities.persons import is_full_name
from kg.entities.verdict import Outcome, Verdict, apart, ask
from kg.errors import ExtractionError, StoreUnavailable
from kg.language.names import find_alias_key
from kg.language.words import fold, is_non_latin
from kg.model_values import ModelCall, ModelWork, NameInContext, NamePair
from kg.ports import Embedder, NameJudge

MAX_ASKED = 24
"""Most pairs in one question to a model; the likeliest are asked, the others stay apart."""
MAX_STATEMENTS = 3
"""Most statements about a thing that a model is shown."""
MAX_CANDIDATES = 300
"""Most entities that the names of one text are compared with; the likeliest are."""
NEAR = 0.75
"""Least cosine of two names, each with a statement about it, to ask a model; measured by ``bench/resolution.py``."""
_BY_LETTERS = frozenset(("Person", "File"))
"""Kinds whose names are compared by spelling only: similar things are said of colleagues, and of nearby files."""
_DETERMINER = re.compile(r"(?:the|our|my|an?) ")

_RANK: dict[Outcome, int] = {"unlike": 0, "apart": 1, "ask": 2, "same": 3}


@dataclass(frozen=True)
class NewName:
    """A name that a text brings.

    Attributes:
        key: its alias key; the new names of one text all have different keys.
        name: as written.
        kind: Thing if it is not known.
        context: statements that contain it, best first.
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
    """Two entities that are one thing: ``source`` is to be merged into ``target``."""

    source: str
    target: str
    reason: str


@dataclass(frozen=True)
class Resolution:
    """What the new names mean; a name that is not listed here is a thing of its own.

    Attributes:
        known: alias key of a new name -> uuid of the known entity that it means.
        twins: alias key of a new name -> alias key of the earlier new name that means the same thing.
        reasons: alias key -> why, for each key of ``known`` and ``twins``; a merge keeps it, so it quotes no text.
        merges: known entities that the new names show to be one thing.
        work: the model that answered, None if none was asked or none answered.
        calls: every request to a model, answered or not.
        asked: how many pairs a model was asked about.
        failure: why the model gave no answer; its pairs stay apart.
        undecided: alias keys of new names that a model is to be asked about when a text names them again.
        decided: alias keys of names that were undecided and are so no longer.
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
        """Decide what new names mean; if the model fails, its pairs stay apart and the answer says why.

        Args:
            new: the names of one text, in its order.
            candidates: entities that they may mean (``kg.entities.lookup``), likeliest first; none is merged.
            may_ask: whether a model may be asked now; called only if there is something to ask; None means yes.
        """
        table = await asyncio.to_thread(_Table, new, candidates[:MAX_CANDIDATES])
        if self._judge is None:
            return await asyncio.to_thread(table.resolution)
        work, calls, failure = None, (), await self._find_similar(table)
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

    async def _find_similar(self, table: _Table) -> str | None:
        """Mark pairs of which similar things are said as pairs to ask about; return why that could not be done."""
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
                table.verdicts[i, j] = ask(cosine / 2, "similar things are said of them")
        return None


def resolve_by_letters(new: Sequence[NewName], candidates: Sequence[KnownEntity]) -> Resolution:
    """Decide what spelling alone can decide."""
    return _Table(new, candidates).resolution()


Pair = tuple[int, int]
"""Positions of two things, the smaller first: new names come before known entities."""


class _Table:
    """The verdict on every pair of things of which one is a new name."""

    def __init__(self, new: Sequence[NewName], candidates: Sequence[KnownEntity]) -> None:
        self._new = new
        self._known = candidates
        self._things = [*new, *candidates]
        self._names = [names_of(thing) for thing in self._things]
        self.verdicts: dict[Pair, Verdict] = {}
        for i in range(len(new)):
            for j in range(i + 1, len(self._things)):
                self.verdicts[i, j] = self._compare(i, j)

    def pair(self, i: int, j: int) -> NamePair:
        """Return a pair as a model is shown it."""
        left, right = (
            NameInContext(thing.name, thing.kind, thing.context[:MAX_STATEMENTS])
            for thing in (self._things[i], self._things[j])
        )
        return NamePair(left, right)

    def unlike(self, *, latin_only: bool) -> list[Pair]:
        """Return the pairs that spelling cannot decide and that have context for a model to judge."""
        return [
            (i, j)
            for (i, j), verdict in self.verdicts.items()
            if verdict.outcome == "unlike"
            and common_kind(self._things[i].kind, self._things[j].kind) not in _BY_LETTERS
            and not self._said_of_both(i, j)
            and not (latin_only and any(is_non_latin(self.in_context(thing)) for thing in (i, j)))
        ]

    def in_context(self, thing: int) -> str:
        """Return a name, followed by the first statement that begins with it."""
        return f"{self._things[thing].name}. {said_of(self._things[thing])}"

    def questions(self) -> list[Pair]:
        """Return the pairs worth asking about, likeliest first, at most one for any two groups of names."""
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
        """Return what the verdicts say of the new names."""
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
        """Return the verdict on two things: the best one on any two of their names."""
        verdicts = [compare(a, b) for a in self._names[i] for b in self._names[j]]
        return max(verdicts, key=lambda verdict: (_RANK[verdict.outcome], verdict.strength))

    def _verdict(self, i: int, j: int) -> Verdict:
        pair = (min(i, j), max(i, j))
        if pair not in self.verdicts:
            self.verdicts[pair] = self._compare(*pair)
        return self.verdicts[pair]

    def _groups(self) -> list[list[int]]:
        """Return the groups of things that are the same, ordered by their first thing."""
        import networkx as nx  # heavy: on first use

        graph: nx.Graph[int] = nx.Graph()
        graph.add_nodes_from(range(len(self._things)))
        graph.add_edges_from(pair for pair, verdict in self.verdicts.items() if verdict.outcome == "same")
        groups = [part for component in nx.connected_components(graph) for part in self._split(component, graph.edges)]
        return sorted(sorted(group) for group in groups)

    def _split(self, component: set[int], edges: Iterable[Pair]) -> list[set[int]]:
        """Return a component in parts without two things that are apart; the weakest links between them are cut."""

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
        """Whether context cannot help: one statement names both, so they are two things, or one has no statement.

        A statement is about the thing that it begins with. Two names that only appear as what something else uses or
        prefers have similar statements because they are of one kind (eu-west-1 and eu-central-1), not one thing.
        """
        a, b = self._things[i], self._things[j]
        if not said_of(a) or not said_of(b):
            return True
        return fold(a.name) in fold(" ".join(b.context)) or fold(b.name) in fold(" ".join(a.context))

    def _ambiguous(self, group_of: dict[int, int]) -> set[int]:
        """Return the short names (Smith, J. Smith) that fit several persons: no model can tell which one is meant."""
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


def names_of(thing: NewName | KnownEntity) -> list[Name]:
    """Return all names of a thing, with how they are written as far as that is known."""
    own = thing.key if isinstance(thing, NewName) else find_alias_key(thing.name)
    return [Name(key, thing.kind, thing.name if key == own else "") for key in _keys(thing)]
