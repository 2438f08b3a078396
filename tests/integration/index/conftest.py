"""These tests ask what the index holds of texts, so the real models embed."""

from __future__ import annotations

from tests.support.real_models import bearings, embedder

__all__ = ["bearings", "embedder"]
