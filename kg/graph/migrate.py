"""Bring a store's schema, and what stands in it, to the version that this code needs, forward only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from kg.errors import ConfigurationError
from kg.graph import queries
from kg.graph.node_names import name_nodes

if TYPE_CHECKING:
    from kg.graph.store import GraphStore

SCHEMA_VERSION = 12


async def migrate(
    store: GraphStore, *, upgrade: Callable[[int], Awaitable[None]] | None = None, page: int = 1000
) -> int:
    """Install or migrate the schema and return the version found before (0 for an empty store).

    A migration that was killed half-way is done again by the next start; what it had done stays done.

    Args:
        store: the graph.
        upgrade: what has to be done besides, given the version found; it may run again.
        page: how many nodes are brought forward at once.

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
        await name_nodes(store, page)
        if upgrade is not None:
            await upgrade(found)
        await store.write(lambda tx: tx.run(queries.set_schema_version, version=SCHEMA_VERSION), "set_schema_version")
    return found
