"""Graphiti on the managed Neo4j: each message is handed in as a fact, so no language model is asked.

A message becomes an edge from its speaker to its conversation, written by Graphiti's own bulk writer with the time it
was said. Its search is the default one: full text and vectors of the facts, joined by reciprocal rank.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import Any

os.environ["GRAPHITI_TELEMETRY_ENABLED"] = "false"

from graphiti_core import Graphiti
from graphiti_core.cross_encoder.client import CrossEncoderClient
from graphiti_core.edges import EntityEdge
from graphiti_core.embedder.client import EmbedderClient
from graphiti_core.llm_client.config import LLMConfig
from graphiti_core.llm_client.openai_generic_client import OpenAIGenericClient
from graphiti_core.nodes import EntityNode
from graphiti_core.utils.bulk_utils import add_nodes_and_edges_bulk
from minilm import DIMENSIONS, MiniLm
from protocol import serve, spoken


class Embedder(EmbedderClient):
    """MiniLM as Graphiti's interface asks for it."""

    def __init__(self) -> None:
        self.config = type("Config", (), {"embedding_dim": DIMENSIONS})()
        self._model = MiniLm()

    async def create(self, input_data: Any) -> list[float]:
        """Return the vector of a text, or of the first of a list."""
        return self._model.embed([input_data if isinstance(input_data, str) else input_data[0]])[0]

    async def create_batch(self, input_data_list: list[str]) -> list[list[float]]:
        """Return a vector for each text."""
        return self._model.embed(input_data_list)


class NoReranker(CrossEncoderClient):
    """The default search asks no cross-encoder."""

    async def rank(self, query: str, passages: list[str]) -> list[tuple[str, float]]:
        """Never called."""
        raise NotImplementedError


class OnNeo4j:
    """Graphiti on the database that the environment names."""

    async def open(self) -> None:
        """Connect and make its indexes."""
        logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)
        self._embedder = Embedder()
        self._graphiti = Graphiti(
            os.environ["KNOWTHREAD_PEER_NEO4J_URL"],
            "neo4j",
            os.environ["KNOWTHREAD_PEER_NEO4J_PASSWORD"],
            llm_client=OpenAIGenericClient(LLMConfig(api_key="none", base_url="http://127.0.0.1:9")),
            embedder=self._embedder,
            cross_encoder=NoReranker(),
        )
        await self._graphiti.build_indices_and_constraints()
        self._people: dict[tuple[str, str], EntityNode] = {}

    async def store(self, documents: list[dict[str, Any]]) -> None:
        """Write a session's messages as facts."""
        edges: list[EntityEdge] = []
        fresh: list[EntityNode] = []
        for document in documents:
            scope = document["scope"]
            said = datetime.fromisoformat(document.get("timestamp") or "2026-01-01").replace(tzinfo=UTC)
            ends: list[EntityNode] = []
            for name in (document.get("speaker") or "someone", "conversation"):
                if (scope, name) not in self._people:
                    self._people[scope, name] = EntityNode(name=name, group_id=scope, labels=["Entity"])
                    fresh.append(self._people[scope, name])
                ends.append(self._people[scope, name])
            edges.append(
                EntityEdge(
                    group_id=scope, source_node_uuid=ends[0].uuid, target_node_uuid=ends[1].uuid, name="SAID",
                    fact=spoken(document), created_at=said, valid_at=said, attributes={"document": document["id"]},
                )
            )  # fmt: skip
        for edge, vector in zip(edges, await self._embedder.create_batch([e.fact for e in edges]), strict=True):
            edge.fact_embedding = vector
        await add_nodes_and_edges_bulk(self._graphiti.driver, [], [], fresh, edges, self._embedder)

    async def settle(self) -> None:
        """Wait until the full-text indexes hold everything."""
        await self._graphiti.driver.execute_query("CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()")

    async def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the documents of its facts."""
        del asked_at
        found = await self._graphiti.search(question, group_ids=[scope], num_results=limit)
        return [[edge.attributes["document"]] for edge in found]

    async def close(self) -> None:
        """Close the connections."""
        await self._graphiti.close()


serve(OnNeo4j())
