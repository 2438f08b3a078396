"""The store as far as no server is needed: versions, addresses, one row or several, errors in words."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from neo4j.exceptions import AuthError, ClientError, Neo4jError, ServiceUnavailable

from kg.errors import ConfigurationError, StoreUnavailable
from kg.graph import queries as graph_queries
from kg.graph.failures import check_version, translate
from kg.graph.store import GraphAddress, GraphStore, Transaction

ADDRESS = GraphAddress("bolt://127.0.0.1:7687", "somebody", "secret", "notes")
URL = ADDRESS.url


@pytest.mark.parametrize(
    "agent", ["Neo4j/5.26.30", "Neo4j/5.26.0", "Neo4j/5.27-aura", "Neo4j/2026.01.0", "Neo4j/6.0-x"]
)
def test_servers_from_5_26_on_are_taken(agent: str) -> None:
    check_version(agent, URL)


@pytest.mark.parametrize("agent", ["Neo4j/5.25.1", "Neo4j/5.25-aura", "Neo4j/4.4.40", "Neo4j/5.3"])
def test_an_older_server_is_refused_with_what_would_do(agent: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{URL} is {agent}, which is too old; Neo4j 5.26 or newer") as caught:
        check_version(agent, URL)
    assert caught.value.setting == "KNOWTHREAD_NEO4J_URL"


@pytest.mark.parametrize("agent", ["", "Neo4j", "Neo4j/dev", "None", "Other/x.y"])
def test_a_server_that_does_not_tell_its_version_is_refused(agent: str) -> None:
    with pytest.raises(ConfigurationError, match="whose version is not known"):
        check_version(agent, URL)


class Canned(GraphStore, Transaction):
    """A store, and a transaction, in which each query answers with the same rows."""

    def __init__(self, rows: list[Any]) -> None:
        self._canned = rows

    async def read(self, query: Any, /, **params: Any) -> list[Any]:
        return self._canned

    run = read


@pytest.mark.parametrize("call", [GraphStore.read_one, GraphStore.find_one, Transaction.run_one, Transaction.find_one])
async def test_the_only_row_is_returned_by_itself(call: Any) -> None:
    assert await call(Canned([{"version": 3}]), graph_queries.schema_version) == {"version": 3}


@pytest.mark.parametrize("call", [GraphStore.read_one, Transaction.run_one])
async def test_no_row_where_one_was_expected_names_the_query(call: Any) -> None:
    with pytest.raises(LookupError, match="schema_version returned 0 rows where exactly one was expected"):
        await call(Canned([]), graph_queries.schema_version)


@pytest.mark.parametrize("call", [GraphStore.find_one, Transaction.find_one])
async def test_a_row_that_is_looked_for_may_be_absent(call: Any) -> None:
    assert await call(Canned([]), graph_queries.schema_version) is None


@pytest.mark.parametrize("call", [GraphStore.read_one, GraphStore.find_one, Transaction.run_one, Transaction.find_one])
async def test_several_rows_where_one_was_expected_are_no_answer(call: Any) -> None:
    with pytest.raises(LookupError, match="schema_version returned 2 rows"):
        await call(Canned([{"version": 3}, {"version": 4}]), graph_queries.schema_version)


async def test_a_query_with_other_parameters_than_it_declares_is_not_sent() -> None:
    with pytest.raises(TypeError, match=r"missing parameters \['day'\], unknown parameters \['days'\]"):
        await GraphStore(ADDRESS).read(graph_queries.spent_tokens, days=1)


async def test_an_address_where_nobody_answers_is_said_so() -> None:
    with socket.socket() as silent:  # bound, so that nobody else gets the port meanwhile
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        store = GraphStore(GraphAddress(f"bolt://127.0.0.1:{port}", "neo4j", "secret"))
        with pytest.raises(StoreUnavailable, match=f"bolt://127.0.0.1:{port} does not answer") as caught:
            await store.connect()
    assert caught.value.retryable and "secret" not in str(caught.value)
    with pytest.raises(StoreUnavailable, match="not connected"):
        await store.read(graph_queries.graph_counts)


async def test_something_else_than_neo4j_is_said_so() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port} does not answer"):
            await GraphStore(GraphAddress(f"bolt://127.0.0.1:{port}", "neo4j", "x")).connect()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:7474", "127.0.0.1:7687", "bolt://", "bolt://127.0.0.1:port", "bolt://nobody.invalid"]
)
async def test_an_unusable_address_names_the_setting(url: str) -> None:
    with pytest.raises((ConfigurationError, StoreUnavailable), match=r"KNOWTHREAD_NEO4J_URL|does not answer"):
        await GraphStore(GraphAddress(url, "neo4j", "x")).connect()


def _failure(code: str) -> Neo4jError:
    return Neo4jError._hydrate_neo4j(code=code, message="a person's text")  # pyright: ignore


def test_a_database_that_is_not_there_is_named_with_its_setting() -> None:
    error = translate(_failure("Neo.ClientError.Database.DatabaseNotFound"), ADDRESS, "graph_counts")
    assert "no database 'notes'" in str(error) and "KNOWTHREAD_NEO4J_DATABASE" in str(error) and not error.retryable


def test_a_login_that_is_locked_out_may_be_tried_again_and_nobody_is_told_to_change_the_password() -> None:
    error = translate(_failure("Neo.ClientError.Security.AuthenticationRateLimit"), ADDRESS, "connect")
    assert error.retryable and "try again" in str(error) and "KNOWTHREAD_NEO4J" not in str(error)


def test_what_the_server_says_is_not_repeated() -> None:
    for failure in (_failure("Neo.ClientError.Statement.SyntaxError"), ClientError("a person's text")):
        error = translate(failure, ADDRESS, "search_facts")
        assert "search_facts failed; the log has" in str(error) and "person" not in str(error) and not error.retryable
    assert "KNOWTHREAD_NEO4J_USER" in str(translate(AuthError(), ADDRESS, "x"))
    assert translate(ServiceUnavailable(), ADDRESS, "x").retryable
