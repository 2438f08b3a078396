from datetime import UTC, datetime

import pytest

from kg.errors import InvalidInput
from kg.facts.claims import claim_key, claim_scope, literal_key, object_is_entity
from kg.facts.parse import MAX_FACTS, parse_facts
from kg.facts.predicates import SINGLE_VALUED
from kg.values import Scope

UUID = "0b6f6f4e-6a2c-4d8e-9d0a-0d9b1a0c2f11"


def only(raw):
    parsed = parse_facts([raw])
    assert len(parsed.facts) == 1, parsed.skipped
    return parsed.facts[0]


def test_a_sentence_is_a_fact():
    fact = only("Redis was rejected for sessions")
    assert (fact.statement, fact.predicate, fact.subject, fact.object) == (
        "Redis was rejected for sessions", "RELATES_TO", None, None,
    )  # fmt: skip


def test_a_whole_fact_is_taken_over_in_full():
    fact = only(
        {
            "statement": "Redis was rejected", "subject": " sessions ", "predicate": "decided against",
            "object": "Redis", "subject_kind": "concept", "object_kind": "Tool", "because": "one more server",
            "revisit_when": "10k users", "valid_at": "2024-05", "invalid_at": "2025", "supersedes": UUID.upper(),
            "how": "corrected", "reason": "measured",
        }
    )  # fmt: skip
    assert (fact.subject, fact.predicate, fact.object) == ("sessions", "REJECTED", "Redis")
    assert (fact.subject_kind, fact.object_kind) == ("Concept", "Tool")
    assert (fact.because, fact.revisit_when, fact.reason) == ("one more server", "10k users", "measured")
    assert fact.valid_at == datetime(2024, 5, 1, tzinfo=UTC) and fact.invalid_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert (fact.supersedes, fact.how) == ((UUID,), "corrected")


def test_a_statement_is_made_of_its_parts_when_it_is_left_out():
    assert only({"subject": "Ada", "predicate": "WORKS_ON", "object": "shop"}).statement == "Ada works on shop"
    assert only({"subject": "Ada", "object": "shop"}).statement == "Ada relates to shop"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (7, "sentence"),
        ({}, "facts[0].statement"),
        ({"statement": " "}, "facts[0].statement"),
        ({"statement": "x" * 5000}, "4096"),
        ({"statement": "x", "subject": "!!!"}, "letter"),
        ({"statement": "x", "subject": "y" * 300}, "256"),
        ({"statement": "x", "subject": ["y"]}, "facts[0].subject"),
        ({"statement": "x", "predicate": 3}, "facts[0].predicate"),
        ({"statement": "x", "object": {"a": 1}}, "facts[0].object"),
        ({"statement": "x", "valid_at": "yesterday"}, "ISO 8601"),
        ({"statement": "x", "valid_at": "2024", "invalid_at": "2024"}, "after valid_at"),
        ({"statement": "x", "how": "replaced"}, "superseded"),
        ({"statement": "x", "supersedes": ["not an id"]}, "facts[0].supersedes[0]"),
        ({"statement": "x", "subject_kind": "Starship"}, "Person"),
        ({"statement": "lone \ud800"}, "surrogate"),
    ],
)
def test_an_unusable_fact_is_set_aside_with_its_reason_and_the_others_are_kept(raw, said):
    parsed = parse_facts(["before", raw, "after"])
    assert [fact.statement for fact in parsed.facts] == ["before", "after"]
    assert [skipped.index for skipped in parsed.skipped] == [1]
    assert said.replace("facts[0]", "facts[1]") in parsed.skipped[0].why


def test_unknown_keys_are_named_and_empty_ones_do_not_count():
    parsed = parse_facts([{"statement": "x", "confidence": 0.9, "subject": None, "valid_at": None}])
    assert len(parsed.facts) == 1 and "confidence" in parsed.warnings[0]


def test_numbers_and_truth_values_are_objects_as_text():
    assert [only({"statement": "x", "object": value}).object for value in (18, 1.5, True)] == ["18", "1.5", "true"]


def test_the_same_fact_is_superseded_once():
    assert only({"statement": "x", "supersedes": [UUID, UUID.upper()]}).supersedes == (UUID,)


@pytest.mark.parametrize("raw", ["a sentence", {"statement": "x"}, 3])
def test_facts_that_are_no_list_are_refused(raw):
    with pytest.raises(InvalidInput, match="facts"):
        parse_facts(raw)


def test_too_many_facts_are_refused_whole():
    assert len(parse_facts(["x"] * MAX_FACTS).facts) == MAX_FACTS
    with pytest.raises(InvalidInput, match="split"):
        parse_facts(["x"] * (MAX_FACTS + 1))


def test_no_facts_are_fine():
    assert parse_facts(None).facts == parse_facts([]).facts == ()


@pytest.mark.parametrize(
    ("predicate", "value", "entity"),
    [
        ("USES", "Redis", True),
        ("USES", "a/b.py", True),
        ("LIVES_IN", "東京", True),
        ("USES_VERSION", "Node", False),
        ("USES", "18.2", False),
        ("USES", "v18", False),
        ("USES", "viper", True),
        ("USES", "~3.1", False),
        ("USES", "$5", False),
        ("DECIDED", "to keep the sessions in Postgres until we have ten thousand users", False),
        ("DECIDED", "two\nlines", False),
        ("DECIDED", "x" * 81, False),
        ("USES", "!!", False),
    ],
)
def test_a_thing_with_a_name_is_an_entity_and_a_value_is_not(predicate, value, entity):
    assert object_is_entity(predicate, value) is entity


def test_a_claim_is_scoped_by_its_predicate():
    assert claim_scope("LIVES_IN", Scope("u", project="shop")) == claim_scope("LIVES_IN", Scope("u")) == "user"
    shop, blog, none = (claim_scope("USES_VERSION", Scope("u", project=p)) for p in ("shop", "blog", None))
    assert len({shop, blog, none, "user"}) == 4


def test_equal_values_are_one_claim_whatever_their_spelling_and_others_are_not():
    assert literal_key("Node  18.") == literal_key("node 18") != literal_key("node 18.1")
    keys = {
        claim_key("user", "s", "USES", "value:a"), claim_key("project:", "s", "USES", "value:a"),
        claim_key("user", None, "USES", "value:a"), claim_key("user", "s", "OWNS", "value:a"),
        claim_key("user", "s", "USES", "value:b"), claim_key("user", "sU", "SES", "value:a"),
    }  # fmt: skip
    assert len(keys) == 6
    assert claim_key("user", "s", "USES", "value:a") in keys


def test_the_single_valued_predicates_are_those_of_the_list():
    assert {"LIVES_IN", "USES_VERSION", "HAS_STATUS"} <= SINGLE_VALUED
    assert not {"USES", "PREFERS", "REJECTED", "KNOWS"} & SINGLE_VALUED
