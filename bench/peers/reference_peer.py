"""The MCP reference server for memory (npm), through its own tools over stdio.

A message is an entity with one observation. ``search_nodes`` finds what holds the query as it is, so a question finds
nothing; at its best it is asked for the question's longest words one by one, and what holds most of them comes first.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from protocol import folder, serve, spoken, words_of
from stdio_server import StdioServer


class ReferenceServer:
    """One server and one file; a conversation is part of the entity's name."""

    def open(self) -> None:
        """Start the server."""
        command = ["node", os.environ["KNOWTHREAD_PEER_SERVER"]]
        self._server = StdioServer(command, {"MEMORY_FILE_PATH": f"{folder()}/memory.jsonl"})

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Store a session's messages in one call."""
        entities = [
            {"name": document["id"], "entityType": document["scope"], "observations": [spoken(document)]}
            for document in documents
        ]
        self._server.call("create_entities", {"entities": entities})

    def settle(self) -> None:
        """Nothing waits."""

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the entities that hold the most of the question's words."""
        del asked_at
        hits: Counter[str] = Counter()
        for word in words_of(question):
            found = self._server.call("search_nodes", {"query": word})
            hits.update(entity["name"] for entity in found["entities"] if entity["entityType"] == scope)
        return [[name] for name, _ in hits.most_common(limit)]

    def close(self) -> None:
        """End the server."""
        self._server.close()


serve(ReferenceServer())
