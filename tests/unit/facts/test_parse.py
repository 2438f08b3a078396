import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kg.errors import InvalidInput
from kg.facts.claims import claim_key, claim_scope, literal_key, object_is_entity, object_of, subject_of
from kg.facts.parse import MAX_FACTS, parse_facts
from kg.facts.predicates import SINGLE_VALUED
from kg.language.names import SELF_KEY
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
        ({"subject": "api", "predicate": "USES"}, "facts[0].statement"),
        (["x"], "sentence"),
        ({"statement": "lone \ud800"}, "surrogate"),
    ],
)
def test_an_unusable_fact_is_set_aside_with_its_reason_and_the_others_are_kept(raw, said):
    parsed = parse_facts(["before", raw, "after"])
    assert [fact.statement for fact in parsed.facts] == ["before", "after"]
    assert [skipped.index for skipped in parsed.skipped] == [1]
    assert said.replace("facts[0]", "facts[1]") in parsed.skipped[0].why


@pytest.mark.parametrize(
    ("unusable", "said"),
    [
        ({"subject": "y" * 300}, "256"),
        ({"subject": ["y"]}, "facts[0].subject"),
        ({"predicate": 3}, "facts[0].predicate"),
        ({"object": {"a": 1}}, "facts[0].object"),
        ({"valid_at": "yesterday"}, "ISO 8601"),
        ({"valid_at": 17}, "facts[0].valid_at"),
        ({"invalid_at": "2024"}, "after valid_at"),
        ({"how": "somehow"}, "superseded"),
        ({"supersedes": ["not an id", UUID]}, "facts[0].supersedes[0]"),
        ({"supersedes": 5}, "facts[0].supersedes[0]"),
        ({"supersedes": [UUID] * 101}, "facts[0].supersedes"),
        ({"subject_kind": "Starship"}, "Person"),
        ({"object_kind": "Widget"}, "Person"),
        ({"because": ["slow"]}, "facts[0].because"),
        ({"revisit_when": "x" * 5000}, "facts[0].revisit_when"),
        ({"reason": "null\0byte"}, "facts[0].reason"),
    ],
)
def test_an_unusable_part_costs_the_fact_that_part_and_a_warning(unusable, said):
    whole = {
        "statement": "The api uses zod",
        "subject": "api",
        "predicate": "USES",
        "object": "zod",
        "because": "types",
    }
    whole |= {"valid_at": "2024", "subject_kind": "Service", "reason": "told"}
    parsed = parse_facts([whole | unusable])
    (fact,) = parsed.facts
    (warning,) = parsed.warnings
    assert parsed.skipped == () and said in warning and warning.endswith("it was left out, the fact was kept")
    (key,) = unusable
    (without,) = parse_facts([{name: value for name, value in whole.items() if name != key}]).facts
    assert fact == (
        replace(without, supersedes=(UUID,)) if UUID in str(unusable) and "not" in str(unusable) else without
    )


@pytest.mark.parametrize("nothing", ["", " ", "null", "None", "N/A", "unknown", None])
def test_parts_that_say_nothing_count_as_left_out(nothing):
    keys = (
        "because",
        "revisit_when",
        "valid_at",
        "invalid_at",
        "supersedes",
        "how",
        "reason",
        "subject_kind",
        "object_kind",
    )
    parsed = parse_facts([{"statement": "x", **dict.fromkeys(keys, nothing)}])
    assert (parsed.facts, parsed.warnings) == ((only("x"),), ())
    assert parse_facts([{"statement": "x", "supersedes": [nothing]}]).warnings == ()


def test_a_blank_name_is_no_name_and_the_word_null_may_be_one():
    fact = only({"statement": "x", "subject": "", "predicate": " ", "object": "  "})
    assert (fact.subject, fact.predicate, fact.object) == (None, "RELATES_TO", None)
    assert only({"subject": "find_user", "predicate": "RETURNS", "object": "null"}).object == "null"


@pytest.mark.parametrize("one", ["The api uses zod", {"statement": "The api uses zod"}])
def test_one_fact_counts_as_a_list_of_one_also_as_json(one):
    expected = parse_facts([one])
    assert parse_facts(one) == expected and len(expected.facts) == 1
    for text in (json.dumps([one]), [json.dumps(one)] if isinstance(one, dict) else one):
        assert parse_facts(text) == expected


def test_a_sentence_may_begin_with_a_bracket():
    assert [only(text).statement for text in ("[api] uses zod", "{x} is a set")] == ["[api] uses zod", "{x} is a set"]


@pytest.mark.parametrize("written", [UUID, f'["{UUID}"]', f" {UUID} , {UUID.upper()}", [UUID, ""], f'["{UUID}", null]'])
def test_ids_are_read_from_a_list_or_a_text(written):
    parsed = parse_facts([{"statement": "x", "supersedes": written}])
    assert (parsed.facts[0].supersedes, parsed.warnings) == ((UUID,), ())


def test_outer_blanks_belong_to_no_part():
    fact = only({"subject": " api ", "predicate": " USES ", "object": " Redis "})
    assert (fact.statement, fact.subject, fact.predicate, fact.object) == ("api uses Redis", "api", "USES", "Redis")
    assert only("  The api uses Redis\n").statement == "The api uses Redis"
    assert only({"statement": "x", "how": " Corrected ", "object_kind": " tool"}).how == "corrected"


def test_unknown_keys_are_named_and_empty_ones_do_not_count():
    parsed = parse_facts([{"statement": "x", "confidence": 0.9, "subject": None, "valid_at": None}])
    assert len(parsed.facts) == 1 and "confidence" in parsed.warnings[0]


def test_numbers_and_truth_values_are_objects_as_text():
    assert [only({"statement": "x", "object": value}).object for value in (18, 1.5, True)] == ["18", "1.5", "true"]


def test_the_same_fact_is_superseded_once():
    assert only({"statement": "x", "supersedes": [UUID, UUID.upper()]}).supersedes == (UUID,)


@pytest.mark.parametrize("raw", [3, True, 1.5])
def test_facts_that_are_no_list_are_refused(raw):
    with pytest.raises(InvalidInput, match="facts"):
        parse_facts(raw)


def test_too_many_facts_are_refused_whole():
    assert len(parse_facts(["x"] * MAX_FACTS).facts) == MAX_FACTS
    with pytest.raises(InvalidInput, match="split"):
        parse_facts(["x"] * (MAX_FACTS + 1))


def test_no_facts_are_fine():
    assert parse_facts(None).facts == parse_facts([]).facts == parse_facts("").facts == ()


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


VALUES = (
    "18.2.0|16 GB|3 days|>= 4.2|42|16GB|30s|45ms|100%|1e6|v2.1|v2|18.2.0-rc.1|3.0b2|18.x|2024-05-17|2024-05|12:30|"
    "5 to 10|5-10 minutes|3x|$50|1,000 requests|20 per second|1h30m|24/7|10.0.0.5|127.0.0.1:8080|16 GB of RAM|"
    "30-second timeout|17 December 2025|3rd of May|2025-12-17T10:00Z|-1|~3|<5ms|^18|99.9%|1.0.0.Final|1 500 ms|"
    "1920x1080|3.12-slim|.5|80/tcp|4xx|5xx errors|5 to 10"
)
DIGITS_FIRST = (
    "1Password|7-Zip|11ty|3scale|0MQ|2FA|4chan|1e100.net|3D Tiles|37signals|3CX|365 Data Centers|1inch|23andMe|"
    "9to5Mac|7-Eleven|404 Not Found|1&1|3fa1b2c|5G|2to3|10x Genomics"
)


@pytest.mark.parametrize("value", VALUES.split("|"))
def test_what_reads_as_a_quantity_is_a_value_unless_the_caller_gives_it_a_kind(value: str):
    assert not object_is_entity("USES", value)
    assert object_is_entity("USES", value, "Tool")
    assert not object_is_entity("USES_VERSION", value, "Tool")


@pytest.mark.parametrize("value", DIGITS_FIRST.split("|"))
def test_a_name_may_begin_with_a_digit(value: str):
    assert object_is_entity("USES", value)


@pytest.mark.parametrize("name", ["User", "the user", "I", "Me"])
@pytest.mark.parametrize(
    ("said", "kind"),
    [(kind, kind) for kind in ("Concept", "File", "Tool", "Thing")]
    + [("class", "Concept"), ("Model", "Concept"), ("table", "Concept"), ("starship", "Thing")],
)
def test_a_thing_that_is_called_user_is_not_the_person(name: str, said: str, kind: str):
    raw = {"statement": "s", "subject": name, "object": name, "subject_kind": said, "object_kind": said}
    for named in (subject_of(only(raw), None), object_of(only(raw), "Dana")):
        assert named is not None and named.key not in (SELF_KEY, "dana") and named.name == name and named.kind == kind
    person = only({"statement": "s", "subject": name, "subject_kind": "Person"})
    assert subject_of(person, None) == subject_of(
        only({"statement": "s", "subject": name, "predicate": "PREFERS"}), None
    )


@pytest.mark.parametrize("name", ["_", "$", "++", "..."])
def test_a_fact_about_a_name_of_signs_alone_is_kept_without_an_entity(name: str):
    raw = {"statement": f"Here {name} means lodash", "subject": name, "predicate": "MEANS", "object": "lodash"}
    parsed = parse_facts([raw, {"subject": name, "predicate": "MEANS", "object": "lodash"}])
    assert [fact.statement for fact in parsed.facts] == [f"Here {name} means lodash", f"{name} means lodash"]
    assert not parsed.skipped and [fact.subject for fact in parsed.facts] == [None, None]
    assert len(parsed.warnings) == 2 and all(f"subject: '{name}'" in warning for warning in parsed.warnings)


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


@pytest.mark.parametrize(
    ("said", "how"), [("Superseded ", "superseded"), ("replaces", "superseded"), ("correction", "corrected")]
)
def test_how_is_understood_in_the_words_of_the_day(said, how):
    (fact,) = parse_facts([{"statement": "x", "supersedes": UUID, "how": said}]).facts
    assert fact.how == how
