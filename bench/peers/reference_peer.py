"""The MCP reference server for memory (npm), through its own tools over stdio.

A message is an entity with one observation. ``search_nodes`` finds what holds the query as it is, so a question finds
nothing; at its best it is asked for the question's longest words one by one, and what holds most of them comes first.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections import Counter
from typing import Any

from protocol import folder, serve, spoken, words_of


class ReferenceServer:
    """One server and one file; a conversation is part of the entity's name."""

    def open(self) -> None:
        """Start the server."""
        self._process = subprocess.Popen(
            ["node", os.environ["KNOWTHREAD_PEER_SERVER"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"MEMORY_FILE_PATH": f"{folder()}/memory.jsonl"},
        )
        self._numbers = itertools.count(1)
        opening = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        }
        self._request("initialize", opening)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Store a session's messages in one call."""
        entities = [
            {"name": document["id"], "entityType": document["scope"], "observations": [spoken(document)]}
            for document in documents
        ]
        self._call("create_entities", {"entities": entities})

    def settle(self) -> None:
        """Nothing waits."""

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the entities that hold the most of the question's words."""
        del asked_at
        hits: Counter[str] = Counter()
        for word in words_of(question):
            found = self._call("search_nodes", {"query": word})
            hits.update(entity["name"] for entity in found["entities"] if entity["entityType"] == scope)
        return [[name] for name, _ in hits.most_common(limit)]

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = self._request("tools/call", {"name": tool, "arguments": arguments})
        if answer.get("isError"):
            raise RuntimeError(answer["content"][0]["text"])
        return answer.get("structuredContent") or json.loads(answer["content"][0]["text"])

    def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        assert self._process.stdout is not None
        while True:
            message = json.loads(self._process.stdout.readline())
            if message.get("id") == number:
                return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


serve(ReferenceServer())
