"""Session headers, and which project a folder belongs to."""

import hashlib
import os
from pathlib import Path

import pytest

from kg.errors import InvalidInput
from kg.language.remotes import normalise_project, normalise_remote
from kg.values import Scope
from mcp_server.link.project import detect_project
from mcp_server.link.session import (
    AGENT,
    PROJECT,
    REQUEST_KEY,
    RUN,
    USER,
    decode_value,
    encode_value,
    read_session,
    session_headers,
)
from mcp_server.tools.tools import session_of


@pytest.mark.parametrize(
    "text", ["", "plain", "a b%20c", "Zoë ✓ 🎈", "line\nbreak\r\x00", "github.com/o/n", "%", "%zz%4"]
)
def test_any_text_survives_as_a_header_value(text: str) -> None:
    value = encode_value(text)
    assert value.isascii() and all(33 <= ord(c) < 127 for c in value)
    assert decode_value(value) == text


def test_a_value_that_is_not_percent_encoded_utf8_is_still_read() -> None:
    assert decode_value("%FF%FEx") == "\ufffd\ufffdx"
    assert decode_value("100%") == "100%"


@pytest.mark.parametrize(
    ("url", "project"),
    [
        ("https://github.com/Owner/Name.git", "github.com/owner/name"),
        ("https://user:s3cret@GitHub.com/owner/name", "github.com/owner/name"),
        ("https://ghp_token@github.com/owner/name/", "github.com/owner/name"),
        ("git@github.com:owner/name.git", "github.com/owner/name"),
        ("github.com:owner/name", "github.com/owner/name"),
        ("ssh://git@git.example.org:2222/group/sub/Name.git", "git.example.org/group/sub/Name"),
        ("git://example.org//a//b.git", "example.org/a/b"),
        ("https://example.org/a/b.git?token=x#y", "example.org/a/b"),
        ("https://o:p@a:8443/b", "a/b"),
        ("user@[::1]:repo.git", "[::1]/repo"),
        ("ssh://git@ssh.github.com:443/acme/shop.git", "github.com/acme/shop"),
        ("ssh://git@altssh.gitlab.com:443/acme/shop.git", "gitlab.com/acme/shop"),
        ("https://www.github.com/acme/shop.git", "github.com/acme/shop"),
        ("git@github.com-work:acme/shop.git", "github.com/acme/shop"),
        ("ssh://git@gitlab.com-me_2/acme/shop", "gitlab.com/acme/shop"),
        ("git@github.company.org:acme/Shop.git", "github.company.org/acme/Shop"),
        ("git@github-work:acme/shop.git", "github.com/acme/shop"),
        ("ssh://git@me_gitlab/acme/shop.git", "gitlab.com/acme/shop"),
        ("git@ssh.dev.azure.com:v3/acme/web/Shop", "dev.azure.com/acme/web/Shop"),
        ("https://acme@dev.azure.com/acme/web/_git/Shop", "dev.azure.com/acme/web/Shop"),
        ("https://github.com/acme/shop/issues/3", "github.com/acme/shop"),
        ("https://gitlab.com/acme/web/shop/-/merge_requests/3", "gitlab.com/acme/web/shop"),
        ("HTTPS://GITHUB.COM/ACME/SHOP.GIT/", "github.com/acme/shop"),
        ("git@example.org-work:acme/shop", "example.org-work/acme/shop"),
        ("/srv/git/name.git", None),
        ("../name", None),
        ("./a:b", None),
        ("file:///srv/git/name.git", None),
        ("https://example.org/", None),
        ("https://example.org/" + "x" * 300, None),
        ("", None),
    ],
)
def test_remotes_of_one_repository_are_one_project(url: str, project: str | None) -> None:
    assert normalise_remote(url) == project


@pytest.mark.parametrize(
    "name",
    [
        "github.com/acme/shop",
        "https://github.com/acme/shop",
        "github.com/Acme/Shop",
        "git@github.com:acme/shop.git",
        "ssh://git@ssh.github.com:443/acme/shop",
        "www.github.com/acme/shop/",
        "github.com:acme/shop",
        "ssh.github.com:443/acme/shop",
        "https://github.com/acme/shop/tree/main",
        "github:acme/shop",
        "gh:Acme/Shop",
    ],
)
def test_a_project_in_any_spelling_of_its_remote_is_one(name: str) -> None:
    assert normalise_project(name) == "github.com/acme/shop"


@pytest.mark.parametrize("name", ["shop", "Team: Shop", "team:shop", "Acme/Shop", "v1.2/Beta", "/srv/git/a.git", "a b"])
def test_a_project_that_is_no_remote_keeps_its_spelling(name: str) -> None:
    assert normalise_project(name) == name


def _place(folder: Path, name: str | None = None) -> str:
    """The project of a folder without a remote."""
    return f"{name or folder.name}~{hashlib.sha256(os.fsencode(folder)).hexdigest()[:4]}"


def _checkout(folder: Path, config: str = "") -> Path:
    git = folder / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(config)
    return folder


ORIGIN = '[core]\n\tbare = false\n[remote "origin"]\n\turl = git@github.com:o/n.git ; old\n\tfetch = +refs\n'


def test_project_is_the_remote_from_any_folder_below(tmp_path: Path) -> None:
    inner = _checkout(tmp_path / "clone", ORIGIN) / "a" / "b"
    inner.mkdir(parents=True)
    assert detect_project(inner) == "github.com/o/n"


def test_origin_wins_over_other_remotes_and_the_first_other_one_stands_in(tmp_path: Path) -> None:
    other = '[remote "fork"]\n  url = https://example.org/me/n\n'
    assert detect_project(_checkout(tmp_path / "both", other + ORIGIN)) == "github.com/o/n"
    assert detect_project(_checkout(tmp_path / "one", other)) == "example.org/me/n"


@pytest.mark.parametrize(
    "config",
    [
        '[remote "origin"] url = "https://example.org/a/b"\n',
        '[Remote "origin"]\n URL=https://example.org/a/b # x\n',
        '\ufeff\n[remote "origin"]\n\tpushurl = https://example.org/x/y\n\turl = https://example.org/a/b',
    ],
)
def test_git_configuration_is_read_as_git_does(tmp_path: Path, config: str) -> None:
    assert detect_project(_checkout(tmp_path / "c", config)) == "example.org/a/b"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without a git configuration, unless a test writes one."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


SHORT = '[remote "origin"]\n\turl = gh:acme/shop\n'
INSTEAD = (
    '[url "https://github.com/"]\n\tinsteadOf = gh:\n\tinsteadOf = hub:\n[url "https://x.org/"]\n\tinsteadOf = g\n'
)


def test_a_short_remote_is_read_as_the_configuration_says(tmp_path: Path, home: Path) -> None:
    assert detect_project(_checkout(tmp_path / "own", SHORT + INSTEAD)) == "github.com/acme/shop"
    wide = _checkout(tmp_path / "wide", SHORT)
    assert detect_project(wide) == "gh/acme/shop"
    (home / ".gitconfig").write_text(INSTEAD + '[remote "origin"]\n\turl = https://example.org/not/this\n')
    assert detect_project(wide) == "github.com/acme/shop"


def test_two_folders_of_one_name_are_two_projects_and_a_link_is_none(tmp_path: Path) -> None:
    a, b = tmp_path / "a" / "web", tmp_path / "b" / "web"
    a.mkdir(parents=True)
    b.mkdir(parents=True)
    (tmp_path / "web").symlink_to(a)
    found = [detect_project(folder) for folder in (a, b, tmp_path / "web")]
    assert found == [_place(a), _place(b), _place(a)] and found[0] != found[1]
    long = tmp_path / ("x" * 255)
    long.mkdir()
    assert detect_project(long) == _place(long, "x" * 251)


def test_without_a_usable_remote_the_root_folder_names_the_project(tmp_path: Path) -> None:
    root = _checkout(tmp_path / "my tool", '[remote "origin"]\n\turl = ../elsewhere.git\n')
    (root / "src").mkdir()
    assert detect_project(root / "src") == _place(root)


def test_a_worktree_is_the_project_of_its_repository(tmp_path: Path) -> None:
    main = _checkout(tmp_path / "main", ORIGIN)
    own = main / ".git" / "worktrees" / "fix"
    own.mkdir(parents=True)
    (own / "commondir").write_text("../..\n")
    tree = tmp_path / "fix"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert detect_project(tree) == "github.com/o/n"
    (main / ".git" / "config").write_text("")
    assert detect_project(tree) == _place(main)


def test_a_submodule_is_its_own_project(tmp_path: Path) -> None:
    main = _checkout(tmp_path / "main", ORIGIN)
    own = main / ".git" / "modules" / "lib"
    own.mkdir(parents=True)
    (own / "config").write_text('[remote "origin"]\n\turl = https://example.org/lib\n')
    (own / "HEAD").write_text("")
    (main / "lib").mkdir()
    (main / "lib" / ".git").write_text("gitdir: ../.git/modules/lib\n")
    assert detect_project(main / "lib") == "example.org/lib"
    (own / "config").write_text("")
    assert detect_project(main / "lib") == _place(main / "lib")


def test_outside_git_the_folder_names_the_project(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert detect_project(tmp_path / "notes") == _place(tmp_path / "notes")
    assert detect_project(Path("/")) is None


def test_odd_git_entries_do_no_harm(tmp_path: Path) -> None:
    for name, content in [("empty", ""), ("lost", "gitdir: /nowhere/at/all\n"), ("noise", "\x00\xff gitdir")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / ".git").write_text(content)
        assert detect_project(tmp_path / name) == _place(tmp_path / name)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / ".git")
    assert detect_project(tmp_path / "pipe") == _place(tmp_path / "pipe")
    broken = _checkout(tmp_path / "broken")
    (broken / ".git" / "config").unlink()
    os.mkfifo(broken / ".git" / "config")
    assert detect_project(broken) == _place(broken)


def test_a_session_is_read_back_as_it_was_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    sent = session_headers({"KNOWTHREAD_USER_ID": " Zoë ", "KNOWTHREAD_RUN_ID": "", "KNOWTHREAD_AGENT_ID": "a/b"})
    assert set(sent) == {USER, "knowthread-agent", PROJECT}
    session = read_session(sent | {REQUEST_KEY: "k1"})
    assert session == ("Zoë", "a/b", None, _place(tmp_path), "k1")


def test_a_named_project_is_not_detected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(_checkout(tmp_path / "c", ORIGIN))
    assert read_session(session_headers({"KNOWTHREAD_PROJECT": "mine"})).project == "mine"
    assert read_session(session_headers({})).project == "github.com/o/n"


def test_a_current_folder_that_is_gone_names_no_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert session_headers({}) == {}


def test_a_folder_name_with_control_characters_is_made_usable(tmp_path: Path) -> None:
    odd = tmp_path / "two\nlines\x7f\x85 \t"
    odd.mkdir()
    assert detect_project(odd) == _place(odd, "two lines")
    assert detect_project(tmp_path / "\x01\x02") is None


@pytest.mark.parametrize("value", ["x" * 257, "x" * 9000, "null\0byte", "two\nlines"])
@pytest.mark.parametrize(
    ("header", "setting"),
    [
        (USER, "KNOWTHREAD_USER_ID"),
        (AGENT, "KNOWTHREAD_AGENT_ID"),
        (RUN, "KNOWTHREAD_RUN_ID"),
        (PROJECT, "KNOWTHREAD_PROJECT"),
        (REQUEST_KEY, "header knowthread-request-key"),
    ],
)
def test_a_session_of_unusable_values_is_refused_by_header_and_setting(header: str, setting: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        session_of({header: encode_value(value)}, "somebody")
    assert setting in caught.value.field and header in caught.value.field


def test_scope_values_of_a_session_are_trimmed_composed_and_may_say_nothing() -> None:
    sent = {USER: " Zoe\u0308 ", AGENT: "undefined", RUN: " ", PROJECT: "git@github.com:Acme/shop.git"}
    scope = session_of({header: encode_value(value) for header, value in sent.items()}, "somebody").scope
    assert scope == Scope("Zoë", None, None, "github.com/acme/shop")
    assert session_of({USER: "null"}, "somebody").scope.user_id == "somebody"


def test_a_default_user_is_checked_as_one_of_a_header_is() -> None:
    assert session_of({}, "x" * 256).scope.user_id == "x" * 256
    with pytest.raises(InvalidInput, match="KNOWTHREAD_USER_ID"):
        session_of({}, "two\nlines")


def test_no_value_is_so_long_that_an_http_server_refuses_it_without_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    sent = session_headers({"KNOWTHREAD_USER_ID": "é" * 100_000})
    assert len(sent[USER]) < 8000
    with pytest.raises(InvalidInput, match="characters are too many"):
        session_of(sent, "somebody")
