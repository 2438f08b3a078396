"""Have a model find facts and noise in notes and messages: one request for a note, more if it does not fit one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from extract.prompts.answers import Asks, ExtractOutput
from extract.prompts.load import RenderedPrompt, data, load_prompt
from extract.prompts.parse import TruncatedOutput
from extract.prompts.tags import lines, tag
from extract.tasks.fact_reader import FactReader
from extract.tasks.passages import Passage, group_passages, halved
from kg.errors import ExtractionError
from kg.model_values import Extraction, ExtractionRequest, ModelCall, ModelWork, Turn

EARLIER_CHARS = 4_000
"""Most characters of earlier turns that are sent as context."""


class ModelExtractor:
    """A ``FactExtractor`` that asks a model."""

    def __init__(self, router: Asks) -> None:
        self._router = router

    async def extract(self, request: ExtractionRequest) -> Extraction:
        """Return the facts of one or more turns, and which turns are noise.

        Turns that fit one passage together go into one request. A longer turn takes several, each with the text before
        it as context. If a model's answer is cut off, its question is asked again in halves. Either every part is
        answered, or nothing is returned.

        Raises:
            ExtractionError: a request was not answered; ``calls`` holds all that were made.
        """
        reader = FactReader()
        works: list[ModelWork] = []
        calls: list[ModelCall] = []
        earlier = list(request.earlier)
        waiting = deque(group_passages([turn.text for turn in request.turns]))
        while waiting:
            group = waiting.popleft()
            halves = halved(group)
            try:
                answer = await self._router.ask(
                    "extract",
                    _rendered(request, earlier, group),
                    ExtractOutput,
                    items=len(group),
                    divisible=bool(halves),
                )
            except ExtractionError as error:
                calls += error.calls
                if not halves or not isinstance(error, TruncatedOutput):
                    error.calls = tuple(calls)
                    raise
                waiting.extendleft(reversed(halves))
                continue
            works.append(answer.work)
            calls += answer.work.calls
            reader.read(answer.value, [passage.turn for passage in group])
            earlier.extend(_as_turn(request, passage) for passage in group)
        return Extraction(reader.facts, reader.noise, _joined(works, calls), tuple(reader.dropped))


def _rendered(request: ExtractionRequest, earlier: Sequence[Turn], group: Sequence[Passage]) -> RenderedPrompt:
    return load_prompt("extract").render(
        occurred_at=_moment(request.occurred_at),
        project=data(request.project) if request.project else "none",
        known_names=lines(data(name) for name in request.known_names),
        earlier=lines(tag("turn", turn.text, role=turn.role, speaker=turn.speaker) for turn in _last(earlier)),
        turns=lines(_numbered(number, request, passage) for number, passage in enumerate(group, start=1)),
    )


def _moment(instant: datetime) -> str:
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%d %H:%M} UTC ({instant:%A})"


def _as_turn(request: ExtractionRequest, passage: Passage) -> Turn:
    turn = request.turns[passage.turn]
    return Turn(passage.text, turn.role, turn.speaker)


def _numbered(number: int, request: ExtractionRequest, passage: Passage) -> str:
    turn = request.turns[passage.turn]
    return tag("turn", passage.text, n=str(number), role=turn.role, speaker=turn.speaker)


def _last(turns: Sequence[Turn]) -> list[Turn]:
    """Return as many last turns as the context allows; the first of them may lack its beginning."""
    kept: list[Turn] = []
    room = EARLIER_CHARS
    for turn in reversed(turns):
        if room <= 0:
            break
        cut = turn.text if len(turn.text) <= room else "…" + turn.text[len(turn.text) - room + 1 :]
        kept.append(Turn(cut, turn.role, turn.speaker))
        room -= len(cut)
    return kept[::-1]


def _joined(works: Sequence[ModelWork], calls: Sequence[ModelCall]) -> ModelWork:
    """Return several requests as one piece of work that names every model that answered."""
    models = ", ".join(dict.fromkeys(work.model for work in works))
    return ModelWork(models, works[0].prompt, works[0].prompt_hash, tuple(calls))
