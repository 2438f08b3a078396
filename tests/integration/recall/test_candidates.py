"""What search ranks by is kept while nothing is written, and never longer: whatever is written shows at once."""

from __future__ import annotations

from typing import Any

import pytest

import kg.recall.candidates
from kg.graph.store import GraphStore
from kg.operations.memory import MemoryService, Parts
from kg.recall import queries as recall_queries
from tests.support.user import User

NOTE = "The gateway drops idle links after a minute"
QUESTION = "why does the gateway drop links?"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The memories and facts of each reading of cards, in order."""
    asked: list[set[str]] = []
    original = GraphStore.read

    async def noted(self: GraphStore, query: Any, /, **params: Any) -> list[Any]:
        if query.name == "memory_cards":
            asked.append({*params["memory_uuids"], *params["fact_uuids"]})
        return await original(self, query, **params)

    monkeypatch.setattr(GraphStore, "read", noted)
    return asked


async def found(user: User, question: str = QUESTION, **arguments: Any) -> list[str]:
    return [hit["id"] for hit in (await user.search(question, **arguments))["results"]]


async def test_a_second_question_reads_only_what_the_first_did_not(user: User, read: list[set[str]]) -> None:
    first = await user.add(NOTE, "The gateway drops idle links", wait=True)
    assert await found(user) == [first.id]
    assert read == [{first.id, first.fact}]
    assert await found(user, "idle links of the gateway") == [first.id]
    await user.memory.get_memories(user.session())
    await user.parts.recall_counts.flush()
    assert await found(user, "gateway", known_at="2023") == []
    assert await found(user, "gateway", project="elsewhere") == []
    assert len(read) == 1, "nothing was written meanwhile that search ranks by"


async def test_what_is_written_shows_at_once(user: User, read: list[set[str]]) -> None:
    note = await user.add(NOTE, wait=True)
    assert await found(user) == [note.id]
    other = await user.add("A gateway that drops links needs a longer timeout", wait=True)
    assert set(await found(user)) == {note.id, other.id}
    await user.update(note.id, text="Nobody knows why the kettle boils over")
    assert await found(user, "kettle gateway", explain=True) != []
    best = (await user.search("kettle", explain=True))["results"][0]
    assert best["id"] == note.id and best["explain"]["shares"]["lexical"] > 0
    await user.delete(other.id)
    assert other.id not in await found(user)
    assert len(read) >= 4


async def test_a_message_that_joins_its_conversation_later_is_a_neighbour(user: User) -> None:
    async def say(text: str) -> str:
        said = {"role": "user", "name": "Ada", "content": text}
        answer = await user.memory.add_memory(user.session(), messages=[said], run_id="talk", wait=True)
        return answer["results"][0]["id"]

    asked = await say("Which database did we choose for the billing ledger?")
    assert await found(user, "database of the billing ledger") == [asked]
    answered = await say("The third one on the list, as discussed.")
    hits = (await user.search("database of the billing ledger", explain=True))["results"]
    assert {hit["id"]: hit["explain"].get("best_neighbour") for hit in hits}[answered] == asked


async def test_cards_of_messages_that_were_read_as_neighbours_bring_their_own_neighbours(user: User) -> None:
    messages = [{"role": "user", "name": "Ada", "content": f"Chapter {n}: {word}"} for n, word in enumerate("abcdefg")]
    messages[1]["content"] = "The zebra crossing was repainted"
    messages[3]["content"] = "The llama farm was sold"
    answer = await user.memory.add_memory(user.session(), messages=messages, run_id="talk", wait=True)
    ids = [result["id"] for result in answer["results"]]
    kept = user.parts.recall._cards  # pyright: ignore[reportPrivateUsage]
    seq = (await user.parts.store.read_one(recall_queries.partition_seq, user_id=user.id))["seq"]
    cards = await kept.read(user.id, seq, [ids[1]], [])
    assert set(cards.memories) == set(ids[:4])
    cards = await kept.read(user.id, seq, [ids[3]], [])
    assert set(ids[1:6]) <= set(cards.memories)
    scope = user.session().scope
    assert [card.uuid for card, _ in cards.candidates([ids[3]], [], scope, noise=False)][:1] == [ids[3]]
    assert {card.uuid for card, _ in cards.candidates([ids[3]], [], scope, noise=False)} == set(ids[1:6])


async def test_what_is_not_there_is_asked_for_once(user: User, read: list[set[str]]) -> None:
    note = await user.add(NOTE, wait=True)
    store, away = user.parts.recall._cards, "00000000-0000-0000-0000-000000000000"  # pyright: ignore[reportPrivateUsage]
    seq = (await user.parts.store.read_one(recall_queries.partition_seq, user_id=user.id))["seq"]
    for _ in range(2):
        cards = await store.read(user.id, seq, [note.id, away], [away])
        found = cards.candidates([note.id, away], [away], user.session().scope, noise=True)
        assert [card.uuid for card, _ in found] == [note.id]
    assert read == [{note.id, away}]


async def test_an_edit_by_hand_never_crosses_a_scope_and_shows_within_a_minute(
    user: User, read: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = await user.add(NOTE, project="atlas", wait=True)
    assert await found(user, project="atlas") == [note.id]
    await user.raw("MATCH (m:Memory {uuid: $uuid}) SET m.project = 'borealis'", uuid=note.id)
    assert await found(user, project="atlas") == [], "what is shown is read anew"
    monkeypatch.setattr(kg.recall.candidates, "KEPT_S", -1.0)
    assert await found(user, project="borealis") == [note.id]


async def test_another_user_s_memories_are_no_candidates_whoever_asks_for_them(
    user: User, service: MemoryService, parts: Parts
) -> None:
    theirs = await User(parts, service, user.clock).add(NOTE, "The gateway drops idle links", wait=True)
    cards = await user.parts.recall._cards.read(user.id, None, [theirs.id], [theirs.fact])  # pyright: ignore[reportPrivateUsage]
    assert cards.candidates([theirs.id], [theirs.fact], user.session().scope, noise=True) == []
    assert not any(cards.memories.values())


async def test_a_partition_that_was_read_too_widely_is_read_anew(
    user: User, read: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await user.add(NOTE, wait=True), await user.add("The kettle boils over", wait=True)
    seq = (await user.parts.store.read_one(recall_queries.partition_seq, user_id=user.id))["seq"]
    monkeypatch.setattr(kg.recall.candidates, "_MAX_CARDS", 0)
    for note in (one, other, one):
        cards = await user.parts.recall._cards.read(user.id, seq, [note.id], [])  # pyright: ignore[reportPrivateUsage]
        assert cards.memories[note.id] is not None
    assert read == [{one.id}, {other.id}, {one.id}]
