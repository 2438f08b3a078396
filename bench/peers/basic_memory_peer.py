"""basic-memory: a project for each conversation, a Markdown note for each message, asked over its MCP server on stdio.

Notes are written as files and taken in by its command ``project add``, which returns when a search can find them: its
own way for notes that exist. Through its tool ``write_note`` a note costs three times the processor time (0.3 instead
of 0.1 s), as each write also looks for similar notes and its file is looked at again.

At its best on the sets here: the hybrid search, no floor of similarity (its own is chosen for another model), notes
indexed in batches of 32 instead of 2, addresses without the project's name, and a message's id as the note's title:
title and address are part of what is searched, so a speaker's name or the first words there cost recall. Its embedder
is fastembed with MiniLM, from a cache that holds the same files as the other peers'. Its reranker, a cross-encoder that
is off by default, stays off.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from protocol import folder, serve, spoken
from stdio_server import StdioServer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
CACHED_AS = "models--Qdrant--all-MiniLM-L6-v2-onnx"
"""The folder of a fastembed cache that holds the model, as its hub names it."""
BATCH = "32"
MAX_TOKENS = 256
"""As in minilm.py, which this process has no need to load."""


class BasicMemory:
    """Notes and one database; the server runs from the first question on, as it holds no part in taking notes in."""

    def open(self) -> None:
        """Make the database and the cache of models where they are missing."""
        self._program = Path(sys.executable).parent / "basic-memory"
        self._notes = Path(folder()) / "notes"
        models = Path(folder()) / "models"
        self._variables = {
            "BASIC_MEMORY_CONFIG_DIR": f"{folder()}/state",
            "BASIC_MEMORY_HOME": f"{folder()}/default",
            "BASIC_MEMORY_AUTO_UPDATE": "false",
            "BASIC_MEMORY_LOG_LEVEL": "WARNING",
            "BASIC_MEMORY_PERMALINKS_INCLUDE_PROJECT": "false",
            "BASIC_MEMORY_SEMANTIC_EMBEDDING_MODEL": MODEL,
            "BASIC_MEMORY_SEMANTIC_EMBEDDING_BATCH_SIZE": BATCH,
            "BASIC_MEMORY_SEMANTIC_EMBEDDING_SYNC_BATCH_SIZE": BATCH,
            "BASIC_MEMORY_SEMANTIC_MIN_SIMILARITY": "0",
            "FASTEMBED_CACHE_PATH": str(models),
            "FASTMCP_CHECK_FOR_UPDATES": "off",
            "FASTMCP_SHOW_SERVER_BANNER": "false",
            "HF_HUB_OFFLINE": "1",
        }
        self._fresh: set[str] = set()
        self._server: StdioServer | None = None
        if not models.exists():
            fill_cache(models / CACHED_AS)
            self._run("project", "list")

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Write a file for each message."""
        for document in documents:
            project = self._notes / document["scope"]
            project.mkdir(parents=True, exist_ok=True)
            note = f"---\ntitle: {json.dumps(document['id'])}\n---\n\n{spoken(document)}\n"
            (project / f"{quote(document['id'], safe='')}.md").write_text(note, encoding="utf-8")
            self._fresh.add(document["scope"])

    def settle(self) -> None:
        """Take the notes in, words and vectors."""
        for scope in sorted(self._fresh):
            self._run("project", "add", scope, str(self._notes / scope))
        self._fresh.clear()

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the notes of the conversation's project."""
        del asked_at
        if self._server is None:
            self._server = StdioServer([str(self._program), "mcp"], self._variables)
        wanted = {"query": question, "project": scope, "search_type": "hybrid", "page_size": limit}
        found = self._server.call("search_notes", wanted | {"output_format": "json"})
        return [[hit["title"]] for hit in found["result"]["results"]]

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.close()

    def _run(self, *arguments: str) -> None:
        command, variables = [str(self._program), *arguments], os.environ | self._variables
        ran = subprocess.run(
            command, check=False, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if ran.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {ran.returncode}: {ran.stdout}")


def fill_cache(model: Path) -> None:
    """Lay MiniLM where fastembed finds what it fetched from its hub before: the same files as the other peers'."""
    snapshot = model / "snapshots" / "local"
    snapshot.mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(snapshot.name)
    (snapshot / "model.onnx").symlink_to(os.environ["KNOWTHREAD_PEER_MODEL"])
    (snapshot / "tokenizer.json").symlink_to(os.environ["KNOWTHREAD_PEER_TOKENIZER"])
    settings = {"model_max_length": MAX_TOKENS, "pad_token": "[PAD]"}
    (snapshot / "tokenizer_config.json").write_text(json.dumps(settings))


serve(BasicMemory())
