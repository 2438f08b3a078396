"""Settings: the file, the environment over it, mem0's variables between them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.errors import ConfigurationError
from kg.settings import Settings, load_settings

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


def test_the_environment_goes_before_the_file_and_ours_before_mem0s(tmp_path: Path) -> None:
    file = 'llm = "ollama"\nollama_url = "http://file:1"\nextract_concurrency = 2\n'
    assert load(tmp_path, file).llm == "ollama"
    mem0 = {"MEM0_LLM_PROVIDER": "anthropic", "MEM0_OLLAMA_URL": "http://mem0:1"}
    settings = load(tmp_path, file, **mem0)
    assert (settings.llm, settings.ollama_url, settings.extract_concurrency) == ("anthropic", "http://mem0:1", 2)
    settings = load(tmp_path, file, **mem0, KNOWTHREAD_LLM="gemini", KNOWTHREAD_OLLAMA_URL="http://ours:1")
    assert (settings.llm, settings.ollama_url) == ("gemini", "http://ours:1")


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
