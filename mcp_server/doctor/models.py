"""Checks of the language models: routes, credentials, and whether providers answer; see ``mcp_server.doctor.machine``.

No model is asked anything, so the checks cost nothing. No secret is shown.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping

from extract.providers.ollama_client import pulled_models
from extract.routing.settings import (
    DEFAULT_MODELS,
    GEMINI_KEYS,
    ModelSettings,
    anthropic_credentials,
    read_model_settings,
)
from kg.errors import ConfigurationError
from kg.model_values import TASKS
from kg.settings.service import bare_url
from mcp_server.doctor.check import Check, Level, Situation
from mcp_server.doctor.ollama import check_ollama

_WITHOUT = (
    "none is set, which is fine: the calling agent hands over facts. With one (KNOWTHREAD_LLM=ollama, gemini, "
    "anthropic, claude-code or gemini_split) facts are also read from text and their contradictions settled"
)


def check_models(situation: Situation) -> Iterator[Check]:
    """Which model is asked for what, and whether each provider can be asked."""
    try:
        model_settings = read_model_settings(situation.settings, situation.environ)
    except ConfigurationError as error:
        yield Check("models", "failed", str(error), "correct the setting")
        return
    if model_settings.local_if_pulled:
        yield from _auto_without_key(model_settings)
    elif not model_settings.providers:
        yield Check("models", "note", _WITHOUT)
    else:
        yield _routes(model_settings)
    first = {routes[0].provider for routes in model_settings.routes.values() if routes}
    for provider in model_settings.providers:
        level: Level = "failed" if provider in first else "warning"
        yield _CHECKS[provider](situation, model_settings, level)


def _routes(model_settings: ModelSettings) -> Check:
    parts = [
        f"{task} by {', then '.join(map(str, model_settings.routes[task]))}"
        for task in TASKS
        if model_settings.routes[task]
    ]
    unset = [task for task in TASKS if not model_settings.routes[task]]
    message = "; ".join(parts) + (f"; none to {' or '.join(unset)}" if unset else "")
    return Check("models", "ok", message)


def _auto_without_key(model_settings: ModelSettings) -> Iterator[Check]:
    """What ``auto`` would find in Ollama when the service starts."""
    wanted = DEFAULT_MODELS["ollama"]["extract"]
    try:
        there = wanted in pulled_models(model_settings.ollama_url)
    except OSError:
        there = False
    if there:
        yield Check("models", "ok", f"KNOWTHREAD_LLM=auto: no key is given, and Ollama has {wanted}, which is used")
        return
    where = bare_url(model_settings.ollama_url)
    message = f"KNOWTHREAD_LLM=auto: no key is given, and no Ollama with {wanted} answers at {where}"
    yield Check("models", "warning", message, f"ollama pull {wanted}, set a key, or name a provider in KNOWTHREAD_LLM")


def _anthropic(situation: Situation, model_settings: ModelSettings, level: Level) -> Check:
    findings = anthropic_credentials(model_settings, situation.environ).findings()
    used = next((finding.tier for finding in findings if finding.state == "used"), None)
    passed = [f"{finding.tier}: {finding.reason}" for finding in findings if finding.state in ("absent", "refused")]
    others = f"; not used: {'; '.join(passed)}" if passed else ""
    if used is None:
        cure = "set KNOWTHREAD_ANTHROPIC_TOKEN or ANTHROPIC_API_KEY, or log in with claude"
        return Check("anthropic", level, f"no usable credential{others}", cure)
    wrong = any(finding.state == "refused" for finding in findings)
    return Check("anthropic", "note" if wrong else "ok", f"{used} is used{others}")


def _claude_code(situation: Situation, model_settings: ModelSettings, level: Level) -> Check:
    del model_settings
    found = shutil.which("claude", path=situation.environ.get("PATH"))
    if found is None:
        return Check("claude-code", level, "there is no `claude` on the PATH", "install Claude Code, and log in once")
    return Check("claude-code", "ok", f"{found}, with its own login")


def _gemini(situation: Situation, model_settings: ModelSettings, level: Level) -> Check:
    del situation
    if model_settings.gemini_key_from:
        return Check("gemini", "ok", f"the key in {model_settings.gemini_key_from} is used")
    return Check("gemini", level, "there is no key", f"set {GEMINI_KEYS[0]} or KNOWTHREAD_GEMINI_API_KEY")


def _ollama_routes(situation: Situation, model_settings: ModelSettings, level: Level) -> Check:
    del situation
    return check_ollama("ollama", level, model_settings.ollama_url, model_settings.models("ollama"))


_CHECKS: Mapping[str, Callable[[Situation, ModelSettings, Level], Check]] = {
    "anthropic": _anthropic,
    "claude-code": _claude_code,
    "gemini": _gemini,
    "ollama": _ollama_routes,
}
