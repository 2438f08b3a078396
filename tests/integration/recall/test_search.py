"""How a question finds its memories: legs, neighbours, speakers, times, and nothing that the graph does not confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kg.errors import StoreUnavailable
from kg.operations.arguments import Session
from kg.operations.memory import MemoryService, Parts
from kg.ports import IndexPoint, IndexQuery, Vector, VectorName
from kg.recall.search import Recall
from kg.values import Scope
from tests.support.user import User, states

GATEWAY = "The gateway drops long connections because its idle timeout is shorter than the client's"
TOPICS = ("the ledger", "roses and mildew", "clock skew", "a broken kettle", "sourdough", "the night train", "chess")


async def texts(user: User, query: str, **arguments: Any) -> list[str]:
    return [hit["memory"] for hit in (await user.search(query, **arguments))["results"]]


async def talk(user: User, *said: tuple[str, str], run_id: str = "talk") -> list[str]:
    """Store a conversation of (who, what) and return its messages' ids."""
    messages = [{"role": "user", "name": who, "content": what} for who, what in said]
    answer = await user.memory.add_memory(user.session(), messages=messages, run_id=run_id, wait=True)
    return [result["id"] for result in answer["results"]]


async def test_an_exact_identifier_wins_over_what_only_sounds_alike(user: User) -> None:
    await user.add("The worker crashed with error ERR_7731 while it read the queue", wait=True)
    for number in (7730, 7732, 7741):
        await user.add(f"The worker crashed again with error ERR_{number} while it was reading a queue", wait=True)
    assert (await texts(user, "what was ERR_7731 about?"))[0].endswith("ERR_7731 while it read the queue")


async def test_parts_of_identifiers_and_stems_find_their_note(user: User) -> None:
    await user.add("getUserById in src/auth/session_store.py returned stale rows", wait=True)
    await user.add("The lunch menu of Friday", wait=True)
    for query in ("get user by id", "session store", "GETUSERBYID", "src/auth/session_store.py", "staleness of a row"):
        assert (await texts(user, query))[0].startswith("getUserById"), query


async def test_other_words_find_a_note_by_its_meaning(user: User) -> None:
    await user.add("The nightly build became slow when the cache directory filled the disk", wait=True)
    await user.add("Our designer prefers rounded corners on every button", wait=True)
    await user.add("The quarterly report is due at the end of the month", wait=True)
    answer = await user.search("compilation takes forever, no space left", explain=True)
    best = answer["results"][0]
    assert best["memory"].startswith("The nightly build")
    assert best["explain"]["ranks"]["text"] == 1


async def test_a_fact_leads_to_its_memory_whose_words_say_something_else(user: User) -> None:
    chosen = states("Kafka was replaced by NATS for events", "CHOSE", "events", "NATS")
    await user.add("See the meeting of Tuesday", chosen, wait=True)
    await user.add("The coffee machine is broken", states("The coffee machine is broken", "HAS_STATUS"), wait=True)
    best = (await user.search("which message broker carries events?", explain=True))["results"][0]
    assert best["memory"] == "See the meeting of Tuesday"
    assert best["explain"]["ranks"]["fact"] == 1
    assert best["facts"][0]["fact"] == "Kafka was replaced by NATS for events"


async def test_an_answer_beside_the_question_is_lifted_by_its_neighbour(user: User) -> None:
    ids = await talk(
        user,
        ("Ada", "Which database did we choose for the billing ledger?"),
        ("Ben", "The third one on the list, as discussed."),
    )
    for number in range(12):
        await user.add(f"Ticket {number}: the third one on some list needs a look, as was discussed", wait=True)
    answer = await user.search("database of the billing ledger", explain=True)
    by_id = {hit["id"]: (place, hit) for place, hit in enumerate(answer["results"])}
    assert by_id[ids[0]][0] == 0
    place, hit = by_id[ids[1]]
    assert hit["explain"]["best_neighbour"] == ids[0]
    assert hit["explain"]["shares"]["neighbour"] > 0
    assert place == 1


async def test_what_a_named_person_said_comes_before_the_same_from_others(user: User) -> None:
    said = "The deploy should wait until the audit is over"
    first, second = await talk(user, ("Caroline", said), ("Ben", said))
    answer = await user.search("what did Caroline say about the deploy?", explain=True)
    assert [hit["id"] for hit in answer["results"]] == [first, second]
    assert answer["results"][0]["explain"]["shares"]["speaker"] > 0
    assert "speaker" not in answer["results"][1]["explain"]["shares"]
    assert answer["results"][0]["speaker"] == "Caroline"


async def test_a_better_match_elsewhere_beats_the_current_project(user: User, service: MemoryService) -> None:
    here, there = (Session(Scope(user.id, project=name), f"key-{name}") for name in ("here", "there"))
    await service.add_memory(there, text=GATEWAY, wait=True)
    await service.add_memory(here, text="The gateway was painted green", wait=True)
    query = "why does the gateway drop connections?"
    hits = (await service.search_memories(here, query=query, weak=True))["results"]
    assert [hit["project"] for hit in hits] == ["there", "here"]


async def test_the_worst_of_few_memories_is_found_too(user: User) -> None:
    await user.add("Moved to Lyon", occurred_at="2019", wait=True)
    await user.add("I live in Oslo", occurred_at="2022", wait=True)
    assert await texts(user, "where do I live?") == ["I live in Oslo", "Moved to Lyon"]
    assert await texts(user, "where do I live?", as_of="2020") == ["Moved to Lyon"]


async def test_a_filter_reaches_what_a_hundred_others_resemble_more(user: User) -> None:
    for number in range(6):
        messages = [{"role": "user", "content": f"The gateway dropped connection {number}.{n}"} for n in range(25)]
        await user.memory.add_memory(user.session(), messages=messages, wait=True)
    await user.add("Plants need water on Fridays", metadata={"room": "7"}, wait=True)
    await user.indexer.drain()
    query = "why are gateway connections dropped?"
    assert await texts(user, query, filters={"room": "7"}) == ["Plants need water on Fridays"]
    assert await texts(user, query, filters={"room": {"contains": "7"}}) == ["Plants need water on Fridays"]
    answer = await user.search(query, filters={"room": "7"}, threshold=0.9)
    assert answer["results"] == []


async def test_the_past_is_found_among_many_later_notes_that_fit_better(user: User) -> None:
    user.clock.at("2020-05-01")
    await user.add("We moved the importer to a queue", wait=True)
    user.clock.at("2025-05-01")
    for number in range(6):
        messages = [{"role": "user", "content": f"The importer reads queue {number}.{n}"} for n in range(25)]
        await user.memory.add_memory(user.session(), messages=messages, wait=True)
    await user.indexer.drain()
    question = "which queue does the importer read?"
    assert "We moved the importer to a queue" not in await texts(user, question)
    assert await texts(user, question, as_of="2021") == ["We moved the importer to a queue"]
    assert await texts(user, question, known_at="2021") == ["We moved the importer to a queue"]
    assert await texts(user, question, known_at="2019") == []


async def test_no_point_is_answered_that_the_graph_does_not_confirm(user: User, parts: Parts) -> None:
    mine = await user.add(GATEWAY, wait=True)
    stranger = User(parts, user.memory, user.clock)
    theirs = await stranger.add("The stranger's gateway drops connections", wait=True)
    await user.indexer.drain()
    vector = await parts.embedder.embed_query(GATEWAY)
    claimed = [theirs.id, "11111111-1111-4111-8111-111111111111"]
    points = [IndexPoint(uuid, "memory", user.id, vector[None, :], "forged", vector[None, :]) for uuid in claimed]
    await parts.index.upsert_points(points)
    assert [hit["id"] for hit in (await user.search("gateway connections", limit=50))["results"]] == [mine.id]


async def test_what_is_deleted_while_its_point_lingers_is_gone(user: User, parts: Parts) -> None:
    kept = await user.add("The gateway is fine", wait=True)
    gone = await user.add(GATEWAY, wait=True)
    await parts.indexer.stop()
    await user.delete(gone.id)
    assert gone.id in {entry.uuid async for batch in parts.index.scan() for entry in batch}
    assert [hit["id"] for hit in (await user.search("gateway drops connections"))["results"]] == [kept.id]


async def test_what_is_not_indexed_yet_is_found_by_its_words(user: User, parts: Parts) -> None:
    await parts.indexer.stop()
    added = await user.add(GATEWAY)
    assert added["indexed"] is False
    hit = (await user.search("gateway timeout"))["results"][0]
    assert hit["memory"] == GATEWAY
    assert "similarity" not in hit


class BrokenIndex:
    """An index whose server went away; everything else is the real one's."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def search(self, queries: Sequence[object]) -> list[object]:
        raise StoreUnavailable("qdrant", f"{len(queries)} queries met nobody", retryable=True)

    async def similarities(self, *_: object) -> dict[str, float]:
        raise StoreUnavailable("qdrant", "nobody is there", retryable=True)


async def test_with_the_vector_side_down_words_answer_and_the_answer_says_so(user: User, parts: Parts) -> None:
    await user.add(GATEWAY, wait=True)
    await user.add("Plants need water on Fridays", wait=True)
    broken: Any = BrokenIndex(parts.index)
    service = MemoryService(replace(parts, index=broken, recall=Recall(parts.store, broken, parts.embedder)))
    answer = await service.search_memories(user.session(), query="what is the idle timeout?", explain=True)
    (hit,) = answer["results"]
    assert hit["memory"] == GATEWAY
    assert hit["explain"]["shares"].keys() == {"lexical"}
    assert "nobody" in answer["degraded"][0]
    graph = await service.search_graph(user.session(), query="gateway")
    assert "nobody" in graph["degraded"][0]


async def test_noise_is_searched_only_where_a_filter_asks_for_it(user: User) -> None:
    await user.add(GATEWAY, wait=True)
    await user.raw("MATCH (m:Memory {user_id: $user_id}) SET m.noise = true")
    await user.add("The gateway has a new timeout", wait=True)
    assert await texts(user, "gateway timeout") == ["The gateway has a new timeout"]
    assert await texts(user, "gateway timeout", filters={"noise": True}) == [GATEWAY]


async def test_a_memory_reads_as_it_did_when_it_was_known(user: User) -> None:
    user.clock.at("2024-01-01")
    added = await user.add(
        "The port is 8080", states("The port is 8080", "CONFIGURED_AS", "gateway", "8080"), wait=True
    )
    user.clock.at("2024-02-01")
    await user.update(added.id, states("The port is 9090", "CONFIGURED_AS", "gateway", "9090"), text="The port is 9090")
    await user.indexer.drain()
    (hit,) = (await user.search("which port?", known_at="2024-01-15"))["results"]
    assert (hit["memory"], ["fact" in fact for fact in hit["facts"]]) == ("The port is 8080", [False])
    (hit,) = (await user.search("which port?"))["results"]
    assert (hit["memory"], ["fact" in fact for fact in hit["facts"]]) == ("The port is 9090", [False])
    assert (await user.search("which port?", known_at="2023"))["results"] == []


async def test_a_planned_fact_is_shown_as_planned_until_it_begins(user: User) -> None:
    user.clock.at("2025-01-01")
    await user.add("Node 24 comes", states("uses Node 24", "USES_VERSION", "app", "24", valid_at="2026"), wait=True)
    (hit,) = (await user.search("Node version"))["results"]
    assert [fact["fact"] for fact in hit["planned"]] == ["uses Node 24"]
    assert "facts" not in hit
    user.clock.at("2026-06-01")
    (hit,) = (await user.search("Node version"))["results"]
    assert [fact["fact"] for fact in hit["facts"]] == ["uses Node 24"]


async def test_the_same_question_has_the_same_answer(user: User) -> None:
    for number in range(15):
        await user.add(f"Worker {number} restarted by itself", wait=True)
    first = await user.search("which worker restarted?", limit=15)
    for _ in range(3):
        assert await user.search("which worker restarted?", limit=15) == first


@pytest.mark.parametrize("limit", [1, 5, 20])
async def test_as_many_as_asked_for_are_answered(user: User, limit: int) -> None:
    for number in range(20):
        await user.add(f"Worker {number} restarted by itself", wait=True)
    assert len(await texts(user, "which worker restarted?", limit=limit, max_tokens=10_000)) == limit


async def test_what_is_written_shows_at_once(user: User) -> None:
    note = await user.add(GATEWAY, wait=True)
    assert await texts(user, "why does the gateway drop links?") == [GATEWAY]
    other = await user.add("A gateway that drops links needs a longer timeout", wait=True)
    assert len(await texts(user, "why does the gateway drop links?")) == 2
    await user.update(note.id, text="Nobody knows why the kettle boils over")
    best = (await user.search("kettle", explain=True))["results"][0]
    assert best["id"] == note.id and best["explain"]["shares"]["lexical"] > 0
    await user.delete(other.id)
    assert await texts(user, "gateway") == ["Nobody knows why the kettle boils over"]


async def test_a_message_that_joins_its_conversation_later_is_a_neighbour(user: User) -> None:
    question = "database of the billing ledger"
    asked = (await talk(user, ("Ada", "Which database did we choose for the billing ledger?")))[0]
    answered = (await talk(user, ("Bob", "The third one on the list, as discussed.")))[0]
    hits = (await user.search(question, explain=True))["results"]
    assert {hit["id"]: hit["explain"].get("best_neighbour") for hit in hits}[answered] == asked


async def test_each_part_of_a_score_is_explained(user: User) -> None:
    await talk(
        user,
        ("Ada", "The billing ledger runs on Postgres since last week"),
        ("Bob", "And the search page on OpenSearch"),
    )
    answer = await user.search("what does Ada say on the billing ledger?", explain=True)
    best = answer["results"][0]["explain"]
    assert {"lexical", "text", "sentence", "tokens", "speaker"} <= best["shares"].keys()
    assert sum(best["shares"].values()) == pytest.approx(answer["results"][0]["score"], abs=0.01)
    assert best["ranks"]["tokens"] == 1


async def test_what_was_said_on_the_day_asked_about_comes_first(user: User) -> None:
    days = ("2024-03-01", "2024-03-08", "2024-03-15")
    for day in days:
        await user.add(f"The deployment failed again, ticket {day[-2:]}", occurred_at=day, wait=True)
    for day in days:
        best = (await user.search(f"why did the deployment fail on {day}?", explain=True))["results"][0]
        assert best["memory"].endswith(day[-2:]) and best["explain"]["shares"]["date"] > 0.3


async def test_what_is_left_of_a_conversation_is_indexed_as_if_the_rest_had_never_been_said(
    user: User, parts: Parts
) -> None:
    said = [("Ada", f"Message {number} is about {what}") for number, what in enumerate(TOPICS)]
    kept = [line for number, line in enumerate(said) if number not in (2, 3)]
    never = await talk(user, *kept, run_id="never said")
    whole = await talk(user, *said, run_id="deleted")
    edited = await talk(user, *said[:1], ("Ada", "Something else"), *said[2:], run_id="edited")
    for uuid in (whole[2], whole[3]):
        await user.delete(uuid)
    await user.update(edited[1], text=said[1][1])
    for uuid in (edited[2], edited[3]):
        await user.delete(uuid)
    await parts.indexer.drain()
    left = [uuid for uuid in whole if uuid not in (whole[2], whole[3])]
    mended = [uuid for uuid in edited if uuid not in (edited[2], edited[3])]
    assert await _vectors(parts, user, left) == await _vectors(parts, user, never)
    assert await _vectors(parts, user, mended) == await _vectors(parts, user, never)


async def _vectors(parts: Parts, user: User, uuids: list[str]) -> list[dict[str, float]]:
    """Return how near each point is to some probes in each of its vectors: what tells equal vectors from others."""
    seen: list[dict[str, float]] = [{} for _ in uuids]
    for probe in TOPICS:
        asked = await parts.embedder.embed_question(probe)
        vectors: dict[VectorName, Vector] = {"text": asked.text, "sentences": asked.sentence, "tokens": asked.tokens}
        for using, vector in vectors.items():
            found = await parts.index.search(
                [IndexQuery(vector, "memory", user.id, 100, using=using, among=[uuid]) for uuid in uuids]
            )
            for one, hits in zip(seen, found, strict=True):
                one[f"{using} {probe}"] = hits[0].score
    return seen
