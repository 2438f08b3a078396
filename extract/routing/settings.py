"""Which model is asked for which task: the service's settings in the form that providers and router need.

A provider is asked only if the person named it: in ``KNOWTHREAD_LLM``, in a task's own list, or, with ``auto``, by
giving a key for it. ``auto`` never uses a subscription.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from extract.providers.base import Route
from extract.providers.credentials import Credentials
from kg.errors import ConfigurationError, ModelUnavailable
from kg.model_values import TASKS, Task
from kg.settings.service import Settings

PROVIDERS = ("anthropic", "claude-code", "gemini", "ollama")
GEMINI_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
"""Google's own variables for a key; the first that is set counts."""

_CLAUDE: Mapping[Task, str] = {
    "extract": "claude-haiku-5-5",
    "contradict": "claude-sonnet-5-5",
    "resolve": "claude-haiku-5-5",
    "rerank": "claude-haiku-5-5",
}
DEFAULT_MODELS: Mapping[str, Mapping[Task, str]] = {
    "anthropic": _CLAUDE,
    "claude-code": _CLAUDE,
    "gemini": dict.fromkeys(TASKS, "gemini-3.5-flash-lite"),
    "ollama": dict.fromkeys(TASKS, "qwen3:14b"),
}
_CLAUDE_PROCESSES = 2
_MODEL = re.compile(r"[^\s,]+")


@dataclass(frozen=True)
class ModelSettings:
    """What the models of one service are asked with.

    Attributes:
        routes: for each task its models, in the order in which they are tried; empty if none is set.
        anthropic_chosen: whether the person named Anthropic; only then may a subscription be used.
        concurrency: most requests at a time, for each provider.
        timeout_s: longest wait for one answer.
        daily_tokens: model tokens a day; 0: no cap.
        gemini_key_from: the setting or variable that holds the key; empty if there is no key.
        local_if_pulled: ``auto`` found no key, so Ollama's model is used if it is there.
    """

    routes: Mapping[Task, tuple[Route, ...]]
    anthropic_chosen: bool
    concurrency: Mapping[str, int]
    timeout_s: float
    daily_tokens: int
    ollama_url: str = field(repr=False)
    ollama_keep_alive: str
    anthropic_token: str = field(repr=False)
    anthropic_url: str = field(repr=False)
    gemini_api_key: str = field(repr=False)
    gemini_key_from: str
    gemini_url: str = field(repr=False)
    local_if_pulled: bool = False

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers that any task may ask, in the order of ``PROVIDERS``."""
        named = {route.provider for routes in self.routes.values() for route in routes}
        return tuple(provider for provider in PROVIDERS if provider in named)

    def models(self, provider: str) -> tuple[str, ...]:
        """The models of one provider that any task may ask, sorted."""
        routes = {route for routes in self.routes.values() for route in routes}
        return tuple(sorted(route.model for route in routes if route.provider == provider))


def read_model_settings(settings: Settings, environ: Mapping[str, str]) -> ModelSettings:
    """Read the routes and what they need, without asking anything or reading a file.

    Raises:
        ConfigurationError: a list of models names an unknown provider, or is malformed.
    """
    lists = {task: parse_routes(task, _list_of(settings, task)) for task in TASKS}
    key, key_from = _gemini_key(settings, environ)
    llm = _key_holder(settings, environ) if settings.llm == "auto" else settings.llm
    routes: dict[Task, tuple[Route, ...]] = {task: lists[task] or _default_routes(llm, task) for task in TASKS}
    named = {route.provider for task in TASKS for route in lists[task]}
    concurrency: dict[str, int] = dict.fromkeys(PROVIDERS, settings.extract_concurrency)
    concurrency["claude-code"] = min(settings.extract_concurrency, _CLAUDE_PROCESSES)
    return ModelSettings(
        routes=MappingProxyType(routes),
        anthropic_chosen=settings.llm in ("anthropic", "gemini_split") or "anthropic" in named,
        concurrency=MappingProxyType(concurrency),
        timeout_s=settings.model_timeout_s,
        daily_tokens=settings.daily_tokens,
        ollama_url=settings.ollama_url.rstrip("/"),
        ollama_keep_alive=settings.ollama_keep_alive,
        anthropic_token=settings.anthropic_token,
        anthropic_url=settings.anthropic_url.rstrip("/"),
        gemini_api_key=key,
        gemini_key_from=key_from,
        gemini_url=settings.gemini_url.rstrip("/"),
        local_if_pulled=settings.llm == "auto" and llm == "none",
    )


async def choose_local(
    model_settings: ModelSettings, pulled: Callable[[Collection[str]], Awaitable[Collection[str]]]
) -> ModelSettings:
    """Use Ollama's default model if ``auto`` found no key and the model is there.

    Args:
        model_settings: as read from the settings.
        pulled: returns which of these models Ollama has; none if it does not answer.
    """
    if not model_settings.local_if_pulled:
        return model_settings
    wanted = {task: DEFAULT_MODELS["ollama"][task] for task in TASKS if not model_settings.routes[task]}
    there = await pulled(sorted(set(wanted.values())))
    found = {task: (Route("ollama", model),) for task, model in wanted.items() if model in there}
    return replace(model_settings, routes=MappingProxyType({**model_settings.routes, **found}), local_if_pulled=False)


def parse_routes(task: Task, text: str) -> tuple[Route, ...]:
    """Read a list like ``ollama:qwen3:14b,gemini``; a provider alone means its default model. Repeats are dropped.

    Raises:
        ConfigurationError: an unknown provider, or no model after the colon.
    """
    routes: dict[Route, None] = {}
    for item in text.split(",") if text.strip() else ():
        provider, colon, model = (part.strip() for part in item.partition(":"))
        if provider not in PROVIDERS or (colon and not _MODEL.fullmatch(model)):
            accepted = f"provider:model or provider, separated by commas; providers: {', '.join(PROVIDERS)}"
            raise ConfigurationError(
                f"KNOWTHREAD_{task.upper()}_MODELS", f"{item.strip()!r} is not a model", f"accepted: {accepted}"
            )
        routes[Route(provider, model or DEFAULT_MODELS[provider][task])] = None
    return tuple(routes)


def anthropic_credentials(model_settings: ModelSettings, environ: Mapping[str, str]) -> Credentials:
    """Return the chain of credentials that the settings allow."""
    return Credentials(model_settings.anthropic_token, environ, chosen=model_settings.anthropic_chosen)


def _list_of(settings: Settings, task: Task) -> str:
    lists = {
        "extract": settings.extract_models,
        "contradict": settings.contradict_models,
        "resolve": settings.resolve_models,
        "rerank": settings.rerank_models,
    }
    return lists[task]


def _default_routes(llm: str, task: Task) -> tuple[Route, ...]:
    if llm == "none":
        return ()
    provider = ("anthropic" if task == "contradict" else "gemini") if llm == "gemini_split" else llm
    return (Route(provider, DEFAULT_MODELS[provider][task]),)


def _gemini_key(settings: Settings, environ: Mapping[str, str]) -> tuple[str, str]:
    """The key and where it comes from."""
    given = [("KNOWTHREAD_GEMINI_API_KEY", settings.gemini_api_key)]
    given += [(name, environ.get(name, "").strip()) for name in GEMINI_KEYS]
    return next(((key, name) for name, key in given if key), ("", ""))


def _key_holder(settings: Settings, environ: Mapping[str, str]) -> str:
    """The provider that ``auto`` means: the first with a key. Keys in our own settings go before general variables."""
    own = Credentials(settings.anthropic_token, {}, chosen=False)
    if settings.gemini_api_key:
        return "gemini"
    if _has_key(own):
        return "anthropic"
    if _gemini_key(settings, environ)[0]:
        return "gemini"
    return "anthropic" if _has_key(Credentials("", environ, chosen=False)) else "none"


def _has_key(credentials: Credentials) -> bool:
    try:
        credentials.current()
    except ModelUnavailable:
        return False
    return True
