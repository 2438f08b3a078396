"""The chain of Anthropic credentials: order, consent, refusals, and that a secret shows nowhere."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from extract.providers.credentials import (
    API_KEY_VARIABLE,
    FILE,
    GIVEN,
    GIVEN_BY_MEM0,
    KEYCHAIN,
    OAUTH_VARIABLE,
    Credential,
    Credentials,
)
from kg.errors import ModelUnavailable

NOW = 1_800_000_000.0
KEY = "sk-ant-api03-key"
OTHER_KEY = "sk-ant-api03-other"
TOKEN = "sk-ant-oat01-token"
LOGIN = "sk-ant-oat01-login"
RENEWED = "sk-ant-oat01-renewed"


@dataclass
class Login:
    """A folder of Claude Code's, with a clock beside it."""

    folder: Path
    now: float = NOW
    environ: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def file(self) -> Path:
        return self.folder / ".credentials.json"

    def write(self, token: str = LOGIN, valid_s: float = 3600, **more: Any) -> None:
        oauth = {"accessToken": token, "refreshToken": "r", "expiresAt": int((self.now + valid_s) * 1000), **more}
        self.file.touch(mode=0o600)
        self.file.write_text(json.dumps({"claudeAiOauth": oauth}), encoding="utf-8")

    def chain(self, given: str = "", *, chosen: bool = True, keychain: str | None = None) -> Credentials:
        environ = {"CLAUDE_CONFIG_DIR": str(self.folder), **self.environ}
        return Credentials(given, environ, chosen=chosen, keychain=keychain, now=lambda: self.now)

    def reason(self, tier: str = FILE, **chain: Any) -> str:
        """Why a tier is not used; the refusal as a whole shows no secret."""
        credentials = self.chain(**chain)
        (finding,) = [finding for finding in credentials.findings() if finding.tier == tier]
        assert finding.state in ("refused", "absent")
        return finding.reason


@pytest.fixture
def login(tmp_path: Path) -> Login:
    folder = tmp_path / "claude"
    folder.mkdir()
    return Login(folder)


def test_each_tier_steps_in_where_those_before_it_are_missing(login: Login) -> None:
    login.write()
    login.environ = {OAUTH_VARIABLE: TOKEN, API_KEY_VARIABLE: KEY}
    seen = [login.chain(OTHER_KEY).current()]
    seen.append(login.chain().current())
    del login.environ[OAUTH_VARIABLE]
    seen.append(login.chain().current())
    login.file.unlink()
    seen.append(login.chain().current())
    assert [(found.tier, found.secret) for found in seen] == [
        (GIVEN, OTHER_KEY),
        (OAUTH_VARIABLE, TOKEN),
        (FILE, LOGIN),
        (API_KEY_VARIABLE, KEY),
    ]


def test_without_any_it_says_what_to_do(login: Login) -> None:
    with pytest.raises(ModelUnavailable) as refused:
        login.chain().current()
    assert (refused.value.reason, refused.value.retryable) == ("not_configured", False)
    assert GIVEN in str(refused.value)
    assert API_KEY_VARIABLE in str(refused.value)


def test_a_token_of_mem0s_variable_is_named_by_it(login: Login) -> None:
    login.environ = {GIVEN_BY_MEM0: KEY}
    assert login.chain(KEY).current().tier == GIVEN_BY_MEM0
    login.environ[GIVEN] = OTHER_KEY
    assert login.chain(OTHER_KEY).current().tier == GIVEN


def test_the_kind_is_told_by_the_beginning() -> None:
    assert (Credential(TOKEN, "x").kind, Credential(KEY, "x").kind) == ("oauth", "api_key")


@pytest.mark.parametrize("text", ["secret", "sk-proj-secret", "sk-ant-secret", "sk-ant-api03-se cret", "Bearer secret"])
def test_what_is_no_credential_of_anthropics_is_refused_unseen_and_the_next_tier_used(login: Login, text: str) -> None:
    login.environ = {API_KEY_VARIABLE: KEY}
    chain = login.chain(text)
    assert chain.current().tier == API_KEY_VARIABLE
    assert "sk-ant-api" in chain.findings()[0].reason
    assert "secret" not in repr(chain.findings())


def test_a_subscription_is_not_touched_unless_anthropic_was_chosen(login: Login) -> None:
    login.write()
    login.environ = {OAUTH_VARIABLE: TOKEN}
    for given in ("", TOKEN):
        with pytest.raises(ModelUnavailable, match="only where KNOWTHREAD_LLM"):
            login.chain(given, chosen=False).current()
    login.file.chmod(0o644)
    assert "a subscription is used only where" in login.reason(chosen=False)
    login.environ[API_KEY_VARIABLE] = KEY
    assert login.chain(TOKEN, chosen=False).current().secret == KEY


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b"[]", b'{"claudeAiOauth": 1}', b'{"claudeAiOauth": {}}', b"null"]
)
def test_a_malformed_file_is_told_and_passed_over(login: Login, content: bytes) -> None:
    login.write()
    login.file.write_bytes(content)
    assert "log in" in login.reason()
    login.environ = {API_KEY_VARIABLE: KEY}
    assert login.chain().current().secret == KEY


def test_a_login_without_its_end_or_with_another_kind_of_token_is_refused(login: Login) -> None:
    login.write(expiresAt="soon")
    assert "expiresAt" in login.reason()
    login.write(expiresAt=True)
    assert "expiresAt" in login.reason()
    login.write(token="something-else")
    assert "neither an OAuth token" in login.reason()
    assert "something-else" not in login.reason()


def test_an_expired_login_is_passed_over_and_taken_again_when_claude_has_renewed_it(login: Login) -> None:
    login.write(valid_s=-1)
    login.environ = {API_KEY_VARIABLE: KEY}
    chain = login.chain()
    assert "expired" in login.reason()
    assert chain.current().secret == KEY
    login.write(RENEWED)
    login.now += 61
    assert chain.current().secret == RENEWED


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o610])
def test_a_file_that_others_can_open_is_refused_with_the_cure(login: Login, mode: int) -> None:
    login.write()
    login.file.chmod(mode)
    assert f"chmod 600 {login.file}" in login.reason()


def test_a_file_of_another_user_is_refused(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    login.write()
    owner = login.file.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert "belongs to another user" in login.reason()


def test_a_link_a_folder_a_pipe_and_a_huge_file_are_refused(login: Login) -> None:
    login.write()
    login.file.rename(login.folder / "real")
    login.file.symlink_to(login.folder / "real")
    assert "symbolic link" in login.reason()
    login.file.unlink()
    login.file.mkdir(mode=0o700)
    assert "is not a file" in login.reason()
    login.file.rmdir()
    os.mkfifo(login.file, 0o600)
    assert "is not a file" in login.reason()
    login.file.unlink()
    login.write(padding="x" * (1 << 20))
    assert "too large" in login.reason()


def test_a_missing_file_is_absent_and_nothing_is_made(login: Login) -> None:
    assert str(login.file) in login.reason()
    assert list(login.folder.iterdir()) == []


def test_the_file_is_never_written(login: Login) -> None:
    login.write()
    before = login.file.read_bytes(), login.file.stat().st_mtime_ns
    chain = login.chain()
    chain.refused(chain.current())
    login.now += 7200
    with pytest.raises(ModelUnavailable):
        chain.current()
    assert (login.file.read_bytes(), login.file.stat().st_mtime_ns) == before
    assert [file.name for file in login.folder.iterdir()] == [".credentials.json"]


def test_a_login_is_kept_until_it_expires_and_then_read_again(login: Login) -> None:
    login.write()
    chain = login.chain()
    assert chain.current().secret == LOGIN
    login.write(RENEWED, valid_s=9000)
    login.now += 3500
    assert chain.current().secret == LOGIN
    login.now += 80
    assert chain.current().secret == RENEWED


def test_after_a_refusal_the_file_is_read_again(login: Login) -> None:
    login.write()
    chain = login.chain()
    first = chain.current()
    login.write(RENEWED)
    assert chain.current().secret == LOGIN
    chain.refused(first)
    assert chain.current().secret == RENEWED


def test_a_refused_login_is_left_out_for_five_minutes(login: Login) -> None:
    login.write()
    chain = login.chain()
    chain.refused(chain.current())
    with pytest.raises(ModelUnavailable, match="Anthropic refused it") as refused:
        chain.current()
    assert refused.value.reason == "auth"
    login.environ[API_KEY_VARIABLE] = KEY
    login.now += 301
    assert chain.current().secret == LOGIN


def test_a_refused_login_gives_way_to_the_api_key(login: Login) -> None:
    login.write()
    login.environ = {API_KEY_VARIABLE: KEY}
    chain = login.chain()
    chain.refused(chain.current())
    assert chain.current().secret == KEY


def stand_in(folder: Path, script: str) -> str:
    """A program in place of macOS's ``security`` that writes down how it was called."""
    program = folder / "security"
    lines = ["import json, sys, pathlib, time", f"folder = pathlib.Path({str(folder)!r})"]
    lines.append("(folder / 'called.json').write_text(json.dumps(sys.argv[1:]))")
    program.write_text(f"#!{sys.executable} -I\n" + "\n".join([*lines, script]) + "\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_the_keychain_item_is_read_by_the_documented_command(login: Login, tmp_path: Path) -> None:
    login.write()
    content = login.file.read_text(encoding="utf-8").replace(LOGIN, RENEWED)
    program = stand_in(tmp_path, f"print({content!r})")
    found = login.chain(keychain=program).current()
    assert (found.tier, found.secret, found.kind) == (KEYCHAIN, RENEWED, "oauth")
    chain = Credentials("", {}, chosen=True, keychain=program, now=lambda: NOW)
    assert chain.current().secret == RENEWED
    called = json.loads((tmp_path / "called.json").read_text(encoding="utf-8"))
    assert called == ["find-generic-password", "-s", "Claude Code-credentials", "-w"]


def test_a_folder_of_its_own_has_a_keychain_item_of_its_own(tmp_path: Path) -> None:
    program = stand_in(tmp_path, "sys.exit(44)")
    environ = {"CLAUDE_CONFIG_DIR": "/Users/me/.claude-boost"}
    findings = Credentials("", environ, chosen=True, keychain=program).findings()
    assert [finding.state for finding in findings if finding.tier == KEYCHAIN] == ["absent"]
    called = json.loads((tmp_path / "called.json").read_text(encoding="utf-8"))
    assert called[2].startswith("Claude Code-credentials-") and len(called[2].rpartition("-")[2]) == 8


def test_a_keychain_that_is_locked_gone_or_silent_is_told_and_the_file_used(
    login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login.write()
    program = stand_in(tmp_path, f"print({LOGIN!r}, flush=True); sys.exit(36)")
    assert "status 36" in login.reason(KEYCHAIN, keychain=program)
    assert login.chain(keychain=program).current().tier == FILE
    assert "cannot be run" in login.reason(KEYCHAIN, keychain=str(tmp_path / "none"))
    with monkeypatch.context() as impatient:
        impatient.setattr("extract.providers.credentials._KEYCHAIN_TIMEOUT_S", 0.5)
        program = stand_in(tmp_path, f"print({LOGIN!r}, flush=True); time.sleep(60)")
        assert "unlock the Keychain" in login.reason(KEYCHAIN, keychain=program)
    program = stand_in(tmp_path, "print('not JSON')")
    assert "not JSON" in login.reason(KEYCHAIN, keychain=program)


def test_the_keychain_is_not_asked_unless_anthropic_was_chosen(login: Login, tmp_path: Path) -> None:
    program = stand_in(tmp_path, "sys.exit(44)")
    login.chain(chosen=False, keychain=program).findings()
    assert not (tmp_path / "called.json").exists()


def test_a_secret_is_neither_printed_copied_nor_pickled(login: Login) -> None:
    login.write()
    login.environ = {OAUTH_VARIABLE: "sk-ant-oat01-to ken", API_KEY_VARIABLE: KEY}
    chain = login.chain("sk-ant-broken")
    found = chain.current()
    shown = f"{found} {found!r} {chain} {chain!r} {chain.findings()!r} {[found]}"
    assert all(secret not in shown for secret in ("oat01", "login", "broken", KEY))
    for write in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not written anywhere"):
            write(found)
    chain.refused(found)
    login.environ.clear()
    with pytest.raises(ModelUnavailable) as refused:
        login.chain("sk-ant-broken", chosen=False).current()
    assert "broken" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_findings_say_which_tier_is_used_and_why_the_others_are_not(login: Login) -> None:
    login.write(valid_s=-5)
    login.environ = {API_KEY_VARIABLE: KEY}
    states = {finding.tier: finding.state for finding in login.chain().findings()}
    assert states == {GIVEN: "absent", OAUTH_VARIABLE: "absent", FILE: "refused", API_KEY_VARIABLE: "used"}
    states = {finding.tier: finding.state for finding in login.chain(OTHER_KEY).findings()}
    assert states[GIVEN] == "used"
    assert set(states.values()) == {"used", "not_needed"}
