"""Every query file on the real Neo4j: it plans well, keeps partitions apart, and somebody uses it."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from neo4j import AsyncDriver, AsyncGraphDatabase, NotificationMinimumSeverity

import cypher
from kg.errors import ConfigurationError
from kg.graph import queries as graph_queries
from kg.graph.migrate import SCHEMA_VERSION, migrate
from kg.graph.query import Command, Query
from kg.graph.store import GraphAddress, GraphStore
from kg.mending import queries as mending_queries
from tests.support.neo4j import wipe
from tests.support.returns import columns

ROOT = Path(cypher.__file__).parent.parent
QUERIES = cypher.load()
RUNNABLE = sorted(name for name, query in QUERIES.items() if query.mode != "schema")
SCHEMA = sorted(name for name, query in QUERIES.items() if query.mode == "schema")

BY_UUID = "works on uuids that the same transaction has read under the partition's lock, with the user checked"
ALL_USERS = "work or figures of the whole store, never shown to a user with content"
WITHOUT_USER = {
    **dict.fromkeys(
        (
            "create_decisions", "create_merge", "create_version", "delete_memories",
            "delete_merge", "expire_facts", "fallen_decisions", "link_next",
            "move_facts", "remaining_names", "rename_entities", "rest_merge", "set_ends",
        ),
        BY_UUID,
    ),
    **dict.fromkeys(
        (
            "facts_to_check", "index_backlog", "indexed_nodes", "job_states", "needless_tombstones", "queue_nodes",
            "retry_unindexable", "stray_claims", "lease_jobs", "renew_lease", "spent_tokens",
            "deletion_jobs", "existing_nodes", "graph_counts", "index_lag", "list_users",
            "index_work", "requeue_all", "still_unindexed", "misnamed_nodes", "name_nodes",
            "unbound_versions", "partition_users", "partitions_to_count",
        ),
        ALL_USERS,
    ),
}  # fmt: skip
"""Queries that touch a user's nodes without asking for the user, and why that is right."""

MENDS = {name for name, query in vars(mending_queries).items() if isinstance(query, Query | Command)}
"""Queries that look at every node of a user: what a hand broke may be in no index."""

SEES_DELETING = {
    "graph_counts": "figures of the whole store",
    "index_lag": "figures of the whole store",
    "deleting_uuids": "is there to find them",
    "misnamed_nodes": "names what it finds, also what is being erased",
    "raw_nodes": "shows nodes as they are, to mend them",
    "still_unindexed": "answers nothing but which of the given uuids wait",
}
"""Reads of memories that do not exclude those that wait to be erased, and why."""

_NODES = re.compile(r":(Memory|Fact|Entity|Alias|Unindexed)\b")


@pytest.fixture(scope="session")
async def talkative(neo4j_address: GraphAddress, graph: GraphStore) -> AsyncIterator[AsyncDriver]:
    """A driver that tells notifications, unknown names among them, on a store with its schema and nothing else."""
    wipe(neo4j_address)
    async with AsyncGraphDatabase.driver(
        neo4j_address.url,
        auth=(neo4j_address.user, neo4j_address.password),
        notifications_min_severity=NotificationMinimumSeverity.INFORMATION,
    ) as driver:
        yield driver


@pytest.mark.parametrize("name", RUNNABLE)
async def test_a_query_plans_without_a_notification(talkative: AsyncDriver, graph: GraphStore, name: str):
    query = QUERIES[name]
    params = {param: _example(kind) for param, kind in query.params.items()}
    async with talkative.session(database=graph.address.database) as session:
        result = await session.run("EXPLAIN " + query.statement, {"p": params})
        returned, summary = result.keys(), await result.consume()
    assert sorted(returned) == sorted(columns(query.returns)), "the header names other columns"
    told = [status.status_description for status in summary.gql_status_objects if status.is_notification]
    assert not told
    assert "AllNodesScan" not in _operators(summary.plan)
    if (name not in WITHOUT_USER and query.folder != "check" and name not in MENDS) or name == "list_users":
        scanned = {label for label in _scanned_labels(summary.plan) if label in ("Memory", "Fact", "Entity", "Alias")}
        assert not scanned, f"looks at the {scanned} of all users"


@pytest.mark.parametrize(
    "name", [name for name in RUNNABLE if QUERIES[name].folder not in ("check", "report", "browse")]
)
def test_a_query_is_used_by_name(name: str):
    assert name in _called()


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_query_asks_for_the_user_or_says_why_not(name: str):
    query = QUERIES[name]
    asks = "user_id" in query.params
    if name in WITHOUT_USER:
        assert not asks, "needs no exception any more"
    elif _NODES.search(query.text):
        assert asks and "$user_id" in query.text


@pytest.mark.parametrize("name", [name for name in RUNNABLE if QUERIES[name].mode == "read"])
def test_a_read_of_memories_leaves_out_those_that_wait_to_be_erased(name: str):
    text = QUERIES[name].text
    if re.search(r":Memory\b", text) and name not in SEES_DELETING and QUERIES[name].folder != "check":
        assert ":Deleting" in text
    assert name not in SEES_DELETING or SEES_DELETING[name]


def test_the_exceptions_name_queries_that_exist():
    assert WITHOUT_USER.keys() | SEES_DELETING.keys() <= QUERIES.keys()


@pytest.mark.parametrize("name", SCHEMA)
async def test_a_schema_file_may_run_again(graph: GraphStore, name: str):
    await graph.run_schema(name)
    await graph.run_schema(name)


async def test_every_index_of_the_schema_is_online(graph: GraphStore):
    rows, _, _ = await graph.driver.execute_query("SHOW INDEXES YIELD name, state RETURN name, state")
    states = {row["name"]: row["state"] for row in rows}
    assert set(states.values()) == {"ONLINE"}
    declared = {name for query in SCHEMA for name in re.findall(r"(?:INDEX|CONSTRAINT) (\w+)", QUERIES[query].text)}
    assert declared and declared <= states.keys()


async def test_a_newer_schema_is_refused_and_left_alone(graph: GraphStore):
    await graph.write(lambda tx: tx.run(graph_queries.set_schema_version, version=SCHEMA_VERSION + 1), "test")
    try:
        with pytest.raises(ConfigurationError, match="upgrade"):
            await migrate(graph)
        assert (await graph.read_one(graph_queries.schema_version))["version"] == SCHEMA_VERSION + 1
    finally:
        await graph.write(lambda tx: tx.run(graph_queries.set_schema_version, version=SCHEMA_VERSION), "test")
    assert await migrate(graph) == SCHEMA_VERSION


async def test_an_installation_that_was_killed_half_way_is_done_again(graph: GraphStore):
    await graph.driver.execute_query("MATCH (s:SchemaState) DELETE s")
    await graph.driver.execute_query("DROP INDEX fact_claim")
    await graph.driver.execute_query("DROP CONSTRAINT alias_key")
    assert await migrate(graph) == 0
    rows, _, _ = await graph.driver.execute_query("SHOW INDEXES YIELD name RETURN collect(name) AS names")
    assert {"fact_claim", "alias_key"} <= set(rows[0]["names"])
    assert await migrate(graph) == SCHEMA_VERSION
    await graph.driver.execute_query("CALL db.awaitIndexes(120)")


async def test_a_store_of_the_first_version_is_brought_forward_with_what_it_holds(graph: GraphStore):
    run = graph.driver.execute_query
    added = {"entity_user", "tombstone_age", "decision_uuid"}
    for name in added:
        await run(f"DROP INDEX {name}")  # pyright: ignore
    await run("CREATE (:Tombstone {uuid: 'old', user_id: 'x', created_at: datetime()})")
    await run("CREATE (:Tombstone {uuid: 'done', user_id: 'x', created_at: datetime(), applied: true})")
    await graph.write(lambda tx: tx.run(graph_queries.set_schema_version, version=1), "test")
    try:
        assert await migrate(graph) == 1
        assert (await graph.read_one(graph_queries.schema_version))["version"] == SCHEMA_VERSION
        rows, _, _ = await run("SHOW INDEXES YIELD name RETURN collect(name) AS names")
        assert added | {"memory_seq"} <= set(rows[0]["names"])
        rows, _, _ = await run("MATCH (t:Tombstone {user_id: 'x'}) RETURN t.uuid AS uuid, t:Pending AS pending")
        assert {row["uuid"]: row["pending"] for row in rows} == {"old": True, "done": False}
        assert await migrate(graph) == SCHEMA_VERSION
    finally:
        await run("MATCH (t:Tombstone {user_id: 'x'}) DELETE t")
        await run("CALL db.awaitIndexes(120)")


def _example(kind: str) -> Any:
    """A value of a declared parameter's type; an empty one wherever that is allowed."""
    if kind.startswith("list"):
        return []
    values = {"string": "Memory", "integer": 1, "float": 0.5, "boolean": False, "map": {}}
    return (values | {"datetime": datetime.now(UTC)})[kind.removesuffix(" or null")]


def _operators(plan: Any) -> set[str]:
    return {plan["operatorType"].split("@")[0]}.union(*map(_operators, plan.get("children", [])))


def _scanned_labels(plan: Any) -> set[str]:
    """The labels of which a plan looks at every node, in whatever user's partition."""
    own = set[str]()
    if plan["operatorType"].split("@")[0] in ("NodeByLabelScan", "UnionNodeByLabelsScan", "PartitionedNodeByLabelScan"):
        own = set(re.findall(r":(\w+)", plan["args"].get("Details", "")))
    return own.union(*map(_scanned_labels, plan.get("children", [])))


@cache
def _called() -> frozenset[str]:
    """The queries that the code names, as in ``queries.find_entities``."""
    found: set[str] = set()
    for folder in ("kg", "mcp_server"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("queries"):
                    found.add(node.attr)
    return frozenset(found)
