"""Which scope a call means, from the values that clients send."""

from __future__ import annotations

import pytest

from kg.errors import InvalidInput
from kg.operations.arguments import Session, erase_scope, erase_user, read_scope, write_scope
from kg.operations.scopes import meant_project
from kg.recall.filters import parse_filters
from kg.values import Scope

SESSION = Session(Scope("me", "claude", None, "github.com/acme/shop"), "key")
NOTHING = [None, "", "  ", "null", "None", " undefined", "NULL"]


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_scope_value_that_says_nothing_is_not_given(nothing: object) -> None:
    assert write_scope(SESSION, nothing, nothing, nothing, nothing) == SESSION.scope
    assert read_scope(SESSION, nothing, nothing, nothing, nothing) == Scope("me")


def test_scope_values_are_trimmed_and_composed() -> None:
    found = read_scope(SESSION, " Zoe\u0308\n", "claude ", "\tr1", " shop ")
    assert found == Scope("Zoë", "claude", "r1", "shop") == write_scope(SESSION, "Zoë ", " claude", "r1", "shop ")


def test_a_project_written_as_a_remote_is_the_session_s_own() -> None:
    for project in ("https://github.com/acme/shop", "github.com/Acme/Shop ", "git@github.com:acme/shop.git"):
        assert read_scope(SESSION, None, None, None, project).project == SESSION.scope.project
        assert write_scope(SESSION, None, None, None, project).project == SESSION.scope.project


@pytest.mark.parametrize("nothing", NOTHING[1:])
@pytest.mark.parametrize("at", range(4))
def test_what_is_erased_is_never_widened_by_a_value_that_says_nothing(nothing: object, at: int) -> None:
    given: list[object] = ["zoe", "claude", "r1", "shop"]
    given[at] = nothing
    with pytest.raises(InvalidInput) as caught:
        erase_scope(SESSION, *given)
    assert caught.value.field == ("user_id", "agent_id", "run_id", "project")[at]


def test_an_erasure_names_its_scope() -> None:
    with pytest.raises(InvalidInput):
        erase_scope(SESSION, None, None, None, None)
    assert erase_scope(SESSION, None, None, None, " shop") == Scope("me", project="shop")


@pytest.mark.parametrize("value", ["x" * 257, 7, "two\nlines", ["a"]])
def test_a_scope_value_that_cannot_be_an_id_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_scope(SESSION, None, value, None, None)
    assert caught.value.field == "agent_id"


KNOWN = ["github.com/acme/shop", "web~3fa1", "github.com/acme/api", "example.org/b/api", "GitHub.com/Old/Spelling"]


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("shop", "github.com/acme/shop"),
        ("Acme/Shop", "github.com/acme/shop"),
        ("acme/shop.git", "github.com/acme/shop"),
        ("shop/", "github.com/acme/shop"),
        ("/home/ada/shop", "github.com/acme/shop"),
        ("~/code/web", "web~3fa1"),
        ("C:\\code\\web", "web~3fa1"),
        ("web", "web~3fa1"),
        ("web~3fa1", "web~3fa1"),
        ("api", None),
        ("b/api", "example.org/b/api"),
        ("hop", None),
        ("github.com/old/spelling", "GitHub.com/Old/Spelling"),
    ],
)
def test_a_short_name_means_the_one_project_that_ends_so(short: str, whole: str | None) -> None:
    assert meant_project(short, KNOWN) == whole


def test_a_filter_that_every_match_must_fulfil_names_the_user() -> None:
    assert parse_filters({"user_id": "zoe"}).user() == "zoe"
    assert parse_filters({"AND": [{"topic": "x"}, {"user_id": "zoe"}]}).user() == "zoe"
    assert parse_filters({"user_id": [" zoe "]}).user() == parse_filters({"user_id": "zoe "}).user() == "zoe"
    for other in ({"OR": [{"user_id": "a"}, {"user_id": "b"}]}, {"NOT": [{"user_id": "a"}]}, {"user_id": {"ne": "a"}}):
        assert parse_filters(other).user() is None


@pytest.mark.parametrize("blank", ["", "  ", "null", "None"])
def test_a_blank_user_is_not_taken_for_the_sessions_own_where_something_is_erased(blank: str) -> None:
    with pytest.raises(InvalidInput, match="user_id"):
        erase_user(SESSION, blank)
    assert erase_user(SESSION, None) == SESSION.scope.user_id
    assert erase_user(SESSION, " ada ") == "ada"
