"""The embedder that a setting names."""

from __future__ import annotations

import asyncio
from pathlib import Path

from extract.embedders.ollama import PREFIX, OllamaEmbedder
from extract.embedders.onnx import OnnxEmbedder
from kg.managed.artifacts import Progress, ensure_model
from kg.ports import Embedder
from kg.settings.service import models_of


def make_embedder(name: str, cache_dir: Path, progress: Progress | None = None) -> Embedder:
    """Return the embedder of that name; its files are fetched when they are missing, which blocks.

    Raises:
        ConfigurationError: no such embedder.
        SetupError: the files cannot be fetched.
    """
    return OnnxEmbedder(name, [ensure_model(cache_dir, model, progress) for model in models_of(name)])


async def connect_embedder(
    name: str, cache_dir: Path, progress: Progress | None = None, *, ollama_url: str, keep_alive: str
) -> Embedder:
    """Return the embedder of that name, in this process or behind Ollama (``ollama:<model>``).

    Raises:
        ConfigurationError: no such embedder.
        SetupError: its files cannot be fetched.
        StoreUnavailable: Ollama does not answer, or the model is not pulled.
    """
    if not name.startswith(PREFIX):
        return await asyncio.to_thread(make_embedder, name, cache_dir, progress)
    return await OllamaEmbedder.connect(name.removeprefix(PREFIX), ollama_url, keep_alive)
