"""Which of the found memories were replaced as a whole, and by which others, which then come before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kg.facts.held_at import Instants, Standing
from kg.recall.queries import Hit, HitFact
from kg.recall.ranking import Ranked


def split_facts(
    facts: Sequence[HitFact], past: Mapping[str, Standing], instants: Instants
) -> tuple[list[HitFact], list[HitFact], list[HitFact]]:
    """Return the facts of a hit that held, those that were to begin later, and those that did not hold any more."""
    held: list[HitFact] = []
    planned: list[HitFact] = []
    ended: list[HitFact] = []
    for fact in facts:
        end = fact["invalid_at"]
        if instants.past:
            standing = past.get(fact["uuid"])
            if standing is None or not standing.known:
                continue
            end = standing.end
        seen: HitFact = {**fact, "invalid_at": end}
        if end is not None and (end <= instants.t or end <= fact["valid_at"]):
            ended.append(seen)
        else:
            (held if fact["valid_at"] <= instants.t else planned).append(seen)
    return held, planned, ended


def successors(row: Hit, past: Mapping[str, Standing], instants: Instants) -> list[str]:
    """Return the memories that replaced all that a memory stated; none where something of it still holds."""
    held, planned, ended = split_facts(row["facts"], past, instants)
    if held or planned:
        return []
    own = row["memory"]["uuid"]
    by = (replacement["memory"] for fact in ended for replacement in fact["replaced_by"])
    return list(dict.fromkeys(uuid for uuid in by if uuid is not None and uuid != own))


def in_succession(hits: Sequence[Ranked], replaced_by: Mapping[str, Sequence[str]]) -> list[Ranked]:
    """Return the hits, each after those that replaced it; a replacement that was not found itself comes along.

    Args:
        hits: best first.
        replaced_by: successors of memories, by uuid.
    """
    known = {hit.uuid: hit for hit in hits}
    placed: set[str] = set()

    def place(hit: Ranked) -> Iterator[Ranked]:
        if hit.uuid in placed:
            return
        placed.add(hit.uuid)
        for uuid in replaced_by.get(hit.uuid, ()):
            newer = known.get(uuid) or Ranked(uuid, hit.score)
            yield from place(replace(newer, score=max(newer.score, hit.score)))
        yield hit

    return [placed_hit for hit in hits for placed_hit in place(hit)]
