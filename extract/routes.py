"""Which model is asked, and through which provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """One model behind one provider, written ``provider:model``.

    Attributes:
        provider: ``anthropic``, ``claude-code``, ``gemini`` or ``ollama``.
        model: the model's name there; it may contain colons itself (``qwen3:14b``).
    """

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"
