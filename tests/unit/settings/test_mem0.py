"""The set-ups that mem0-mcp-selfhosted documents, by their own variables."""

from __future__ import annotations

import pytest

from kg.errors import ConfigurationError
from kg.settings.mem0 import read_mem0

SPLIT = {"MEM0_GRAPH_LLM_PROVIDER": "gemini_split"}


def values(**environ: str) -> dict[str, str]:
    return {name: taken.value for name, taken in read_mem0(environ).values.items()}


def all_tasks(route: str) -> dict[str, str]:
    return {"extract_models": route, "contradict_models": route, "resolve_models": route, "rerank_models": route}


def test_a_local_set_up_asks_ollama_and_its_model_for_everything() -> None:
    graph = {"MEM0_ENABLE_GRAPH": "true", "MEM0_GRAPH_LLM_PROVIDER": "ollama", "MEM0_GRAPH_LLM_MODEL": "qwen3:14b"}
    assert values(**graph) == {"llm": "ollama"} | all_tasks("ollama:qwen3:14b")
    whole = {"MEM0_PROVIDER": "ollama", "MEM0_LLM_MODEL": "qwen3:8b", "MEM0_USER_ID": "me"}
    assert values(**whole) == {"llm": "ollama"} | all_tasks("ollama:qwen3:8b")
    assert values(MEM0_LLM_PROVIDER="ollama") == {"llm": "ollama"}


def test_a_gemini_set_up_asks_gemini_for_everything() -> None:
    environ = {"MEM0_GRAPH_LLM_PROVIDER": "gemini", "MEM0_GRAPH_LLM_MODEL": "gemini-2.5-flash-lite"}
    assert values(**environ) == {"llm": "gemini"} | all_tasks("gemini:gemini-2.5-flash-lite")
    assert values(MEM0_GRAPH_LLM_PROVIDER="gemini", MEM0_LLM_MODEL="claude-opus-4-6") == {"llm": "gemini"}


def test_a_split_set_up_extracts_with_gemini_and_judges_with_another() -> None:
    assert values(**SPLIT) == {"llm": "gemini_split"}
    documented = SPLIT | {
        "GOOGLE_API_KEY": "k",
        "MEM0_GRAPH_LLM_MODEL": "gemini-2.5-flash-lite",
        "MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER": "anthropic",
        "MEM0_GRAPH_CONTRADICTION_LLM_MODEL": "claude-opus-4-6",
    }
    gemini = dict.fromkeys(("extract_models", "resolve_models", "rerank_models"), "gemini:gemini-2.5-flash-lite")
    assert values(**documented) == {
        "llm": "gemini_split",
        "contradict_models": "anthropic:claude-opus-4-6",
        **gemini,
    }
    local = SPLIT | {"MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER": "ollama"}
    assert values(**local)["contradict_models"] == "ollama"
    assert values(**local, MEM0_LLM_MODEL="qwen3:14b")["contradict_models"] == "ollama:qwen3:14b"
    assert values(**local, MEM0_LLM_MODEL="claude-opus-4-6")["contradict_models"] == "ollama"


@pytest.mark.parametrize("provider", ["anthropic", "anthropic_oat"])
def test_both_names_of_anthropic_mean_anthropic(provider: str) -> None:
    environ = {"MEM0_GRAPH_LLM_PROVIDER": provider, "MEM0_LLM_MODEL": "claude-opus-4-6"}
    assert values(**environ) == {"llm": "anthropic"} | all_tasks("anthropic:claude-opus-4-6")


def test_the_graphs_provider_goes_before_the_common_one_and_that_before_the_main_one() -> None:
    environ = {"MEM0_PROVIDER": "anthropic", "MEM0_LLM_PROVIDER": "ollama"}
    assert values(**environ)["llm"] == "anthropic"
    assert values(**environ, MEM0_GRAPH_LLM_PROVIDER="gemini")["llm"] == "gemini"


@pytest.mark.parametrize("switched_off", ["false", "0", "no"])
def test_without_its_graph_the_main_model_counts_and_the_graphs_settings_are_ignored(switched_off: str) -> None:
    graph = {
        "MEM0_GRAPH_LLM_PROVIDER": "gemini",
        "MEM0_GRAPH_LLM_MODEL": "gemini-2.5-flash-lite",
        "MEM0_GRAPH_LLM_URL": "http://graph:1",
    }
    main = {"MEM0_PROVIDER": "anthropic", "MEM0_LLM_PROVIDER": "ollama", "MEM0_LLM_MODEL": "qwen3:8b"}
    read = read_mem0(graph | main | {"MEM0_ENABLE_GRAPH": switched_off, "MEM0_OLLAMA_URL": "http://all:1"})
    assert {name: taken.value for name, taken in read.values.items()} == {
        "llm": "ollama",
        "ollama_url": "http://all:1",
        **all_tasks("ollama:qwen3:8b"),
    }
    assert set(read.ignored) == {*graph, "MEM0_PROVIDER"}
    assert values(**graph, MEM0_ENABLE_GRAPH=switched_off) == {}


def test_no_variable_chooses_a_provider_by_itself() -> None:
    environ = {"MEM0_ANTHROPIC_TOKEN": "t", "MEM0_LLM_MODEL": "claude-opus-4-6", "MEM0_USER_ID": "me"}
    assert values(**environ) == {"anthropic_token": "t"}


def test_a_choice_of_our_own_leaves_mem0s_provider_and_models_out() -> None:
    environ = {"MEM0_GRAPH_LLM_PROVIDER": "gemini", "MEM0_GRAPH_LLM_MODEL": "gemini-2.5-flash-lite"}
    read = read_mem0(environ | {"KNOWTHREAD_LLM": "ollama"})
    assert read.values == {}
    assert read.ignored == ("MEM0_GRAPH_LLM_MODEL", "MEM0_GRAPH_LLM_PROVIDER")
    partly = values(**environ, KNOWTHREAD_EXTRACT_MODELS="ollama")
    assert partly == {"llm": "gemini"} | {
        "contradict_models": "gemini:gemini-2.5-flash-lite",
        "resolve_models": "gemini:gemini-2.5-flash-lite",
        "rerank_models": "gemini:gemini-2.5-flash-lite",
    }


def test_the_nearest_address_of_ollama_is_taken_for_answers_and_another_for_embeddings() -> None:
    assert values(MEM0_OLLAMA_URL="http://all:1") == {"ollama_url": "http://all:1"}
    assert values(MEM0_EMBED_URL="http://embed:1") == {"ollama_embed_url": "http://embed:1"}
    environ = {"MEM0_OLLAMA_URL": "http://all:1", "MEM0_LLM_URL": "http://llm:1"}
    assert values(**environ) == {"ollama_url": "http://llm:1", "ollama_embed_url": "http://all:1"}
    both = environ | {"MEM0_GRAPH_LLM_URL": "http://graph:1", "MEM0_EMBED_URL": "http://embed:1"}
    assert values(**both) == {"ollama_url": "http://graph:1", "ollama_embed_url": "http://embed:1"}
    assert read_mem0(both).ignored == ("MEM0_LLM_URL", "MEM0_OLLAMA_URL")
    same = {"MEM0_OLLAMA_URL": "http://all:1", "MEM0_EMBED_URL": "http://all:1"}
    assert (values(**same), read_mem0(same).ignored) == ({"ollama_url": "http://all:1"}, ())


def test_an_embedder_without_an_address_of_its_own_stays_on_this_machine() -> None:
    assert values(MEM0_LLM_URL="http://gpu:1") == {
        "ollama_url": "http://gpu:1",
        "ollama_embed_url": "http://127.0.0.1:11434",
    }


def test_an_address_of_our_own_is_left_alone() -> None:
    environ = {"MEM0_OLLAMA_URL": "http://all:1", "MEM0_LLM_URL": "http://llm:1", "KNOWTHREAD_OLLAMA_URL": "http://x:1"}
    assert values(**environ) == {}
    assert values(**environ, MEM0_EMBED_URL="http://e:1") == {"ollama_embed_url": "http://e:1"}


@pytest.mark.parametrize("variable", ["MEM0_GRAPH_LLM_MODEL", "MEM0_LLM_MODEL"])
def test_a_model_that_is_a_list_is_refused_by_the_name_of_its_variable(variable: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_mem0({"MEM0_GRAPH_LLM_PROVIDER": "ollama", variable: "qwen3:14b,qwen3:8b"})
    assert refused.value.setting == variable


def test_a_setting_of_our_own_file_leaves_mem0s_out() -> None:
    environ = {"MEM0_LLM_PROVIDER": "gemini", "MEM0_LLM_MODEL": "gemini-2.5-flash", "MEM0_OLLAMA_KEEP_ALIVE": "5m"}
    read = read_mem0(environ, {"llm", "port"})
    assert {name: taken.value for name, taken in read.values.items()} == {"ollama_keep_alive": "5m"}
    assert read.ignored == ("MEM0_LLM_MODEL", "MEM0_LLM_PROVIDER")


def test_embeddings_of_ollama_are_taken_over_and_others_are_not() -> None:
    assert values(MEM0_EMBED_PROVIDER="ollama") == {"embedder": "ollama:bge-m3"}
    assert values(MEM0_EMBED_MODEL="nomic-embed-text") == {"embedder": "ollama:nomic-embed-text"}
    read = read_mem0({"MEM0_EMBED_PROVIDER": "openai", "MEM0_EMBED_MODEL": "text-embedding-3-small"})
    assert (dict(read.values), read.ignored) == ({}, ("MEM0_EMBED_MODEL", "MEM0_EMBED_PROVIDER"))


@pytest.mark.parametrize(
    "name",
    [
        "MEM0_NEO4J_URL",
        "MEM0_NEO4J_USER",
        "MEM0_NEO4J_PASSWORD",
        "MEM0_QDRANT_URL",
        "MEM0_QDRANT_API_KEY",
        "MEM0_HOST",
        "MEM0_PORT",
        "MEM0_TRANSPORT",
        "MEM0_OLLAMA_THINK",
    ],
)
def test_what_may_be_another_programs_is_never_taken_over(name: str) -> None:
    read = read_mem0({name: "http://elsewhere"})
    assert (dict(read.values), read.used, read.ignored) == ({}, (), (name,))


def test_a_provider_that_there_is_not_is_told_as_ignored() -> None:
    assert read_mem0({"MEM0_LLM_PROVIDER": "openai"}).ignored == ("MEM0_LLM_PROVIDER",)
    assert read_mem0(SPLIT | {"MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER": "openai"}).ignored == (
        "MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER",
    )


def test_a_judge_of_its_own_belongs_to_the_split_set_up_alone() -> None:
    environ = {"MEM0_GRAPH_LLM_PROVIDER": "gemini", "MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER": "anthropic"}
    read = read_mem0(environ)
    assert set(read.values) == {"llm"}
    assert read.ignored == ("MEM0_GRAPH_CONTRADICTION_LLM_PROVIDER",)


def test_what_is_taken_over_is_listed_by_name_alone() -> None:
    read = read_mem0({"MEM0_ANTHROPIC_TOKEN": "sk-ant-api03-secret", "MEM0_OLLAMA_KEEP_ALIVE": "5m"})
    assert read.used == ("MEM0_ANTHROPIC_TOKEN", "MEM0_OLLAMA_KEEP_ALIVE")
    assert "secret" not in repr(read)
