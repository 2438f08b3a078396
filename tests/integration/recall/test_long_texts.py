"""A text longer than the model reads is found by whichever of its passages answers, however late that stands."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from tests.support.user import User

PROSE = (
    "The team met on Monday and went through the list of open tickets.",
    "Nobody had anything to add to the minutes of the week before.",
    "The new office has better light, but the lift is slow in the morning.",
    "Two of the interns asked for a second screen and were given one.",
    "The survey among customers goes out again at the end of the quarter.",
)
GERMAN = (
    "Die Gruppe traf sich am Montag und ging die Liste der offenen Punkte durch.",
    "Niemand hatte dem Protokoll der Vorwoche etwas hinzuzufügen.",
    "Das neue Büro ist heller, aber der Aufzug braucht am Morgen lange.",
    "Zwei Praktikanten wollten einen zweiten Bildschirm und bekamen ihn.",
)
CODE = (
    "def read_row(row):\n    return {name: value.strip() for name, value in row.items()}\n",
    "class Page:\n    def __init__(self, rows):\n        self.rows = rows\n        self.width = 80\n",
    "for page in pages:\n    if page.width > limit:\n        continue\n    total += page.width\n",
)
LINE = ('{"level":"info","path":"/health","status":200}', '{"level":"debug","cache":"hit","shard":7}')


def prose(answer: str, size: int) -> str:
    return _buried(PROSE, answer, size, " ")


def german(answer: str, size: int) -> str:
    return _buried(GERMAN, answer, size, " ")


def code(answer: str, size: int) -> str:
    return _buried(CODE, f"# {answer}\n", size, "\n")


def one_line(answer: str, size: int) -> str:
    return "[" + _buried(LINE, f'{{"level":"error","message":"{answer}"}}', size, ",") + "]"


def _buried(filler: tuple[str, ...], answer: str, size: int, joint: str) -> str:
    """Return a text of about so many characters with an answer near its end."""
    parts: list[str] = []
    for part in itertools.cycle(filler):
        if sum(map(len, parts)) > size:
            break
        parts.append(part)
    parts.insert(len(parts) * 9 // 10, answer)
    return joint.join(parts)


ENGLISH = {
    "The payment gateway drops idle connections after thirty seconds. Customers with a slow bank then see that their "
    "card was refused, although the money was taken.": "why do card transactions fail half way?",
    "The nightly backup of the photos goes to a warehouse in Norway. The copies are kept on tape there for seven "
    "years, and nobody may take one out alone.": "where are copies of pictures stored over night?",
    "The parser of invoices gives up on dates that are written with two digits for the year. It reads 24 as a day, "
    "so such invoices wait for a person.": "which bills must a human look at because of their date?",
}
AUF_DEUTSCH = {
    "Das Zahlungssystem trennt untätige Verbindungen nach dreißig Sekunden. Kunden mit langsamer Bank sehen dann, dass "
    "ihre Karte abgelehnt wurde.": "Warum wird eine Karte im Zahlungssystem abgelehnt?",
    "Die nächtliche Sicherung der Fotos liegt in einem Lagerhaus in Norwegen. Die Bänder werden dort sieben Jahre "
    "aufbewahrt.": "Wo werden die Bänder mit den Fotos aufbewahrt?",
    "Der Parser für Rechnungen scheitert an Jahreszahlen mit nur zwei Ziffern. Solche Rechnungen liest dann ein "
    "Mensch.": "Welche Rechnungen kann der Parser nicht lesen?",
}


@pytest.mark.parametrize(
    ("form", "size", "said"),
    [
        (prose, 2_000, ENGLISH),
        (prose, 8_000, ENGLISH),
        pytest.param(prose, 20_000, ENGLISH, marks=pytest.mark.soak),
        (german, 8_000, AUF_DEUTSCH),
        pytest.param(german, 12_000, AUF_DEUTSCH, marks=pytest.mark.soak),
        (code, 6_000, ENGLISH),
        pytest.param(code, 20_000, ENGLISH, marks=pytest.mark.soak),
        (one_line, 5_000, ENGLISH),
        pytest.param(one_line, 20_000, ENGLISH, marks=pytest.mark.soak),
    ],
)
async def test_an_answer_that_stands_late_in_a_long_text_is_found_and_near(
    user: User, form: Callable[[str, int], str], size: int, said: dict[str, str]
) -> None:
    held = {answer: (await user.add(form(answer, size), wait=True)).id for answer in said}
    for answer, question in said.items():
        found = (await user.search(question, explain=True))["results"]
        best = found[0]
        assert best["id"] == held[answer], question
        assert best["explain"]["ranks"]["text"] == 1, question
        others = max(hit["similarity"] for hit in found[1:])
        assert best["similarity"] > others + 0.05, question
        alone = await user.search(question, threshold=(best["similarity"] + others) / 2)
        assert [hit["id"] for hit in alone["results"]] == [held[answer]]


async def test_a_short_note_is_found_before_long_texts_about_something_else(user: User) -> None:
    notes = [(await user.add(answer, wait=True)).id for answer in ENGLISH]
    for number in range(4):
        await user.add(prose(f"The plants of floor {number} are watered on Fridays", 6_000 + number), wait=True)
    for uuid, question in zip(notes, ENGLISH.values(), strict=True):
        assert (await user.search(question))["results"][0]["id"] == uuid, question
