"""``knowthread setup`` asks a person which model is to be used, and nobody else."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.settings.service import load_settings
from mcp_server.cli import setup
from mcp_server.cli.setup import choose_model
from tests.support.fakes import FakeOllama

NOBODY = "http://127.0.0.1:9"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Reached(Exception):
    """The step after the question."""


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Terminal]:
    """Gives what a person types, and returns what the questions were."""

    def give(text: str) -> Terminal:
        monkeypatch.setattr(sys, "stdin", Terminal(text))
        monkeypatch.setattr(sys, "stderr", asked := Terminal())
        return asked

    return give


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    given = {
        "KNOWTHREAD_DATA_DIR": str(tmp_path / "data"),
        "KNOWTHREAD_OLLAMA_URL": NOBODY,
        "CLAUDE_CONFIG_DIR": str(tmp_path / "claude"),
        "PATH": str(tmp_path),
    }
    monkeypatch.setattr("os.environ", given)
    return given


def config(environ: dict[str, str]) -> Path:
    return Path(environ["KNOWTHREAD_DATA_DIR"]) / "config.toml"


def choose(environ: dict[str, str]) -> None:
    choose_model(load_settings(environ), environ)


@pytest.mark.parametrize("model", ["none", "ollama", "gemini"])
def test_the_answer_is_written_into_a_private_file_and_used_from_then_on(
    environ: dict[str, str], type_in: Callable[[str], Terminal], model: str
) -> None:
    type_in(f"{model}\n")
    choose(environ)
    assert config(environ).read_text() == f'llm = "{model}"\n'
    assert config(environ).stat().st_mode & 0o777 == 0o600
    assert load_settings(environ).llm == model


@pytest.mark.parametrize("before", ["# mine\nport = 4711\n", "# mine\nport = 4711"])
def test_the_other_lines_of_the_file_stay(
    environ: dict[str, str], type_in: Callable[[str], Terminal], before: str
) -> None:
    config(environ).parent.mkdir()
    config(environ).write_text(before)
    type_in("gemini\n")
    choose(environ)
    assert config(environ).read_text() == '# mine\nport = 4711\nllm = "gemini"\n'


@pytest.mark.parametrize("model", ["anthropic", "claude-code", "gemini_split"])
def test_a_subscription_is_used_only_after_a_yes_to_its_terms(
    environ: dict[str, str], type_in: Callable[[str], Terminal], model: str
) -> None:
    for refusal in ("\n", "no\n", ""):
        asked = type_in(f"{model}\n{refusal}")
        choose(environ)
        assert "Anthropic's terms say whether programs other than its own may use a subscription" in asked.getvalue()
        assert not config(environ).exists()
    type_in(f"{model}\nyes\n")
    choose(environ)
    assert load_settings(environ).llm == model


@pytest.mark.parametrize("answer", ["\n", "", "openai\n\n"])
def test_without_a_choice_nothing_is_written(
    environ: dict[str, str], type_in: Callable[[str], Terminal], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(answer)
    choose(environ)
    assert not config(environ).exists()
    assert "Nothing is set" in capsys.readouterr().out


async def test_what_is_here_is_shown_by_name_and_no_secret_is(
    environ: dict[str, str], type_in: Callable[[str], Terminal], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("\n")
    choose(environ)
    assert "Found here: no key, no Claude Code, no Ollama." in capsys.readouterr().out
    (tmp_path / "claude").mkdir()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "claude"
    command.touch(mode=0o700)
    login = tmp_path / "claude" / ".credentials.json"
    login.write_text(json.dumps({"claudeAiOauth": {"accessToken": "sk-ant-oat01-secret"}}))
    login.chmod(0)
    environ |= {"PATH": str(command.parent), "GEMINI_API_KEY": "secret", "ANTHROPIC_API_KEY": "secret"}
    async with FakeOllama(models=["qwen3:14b", "bge-m3"]) as ollama:
        environ["KNOWTHREAD_OLLAMA_URL"] = ollama.url
        type_in("\n")
        await asyncio.to_thread(choose, environ)
    shown = capsys.readouterr().out
    assert (
        "Found here: ANTHROPIC_API_KEY; GEMINI_API_KEY; Claude Code with a login; "
        "Ollama with bge-m3:latest, qwen3:14b." in shown
    )
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("more", "options", "asked"),
    [
        ({}, {}, True),
        ({}, {"yes": True}, False),
        ({}, {"json": True}, False),
        ({"KNOWTHREAD_LLM": "none"}, {}, False),
        ({"KNOWTHREAD_EXTRACT_MODELS": "ollama"}, {}, False),
        ({"MEM0_PROVIDER": "ollama"}, {}, False),
    ],
)
def test_only_a_person_without_a_model_is_asked(  # noqa: PLR0917
    environ: dict[str, str],
    type_in: Callable[[str], Terminal],
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, str],
    options: dict[str, bool],
    asked: bool,
) -> None:
    def reached(_: object) -> None:
        raise Reached

    environ |= more | {"KNOWTHREAD_USER_NAME": "Ada"}
    type_in("gemini\n")
    with pytest.raises(Reached):
        setup.setup(Namespace(**({"yes": False, "json": False, "no_claude": False} | options)), reached)
    assert config(environ).exists() is asked
    monkeypatch.setattr(sys, "stdin", io.StringIO("gemini\n"))
    config(environ).unlink(missing_ok=True)
    with pytest.raises(Reached):
        setup.setup(Namespace(yes=False, json=False, no_claude=False), reached)
    assert not config(environ).exists(), "there is no terminal"


@pytest.mark.parametrize(("typed", "name"), [("\n", "Git Name"), ("  Ada   Lovelace \n", "Ada Lovelace"), ("", "")])
def test_the_name_is_asked_and_gits_is_the_default(
    environ: dict[str, str], type_in: Callable[[str], Terminal], tmp_path: Path, typed: str, name: str
) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho 'Git Name'\n")
    git.chmod(0o755)
    asked = type_in(typed)
    setup.choose_name(load_settings(environ))
    assert "[Git Name]" in asked.getvalue()
    assert load_settings(environ).user_name == name
    assert config(environ).exists() == bool(name)


def test_without_git_and_without_an_answer_no_name_is_known(
    environ: dict[str, str], type_in: Callable[[str], Terminal]
) -> None:
    type_in("\n")
    setup.choose_name(load_settings(environ))
    assert not config(environ).exists()
