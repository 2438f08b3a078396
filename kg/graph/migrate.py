"""Bring a store's schema to the version that this code needs, forward only."""

from __future__ import annotations

from kg.errors import ConfigurationError
from kg.graph import queries
from kg.graph.store import GraphStore

SCHEMA_VERSION = 3


async def migrate(store: GraphStore) -> int:
    """Install or migrate the schema and return the version found before (0 for an empty store).

    Raises:
        ConfigurationError: the store was written by a newer knowthread.
        DiskFull: there is too little space for a change of the schema.
        StoreUnavailable: the database does not answer.
    """
    state = await store.find_one(queries.schema_version)
    found = state["version"] if state else 0
    if found > SCHEMA_VERSION:
        raise ConfigurationError(
            "schema",
            f"the graph has schema version {found}, this knowthread knows {SCHEMA_VERSION}",
            "upgrade with `uv tool upgrade knowthread`",
        )
    if found < SCHEMA_VERSION:
        store.check_room()
        from kg.graph.schema import install

        await install(store, current=found)
        await store.write(lambda tx: tx.run(queries.set_schema_version, version=SCHEMA_VERSION), "set_schema_version")
    return found
