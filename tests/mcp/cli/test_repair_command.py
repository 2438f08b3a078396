"""``knowthread repair`` on the real service: what differs is said, and then mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.commands import Environment, run
from tests.support.live import address_of
from tests.support.neo4j import rows

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def by_hand(live_service: Environment) -> Iterator[Ask]:
    """Changes the graph as a person does in Neo4j Browser; what it made is taken away afterwards."""
    user = live_service["KNOWTHREAD_USER_ID"]
    address = address_of(run(live_service, "status", "--json").json(), live_service)
    run(live_service, "repair", "--take-away")  # what other tests left

    def ask(query: str, **params: Any) -> list[dict[str, Any]]:
        return rows(address, query, user=user, **params)

    yield ask
    ask("MATCH (m:Memory) WHERE m.user_id IS NULL DETACH DELETE m")
    run(live_service, "repair", "--take-away")


def test_a_sound_graph_is_said_to_be_sound(live_service: Environment, by_hand: Ask) -> None:
    assert by_hand("RETURN 1 AS one")
    checked = run(live_service, "repair", "--check")
    assert checked.status == 0, checked.err
    assert "They agree." in checked.out and "The graph keeps all its rules." in checked.out
    assert run(live_service, "repair").out == "Nothing was wrong.\n"


def test_what_a_hand_changed_is_named_and_then_mended(live_service: Environment, by_hand: Ask) -> None:
    added = run(live_service, "add", "The archive is on tape.", "--json").json()["results"][0]["id"]
    by_hand("MATCH (m:Memory {uuid: $id}) SET m.text = 'The archive is on disk.'", id=added)
    by_hand("UNWIND range(1, 9) AS n CREATE (:Memory {user_id: $user, text: 'Tapes by hand ' + n})")
    checked = " ".join(run(live_service, "repair", "--check").out.split())
    assert "They differ: " in checked and "edited by hand" in checked and "To fix it: knowthread repair" in checked
    assert "9: " in checked and "and 4 more" in checked, checked
    assert checked.count("missing or of the wrong type") == 5, checked
    assert checked.count("Memory 'Tapes by hand ") == 5, "an owner sees the words"
    assert f"no id, of {live_service['KNOWTHREAD_USER_ID']}" in checked
    mended = " ".join(run(live_service, "repair").out.split())
    assert mended.startswith("Fixed: ") and "1 edited by hand" in mended
    assert "9 nodes that broke the rule memory_properties" in mended
    assert "The archive is on disk." in run(live_service, "search", "where is the archive?").out
    for row in by_hand(
        "MATCH (m:Memory {user_id: $user}) WHERE m.text =~ '.*(Tapes by hand|archive).*' RETURN m.uuid AS id"
    ):
        assert run(live_service, "delete", row["id"], "--yes").status == 0


def test_what_nobody_can_be_given_is_left_and_named(live_service: Environment, by_hand: Ask) -> None:
    by_hand("CREATE (:Memory {uuid: randomUUID(), text: 'Whose is this?'})")
    left = " ".join(run(live_service, "repair").out.split())
    assert "Not mended: look at these in Neo4j Browser" in left
    assert "Memory: it has no user_id" in left and "of nobody" in left, "its words are shown to nobody else"
