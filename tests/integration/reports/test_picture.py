"""What a picture shows of one fixed graph: how far, whose, and when."""

from __future__ import annotations

from typing import Any

import pytest

from kg.errors import InvalidInput, NotFound
from kg.reports.picture import Pictures
from tests.support.user import TestClock, User, states

SHOP, BLOG = "github.com/acme/shop", "github.com/acme/blog"


@pytest.fixture
async def drawn(user: User, clock: TestClock) -> User:
    """A chain shop -> Redis -> cache -> eviction, a change of mind, a correction, a version, and another project."""
    clock.at("2025-01-01")
    user.project = SHOP
    rejected = await user.add(
        "Redis was turned down.",
        states("shop rejected Redis", "REJECTED", "shop", "Redis", because="one more service", revisit_when="10k"),
    )
    wrong = await user.add("Eviction.", states("cache stalls by eviction", "CAUSED_BY", "cache", "eviction"))
    await user.add("Redis needs a cache.", states("Redis needs the cache", "REQUIRES", "Redis", "cache"))
    await user.add("Node 20.", states("node is at 20", "USES_VERSION", "node", "20", valid_at="2025-01-01"))
    clock.at("2025-06-01")
    await user.add(
        "Redis after all.",
        states("shop chose Redis", "CHOSE", "shop", "Redis", supersedes=[rejected.fact], reason="load grew"),
    )
    await user.add(
        "It was the network.",
        states(
            "cache stalls by the network", "CAUSED_BY", "cache", "network", supersedes=[wrong.fact], how="corrected"
        ),
    )
    user.project = BLOG
    await user.add("The blog uses Hugo.", states("blog uses Hugo", "USES", "blog", "Hugo"))
    clock.at("2025-12-01")
    return user


@pytest.fixture
def pictures(drawn: User) -> Pictures:
    return Pictures(drawn.parts)


def names(picture: dict[str, Any]) -> set[str]:
    return {entity["name"] for entity in picture["entities"]}


def facts(picture: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {fact["statement"]: fact for fact in picture["facts"]}


async def test_without_an_entity_all_is_drawn_and_a_project_narrows_it(pictures: Pictures, drawn: User):
    whole = await pictures.draw_graph(drawn.session())
    assert {"shop", "Redis", "cache", "blog", "Hugo", "node"} <= names(whole) and len(whole["facts"]) == 7
    blog = await pictures.draw_graph(drawn.session(), project=BLOG)
    assert names(blog) == {"blog", "Hugo"} and list(facts(blog)) == ["blog uses Hugo"]


async def test_hops_say_how_far_and_facts_among_the_outermost_are_drawn(pictures: Pictures, drawn: User):
    near = await pictures.draw_graph(drawn.session(), entity="redis", hops=1)
    assert names(near) == {"shop", "Redis", "cache"}
    far = await pictures.draw_graph(drawn.session(), entity="shop", hops=3)
    assert names(far) == {"shop", "Redis", "cache", "eviction", "network"}
    assert {entity["id"] for entity in far["entities"] if entity["name"] == "shop"} == {far["entity"]}


async def test_a_fact_tells_why_when_and_what_took_its_place(pictures: Pictures, drawn: User):
    picture = await pictures.draw_graph(drawn.session())
    told = facts(picture)
    old = told["shop rejected Redis"]
    assert (old["because"], old["revisit_when"]) == ("one more service", "10k")
    assert (old["begins"], old["ends"]) == ("2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z")
    (by,) = old["replaced_by"]
    assert (by["id"], by["fact"], by["how"]) == (told["shop chose Redis"]["id"], "shop chose Redis", "superseded")
    assert by["reason"] == "load grew"
    assert told["cache stalls by eviction"]["corrected"] and "corrected" not in old
    assert "ends" not in told["shop chose Redis"]
    assert told["node is at 20"]["value"] == "20"
    memory = picture["memories"][old["memory"]]
    assert (memory["text"], memory["project"]) == ("Redis was turned down.", SHOP)


async def test_what_is_known_is_that_of_an_instant(pictures: Pictures, drawn: User):
    then = await pictures.draw_graph(drawn.session(), known_at="2025-03-01")
    told = facts(then)
    assert "shop chose Redis" not in told and "ends" not in told["shop rejected Redis"]
    assert "corrected" not in told["cache stalls by eviction"] and "replaced_by" not in told["cache stalls by eviction"]
    assert then["at"] == then["known_at"] == "2025-03-01T23:59:59Z", "the whole day"
    held = await pictures.draw_graph(drawn.session(), as_of="2025-03-01")
    assert held["at"] == "2025-03-01T23:59:59Z" and "shop chose Redis" in facts(held)


async def test_what_an_update_replaced_is_drawn_only_in_the_past(pictures: Pictures, drawn: User, clock: TestClock):
    stated = await drawn.add("Hugo 1.", states("blog likes Hugo", "LIKES", "blog", "Hugo"))
    clock.tick(days=2)
    await drawn.update(stated.id, states("blog likes Zola", "LIKES", "blog", "Zola"), text="Zola 1.")
    assert "blog likes Hugo" not in facts(await pictures.draw_graph(drawn.session()))
    past = await pictures.draw_graph(drawn.session(), known_at="2025-12-02")
    assert "blog likes Hugo" in facts(past) and "blog likes Zola" not in facts(past)


async def test_a_picture_too_large_keeps_the_most_connected_and_says_so(pictures: Pictures, drawn: User):
    small = await pictures.draw_graph(drawn.session(), limit=2)
    assert names(small) == {"cache", "Redis"} or names(small) == {"shop", "Redis"}
    assert small["left_out"] == 6
    around = await pictures.draw_graph(drawn.session(), entity="shop", hops=3, limit=2)
    assert names(around) == {"shop", "Redis"} and around["left_out"] == 1


async def test_a_picture_of_more_facts_than_are_read_says_that_older_ones_are_missing(drawn: User):
    pictures = Pictures(drawn.parts, most_facts=2)
    whole = await pictures.draw_graph(drawn.session())
    assert len(whole["facts"]) == 2 and whole["facts_omitted"] == "only the 2 facts stored last were looked at"
    assert (await pictures.draw_timeline(drawn.session(), entity="shop"))["facts_omitted"]
    assert "facts_omitted" not in await Pictures(drawn.parts).draw_graph(drawn.session())


async def test_nobody_else_is_drawn(pictures: Pictures, drawn: User, user: User):
    stranger = User(drawn.parts, drawn.memory, drawn.clock)
    empty = await pictures.draw_graph(stranger.session())
    assert empty["entities"] == [] and empty["facts"] == [] and empty["memories"] == {}
    with pytest.raises(NotFound):
        await pictures.draw_timeline(stranger.session(), entity="Redis")


async def test_what_is_being_erased_is_not_drawn(pictures: Pictures, drawn: User):
    await drawn.raw("MATCH (m:Memory {user_id: $user_id, text: 'The blog uses Hugo.'}) SET m:Deleting")
    picture = await pictures.draw_graph(drawn.session())
    assert "blog uses Hugo" not in facts(picture) and "blog" not in names(picture)


async def test_a_timeline_has_every_fact_of_one_thing_in_both_directions(pictures: Pictures, drawn: User):
    timeline = await pictures.draw_timeline(drawn.session(), entity="Redis")
    assert set(facts(timeline)) == {"shop rejected Redis", "Redis needs the cache", "shop chose Redis"}
    assert [fact["begins"][:7] for fact in timeline["facts"]] == ["2025-01", "2025-01", "2025-06"]


async def test_a_bad_argument_is_named(pictures: Pictures, drawn: User):
    for field, value in {"hops": 6, "limit": 0, "as_of": "yesterday-ish"}.items():
        with pytest.raises(InvalidInput, match=field):
            await pictures.draw_graph(drawn.session(), **{field: value})
