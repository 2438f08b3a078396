"""Settings of mem0-mcp-selfhosted that mean the same here, so that its set-ups go on working.

What could lead to another program's data or open a port (its databases, host, port and transport) is never taken
over. A variable chooses no provider by itself: mem0's default, Claude, is used only where a provider is named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kg.errors import ConfigurationError

PREFIX = "MEM0_"

_GRAPH = "MEM0_ENABLE_GRAPH"
_GRAPH_PROVIDERS = ("MEM0_GRAPH_LLM_PROVIDER", "MEM0_PROVIDER", "MEM0_LLM_PROVIDER")
_MAIN_PROVIDERS = ("MEM0_LLM_PROVIDER", "MEM0_PROVIDER")
_PROVIDERS = {
    "anthropic": "anthropic",
    "anthropic_oat": "anthropic",
    "ollama": "ollama",
    "gemini": "gemini",
    "gemini_split": "gemini_split",
}
_MODEL = "MEM0_GRAPH_LLM_MODEL"
_MAIN_MODEL = "MEM0_LLM_MODEL"
_JUDGE_PROVIDER = "MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER"
_JUDGE_MODEL = "MEM0_GRAPH_CONTRADICTION_LLM_MODEL"
_EMBED_PROVIDER = "MEM0_EMBED_PROVIDER"
_EMBED_MODEL = "MEM0_EMBED_MODEL"
_EMBED_DEFAULT = "bge-m3"
_EMBED_URL = "MEM0_EMBED_URL"
_LOCAL = "http://127.0.0.1:11434"
_COMMON_URL = "MEM0_OLLAMA_URL"
_MAIN_URLS = ("MEM0_LLM_URL", _COMMON_URL)
_GRAPH_URLS = ("MEM0_GRAPH_LLM_URL", *_MAIN_URLS)
_MODEL_NAME = re.compile(r"[^\s,]+")


class Taken(NamedTuple):
    """The value of one of our settings, and the variable that it comes from."""

    value: str
    variable: str


@dataclass(frozen=True)
class Mem0Variables:
    """What the environment of a mem0 set-up means here.

    Attributes:
        values: by the name of our setting.
        used: variables that have an effect here, sorted.
        ignored: those that have none, sorted.
    """

    values: Mapping[str, Taken] = field(repr=False)
    used: tuple[str, ...]
    ignored: tuple[str, ...]


def read_mem0(environ: Mapping[str, str], in_file: Collection[str] = ()) -> Mem0Variables:
    """Translate mem0's variables; those that a setting of ours overrides have no effect and count as ignored.

    Args:
        environ: the environment.
        in_file: names of the settings that our own file gives.

    Raises:
        ConfigurationError: a variable that has an effect names no model.
    """
    given = {name: text for name in environ if name.startswith(PREFIX) and (text := environ[name].strip())}
    ours = {name.removeprefix("KNOWTHREAD_").lower() for name, text in environ.items()
            if name.startswith("KNOWTHREAD_") and text.strip()}  # fmt: skip
    reader = _Reader(given, ours.union(in_file))
    reader.take("anthropic_token", "MEM0_ANTHROPIC_TOKEN")
    reader.take("ollama_keep_alive", "MEM0_OLLAMA_KEEP_ALIVE")
    reader.read_models()
    reader.read_ollama_urls()
    reader.read_embedder()
    return Mem0Variables(reader.values, tuple(sorted(reader.used)), tuple(sorted(given.keys() - reader.used)))


class _Reader:
    """Collects our values while it reads theirs."""

    def __init__(self, given: Mapping[str, str], ours: Collection[str]) -> None:
        self._given = given
        self._ours = ours
        self._graph = given.get(_GRAPH, "true").lower() in ("true", "1", "yes", "on")
        self.values: dict[str, Taken] = {}
        self.used: set[str] = set()

    def take(self, setting: str, *variables: str, value: str | None = None) -> None:
        """Set one of ours from the first of these variables that is given, unless ours is set itself."""
        found = [name for name in variables if name in self._given]
        if found and setting not in self._ours:
            self.values[setting] = Taken(self._given[found[0]] if value is None else value, found[0])
            self.used.add(found[0])

    def read_models(self) -> None:
        """Map the provider and the models of its graph, which extracts, judges and merges.

        Where its graph is switched off they are those of its main model, which extracts alone.
        """
        variables = _GRAPH_PROVIDERS if self._graph else _MAIN_PROVIDERS
        named = next((name for name in variables if name in self._given), None)
        provider = _PROVIDERS.get(self._given[named].lower()) if named else None
        # A provider that is chosen here is another choice, to which mem0's models do not belong.
        if named is None or provider is None or "llm" in self._ours:
            return
        self.take("llm", named, value=provider)
        self.used.update({_GRAPH} & self._given.keys())
        if provider == "gemini_split":
            self._read_split()
            return
        model = self._model_for(provider, _MODEL if self._graph else _MAIN_MODEL)
        if model is not None:
            for setting in ("extract_models", "contradict_models", "resolve_models", "rerank_models"):
                self.take(setting, model, value=self._route(provider, model))

    def _read_split(self) -> None:
        """Gemini extracts and merges, another provider judges."""
        for setting in ("extract_models", "resolve_models", "rerank_models"):
            if _MODEL in self._given:
                self.take(setting, _MODEL, value=self._route("gemini", _MODEL))
        provider = _PROVIDERS.get(self._given.get(_JUDGE_PROVIDER, "anthropic").lower())
        if provider is None or provider == "gemini_split":
            return
        model = self._model_for(provider, _JUDGE_MODEL)
        value = provider if model is None else self._route(provider, model)
        for variable in (_JUDGE_PROVIDER, model):
            if variable is not None:
                self.take("contradict_models", variable, value=value)

    def _model_for(self, provider: str, own: str) -> str | None:
        """The variable that names the model: its own, else the main one where that model is the provider's."""
        if own in self._given:
            return own
        main = self._given.get(_MAIN_MODEL, "")
        return _MAIN_MODEL if main and _provider_of(main) == provider else None

    def _route(self, provider: str, variable: str) -> str:
        """What a list of models holds for the one model that a variable names."""
        model = self._given[variable]
        if not _MODEL_NAME.fullmatch(model):
            raise ConfigurationError(variable, f"{model!r} is no model", "one name, without spaces and commas")
        return f"{provider}:{model}"

    def read_ollama_urls(self) -> None:
        """The Ollama that answers and, where it is another one, the one that embeds: of each the nearest named.

        Where none is named for it, mem0 embeds on this machine, whichever Ollama answers.
        """
        urls = _GRAPH_URLS if self._graph else _MAIN_URLS
        self.take("ollama_url", *urls)
        answering = self.values.get("ollama_url")
        if answering is None:
            self.take("ollama_embed_url", _EMBED_URL)
            return
        self.used.update(name for name in (*urls, _EMBED_URL) if self._given.get(name) == answering.value)
        named = next((name for name in (_EMBED_URL, _COMMON_URL) if name in self._given), answering.variable)
        embedding = _LOCAL if named not in (_EMBED_URL, _COMMON_URL) else self._given[named]
        if embedding != answering.value:
            self.take("ollama_embed_url", named, value=embedding)

    def read_embedder(self) -> None:
        """Map Ollama's embedding models, where a variable asks for one."""
        if self._given.get(_EMBED_PROVIDER, "ollama").lower() == "ollama":
            value = f"ollama:{self._given.get(_EMBED_MODEL, _EMBED_DEFAULT)}"
            self.take("embedder", _EMBED_PROVIDER, value=value)
            self.take("embedder", _EMBED_MODEL, value=value)


def _provider_of(model: str) -> str:
    """Whose a model is, by its name; Ollama's have no common mark."""
    return {"claude": "anthropic", "gemini": "gemini"}.get(model.lower().partition("-")[0], "ollama")
