"""Service settings. The service reads them once, from a TOML file and from variables ``KNOWTHREAD_*``, which win.

Variables of mem0-mcp-selfhosted (``kg.settings.mem0``) count only if neither the file nor a variable of ours sets the
same thing. Session settings (user, agent, run, project) are not here: every call of a session brings them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from kg.errors import ConfigurationError
from kg.settings.mem0 import Mem0Variables, read_mem0
from kg.settings.paths import cache_dir, data_dir

PREFIX = "KNOWTHREAD_"
CONFIG_FILE = "config.toml"
"""The file of settings, in the data folder."""

EMBEDDERS = (
    "onnx:all-minilm-l6-v2-q+bge-small-en-v1.5-q",
    "onnx:all-minilm-l6-v2-q",
    "onnx:bge-small-en-v1.5-q",
    "onnx:all-minilm-l6-v2",
    "onnx:bge-small-en-v1.5",
)
"""Embedders that run in-process, from files that are fetched, the default first; besides them any ``ollama:<model>``.

``-q`` is a quantised model: a quarter of the size, and more than twice as quick. Of two models the first reads texts
and their words, the second reads sentences.
"""

LLMS = ("none", "ollama", "anthropic", "claude-code", "gemini", "gemini_split", "auto")

_OLLAMA_EMBEDDER = re.compile(r"ollama:[^\s,]+")
_URLS = ("ollama_url", "ollama_embed_url", "anthropic_url", "gemini_url")
_URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_KEEP_ALIVE = re.compile(r"-1|\d+|(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")


class _Range(NamedTuple):
    kind: type[int] | type[float]
    least: float
    most: float


_RANGES: Mapping[str, _Range] = {
    "port": _Range(int, 0, 65535),
    "idle_minutes": _Range(float, 0, 10**6),
    "rehearsals": _Range(int, 0, 1000),
    "daily_tokens": _Range(int, 0, 10**12),
    "model_timeout_s": _Range(float, 1, 3600),
    "extract_concurrency": _Range(int, 1, 32),
}


def models_of(embedder: str) -> list[str]:
    """Return the models that an embedder of ``EMBEDDERS`` is made of, each as it is fetched; none of any other.

    ``onnx:a+b`` -> ``onnx:a``, ``onnx:b``.
    """
    if embedder not in EMBEDDERS:
        return []
    kind, _, models = embedder.partition(":")
    return [f"{kind}:{model}" for model in models.split("+")]


@dataclass(frozen=True)
class Settings:
    """What one service runs with. Field names are the settings' names without the prefix, in lower case.

    Attributes:
        neo4j_url: an existing Neo4j (``bolt://``, ``neo4j://``, ``neo4j+s://``); empty: a managed local one.
        qdrant_url: an existing Qdrant server; empty: the embedded engine.
        user_name: the person's own name, which means the same as ``user``; empty: not known.
        embedder: one of ``EMBEDDERS``, or ``ollama:<model>``.
        host: address to listen on; any but loopback also needs a ``token`` that you set.
        port: 0: a free port is chosen once and kept.
        token: bearer token; empty: one is generated once and kept in the data folder, mode 0600.
        idle_minutes: the service stops this long after the last session; 0: never.
        rehearsals: searches and writes that are rehearsed after a start, while nobody calls; 0: nothing is made ready.
        java: a Java 17 or 21 executable; empty: the one that is installed with the package.
        neo4j_heap: maximum heap of the managed Neo4j, JVM notation.
        neo4j_page_cache: page cache of the managed Neo4j, JVM notation.
        llm: one of ``LLMS``: which language models are asked for a task without a list of its own.
        extract_models: models that read memories, tried in this order: ``provider:model`` or ``provider``, separated by
            commas; empty: as ``llm`` says. The next three lists are written in the same way.
        contradict_models: models that decide contradictions.
        resolve_models: models that decide whether two names mean one thing.
        rerank_models: models that sort what a search found, if the caller asks for it.
        ollama_embed_url: the Ollama that embeds, if it is another one; empty: ``ollama_url``.
        ollama_keep_alive: how long Ollama keeps a model loaded (``30m``); ``-1``: for ever.
        anthropic_token: Anthropic API key or OAuth token; empty: see ``extract.providers.credentials``.
        anthropic_url: empty: the SDK's own.
        gemini_api_key: empty: ``GEMINI_API_KEY`` or ``GOOGLE_API_KEY``.
        gemini_url: empty: the SDK's own.
        daily_tokens: model tokens a day (UTC); when they are used up, jobs wait for the next day. 0: no limit.
        model_timeout_s: longest wait for one answer of a model.
        extract_concurrency: how many memories models read at the same time.
    """

    data_dir: Path = field(default_factory=data_dir)
    cache_dir: Path = field(default_factory=cache_dir)
    neo4j_url: str = field(default="", repr=False)
    neo4j_user: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)
    neo4j_database: str = "neo4j"
    qdrant_url: str = field(default="", repr=False)
    qdrant_api_key: str = field(default="", repr=False)
    user_name: str = field(default="", repr=False)
    embedder: str = EMBEDDERS[0]
    host: str = "127.0.0.1"
    port: int = 0
    token: str = field(default="", repr=False)
    idle_minutes: float = 30.0
    rehearsals: int = 20
    java: str = ""
    neo4j_heap: str = "512m"
    neo4j_page_cache: str = "128m"
    llm: str = "none"
    extract_models: str = ""
    contradict_models: str = ""
    resolve_models: str = ""
    rerank_models: str = ""
    ollama_url: str = field(default="http://127.0.0.1:11434", repr=False)
    ollama_embed_url: str = field(default="", repr=False)
    ollama_keep_alive: str = "30m"
    anthropic_token: str = field(default="", repr=False)
    anthropic_url: str = field(default="", repr=False)
    gemini_api_key: str = field(default="", repr=False)
    gemini_url: str = field(default="", repr=False)
    daily_tokens: int = 2_000_000
    model_timeout_s: float = 120.0
    extract_concurrency: int = 4

    @property
    def embedding_url(self) -> str:
        """Address of the Ollama that embeds."""
        return self.ollama_embed_url or self.ollama_url


_FIELDS = {f.name: f for f in fields(Settings)}


class _Given(NamedTuple):
    """A value as it was given, and the name of the variable or key that gave it."""

    value: object
    source: str


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read mem0's variables, ``config.toml`` of the data folder, and our own variables; later ones win.

    Raises:
        ConfigurationError: an unknown key in the file, or a value of the wrong type or range.
    """
    given = _read_given(os.environ if environ is None else environ)
    return Settings(**{name: _convert(name, value, source) for name, (value, source) in given.items()})


def given_settings(environ: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return the names of the settings that the file or a variable gives, with whatever value.

    Raises:
        ConfigurationError: the file cannot be read, or has an unknown key.
    """
    return frozenset(_read_given(os.environ if environ is None else environ))


def _read_given(environ: Mapping[str, str]) -> dict[str, _Given]:
    folder = _folder(environ)
    in_file = _read_file(folder / CONFIG_FILE)
    mem0 = read_mem0(environ, in_file)
    given = {name: _Given(taken.value, taken.variable) for name, taken in mem0.values.items()}
    given |= in_file
    for name in _FIELDS:
        text = environ.get(PREFIX + name.upper(), "").strip()
        if text:
            given[name] = _Given(text, PREFIX + name.upper())
    return given | {"data_dir": _Given(folder, PREFIX + "DATA_DIR")}


def mem0_variables(environ: Mapping[str, str]) -> Mem0Variables:
    """Return which of mem0's variables have an effect, given the file and our own variables.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    return read_mem0(environ, _read_file(_folder(environ) / CONFIG_FILE))


def bare_url(url: str) -> str:
    """Return an address without user name, password, query and fragment, because each may hold a secret.

    Everything before the last ``@`` is left out, even if it is no valid user name and password.
    """
    hidden, at, rest = url.rpartition("@")
    scheme, divided, _ = hidden.partition("://")
    shown = f"{scheme}://{rest}" if at and divided else rest
    return re.split(r"[?#]", shown, maxsplit=1)[0]


def _folder(environ: Mapping[str, str]) -> Path:
    chosen = environ.get(PREFIX + "DATA_DIR", "").strip()
    return Path(chosen).expanduser().absolute() if chosen else data_dir()


def _read_file(file: Path) -> dict[str, _Given]:
    if not file.is_file():
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(file), f"is not valid TOML ({error})", "mend or remove the file") from error
    for key in content:
        if key not in _FIELDS or key == "data_dir":
            names = ", ".join(sorted(set(_FIELDS) - {"data_dir"}))
            raise ConfigurationError(f"{key} in {file}", "is not a setting", f"known settings: {names}")
    return {key: _Given(value, f"{key} in {file}") for key, value in content.items()}


def _convert(name: str, value: object, source: str) -> Any:
    if name.endswith("_dir"):
        return Path(str(value)).expanduser().absolute()
    if name in _RANGES:
        return _number(value, source, _RANGES[name])
    if not isinstance(value, str):
        # A secret stays a secret if it was given as a number.
        shown = repr(value) if _FIELDS[name].repr else "the value"
        raise ConfigurationError(source, f"{shown} is not a string", "a quoted string")
    _check_text(name, value, source)
    return value


def _number(value: object, source: str, allowed: _Range) -> int | float:
    accepted = f"{allowed.least:g} to {allowed.most:.0f}"
    try:
        number = allowed.kind(str(value))
    except ValueError as error:
        kind = "whole number" if allowed.kind is int else "number"
        raise ConfigurationError(source, f"{value!r} is not a {kind}", accepted) from error
    if not allowed.least <= number <= allowed.most:
        raise ConfigurationError(source, f"{value!r} is out of range", accepted)
    return number


def _check_text(name: str, value: str, source: str) -> None:
    accepted = ""
    if name == "embedder" and value not in EMBEDDERS and not _OLLAMA_EMBEDDER.fullmatch(value):
        accepted = "one of " + ", ".join([*EMBEDDERS, "ollama:<model>"])
    elif name == "llm" and value not in LLMS:
        accepted = "one of " + ", ".join(LLMS)
    elif name == "ollama_keep_alive" and not _KEEP_ALIVE.fullmatch(value):
        accepted = "a duration such as 30m, a number of seconds, or -1 for ever"
    elif name in _URLS and not _URL.fullmatch(value) and (value or name == "ollama_url"):
        accepted = "a web address such as http://127.0.0.1:11434"
    if accepted:
        shown = bare_url(value) if name in _URLS else value
        raise ConfigurationError(source, f"{shown!r} is not usable", accepted)
