"""Facts and noise of notes and messages, by a model: one request for a plain note, more only for what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from extract.outputs import Asks, ExtractOutput, Reader
from extract.passages import Passage, group_passages
from extract.prompting import data, load_prompt
from extract.tagging import lines, tag
from kg.errors import ExtractionError
from kg.reading import Extraction, ModelCall, ModelWork, Reading, Turn

EARLIER_CHARS = 4_000
"""Most characters of context from before the turns that are asked about."""


class ModelExtractor:
    """A ``FactExtractor`` that asks a model."""

    def __init__(self, router: Asks) -> None:
        self._router = router

    async def extract(self, reading: Reading) -> Extraction:
        """Return the facts of the turns and which turns are noise; one turn at least is to be given.

        Turns are asked about together as long as they fit into one passage, a longer one in several requests, each
        with what comes before as context. Either every request is answered, or nothing is returned.

        Raises:
            ExtractionError: a request was not answered; ``calls`` holds all that were made.
        """
        reader = Reader()
        works: list[ModelWork] = []
        earlier = list(reading.earlier)
        prompt = load_prompt("extract")
        for group in group_passages([turn.text for turn in reading.turns]):
            rendered = prompt.render(
                occurred_at=_moment(reading.occurred_at),
                project=data(reading.project) if reading.project else "none",
                known_names=lines(data(name) for name in reading.known_names),
                earlier=lines(tag("turn", turn.text, role=turn.role, speaker=turn.speaker) for turn in _last(earlier)),
                turns=lines(_numbered(number, reading, passage) for number, passage in enumerate(group, start=1)),
            )
            try:
                answer = await self._router.ask("extract", rendered, ExtractOutput)
            except ExtractionError as error:
                error.calls = (*_calls(works), *error.calls)
                raise
            works.append(answer.work)
            reader.read(answer.value, [passage.turn for passage in group])
            earlier.extend(_as_turn(reading, passage) for passage in group)
        return Extraction(reader.facts, reader.noise, _joined(works), tuple(reader.dropped))


def _moment(instant: datetime) -> str:
    instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%d %H:%M} UTC ({instant:%A})"


def _as_turn(reading: Reading, passage: Passage) -> Turn:
    turn = reading.turns[passage.turn]
    return Turn(passage.text, turn.role, turn.speaker)


def _numbered(number: int, reading: Reading, passage: Passage) -> str:
    turn = reading.turns[passage.turn]
    return tag("turn", passage.text, n=str(number), role=turn.role, speaker=turn.speaker)


def _last(turns: Sequence[Turn]) -> list[Turn]:
    """Return the last turns within the limit of context; the first of them may lack its beginning."""
    kept: list[Turn] = []
    room = EARLIER_CHARS
    for turn in reversed(turns):
        if room <= 0:
            break
        cut = turn.text if len(turn.text) <= room else "…" + turn.text[len(turn.text) - room + 1 :]
        kept.append(Turn(cut, turn.role, turn.speaker))
        room -= len(cut)
    return kept[::-1]


def _calls(works: Sequence[ModelWork]) -> tuple[ModelCall, ...]:
    return tuple(call for work in works for call in work.calls)


def _joined(works: Sequence[ModelWork]) -> ModelWork:
    """Return several requests as one piece of work; where different models answered, each is named."""
    models = ", ".join(dict.fromkeys(work.model for work in works))
    return ModelWork(models, works[0].prompt, works[0].prompt_hash, _calls(works))
