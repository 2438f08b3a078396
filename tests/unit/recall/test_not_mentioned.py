"""Words of a question that nothing stored mentions."""

from __future__ import annotations

from kg.language.words import stem_terms
from kg.recall.not_mentioned import asks_for_names_alone, missing_words, unshown, words_to_look_up


def test_a_word_is_looked_up_whole_and_in_its_parts() -> None:
    looked_up = words_to_look_up("which GraphQL gateway", ["which", "graphql", "graphql", "graphql", "gateway"])
    assert looked_up == {"GraphQL": ["graphql", "graph", "ql"]}


def test_a_word_is_missing_if_neither_it_nor_all_of_its_parts_are_held() -> None:
    looked_up = words_to_look_up("GraphQL or getUserById or Redis at Acme", [])
    assert missing_words(looked_up, frozenset(), (), []) == ["GraphQL", "getUserById", "Redis", "Acme"]
    held = frozenset(("graph", "get", "user", "id", "redi"))
    assert missing_words(looked_up, held, (), []) == ["GraphQL", "Acme"]


def test_a_known_name_or_another_form_of_a_known_word_is_not_missing() -> None:
    looked_up = words_to_look_up("does Acme run PostgreSQL", [])
    assert missing_words(looked_up, frozenset(), (), ["Acme Corp"]) == ["PostgreSQL"]
    assert missing_words(looked_up, frozenset(), ["run", "postgres"], ["Acme Corp"]) == []


def test_what_a_hit_or_its_facts_show_is_mentioned() -> None:
    hits = [{"memory": "See Tuesday's meeting", "facts": [{"fact": "events are carried by NATS"}]}]
    assert unshown(["nats", "Kafka"], hits) == ["Kafka"]
    assert unshown([], hits) == []


def test_a_question_that_is_known_names_and_little_words_asks_for_them_alone() -> None:
    assert asks_for_names_alone(stem_terms("what about Will"), ["Will"])
    assert asks_for_names_alone(stem_terms("Redis?"), ["Redis"])
    assert not asks_for_names_alone(stem_terms("deploy Redis"), ["Redis"])
    assert not asks_for_names_alone(stem_terms("what about the deployment"), ["deployment"])
    assert not asks_for_names_alone(stem_terms("what about it"), [])
