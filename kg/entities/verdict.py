"""What a comparison of two names comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["same", "ask", "unlike", "apart"]


@dataclass(frozen=True)
class Verdict:
    """What two names are to each other.

    Attributes:
        outcome: one thing; only context can tell; nothing speaks for it; something speaks against it.
        strength: in [0, 1], how much speaks for one thing; 0 for ``unlike`` and ``apart``.
        reason: the rule, in words without the names.
        short: which of both is a short form that may stand for several persons.
    """

    outcome: Outcome
    strength: float
    reason: str
    short: Literal["left", "right"] | None = None


def ask(strength: float, reason: str, short: Literal["left", "right"] | None = None) -> Verdict:
    """Return the verdict that only context can tell."""
    return Verdict("ask", strength, reason, short)


def apart(reason: str) -> Verdict:
    """Return the verdict that something speaks against one thing."""
    return Verdict("apart", 0.0, reason)


def one_edit_apart(a: str, b: str) -> bool:
    """Return whether one insertion, deletion, replacement or swap of neighbours makes one word of the other."""
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
