"""The result of comparing two names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["same", "ask", "unlike", "apart"]


@dataclass(frozen=True)
class Verdict:
    """Whether two names mean the same thing.

    Attributes:
        outcome: ``same``: they do; ``ask``: only context can tell; ``unlike``: nothing says so; ``apart``: something
            says that they do not.
        strength: in [0, 1], how strongly they seem the same; 0 for ``unlike`` and ``apart``.
        reason: the rule that decided, without the names.
        short: which of the two is a short form that may stand for several persons.
    """

    outcome: Outcome
    strength: float
    reason: str
    short: Literal["left", "right"] | None = None


def ask(strength: float, reason: str, short: Literal["left", "right"] | None = None) -> Verdict:
    """Return the verdict: only context can tell."""
    return Verdict("ask", strength, reason, short)


def apart(reason: str) -> Verdict:
    """Return the verdict: they are two things."""
    return Verdict("apart", 0.0, reason)


def one_edit_apart(a: str, b: str) -> bool:
    """Return whether one letter inserted, deleted, replaced or swapped with the next turns one word into the other."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or rest_a[1:] == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )
