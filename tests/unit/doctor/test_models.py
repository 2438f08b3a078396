"""What the doctor says of the language models, and that it says no secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extract.providers.credentials import API_KEY_VARIABLE
from extract.routing.settings import GEMINI_KEYS
from kg.settings.service import load_settings
from mcp_server.doctor import embedder, examine, machine
from mcp_server.doctor.check import Check, Situation
from mcp_server.doctor.models import check_models
from mcp_server.service.model_side import make_model_side
from tests.support.fakes.models import FakeOllama

KEY = "sk-ant-api03-key"
TOKEN = "sk-ant-oat01-token"
NOBODY = "http://127.0.0.1:9"

Look = Callable[..., dict[str, Check]]


@pytest.fixture
def situation(tmp_path: Path) -> Callable[..., Situation]:
    def make(**given: str) -> Situation:
        environ = {
            "KNOWTHREAD_DATA_DIR": str(tmp_path / "data"),
            "KNOWTHREAD_CACHE_DIR": str(tmp_path / "cache"),
            "CLAUDE_CONFIG_DIR": str(tmp_path),
            "PATH": str(tmp_path),
            **given,
        }
        return Situation(load_settings(environ), environ)

    return make


@pytest.fixture
def look(situation: Callable[..., Situation]) -> Look:
    def check(**given: str) -> dict[str, Check]:
        found = list(check_models(situation(**given)))
        for one in found:
            assert one.cure or one.level in ("ok", "note")
            assert not any(secret in f"{one.message} {one.cure}" for secret in (KEY, TOKEN, "secret"))
        return {one.name: one for one in found}

    return check


def test_without_a_model_it_says_so_in_one_line_and_what_would_be_gained(look: Look) -> None:
    found = look(ANTHROPIC_API_KEY=KEY)
    assert list(found) == ["models"]
    assert found["models"].level == "note"
    assert "none is set" in found["models"].message
    assert "KNOWTHREAD_LLM" in found["models"].message
    assert "\n" not in found["models"].message


def test_a_malformed_list_is_a_failure_with_its_setting(look: Look) -> None:
    found = look(KNOWTHREAD_EXTRACT_MODELS="qwen3:14b")
    assert found["models"].level == "failed"
    assert "KNOWTHREAD_EXTRACT_MODELS" in found["models"].message


def test_the_routes_of_each_task_are_named_in_their_order(look: Look) -> None:
    found = look(KNOWTHREAD_EXTRACT_MODELS="gemini:g-1,claude-code", GEMINI_API_KEY="secret")
    assert found["models"].message == (
        "extract by gemini:g-1, then claude-code:claude-haiku-5-5; none to contradict or resolve or rerank"
    )
    assert found["gemini"].message == "the key in GEMINI_API_KEY is used"


def test_the_credential_in_use_is_named_and_why_the_others_are_not(look: Look, tmp_path: Path) -> None:
    found = look(KNOWTHREAD_LLM="anthropic", KNOWTHREAD_ANTHROPIC_TOKEN=KEY)["anthropic"]
    assert (found.level, found.message) == ("ok", "KNOWTHREAD_ANTHROPIC_TOKEN is used")
    found = look(KNOWTHREAD_LLM="anthropic", MEM0_ANTHROPIC_TOKEN=TOKEN)["anthropic"]
    assert found.message == "MEM0_ANTHROPIC_TOKEN is used"
    file = tmp_path / ".credentials.json"
    file.write_text(json.dumps({"claudeAiOauth": {"accessToken": TOKEN, "expiresAt": 4_000_000_000_000}}))
    file.chmod(0o644)
    found = look(KNOWTHREAD_LLM="anthropic", ANTHROPIC_API_KEY=KEY)["anthropic"]
    assert found.level == "note"
    assert found.message.startswith("ANTHROPIC_API_KEY is used; not used: ")
    assert f"chmod 600 {file}" in found.message
    file.chmod(0o600)
    found = look(KNOWTHREAD_LLM="anthropic", ANTHROPIC_API_KEY=KEY)["anthropic"]
    assert found.message.startswith("Claude Code's credentials file is used")


def test_a_provider_without_a_credential_fails_unless_it_is_a_fallback(look: Look) -> None:
    assert look(KNOWTHREAD_LLM="anthropic")["anthropic"].level == "failed"
    found = look(KNOWTHREAD_LLM="gemini_split")
    assert (found["gemini"].level, found["anthropic"].level) == ("failed", "failed")
    found = look(KNOWTHREAD_EXTRACT_MODELS="gemini,anthropic", GEMINI_API_KEY="secret")
    assert (found["gemini"].level, found["anthropic"].level) == ("ok", "warning")


def test_claude_code_is_looked_for_on_the_path(look: Look, tmp_path: Path) -> None:
    assert look(KNOWTHREAD_LLM="claude-code")["claude-code"].level == "failed"
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = look(KNOWTHREAD_LLM="claude-code")["claude-code"]
    assert found.level == "ok"
    assert str(program) in found.message


async def test_ollama_and_its_model_are_looked_for(look: Look) -> None:
    async with FakeOllama(models=["qwen3:14b"]) as ollama:
        there = {"KNOWTHREAD_LLM": "ollama", "KNOWTHREAD_OLLAMA_URL": ollama.url}
        found = (await asyncio.to_thread(look, **there))["ollama"]
        assert (found.level, found.message) == ("ok", f"qwen3:14b at {ollama.url}")
        named = there | {"KNOWTHREAD_EXTRACT_MODELS": "ollama:qwen3:8b,ollama:bge"}
        found = (await asyncio.to_thread(look, **named))["ollama"]
        assert found.level == "failed"
        assert found.cure == "ollama pull bge && ollama pull qwen3:8b"
        assert {request.path for request in ollama.requests} == {"/api/tags"}
    found = look(KNOWTHREAD_LLM="ollama", KNOWTHREAD_OLLAMA_URL="http://me:secret@127.0.0.1:9")["ollama"]
    assert found.level == "failed"
    assert "http://127.0.0.1:9" in found.message
    assert "ollama serve" in found.cure


async def test_auto_without_a_key_says_what_ollama_has(look: Look) -> None:
    async with FakeOllama(models=["qwen3:14b"]) as ollama:
        there = {"KNOWTHREAD_LLM": "auto", "KNOWTHREAD_OLLAMA_URL": ollama.url}
        assert (await asyncio.to_thread(look, **there))["models"].level == "ok"
    found = look(KNOWTHREAD_LLM="auto", KNOWTHREAD_OLLAMA_URL=NOBODY)["models"]
    assert found.level == "warning"
    assert "ollama pull qwen3:14b" in found.cure
    assert "anthropic" in look(KNOWTHREAD_LLM="auto", ANTHROPIC_API_KEY=KEY)


async def test_an_embedder_behind_ollama_is_looked_for_there_and_nothing_is_fetched_for_it(
    situation: Callable[..., Situation],
) -> None:
    def checked(found: Situation) -> Check:
        (check,) = embedder.check_embedder(found)
        return check

    async with FakeOllama(models=["bge-m3"]) as ollama:
        given = situation(KNOWTHREAD_EMBEDDER="ollama:bge-m3", KNOWTHREAD_OLLAMA_URL=ollama.url)
        assert (await asyncio.to_thread(checked, given)).level == "ok"
        elsewhere = situation(KNOWTHREAD_EMBEDDER="ollama:bge-m3", KNOWTHREAD_OLLAMA_EMBED_URL=ollama.url)
        assert (await asyncio.to_thread(checked, elsewhere)).level == "ok"
        missing = replace(given, settings=replace(given.settings, embedder="ollama:other"))
        assert (await asyncio.to_thread(checked, missing)).cure == "ollama pull other"
    gone = await asyncio.to_thread(checked, elsewhere)
    assert gone.level == "failed" and (gone.cure or "").endswith("KNOWTHREAD_OLLAMA_EMBED_URL")
    own = replace(given, settings=replace(given.settings, neo4j_url="bolt://elsewhere"))
    assert list(machine.check_artifacts(own)) == []
    assert [check.level for check in machine.check_disk(own, lambda _folder: 300 << 20)] == ["warning", "warning", "ok"]
    assert not given.settings.cache_dir.exists()


def test_mem0s_variables_are_named_as_used_or_ignored(situation: Callable[..., Situation]) -> None:
    given = situation(MEM0_GRAPH_LLM_PROVIDER="gemini", MEM0_NEO4J_PASSWORD="secret", MEM0_ANTHROPIC_TOKEN=KEY)
    used, ignored = machine.check_settings(given)
    assert used.message == "of mem0, used here too: MEM0_ANTHROPIC_TOKEN, MEM0_GRAPH_LLM_PROVIDER"
    assert ignored.message == "of mem0, ignored here: MEM0_NEO4J_PASSWORD"


def test_the_models_are_part_of_the_examination(situation: Callable[..., Situation]) -> None:
    def names() -> Iterator[str]:
        for check in examine.examine(situation(KNOWTHREAD_LLM="gemini").environ):
            yield check.name

    assert {"models", "gemini"} <= set(names())


async def test_an_ollama_that_auto_does_not_find_is_logged_without_its_password(
    situation: Callable[..., Situation], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    for key in (*GEMINI_KEYS, API_KEY_VARIABLE):
        monkeypatch.delenv(key, raising=False)
    settings = situation(KNOWTHREAD_LLM="auto", KNOWTHREAD_OLLAMA_URL="http://me:secret@127.0.0.1:9").settings
    nothing: Any = None
    assert await make_model_side(settings, nothing, nothing, nothing, nothing) is None
    assert "no Ollama answers at http://127.0.0.1:9;" in caplog.text
    assert "secret" not in caplog.text
