"""Process start to the ``initialize`` answer: ``knowthread mcp``, cold and warm, and a bare SDK stdio server.

Usage: ``python bench/startup.py [--runs 15] [--first-answer]``. Each round measures all three in turn, so a busy
machine slows them alike; compare the ratios. Cold: no service runs, and the shim starts one. ``--first-answer`` adds
the time from a cold start to the first answered tool call. With ``--parts`` instead, each run starts from nothing, and
the table says where the time to the first answer goes, and what the first search and the first add take after it. The
data folder is temporary; ``KNOWTHREAD_CACHE_DIR`` is used as it is, and the first run is better once the class archive
is there, which a service makes 20 s after its start.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.startup_parts import report_parts, take_parts
from mcp_server.link.lifecycle import ensure_running
from mcp_server.link.stop import stop_service

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare")
@server.tool()
def echo(text: str) -> str:
    return text
server.run()
"""
SHIM = [str(Path(sys.executable).with_name("knowthread")), "mcp"]
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "0"},
}


def ask(process: subprocess.Popen[bytes], request_id: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    while True:
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        if answer.get("id") == request_id:
            return answer


def measure(command: list[str], environment: dict[str, str], *, call: bool = False) -> tuple[float, float]:
    """Return milliseconds to the handshake's answer and, if ``call``, to the first tool call that is carried out."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        answer = ask(process, 1, "initialize", INITIALIZE)
        shaken = time.perf_counter() - began
        assert "result" in answer, answer
        tries = 2
        while (
            call and ask(process, tries, "tools/call", {"name": "list_entities", "arguments": {}})["result"]["isError"]
        ):
            tries += 1
        first = time.perf_counter() - began
        process.kill()
    return shaken * 1000, first * 1000


def measure_parts(folder: Path, environment: dict[str, str], number: int) -> dict[str, float]:
    """Start from nothing running, and return the seconds of each part of the start and of the first calls."""
    stop_service(folder)
    began, request = time.time(), itertools.count(2)
    with subprocess.Popen(SHIM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        ask(process, 1, "initialize", INITIALIZE)

        def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
            message = {"name": tool, "arguments": arguments}
            result: dict[str, Any] = ask(process, next(request), "tools/call", message)["result"]
            return result

        parts = take_parts(folder, began, call, number)
        process.kill()
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--first-answer", action="store_true")
    parser.add_argument("--parts", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="knowthread-bench-") as name:
        folder = Path(name)
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith("KNOWTHREAD_") or k.endswith("CACHE_DIR")
        }
        environment["KNOWTHREAD_DATA_DIR"] = name
        os.environ["KNOWTHREAD_DATA_DIR"] = name
        if options.parts:
            try:
                ensure_running(600, folder=folder)
                report_parts([measure_parts(folder, environment, number) for number in range(options.runs)])
            finally:
                stop_service(folder)
            return
        seen: dict[str, list[float]] = {"bare SDK server": [], "knowthread mcp, cold": [], "knowthread mcp, warm": []}
        try:
            for _ in range(options.runs):
                stop_service(folder)
                seen["knowthread mcp, cold"].append(measure(SHIM, environment)[0])
            ensure_running(600, folder=folder)
            for _ in range(options.runs):
                seen["bare SDK server"].append(measure([sys.executable, "-c", BARE], environment)[0])
                seen["knowthread mcp, warm"].append(measure(SHIM, environment)[0])
            if options.first_answer:
                stop_service(folder)
                seen["first tool answer, cold"] = [measure(SHIM, environment, call=True)[1]]
        finally:
            stop_service(folder)
    report(seen)


def report(seen: dict[str, list[float]]) -> None:
    bare = statistics.median(seen["bare SDK server"])
    print(f"{'':26}{'runs':>5}{'median ms':>11}{'min':>8}{'max':>8}{'of bare':>9}")
    for label, times in seen.items():
        median = statistics.median(times)
        spread = f"{median:11.1f}{min(times):8.1f}{max(times):8.1f}"
        print(f"{label:26}{len(times):5}{spread}{f'1/{bare / median:.1f}' if median < bare else '':>9}")


if __name__ == "__main__":
    main()
