"""mem0 with an embedded Qdrant: each message is stored as it is (``infer=False``), so no language model is asked.

Its embedder is MiniLM through its own factory, in the place of the provider ``huggingface``. Its keyword part is on:
fastembed's BM25, whose stop words come from the package ``stop-words`` where its hub cannot be reached. Its entity part
needs a spaCy model that it fetches itself; a note says so where that is missing, and later starts do not try again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": os.environ["KNOWTHREAD_PEER_FOLDER"] + "/mem0"}
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from fastembed import SparseTextEmbedding
from mem0 import Memory
from mem0.embeddings.base import EmbeddingBase
from mem0.utils import spacy_models
from mem0.utils.factory import EmbedderFactory
from minilm import DIMENSIONS, MiniLm
from protocol import folder, serve, spoken
from stop_words import get_stop_words


class Embedder(EmbeddingBase):
    """MiniLM as mem0's interface asks for it."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.config.embedding_dims = DIMENSIONS
        self._model = MiniLm()

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """Return one vector; MiniLM embeds questions and texts alike."""
        del memory_action
        return self._model.embed([text])[0]


class Mem0:
    """One embedded store; a conversation is a user."""

    def open(self) -> None:
        """Open the store, and its keyword part from local files where the hub does not answer."""
        EmbedderFactory.provider_to_class["huggingface"] = f"{__name__}.Embedder"
        self._memory = Memory.from_config(
            {
                "embedder": {"provider": "huggingface", "config": {}},
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"path": f"{folder()}/qdrant", "embedding_model_dims": DIMENSIONS, "on_disk": True},
                },
                "llm": {"provider": "openai", "config": {"api_key": "none"}},
                "history_db_path": f"{folder()}/history.db",
            }
        )
        store = self._memory.vector_store
        notes = Path(os.environ["KNOWTHREAD_PEER_NOTES"])
        words = Path(folder()) / "bm25"
        if not words.exists() and store._get_bm25_encoder() is None:
            words.mkdir()
            (words / "english.txt").write_text("\n".join(get_stop_words("english")), encoding="utf-8")
        if words.exists():
            store._bm25_encoder = SparseTextEmbedding("Qdrant/bm25", specific_model_path=str(words))
        if notes.exists():
            spacy_models._load_failed_full = spacy_models._load_failed_lemma = True
        elif spacy_models.get_nlp_full() is None:
            notes.write_text("without its spaCy model, which could not be fetched: no lemmas, no entity boost")

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Store each message with its document's id as metadata."""
        for document in documents:
            self._memory.add(
                spoken(document), user_id=document["scope"], metadata={"document": document["id"]}, infer=False
            )

    def settle(self) -> None:
        """Nothing waits."""

    def ask(self, question: str, scope: str, asked_at: str | None, limit: int) -> list[list[str]]:
        """Return the documents of its hits."""
        del asked_at
        found = self._memory.search(question, filters={"user_id": scope}, top_k=limit, threshold=0.0)
        return [[hit["metadata"]["document"]] for hit in found["results"]]


serve(Mem0())
