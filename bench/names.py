"""How often names that look alike stay two, and other spellings become one: ``python bench/names.py [--wrong]``.

Two names are joined if a write makes one thing of them with no model at hand: they share a key, or their spelling shows
that they are the same. ``two`` is the share of pairs that are two things and were joined (low is good), ``one`` that of
pairs that are one thing and were joined (high is good). Rules are chosen on one half of tests/data/namesakes.toml; a
hash of the pair decides which. ``--wrong`` lists what that half gets wrong, and never shows the other half.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.halves import is_held_out
from kg.entities.compare_spelling import Name, compare
from kg.facts.claims import name_key
from kg.facts.kinds import kind_of

GOLD = Path(__file__).parent.parent / "tests/data/namesakes.toml"


@dataclass(frozen=True)
class Pair:
    """A labelled pair of names as written, each with its kind behind a bar if it is known."""

    left: str
    right: str
    is_one: bool

    @property
    def held_out(self) -> bool:
        """Whether it is in the half that no rule is chosen on."""
        return is_held_out(self.left, self.right)

    @property
    def joined(self) -> bool:
        """Whether a write makes one thing of both names."""
        left, right = _name(self.left), _name(self.right)
        return left.key == right.key or compare(left, right).outcome == "same"


def _name(labelled: str) -> Name:
    written, _, kind = labelled.partition("|")
    kind = kind or kind_of(written, "RELATES_TO", "object")
    return Name(name_key(written, kind), kind, written)


def gold() -> Iterator[Pair]:
    """Yield the labelled pairs in order."""
    raw = tomllib.loads(GOLD.read_text(encoding="utf-8"))
    for group in ("two", "one"):
        for left, right in raw[group]:
            yield Pair(left, right, group == "one")


def joined_share(pairs: Sequence[Pair], *, is_one: bool) -> float:
    """Return which share of the pairs that are one thing, or two, was joined."""
    asked = [pair for pair in pairs if pair.is_one is is_one]
    return sum(pair.joined for pair in asked) / len(asked)


def main() -> int:
    """Print the figures of both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="list what the half that rules are chosen on gets wrong")
    arguments = parser.parse_args()
    pairs = list(gold())
    print(f"{'joined':10} {'pairs':>6} {'two':>7} {'one':>7}")
    for half, held_out in (("chosen on", False), ("held out", True)):
        own = [pair for pair in pairs if pair.held_out is held_out]
        print(f"{half:10} {len(own):6} {joined_share(own, is_one=False):7.3f} {joined_share(own, is_one=True):7.3f}")
    if arguments.wrong:
        for pair in pairs:
            if not pair.held_out and pair.joined is not pair.is_one:
                print(f"{pair.left!r}, {pair.right!r}: {'one' if pair.is_one else 'two'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
