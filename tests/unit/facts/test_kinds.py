import pytest

from bench.kinds import gold, measure
from kg.facts.kinds import kind_of

NAMES = list(gold())


def test_the_set_is_large_and_divided_in_halves():
    held_out = [one for one in NAMES if one.held_out]
    assert len(NAMES) >= 200 and 0.4 < len(held_out) / len(NAMES) < 0.6
    assert len({(one.name, one.predicate, one.side) for one in NAMES}) == len(NAMES)


@pytest.mark.parametrize("held_out", [False, True])
def test_kinds_that_are_given_are_right_and_most_names_get_one(held_out):
    figures = measure([one for one in NAMES if one.held_out is held_out])
    assert figures.right_share >= 0.95 and figures.given_share >= 0.7


@pytest.mark.parametrize("predicate", ["USES", "CAUSED_BY", "WORKS_ON", "HAS_CONVENTION", "KNOWS", "SAW"])
@pytest.mark.parametrize(
    ("name", "kind"), [("Jest", "Tool"), ("Kong", "Tool"), ("Stripe", "Service"), ("the user", "Person")]
)
def test_a_known_name_is_of_its_kind_wherever_it_stands(name, kind, predicate):
    assert kind_of(name, predicate, "object") == kind_of(name, predicate, "subject") == kind


@pytest.mark.parametrize(
    ("name", "predicate", "side", "kind"),
    [
        ("express", "AVOIDS", "object", "Thing"),  # the plain word, not the product
        ("Express", "AVOIDS", "object", "Tool"),
        ("Quixo", "USES", "object", "Tool"),  # nobody has heard of it, but it is used and written as products are
        ("quixo", "USES", "object", "Thing"),
        ("Quixo", "CAUSED_BY", "object", "Thing"),
        ("shop prefers", "SAW", "subject", "Thing"),
        ("our lock table", "CAUSED_BY", "object", "Concept"),
        ("a/b.py", "USES", "object", "File"),
        ("acme/shop", "USES", "subject", "Project"),
        ("_", "USES", "object", "Thing"),
        ("", "USES", "object", "Thing"),
    ],
)
def test_the_place_in_a_fact_counts_for_names_that_could_be_of_its_kind(name, predicate, side, kind):
    assert kind_of(name, predicate, side) == kind
