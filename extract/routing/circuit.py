"""A circuit breaker for a route, which knows why a model did not answer.

After failures in a row a route is left alone for a while. Then one request at a time may probe whether it answers
again. If waiting does not help (refused credentials, a missing model), the circuit opens at once. If the provider
forbids the use, the route is off until the service starts again. No I/O: the caller says what happened, ``clock`` when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kg.errors import ModelUnavailable, Unavailability

State = Literal["ok", "open", "off"]

FAILURES = 3
"""Failed requests in a row after which a route is left alone."""
FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 600.0
PATIENCE_S = 10.0
"""If a provider asks for a longer wait than this, its route is left alone for that long."""

_LASTING = frozenset[Unavailability](("auth", "missing_model", "not_configured"))
"""Reasons that only a person can remove."""


@dataclass(frozen=True)
class Ticket:
    """Permission to send one request; ``probe``: this request finds out whether the route answers again."""

    probe: bool


class Circuit:
    """The breaker of one route. Every ticket from ``enter`` must end in ``succeed``, ``fail`` or ``leave``.

    Attributes:
        reason: why the route last failed, None after a success.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reason: Unavailability | None = None
        self._clock = clock
        self._failures = 0
        self._wait_s = FIRST_WAIT_S
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """``ok``: requests pass; ``open``: left alone, or being probed; ``off``: until the service starts again."""
        if self.reason == "forbidden":
            return "off"
        return "ok" if self._open_until is None else "open"

    @property
    def retry_in_s(self) -> float | None:
        """Seconds until a request may pass: 0 for now, None for never."""
        if self.state == "off":
            return None
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    @property
    def passable(self) -> bool:
        """Whether ``enter`` would give a ticket now."""
        return self.state == "ok" or (self.retry_in_s == 0.0 and not self._probing)

    def enter(self) -> Ticket | None:
        """Return a ticket for one request, or None while the route is left alone or another request probes it."""
        if not self.passable:
            return None
        self._probing = self.state == "open"
        return Ticket(self._probing)

    def succeed(self, ticket: Ticket) -> None:
        """The model answered, in whatever form: the route works again."""
        self.leave(ticket)
        if self.state == "off":
            return
        self.reason = None
        self._failures = 0
        self._wait_s = FIRST_WAIT_S
        self._open_until = None

    def fail(self, ticket: Ticket, error: ModelUnavailable) -> None:
        """The model did not answer. A model that refuses a text has answered, and the route works."""
        if error.reason == "bad_request":
            self.succeed(ticket)
            return
        self.leave(ticket)
        lasting = error.reason in _LASTING or error.reason == "forbidden"
        if self.state == "off" or (self.state == "open" and not ticket.probe and not lasting):
            return  # it was sent before the circuit opened, so it says nothing new
        self.reason = error.reason
        self._failures += 1
        asked_s = error.retry_after_s or 0.0
        if lasting:
            self._open(LONGEST_WAIT_S)
        elif asked_s > PATIENCE_S:
            self._open(min(asked_s, LONGEST_WAIT_S))
        elif ticket.probe or self._failures >= FAILURES:
            self._open(self._wait_s)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def leave(self, ticket: Ticket) -> None:
        """The request ended before it said anything about the route; another one may probe."""
        if ticket.probe:
            self._probing = False

    def _open(self, wait_s: float) -> None:
        self._open_until = self._clock() + wait_s
