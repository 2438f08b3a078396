"""The part of the service that asks models: providers, routes and tasks, made from the settings."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from extract.providers.base import Provider
from extract.providers.ollama_client import pulled_models
from extract.routing.ledger import Ledger
from extract.routing.make_provider import make_provider
from extract.routing.router import Router
from extract.routing.settings import choose_local, read_model_settings
from extract.tasks.contradict import ModelJudge
from extract.tasks.extract import ModelExtractor
from extract.tasks.rerank import ModelReranker
from extract.tasks.resolve import ModelNameJudge
from kg.entities.linking import Linker
from kg.graph import queries
from kg.graph.store import GraphStore
from kg.jobs.extract_step import ExtractStep
from kg.jobs.judge_step import JudgeStep
from kg.jobs.worker import Worker
from kg.ports import Clock, Embedder, VectorIndex
from kg.recall.rerank import Reranking
from kg.settings.service import Settings, bare_url

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSide:
    """What the service asks models with.

    Attributes:
        worker: reads memories in the background.
        reranking: orders the hits of a search; None if no model is set for that.
    """

    router: Router
    ledger: Ledger
    worker: Worker
    providers: tuple[Provider, ...]
    reranking: Reranking | None = None

    def describe(self) -> dict[str, Any]:
        """Return the routes with their states, the day's tokens, and what the worker is doing."""
        return {
            "routes": self.router.describe(),
            **self.ledger.snapshot().describe(),
            "worker": self.worker.describe(),
        }

    def resume(self) -> None:
        """Stop leaving routes and jobs alone: somebody has repaired a model, or thinks so."""
        self.router.reset()
        self.worker.wake(resume=True)

    async def start(self, store: GraphStore) -> None:
        """Take over what was spent today, and begin to work."""
        today = datetime.now(UTC).date()
        spent = await store.read_one(queries.spent_tokens, day=today.isoformat())
        self.ledger.start(today, spent["tokens"])
        self.worker.start()

    async def stop(self) -> None:
        """End the work and close connections to models."""
        await self.worker.stop()
        for provider in self.providers:
            await provider.close()


async def make_model_side(
    settings: Settings, store: GraphStore, index: VectorIndex, embedder: Embedder, clock: Clock
) -> ModelSide | None:
    """Return the model side, or None if no model is set that could extract.

    Raises:
        ConfigurationError: a setting names an impossible model.
    """
    model_settings = read_model_settings(settings, os.environ)
    model_settings = await choose_local(model_settings, lambda wanted: _pulled(model_settings.ollama_url, wanted))
    if not model_settings.routes["extract"]:
        return None
    providers = {name: make_provider(name, model_settings) for name in model_settings.providers}
    ledger = Ledger(model_settings.daily_tokens, clock)
    router = Router(
        model_settings.routes,
        providers,
        ledger,
        timeout_s=model_settings.timeout_s,
        concurrency=model_settings.concurrency,
    )
    judges = bool(model_settings.routes["contradict"])
    names = ModelNameJudge(router) if model_settings.routes["resolve"] else None
    linker = Linker(store, index, embedder, names, clock)
    extract = ExtractStep(store, clock, ModelExtractor(router), linker, judges=judges)
    judge = JudgeStep(store, clock, ModelJudge(router)) if judges else None
    worker = Worker(store, clock, extract, judge, concurrency=settings.extract_concurrency)
    reranking = Reranking(store, ModelReranker(router), clock) if model_settings.routes["rerank"] else None
    return ModelSide(router, ledger, worker, tuple(providers.values()), reranking)


async def _pulled(url: str, wanted: Collection[str]) -> Collection[str]:
    """Return which of these models a local Ollama has; none if it does not answer."""
    try:
        there = await asyncio.to_thread(pulled_models, url)
    except OSError:
        log.info("no Ollama answers at %s; going on without a model", bare_url(url))
        return ()
    return there.intersection(wanted)
