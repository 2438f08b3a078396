"""What a session costs an agent's context: the lists, the instructions, the answers."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from uuid import uuid4

import pytest

from kg.language.words import estimate_tokens
from mcp_server.tools import manifest
from mcp_server.tools.tools import INSTRUCTIONS
from tests.support.live import COMMAND, PATIENCE_S, Live, says

pytestmark = pytest.mark.timeout(900)

MOST_LIST_BYTES = 16_000
MOST_INSTRUCTION_CHARS = 2_000
WORDY = 8
"""Large memories, one as large as one can be; a small answer holds none of them whole and a large one all in part."""


def spoken(live: Live, *messages: dict[str, Any]) -> dict[int, bytes]:
    """The shim's answers as bytes, by id."""
    lines = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    done = subprocess.run(
        [*COMMAND, "mcp"], input=lines, env=live.environment, cwd=live.root, capture_output=True,
        timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    return {json.loads(line)["id"]: line for line in done.stdout.splitlines()}


def opening(version: str) -> list[dict[str, Any]]:
    info = {"name": "budget", "version": "0"}
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": info}
    return [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "prompts/list"},
        {"jsonrpc": "2.0", "id": 4, "method": "resources/list"},
    ]


def test_the_list_of_tools_and_the_instructions_cost_little_on_the_wire(ready: Live) -> None:
    answers = spoken(ready, *opening("2025-11-25"))
    assert len(answers[2]) <= MOST_LIST_BYTES
    assert len(json.loads(answers[2])["result"]["tools"]) == 11
    instructions = json.loads(answers[1])["result"]["instructions"]
    assert len(instructions) <= MOST_INSTRUCTION_CHARS
    assert instructions == INSTRUCTIONS
    assert sum(len(answer) for answer in answers.values()) <= MOST_LIST_BYTES + 6_000


def test_the_instructions_begin_with_when_to_search_and_show_an_example_of_facts() -> None:
    first, second, *_ = INSTRUCTIONS.split("\n\n")
    assert "memory" in first
    assert second.startswith("SEARCH")
    example = INSTRUCTIONS[INSTRUCTIONS.index("facts: [") + 7 :]
    facts = json.JSONDecoder().raw_decode(example)[0]
    assert {"statement", "subject", "predicate", "object", "because", "revisit_when"} <= set(facts[0])
    assert "supersedes" in INSTRUCTIONS


async def test_the_example_of_the_instructions_is_taken_whole(ready: Live, user: str) -> None:
    facts = json.JSONDecoder().raw_decode(INSTRUCTIONS[INSTRUCTIONS.index("facts: [") + 7 :])[0]
    async with ready.http(user) as agent:
        added = await agent.add("The example", *facts)
        assert len(added["facts"]) == len(facts)
        assert not added.keys() & {"warnings", "facts_skipped"}


async def test_the_shipped_manifest_is_what_the_live_server_answers(ready: Live, user: str) -> None:
    shipped = json.loads(manifest.FILE.read_bytes())
    assert shipped == await manifest.build_live_manifest()
    async with ready.http(user) as agent:
        live = [tool.model_dump(mode="json", by_alias=True, exclude_none=True)
                for tool in (await agent.client.list_tools()).tools]  # fmt: skip
    listed = next(a["result"]["tools"] for a in shipped["answers"] if a["method"] == "tools/list")
    assert [tool["name"] for tool in live] == [tool["name"] for tool in listed]
    assert [tool["inputSchema"] for tool in live] == [tool["inputSchema"] for tool in listed]
    assert [tool["description"] for tool in live] == [tool["description"] for tool in listed]


SUBJECT = "The nightly export of invoices failed because the certificate of the archive host had expired. "
FOREIGN = "夜間の請求書エクスポートは証明書の期限切れで失敗した。"


@pytest.fixture(scope="module")
async def wordy(live: Live) -> str:
    """Somebody whose memories are large, in facts, metadata and labels too."""
    user = f"tools-wordy-{uuid4().hex}"
    async with live.shim(user) as agent:
        for i in range(WORDY):
            longest = 60_000 if i == 1 else 5_000
            filler = f"Part {i} of the story goes on and on about other things. " * 1000
            await agent.add(
                (filler[: i * 600] + SUBJECT + filler)[:longest] if i % 3 else (f"{i} " + FOREIGN * 150),
                *(
                    says(
                        f"{SUBJECT * 9} ({i}.{n})", "nightly export", f"FAILED_BECAUSE_{n}", f"{FOREIGN * 9}{i}",
                        because=SUBJECT * 20, revisit_when=FOREIGN * 20,
                    )
                    for n in range(20 if i == 1 else 5)
                ),
                metadata={f"key {n}": FOREIGN * 4 for n in range(20)},
                agent_id="a" * 256, run_id="語" * 256, project="プ" * 256,
            )  # fmt: skip
        await agent.indexed()
    return user


QUESTIONS = ["why did the nightly export of invoices fail?", "請求書エクスポートの失敗", "nightly export"]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("max_tokens", [200, 300, 500, 1000, None, 2500, 20_000])
@pytest.mark.parametrize("more", [{}, {"enable_graph": True}, {"explain": True, "rerank": True}])
async def test_an_answer_stays_within_its_budget_however_large_the_memories_are(
    ready: Live, wordy: str, question: str, max_tokens: int | None, more: dict[str, bool]
) -> None:
    arguments = {"query": question, "limit": 50, "weak": True, **more}
    async with ready.http(wordy) as agent:
        budget = 2000 if max_tokens is None else max_tokens
        if max_tokens is not None:
            arguments["max_tokens"] = max_tokens
        answer = await agent.call("search_memories", **arguments)
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        assert estimate_tokens(text) <= budget
        assert answer["results"]
        assert "did not fit" in answer["omitted"] or len(answer["results"]) == WORDY
        for hit in answer["results"]:
            assert hit["truncated"] is True
            assert len(hit["memory"]) <= 700
            assert len(str(hit.get("metadata", ""))) < 600


async def test_a_long_text_is_cut_to_the_passage_that_answers_and_its_id_leads_to_the_whole(
    ready: Live, wordy: str
) -> None:
    async with ready.http(wordy) as agent:
        answer = await agent.call("search_memories", query="expired certificate of the archive host", max_tokens=8000)
        hits = [hit for hit in answer["results"] if "Part" in hit["memory"] or "certificate" in hit["memory"]]
        assert hits
        for hit in hits:
            assert "certificate of the archive host" in hit["memory"]
            whole = await agent.call("get_memory", memory_id=hit["id"])
            assert len(whole["memory"]) > 3_000
            assert hit["memory"].strip("…") in whole["memory"]


async def test_empty_fields_are_left_out(ready: Live, user: str) -> None:
    def empty(value: Any) -> bool:
        return value is None or value in ("", [], {})

    async with ready.http(user) as agent:
        added = await agent.add("A plain note about nothing much", says("s is p", "s", "USES", "o"))
        memory_id = added["results"][0]["id"]
        answers = [
            added,
            await agent.call("search_memories", query="plain note"),
            await agent.call("get_memories"),
            await agent.call("get_memory", memory_id=memory_id),
            await agent.call("get_entity", name="s"),
            await agent.call("search_graph", query="s"),
        ]
        for answer in answers:
            stack: list[Any] = [answer]
            while stack:
                value = stack.pop()
                members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
                assert not any(empty(member) for member in members), f"{value} has an empty field"
                stack.extend(members)


async def test_lists_cut_long_texts_and_much_metadata(ready: Live, wordy: str) -> None:
    async with ready.http(wordy) as agent:
        for row in (await agent.call("get_memories", limit=WORDY))["results"]:
            assert len(row["memory"]) <= 700
            assert row["truncated"] is True
            assert len(str(row["metadata"])) < 600
            assert all(len(fact["fact"]) <= 300 for fact in row["facts"])
