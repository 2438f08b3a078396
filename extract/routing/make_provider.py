"""The provider that a route names, made from the settings."""

from __future__ import annotations

import os

from extract.providers.base import Provider
from extract.routing.settings import ModelSettings, anthropic_credentials


def make_provider(name: str, model_settings: ModelSettings) -> Provider:
    """Return one provider; only its own module is imported, and the SDK on first use."""
    if name == "anthropic":
        from extract.providers.anthropic import AnthropicProvider

        return AnthropicProvider(anthropic_credentials(model_settings, os.environ), model_settings.anthropic_url)
    if name == "gemini":
        from extract.providers.gemini import GeminiProvider

        return GeminiProvider(model_settings.gemini_api_key, model_settings.gemini_url)
    if name == "ollama":
        from extract.providers.ollama import OllamaProvider

        return OllamaProvider(model_settings.ollama_url, model_settings.ollama_keep_alive)
    from extract.providers.claude_code import ClaudeCodeProvider

    return ClaudeCodeProvider()
