"""The stdio shim before a service that boots, dies and comes back."""

import asyncio
import copy
import json
import os
import random
import signal
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_server.link import lifecycle
from mcp_server.link.processes import process_start
from mcp_server.link.project import detect_project
from mcp_server.link.record import STOPPING
from mcp_server.link.stop import stop_service
from tests.support import toy_service
from tests.support.toy import MODERN, PATIENCE_S, RawShim, Toy, served, text_of, wait_for

ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


@ERAS
async def test_everything_passes_through_the_shim(shared_toy: Toy, mode: str) -> None:
    async with shared_toy.client(mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} >= {"echo", "count"}
        assert text_of(await client.call_tool("echo", {"text": "grüße 🎈 \u2028 ok"})) == "grüße 🎈 \u2028 ok"
        failed = await client.call_tool("fail", {})
        assert failed.is_error and "as you wished" in text_of(failed)
        assert (await client.get_prompt("greet", {"name": "Ada"})).messages[0].content.text == "Greet Ada."  # type: ignore[union-attr]
        assert (await client.read_resource("toy://größe")).contents[0].text == "fine"  # type: ignore[union-attr]
        with pytest.raises(Exception, match="Unknown resource"):
            await client.read_resource("toy://nothing")


@ERAS
async def test_lists_are_those_of_the_live_server(shared_toy: Toy, mode: str) -> None:
    async with shared_toy.client(mode) as shim, Client(toy_service.build_toy(shared_toy.data), mode=mode) as live:
        assert await shim.list_tools() == await live.list_tools()
        assert await shim.list_prompts() == await live.list_prompts()
        assert await shim.list_resources() == await live.list_resources()
        assert await shim.list_resource_templates() == await live.list_resource_templates()
        assert shim.instructions == live.instructions == "a toy"


@pytest.mark.parametrize("version", [*HANDSHAKES, "1999-01-01"])
async def test_handshake_agrees_on_a_version_and_needs_no_service(booting_toy: Toy, version: str) -> None:
    with RawShim(booting_toy) as shim:
        agreed = shim.open(version)["protocolVersion"]
        assert agreed == (version if version in HANDSHAKES else HANDSHAKES[-1])
        shim.request(1, "ping")
        assert shim.answer(1)["result"] == {}
        shim.request("two", "tools/list")
        assert len(shim.answer("two")["result"]["tools"]) == 9


async def test_self_describing_requests_of_an_unknown_version_are_told_the_known_ones(shared_toy: Toy) -> None:
    with RawShim(shared_toy) as shim:
        meta = MODERN | {"io.modelcontextprotocol/protocolVersion": "2031-01-01"}
        shim.request(1, "server/discover", _meta=meta)
        error = shim.answer(1)["error"]
        assert error["code"] == -32022 and error["data"]["supported"] == ["2026-07-28"]


@pytest.mark.bare
async def test_shim_imports_only_the_standard_library_and_our_own(shared_toy: Toy, tmp_path: Path) -> None:
    listing = tmp_path / "modules"
    with RawShim(shared_toy, str(listing)) as shim:
        shim.open()
        shim.catch_up()
        shim.request(1, "tools/call", name="echo", arguments={"text": "x"})
        assert shim.answer(1)["result"]["isError"] is False
        shim.close_input()
        assert shim.process.wait(PATIENCE_S) == 0
    files = [file for file in listing.read_text().splitlines() if file]
    site = sysconfig.get_path("purelib")
    ours = {str(Path(file).relative_to(Path(lifecycle.__file__).parents[2])) for file in files if "mcp_server" in file}
    assert "mcp_server/shim/forward.py" in ours
    assert not [file for file in files if file.startswith(site)]


@ERAS
async def test_progress_arrives_in_order(shared_toy: Toy, mode: str) -> None:
    seen: list[tuple[float, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, message))

    async with shared_toy.client(mode) as client:
        assert text_of(await client.call_tool("slow", {"steps": 4}, progress_callback=note)) == "done"
    assert seen == [(1.0, "step 1"), (2.0, "step 2"), (3.0, "step 3"), (4.0, "step 4")]


@pytest.mark.parametrize("modern", [True, False])
async def test_an_id_can_be_used_again_as_soon_as_it_is_answered(shared_toy: Toy, *, modern: bool) -> None:
    with RawShim(shared_toy) as shim:
        if not modern:
            shim.open()
        shim.catch_up()
        for number in range(200):
            shim.request(3, "tools/call", modern=modern, name="echo", arguments={"text": f"n{number}"})
            answer = shim.answer(3)
            assert answer.get("result", {}).get("content") == [{"type": "text", "text": f"n{number}"}], answer


@ERAS
async def test_five_megabytes_come_back_whole(shared_toy: Toy, mode: str) -> None:
    async with shared_toy.client(mode) as client:
        assert text_of(await client.call_tool("big", {"size": 2_500_000})) == "ü" * 2_500_000


@ERAS
async def test_concurrent_calls_do_not_wait_for_each_other(shared_toy: Toy, mode: str) -> None:
    async with shared_toy.client(mode) as client:
        slow = asyncio.create_task(client.call_tool("slow", {"steps": 6000}))
        await asyncio.to_thread(wait_for, (shared_toy.data / "slow.started").exists, "the slow call")
        answers = await asyncio.gather(*(client.call_tool("echo", {"text": f"n{n}"}) for n in range(40)))
        assert [text_of(answer) for answer in answers] == [f"n{n}" for n in range(40)]
        assert not slow.done()
        slow.cancel()
        with suppress(asyncio.CancelledError):
            await slow


@pytest.mark.parametrize("modern", [True, False])
async def test_a_cancelled_call_ends_in_the_service_and_is_not_answered(toy: Toy, *, modern: bool) -> None:
    with RawShim(toy) as shim:
        if not modern:
            shim.open()
        shim.catch_up()
        shim.request(3, "tools/call", modern=modern, name="slow", arguments={"steps": 6000})
        wait_for((toy.data / "slow.started").exists, "the slow call")
        shim.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}})
        wait_for((toy.data / "slow.cancelled").exists, "the cancellation")
        shim.request(4, "tools/call", modern=modern, name="echo", arguments={"text": "on"})
        assert shim.answer(4)["result"]["content"][0]["text"] == "on"
        shim.close_input()
        assert [message["id"] for message in shim.rest() if "id" in message] == []


@ERAS
async def test_a_service_killed_between_calls_is_back_for_the_next(toy: Toy, mode: str) -> None:
    async with toy.client(mode) as client:
        assert text_of(await client.call_tool("count", {"what": "one"})) == "1"
        before = toy.pid()
        toy.kill()
        assert await served(client, "count", {"what": "two"}) == "2"
        assert toy.pid() != before


@ERAS
async def test_a_call_whose_service_is_killed_is_carried_out_once(toy: Toy, mode: str) -> None:
    async with toy.client(mode) as client:
        toy.hold()
        call = asyncio.create_task(served(client, "count", {"what": "kept"}))
        await asyncio.to_thread(wait_for, toy.done, "the deed")
        toy.kill()
        toy.release()
        assert await call == "1"
    assert len(toy.done()) == 1


@ERAS
async def test_a_call_given_up_in_doubt_is_the_same_call_when_repeated(toy: Toy, mode: str) -> None:
    async with toy.client(mode) as client:
        toy.hold()
        call = asyncio.create_task(client.call_tool("count", {"what": "kept"}))
        await asyncio.to_thread(wait_for, toy.done, "the deed")
        toy.boot(until="now")
        toy.kill()
        answer = await call
        assert answer.is_error and "same call again" in text_of(answer)
        toy.release()
        (toy.data / "now").touch()
        assert await served(client, "count", {"what": "kept"}) == "1"
        assert await served(client, "count", {"what": "kept"}) == "2"


async def past_the_start(client: Client, tool: str, arguments: dict[str, str]) -> CallToolResult:
    """The first answer that tells more than that a process is being started, which takes long on a busy machine."""
    while True:
        answer = await client.call_tool(tool, arguments)
        if not any(early in text_of(answer) for early in ("starting the service", "not ready yet: starting.")):
            return answer


@ERAS
async def test_a_call_during_boot_is_told_how_far_it_is(toy: Toy, mode: str) -> None:
    toy.boot(seconds=600)
    async with toy.client(mode) as client:
        answer = await past_the_start(client, "count", {"what": "early"})
        assert answer.is_error
        assert "fetching" in text_of(answer) and "137 MB" in text_of(answer) and "again in about" in text_of(answer)
    assert toy.done() == []


@ERAS
async def test_a_call_during_boot_waits_hears_how_far_it_is_and_is_carried_out(toy: Toy, mode: str) -> None:
    toy.boot(until="now", phase="starting neo4j")
    heard: list[tuple[float, str]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message or ""))
        (toy.data / "now").touch()

    async with toy.client(mode) as client:
        answer = await client.call_tool("count", {"what": "early"}, progress_callback=note)
        assert text_of(answer) == "1" and len(toy.done()) == 1
    assert heard and all(message.startswith("knowthread: ") for _, message in heard)
    assert [progress for progress, _ in heard] == sorted({progress for progress, _ in heard})


@ERAS
async def test_a_service_that_is_called_directly_during_its_boot_lets_calls_wait(toy: Toy, mode: str) -> None:
    toy.boot(until="now", phase="starting neo4j")
    heard: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")
        (toy.data / "now").touch()

    with pytest.raises(lifecycle.ServiceStarting):
        toy.start(0)
    await asyncio.to_thread(wait_for, lambda: lifecycle.probe(toy.data), "the service's port")
    async with toy.http(mode) as client:
        answer = await client.call_tool("count", {"what": "early"}, progress_callback=note)
        assert text_of(answer) == "1" and len(toy.done()) == 1
    assert heard[0] == "knowthread: starting neo4j"


async def test_a_call_that_is_cancelled_during_boot_is_not_carried_out(toy: Toy) -> None:
    toy.boot(until="now", phase="starting neo4j")
    with RawShim(toy) as shim:
        shim.request(3, "tools/call", modern=True, name="count", arguments={"what": "early"})
        shim.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}})
        shim.close_input()
        assert shim.rest() == [] and shim.process.wait(PATIENCE_S) == 0
    (toy.data / "now").touch()
    await asyncio.to_thread(toy.start)
    assert toy.done() == []


async def test_a_call_does_not_wait_for_ever(toy: Toy) -> None:
    toy.boot(until="now", phase="starting neo4j")
    async with toy.client(TOY_PATIENCE_S="1") as client:
        answer = await client.call_tool("count", {"what": "early"})
        assert answer.is_error and "not ready yet" in text_of(answer) and "again in about" in text_of(answer)
    assert toy.done() == []


async def test_a_service_that_cannot_start_says_why_and_recovers(toy: Toy) -> None:
    toy.boot(error="the disk is full. To fix it: make room")
    async with toy.client() as client:
        for _ in range(2):
            answer = await past_the_start(client, "echo", {"text": "x"})
            assert answer.is_error and "the disk is full" in text_of(answer)
        toy.boot()
        await asyncio.to_thread(toy.start)
        assert text_of(await client.call_tool("echo", {"text": "x"})) == "x"


@ERAS
async def test_a_service_that_was_stopped_is_started_by_the_next_call(toy: Toy, mode: str) -> None:
    async with toy.client(mode) as client:
        await client.call_tool("echo", {"text": "x"})
        assert "stopped" in await asyncio.to_thread(stop_service, toy.data)
        assert await served(client, "echo", {"text": "y"}) == "y"


@ERAS
async def test_a_call_in_flight_is_finished_by_a_service_that_is_stopped(toy: Toy, mode: str) -> None:
    started = toy.data / "slow.started"
    async with toy.client(mode) as client:
        toy.hold()
        call = asyncio.create_task(client.call_tool("slow", {}))
        await asyncio.to_thread(wait_for, started.exists, "the slow call")
        started.unlink()
        stop = asyncio.create_task(asyncio.to_thread(stop_service, toy.data, PATIENCE_S))
        stopping = lambda: (lifecycle.probe(toy.data) or {}).get("phase") == STOPPING  # noqa: E731
        await asyncio.to_thread(wait_for, stopping, "the stop")
        toy.release()
        assert text_of(await call) == "done"
        assert not started.exists(), "the call was made again"
        assert "was stopped" in await stop
        assert await served(client, "echo", {"text": "next"}) == "next"


@pytest.mark.parametrize("modern", [True, False])
async def test_at_the_end_of_input_calls_in_flight_are_finished_and_the_session_is_closed(
    shared_toy: Toy, *, modern: bool
) -> None:
    with RawShim(shared_toy) as shim:
        if not modern:
            shim.open()
        shim.catch_up()
        shim.request(1, "tools/call", modern=modern, name="slow", arguments={"steps": 3})
        wait_for((shared_toy.data / "slow.started").exists, "the slow call")
        shim.close_input()
        assert [m["result"]["content"][0]["text"] for m in shim.rest() if m.get("id") == 1] == ["done"]
        assert shim.process.wait(PATIENCE_S) == 0
    wait_for(lambda: (lifecycle.probe(shared_toy.data) or {}).get("sessions") == 0, "the session's end")


async def test_the_shim_ends_when_nobody_reads_its_output(shared_toy: Toy) -> None:
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        *shared_toy.command(), stdin=asyncio.subprocess.PIPE, stdout=write, env=shared_toy.environment
    )
    os.close(write)
    assert process.stdin is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0


async def test_bad_lines_are_answered_and_do_no_harm(shared_toy: Toy) -> None:
    with RawShim(shared_toy) as shim:
        shim.catch_up()
        for line, code in [
            (b"{not json", -32700),
            (b'"\xff\xfe"', -32700),
            (b"[" * 100_000, -32700),
            (b"[]", -32600),
            (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
            (b'{"jsonrpc":"2.0","id":null,"method":5}', -32600),
        ]:
            shim.send_bytes(line + b"\n")
            message = shim.next()
            assert (message["id"], message["error"]["code"]) == (None, code), line[:40]
        shim.send_bytes(b'\n  \n{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}\n')
        assert shim.next() == {
            "jsonrpc": "2.0",
            "id": 7,
            "error": {"code": -32600, "message": "not a JSON-RPC request or notification"},
        }
        shim.request(8, "no/such/method")
        assert shim.answer(8)["error"]["code"] == -32601
        shim.request(9, "prompts/get", name="greet", arguments={"name": "\ud800"})
        assert "error" in shim.answer(9)
        shim.request(10, "ping")
        assert shim.answer(10)["result"] == {}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"text": "half \ud800"}, "text"),
        ({"text": "x", "metadata": {"a": ["fine", "\udfff"]}}, "metadata.a[1]"),
        ({"text": "x", "metadata": {"\ud800": 1}}, "metadata"),
        ({"\ud800": 1}, "arguments"),
    ],
)
async def test_half_a_character_within_a_session_is_refused_by_its_field(
    shared_toy: Toy, arguments: dict[str, Any], field: str
) -> None:
    with RawShim(shared_toy) as shim:
        shim.open()
        shim.catch_up()
        shim.request(1, "tools/call", name="count", arguments=arguments)
        result = shim.answer(1)["result"]
        assert result["isError"]
        assert (
            result["content"][0]["text"].startswith(f"{field}: ") and "lone surrogate" in result["content"][0]["text"]
        )
        shim.request(2, "tools/call", name="echo", arguments={"text": "a whole one: 🎈"})
        assert shim.answer(2)["result"]["content"][0]["text"] == "a whole one: 🎈"


async def test_null_counts_as_left_out(shared_toy: Toy) -> None:
    with RawShim(shared_toy) as shim:
        for opened in ({"capabilities": None, "clientInfo": None}, {"capabilities": {}, "clientInfo": None}, {}):
            shim.request(1, "initialize", protocolVersion="2025-06-18", **opened)
            assert shim.answer(1)["result"]["protocolVersion"] == "2025-06-18"
        shim.send({"jsonrpc": "2.0", "method": "notifications/initialized", "params": None})
        for method, holds in (("tools/list", "tools"), ("prompts/list", "prompts"), ("resources/list", "resources")):
            shim.send({"jsonrpc": "2.0", "id": 2, "method": method, "params": None})
            assert holds in shim.answer(2)["result"]
        shim.send({"jsonrpc": "2.0", "id": 3, "method": "ping", "params": None})
        assert shim.answer(3)["result"] == {}
        shim.send({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": None})
        assert shim.answer(4)["error"]["code"] == -32602
        shim.request(5, "tools/call", name="echo", arguments={"text": "x"}, _meta=None)
        assert shim.answer(5)["result"]["isError"] is False


async def test_values_of_the_wrong_type_are_refused_and_leave_no_call_behind(shared_toy: Toy) -> None:
    unhashable: list[object] = [["x"], {"x": 1}]
    with RawShim(shared_toy) as shim:
        shim.catch_up()
        for modern in (False, True):
            for value in (*unhashable, None, 5, True):
                for method, name in (("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")):
                    shim.request(7, method, modern=modern, **{name: value})
                    error = shim.answer(7)["error"]
                    assert error["code"] == -32602 and name in error["message"], (method, value)
        for value in (*unhashable, None, True, 7.0, "nobody"):
            shim.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": value}})
            shim.send({"jsonrpc": "2.0", "id": value, "result": {}})
        for method in ("tools/call\r\nX: y", "werkzeuge/prüfen", "\x00"):
            shim.request(7, method, modern=True)
            assert shim.answer(7)["error"]["code"] == -32600
        shim.request(7, "initialize", protocolVersion="2025-06-18", capabilities=[], clientInfo=5)
        assert shim.answer(7)["error"]["code"] == -32602
        shim.open()
        shim.request(7, "tools/call", name="echo", arguments={"text": "x"})
        assert shim.answer(7)["result"]["isError"] is False
        shim.close_input()
        assert shim.rest() == [] and shim.process.wait(PATIENCE_S) == 0


ODD = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "\u2028\0\r\n",
    "\ud800",
    [],
    [[]],
    ["x"],
    {},
    {"": {}},
    {"a": [None]},
    [1] * 500,
]
GOOD: list[dict[str, Any]] = [
    {"method": "tools/call", "params": {"name": "echo", "arguments": {"text": "x"}}},
    {"method": "tools/call", "params": {"name": "echo", "arguments": {"text": "x"}, "_meta": MODERN}},
    {"method": "tools/call", "params": {"name": "count", "arguments": {"what": "x"}, "_meta": {"progressToken": 1}}},
    {"method": "prompts/get", "params": {"name": "greet", "arguments": {"name": "x"}, "_meta": MODERN}},
    {"method": "resources/read", "params": {"uri": "toy://größe"}},
    {"method": "tools/list", "params": {"cursor": "x", "_meta": MODERN}},
    {
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x"}},
    },
    {"method": "completion/complete", "params": {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {}}},
    {"method": "notifications/cancelled", "params": {"requestId": "nobody", "reason": "x"}},
    {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 0.5}},
    {"result": {"roots": []}},
]


def _mutate(message: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Replace, remove or add one thing anywhere in a message, but never its id."""
    mutated = copy.deepcopy(message)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(mutated)
    node, key = chance.choice(places)
    match chance.randrange(4):
        case 0 if isinstance(node, dict):
            del node[key]
        case 1 if isinstance(node, dict):
            node[chance.choice(["", "_meta", "name", "cursor", "\ud800", "io.modelcontextprotocol/x"])] = chance.choice(
                ODD
            )
        case _:
            node[key] = chance.choice(ODD)
    return mutated


@pytest.mark.parametrize("seed", range(3))
async def test_no_line_whatever_ends_the_session_and_every_request_is_answered(shared_toy: Toy, seed: int) -> None:
    chance = random.Random(seed)
    with RawShim(shared_toy) as shim:
        shim.catch_up()
        asked: set[int] = set()
        for number in range(250):
            message = _mutate(chance.choice(GOOD), chance)
            if number % 5:
                message["id"] = number
            line = json.dumps({"jsonrpc": "2.0", **message}).encode()
            if chance.random() < 0.1:
                line = bytearray(line)  # type: ignore[assignment]
                line[chance.randrange(len(line))] = chance.randrange(1, 9)  # type: ignore[index]
                message = {}
            shim.send_bytes(bytes(line) + b"\n")
            if "method" in message and "id" in message:
                asked.add(number)
                assert "method" not in (answer := shim.answer(number)), line
                assert "result" in answer or "error" in answer, line
        assert len(asked) > 100
        depth = 480
        shim.send_bytes(
            b'{"jsonrpc":"2.0","id":1000,"method":"tools/call","params":{"name":"count","arguments":{"what":'
        )
        shim.send_bytes(b"[" * depth + b"]" * depth + b"}}}\n")
        assert "method" not in shim.answer(1000)
        shim.request(1001, "tools/call", modern=True, name="echo", arguments={"text": "still here"})
        assert shim.answer(1001)["result"]["content"][0]["text"] == "still here"
        shim.open()
        shim.request(1002, "tools/call", name="echo", arguments={"text": "here too"})
        assert shim.answer(1002)["result"]["content"][0]["text"] == "here too"
        shim.close_input()
        shim.rest()
        assert shim.process.wait(PATIENCE_S) == 0
        assert not [line for line in shim.errors if "could not be handled" in line], shim.errors


async def test_an_oversized_line_is_refused_by_its_id(shared_toy: Toy) -> None:
    huge = b"x" * (17 << 20)
    with RawShim(shared_toy) as shim:
        shim.catch_up()
        shim.send_bytes(b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"x":"' + huge + b'"}}\n')
        shim.send_bytes(b'{"method":"tools/call","params":{"x":"' + huge + b'"},"jsonrpc":"2.0","id":"six"}\n')
        shim.send_bytes(b'{"params":{"x":"' + huge + b'","id":9},"method":"a"}\n')
        assert [(m["id"], m["error"]["code"]) for m in (shim.next(), shim.next(), shim.next())] == [
            (5, -32600),
            ("six", -32600),
            (None, -32600),
        ]
        shim.request(7, "tools/call", modern=True, name="echo", arguments={"text": "y" * (15 << 20)})
        assert len(shim.answer(7)["result"]["content"][0]["text"]) == 15 << 20


@ERAS
async def test_session_settings_travel_with_each_call(shared_toy: Toy, mode: str) -> None:
    session = {"KNOWTHREAD_USER_ID": "Zoë ✓", "KNOWTHREAD_AGENT_ID": "a%b", "KNOWTHREAD_PROJECT": " x/y z "}
    async with shared_toy.client(mode, **session) as one, shared_toy.client(mode, KNOWTHREAD_RUN_ID="r1") as two:
        first = (await one.call_tool("whoami", {})).structured_content
        second = (await two.call_tool("whoami", {})).structured_content
    nothing = {"run_id": None, "request_key": None}
    assert first == nothing | {"user_id": "Zoë ✓", "agent_id": "a%b", "project": "x/y z"}
    assert second == nothing | {
        "user_id": None,
        "agent_id": None,
        "run_id": "r1",
        "project": detect_project(shared_toy.root),
    }


async def test_each_changing_call_has_a_request_key_of_its_own(shared_toy: Toy) -> None:
    async with shared_toy.client() as client:
        for _ in range(3):
            await client.call_tool("count", {"what": "same"})
    keys = [line.split()[0] for line in shared_toy.done()]
    assert len(set(keys)) == 3 and all(len(key) == 32 for key in keys)


@ERAS
async def test_a_call_whose_answer_is_in_doubt_is_made_again_with_its_key(shared_toy: Toy, mode: str) -> None:
    async def ask(what: str) -> tuple[bool, str]:
        answer = await client.call_tool("doubt", {"what": what})
        return bool(answer.is_error), answer.content[0].text  # type: ignore[union-attr]

    async with shared_toy.client(mode) as client:
        failed, first = await ask("one")
        assert failed
        other_failed, other = await ask("another")
        assert other_failed and other.split()[-1] != first.split()[-1]
        assert await ask("one") == (False, first)
        failed_again, later = await ask("one")
        assert failed_again and later != first, "a call that was answered is another call the next time"


async def test_two_shims_that_start_at_once_share_one_service(toy: Toy) -> None:
    async def pid() -> str:
        async with toy.client() as client:
            return (await client.call_tool("environment", {})).structured_content["pid"]  # type: ignore[index]

    assert len(set(await asyncio.gather(*(pid() for _ in range(4))))) == 1


async def test_other_service_settings_than_the_running_ones_are_told(shared_toy: Toy) -> None:
    shared_toy.start()
    with RawShim(
        shared_toy, KNOWTHREAD_EMBEDDER="other", KNOWTHREAD_IDLE_MINUTES="30", KNOWTHREAD_USER_ID="me"
    ) as shim:
        shim.open()
        wait_for(lambda: shim.errors, "the notice")
        notice = "".join(shim.errors)
        assert "KNOWTHREAD_EMBEDDER" in notice
        assert "IDLE" not in notice and "USER_ID" not in notice and "DATA_DIR" not in notice


def _set_traps(folder: Path, names: list[str]) -> Path:
    """Packages and modules that leave a mark when they are imported."""
    marker = folder / "sprung"
    trap = f"open({str(marker)!r}, 'a').write(__name__ + '\\n')\n"
    for name in names:
        if name.endswith(".py"):
            (folder / name).write_text(trap)
        else:
            (folder / name).mkdir(parents=True)
            (folder / name / "__init__.py").write_text(trap)
    (folder / "jgo.toml").write_text("")
    return marker


@pytest.mark.bare
async def test_a_hostile_folder_is_neither_imported_nor_handed_on(toy: Toy, tmp_path: Path) -> None:
    standard = ["json.py", "http", "subprocess.py", "threading.py", "mcp", "asyncio"]
    here, named = tmp_path / "here", tmp_path / "named"
    here.mkdir()
    named.mkdir()
    marks = [
        _set_traps(here, [*standard, "kg", "extract", "mcp_server", "cypher"]),
        _set_traps(named, [*standard, "kg", "extract", "cypher"]),
    ]
    outside = {"PYTHONPATH": str(named), "PYTHONSTARTUP": str(here / "json.py"), "SECRET": "s"}
    async with toy.client("auto", here, **outside) as client:
        seen = (await client.call_tool("environment", {})).structured_content
    assert seen is not None
    assert seen["cwd"] == str(toy.data)
    assert str(tmp_path / "here") not in seen["path"] and str(named) not in seen["path"]
    assert not {"PYTHONPATH", "PYTHONSTARTUP", "SECRET"} & set(seen)
    assert [mark.read_text() for mark in marks if mark.exists()] == []


async def test_a_token_that_is_not_ascii_works(toy: Toy) -> None:
    async with toy.client(KNOWTHREAD_TOKEN="pässwörd-schlüssel-✓") as client:
        assert text_of(await client.call_tool("echo", {"text": "in"})) == "in"


async def test_a_service_that_hangs_is_not_taken_for_gone(toy: Toy) -> None:
    toy.start()
    pid = toy.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        toy.slow = True
        async with toy.client(TOY_PATIENCE_S="1") as client:
            answer = await client.call_tool("echo", {"text": "x"})
            assert answer.is_error and "not ready" in text_of(answer)
        assert process_start(pid) is not None and toy.pid() == pid
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.bare
async def test_the_installed_command_is_not_led_astray_by_the_folder_it_starts_in(toy: Toy, tmp_path: Path) -> None:
    here, named = tmp_path / "here", tmp_path / "named"
    here.mkdir()
    named.mkdir()
    traps = ["json.py", "kg", "mcp_server", "mcp", "http"]
    marks = [_set_traps(here, traps), _set_traps(named, traps)]
    command = [str(Path(sys.executable).with_name("knowthread")), "mcp"]
    # The service is not to start in full here: it refuses this setting, which must be all that it complains about.
    with RawShim(toy, command=command, cwd=here, PYTHONPATH=str(named), KNOWTHREAD_EMBEDDER="none of ours") as shim:
        assert shim.open()["serverInfo"]["name"] == "knowthread"
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:  # the first answers may only say that the service is starting
            shim.request("call", "tools/call", name="list_entities", arguments={})
            answer = shim.answer("call")["result"]
            if "not ready yet" not in answer["content"][0]["text"]:
                break
    assert answer["isError"] and "none of ours" in answer["content"][0]["text"]
    assert [mark.read_text() for mark in marks if mark.exists()] == []


async def test_the_shipped_manifest_is_what_the_live_server_answers() -> None:
    from mcp_server.tools.manifest import FILE, build_live_manifest, render

    assert FILE.read_text(encoding="utf-8") == render(await build_live_manifest())
