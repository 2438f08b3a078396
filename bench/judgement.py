"""How a real model judges the set of contradictions: ``KNOWTHREAD_LLM=… python bench/judgement.py [--batch 1]``.

Asks the model that the settings name for contradictions, through the service's own router and judge. Prints how often
it agrees with the expected relation, by kind, then every case where it does not. It costs tokens. A case without a
usable answer is counted apart, as neither right nor wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from extract.routing.ledger import Ledger
from extract.routing.make_provider import make_provider
from extract.routing.router import Router
from extract.routing.settings import read_model_settings
from extract.tasks.contradict import ModelJudge
from kg.errors import ExtractionError
from kg.model_values import Contention, DatedStatement, ModelWork
from kg.ports import SystemClock
from kg.settings.service import load_settings

SET = Path(__file__).parent.parent / "tests/data/contradictions.toml"
Case = dict[str, Any]


@dataclass(frozen=True)
class Ruled:
    """One case and its ruling; ``relation`` is None if no usable answer came."""

    case: Case
    relation: str | None
    reason: str


def instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def dated(side: Case) -> DatedStatement:
    stated = side.get("stated_at", side["valid_at"])
    return DatedStatement(side["statement"], instant(side["valid_at"]), instant(stated), side.get("project"))


async def rule(judge: ModelJudge, cases: Sequence[Case], works: list[ModelWork]) -> list[Ruled]:
    """Ask about some cases in one request, as the service does with the candidates of one memory."""
    try:
        rulings = await judge.judge([Contention(dated(case["earlier"]), dated(case["later"])) for case in cases])
    except ExtractionError as error:
        return [Ruled(case, None, str(error)) for case in cases]
    works.append(rulings.work)
    return [Ruled(case, ruling.relation, ruling.reason) for case, ruling in zip(cases, rulings.rulings, strict=True)]


def report(ruled: Sequence[Ruled], works: Sequence[ModelWork]) -> None:
    answered = [one for one in ruled if one.relation is not None]
    models = ", ".join(sorted({work.model for work in works})) or "no model answered"
    hashes = ", ".join(sorted({work.prompt_hash for work in works}))
    calls = [call for work in works for call in work.calls]
    print(f"{models}  {datetime.now(UTC):%Y-%m-%d}  prompt {hashes}")
    read, written = (sum(getattr(call, name) for call in calls) for name in ("input_tokens", "output_tokens"))
    print(f"{len(calls)} requests, {read} tokens in, {written} out")
    right = Counter(one.case["kind"] for one in answered if one.relation == one.case["expected"])
    asked = Counter(one.case["kind"] for one in answered)
    for kind in sorted(asked):
        print(f"{kind:15} {right[kind]:3} of {asked[kind]:3}")
    print(f"{'all':15} {right.total():3} of {asked.total():3}; {len(ruled) - len(answered)} without a usable answer")
    wrongly_ended = sum(one.case["expected"] == "none" != one.relation for one in answered)
    print(f"ended although they stand: {wrongly_ended}")
    for one in ruled:
        if one.relation != one.case["expected"]:
            print(f"  {one.case['id']}: {one.relation or 'no answer'}, expected {one.case['expected']} ({one.reason})")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=1, help="cases in one request")
    parser.add_argument("--kind", help="only the cases of this kind")
    arguments = parser.parse_args()
    settings = read_model_settings(load_settings(), os.environ)
    if not settings.routes["contradict"]:
        sys.exit("no model is set for contradictions: set KNOWTHREAD_LLM or KNOWTHREAD_CONTRADICT_MODELS")
    providers = {name: make_provider(name, settings) for name in settings.providers}
    clock = SystemClock()
    router = Router(
        settings.routes,
        providers,
        Ledger(settings.daily_tokens, clock),
        timeout_s=settings.timeout_s,
        concurrency=settings.concurrency,
    )
    judge = ModelJudge(router)
    cases: list[Case] = tomllib.loads(SET.read_text(encoding="utf-8"))["case"]
    chosen = [case for case in cases if arguments.kind in (None, case["kind"])]
    works: list[ModelWork] = []
    groups = [chosen[first : first + arguments.batch] for first in range(0, len(chosen), arguments.batch)]
    ruled = await asyncio.gather(*(rule(judge, group, works) for group in groups))
    report([one for group in ruled for one in group], works)
    for provider in providers.values():
        await provider.close()


if __name__ == "__main__":
    asyncio.run(main())
