"""Whether an Ollama has the models that are set, for language models and for embedding."""

from __future__ import annotations

from collections.abc import Collection

from extract.providers.ollama_client import pulled_models
from kg.settings.service import bare_url
from mcp_server.doctor.check import Check, Level


def check_ollama(
    name: str, level: Level, url: str, wanted: Collection[str], setting: str = "KNOWTHREAD_OLLAMA_URL"
) -> Check:
    """Whether an Ollama answers and has the wanted models.

    Args:
        name: what the check is called.
        level: what it is if something is missing.
        url: where the Ollama is.
        wanted: the models that it should have.
        setting: which setting names its place.
    """
    try:
        there = pulled_models(url)
    except OSError as error:
        message = f"no Ollama answers at {bare_url(url)} ({error})"
        return Check(name, level, message, f"start it (ollama serve), or correct {setting}")
    missing = [model for model in wanted if model not in there]
    if missing:
        message = f"the Ollama at {bare_url(url)} does not have {', '.join(missing)}"
        return Check(name, level, message, " && ".join(f"ollama pull {model}" for model in missing))
    return Check(name, "ok", f"{', '.join(wanted)} at {bare_url(url)}")
