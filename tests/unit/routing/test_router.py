"""The router on scripted providers, with a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from extract.prompts.load import RenderedPrompt
from extract.prompts.parse import TruncatedOutput
from extract.providers.base import ModelReply, ModelRequest, Route, Spent, StaleCredential
from extract.providers.failures import UNTIL_PAID_S
from extract.routing.ledger import Ledger
from extract.routing.router import FORMER_CHARS, Router
from kg.errors import BudgetExceeded, ConfigurationError, ExtractionError, MalformedOutput, ModelUnavailable
from kg.model_values import ModelCall

PROMPT = RenderedPrompt("extract", "abc123", "instructions", "<turns>a memory</turns>")
ROUTES = {
    "ollama": Route("ollama", "qwen3:14b"),
    "anthropic": Route("anthropic", "claude-haiku-5-5"),
    "claude-code": Route("claude-code", "claude-haiku-5-5"),
}


class Note(BaseModel):
    size: int


GOOD = ModelReply('{"size": 1}', 1000, 100, 400)
BAD = ModelReply('{"size": "SECRET"}', 1000, 100)


def unavailable(reason, retry_after_s: float | None = None) -> ModelUnavailable:
    return ModelUnavailable("any", "model", reason, "advice", retry_after_s=retry_after_s)


class Scripted:
    """A provider that answers from a list, one step for each request, the last one for ever.

    A step is a reply, an error to raise, or an event to wait for before a good answer.
    """

    def __init__(self, name: str, *steps: ModelReply | Exception | asyncio.Event) -> None:
        self.name = name
        self.steps = list(steps)
        self.requests: list[ModelRequest] = []
        self.models: list[str] = []
        self.at_work = 0
        self.most_at_work = 0

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        self.models.append(model)
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await asyncio.sleep(0)  # as any real request, it lets others go on
            if isinstance(step, asyncio.Event):
                await step.wait()
                return GOOD
            if isinstance(step, Exception):
                raise step
            return step
        finally:
            self.at_work -= 1

    async def close(self) -> None: ...


class Day:
    def now(self) -> datetime:
        return datetime(2026, 5, 1, tzinfo=UTC)


class Stand:
    """A router whose only task asks the given providers in order."""

    def __init__(
        self, *providers: Scripted, daily_tokens: int = 0, timeout_s: float = 60, concurrency: int = 4
    ) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.ledger = Ledger(daily_tokens, Day())
        self.router = Router(
            {"extract": [ROUTES[provider.name] for provider in providers]},
            {provider.name: provider for provider in providers},
            self.ledger,
            timeout_s=timeout_s,
            concurrency={provider.name: concurrency for provider in providers},
            clock=lambda: self.now,
            sleep=self.sleep,
            jitter=lambda: 0.5,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def ask(self, **more: int):
        return await self.router.ask("extract", PROMPT, Note, **more)

    async def fail(self) -> ExtractionError:
        with pytest.raises(ExtractionError) as raised:
            await self.ask()
        return raised.value

    def states(self) -> list[str]:
        return [route["state"] for route in self.router.describe()["extract"]]


def outcomes(calls: Sequence[ModelCall]) -> list[tuple[str, str]]:
    """Provider, and outcome or the reason why there was none."""
    return [(call.model.partition(":")[0], call.reason or call.outcome) for call in calls]


async def until_at_work(provider: Scripted, number: int) -> None:
    while provider.at_work < number:
        await asyncio.sleep(0)


async def test_a_usable_answer_takes_one_request_that_holds_the_prompt_and_the_schema():
    provider = Scripted("anthropic", GOOD)
    stand = Stand(provider)
    asked = await stand.ask(max_output_tokens=500)
    assert asked.value == Note(size=1)
    assert (asked.work.model, asked.work.prompt) == ("anthropic:claude-haiku-5-5", "extract")
    assert asked.work.prompt_hash == "abc123"
    (request,) = provider.requests
    assert (request.system, request.user) == ("instructions", "<turns>a memory</turns>")
    assert (request.schema_name, request.schema["required"]) == ("Note", ["size"])
    assert (request.max_output_tokens, request.timeout_s, request.complaint) == (500, 60, None)
    assert provider.models == ["claude-haiku-5-5"]


async def test_every_call_is_accounted_with_tokens_cost_and_latency():
    stand = Stand(Scripted("anthropic", GOOD))
    (call,) = (await stand.ask()).work.calls
    assert (call.task, call.outcome, call.latency_ms) == ("extract", "ok", 0.0)
    assert (call.input_tokens, call.output_tokens, call.cached_tokens) == (1000, 100, 400)
    assert call.cost_usd == pytest.approx((600 * 0.1 + 400 * 0.01 + 100 * 0.5) / 1e6)
    assert stand.ledger.snapshot().tokens_today == 1100


async def test_what_may_pass_by_itself_is_tried_three_times_with_growing_waits():
    stand = Stand(Scripted("ollama", unavailable("server"), unavailable("connection"), GOOD))
    asked = await stand.ask()
    assert outcomes(asked.work.calls) == [("ollama", "server"), ("ollama", "connection"), ("ollama", "ok")]
    assert stand.slept == [0.5, 1.0]
    assert stand.states() == ["ok"]


async def test_a_short_wait_that_the_provider_asks_for_is_kept():
    stand = Stand(Scripted("ollama", unavailable("quota", 7.0), GOOD))
    await stand.ask()
    assert stand.slept == [7.0]


async def test_a_long_wait_that_the_provider_asks_for_is_left_to_the_next_route():
    stand = Stand(Scripted("anthropic", unavailable("quota", 45.0)), Scripted("ollama", GOOD))
    assert (await stand.ask()).work.model == "ollama:qwen3:14b"
    assert stand.slept == []
    assert stand.router.describe()["extract"] == [
        {"model": "anthropic:claude-haiku-5-5", "state": "open", "reason": "quota", "retry_in_s": 45.0},
        {"model": "ollama:qwen3:14b", "state": "ok"},
    ]


@pytest.mark.parametrize("reason", ["auth", "forbidden", "missing_model", "not_configured", "bad_request"])
async def test_what_waiting_does_not_cure_goes_to_the_next_route_at_once(reason):
    first = Scripted("anthropic", unavailable(reason))
    stand = Stand(first, Scripted("ollama", GOOD))
    asked = await stand.ask()
    assert outcomes(asked.work.calls) == [("anthropic", reason), ("ollama", "ok")]
    assert stand.slept == []


async def test_a_route_that_fails_three_times_is_left_alone_and_probed_later():
    first = Scripted("anthropic", *[unavailable("overloaded")] * 3, GOOD)
    stand = Stand(first, Scripted("ollama", GOOD))
    await stand.ask()
    assert stand.states() == ["open", "ok"]
    assert outcomes((await stand.ask()).work.calls) == [("ollama", "ok")]
    stand.now += 30
    assert outcomes((await stand.ask()).work.calls) == [("anthropic", "ok")]
    assert stand.states() == ["ok", "ok"]


async def test_while_one_request_probes_others_take_the_next_route():
    answering = asyncio.Event()
    first = Scripted("anthropic", *[unavailable("server")] * 3, answering)
    stand = Stand(first, Scripted("ollama", GOOD))
    await stand.ask()
    stand.now += 30
    probe = asyncio.create_task(stand.ask())
    await until_at_work(first, 1)
    assert (await stand.ask()).work.model == "ollama:qwen3:14b"
    answering.set()
    assert (await probe).work.model == "anthropic:claude-haiku-5-5"


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_neither_retries_nor_waiting_requests_go_to_a_route_that_others_found_dead(concurrency):
    first = Scripted("anthropic", unavailable("server"))
    stand = Stand(first, Scripted("ollama", GOOD), concurrency=concurrency)
    answers = await asyncio.gather(*(stand.ask() for _ in range(5)))
    assert {asked.work.model for asked in answers} == {"ollama:qwen3:14b"}
    assert 3 <= len(first.requests) <= 2 + concurrency


async def test_an_answer_out_of_form_gets_one_chance_to_be_repaired():
    provider = Scripted("ollama", BAD, GOOD)
    asked = await Stand(provider).ask()
    assert outcomes(asked.work.calls) == [("ollama", "malformed"), ("ollama", "repaired")]
    repair = provider.requests[1]
    assert (repair.user, repair.former_answer) == (PROMPT.user, BAD.text)
    assert repair.complaint is not None
    assert "size: Input should be a valid integer" in repair.complaint
    assert "SECRET" not in repair.complaint


@pytest.mark.parametrize(
    ("text", "shown"), [("", "(nothing)"), (" \n", "(nothing)"), ("x" * 50_000, "x" * FORMER_CHARS)]
)
async def test_a_repair_shows_an_answer_that_every_provider_takes(text, shown):
    provider = Scripted("anthropic", ModelReply(text), GOOD)
    await Stand(provider).ask()
    assert provider.requests[1].former_answer == shown


async def test_a_cut_answer_is_asked_for_in_fewer_words():
    provider = Scripted("ollama", ModelReply('{"size": ', truncated=True), GOOD)
    await Stand(provider).ask()
    assert provider.requests[1].complaint is not None
    assert "too long" in provider.requests[1].complaint


async def test_a_cut_answer_to_a_question_that_has_parts_is_not_asked_for_again():
    cut, spare = Scripted("ollama", ModelReply('{"size": ', truncated=True)), Scripted("anthropic", GOOD)
    with pytest.raises(TruncatedOutput) as caught:
        await Stand(cut, spare).ask(divisible=True)
    assert outcomes(caught.value.calls) == [("ollama", "malformed")] and spare.requests == []


async def test_a_repair_turn_is_retried_like_any_request():
    asked = await Stand(Scripted("ollama", BAD, unavailable("server"), GOOD)).ask()
    assert outcomes(asked.work.calls) == [("ollama", "malformed"), ("ollama", "server"), ("ollama", "repaired")]


async def test_a_route_that_cannot_keep_the_form_gives_way_to_the_next():
    asked = await Stand(Scripted("ollama", BAD), Scripted("anthropic", GOOD)).ask()
    assert outcomes(asked.work.calls) == [("ollama", "malformed"), ("ollama", "malformed"), ("anthropic", "ok")]


@pytest.mark.parametrize("second", [BAD, unavailable("auth")])
async def test_without_a_usable_answer_the_error_names_the_form_and_carries_the_calls_but_no_text(second):
    error = await Stand(Scripted("ollama", BAD), Scripted("anthropic", second)).fail()
    assert isinstance(error, MalformedOutput)
    assert error.prompt == "extract"
    assert outcomes(error.calls)[:2] == [("ollama", "malformed"), ("ollama", "malformed")]
    assert sum(call.input_tokens for call in error.calls) >= 2000
    chain: BaseException | None = error
    while chain is not None:
        assert "SECRET" not in repr(chain) + str(chain)
        chain = chain.__cause__ or chain.__context__


async def test_a_provider_that_never_answers_is_given_up_after_the_time_limit():
    stand = Stand(Scripted("ollama", asyncio.Event()), timeout_s=0.01)
    error = await stand.fail()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "timeout"
    assert "KNOWTHREAD_MODEL_TIMEOUT_S" in str(error)
    assert outcomes(error.calls) == [("ollama", "timeout")] * 3


async def test_a_model_that_declines_is_accounted_with_what_it_took_and_the_route_stays():
    declined = Spent("any", "model", "bad_request", "advice", ModelReply("", 1000, 50, 400))
    stand = Stand(Scripted("anthropic", declined))
    for _ in range(4):
        error = await stand.fail()
        assert isinstance(error, ModelUnavailable) and error.reason == "bad_request"
    (call,) = error.calls
    assert (call.outcome, call.input_tokens, call.output_tokens, call.cached_tokens) == ("unavailable", 1000, 50, 400)
    assert call.cost_usd == pytest.approx((600 * 0.1 + 400 * 0.01 + 50 * 0.5) / 1e6)
    assert stand.ledger.snapshot().tokens_today == 4 * 1050
    assert stand.states() == ["ok"]


async def test_a_credential_that_was_renewed_is_used_at_once_and_both_requests_are_accounted():
    stand = Stand(Scripted("anthropic", StaleCredential("any", "model", "auth", "advice"), GOOD))
    asked = await stand.ask()
    assert outcomes(asked.work.calls) == [("anthropic", "auth"), ("anthropic", "ok")]
    assert (stand.slept, stand.states()) == ([], ["ok"])


async def test_credentials_that_are_refused_one_after_the_other_come_to_an_end():
    provider = Scripted("anthropic", StaleCredential("any", "model", "auth", "advice"))
    error = await Stand(provider).fail()
    assert isinstance(error, ModelUnavailable) and error.reason == "auth"
    assert len(provider.requests) == 3


async def test_a_spent_balance_is_not_asked_again_and_again():
    provider = Scripted("claude-code", unavailable("quota", UNTIL_PAID_S))
    stand = Stand(provider)
    await stand.fail()
    assert (len(provider.requests), stand.states()) == (1, ["open"])


async def test_cancelling_passes_through_and_is_no_failure():
    provider = Scripted("ollama", asyncio.Event())
    stand = Stand(provider)
    for _ in range(4):
        task = asyncio.create_task(stand.ask())
        await until_at_work(provider, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stand.states() == ["ok"]
    assert len(provider.requests) == 4
    assert stand.ledger.snapshot().tallies == ()


@pytest.mark.parametrize("end", ["cancelled", "broken"])
async def test_a_probe_that_ends_without_an_answer_leaves_room_for_the_next(end):
    step = asyncio.Event() if end == "cancelled" else RuntimeError("a bug")
    provider = Scripted("ollama", *[unavailable("server")] * 3, step, GOOD)
    stand = Stand(provider)
    await stand.fail()
    stand.now += 30
    task = asyncio.create_task(stand.ask())
    if end == "cancelled":
        await until_at_work(provider, 1)
        task.cancel()
    with pytest.raises((asyncio.CancelledError, RuntimeError)):
        await task
    assert (await stand.ask()).value == Note(size=1)


async def test_no_more_requests_than_allowed_are_at_work_at_a_provider():
    answering = asyncio.Event()
    provider = Scripted("ollama", answering)
    stand = Stand(provider, concurrency=2)
    tasks = [asyncio.create_task(stand.ask()) for _ in range(10)]
    await until_at_work(provider, 2)
    answering.set()
    await asyncio.gather(*tasks)
    assert (provider.most_at_work, len(provider.requests)) == (2, 10)


async def test_nothing_is_asked_when_the_days_tokens_are_spent():
    provider = Scripted("ollama", GOOD)
    stand = Stand(provider, daily_tokens=1100)
    await stand.ask()
    error = await stand.fail()
    assert isinstance(error, BudgetExceeded)
    assert error.calls == ()
    assert len(provider.requests) == 1


async def test_tokens_that_ran_out_before_the_repair_are_accounted():
    error = await Stand(Scripted("ollama", BAD), daily_tokens=1).fail()
    assert isinstance(error, BudgetExceeded)
    assert outcomes(error.calls) == [("ollama", "malformed")]


async def test_when_all_routes_are_left_alone_the_error_says_when_the_first_may_be_asked():
    stand = Stand(Scripted("anthropic", unavailable("auth")), Scripted("ollama", unavailable("server")))
    await stand.fail()
    error = await stand.fail()
    assert isinstance(error, ModelUnavailable)
    assert (error.provider, error.reason, error.retry_after_s) == ("ollama", "open_circuit", 30.0)
    assert "(server)" in str(error)
    assert error.calls == ()


async def test_a_use_that_the_provider_forbids_turns_the_route_off_and_keeps_its_reason():
    provider = Scripted("anthropic", unavailable("forbidden"))
    stand = Stand(provider)
    for _ in range(2):
        error = await stand.fail()
        assert isinstance(error, ModelUnavailable)
        assert (error.reason, error.retry_after_s) == ("forbidden", None)
        stand.now += 1e6
    assert len(provider.requests) == 1
    assert stand.router.describe()["extract"] == [
        {"model": "anthropic:claude-haiku-5-5", "state": "off", "reason": "forbidden"}
    ]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("auth", "connection", "connection"),
        ("timeout", "missing_model", "timeout"),
        ("bad_request", "auth", "auth"),
        ("not_configured", "missing_model", "missing_model"),
    ],
)
async def test_the_failure_that_may_pass_or_be_mended_is_told_rather_than_the_last(first, second, told):
    stand = Stand(Scripted("anthropic", unavailable(first)), Scripted("ollama", unavailable(second)))
    error = await stand.fail()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == told


async def test_a_task_without_a_model_says_so():
    with pytest.raises(ModelUnavailable, match="no model is set for this task; set KNOWTHREAD_LLM") as raised:
        await Stand(Scripted("ollama", GOOD)).router.ask("resolve", PROMPT, Note)
    assert raised.value.reason == "not_configured"


def test_a_route_without_a_provider_is_refused_at_the_start():
    with pytest.raises(ConfigurationError, match=r"KNOWTHREAD_RESOLVE_MODELS: gemini:flash .* one of \['ollama'\]"):
        Router(
            {"resolve": [Route("gemini", "flash")]},
            {"ollama": Scripted("ollama", GOOD)},
            Ledger(0, Day()),
            timeout_s=1,
            concurrency={"ollama": 1},
        )
