"""How likely a new fact replaces a standing one: the order of likeness, and the bar."""

import pytest

from kg.recall.to_settle_ranking import BAR, Said, score


def test_alike_subjects_count_more_than_equal_objects():
    new = Said("The dispatch service uses Kafka now", "USES", "dispatch service", "Kafka")
    same_thing = Said("dispatch uses Redis Streams", "USES", "dispatch", "Redis Streams")
    other_thing = Said("The ledger service uses Kafka", "USES", "ledger", "Kafka")
    assert score(new, same_thing, 0.5) > BAR > score(new, other_thing, 0.7)


@pytest.mark.parametrize(
    ("subject", "other"), [("linting", "linter"), ("PDFs", "PDF export"), ("session storage", "sessions")]
)
def test_subjects_are_alike_that_begin_alike(subject: str, other: str):
    new, old = Said(f"{subject} moved", "MOVED_TO", subject, "x"), Said(f"{other} stays", "STAYS_AT", other, "y")
    assert score(new, old, 0.5) > score(new, Said("else stays", "STAYS_AT", "something else", "y"), 0.5)


def test_what_tells_of_a_change_is_likelier_to_replace():
    old = Said("We deploy on Fridays", "RELATES_TO")
    assert score(Said("We no longer deploy on Fridays", "RELATES_TO"), old, 0.8) > score(
        Said("We often deploy on Fridays", "RELATES_TO"), old, 0.8
    )


def test_another_holder_of_one_thing_is_likelier_than_the_words_say():
    new = Said("Priya took over", "LEADS", "Priya", "search rewrite")
    old = Said("The rewrite is run by Jonas", "LEADS", "Jonas", "search rewrite")
    assert score(new, old, 0.6, held=True) > BAR > score(new, old, 0.6)
