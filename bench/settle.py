"""How well the facts that a new one replaces are offered: ``make bench-settle ARGS="--sizes 50,5000 --misses"``.

Each pair of ``bench/data/settle/pairs.jsonl`` is a standing fact and a new one that replaces it, or that is near it and
does not. The standing facts are stored with synthetic ones of the same project. Each new fact is added through the
service, what its answer offers is counted, and it is deleted again. Weights and bar were chosen on half 1; half 2 says
how good they are. Printed for each half: the share of replaced facts that were offered, and needless offers a call; and
what settling costs beside the embedding.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.corpus import facts
from kg.facts.predicates import normalise
from kg.operations.arguments import Session
from kg.recall.to_settle import NewFact, Settling
from kg.recall.to_settle_ranking import Said
from kg.settings.service import load_settings
from kg.values import Scope
from mcp_server.service.composition import Service

PAIRS = Path(__file__).parent / "data/settle/pairs.jsonl"
TOGETHER = 40
"""Most standing facts of the set in one small store."""
AT_ONCE = 100
Pair = dict[str, Any]


def session(user: str) -> Session:
    return Session(Scope(user, project="bench"), secrets.token_hex(16))


async def store(service: Service, user: str, standing: Sequence[dict[str, Any]]) -> list[str]:
    """Store facts, some with each note; return their ids in order."""
    ids: list[str] = []
    for start in range(0, len(standing), AT_ONCE):
        some = standing[start : start + AT_ONCE]
        answer = await service.memory.add_memory(session(user), text=f"Notes from {start}", facts=some, wait=True)
        ids += [fact["id"] for fact in answer["facts"]]
    return ids


async def measure(service: Service, size: int, pairs: Sequence[Pair], *, misses: bool) -> list[tuple[Pair, bool, int]]:
    """Return for each pair whether its standing fact was offered, and how many needless offers there were."""
    groups = [pairs] if size > len(pairs) else [pairs[at : at + TOGETHER] for at in range(0, len(pairs), TOGETHER)]
    found: list[tuple[Pair, bool, int]] = []
    for number, group in enumerate(groups):
        user = f"settle-{size}-{number}-{secrets.token_hex(4)}"
        ids = await store(service, user, [pair["old"] for pair in group] + list(facts(size - len(group))))
        await service.drain()
        for pair, old in zip(group, ids, strict=False):
            answer = await service.memory.add_memory(session(user), text=pair["new"]["statement"], facts=[pair["new"]])
            offered = {fact["id"]: fact["fact"] for fact in answer.get("to_settle", [])}
            right = pair["replaces"] and old in offered
            found.append((pair, right, len(offered) - right))
            if misses and pair["replaces"] and not right:
                print(f"  missed {pair['id']}: {pair['old']['statement']} | {pair['new']['statement']}")
            if misses and len(offered) > right:
                needless = [said for uuid, said in offered.items() if uuid != old or not pair["replaces"]]
                print(f"  needless {pair['id']}: {pair['new']['statement']} | {needless}")
            await service.memory.delete_memory(session(user), memory_id=answer["results"][0]["id"])
        await cost(service, user, group)
    return found


async def cost(service: Service, user: str, pairs: Sequence[Pair]) -> None:
    """Print what finding the offers costs where the new fact is stored and embedded."""
    taken: list[float] = []
    settling = Settling(service.parts.store, service.parts.index, service.embedder)
    for pair in pairs[:20]:
        new = pair["new"]
        answer = await service.memory.add_memory(session(user), text=new["statement"], facts=[new])
        (vector,) = await service.embedder.embed_documents([new["statement"]])
        said = Said(
            new["statement"], normalise(new.get("predicate", "RELATES_TO")), new.get("subject"), new.get("object")
        )
        fact, scope = NewFact(answer["facts"][0]["id"], said), Scope(user, project="bench")
        start = time.perf_counter()
        looked = await settling.look(scope, {new["statement"]: vector})
        await settling.offers(scope, [fact], looked, service.parts.clock.now())
        taken.append((time.perf_counter() - start) * 1000)
    print(f"  cost, median and most: {statistics.median(taken):.0f} and {max(taken):.0f} ms")


def report(size: int, found: Sequence[tuple[Pair, bool, int]]) -> None:
    for half in (1, 2):
        own = [one for one in found if one[0]["half"] == half]
        replaced = [one for one in own if one[0]["replaces"]]
        offered = sum(right for _, right, _ in replaced) / len(replaced)
        needless = sum(count for _, _, count in own) / len(own)
        print(f"{size} facts, half {half}: offered {offered:.2f} of {len(replaced)}, needless {needless:.2f} a call")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="50,5000")
    parser.add_argument("--misses", action="store_true", help="print what was missed and what was offered needlessly")
    arguments = parser.parse_args()
    pairs = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as folder:
        service = Service(replace(load_settings(), data_dir=Path(folder)))
        await service.start(lambda phase: print(phase, file=sys.stderr))
        try:
            for size in (int(size) for size in arguments.sizes.split(",")):
                report(size, await measure(service, size, pairs, misses=arguments.misses))
        finally:
            await service.stop()


if __name__ == "__main__":
    asyncio.run(main())
