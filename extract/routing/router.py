"""Asks models: which one, how often, for how long, and what to do without a usable answer.

Each task has an ordered list of routes. A route that cannot be used now is skipped; the first usable answer wins.
Invariant: every request that ended is in the ledger and in what ``ask`` returns or raises. No error holds text of an
answer or a memory.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from extract.prompts.load import RenderedPrompt
from extract.prompts.parse import Complaint, TruncatedOutput, parse_answer
from extract.prompts.schema import schema_of
from extract.providers.base import ModelReply, ModelRequest, Provider, Route, Spent, StaleCredential
from extract.routing.circuit import PATIENCE_S, Circuit
from extract.routing.ledger import Ledger
from extract.routing.prices import cost_usd
from kg.errors import ConfigurationError, ExtractionError, MalformedOutput, ModelUnavailable, Unavailability
from kg.model_values import ModelCall, ModelWork, Outcome, Task

T = TypeVar("T", bound=BaseModel)

TRIES = 3
"""Most requests on one route before the next route is asked. A repair may take as many again."""
BACKOFF_S = 0.5
FORMER_CHARS = 20_000
"""How much of an unusable answer its model is shown again."""

_TELLING: tuple[Unavailability, ...] = (
    "quota", "overloaded", "server", "connection", "timeout", "open_circuit",
    "missing_model", "auth", "forbidden", "not_configured", "bad_request",
)  # fmt: skip
"""The most telling reason first: what passes by itself, then what a person can cure, then what stays."""


@dataclass(frozen=True)
class Asked(Generic[T]):
    """A usable answer and what it took."""

    value: T
    work: ModelWork


@dataclass(frozen=True)
class _Ask(Generic[T]):
    """One question on its way along the routes; ``calls`` grows with every request that ends."""

    task: Task
    prompt: RenderedPrompt
    output: type[T]
    items: int
    request: ModelRequest
    calls: list[ModelCall]
    divisible: bool


class Router:
    """Sends each task's questions along its routes.

    Args:
        routes: for each task its routes, the preferred first; a task may have none.
        providers: every provider that a route names, by name.
        ledger: counts every call and caps the day's tokens.
        timeout_s: longest wait for one answer.
        concurrency: most requests at a time for each provider.
        clock: monotonic seconds, for latencies and circuits.
        sleep: waits that many seconds between two tries.
        jitter: a number in [0, 1) that spreads the waits.

    Raises:
        ConfigurationError: a route names a provider that is not there, or that has no concurrency.
    """

    def __init__(
        self,
        routes: Mapping[Task, Sequence[Route]],
        providers: Mapping[str, Provider],
        ledger: Ledger,
        *,
        timeout_s: float,
        concurrency: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._routes = {task: tuple(chosen) for task, chosen in routes.items()}
        self._providers = dict(providers)
        self._ledger = ledger
        self._timeout_s = timeout_s
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._circuits: dict[Route, Circuit] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        for task, chosen in self._routes.items():
            for route in chosen:
                if route.provider not in self._providers or route.provider not in concurrency:
                    usable = sorted(self._providers.keys() & concurrency.keys())
                    setting = f"KNOWTHREAD_{task.upper()}_MODELS"
                    raise ConfigurationError(setting, f"{route} names no usable provider", f"one of {usable}")
                self._circuits.setdefault(route, Circuit(clock))
                self._gates.setdefault(route.provider, asyncio.Semaphore(concurrency[route.provider]))

    async def ask(
        self,
        task: Task,
        prompt: RenderedPrompt,
        output: type[T],
        *,
        items: int = 1,
        max_output_tokens: int = 8192,
        divisible: bool = False,
    ) -> Asked[T]:
        """Return the first usable answer of the task's routes.

        Args:
            task: the task whose routes are asked.
            prompt: the question.
            output: what the answer must be; it is one JSON object of this shape.
            items: how many turns, pairs or memories it is about, numbered from 1.
            max_output_tokens: longest answer.
            divisible: whether it can be asked in parts; if so, an answer that was cut off is raised at once.

        Raises:
            TruncatedOutput: a divisible question's answer was cut off.
            ModelUnavailable: no route could be asked or gave an answer.
            MalformedOutput: a route answered in an unusable form, and no other gave a usable answer.
            BudgetExceeded: the day's tokens are spent.
        Each of them carries the calls that were made.
        """
        request = ModelRequest(
            system=prompt.system,
            user=prompt.user,
            schema=schema_of(output),
            schema_name=output.__name__,
            max_output_tokens=max_output_tokens,
            timeout_s=self._timeout_s,
        )
        ask = _Ask(task, prompt, output, items, request, [], divisible)
        failures: list[ModelUnavailable | MalformedOutput] = []
        try:
            for route in self._routes.get(task, ()):
                try:
                    value = await self._ask_route(ask, route)
                except TruncatedOutput:
                    raise
                except (ModelUnavailable, MalformedOutput) as error:
                    failures.append(error)
                    continue
                return Asked(value, ModelWork(str(route), prompt.name, prompt.hash, tuple(ask.calls)))
            raise _most_telling(task, failures)
        except ExtractionError as error:
            error.calls = tuple(ask.calls)
            raise

    def reset(self) -> None:
        """Stop leaving routes alone, for instance because somebody has repaired a model."""
        for route, circuit in self._circuits.items():
            if circuit.state == "open":
                self._circuits[route] = Circuit(self._clock)

    def describe(self) -> dict[str, list[dict[str, Any]]]:
        """Return each task's routes in order: model and state; if it is not asked now, also reason and retry_in_s."""
        return {str(task): [self._describe(route) for route in chosen] for task, chosen in self._routes.items()}

    def _describe(self, route: Route) -> dict[str, Any]:
        circuit = self._circuits[route]
        described: dict[str, Any] = {"model": str(route), "state": circuit.state}
        if circuit.state != "ok":
            described["reason"] = circuit.reason
        if circuit.state == "open" and circuit.retry_in_s is not None:
            described["retry_in_s"] = round(circuit.retry_in_s, 1)
        return described

    async def _ask_route(self, ask: _Ask[T], route: Route) -> T:
        """Return one route's answer, after one repair if it needs one."""
        reply, value = await self._send(ask, route, ask.request)
        _check_whole(ask, route, value)
        if isinstance(value, Complaint):
            # Some providers refuse an empty turn, so an empty answer is described, not shown.
            former = reply.text.strip()[:FORMER_CHARS] or "(nothing)"
            repair = replace(ask.request, former_answer=former, complaint=value.text)
            _, value = await self._send(ask, route, repair)
            _check_whole(ask, route, value)
        if isinstance(value, Complaint):
            raise MalformedOutput(ask.prompt.name, str(route), value.text)
        return value

    async def _send(self, ask: _Ask[T], route: Route, request: ModelRequest) -> tuple[ModelReply, T | Complaint]:
        """Return a route's reply and what was read from it, after retries if they may help."""
        tried = 0
        while True:
            tried += 1
            try:
                return await self._send_once(ask, route, request)
            except StaleCredential:
                if tried == TRIES:
                    raise
                continue
            except ModelUnavailable as error:
                asked_s = error.retry_after_s or 0.0
                last = tried == TRIES or not self._circuits[route].passable
                if last or not error.retryable or asked_s > PATIENCE_S:
                    raise
            await self._sleep(max(asked_s, BACKOFF_S * 2 ** (tried - 1) * (0.5 + self._jitter())))

    async def _send_once(self, ask: _Ask[T], route: Route, request: ModelRequest) -> tuple[ModelReply, T | Complaint]:
        circuit = self._circuits[route]
        if not circuit.passable:
            raise _left_alone(route, circuit)
        async with self._gates[route.provider]:
            self._ledger.check()
            ticket = circuit.enter()
            if ticket is None:
                raise _left_alone(route, circuit)
            started = self._clock()
            try:
                reply = await self._complete(route, request)
            except ModelUnavailable as error:
                if isinstance(error, StaleCredential):
                    circuit.leave(ticket)
                else:
                    circuit.fail(ticket, error)
                spent = error.reply if isinstance(error, Spent) else None
                self._account(ask, route, started, "unavailable", spent, reason=error.reason)
                raise
            except BaseException:
                circuit.leave(ticket)
                raise
            circuit.succeed(ticket)
        value = parse_answer(reply.text, ask.output, items=ask.items, truncated=reply.truncated)
        outcome: Outcome = "ok" if request.complaint is None else "repaired"
        self._account(ask, route, started, "malformed" if isinstance(value, Complaint) else outcome, reply)
        return reply, value

    async def _complete(self, route: Route, request: ModelRequest) -> ModelReply:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._providers[route.provider].complete(route.model, request)
        except TimeoutError:
            advice = f"no answer within {self._timeout_s:g} s; raise KNOWTHREAD_MODEL_TIMEOUT_S if it needs longer"
            raise ModelUnavailable(route.provider, route.model, "timeout", advice) from None

    def _account(
        self,
        ask: _Ask[Any],
        route: Route,
        started: float,
        outcome: Outcome,
        reply: ModelReply | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        call = ModelCall(
            task=ask.task,
            model=str(route),
            outcome=outcome,
            input_tokens=reply.input_tokens if reply else 0,
            output_tokens=reply.output_tokens if reply else 0,
            cached_tokens=reply.cached_tokens if reply else 0,
            cost_usd=cost_usd(route, reply) if reply else None,
            latency_ms=(self._clock() - started) * 1000,
            reason=reason,
        )
        ask.calls.append(call)
        self._ledger.record(call)


def _check_whole(ask: _Ask[Any], route: Route, value: object) -> None:
    """Raise if the answer was cut off and the question can be asked in parts instead of being repaired."""
    if ask.divisible and isinstance(value, Complaint) and value.truncated:
        raise TruncatedOutput(ask.prompt.name, str(route), value.text)


def _left_alone(route: Route, circuit: Circuit) -> ModelUnavailable:
    """Return why a route is not asked."""
    if circuit.state == "off":
        advice = "the provider does not allow this use; choose another model and restart the service"
        return ModelUnavailable(route.provider, route.model, "forbidden", advice)
    cause = (circuit.reason or "server").replace("_", " ")
    advice = f"left alone for a while because it failed ({cause})"
    wait_s = max(1.0, circuit.retry_in_s or 0.0)
    return ModelUnavailable(route.provider, route.model, "open_circuit", advice, retry_after_s=wait_s)


def _most_telling(task: Task, failures: Sequence[ModelUnavailable | MalformedOutput]) -> ExtractionError:
    """Return the failure that best explains why no route gave a usable answer."""
    malformed = [failure for failure in failures if isinstance(failure, MalformedOutput)]
    if malformed:
        return malformed[-1]
    unavailable = [failure for failure in failures if isinstance(failure, ModelUnavailable)]
    if not unavailable:
        return ModelUnavailable("none", task, "not_configured", "no model is set for this task; set KNOWTHREAD_LLM")
    return min(unavailable, key=lambda error: (_TELLING.index(error.reason), error.retry_after_s or 0.0))
