"""The forms of models' answers, with their checks. Pure: no model, no store.

A form is lenient if nothing is lost by it: an unknown kind becomes Thing, a surplus key is ignored. It is strict if
something would be lost: if an item has no answer, the whole answer is malformed, and the model is asked to repair it.
No complaint quotes a memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, model_validator

from extract.prompts.load import RenderedPrompt
from kg.facts.predicates import FALLBACK, THING, EntityKind, find_kind
from kg.model_values import ModelWork, Relation, Task

MAX_REASON_CHARS = 300
_TURN = "number of the turn"
_ITEM = "number of the pair"

Output = TypeVar("Output", bound=BaseModel)
Output_co = TypeVar("Output_co", bound=BaseModel, covariant=True)


class Answer(Protocol[Output_co]):
    """An answer that fits its schema, and what it took to get it."""

    @property
    def value(self) -> Output_co:
        """The answer."""
        ...

    @property
    def work(self) -> ModelWork:
        """Prompt, model and every request made."""
        ...


class Asks(Protocol):
    """What the tasks need of a router: one question, one checked answer."""

    async def ask(
        self,
        task: Task,
        prompt: RenderedPrompt,
        output: type[Output],
        *,
        items: int = 1,
        max_output_tokens: int = 8192,
        divisible: bool = False,
    ) -> Answer[Output]:
        """Return a model's answer.

        Args:
            task: the task whose routes are asked.
            prompt: the question.
            output: the form of the answer.
            items: how many turns, pairs or memories it is about, numbered from 1.
            max_output_tokens: longest answer.
            divisible: whether the question can be asked in parts; if so, an answer that was cut off is not repaired.

        Raises:
            TruncatedOutput: a divisible question's answer was cut off.
            ExtractionError: no route gave a usable one.
        """
        ...


def _as_kind(value: object) -> object:
    """Return a kind in its own spelling, or Thing if there is no such kind."""
    return find_kind(str(value)) or THING


def _as_predicate(value: object) -> object:
    return FALLBACK if value is None else value


def _as_relation(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else value


def _as_words(value: object) -> object:
    """Return a number or truth value as words: models write versions and ports as numbers."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _as_list(value: object) -> object:
    """Return an absent list as an empty one."""
    return [] if value is None else value


_Words = Annotated[str | None, BeforeValidator(_as_words)]
_Kind = Annotated[EntityKind, BeforeValidator(_as_kind)]


class NoisyTurn(BaseModel):
    """A turn with nothing to remember."""

    turn: int = Field(description=_TURN)
    reason: str


class StatedFact(BaseModel):
    """One claim of one turn."""

    turn: int = Field(description=_TURN)
    statement: str
    subject: _Words = None
    subject_kind: _Kind = "Thing"
    predicate: Annotated[str, BeforeValidator(_as_predicate)] = FALLBACK
    object: _Words = None
    object_kind: _Kind = "Thing"
    because: _Words = None
    revisit_when: _Words = None
    valid_at: _Words = None
    invalid_at: _Words = None


class ExtractOutput(BaseModel):
    """What some turns state."""

    noise: Annotated[list[NoisyTurn], BeforeValidator(_as_list)] = Field(default_factory=list[NoisyTurn])
    facts: list[StatedFact]

    @model_validator(mode="after")
    def _known(self, info: ValidationInfo) -> ExtractOutput:
        expected = _items(info)
        turns = sorted({item.turn for item in (*self.noise, *self.facts)})
        wrong = [turn for turn in turns if not 1 <= turn <= expected]
        if wrong and expected > 1:  # with a single turn, any number means that one
            told = ", ".join(map(str, wrong[:10]))
            raise ValueError(f"turn must be one of the numbers 1 to {expected} that the turns have, not {told}")
        return self


class RulingItem(BaseModel):
    """What becomes of one earlier statement."""

    item: int = Field(description=_ITEM)
    reasoning: str
    relation: Annotated[Relation, BeforeValidator(_as_relation)]
    reason: str


class VerdictItem(BaseModel):
    """Whether two names mean one thing."""

    item: int = Field(description=_ITEM)
    reason: str
    same: bool


class RulingsOutput(BaseModel):
    """One ruling for each pair."""

    rulings: list[RulingItem]

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> RulingsOutput:
        _check_items("rulings", [ruling.item for ruling in self.rulings], _items(info))
        return self


class VerdictsOutput(BaseModel):
    """One verdict for each pair."""

    verdicts: list[VerdictItem]

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> VerdictsOutput:
        _check_items("verdicts", [verdict.item for verdict in self.verdicts], _items(info))
        return self


class OrderOutput(BaseModel):
    """Numbers of some memories, the best first."""

    order: list[int]

    @model_validator(mode="after")
    def _known(self, info: ValidationInfo) -> OrderOutput:
        expected = _items(info)
        if not set(self.order) <= set(range(1, expected + 1)) or len(set(self.order)) < len(self.order):
            raise ValueError(f"order must hold numbers from 1 to {expected}, each at most once")
        return self


def _items(info: ValidationInfo) -> int:
    """Return how many items were asked about, which ``parse_answer`` hands to the validation; 1 where nobody says."""
    return 1 if info.context is None else cast("int", info.context)


def _check_items(field_name: str, items: Sequence[int], expected: int) -> None:
    wanted = set(range(1, expected + 1))
    faults = {
        "missing": sorted(wanted.difference(items)),
        "not asked for": sorted(set(items) - wanted),
        "answered twice": sorted({item for item in items if items.count(item) > 1}),
    }
    told = "; ".join(f"{fault}: {', '.join(map(str, found[:10]))}" for fault, found in faults.items() if found)
    if told:
        raise ValueError(f"{field_name} must hold exactly one item for each pair 1 to {expected}; {told}")


def one_line(text: str) -> str:
    """Return a model's words as one line that can be stored, at most ``MAX_REASON_CHARS`` characters."""
    line = " ".join(text.replace("\0", " ").split())
    return line if len(line) <= MAX_REASON_CHARS else line[: MAX_REASON_CHARS - 1] + "…"
