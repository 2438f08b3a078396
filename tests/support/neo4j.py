"""A Neo4j beside the product's own ways to it: queries of the tests, through one kept driver, and wiping it."""

from __future__ import annotations

from typing import Any

from neo4j import Driver, GraphDatabase

from kg.graph.store import GraphAddress

_drivers: dict[GraphAddress, Driver] = {}


def rows(address: GraphAddress, query: str, **params: Any) -> list[dict[str, Any]]:
    """Rows of a query."""
    records, _, _ = _driver(address).execute_query(query, params, database_=address.database)  # pyright: ignore
    return [record.data() for record in records]


def wipe(address: GraphAddress, over: int = 0) -> None:
    """Remove every node, if there are more than ``over``; the schema, and what tells its version, stay."""
    if over and rows(address, "MATCH (n) RETURN count(n) AS many")[0]["many"] <= over:
        return
    with _driver(address).session(database=address.database) as session:
        session.run(
            "MATCH (n) WHERE NOT n:SchemaState CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS"
        ).consume()


def close_drivers() -> None:
    """Close what was kept."""
    while _drivers:
        _drivers.popitem()[1].close()


def _driver(address: GraphAddress) -> Driver:
    if address not in _drivers:
        _drivers[address] = GraphDatabase.driver(address.url, auth=(address.user, address.password))
    return _drivers[address]
