"""Cards in memory: what was read last is kept, and nothing that a write has changed."""

from __future__ import annotations

from kg.index.qdrant.kept_cards import KeptCards
from kg.ports import IndexCard


def card(uuid: str, *previous: str) -> IndexCard:
    return IndexCard(uuid, "memory", previous=previous)


def kept(*cards: IndexCard, user_id: str = "ada", most: int = 100) -> KeptCards:
    made = KeptCards(most)
    made.keep({one.uuid: (user_id, one) for one in cards})
    return made


def uuids(cards: list[IndexCard] | None) -> set[str] | None:
    return None if cards is None else {one.uuid for one in cards}


def test_all_or_nothing_is_found():
    cards = kept(card("a"), card("b"))
    assert uuids(cards.find_all("ada", ["a", "b"], [])) == {"a", "b"}
    assert uuids(cards.find_all("bob", ["a"], [])) == set(), "of another user"
    assert cards.find_all("ada", ["a", "c"], []) is None
    assert cards.find_all("ada", ["a"], ["a"]) is None, "what follows is not known"


def test_the_cards_kept_longest_make_room():
    cards = kept(card("a"), card("b"), most=2)
    cards.keep({"c": ("ada", card("c"))})
    assert set(cards.find("abc")) == {"b", "c"}


def test_followers_come_along_and_those_of_one_user_are_not_anothers():
    cards = kept(card("b", "a"), card("c", "b", "a"))
    cards.keep_followers("ada", ["a", "b", "c"], [card("b", "a"), card("c", "b", "a")])
    assert cards.find_followers("ada", "abc") == {"a": ("b", "c"), "b": ("c",), "c": ()}
    assert uuids(cards.find_all("ada", [], ["a"])) == {"b", "c"}
    assert cards.find_followers("bob", "abc") == {}
    assert cards.find_all("bob", [], ["a"]) is None


def test_a_new_follower_and_one_that_changes_or_goes_are_read_again():
    for changed, previous in (("d", ("a",)), ("b", ()), ("a", ())):
        cards = kept(card("b", "a"))
        cards.keep_followers("ada", ["a", "x"], [card("b", "a")])
        cards.forget([changed], previous)
        assert cards.find_followers("ada", ["a", "x"]) == {"x": ()}


def test_followers_are_kept_for_so_many_messages():
    cards = KeptCards(2)
    cards.keep_followers("ada", ["a", "b"], [card("b", "a")])
    cards.keep_followers("ada", ["c"], [])
    assert cards.find_followers("ada", "abc") == {"c": ()}
    cards.forget("b")
    assert cards.find_followers("ada", "abc") == {"c": ()}
