"""Which model is asked for which task, from settings and from mem0's variables."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from extract.providers.credentials import API_KEY_VARIABLE, GIVEN, GIVEN_BY_MEM0, OAUTH_VARIABLE
from extract.routing.settings import (
    DEFAULT_MODELS,
    GEMINI_KEYS,
    PROVIDERS,
    ModelSettings,
    anthropic_credentials,
    choose_local,
    read_model_settings,
)
from kg.errors import ConfigurationError, ModelUnavailable
from kg.model_values import TASKS
from kg.settings.service import load_settings
from mcp_server.link.lifecycle import filtered_environment

KEY = "sk-ant-api03-key"
TOKEN = "sk-ant-oat01-token"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"KNOWTHREAD_DATA_DIR": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "claude")}


def read(environ: dict[str, str], **more: str) -> ModelSettings:
    return read_model_settings(load_settings(environ | more), environ | more)


def routes(models: ModelSettings) -> list[str]:
    return [", ".join(map(str, models.routes[task])) for task in TASKS]


def test_without_a_choice_no_model_is_asked_for_anything(environ: dict[str, str]) -> None:
    models = read(environ, ANTHROPIC_API_KEY=KEY, GEMINI_API_KEY="g", CLAUDE_CODE_OAUTH_TOKEN=TOKEN)
    assert routes(models) == ["", "", "", ""]
    assert models.providers == ()
    assert not models.anthropic_chosen


@pytest.mark.parametrize(
    ("llm", "extract", "contradict", "resolve"),
    [
        ("ollama", "ollama:qwen3:14b", "ollama:qwen3:14b", "ollama:qwen3:14b"),
        ("gemini", "gemini:gemini-3.5-flash-lite", "gemini:gemini-3.5-flash-lite", "gemini:gemini-3.5-flash-lite"),
        ("gemini_split", "gemini:gemini-3.5-flash-lite", "anthropic:claude-sonnet-5-5", "gemini:gemini-3.5-flash-lite"),
        ("anthropic", "anthropic:claude-haiku-5-5", "anthropic:claude-sonnet-5-5", "anthropic:claude-haiku-5-5"),
        (
            "claude-code",
            "claude-code:claude-haiku-5-5",
            "claude-code:claude-sonnet-5-5",
            "claude-code:claude-haiku-5-5",
        ),
    ],
)
def test_a_provider_has_a_model_for_every_task(
    environ: dict[str, str], llm: str, extract: str, contradict: str, resolve: str
) -> None:
    assert routes(read(environ, KNOWTHREAD_LLM=llm)) == [extract, contradict, resolve, extract]


def test_a_list_of_its_own_goes_before_the_choice_for_that_task_alone(environ: dict[str, str]) -> None:
    models = read(
        environ,
        KNOWTHREAD_LLM="gemini",
        KNOWTHREAD_EXTRACT_MODELS="ollama:qwen3:14b, gemini:gemini-3.5-flash-lite,ollama:qwen3:14b",
        KNOWTHREAD_CONTRADICT_MODELS="anthropic",
    )
    assert routes(models) == [
        "ollama:qwen3:14b, gemini:gemini-3.5-flash-lite",
        "anthropic:claude-sonnet-5-5",
        "gemini:gemini-3.5-flash-lite",
        "gemini:gemini-3.5-flash-lite",
    ]
    assert models.providers == ("anthropic", "gemini", "ollama")
    assert models.models("ollama") == ("qwen3:14b",)


def test_a_list_alone_leaves_the_other_tasks_without_a_model(environ: dict[str, str]) -> None:
    assert routes(read(environ, KNOWTHREAD_EXTRACT_MODELS="ollama:x")) == ["ollama:x", "", "", ""]


@pytest.mark.parametrize(
    "text", ["qwen3:14b", "openai:gpt", "ollama:", "ollama: a b", "gemini:x,", ",", "gemini_split"]
)
def test_a_malformed_route_is_refused_with_setting_value_and_form(environ: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigurationError, match="provider:model") as refused:
        read(environ, KNOWTHREAD_CONTRADICT_MODELS=text)
    assert refused.value.setting == "KNOWTHREAD_CONTRADICT_MODELS"


@pytest.mark.parametrize(
    ("more", "chosen"),
    [
        ({"KNOWTHREAD_LLM": "anthropic"}, True),
        ({"KNOWTHREAD_LLM": "gemini_split"}, True),
        ({"KNOWTHREAD_RESOLVE_MODELS": "anthropic:claude-haiku-5-5"}, True),
        ({"MEM0_GRAPH_LLM_PROVIDER": "anthropic_oat"}, True),
        ({"KNOWTHREAD_LLM": "claude-code"}, False),
        ({"KNOWTHREAD_LLM": "gemini"}, False),
        ({"KNOWTHREAD_LLM": "auto", "ANTHROPIC_API_KEY": KEY}, False),
        ({"KNOWTHREAD_LLM": "auto", "KNOWTHREAD_ANTHROPIC_TOKEN": TOKEN}, False),
    ],
)
def test_a_subscription_may_be_spent_only_where_anthropic_was_named(
    environ: dict[str, str], more: dict[str, str], chosen: bool
) -> None:
    models = read(environ, **more)
    assert models.anthropic_chosen is chosen
    credentials = anthropic_credentials(models, {"CLAUDE_CODE_OAUTH_TOKEN": TOKEN})
    if chosen:
        assert credentials.current().secret == TOKEN
    else:
        with pytest.raises(ModelUnavailable):
            anthropic_credentials(models, environ | {"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}).current()


@pytest.mark.parametrize(
    ("more", "provider"),
    [
        ({"ANTHROPIC_API_KEY": KEY}, "anthropic"),
        ({"GOOGLE_API_KEY": "g"}, "gemini"),
        ({"GEMINI_API_KEY": "g", "ANTHROPIC_API_KEY": KEY}, "gemini"),
        ({"KNOWTHREAD_ANTHROPIC_TOKEN": KEY, "GOOGLE_API_KEY": "g"}, "anthropic"),
        ({"KNOWTHREAD_GEMINI_API_KEY": "g", "ANTHROPIC_API_KEY": KEY}, "gemini"),
        ({"KNOWTHREAD_ANTHROPIC_TOKEN": TOKEN, "GOOGLE_API_KEY": "g"}, "gemini"),
    ],
)
def test_auto_takes_the_provider_whose_key_was_given(
    environ: dict[str, str], more: dict[str, str], provider: str
) -> None:
    models = read(environ, KNOWTHREAD_LLM="auto", **more)
    assert models.providers == (provider,)
    assert not models.local_if_pulled


class Asked:
    """Stands for an Ollama that has some models."""

    def __init__(self, *models: str) -> None:
        self.models = set(models)
        self.wanted: list[Collection[str]] = []

    async def __call__(self, wanted: Collection[str]) -> Collection[str]:
        self.wanted.append(wanted)
        return self.models & set(wanted)


async def test_auto_without_a_key_takes_ollamas_model_where_it_is_pulled(environ: dict[str, str]) -> None:
    models = read(environ, KNOWTHREAD_LLM="auto", CLAUDE_CODE_OAUTH_TOKEN=TOKEN)
    assert routes(models) == ["", "", "", ""]
    ollama = Asked("qwen3:14b")
    chosen = await choose_local(models, ollama)
    assert routes(chosen) == ["ollama:qwen3:14b"] * 4
    assert ollama.wanted == [["qwen3:14b"]]
    assert routes(await choose_local(models, Asked("llama"))) == ["", "", "", ""]


async def test_ollama_is_looked_for_by_auto_without_a_key_alone(environ: dict[str, str]) -> None:
    ollama = Asked("qwen3:14b")
    for more in ({}, {"KNOWTHREAD_LLM": "gemini"}, {"KNOWTHREAD_LLM": "auto", "ANTHROPIC_API_KEY": KEY}):
        models = read(environ, **more)
        assert await choose_local(models, ollama) is models
    assert ollama.wanted == []


async def test_a_list_stays_as_it_is_when_auto_finds_ollama(environ: dict[str, str]) -> None:
    models = read(environ, KNOWTHREAD_LLM="auto", KNOWTHREAD_CONTRADICT_MODELS="claude-code")
    chosen = await choose_local(models, Asked("qwen3:14b"))
    assert routes(chosen) == [
        "ollama:qwen3:14b",
        "claude-code:claude-sonnet-5-5",
        "ollama:qwen3:14b",
        "ollama:qwen3:14b",
    ]


def test_mem0s_split_set_up_works_by_its_own_variables(environ: dict[str, str]) -> None:
    split = {"MEM0_GRAPH_LLM_PROVIDER": "gemini_split", "GOOGLE_API_KEY": "g", "MEM0_ENABLE_GRAPH": "true"}
    judge = {"MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER": "ollama", "MEM0_GRAPH_CONTRADICTION_LLM_MODEL": "qwen3:8b"}
    models = read(environ, **split, **judge, MEM0_OLLAMA_URL="http://elsewhere:11434/")
    gemini = "gemini:gemini-3.5-flash-lite"
    assert routes(models) == [gemini, "ollama:qwen3:8b", gemini, gemini]
    assert (models.gemini_api_key, models.ollama_url) == ("g", "http://elsewhere:11434")
    assert routes(read(environ, **split)) == [gemini, "anthropic:claude-sonnet-5-5", gemini, gemini]


def test_the_key_of_gemini_is_looked_for_in_one_order_and_named(environ: dict[str, str]) -> None:
    keys = {"GOOGLE_API_KEY": "c", "GEMINI_API_KEY": "b", "KNOWTHREAD_GEMINI_API_KEY": "a"}
    for name, key in reversed(list(keys.items())):
        models = read(environ, **keys)
        assert (models.gemini_key_from, models.gemini_api_key) == (name, key)
        del keys[name]
    assert read(environ).gemini_key_from == ""


def test_requests_at_a_time_are_as_set_and_few_where_each_is_a_process(environ: dict[str, str]) -> None:
    models = read(environ, KNOWTHREAD_EXTRACT_CONCURRENCY="16")
    assert models.concurrency == {"anthropic": 16, "claude-code": 2, "gemini": 16, "ollama": 16}
    assert read(environ, KNOWTHREAD_EXTRACT_CONCURRENCY="1").concurrency["claude-code"] == 1


def test_keys_show_in_no_representation(environ: dict[str, str]) -> None:
    models = read(environ, KNOWTHREAD_LLM="anthropic", KNOWTHREAD_ANTHROPIC_TOKEN=KEY, GEMINI_API_KEY="g-secret")
    assert KEY not in repr(models)
    assert "g-secret" not in repr(models)


@pytest.mark.parametrize("name", ["OLLAMA_URL", "ANTHROPIC_URL", "GEMINI_URL"])
def test_a_password_within_an_address_shows_in_no_representation(environ: dict[str, str], name: str) -> None:
    models = read(environ, **{f"KNOWTHREAD_{name}": "http://me:pass-word@host:1"})
    assert "pass-word" not in repr(models)


def test_every_provider_has_a_default_for_every_task() -> None:
    assert set(DEFAULT_MODELS) == set(PROVIDERS)
    assert all(set(models) == set(TASKS) for models in DEFAULT_MODELS.values())


def test_the_service_gets_the_variables_of_credentials_and_no_others_of_a_session_of_claude_code() -> None:
    credentials = {*GEMINI_KEYS, GIVEN, GIVEN_BY_MEM0, OAUTH_VARIABLE, API_KEY_VARIABLE, "CLAUDE_CONFIG_DIR"}
    session = {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "KNOWTHREAD_USER_ID"}
    assert set(filtered_environment(dict.fromkeys(credentials | session, "x"))) == credentials


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_AUTH_TOKEN",
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "OLLAMA_API_KEY",
        "OLLAMA_HOST",
    ],
)
def test_the_service_gets_nothing_that_sends_requests_elsewhere_or_signs_them_otherwise(name: str) -> None:
    assert filtered_environment({name: "x"}) == {}
