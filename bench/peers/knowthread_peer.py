"""The product itself, as it is installed: managed Neo4j, the embedded index, both default models."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
from bench.peers.protocol import folder, serve
from bench.recall import message_of, session
from bench.recall_sets import Document
from kg.settings.service import load_settings
from mcp_server.service.composition import Service


class Knowthread:
    """One service; a conversation is a user. Which documents a memory holds is kept in a file, for the second start."""

    async def open(self) -> None:
        """Start the service, Neo4j with it."""
        self._service = Service(replace(load_settings(), data_dir=Path(folder()) / "data"))
        await self._service.start(lambda _: None)
        self._file = Path(folder()) / "documents.json"
        kept = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        self._held: dict[str, list[str]] = defaultdict(list, kept)

    async def store(self, documents: list[dict[str, Any]]) -> None:
        """Store a session's messages in one call, or a note."""
        group = [Document(**document) for document in documents]
        first = group[0]
        content: dict[str, Any] = {"text": first.text}
        if first.session is not None:
            content = {"messages": [message_of(document) for document in group]}
        answer = await self._service.memory.add_memory(
            session(first.scope, first.session), occurred_at=first.timestamp, **content
        )
        for document, result in zip(group, answer["results"], strict=True):
            self._held[result["id"]].append(document.id)

    async def settle(self) -> None:
        """Wait for the index."""
        await self._service.drain()

    async def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the documents of its hits."""
        found = await self._service.memory.search_memories(
            session(scope), query=question, as_of=asked_at, limit=limit, weak=True, max_tokens=100_000
        )
        return [self._held[hit["id"]] for hit in found["results"]]

    async def close(self) -> None:
        """Stop the service and what it started."""
        self._file.write_text(json.dumps(self._held), encoding="utf-8")
        await self._service.stop()


serve(Knowthread())
