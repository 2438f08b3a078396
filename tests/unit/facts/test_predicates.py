import re
from pathlib import Path

import pytest

from kg.facts.predicates import ENTITY_KINDS, FALLBACK, PREDICATES, SAFE, lookup, normalise

STRUCTURE = {
    *("STATES", "SUBJECT", "OBJECT", "NAMES", "REFERS_TO", "NEXT"),
    *("SUPERSEDED_BY", "PREVIOUS", "EXTRACTS", "MERGED_INTO"),
}


@pytest.mark.parametrize(
    ("written", "predicate"),
    [
        ("LIVES_IN", "LIVES_IN"),
        ("lives in", "LIVES_IN"),
        ("livesIn", "LIVES_IN"),
        ("Lives-In!", "LIVES_IN"),
        ("is using", "USES"),
        ("likes", "PREFERS"),
        ("doesn't like", "AVOIDS"),
        ("decided against", "REJECTED"),
        ("chooses", "CHOSE"),
        ("works for", "WORKS_AT"),
        ("no longer uses", "STOPPED_USING"),
        ("mentors", "MENTORS"),
        ("préfère", "PREFERE"),
        ("HTTPServer uses", "HTTP_SERVER_USES"),
        ("S3_BUCKET", "S3_BUCKET"),
        ("2fa required for", "HAS_2FA_REQUIRED_FOR"),
        ("", FALLBACK),
        (" _ ", FALLBACK),
        ("HAS_STATE", "HAS_STATE"),
        ("`]->() DETACH DELETE n //", "DETACH_DELETE_N"),
    ],
)
def test_predicates_are_spelled_one_way(written, predicate):
    assert normalise(written) == predicate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("喜欢", "讨厌"),
        ("использует", "отвергает"),
        ("использует API", "не использует API"),
        ("==", "!="),
        ("👍", "👎"),
        ("says 👍", "says 👎"),
        ("<", ">"),
        ("يستخدم", "يتجنب"),
        ("1", "2"),
        ("使用", ""),
    ],
)
def test_predicates_without_latin_letters_stay_apart(one, other):
    assert normalise(one) != normalise(other)
    for said in (one, other):
        assert SAFE.fullmatch(normalise(said)) and normalise(normalise(said)) == normalise(said)


def test_case_and_spacing_do_not_matter_in_other_scripts():
    assert normalise("Больше НЕ использует") == normalise("больше_не  использует")


@pytest.mark.parametrize(
    "said", ["HAS_STATE", "HAS_VALUE", "HAS_VERSION", "SET_TO", "is set to", "configured to", "defaults to"]
)
def test_what_can_have_many_values_is_not_single_valued(said):
    assert not lookup(normalise(said)).single_valued


@pytest.mark.parametrize("written", ["x" * 500, "word " * 100, "éé" * 90, "a_" * 64, "9" * 80 + "a", "\ud800", "İß ﬁ"])
def test_every_predicate_can_be_a_relationship_type(written):
    assert SAFE.fullmatch(normalise(written))
    assert normalise(normalise(written)) == normalise(written)


@pytest.mark.parametrize("name", sorted(STRUCTURE))
def test_no_fact_can_take_the_place_of_the_graphs_own_structure(name):
    assert normalise(name) not in STRUCTURE
    assert normalise(name.lower().replace("_", " ")) not in STRUCTURE


def test_every_relationship_type_of_the_cypher_files_is_reserved():
    folder = Path(__file__).parents[3] / "cypher"
    used = set(re.findall(r"\[\w*:([A-Z_]+)", "".join(path.read_text() for path in folder.rglob("*.cypher"))))
    assert used, "no relationship type found in the Cypher files"
    assert {name for name in used if normalise(name) == name} == set()


def test_single_valued_predicates_and_their_scope():
    assert {name for name, known in PREDICATES.items() if known.single_valued} == {
        *("USES_VERSION", "WORKS_AT", "LIVES_IN", "CONFIGURED_AS", "HAS_STATUS", "DEFAULT_BRANCH")
    }
    assert lookup("LIVES_IN").scope == lookup("WORKS_AT").scope == lookup("PREFERS").scope == "user"
    assert lookup("USES_VERSION").scope == lookup("USES").scope == "project"


def test_an_unlisted_predicate_is_multi_valued_and_of_its_project():
    known = lookup("MENTORS")
    assert (known.name, known.single_valued, known.scope, known.opposites) == ("MENTORS", False, "project", ())


def test_opposites_are_known_and_mutual():
    for known in PREDICATES.values():
        for opposite in known.opposites:
            assert known.name in PREDICATES[opposite].opposites, (known.name, opposite)


def test_the_list_is_consistent():
    assert next(iter(PREDICATES)) == "CHOSE"
    spellings = [spelling for known in PREDICATES.values() for spelling in known.synonyms]
    assert len(spellings) == len(set(spellings))
    assert not set(spellings) & set(PREDICATES)
    for known in PREDICATES.values():
        assert normalise(known.name) == known.name
        assert known.doc
        assert known.scope in ("user", "project")
        assert {known.subject_kind, known.object_kind} <= set(ENTITY_KINDS)
        for spelling in known.synonyms:
            assert normalise(spelling) == known.name
