"""Check of the embedding model; see ``mcp_server.doctor.machine``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kg.errors import StoreUnavailable
from kg.ports import TextToEmbed, TextVectors
from kg.settings.service import EMBEDDERS, models_of
from mcp_server.doctor.check import Check, Situation
from mcp_server.doctor.ollama import check_ollama

if TYPE_CHECKING:
    from kg.settings.service import Settings

NEAR = ("The database cannot be reached.", "We are unable to connect to the database.")
FAR = "My cat likes to sleep on the sofa."
_LEAST_GAP = 0.3


def check_embedder(situation: Situation) -> Iterator[Check]:
    """The embedding model: whether it loads here, and tells similar sentences from others."""
    from extract.embedders.onnx import OnnxEmbedder
    from kg.managed.artifact_lock import load_lock
    from kg.managed.artifacts import ModelFiles, missing_bytes

    settings = situation.settings
    name = settings.embedder
    if name not in EMBEDDERS:
        yield _in_ollama(settings)
        return
    models = models_of(name)
    if missing_bytes(settings.cache_dir, *models):
        yield Check("embedder", "note", f"{name} is not fetched yet, so it was not tried")
        return
    folders: list[str] = []
    files: list[ModelFiles] = []
    for model in models:
        kept = load_lock()[model].kept
        paths = {Path(file.path).suffix: settings.cache_dir / "artifacts" / file.path for file in kept}
        files.append(ModelFiles(paths[".onnx"], paths[".json"], ""))
        folders.append(str(paths[".onnx"].parent))
    embedder = OnnxEmbedder(name, files, threads=1)

    async def compare() -> tuple[float, float]:
        try:
            like, near, far = await embedder.embed_texts([TextToEmbed(text, [text]) for text in (*NEAR, FAR)])
        finally:
            await embedder.close()
        return _nearness(like, near), _nearness(like, far)

    cure = f"remove {' and '.join(folders)} and run `knowthread setup`"
    try:
        near, far = asyncio.run(compare())
    except StoreUnavailable as error:
        yield Check("embedder", "failed", str(error), cure)
        return
    message = f"{name}: similar sentences {near:.2f}, different ones {far:.2f}"
    if near - far < _LEAST_GAP:
        yield Check("embedder", "failed", f"{message}, which cannot be right", cure)
    else:
        yield Check("embedder", "ok", message)


def _in_ollama(settings: Settings) -> Check:
    """Whether the embedding model is pulled in Ollama. It is not tried, because that would load it."""
    model = settings.embedder.partition(":")[2]
    setting = "KNOWTHREAD_OLLAMA_EMBED_URL" if settings.ollama_embed_url else "KNOWTHREAD_OLLAMA_URL"
    return check_ollama("embedder", "failed", settings.embedding_url.rstrip("/"), (model,), setting)


def _nearness(one: TextVectors, other: TextVectors) -> float:
    """Return the mean of the cosines of two texts and of their sentences: of either model, where there are two."""
    cosines = [float(one.text[0] @ other.text[0])]
    if one.sentences is not None and other.sentences is not None:
        cosines.append(float(one.sentences[0] @ other.sentences[0]))
    return sum(cosines) / len(cosines)
