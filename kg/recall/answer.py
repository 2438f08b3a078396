"""What a search answers: hits as they read at the instant asked about, within the caller's budget of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kg.facts.held_at import Instants, Standing
from kg.language.sentences import best_passage
from kg.recall import render
from kg.recall.not_mentioned import unshown
from kg.recall.queries import Hit, HitFact
from kg.recall.ranking import Ranked
from kg.recall.request import WEAK_SHARE, DenseLeg, Found, Search
from kg.recall.succession import split_facts
from kg.values import JsonObject

_ENVELOPE_TOKENS = 40


class _Detail(NamedTuple):
    """How much of a hit is shown."""

    passage_chars: int
    fact_chars: int
    facts: int


class _Facts(NamedTuple):
    """The facts of a hit: those that held, those that were to begin later, those that did not hold any more."""

    held: list[HitFact]
    planned: list[HitFact]
    ended: list[HitFact]


_FULL = _Detail(render.PASSAGE_CHARS, render.FACT_CHARS, 5)
_BARE = _Detail(60, 0, 0)
_DETAILS = (_FULL, _Detail(render.PASSAGE_CHARS, 100, 2), _Detail(240, 100, 1), _BARE)
"""The best hit is shown in less and less detail until it fits; the others as they are, or not at all."""


class AnswerBuilder:
    """Collects hits until the limit or the budget is reached."""

    def __init__(self, search: Search, found: Found, stems: frozenset[str], *, sentences_compare: bool) -> None:
        self.hidden = 0
        self._legs: tuple[DenseLeg, ...] = ("text", "sentence") if sentences_compare else ("text",)
        self._search = search
        self._found = found
        self._stems = stems
        self._results: list[JsonObject] = []
        self._tokens = _ENVELOPE_TOKENS + render.size([*set(found.failed.values()), *found.notes, *found.missing])
        self._omitted = 0
        self._weaker = 0
        self._best_score: float | None = None

    @property
    def full(self) -> bool:
        """Whether no further hit is wanted."""
        return len(self._results) + self._omitted + self._weaker >= self._search.limit

    def add(self, hit: Ranked, row: Hit, past: Mapping[str, Standing]) -> None:
        """Add a hit unless filters, threshold, time or the budget keep it out."""
        memory = _as_known(row, self._search.instants)
        if memory is None:
            self.hidden += 1
            return
        if memory["noise"] and not self._search.noise:
            return
        if not self._search.filters.matches(_filter_fields(memory), render.metadata(memory["metadata"])):
            return
        best = self._similarity(hit.uuid, row)
        if self._search.threshold is not None and (best is None or best < self._search.threshold):
            return
        if self._is_weak(hit):
            self._weaker += 1
            return
        facts = _Facts(*split_facts(row["facts"], past, self._search.instants))
        for detail in _DETAILS if not self._results else (_FULL,):
            rendered = self._render_hit(hit, memory, facts, best, detail)
            tokens = render.size(rendered)
            if self._tokens + tokens <= self._search.max_tokens or detail is _BARE:
                self._tokens += tokens
                self._results.append(rendered)
                self.hidden += len(facts.ended)
                return
        self._omitted += 1

    def render(self) -> JsonObject:
        """Return the answer."""
        omitted = f"{self._omitted} more did not fit into max_tokens" if self._omitted else None
        weaker = f"{self._weaker} that fit less than half as well; weak=true shows them" if self._weaker else None
        return {
            "results": self._results,
            **render.compact(
                {
                    "nothing_fits": self._found.nothing_fits or None,
                    "not_mentioned": unshown(self._found.missing, self._results),
                    "hidden": self.hidden or None,
                    "omitted": omitted,
                    "weaker": weaker,
                    "degraded": sorted(set(self._found.failed.values())),
                    "notes": self._found.notes,
                }
            ),
        }

    def _is_weak(self, hit: Ranked) -> bool:
        """Whether a hit is far below the best one.

        A threshold, or a model that reranks, decides that by itself; words alone part the scores too far.
        """
        if self._best_score is None:
            self._best_score = hit.score
        search = self._search
        chosen = search.weak or search.rerank or search.threshold is not None or bool(self._found.failed)
        return not chosen and hit.score < WEAK_SHARE * self._best_score

    def _similarity(self, uuid: str, row: Hit) -> float | None:
        """Return a memory's best cosine: of its text, its facts, and its sentences where they have the same model."""
        dense = self._found.dense
        facts = dense.get("fact", {})
        values = [
            *(dense[leg][uuid] for leg in self._legs if uuid in dense.get(leg, {})),
            *(facts[fact["uuid"]] for fact in row["facts"] if fact["uuid"] in facts),
        ]
        if uuid in self._found.similarities:
            values.append(self._found.similarities[uuid])
        return max(values, default=None)

    def _render_hit(
        self, hit: Ranked, memory: Mapping[str, Any], facts: _Facts, similarity: float | None, detail: _Detail
    ) -> JsonObject:
        rendered = render.memory_in_list(memory)
        passage, truncated = best_passage(memory["text"], self._stems, detail.passage_chars)
        if detail is _BARE:
            rendered = {"id": rendered["id"], "created_at": rendered["created_at"]}
        shown = {
            name: [_fact(fact, memory["text"], detail, holds=name == "facts") for fact in listed[: detail.facts]]
            for name, listed in (("facts", facts.held), ("planned", facts.planned), ("superseded", facts.ended))
        }
        rendered.update(
            render.compact(
                {
                    "memory": passage,
                    "truncated": truncated or None,
                    "score": round(hit.score, 3),
                    "similarity": None if similarity is None else round(similarity, 3),
                    **shown,
                    "explain": _explain(hit) if self._search.explain and detail is not _BARE else None,
                }
            )
        )
        return rendered


def _as_known(row: Hit, instants: Instants) -> Mapping[str, Any] | None:
    """Return the memory as it read at the instant of knowledge."""
    memory = row["memory"]
    k = instants.known_at
    if k is None or memory["updated_at"] <= k:
        return memory
    for version in row["versions"]:
        if version["created_at"] <= k < version["replaced_at"]:
            return {**memory, "text": version["text"], "metadata": version["metadata"], "updated_at": None}
    return None


def _fact(fact: HitFact, text: str, detail: _Detail, *, holds: bool) -> JsonObject:
    """Render a fact of a hit; one that says what the memory says is shown without its words."""
    rendered = render.fact(fact, detail.fact_chars)
    if holds and fact["contradicted_by"] and not fact["replaced_by"]:
        rendered["contradicted_by"] = [render.fact(by, detail.fact_chars) for by in fact["contradicted_by"]]
        left_out = fact["contradictions"] - len(fact["contradicted_by"])
        rendered |= {"contradicted_by_omitted": left_out} if left_out else {}
    if _plain(fact["statement"]) == _plain(text):
        del rendered["fact"]
    return rendered


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!")


def _explain(hit: Ranked) -> JsonObject:
    shares = {part: round(share, 3) for part, share in hit.shares.items()}
    return render.compact({"shares": shares, "ranks": dict(hit.ranks), "best_neighbour": hit.best_neighbour})


def _filter_fields(memory: Mapping[str, Any]) -> dict[str, object]:
    fields: dict[str, object] = {key: value for key, value in memory.items() if key not in ("metadata", "uuid")}
    fields["id"] = memory["uuid"]
    return fields
