"""What tools make of bad, hostile and merely unusual input: a clear word or a right answer, and an unharmed graph."""

from __future__ import annotations

import asyncio
import json
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.live import COMMAND, PATIENCE_S, Agent, Json, Live, id_of, says

LONG_ID = "x" * 257
UNKNOWN = "9f0c7a52-7e6c-4e8e-9a57-0d6f5a1f3c11"
BAD_IDS: list[object] = [5, 1.5, True, [], {}, ["a"], LONG_ID, "null\0byte", "line\nbreak"]
BLANK: list[object] = ["", "  ", " \n"]
"""Refused where a value is required and where something is erased; of another optional value it means "not given"."""
BAD_TEXTS: list[object] = [5, True, [], {}, "null\0byte"]
BAD_UUIDS: list[object] = [5, True, [], {}, "nonsense", "x" * 100_000, "null\0byte", UNKNOWN[:-1]]
BAD_FLAGS: list[object] = ["maybe", 2, [], {}]
BAD_COUNTS: list[object] = [-1, "-1", 201, "201", 10**30, "9" * 30, 1.5, "1.5", "ten", True, [], {}, 1e308]
BAD_TIMES: list[object] = ["yesterday", "2024-13", "2024-02-30", "٢٠٢٤", 2024, True, [], {}, "9" * 1000, "2024\0"]
BAD_JSON: list[object] = [
    5, True, "text", ["a"], {"a": "null\0byte"}, {"k\0": 1}, {LONG_ID: 1}, {"": 1}, {"a": 2**70},
    {"a": "x" * 20_000}, "{not json", '["a"]',
]  # fmt: skip
BAD_FILTERS: list[object] = [
    5, True, "text", ["a"], {"a": {"like": 1}}, {"a": {}}, {"OR": {"a": 1}}, {"AND": []}, {"and": [{"a": 1}]},
    {"created_at": {"gt": "soon"}}, {"created_at": {"contains": "2024"}}, {"a": {"in": 5}}, {"a": {"gt": None}},
    {"a": {"eq": {"b": 1}}}, {"k\0": 1}, {LONG_ID: 1}, {"a": "x" * 5000}, {f"k{i}": i for i in range(101)}, "{broken",
]  # fmt: skip
SCOPE: dict[str, list[object]] = dict.fromkeys(("user_id", "agent_id", "run_id", "project"), BAD_IDS)
ERASED_SCOPE: dict[str, list[object]] = {name: [*BAD_IDS, *BLANK] for name in SCOPE}
FACTS: list[object] = [5, True, ["x"] * 101]

BAD: dict[str, dict[str, list[object]]] = {
    "add_memory": {
        **SCOPE,
        "text": [*BAD_TEXTS, "x" * 65_537, "é" * 32_769],
        "messages": [
            5,
            True,
            {},
            [],
            [5],
            [None],
            [{"role": "user"}],
            [{"role": "robot", "content": "x"}],
            [{"role": [], "content": "x"}],
            [{"role": "user", "content": 5}],
            [{"role": "user", "content": "a\0"}],
            [{"role": "tool", "content": "x"}],
            {"role": "user", "content": " "},
            [{"role": "user", "content": "x"}] * 501,
            [{"role": "user", "content": [{"type": "text", "text": 5}]}],
        ],
        "facts": FACTS,
        "metadata": BAD_JSON,
        "occurred_at": BAD_TIMES,
        "infer": BAD_FLAGS,
        "enable_graph": BAD_FLAGS,
        "wait": BAD_FLAGS,
    },
    "search_memories": {
        **SCOPE,
        "query": [*BAD_TEXTS, *BLANK, "x" * 1_048_577],
        "filters": BAD_FILTERS,
        "limit": BAD_COUNTS,
        "threshold": [2, -1.1, "high", "2", "nan", True, [], {}, 10**400],
        "changed_since": BAD_TIMES,
        "weak": BAD_FLAGS,
        "rerank": BAD_FLAGS,
        "enable_graph": BAD_FLAGS,
        "as_of": BAD_TIMES,
        "known_at": BAD_TIMES,
        "max_tokens": [-1, 199, "199", 100_001, 1.5, "many", True, []],
        "explain": BAD_FLAGS,
    },
    "get_memories": {
        **SCOPE,
        "filters": BAD_FILTERS,
        "limit": BAD_COUNTS,
        "cursor": ["x", -1, "-1", "1.5", 1.5, "9" * 19, "9" * 100, "٣", True, [], {}],
    },
    "get_memory": {"memory_id": [*BAD_UUIDS, *BLANK], "user_id": BAD_IDS},
    "update_memory": {
        "memory_id": [*BAD_UUIDS, *BLANK],
        "text": [*BAD_TEXTS, "x" * 65_537],
        "facts": [*FACTS, {}, ["fine", 5], [{"statement": ""}]],
        "metadata": BAD_JSON,
        "user_id": BAD_IDS,
    },
    "delete_memory": {"memory_id": [*BAD_UUIDS, *BLANK], "user_id": [*BAD_IDS, *BLANK]},
    "delete_all_memories": {
        **ERASED_SCOPE,
        "dry_run": [*BAD_FLAGS, ""],
        "confirm": [-1, "-1", 1.5, "two", "", True, [], {}],
    },
    "list_entities": {},
    "delete_entities": {
        **{name: ERASED_SCOPE[name] for name in ("user_id", "agent_id", "run_id")},
        "name": [*BAD_IDS, *BLANK, "!!!", "no such thing"],
        "with_memories": [*BAD_FLAGS, ""],
        "dry_run": [*BAD_FLAGS, ""],
        "confirm": [-1, "-1", 1.5, "two", "", True, [], {}],
    },
    "search_graph": {
        **SCOPE,
        "query": [5, True, [], {}, "null\0byte", "x" * 1_048_577],
        "limit": [*BAD_COUNTS, 51],
        "as_of": BAD_TIMES,
    },
    "get_entity": {
        **SCOPE,
        "name": [*BAD_IDS, "!!!", "no such thing"],
        "uuid": [*BAD_UUIDS, UNKNOWN],
        "direction": ["up", 5, True, [], {}],
        "as_of": BAD_TIMES,
        "known_at": BAD_TIMES,
        "include_superseded": BAD_FLAGS,
        "limit": BAD_COUNTS,
    },
}
"""For every tool and every parameter of it, values that are refused, whatever else is given."""


def usable(tool: str, memory_id: str) -> Json:
    """Arguments with which a tool would work, to spoil one of them."""
    return {
        "add_memory": {"text": "A note that is never stored"},
        "search_memories": {"query": "anything"},
        "get_memory": {"memory_id": memory_id},
        "update_memory": {"memory_id": memory_id, "metadata": {"never": "stored"}},
        "delete_memory": {"memory_id": memory_id},
        "delete_all_memories": {"agent_id": "sacred"},
        "delete_entities": {"name": "Redis", "with_memories": True},
        "get_entity": {"name": "Redis"},
    }.get(tool, {})


def spoiled(tool: str, memory_id: str) -> Iterator[tuple[str, Json]]:
    """Every bad call of a tool, with the parameter that is bad."""
    instead = {"messages": "text", "uuid": "name", "agent_id": "name", "run_id": "name"}
    for name, values in BAD[tool].items():
        for value in values:
            arguments = usable(tool, memory_id)
            if name in instead and (tool == "delete_entities" or name in ("messages", "uuid")):
                arguments.pop(instead[name], None)
            if tool == "delete_entities" and name in ("agent_id", "run_id"):
                arguments.pop("with_memories")
            yield name, {**arguments, name: value}


async def furnish(agent: Agent) -> str:
    """A small graph that must stay as it is; returns one of its memories."""
    redis = says("Redis was rejected", "session storage", "REJECTED", "Redis", because="one more service")
    first = await agent.add("Redis was rejected for sessions", redis, agent_id="sacred")
    await agent.add("Redis again", says("Redis caches pages", "Redis", "CACHES", "pages"), agent_id="sacred")
    return id_of(first)


def assert_clear(text: str, tool: str) -> None:
    """A refusal has words, few, and none of a program's insides."""
    assert len(text) > 20
    assert len(text) < 1000, f"{len(text)} characters"
    assert not text.startswith(f"Error executing tool {tool}")
    for inside in ("Traceback", "Neo.", "org.neo4j", "pydantic", "object at 0x", "<class", "NoneType"):
        assert inside not in text


@pytest.mark.parametrize("tool", sorted(BAD))
async def test_bad_values_are_refused_by_the_name_of_their_field_and_change_nothing(
    ready: Live, user: str, tool: str
) -> None:
    async with ready.http(user) as agent:
        memory_id = await furnish(agent)
        before = await agent.inventory()
        for name, arguments in spoiled(tool, memory_id):
            failed, answer, text = await agent.try_call(tool, arguments)
            shown = repr(arguments[name])[:80]
            assert failed, f"{tool} took {name}={shown} and answered {answer}"
            assert_clear(text, tool)
            missing = "no such thing" in text or arguments[name] == UNKNOWN
            assert name in text or missing or "confirm" in text, f"{name}={shown}: {text}"
        assert await agent.inventory() == before


@pytest.mark.parametrize("tool", sorted(BAD))
async def test_unknown_and_missing_parameters_are_named(ready: Live, user: str, tool: str) -> None:
    async with ready.http(user) as agent:
        memory_id = await furnish(agent)
        before = await agent.inventory()
        for unknown in ("bogus", "x" * 100_000, "Text", "class__", "ctx", "self"):
            text = await agent.refusal(tool, **usable(tool, memory_id), **{unknown: 1})
            assert_clear(text, tool)
            assert unknown[:40] in text
            assert "no such parameter" in text
        required = {"get_memory": "memory_id", "search_memories": "query", "get_entity": "name", "add_memory": "text"}
        if tool in required:
            text = await agent.refusal(tool)
            assert_clear(text, tool)
            assert required[tool] in text
        assert await agent.inventory() == before


async def test_all_parameters_of_all_tools_are_tried(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        for tool in (await agent.client.list_tools()).tools:
            assert BAD[tool.name].keys() == tool.input_schema["properties"].keys()


async def test_another_user_s_things_do_not_exist(ready: Live, user: str) -> None:
    async with ready.http(f"{user}-other") as other:
        theirs = await furnish(other)
        entity = (await other.call("get_entity", name="Redis"))["id"]
        fact = (await other.call("get_memory", memory_id=theirs))["facts"][0]["id"]
        untouched = await other.inventory()
        async with ready.http(user) as agent:
            await furnish(agent)
            before = await agent.inventory()
            for tool in ("get_memory", "delete_memory", "update_memory"):
                more = {"text": "mine now"} if tool == "update_memory" else {}
                text = await agent.refusal(tool, memory_id=theirs, **more)
                assert text == await agent.refusal(tool, memory_id=UNKNOWN, **more) or "no memory" in text
            assert "no entity" in await agent.refusal("get_entity", uuid=entity)
            assert "no entity" in await agent.refusal("get_entity", name=entity)
            assert "no entity" in await agent.refusal("delete_entities", name=entity)
            assert await agent.inventory() == before
            stolen = says("I end your fact", "session storage", "USES", "Redis", supersedes=[fact], how="corrected")
            added = await agent.add("I end your fact", stolen)
            assert "nothing was superseded" in added["warnings"][0]
            assert theirs not in json.dumps(await agent.call("search_memories", query="Redis sessions", limit=200))
            assert entity not in json.dumps(await agent.call("search_graph", query="Redis", limit=50))
        assert await other.inventory() == untouched
        assert (await other.call("get_memory", memory_id=theirs))["facts"][0].get("replaced_by") is None


async def test_unusable_facts_are_listed_and_never_fail_the_memory(ready: Live, user: str) -> None:
    bad: list[Any] = [
        5, None, [], {}, {"statement": 5}, {"statement": "x" * 5000}, {"statement": "a\0b"}, "", "\0",
        {"subject": "api", "predicate": "USES"}, {"because": "no statement"},
    ]  # fmt: skip
    async with ready.http(user) as agent:
        added = await agent.add("Half of what came with this was junk", *bad, "but this is a sentence")
        assert [fact["fact"] for fact in added["facts"]] == ["but this is a sentence"]
        assert [skipped["index"] for skipped in added["facts_skipped"]] == list(range(len(bad)))
        for skipped in added["facts_skipped"]:
            assert_clear(skipped["why"], "add_memory")
            assert f"facts[{skipped['index']}]" in skipped["why"]
        odd = await agent.add("Odd keys", {"statement": "kept", "x" * 100_000: 1, "supersedes": [UNKNOWN]})
        assert len(json.dumps(odd["warnings"])) < 1000
        assert any(UNKNOWN in warning for warning in odd["warnings"])


async def test_an_unusable_part_of_a_fact_costs_that_part_and_is_named(ready: Live, user: str) -> None:
    bad: list[dict[str, Any]] = [
        {"subject": LONG_ID}, {"subject": "!!!"}, {"valid_at": "soon"}, {"valid_at": "2024", "invalid_at": "2023"},
        {"how": "deleted"}, {"supersedes": ["nonsense"]}, {"supersedes": 5}, {"predicate": 5}, {"because": []},
        {"subject_kind": "Alien"}, {"object": {"deep": [1]}},
    ]  # fmt: skip
    async with ready.http(user) as agent:
        facts = [{"statement": f"Sentence {i}", **part} for i, part in enumerate(bad)]
        added = await agent.add("Parts of what came with this were junk", *facts)
        shown = [fact["fact"].removesuffix(" (ended)") for fact in added["facts"]]
        assert shown == [fact["statement"] for fact in facts]
        assert "facts_skipped" not in added
        for i, (warning, part) in enumerate(zip(added["warnings"], bad, strict=True)):
            assert_clear(warning, "add_memory")
            assert warning.startswith(f"facts[{i}].{list(part)[-1]}")


async def test_empty_optional_values_count_as_not_given(ready: Live, user: str) -> None:
    nothing = {"agent_id": "", "run_id": " ", "project": "null", "user_id": ""}
    async with ready.http(user) as agent:
        added = await agent.call(
            "add_memory", text="Cache key holds the tenant.", facts="", metadata="", messages=[], occurred_at="",
            infer="", wait="", enable_graph="", **nothing,
        )  # fmt: skip
        await agent.indexed()
        memory_id = id_of(added)
        shown = await agent.call("get_memory", memory_id=memory_id, user_id="")
        assert not shown.keys() & {"agent_id", "run_id", "occurred_at", "metadata"}
        assert shown.get("project") != "null"
        for empty in ({"limit": 0, "max_tokens": 0, "filters": {}}, {"limit": "0", "max_tokens": "", "filters": []}):
            blank = {"as_of": "", "known_at": "null", "threshold": "", "explain": ""}
            found = await agent.call("search_memories", query="cache key", **nothing, **blank, **empty)
            assert [hit["id"] for hit in found["results"]] == [memory_id]
        assert len((await agent.call("get_memories", cursor="", limit=0, filters="", **nothing))["results"]) == 1
        await agent.call("update_memory", memory_id=memory_id, text="", facts=[says("t", "tenant", "USES", "x")])
        shown = await agent.call("get_memory", memory_id=memory_id)
        assert (shown["memory"], len(shown["facts"])) == ("Cache key holds the tenant.", 1)
        await agent.call("search_graph", query="", as_of="", limit=0, **nothing)
        page = await agent.call("get_entity", name="tenant", uuid="", direction="", limit="", **nothing)
        assert len(page["facts"]) == 1


async def test_numbers_and_flags_may_be_text(ready: Live, user: str) -> None:
    async with ready.http(user) as agent:
        for i in range(12):
            await agent.add(f"Retry policy {i} is five.", agent_id="counted")
        found = await agent.call(
            "search_memories", query="retry", limit="2", max_tokens="1500", threshold="-1", explain="1", rerank="no"
        )
        assert len(found["results"]) == 2
        assert len((await agent.call("get_memories", limit="2"))["results"]) == 2
        looked = await agent.call("delete_all_memories", agent_id="counted", dry_run="true")
        erased = await agent.call("delete_all_memories", agent_id="counted", confirm=str(looked["confirm"]))
        assert erased["deleted"]["memories"] == 12


async def test_what_clients_add_to_every_call_is_passed_over_and_named(ready: Live, user: str) -> None:
    added = {"sessionId": "1", "action": "sendMessage", "chatInput": "x", "tool": "y", "toolCallId": "call_1", "_id": 5}
    async with ready.http(user) as agent:
        memory_id = id_of(await agent.add("Cache key."))
        calls: list[tuple[str, Json]] = [
            ("search_memories", {"query": "cache"}), ("get_memory", {"memory_id": memory_id}), ("list_entities", {}),
            ("delete_memory", {"memory_id": memory_id}),
        ]  # fmt: skip
        assert "warnings" not in await agent.call("search_memories", query="cache")
        for tool, arguments in calls:
            answer = await agent.call(tool, **arguments, **added)
            assert all(name in answer["warnings"][-1] for name in added)
        text = await agent.refusal("search_memories", query="cache", sessionId="1", bogus=1)
        assert text.startswith("'bogus': no such parameter")


async def test_other_clients_conversations_are_stored(ready: Live, user: str) -> None:
    messages: list[Json] = [
        {"role": "developer", "content": "Be terse."},
        {"role": "Human", "name": "...", "content": {"type": "text", "text": "Why is 8123 busy?"}},
        {"role": "assistant", "tool_calls": [{"id": "t1"}]},
        {"role": "tool", "tool_call_id": "t1", "content": "EADDRINUSE"},
        {"role": "model", "parts": [{"text": "A zombie watcher holds it."}]},
    ]
    async with ready.http(user) as agent:
        added = await agent.call("add_memory", messages=messages, facts="A zombie watcher held port 8123")
        assert [warning.partition(":")[0] for warning in added["warnings"]] == [
            "messages[1].name", "messages[2]", "messages[3]",
        ]  # fmt: skip
        assert (len(added["results"]), len(added["facts"])) == (3, 1)
        one = await agent.call("add_memory", messages={"role": "user", "content": "Pin pnpm 9."})
        assert len(one["results"]) == 1
        shown = [(hit.get("role"), hit["memory"]) for hit in reversed(await agent.listed())]
        assert shown == [
            ("system", "Be terse."), ("user", "Why is 8123 busy?"), ("assistant", "A zombie watcher holds it."),
            ("user", "Pin pnpm 9."),
        ]  # fmt: skip


STRANGE = [
    '+ - && || ! ( ) { } [ ] ^ " ~ * ? : \\ /',
    "AND OR NOT TO",
    "title:secret OR user_key:*",
    "*:*",
    "[a TO z]",
    "/.*/",
    "' OR 1=1 //",
    "`}) DETACH DELETE n //",
    "$user_id {user_id: $user_id}",
    "\\u0027}) MATCH (n) DETACH DELETE n RETURN (n:`",
    "<script>alert('x')</script> &amp; %s %d {0} ${HOME}",
    "🧠🧑‍🚀 👩🏽‍💻 🏳️‍🌈",
    "مرحبا بالعالم — עולם \u202etxet desrever\u202c",
    "Z̸̡̛a̷l̵g̶o̴ é é ﬁ ㎏ Ａ",
    "\u200b\u200d\ufeff zero width",
    "tab\tand\rreturn",
    "…",
]


@pytest.mark.parametrize("strange", STRANGE)
async def test_strange_text_is_kept_letter_by_letter_wherever_it_stands(ready: Live, user: str, strange: str) -> None:
    name = " ".join(f"n{strange}".split())[:200]
    async with ready.http(user) as agent:
        await agent.add("An innocent neighbour")
        added = await agent.add(
            f"x {strange}",
            says(f"x {strange}", name, strange[:64], f"o{strange}", because=strange, revisit_when=strange),
            metadata={f"k{strange}": strange},
            agent_id=name, run_id=name, project=name,
        )  # fmt: skip
        shown = await agent.call("get_memory", memory_id=id_of(added))
        assert shown["memory"] == f"x {strange}"
        assert shown["metadata"] == {f"k{strange}": strange}
        kept = unicodedata.normalize("NFC", name)
        assert (shown["agent_id"], shown["run_id"], shown["project"]) == (kept, kept, kept)
        (fact,) = shown["facts"]
        assert (fact["fact"], fact["because"], fact["revisit_when"]) == (f"x {strange}", strange, strange)
        scope = {"agent_id": name, "run_id": name, "project": name}
        assert await agent.found(strange, **scope) == [f"x {strange}"]
        assert await agent.found("x", filters={f"k{strange}": strange}) == [f"x {strange}"]
        assert [hit["memory"] for hit in await agent.listed(filters={f"k{strange}": {"eq": strange}})] == [
            f"x {strange}"
        ]
        page = await agent.call("get_entity", name=name)
        assert page["facts"][0]["fact"] == f"x {strange}"
        assert page["name"] == name
        await agent.call("search_graph", query=strange)
        erased = await agent.call("delete_all_memories", **scope)
        assert erased["deleted"]["memories"] == 1
        assert [hit["memory"] for hit in await agent.listed()] == ["An innocent neighbour"]


@pytest.mark.parametrize("strange", [*STRANGE, "?", "\\", '"', "((((", "a" * 100_000, "word " * 20_000, "漢" * 30_000])
async def test_any_question_is_answered(ready: Live, asked: str, strange: str) -> None:
    async with ready.http(asked) as agent:
        before = await agent.inventory()
        for tool in ("search_memories", "search_graph"):
            answer = await agent.call(tool, query=strange, user_id=asked)
            assert isinstance(answer["results"], list)
            assert "degraded" not in answer
        assert await agent.inventory() == before


@pytest.fixture(scope="module")
async def asked(live: Live) -> str:
    """Somebody whose notes are asked for with anything."""
    user = f"tools-asked-{uuid4().hex}"
    async with live.shim(user) as agent:
        await furnish(agent)
    return user


SCRIPTS = {
    "Chinese": ("数据库连接池耗尽是因为没有关闭会话", "连接池为什么耗尽", "打印机在二楼"),
    "Japanese": ("テストが不安定なのは共有状態のためです", "不安定なテスト", "会議は金曜日です"),
    "Korean": ("배포가 실패한 이유는 인증서 만료였다", "인증서 만료", "점심은 열두 시"),
    "Arabic": ("فشل النشر بسبب انتهاء الشهادة", "انتهاء الشهادة", "الطابعة في الطابق الثاني"),
    "Hebrew": ("הפריסה נכשלה בגלל תעודה שפגה", "תעודה שפגה", "המדפסת בקומה השנייה"),
    "Thai": ("การปรับใช้ล้มเหลวเพราะใบรับรองหมดอายุ", "ใบรับรองหมดอายุ", "เครื่องพิมพ์อยู่ชั้นสอง"),
    "Russian": ("Развёртывание упало из-за истёкшего сертификата", "истёкшего сертификата", "Принтер на втором этаже"),
    "Greek": ("Η ανάπτυξη απέτυχε λόγω ληγμένου πιστοποιητικού", "ληγμένου πιστοποιητικού", "Ο εκτυπωτής είναι πάνω"),
    "Hindi": ("प्रमाणपत्र समाप्त होने से तैनाती विफल हुई", "प्रमाणपत्र समाप्त", "प्रिंटर दूसरी मंज़िल पर है"),
    "German": ("Die Überprüfung der Größenänderung schlug fehl", "ÜBERPRÜFUNG größenänderung", "Der Drucker ist oben"),
    "Turkish": ("İstanbul sunucusu ışık hızında", "istanbul sunucusu", "Yazıcı üst katta"),
    "emoji": ("The 🧪 lab server was renamed", "🧪", "A note on the 🖨 machine"),
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_note_in_any_script_is_found_by_its_words(ready: Live, user: str, script: str) -> None:
    note, question, other = SCRIPTS[script]
    async with ready.http(user) as agent:
        await agent.add(other)
        await agent.add(note)
        await agent.add("An English note about deployment certificates, tests and printers")
        assert (await agent.found(question))[0] == note


MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def request(tool: str, arguments: str) -> bytes:
    """A tool call with arguments written as raw JSON, which no client's encoder would let through."""
    params = {"name": tool, "_meta": MODERN, "arguments": "@"}
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    return text.replace('"@"', arguments).encode("utf-8", "surrogatepass")


def over_http(live: Live, user: str, tool: str, body: bytes) -> bytes:
    sent = {
        **live.headers(user), "accept": "application/json, text/event-stream", "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": tool,
    }  # fmt: skip
    return httpx.post(live.url, content=body, headers=sent, timeout=PATIENCE_S).content


def through_shim(live: Live, user: str, tool: str, body: bytes) -> bytes:
    del tool
    done = subprocess.run(
        [*COMMAND, "mcp"],
        input=body + b"\n",
        env=live.environment | {"KNOWTHREAD_USER_ID": user},
        cwd=live.root,
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    return done.stdout


LONE = "\\ud800"
RAW = [
    ("search_memories", f'{{"query": "half {LONE}"}}', "query"),
    ("search_memories", '{"query": "x", "threshold": NaN}', "threshold"),
    ("search_memories", '{"query": "x", "threshold": Infinity}', "threshold"),
    ("search_memories", '{"query": "x", "limit": 1e999}', "limit"),
    ("search_memories", f'{{"query": "x", "filters": {{"{LONE}": 1}}}}', "filters"),
    ("search_memories", f'{{"query": "x", "filters": {{"a": "{LONE}"}}}}', "filters"),
    ("search_memories", f'{{"query": "x", "filters": {"[" * 150}{"]" * 150}}}', "filters"),
    ("search_memories", '{"query": "x", "filters": ' + '{"AND":[' * 60 + '{"a":1}' + "]}" * 60 + "}", "filters"),
    ("search_memories", f'{{"query": "x", "{LONE}": 1}}', "no such parameter"),
    ("get_memories", f'{{"cursor": "{LONE}"}}', "cursor"),
    ("get_memory", f'{{"memory_id": "{LONE}"}}', "memory_id"),
    ("get_entity", f'{{"name": "{LONE}"}}', "name"),
    ("search_graph", f'{{"query": "{LONE}"}}', "query"),
    ("add_memory", f'{{"text": "{LONE}"}}', "text"),
    ("add_memory", f'{{"text": "x", "agent_id": "{LONE}"}}', "agent_id"),
    ("add_memory", f'{{"text": "x", "metadata": {{"{LONE}": 1}}}}', "metadata"),
    ("add_memory", f'{{"text": "x", "metadata": {{"a": ["{LONE}"]}}}}', "metadata.a[0]"),
    ("add_memory", '{"text": "x", "metadata": {"a": NaN}}', "metadata.a"),
    ("add_memory", f'{{"text": "x", "metadata": {{"a": {"[" * 150}{"]" * 150}}}}}', "metadata"),
    ("add_memory", f'{{"messages": [{{"role": "{LONE}", "content": "x"}}]}}', "messages[0].role"),
    ("add_memory", f'{{"messages": [{{"role": "user", "content": "{LONE}"}}]}}', "messages[0].content"),
    ("update_memory", f'{{"memory_id": "{UNKNOWN}", "text": "{LONE}"}}', "text"),
    ("update_memory", f'{{"memory_id": "{UNKNOWN}", "facts": ["{LONE}"]}}', "facts"),
    ("delete_entities", f'{{"name": "{LONE}"}}', "name"),
    ("delete_all_memories", f'{{"run_id": "{LONE}"}}', "run_id"),
]


@pytest.mark.parametrize("way", [over_http, through_shim])
async def test_what_no_client_would_write_is_refused_by_its_field(
    ready: Live, user: str, way: Callable[..., bytes]
) -> None:
    async with ready.http(user) as agent:
        await furnish(agent)
        before = await agent.inventory()
        for tool, arguments, field in RAW:
            content = await asyncio.to_thread(way, ready, user, tool, request(tool, arguments))
            assert b'\\ud800"' not in content.replace(b"\\\\ud800", b""), "half a character on the wire"
            result = json.loads(content)["result"]
            assert result["isError"], arguments
            assert field in result["content"][0]["text"], arguments
            assert_clear(result["content"][0]["text"], tool)
        assert await agent.inventory() == before


@pytest.mark.parametrize("way", [over_http, through_shim])
@pytest.mark.parametrize("name", ["x" * 9000, "two\nlines"])
async def test_an_unusable_user_of_a_session_is_refused_by_header_and_setting(
    ready: Live, way: Callable[..., bytes], name: str
) -> None:
    for tool, arguments in (("add_memory", '{"text": "a note"}'), ("list_entities", "{}")):
        content = await asyncio.to_thread(way, ready, name, tool, request(tool, arguments))
        result = json.loads(content)["result"]
        assert result["isError"]
        assert "KNOWTHREAD_USER_ID (header knowthread-user)" in result["content"][0]["text"]
        assert_clear(result["content"][0]["text"], tool)


@pytest.mark.parametrize("way", [over_http, through_shim])
@pytest.mark.parametrize(
    "broken",
    [
        f'{{"query": "x", "filters": {"[" * 1000}{"]" * 1000}}}',
        f'{{"query": "x", "limit": {"9" * 5000}}}',
        '{"query": "x"',
        "[1]",
        '"x"',
        "null, \"arguments\": 5",
    ],
    ids=["1000 deep", "5000 digits", "cut off", "list", "string", "twice"],
)  # fmt: skip
async def test_a_call_that_is_none_is_answered_with_an_error(
    ready: Live, user: str, way: Callable[..., bytes], broken: str
) -> None:
    content = await asyncio.to_thread(way, ready, user, "search_memories", request("search_memories", broken))
    answer = json.loads(content)
    assert answer["error"]["code"] in (-32700, -32600, -32602)
    async with ready.http(user) as agent:
        assert await agent.found("still there?") == []


@pytest.mark.parametrize("way", [over_http, through_shim])
async def test_facts_with_half_characters_are_skipped_or_kept_without_them(
    ready: Live, user: str, way: Callable[..., bytes]
) -> None:
    facts = f'["{LONE}", {{"statement": "kept", "{LONE}": 1}}, {{"statement": "s", "subject": "{LONE}"}}]'
    body = request("add_memory", f'{{"text": "Half characters came with this", "facts": {facts}}}')
    content = await asyncio.to_thread(way, ready, user, "add_memory", body)
    answer = json.loads(content)["result"]["structuredContent"]
    assert [fact["fact"] for fact in answer["facts"]] == ["kept", "s"]
    assert [skipped["index"] for skipped in answer["facts_skipped"]] == [0]
    assert [warning.split(": ")[0] for warning in answer["warnings"]] == ["facts[1]", "facts[2].subject"]
    json.dumps(answer, ensure_ascii=False).encode()


async def test_extreme_but_right_values_are_taken(ready: Live, user: str) -> None:
    longest = "x" * 256
    async with ready.http(user) as agent:
        early = says("Long ago", "era", "HAS_STATUS", "old", valid_at="0002-01-01", invalid_at="9999-12-31T23:59:59Z")
        added = await agent.add(
            "é" * 32_768, early, agent_id=longest, run_id="字" * 256, project=longest, occurred_at="0002",
            metadata={"n": 2**63 - 1, "m": -(2**63 - 1), "f": 1e308, "deep": {"a": {"b": {"c": [[[1]]]}}}, "e": ""},
        )  # fmt: skip
        shown = await agent.call("get_memory", memory_id=id_of(added).upper())
        assert len(shown["memory"]) == 32_768
        assert shown["occurred_at"] == "0002-01-01T00:00:00Z"
        assert shown["metadata"]["n"] == 2**63 - 1
        assert shown["facts"][0]["invalid_at"] == "9999-12-31T23:59:59Z"
        assert len(await agent.found("é", run_id="字" * 256, as_of="9999", max_tokens=100_000, limit=200)) == 1
        assert await agent.listed(limit=200.0, filters={"n": {"gte": 2**63 - 1}}) != []
        assert (await agent.call("get_entity", name="era", as_of="0002-06"))["facts"] != []
        assert await agent.listed(cursor="0") == []
