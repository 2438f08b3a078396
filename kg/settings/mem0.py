"""Settings of mem0-mcp-selfhosted that mean the same here, so that an environment made for it works unchanged.

Its databases, host, port and transport are never used: they could lead to another program's data or open a port. We do
not take over mem0's default provider, Claude: a provider is used only if a variable names one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kg.errors import ConfigurationError

PREFIX = "MEM0_"

PAIRS = (
    ("anthropic_token", "MEM0_ANTHROPIC_TOKEN"),
    ("ollama_keep_alive", "MEM0_OLLAMA_KEEP_ALIVE"),
)
"""Our settings whose value is that of one variable of mem0."""

PROVIDERS = {
    "anthropic": "anthropic",
    "anthropic_oat": "anthropic",
    "ollama": "ollama",
    "gemini": "gemini",
    "gemini_split": "gemini_split",
}
"""Our name of each of mem0's providers."""

TASKS = ("extract_models", "contradict_models", "resolve_models", "rerank_models")
"""Our settings that hold a list of models."""


class _Part(NamedTuple):
    """The variables of one part of mem0 that asks a model; of each list the first that is given counts."""

    providers: tuple[str, ...]
    model: str
    urls: tuple[str, ...]


_MAIN = _Part(("MEM0_LLM_PROVIDER", "MEM0_PROVIDER"), "MEM0_LLM_MODEL", ("MEM0_LLM_URL", "MEM0_OLLAMA_URL"))
_GRAPH = _Part(
    ("MEM0_GRAPH_LLM_PROVIDER", "MEM0_PROVIDER", "MEM0_LLM_PROVIDER"),
    "MEM0_GRAPH_LLM_MODEL",
    ("MEM0_GRAPH_LLM_URL", *_MAIN.urls),
)
_SWITCH = "MEM0_ENABLE_GRAPH"
_JUDGE_PROVIDER = "MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER"
_JUDGE_MODEL = "MEM0_GRAPH_CONTRADICTION_LLM_MODEL"
_EMBED_PROVIDER = "MEM0_EMBED_PROVIDER"
_EMBED_MODEL = "MEM0_EMBED_MODEL"
_EMBED_DEFAULT = "bge-m3"
_EMBED_URLS = ("MEM0_EMBED_URL", "MEM0_OLLAMA_URL")
_LOCAL = "http://127.0.0.1:11434"
_MODEL_NAME = re.compile(r"[^\s,]+")


class Taken(NamedTuple):
    """The value of one of our settings, and the variable that it comes from."""

    value: str
    variable: str


class _Meaning(NamedTuple):
    """What one variable of mem0 says here; without a setting it only affects how others are read."""

    variable: str
    setting: str = ""
    value: str = ""


@dataclass(frozen=True)
class Mem0Variables:
    """What the environment of a mem0 installation means here.

    Attributes:
        values: by the name of our setting.
        used: variables that have an effect here, sorted.
        ignored: those that have none, sorted.
    """

    values: Mapping[str, Taken] = field(repr=False)
    used: tuple[str, ...]
    ignored: tuple[str, ...]


def read_mem0(environ: Mapping[str, str], in_file: Collection[str] = ()) -> Mem0Variables:
    """Translate mem0's variables. Where one of our own settings is given, theirs for it are ignored.

    Args:
        environ: the environment.
        in_file: names of the settings that our own file gives.

    Raises:
        ConfigurationError: a variable that has an effect names no model.
    """
    given = {name: text for name in environ if name.startswith(PREFIX) and (text := environ[name].strip())}
    ours = {name.removeprefix("KNOWTHREAD_").lower() for name, text in environ.items()
            if name.startswith("KNOWTHREAD_") and text.strip()}.union(in_file)  # fmt: skip
    values: dict[str, Taken] = {}
    used: set[str] = set()
    for variable, setting, value in _meanings(given, ours):
        if variable in given and setting not in ours:
            used.add(variable)
            if setting:
                values[setting] = Taken(value, variable)
    return Mem0Variables(values, tuple(sorted(used)), tuple(sorted(given.keys() - used)))


def _meanings(given: Mapping[str, str], ours: Collection[str]) -> Iterator[_Meaning]:
    """Yield what mem0's variables say; some may not be given, and of two about one setting the last one counts."""
    part = _GRAPH if given.get(_SWITCH, "true").lower() in ("true", "1", "yes", "on") else _MAIN
    for setting, variable in PAIRS:
        yield _Meaning(variable, setting, given.get(variable, ""))
    if "llm" not in ours:  # mem0's models belong to mem0's provider
        yield from _models(given, part)
    yield from _ollama_urls(given, part, ours)
    if given.get(_EMBED_PROVIDER, "ollama").lower() == "ollama":
        value = f"ollama:{given.get(_EMBED_MODEL, _EMBED_DEFAULT)}"
        yield _Meaning(_EMBED_PROVIDER, "embedder", value)
        yield _Meaning(_EMBED_MODEL, "embedder", value)


def _models(given: Mapping[str, str], part: _Part) -> Iterator[_Meaning]:
    """Yield provider and models. mem0's graph extracts, judges and merges; with its graph off the main model extracts.

    ``MEM0_PROVIDER=ollama`` with ``MEM0_GRAPH_LLM_MODEL=qwen3`` gives ``llm = "ollama"`` and ``ollama:qwen3`` for each
    task; ``gemini_split`` gives Gemini for all tasks but ``contradict_models``.
    """
    named = _first(given, part.providers)
    provider = PROVIDERS.get(given[named].lower()) if named else None
    if named is None or provider is None:
        return
    yield _Meaning(named, "llm", provider)
    yield _Meaning(_SWITCH)
    if provider != "gemini_split":
        model = _model_for(given, provider, part.model)
        for setting in TASKS if model else ():
            yield _Meaning(model, setting, _route(given, provider, model))
        return
    for setting in TASKS if _GRAPH.model in given else ():
        if setting != "contradict_models":
            yield _Meaning(_GRAPH.model, setting, _route(given, "gemini", _GRAPH.model))
    judge = PROVIDERS.get(given.get(_JUDGE_PROVIDER, "anthropic").lower())
    if judge is not None and judge != "gemini_split":
        model = _model_for(given, judge, _JUDGE_MODEL)
        value = _route(given, judge, model) if model else judge
        yield _Meaning(_JUDGE_PROVIDER, "contradict_models", value)
        yield _Meaning(model, "contradict_models", value)


def _ollama_urls(given: Mapping[str, str], part: _Part, ours: Collection[str]) -> Iterator[_Meaning]:
    """Yield the address of the Ollama that answers, and of the one that embeds where that is another one.

    mem0 embeds on this machine if no variable names an Ollama for embedding, whichever Ollama answers.
    """
    answering = _first(given, part.urls)
    if answering is None or "ollama_url" in ours:
        yield _Meaning(_EMBED_URLS[0], "ollama_embed_url", given.get(_EMBED_URLS[0], ""))
        return
    url = given[answering]
    yield _Meaning(answering, "ollama_url", url)
    for name in (*part.urls, *_EMBED_URLS):
        if given.get(name) == url:
            yield _Meaning(name)
    named = _first(given, _EMBED_URLS)
    embedding = given[named] if named else _LOCAL
    if embedding != url:
        yield _Meaning(named or answering, "ollama_embed_url", embedding)


def _first(given: Mapping[str, str], variables: Collection[str]) -> str | None:
    return next((name for name in variables if name in given), None)


def _model_for(given: Mapping[str, str], provider: str, own: str) -> str:
    """Return the variable that names the model: its own, else the main one if that model is the provider's, else ""."""
    if own in given:
        return own
    main = given.get(_MAIN.model, "")
    return _MAIN.model if main and _provider_of(main) == provider else ""


def _route(given: Mapping[str, str], provider: str, variable: str) -> str:
    """Return a list of models that holds the one that a variable names: ``ollama:qwen3``."""
    model = given[variable]
    if not _MODEL_NAME.fullmatch(model):
        raise ConfigurationError(variable, f"{model!r} is no model", "one name, without spaces and commas")
    return f"{provider}:{model}"


def _provider_of(model: str) -> str:
    """Return whose a model is, by its name; Ollama's models have no common mark."""
    return {"claude": "anthropic", "gemini": "gemini"}.get(model.lower().partition("-")[0], "ollama")
