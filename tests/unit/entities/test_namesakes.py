import pytest

from bench.names import gold, joined_share
from kg.entities.compare_spelling import Name, compare
from kg.facts.claims import name_key, object_of, subject_of
from kg.facts.kinds import word_key
from kg.facts.parse import parse_facts
from kg.language.names import alias_key, mentioned_keys
from kg.values import FactInput
from kg.writing.texts import PreparedText
from mcp_server.cli.graph import two_things

PAIRS = list(gold())


def test_the_set_is_large_and_divided_in_halves():
    two, one = ([pair for pair in PAIRS if pair.is_one is is_one] for is_one in (False, True))
    assert len(two) >= 90 and len(one) >= 150
    assert all(0.4 < sum(pair.held_out for pair in group) / len(group) < 0.6 for group in (two, one))


@pytest.mark.parametrize("held_out", [False, True])
def test_two_things_stay_two_and_one_thing_becomes_one(held_out):
    pairs = [pair for pair in PAIRS if pair.held_out is held_out]
    assert joined_share(pairs, is_one=False) <= 0.08 and joined_share(pairs, is_one=True) >= 0.9


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("user-store.ts", "user-store.ts"),
        ("`user_store.ts`,", "user_store.ts"),
        ("./src/my-app/main.py", "src/my-app/main.py"),
        ("C:\\my-app\\main_loop.go", "c:/my-app/main_loop.go"),
        ("src/my-lib/", "src/my lib"),
        ("strict-mode", "strict mode"),
        ("pre-commit v3.2", "pre commit v3.2"),
    ],
)
def test_a_file_keeps_its_separators_alone_and_in_a_text(file, key):
    assert alias_key(file) == key == alias_key(alias_key(file))
    assert key in mentioned_keys(f"Look at {file} first.")


def test_a_plain_word_is_the_product_where_it_stands_as_one():
    def said(predicate: str, name: str) -> str:
        fact = FactInput("s", subject=name, predicate=predicate, object=name)
        return object_of(fact, None).key if predicate == "USES" else subject_of(fact, None).key  # pyright: ignore

    assert said("USES", "express") == said("USES", "Express") == said("SAW", "Express") == "express"
    assert said("SAW", "express") == word_key("express")
    assert said("USES_VERSION", "node") == "node" and said("SAW", "node") == word_key("node")
    assert name_key("redis", "Thing") == "redis" and name_key("go", "Tool") == "go"


def test_a_text_mentions_the_product_where_it_writes_it():
    assert "express" in PreparedText.of("We took Express.").names
    assert PreparedText.of("They express doubt.").names.keys() & {"express", word_key("express")} == {
        word_key("express")
    }


def test_how_names_are_written_counts_where_their_kinds_are_not_known():
    def outcome(left: tuple[str, str], right: tuple[str, str]) -> str:
        return compare(*(Name(alias_key(name), kind, name) for name, kind in (left, right))).outcome

    assert outcome(("BigQuery", "Tool"), ("big query", "Thing")) == "ask"
    assert outcome(("BigQuery", "Tool"), ("big query", "Tool")) == "same"
    assert outcome(("BigQuery", "Tool"), ("Big Query", "Thing")) == "same"
    assert outcome(("TypeScript", "Tool"), ("ts", "Thing")) == "ask"
    assert outcome(("Chrome V8", "Tool"), ("Chrome 8", "Tool")) == "ask"
    assert outcome(("Chrome v8", "Tool"), ("Chrome 8", "Tool")) == "same"


def test_a_person_tells_two_things_apart_by_a_fact():
    asked = two_things("billing", "billing service", "two teams")
    (fact,) = parse_facts(asked["facts"]).facts
    assert (fact.subject, fact.predicate, fact.object) == ("billing", "DIFFERENT_FROM", "billing service")
    assert fact.because == "two teams" and asked["text"] == "billing is another thing than billing service: two teams"
    assert (
        "because" not in two_things("a", "b", None)["text"] and parse_facts(two_things("a", "b", None)["facts"]).facts
    )
