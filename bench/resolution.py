"""Precision and recall of entity resolution on the gold set: ``python bench/resolution.py [--embedder NAME]``.

Every pair is compared by itself. ``same``: the letters decide that both mean one thing. ``asked``: a model is asked if
one is set; without a model the names stay apart. ``reach``: the recall with a model that never errs. Rules are tuned on
one half of the pairs, and a hash of the names decides which. ``--embedder`` shows what else a model could be asked:
pairs that the letters cannot decide whose contexts have a high cosine, and how many of them mean one thing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.halves import is_held_out
from extract.embedders.connect import make_embedder
from extract.embedders.onnx import MODELS
from kg.entities.compare_spelling import Name, compare
from kg.entities.resolve import NEAR, NewName, said_of
from kg.entities.verdict import Outcome
from kg.language.names import alias_key
from kg.settings.service import load_settings

GOLD = Path(__file__).parent.parent / "tests/data/resolution.toml"


@dataclass(frozen=True)
class Pair:
    """A labelled pair. A name is (name, kind, statement or ""); ``added`` says when, "" for the first set."""

    category: str
    left: tuple[str, str, str]
    right: tuple[str, str, str]
    same: bool
    added: str

    @property
    def held_out(self) -> bool:
        """Whether it is in the half that rules are not tuned on; its place in the file does not matter."""
        return is_held_out(self.left[0], self.right[0], self.left[1], self.right[1])

    @property
    def outcome(self) -> Outcome:
        """What the letters say."""
        (a, kind_a, _), (b, kind_b, _) = self.left, self.right
        return compare(Name(alias_key(a), kind_a), Name(alias_key(b), kind_b)).outcome


def gold() -> Iterator[Pair]:
    """Yield the pairs of the gold set in order."""
    for category, entry in tomllib.loads(GOLD.read_text(encoding="utf-8")).items():
        for same, pairs in ((True, entry["same"]), (False, entry["different"])):
            for names in pairs:
                contexts = names[2:] or ["", ""]
                sides = [(*_kind(name, entry["kind"]), text) for name, text in zip(names, contexts, strict=False)]
                yield Pair(category, sides[0], sides[1], same, entry.get("added", ""))


def _kind(name: str, kind: str) -> tuple[str, str]:
    bare, bar, own = name.rpartition("|")
    return (bare, own) if bar else (name, kind)


def row(title: str, pairs: Sequence[Pair]) -> str:
    """Return one line of figures."""
    said = [pair for pair in pairs if pair.outcome == "same"]
    asked = [pair for pair in pairs if pair.outcome == "ask"]
    true = sum(pair.same for pair in pairs)
    right = sum(pair.same for pair in said)
    precision = f"{right / len(said):6.3f}" if said else "     -"
    recall = (
        f"{right / true:6.3f} {(right + sum(pair.same for pair in asked)) / true:6.3f}" if true else "     -      -"
    )
    return f"{title:16s} {len(pairs):5d} {true:5d} {precision} {recall} {len(asked) / len(pairs):6.3f}"


async def near(pairs: Sequence[Pair], name: str) -> None:
    """Print what asking by cosine would add, for several bounds; only pairs with a statement on both sides count."""
    embedder = make_embedder(name, load_settings().cache_dir)
    unlike = [pair for pair in pairs if pair.outcome == "unlike" and all(map(_is_said_of, (pair.left, pair.right)))]
    texts = [f"{name}. {text}" for pair in unlike for name, _, text in (pair.left, pair.right)]
    vectors = await embedder.embed_documents(texts)
    await embedder.close()
    cosines = np.einsum("ij,ij->i", vectors[::2], vectors[1::2])
    one_thing = sum(pair.same for pair in unlike)
    print(f"{name}: {len(unlike)} unlike pairs with a statement about each, {one_thing} of them one thing")
    print("cosine at least   tuning: asked, one thing   held out: asked, one thing")
    for bound in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9):
        found = [
            [pair for pair, x in zip(unlike, cosines, strict=True) if x >= bound and pair.held_out == half]
            for half in (False, True)
        ]
        tuning, held_out = (f"{len(half):12d} {sum(pair.same for pair in half):10d}" for half in found)
        print(f"{bound:15.2f}   {tuning}   {held_out}{'   <- in use' if bound == NEAR else ''}")


def _is_said_of(side: tuple[str, str, str]) -> bool:
    name, kind, text = side
    return said_of(NewName(alias_key(name), name, kind, (text,))) is not None


def rate(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return pairs compared a second: when first met, and when met again."""
    names = [(Name(alias_key(p.left[0]), p.left[1]), Name(alias_key(p.right[0]), p.right[1])) for p in pairs]
    crossed = [(left, right) for left, _ in names for _, right in names]
    rates: list[float] = []
    for _ in range(2):
        began = time.perf_counter()
        for left, right in crossed:
            compare(left, right)
        rates.append(len(crossed) / (time.perf_counter() - began))
    return rates[0], rates[1]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", choices=list(MODELS))
    parser.add_argument("--errors", action="store_true", help="list the pairs of the tuning half that went wrong")
    options = parser.parse_args()
    pairs = list(gold())
    print(f"{'':16s} pairs  same  prec. recall  reach  asked")
    for half in (False, True):
        chosen = [pair for pair in pairs if pair.held_out == half]
        print("held out" if half else "tuning")
        for category in dict.fromkeys(pair.category for pair in chosen):
            print(row(f"  {category}", [pair for pair in chosen if pair.category == category]))
        print(row("  all", chosen))
    print("by when the pairs were added")
    for added in dict.fromkeys(pair.added for pair in pairs):
        print(row(f"  {added or 'first'}", [pair for pair in pairs if pair.added == added]))
    print(row("all", pairs))
    first, again = rate(pairs)
    print(f"{first:.0f} pairs a second, {again:.0f} for names met before")
    if options.errors:
        for pair in pairs:
            if not pair.held_out and pair.outcome in (("unlike", "apart") if pair.same else ("same", "ask")):
                print(pair.outcome, pair.category, pair.left[:2], pair.right[:2])
    if options.embedder:
        await near(pairs, options.embedder)


if __name__ == "__main__":
    asyncio.run(main())
