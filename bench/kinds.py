"""How often the kind that a name is given is right: ``python bench/kinds.py [--wrong]``.

``right`` is the share of the kinds that were given that are right, ``given`` the share of names that got one. Rules are
chosen on one half of tests/data/kinds.toml; a hash of the name decides which. ``--wrong`` lists what that half gets
wrong or leaves open, and never shows the other half.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.halves import is_held_out
from kg.facts.kinds import Side, kind_of
from kg.facts.predicates import THING

GOLD = Path(__file__).parent.parent / "tests/data/kinds.toml"


@dataclass(frozen=True)
class LabelledName:
    """A name at its place in a fact, and the kinds that are right for it."""

    name: str
    predicate: str
    side: Side
    kinds: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """Whether it is in the half that no rule is chosen on."""
        return is_held_out(self.name)

    @property
    def given(self) -> str:
        """The kind that the rules give."""
        return kind_of(self.name, self.predicate, self.side)


@dataclass(frozen=True)
class Figures:
    """What was counted on some names."""

    names: int
    given: int
    right: int

    @property
    def right_share(self) -> float:
        """Of the kinds that were given, how many are right."""
        return self.right / self.given if self.given else 1.0

    @property
    def given_share(self) -> float:
        """Of the names, how many got a kind."""
        return self.given / self.names


def gold() -> Iterator[LabelledName]:
    """Yield the labelled names in order."""
    for kinds, entry in tomllib.loads(GOLD.read_text(encoding="utf-8")).items():
        for name, predicate, side in entry["names"]:
            yield LabelledName(name, predicate, cast("Side", side), tuple(kinds.split()))


def measure(names: Sequence[LabelledName]) -> Figures:
    """Count what the rules say of names."""
    given = [one for one in names if one.given != THING]
    return Figures(len(names), len(given), sum(one.given in one.kinds for one in given))


def main() -> int:
    """Print the figures of both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="list what the half that rules are chosen on gets wrong")
    arguments = parser.parse_args()
    names = list(gold())
    print(f"{'half':10} {'names':>6} {'given':>7} {'right':>7}")
    for half, held_out in (("chosen on", False), ("held out", True)):
        figures = measure([one for one in names if one.held_out is held_out])
        print(f"{half:10} {figures.names:6} {figures.given_share:7.3f} {figures.right_share:7.3f}")
    if arguments.wrong:
        for one in names:
            if not one.held_out and one.given not in one.kinds:
                print(f"{one.name!r} {one.predicate} {one.side}: {one.given}, right is {' or '.join(one.kinds)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
