"""Settings: the file, the environment over it, mem0's variables between them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.errors import ConfigurationError
from kg.settings.service import Settings, bare_url, load_settings, mem0_variables

SECRET = "sk-ant-api03-a-secret-that-shows-nowhere"


def load(folder: Path, content: str = "", **environ: str) -> Settings:
    (folder / "config.toml").write_text(content, encoding="utf-8")
    return load_settings({"KNOWTHREAD_DATA_DIR": str(folder), **environ})


def test_without_a_setting_no_model_is_asked(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.llm == "none"
    assert (settings.extract_models, settings.contradict_models, settings.resolve_models) == ("", "", "")
    assert (settings.daily_tokens, settings.model_timeout_s, settings.extract_concurrency) == (2_000_000, 120.0, 4)
    assert settings.ollama_url == "http://127.0.0.1:11434"


def test_our_variables_go_before_the_file_and_that_before_mem0s(tmp_path: Path) -> None:
    mem0 = {"MEM0_LLM_PROVIDER": "anthropic", "MEM0_LLM_MODEL": "claude-opus-4-6", "MEM0_OLLAMA_URL": "http://mem0:1"}
    settings = load(tmp_path, "extract_concurrency = 2\n", **mem0)
    assert (settings.llm, settings.ollama_url, settings.extract_concurrency) == ("anthropic", "http://mem0:1", 2)
    file = 'llm = "ollama"\nollama_url = "http://file:1"\n'
    settings = load(tmp_path, file, **mem0)
    assert (settings.llm, settings.ollama_url, settings.extract_models) == ("ollama", "http://file:1", "")
    settings = load(tmp_path, file, **mem0, KNOWTHREAD_LLM="gemini", KNOWTHREAD_OLLAMA_URL="http://ours:1")
    assert (settings.llm, settings.ollama_url) == ("gemini", "http://ours:1")


def test_mem0s_variables_that_the_file_overrides_have_no_effect(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('llm = "none"\n')
    found = mem0_variables({"KNOWTHREAD_DATA_DIR": str(tmp_path), "MEM0_LLM_PROVIDER": "ollama"})
    assert (found.used, found.ignored) == ((), ("MEM0_LLM_PROVIDER",))


def test_embeddings_come_from_the_same_ollama_unless_another_is_named(tmp_path: Path) -> None:
    settings = load(tmp_path, KNOWTHREAD_OLLAMA_URL="http://one:1")
    assert settings.embedding_url == "http://one:1"
    settings = load(tmp_path, KNOWTHREAD_OLLAMA_URL="http://one:1", KNOWTHREAD_OLLAMA_EMBED_URL="http://two:1")
    assert (settings.ollama_url, settings.embedding_url) == ("http://one:1", "http://two:1")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:word@host:1/v1", "http://host:1/v1"),
        ("http://me:w@rd@host", "http://host"),
        ("http://me:wo/rd@host", "http://host"),
        ("http://me:wo?rd@host", "http://host"),
        ("me:word@host:1", "host:1"),
        ("http://host/v1?key=word#more", "http://host/v1"),
        ("http://[::1]:11434", "http://[::1]:11434"),
        ("http://[bad@host", "http://host"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert bare_url(url) == shown


@pytest.mark.parametrize(
    "name", ["OLLAMA_URL", "OLLAMA_EMBED_URL", "ANTHROPIC_URL", "GEMINI_URL", "NEO4J_URL", "QDRANT_URL"]
)
def test_a_password_within_an_address_shows_neither_in_the_settings_nor_in_a_refusal(tmp_path: Path, name: str) -> None:
    settings = load(tmp_path, **{f"KNOWTHREAD_{name}": "http://me:pass-word@host:1"})
    assert "pass-word" not in repr(settings)
    if name not in ("NEO4J_URL", "QDRANT_URL"):
        with pytest.raises(ConfigurationError) as refused:
            load(tmp_path, **{f"KNOWTHREAD_{name}": "me:pass-word@host:1"})
        assert "'host:1' is not usable" in str(refused.value)
        assert "pass-word" not in str(refused.value)


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    assert load(tmp_path, 'llm = "ollama"', KNOWTHREAD_LLM=" ", MEM0_LLM_PROVIDER="").llm == "ollama"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("LLM", "openai", "gemini_split"),
        ("EMBEDDER", "ollama:", "ollama:<model>"),
        ("EMBEDDER", "onnx:unknown", "onnx:all-minilm-l6-v2"),
        ("OLLAMA_URL", "127.0.0.1:11434", "http://"),
        ("ANTHROPIC_URL", "file:///etc/passwd", "http://"),
        ("OLLAMA_KEEP_ALIVE", "a while", "30m"),
        ("DAILY_TOKENS", "many", "0 to"),
        ("DAILY_TOKENS", "-1", "0 to"),
        ("DAILY_TOKENS", "1.5", "0 to"),
        ("MODEL_TIMEOUT_S", "0", "1 to 3600"),
        ("MODEL_TIMEOUT_S", "nan", "1 to 3600"),
        ("EXTRACT_CONCURRENCY", "33", "1 to 32"),
        ("PORT", "65536", "0 to 65535"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name_and_what_would_do(
    tmp_path: Path, name: str, value: str, accepted: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, **{f"KNOWTHREAD_{name}": value})
    assert refused.value.setting == f"KNOWTHREAD_{name}"
    assert value in str(refused.value)
    assert accepted in refused.value.accepted


def test_a_refused_value_of_the_file_or_of_mem0_is_named_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"extract_concurrency in .*config\.toml: True is not a whole number"):
        load(tmp_path, "extract_concurrency = true")
    with pytest.raises(ConfigurationError, match=r"^MEM0_OLLAMA_URL: "):
        load(tmp_path, MEM0_OLLAMA_URL="localhost")
    with pytest.raises(ConfigurationError, match=r"known settings: .*gemini_api_key"):
        load(tmp_path, "gemini_key = 'x'")


@pytest.mark.parametrize("embedder", ["ollama:bge-m3", "ollama:library/bge-m3:567m", "onnx:bge-small-en-v1.5"])
def test_any_model_of_ollama_may_embed(tmp_path: Path, embedder: str) -> None:
    assert load(tmp_path, KNOWTHREAD_EMBEDDER=embedder).embedder == embedder


@pytest.mark.parametrize("text", ["30m", "1h30m", "0", "-1", "90"])
def test_a_model_may_be_kept_for_a_duration_for_seconds_or_for_ever(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, KNOWTHREAD_OLLAMA_KEEP_ALIVE=text).ollama_keep_alive == text


def test_secrets_show_neither_in_the_settings_nor_in_a_refusal(tmp_path: Path) -> None:
    settings = load(tmp_path, KNOWTHREAD_ANTHROPIC_TOKEN=SECRET, KNOWTHREAD_GEMINI_API_KEY=SECRET)
    assert settings.anthropic_token == settings.gemini_api_key == SECRET
    assert SECRET not in repr(settings)
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, "anthropic_token = 1234567890")
    assert "1234567890" not in str(refused.value)
    assert "anthropic_token" in str(refused.value)
