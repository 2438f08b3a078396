"""What is said to a caller of a service that is not ready yet."""

from __future__ import annotations


def is_fetching(phase: str) -> bool:
    """Whether a phase is that of the first start, which fetches what the service consists of and takes minutes."""
    return phase.startswith("fetching")


def retry_after_s(phase: str) -> float:
    """Return how many seconds to wait before asking again."""
    return 15.0 if is_fetching(phase) else 5.0


def not_ready_text(phase: str) -> str:
    """Tell an agent that its call was not carried out, what is happening, and when to try again."""
    return (
        f"knowthread is not ready yet: {phase}. Nothing was stored or changed by this call; "
        f"make the same call again in about {retry_after_s(phase):.0f} s."
    )
