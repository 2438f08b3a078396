"""What a write offers depends on what texts mean, so the real models embed."""

from __future__ import annotations

from tests.support.real_models import bearings, embedder

__all__ = ["bearings", "embedder"]
